//! Searches as text, with no more parentheses than the precedence of the two languages asks for.

use std::fmt::{Display, Formatter, Result};

use crate::ast::{Aggregate, Argument, Command, Expr, Order, Search, Stats, Terms};

impl Display for Search {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.base)?;
        self.commands.iter().try_for_each(|command| write!(f, " | {command}"))
    }
}

impl Display for Terms {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::All(terms, explicit) => {
                f.write_str(&joined(terms, if *explicit { " AND " } else { " " }, |t| matches!(t, Self::All(..))))
            }
            Self::Any(terms) => f.write_str(&joined(terms, " OR ", |t| matches!(t, Self::All(..) | Self::Any(_)))),
            Self::Not(inner) => match **inner {
                Self::All(..) | Self::Any(_) | Self::Not(_) => write!(f, "NOT ({inner})"),
                _ => write!(f, "NOT {inner}"),
            },
            Self::Compare(field, op, value) => write!(f, "{}{op}{}", word(field), word(value)),
            Self::In(field, values) => {
                write!(f, "{} IN ({})", word(field), values.iter().map(|v| word(v)).collect::<Vec<_>>().join(", "))
            }
            Self::Raw(text) => f.write_str(&word(text)),
        }
    }
}

fn joined(terms: &[Terms], between: &str, in_parentheses: fn(&Terms) -> bool) -> String {
    let shown = |term: &Terms| if in_parentheses(term) { format!("({term})") } else { term.to_string() };
    terms.iter().map(shown).collect::<Vec<_>>().join(between)
}

/// A word of `search`: quoted unless it is plain.
fn word(text: &str) -> String {
    let plain = !text.is_empty()
        && !["AND", "OR", "NOT", "IN", "TERM", "CASE", "PREFIX", "search"].contains(&text)
        && text.chars().all(|c| c.is_alphanumeric() || "_.-*:{}/".contains(c));
    if plain {
        return text.to_owned();
    }
    // Wildcards may stand outside the quotes.
    let inner = text.trim_matches('*');
    match text.split_once(inner) {
        Some((before, behind)) if !inner.is_empty() => format!("{before}{}{behind}", quoted(inner)),
        _ => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A name where commands take names.
fn name(text: &str) -> String {
    if text.chars().all(|c| c.is_alphanumeric() || "_.*{}".contains(c)) { text.to_owned() } else { quoted(text) }
}

fn names(of: &[String], between: &str) -> String {
    of.iter().map(|text| name(text)).collect::<Vec<_>>().join(between)
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Search(terms) => write!(f, "search {terms}"),
            Self::Where(expr) => write!(f, "where {expr}"),
            Self::Eval(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(target, expr)| format!("{}={expr}", name(target))).collect();
                write!(f, "eval {}", pairs.join(", "))
            }
            Self::Rename(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(from, to)| format!("{} as {}", name(from), name(to))).collect();
                write!(f, "rename {}", pairs.join(", "))
            }
            Self::Fields { keep, names: list } => {
                write!(f, "fields {}{}", if *keep { "" } else { "- " }, names(list, ", "))
            }
            Self::Table(list) => write!(f, "table {}", names(list, " ")),
            Self::FillNull { value, names: list } => {
                let value = value.as_ref().map(|value| format!(" value={}", quoted(value))).unwrap_or_default();
                write!(f, "fillnull{value} {}", names(list, " "))
            }
            Self::BinTime { seconds, output } => write!(f, "bin _time span={seconds}s{}", renamed(output)),
            Self::BinNumber { field, span, output } => write!(f, "bin {} span={span}{}", name(field), renamed(output)),
            Self::Stats(stats) => write!(f, "stats {stats}"),
            Self::EventStats(stats) => write!(f, "eventstats {stats}"),
            Self::Ctime { format, field, output } => {
                let format = format.map(|format| format!(" timeformat=\"{format}\"")).unwrap_or_default();
                write!(f, "convert{format} ctime({}){}", name(field), renamed(output))
            }
            Self::CtimeMacro(field) => write!(f, "`security_content_ctime({field})`"),
            Self::FilterMacro => f.write_str("`anything_filter`"),
            Self::Head(limit) => write!(f, "head{}", limit.map(|n| format!(" {n}")).unwrap_or_default()),
            Self::Convert { function, field, output } => {
                write!(f, "convert timeformat=\"%Y-%m-%d\" {function}({}){}", name(field), renamed(output))
            }
            Self::Append(_) | Self::Join { .. } | Self::Lookup { .. } => self.fmt_others(f),
            _ => self.fmt_rows(f),
        }
    }
}

fn renamed(output: &Option<String>) -> String {
    output.as_ref().map(|output| format!(" as {}", name(output))).unwrap_or_default()
}

