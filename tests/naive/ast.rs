//! The searches that the generator makes, in a tree of their own: what is printed is what the evaluator walks.

/// A search: its base, then its commands.
#[derive(Clone, Debug)]
pub struct Search {
    pub base: Terms,
    pub commands: Vec<Command>,
}

/// What `search` and the base search understand.
#[derive(Clone, Debug)]
pub enum Terms {
    /// `*`
    Everything,
    /// Terms side by side; `AND` is written where the flag says so.
    All(Vec<Terms>, bool),
    Any(Vec<Terms>),
    Not(Box<Terms>),
    Compare(String, &'static str, String),
    In(String, Vec<String>),
    Raw(String),
}

/// A command.
#[derive(Clone, Debug)]
pub enum Command {
    Search(Terms),
    Where(Expr),
    Eval(Vec<(String, Expr)>),
    Rename(Vec<(String, String)>),
    Fields {
        keep: bool,
        names: Vec<String>,
    },
    Table(Vec<String>),
    FillNull {
        value: Option<String>,
        names: Vec<String>,
    },
    /// `bin _time`, the span in seconds.
    BinTime {
        seconds: i64,
        output: Option<String>,
    },
    BinNumber {
        field: String,
        span: i64,
        output: Option<String>,
    },
    Stats(Stats),
    EventStats(Stats),
    Ctime {
        format: Option<&'static str>,
        field: String,
        output: Option<String>,
    },
    /// The macro that stands for `convert`.
    CtimeMacro(String),
    Spath {
        input: Option<String>,
        output: Option<String>,
        path: Option<String>,
    },
    MvExpand {
        field: String,
        limit: usize,
    },
    Rex {
        field: Option<String>,
        pattern: &'static str,
        max_match: Option<usize>,
    },
    Dedup {
        keep: usize,
        fields: Vec<String>,
        keep_empty: bool,
        consecutive: bool,
    },
    Sort {
        limit: Option<usize>,
        keys: Vec<(String, bool, Order)>,
    },
    Head(Option<usize>),
    /// `convert`, other than `ctime`.
    Convert {
        function: &'static str,
        field: String,
        output: Option<String>,
    },
    Append(Search),
    Join {
        fields: Vec<String>,
        keeps_unmatched: bool,
        max: Option<usize>,
        overwrite: bool,
        subsearch: Search,
    },
    /// Of the one table that there is.
    Lookup {
        /// Column and field.
        inputs: Vec<(&'static str, String)>,
        outputs: Vec<(&'static str, String)>,
        keeps_existing: bool,
    },
    /// A filter macro that nobody defined: everything passes.
    FilterMacro,
}

/// How a key of `sort` is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Auto,
    Text,
    Number,
    Address,
}

/// `stats` and `eventstats`.
#[derive(Clone, Debug)]
pub struct Stats {
    pub aggregates: Vec<Aggregate>,
    pub by: Vec<String>,
}

/// One aggregate.
#[derive(Clone, Debug)]
pub struct Aggregate {
    pub function: &'static str,
    /// The number of `perc`.
    pub parameter: Option<f64>,
    pub argument: Argument,
    pub output: Option<String>,
}

/// What an aggregate reads.
#[derive(Clone, Debug)]
pub enum Argument {
    Nothing,
    Field(String),
    /// `eval(...)`: a condition selects, an expression gives a value.
    Condition(Expr),
    Value(Expr),
}

/// What `eval` and `where` understand.
#[derive(Clone, Debug)]
pub enum Expr {
    Number(&'static str),
    Text(String),
    Field(String),
    Minus(Box<Expr>),
    Not(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Call(&'static str, Vec<Expr>),
    In(Box<Expr>, Vec<Expr>),
    SearchMatch(Terms),
}

impl Aggregate {
    /// The name of its column: what it is called, or as it is written.
    pub fn column(&self) -> String {
        match (&self.output, &self.argument) {
            (Some(output), _) => output.clone(),
            (None, Argument::Field(field)) => format!("{}{}({field})", self.function, self.number()),
            (None, _) => format!("{}{}", self.function, self.number()),
        }
    }

    pub fn number(&self) -> String {
        self.parameter.map(|number| number.to_string()).unwrap_or_default()
    }
}

/// The columns of the table that searches look things up in, and how each is compared.
pub const TABLE_COLUMNS: [&str; 5] = ["k", "like", "net", "o", "p"];
/// Its rows. Case is ignored, and no more than two rows agree with one record.
pub const TABLE: [[&str; 5]; 8] = [
    ["a", "*", "10.0.0.0/8", "1", "x"],
    ["A", "a*", "10.0.0.0/29", "2", ""],
    ["b", "*b", "192.168.7.7", "3", "y"],
    ["5", "*.*", "no network", "4", "x"],
    ["ab", "GetUser", "0.0.0.0/0", "", "z"],
    ["", "*", "10.0.0.9", "5", "x"],
    ["É", "*é*", "", "6", "é"],
    ["b", "x y", "0.0.0.0/0", "7", "w"],
];
