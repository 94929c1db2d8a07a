//! The syntax tree of a search, after macro expansion. Spans are byte ranges of the expanded text.

use std::ops::Range;

/// A byte range of the expanded search text, half-open.
pub type Span = Range<usize>;

/// Something with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// What stands there.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

/// A whole search: its base search, then its commands in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The terms before the first `|`.
    pub base: SearchExpr,
    /// The commands after it.
    pub commands: Vec<Spanned<Command>>,
}

/// The boolean expression of `search` and of the base search. Parsed with Splunk's precedence:
/// parentheses, NOT, OR, (implicit) AND.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchExpr {
    /// Every one holds; empty means everything matches (`search *`).
    And(Vec<SearchExpr>),
    /// At least one holds.
    Or(Vec<SearchExpr>),
    /// The inner one does not hold.
    Not(Box<SearchExpr>),
    /// One comparison or bare term.
    Term(Spanned<SearchTerm>),
}

/// One term of a search expression.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchTerm {
    /// `field = value`, `field != value`, `field < value`, ...
    Compare {
        /// The field's name, unquoted.
        field: String,
        /// The operator.
        op: CompareOp,
        /// The value, unquoted and unescaped; `*` is a wildcard (also within quotes, as in Splunk).
        value: String,
    },
    /// `field IN (a, b*)`.
    In {
        /// The field's name.
        field: String,
        /// The values; `*` is a wildcard.
        values: Vec<String>,
    },
    /// A bare term or quoted phrase, searched in `_raw`.
    Raw(String),
}

/// Comparison operators of `search` and of `eval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=` (and `==` in eval)
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// One command of the pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `search <expr>`
    Search(SearchExpr),
    /// `where <expr>`
    Where(Spanned<Expr>),
    /// `eval a = expr, b = expr`
    Eval(Vec<(Spanned<String>, Spanned<Expr>)>),
    /// `rename a as b, c.* as d.*`
    Rename(Vec<(Spanned<String>, Spanned<String>)>),
    /// `fields [+|-] a, b*`
    Fields {
        /// False for `fields - ...`.
        keep: bool,
        /// Field names, wildcards allowed.
        fields: Vec<Spanned<String>>,
    },
    /// `table a b*`
    Table(Vec<Spanned<String>>),
    /// `fillnull [value=V] [a b]`
    FillNull {
        /// Replacement; `0` where the search names none.
        value: String,
        /// The fields; empty means every field that the rest of the pipeline names.
        fields: Vec<Spanned<String>>,
    },
    /// `bin|bucket <field> span=<n><unit> [as <name>]`
    Bin {
        /// The field.
        field: Spanned<String>,
        /// The span, as written.
        span: BinSpan,
        /// `as <name>`, otherwise the field itself.
        output: Option<Spanned<String>>,
    },
    /// `stats <agg> [as name], ... [by f, g]`
    Stats(StatsCommand),
    /// `eventstats <agg> [as name], ... [by f, g]`
    EventStats(StatsCommand),
    /// `spath [input=f] [output=f] [path=p]`
    Spath {
        /// The field that holds JSON; `_raw` where the search names none.
        input: String,
        /// The field to write; the path itself where the search names none.
        output: Option<String>,
        /// What to extract; none extracts every field.
        path: Option<String>,
    },
    /// `mvexpand <field> [limit=n]`
    MvExpand {
        /// The multivalue field.
        field: Spanned<String>,
        /// At most so many rows of one; 0 means no limit.
        limit: u64,
    },
    /// `rex [field=f] [max_match=n] "<regex>"`
    Rex {
        /// The field to look in; `_raw` where the search names none.
        field: String,
        /// The regular expression; its named groups become fields.
        pattern: Spanned<String>,
        /// How many matches are taken; 0 means all.
        max_match: u64,
    },
    /// `dedup [n] <fields> [keepempty=b] [consecutive=b]`
    Dedup {
        /// How many rows of one combination of values are kept.
        keep: u64,
        /// The fields.
        fields: Vec<Spanned<String>>,
        /// Whether rows that lack a field are kept.
        keep_empty: bool,
        /// Whether only neighbours are compared.
        consecutive: bool,
    },
    /// `sort [n] [+|-]<field>, ...`
    Sort {
        /// At most so many rows; 0 means all. Splunk's default is 10,000.
        limit: u64,
        /// What is compared, the most important first.
        keys: Vec<Spanned<SortKey>>,
    },
    /// `head [n]`
    Head {
        /// How many rows; 10 where the search names none.
        limit: u64,
    },
    /// `append [search <terms> | <command> ...]`
    Append(Pipeline),
    /// `join [options] [fields] [search <terms> | <command> ...]`
    Join(JoinCommand),
    /// `lookup <table> <column> [as <field>] ... output|outputnew <column> [as <field>] ...`
    Lookup(LookupCommand),
    /// `convert [timeformat=".."] ctime(f) [as g] ...`
    Convert {
        /// The strftime format.
        timeformat: String,
        /// Function (`ctime`, `mktime`, `num`, ...), field, optional output.
        conversions: Vec<Spanned<Conversion>>,
    },
}

