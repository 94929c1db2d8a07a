//! From syntax tree to text: canonical SPL that parses to the same tree.

use std::fmt::{self, Display, Formatter};

use super::ast::{Aggregate, AggregateArgument, BinSpan, Command, CompareOp, Conversion, Pipeline, SearchExpr};
use super::ast::{SearchTerm, Spanned, StatsCommand};

mod expr;
mod rows;

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base)?;
        self.commands.iter().try_for_each(|command| write!(f, " | {}", command.node))
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Search(expr) => write!(f, "search {expr}"),
            Self::Where(expr) => write!(f, "where {}", expr.node),
            Self::Eval(assignments) => {
                f.write_str("eval ")?;
                separated(f, ", ", assignments, |f, (target, value)| write!(f, "{}={}", Name(&target.node), value.node))
            }
            Self::Rename(pairs) => {
                f.write_str("rename ")?;
                separated(f, ", ", pairs, |f, (from, to)| write!(f, "{} AS {}", Name(&from.node), Name(&to.node)))
            }
            Self::Fields { keep, fields } => {
                write!(f, "fields {} ", if *keep { '+' } else { '-' })?;
                names(f, fields)
            }
            Self::Table(fields) => {
                f.write_str("table ")?;
                names(f, fields)
            }
            Self::FillNull { value, fields } => {
                write!(f, "fillnull value={} ", Quoted(value, '"'))?;
                names(f, fields)
            }
            Self::Bin { field, span, output } => {
                write!(f, "bin {} ", Name(&field.node))?;
                output.iter().try_for_each(|output| write!(f, "AS {} ", Name(&output.node)))?;
                write!(f, "span={span}")
            }
            Self::Stats(stats) => write!(f, "stats {stats}"),
            Self::EventStats(stats) => write!(f, "eventstats {stats}"),
            Self::Spath { .. }
            | Self::MvExpand { .. }
            | Self::Rex { .. }
            | Self::Dedup { .. }
            | Self::Sort { .. }
            | Self::Head { .. }
            | Self::Append(_)
            | Self::Join(_)
            | Self::Lookup(_) => rows::command(f, self),
            Self::Convert { timeformat, conversions } => {
                write!(f, "convert timeformat={} ", Quoted(timeformat, '"'))?;
                separated(f, ", ", conversions, |f, conversion| write!(f, "{}", conversion.node))
            }
        }
    }
}

impl Display for StatsCommand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        separated(f, ", ", &self.aggregates, |f, aggregate| write!(f, "{}", aggregate.node))?;
        f.write_str(if self.by.is_empty() { "" } else { " BY " })?;
        names(f, &self.by)
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        self.parameter.iter().try_for_each(|parameter| write!(f, "{parameter}"))?;
        match &self.argument {
            Some(AggregateArgument::Field(field)) => write!(f, "({})", Name(field))?,
            Some(AggregateArgument::Eval(expr)) => write!(f, "(eval({}))", expr.node)?,
            None => {}
        }
        write!(f, " AS {}", Name(&self.output))
    }
}

impl Display for Conversion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.function, Name(&self.field))?;
        self.output.iter().try_for_each(|output| write!(f, " AS {}", Name(output)))
    }
}

impl Display for BinSpan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(millis) => match units.iter().find(|(length, _)| millis % length == 0) {
                Some((length, unit)) => write!(f, "{}{unit}", millis / length),
                None => write!(f, "{millis}ms"),
            },
        }
    }
}

impl Display for SearchExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) if parts.is_empty() => f.write_str("*"),
            // OR binds tighter, so that its parts need no parentheses inside an AND; an AND inside anything does.
            Self::And(parts) => separated(f, " ", parts, |f, part| grouped(f, part, matches!(part, Self::And(_)))),
            Self::Or(parts) => {
                separated(f, " OR ", parts, |f, part| grouped(f, part, matches!(part, Self::And(_) | Self::Or(_))))
            }
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                grouped(f, inner, matches!(**inner, Self::And(_) | Self::Or(_)))
            }
            Self::Term(term) => write!(f, "{}", term.node),
        }
    }
}

/// In parentheses where that is needed; `*` never needs them.
fn grouped(f: &mut Formatter<'_>, part: &SearchExpr, needed: bool) -> fmt::Result {
    let is_star = matches!(part, SearchExpr::And(parts) if parts.is_empty());
    if needed && !is_star { write!(f, "({part})") } else { write!(f, "{part}") }
}

impl Display for SearchTerm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { field, op, value } => write!(f, "{}{op}{}", Word(field), Value(value)),
            Self::In { field, values } => {
                write!(f, "{} IN (", Word(field))?;
                separated(f, ", ", values, |f, value| write!(f, "{}", Value(value)))?;
                f.write_str(")")
            }
            Self::Raw(text) => write!(f, "{}", Word(text)),
        }
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        })
    }
}

fn separated<T>(
    f: &mut Formatter<'_>,
    separator: &str,
    items: &[T],
    mut write_item: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { separator })?;
        write_item(f, item)?;
    }
    Ok(())
}

fn names(f: &mut Formatter<'_>, names: &[Spanned<String>]) -> fmt::Result {
    separated(f, ", ", names, |f, name| write!(f, "{}", Name(&name.node)))
}

/// Text in quotes.
struct Quoted<'a>(&'a str, char);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(text, quote) = *self;
        write!(f, "{quote}")?;
        for c in text.chars() {
            if c == quote || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, "{quote}")
    }
}

/// A field name of a command: bare where that reads back as the same name.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_keyword = ["as", "by", "eval", "output", "outputnew", "where"]
            .iter()
            .any(|keyword| self.0.eq_ignore_ascii_case(keyword));
        bare_or_quoted(f, self.0, |c| matches!(c, '_' | '.' | ':' | '*' | '{' | '}'), is_keyword)
    }
}

/// A field name or a bare term of `search`.
struct Word<'a>(&'a str);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let reserved = ["AND", "OR", "NOT", "IN", "TERM", "CASE", "PREFIX", "*"];
        let is_reserved = reserved.contains(&self.0) || self.0.eq_ignore_ascii_case("search");
        bare_or_quoted(f, self.0, |c| matches!(c, '_' | '.' | ':' | '/' | '-' | '*' | '{' | '}'), is_reserved)
    }
}

/// A value of `search`.
struct Value<'a>(&'a str);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        bare_or_quoted(f, self.0, |c| matches!(c, '_' | '.' | ':' | '/' | '-' | '*'), false)
    }
}

fn bare_or_quoted(f: &mut Formatter<'_>, text: &str, also: fn(char) -> bool, reserved: bool) -> fmt::Result {
    let is_bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also(c));
    if is_bare && !reserved { f.write_str(text) } else { write!(f, "{}", Quoted(text, '"')) }
}