impl Command {
    /// The commands that take in what is not in the event.
    fn fmt_others(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Append(subsearch) => write!(f, "append [search {subsearch}]"),
            Self::Join { fields, keeps_unmatched, max, overwrite, subsearch } => {
                let kind = if *keeps_unmatched { " type=left" } else { "" };
                let max = max.map(|max| format!(" max={max}")).unwrap_or_default();
                let overwrite = if *overwrite { "" } else { " overwrite=false" };
                write!(f, "join{kind}{max}{overwrite} {} [search {subsearch}]", names(fields, " "))
            }
            Self::Lookup { inputs, outputs, keeps_existing } => {
                let list = |pairs: &[(&str, String)]| {
                    let pair = |(column, field): &(&str, String)| format!("{column} AS {}", name(field));
                    pairs.iter().map(pair).collect::<Vec<_>>().join(", ")
                };
                let mode = if *keeps_existing { "OUTPUTNEW" } else { "OUTPUT" };
                write!(f, "lookup table {} {mode} {}", list(inputs), list(outputs))
            }
            other => unreachable!("{other:?} is printed elsewhere"),
        }
    }

    /// The commands with options of their own.
    fn fmt_rows(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Spath { input, output, path } => {
                let option = |key: &str, value: &Option<String>| {
                    value.as_ref().map(|value| format!(" {key}={}", word(value))).unwrap_or_default()
                };
                write!(f, "spath{}{}{}", option("input", input), option("output", output), option("path", path))
            }
            Self::MvExpand { field, limit } => {
                write!(f, "mvexpand {}", name(field))?;
                if *limit > 0 { write!(f, " limit={limit}") } else { Ok(()) }
            }
            Self::Rex { field, pattern, max_match } => {
                let field = field.as_ref().map(|field| format!(" field={}", word(field))).unwrap_or_default();
                let max = max_match.map(|max| format!(" max_match={max}")).unwrap_or_default();
                write!(f, "rex{field}{max} \"{}\"", pattern.replace('"', "\\\""))
            }
            Self::Dedup { keep, fields, keep_empty, consecutive } => {
                let keep = if *keep > 1 { format!(" {keep}") } else { String::new() };
                write!(f, "dedup{keep} {}", names(fields, " "))?;
                if *keep_empty {
                    write!(f, " keepempty=true")?;
                }
                if *consecutive { write!(f, " consecutive=true") } else { Ok(()) }
            }
            Self::Sort { limit, keys } => {
                let limit = limit.map(|limit| format!(" {limit}")).unwrap_or_default();
                write!(f, "sort{limit} {}", keys.iter().map(sort_key).collect::<Vec<_>>().join(", "))
            }
            other => unreachable!("{other:?} is printed above"),
        }
    }
}

fn sort_key((field, descending, order): &(String, bool, Order)) -> String {
    let sign = if *descending { "-" } else { "" };
    match order {
        Order::Auto => format!("{sign}{}", name(field)),
        Order::Text => format!("{sign}str({})", name(field)),
        Order::Number => format!("{sign}num({})", name(field)),
        Order::Address => format!("{sign}ip({})", name(field)),
    }
}

impl Display for Stats {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.aggregates.iter().map(Aggregate::to_string).collect::<Vec<_>>().join(" "))?;
        if self.by.is_empty() { Ok(()) } else { write!(f, " by {}", names(&self.by, " ")) }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let call = format!("{}{}", self.function, self.number());
        match &self.argument {
            Argument::Nothing => write!(f, "{call}")?,
            Argument::Field(field) => write!(f, "{call}({})", name(field))?,
            Argument::Condition(expr) | Argument::Value(expr) => write!(f, "{call}(eval({expr}))")?,
        }
        f.write_str(&renamed(&self.output))
    }
}

/// How tightly an operator of `eval` binds.
fn binds(op: &str) -> u8 {
    match op {
        "XOR" => 0,
        "OR" => 1,
        "AND" => 2,
        "=" | "!=" | "<" | "<=" | ">" | ">=" | "LIKE" => 4,
        "." => 5,
        "+" | "-" => 6,
        _ => 7,
    }
}

impl Expr {
    fn binds(&self) -> u8 {
        match self {
            Self::Binary(op, ..) => binds(op),
            Self::Not(_) => 3,
            Self::In(..) => 4,
            Self::Minus(_) => 8,
            _ => 9,
        }
    }

    /// In parentheses where it binds less tightly than its place demands.
    fn at(&self, least: u8) -> String {
        if self.binds() < least { format!("({self})") } else { self.to_string() }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let list = |items: &[Expr]| items.iter().map(Expr::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Field(field) if field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => f.write_str(field),
            Self::Field(field) => write!(f, "'{field}'"),
            Self::Minus(inner) => write!(f, "-{}", inner.at(9)),
            Self::Not(inner) => write!(f, "NOT {}", inner.at(4)),
            // Comparisons do not chain; the others associate to the left.
            Self::Binary(op, left, right) => {
                let own = binds(op);
                write!(f, "{} {op} {}", left.at(if own == 4 { 5 } else { own }), right.at(own + 1))
            }
            Self::Call(function, arguments) => write!(f, "{function}({})", list(arguments)),
            Self::In(operand, items) => write!(f, "{} IN ({})", operand.at(9), list(items)),
            Self::SearchMatch(terms) => write!(f, "searchmatch({})", quoted(&terms.to_string())),
        }
    }
}