/// `join`.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinCommand {
    /// `type=left` or `type=outer`: rows without a match stay; otherwise they are dropped.
    pub keeps_unmatched: bool,
    /// How many rows of the subsearch are joined to one; 0 means all, 1 where the search names no number.
    pub max: u64,
    /// Whether the subsearch's columns replace those of the same name; true where the search does not say.
    pub overwrite: bool,
    /// The fields that must agree; empty means every column that both have.
    pub fields: Vec<Spanned<String>>,
    /// The search whose rows are joined.
    pub subsearch: Pipeline,
}

/// `lookup`.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupCommand {
    /// The table's name in the configuration.
    pub table: Spanned<String>,
    /// What must agree; at least one.
    pub inputs: Vec<LookupField>,
    /// `outputnew`: fields that exist stay as they are.
    pub keeps_existing: bool,
    /// What is written; at least one.
    pub outputs: Vec<LookupField>,
}

/// A column of a lookup and the field that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupField {
    /// The column.
    pub column: Spanned<String>,
    /// `as <field>`, otherwise the column's name.
    pub field: String,
}

/// One key of `sort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Whether the largest comes first.
    pub descending: bool,
    /// How values are compared.
    pub order: SortOrder,
}

/// How `sort` compares values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// As numbers or addresses where they are such, otherwise as text.
    Auto,
    /// As text.
    Text,
    /// As numbers.
    Number,
    /// As IP addresses.
    Ip,
}

/// The span of `bin`, above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinSpan {
    /// A time span in milliseconds (`5m`), only for `_time`.
    Time(i64),
    /// A plain number (`10`). Of `_time` it is seconds, and so a time span.
    Number(f64),
}

/// One conversion of `convert`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversion {
    /// The function's name, in lower case.
    pub function: String,
    /// The field.
    pub field: String,
    /// `as <name>`, otherwise the field itself.
    pub output: Option<String>,
}

/// `stats`.
#[derive(Clone, Debug, PartialEq)]
pub struct StatsCommand {
    /// The aggregates in the order written.
    pub aggregates: Vec<Spanned<Aggregate>>,
    /// The by-fields in the order written.
    pub by: Vec<Spanned<String>>,
}

/// One aggregate of `stats`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Function name in lower case, without digits of `perc95` (they are in `parameter`).
    pub function: String,
    /// `95` of `perc95`.
    pub parameter: Option<f64>,
    /// The argument: a field, or `eval(<expr>)`; none for `count`.
    pub argument: Option<AggregateArgument>,
    /// The column: `as <name>`, otherwise the text as written (`count`, `values(x)`).
    pub output: String,
}

/// What an aggregate reads.
#[derive(Clone, Debug, PartialEq)]
pub enum AggregateArgument {
    /// A field.
    Field(String),
    /// `eval(<expr>)`.
    Eval(Spanned<Expr>),
}

/// An `eval` or `where` expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// A double-quoted string.
    Text(String),
    /// A field: a bare word without dots, or anything in single quotes.
    Field(String),
    /// `- x`, `NOT x`
    Unary(UnaryOp, Box<Spanned<Expr>>),
    /// `a op b`
    Binary(BinaryOp, Box<Spanned<Expr>>, Box<Spanned<Expr>>),
    /// `f(a, b)`; name in lower case.
    Call(String, Vec<Spanned<Expr>>),
    /// `x IN (a, b)` and `in(x, a, b)`.
    In(Box<Spanned<Expr>>, Vec<Spanned<Expr>>),
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `NOT`
    Not,
}

/// Binary operators. Precedence, tightest first: `*` `/` `%`; `+` `-`; `.`; comparisons, LIKE; NOT; AND; OR, XOR.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinaryOp {
    /// `+` (numbers add, two texts concatenate)
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `.` concatenation
    Concat,
    /// A comparison.
    Compare(CompareOp),
    /// `LIKE`
    Like,
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `XOR`
    Xor,
}
