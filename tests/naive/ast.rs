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
