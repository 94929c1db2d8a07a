//! Which columns the rows of a search can have, told from its syntax alone.

use std::collections::BTreeSet;

use super::extract::spath_output;
use super::pattern::Pattern;
use crate::spl::ast::{Command, Pipeline, Spanned};
use crate::spl::capture_names;

/// The columns after the last command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Whatever the events hold.
    Open,
    /// These and no others.
    Closed(BTreeSet<String>),
}

impl Columns {
    /// The columns of a search's rows.
    pub(crate) fn of(pipeline: &Pipeline) -> Self {
        Self::after_commands(&pipeline.commands)
    }

    /// The columns after the first commands of a search.
    pub(super) fn after_commands(commands: &[Spanned<Command>]) -> Self {
        commands.iter().fold(Self::Open, |columns, command| columns.after(&command.node))
    }

    /// Those that are known to be there.
    pub(super) fn known(&self) -> Vec<String> {
        match self {
            Self::Open => Vec::new(),
            Self::Closed(columns) => columns.iter().cloned().collect(),
        }
    }

    /// What they are behind one more command.
    pub(super) fn after(self, command: &Command) -> Self {
        match command {
            Command::Search(_)
            | Command::Where(_)
            | Command::MvExpand { .. }
            | Command::Dedup { .. }
            | Command::Sort { .. }
            | Command::Head { .. } => self,
            Command::Append(subsearch) => self.or(Self::of(subsearch)),
            Command::Join(join) => self.or(Self::of(&join.subsearch)),
            Command::EventStats(stats) => {
                self.with(stats.aggregates.iter().map(|aggregate| aggregate.node.output.clone()))
            }
            // Every field of the JSON.
            Command::Spath { path: None, .. } => Self::Open,
            Command::Rex { pattern, .. } => self.with(capture_names(&pattern.node).into_iter().map(str::to_owned)),
            Command::Spath { output, path, .. } => self.with(spath_output(output, path).cloned().into_iter()),
            Command::Stats(stats) => {
                let outputs = stats.aggregates.iter().map(|aggregate| aggregate.node.output.clone());
                closed(outputs.chain(names(&stats.by)))
            }
            Command::Lookup(lookup) => self.with(lookup.outputs.iter().map(|output| output.field.clone())),
            Command::Table(fields) => self.kept(fields, false),
            Command::Fields { keep: true, fields } => self.kept(fields, true),
            Command::Fields { keep: false, fields } => self.without(fields),
            Command::Rename(pairs) => {
                pairs.iter().fold(self, |columns, (from, to)| columns.renamed(&from.node, &to.node))
            }
            Command::Eval(assignments) => self.with(assignments.iter().map(|(field, _)| field.node.clone())),
            // It fills every field that the rest of the pipeline names.
            Command::FillNull { fields, .. } if fields.is_empty() => Self::Open,
            Command::FillNull { fields, .. } => self.with(names(fields)),
            Command::Bin { output, .. } => self.with(output.iter().map(|output| output.node.clone())),
            Command::Convert { conversions, .. } => {
                self.with(conversions.iter().filter_map(|conversion| conversion.node.output.clone()))
            }
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Closed(columns), Self::Closed(others)) => closed(columns.into_iter().chain(others)),
            _ => Self::Open,
        }
    }

    fn with(self, added: impl Iterator<Item = String>) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::Closed(columns) => closed(columns.into_iter().chain(added)),
        }
    }

    /// `table` and `fields` keep what they name; `fields` also what begins with an underscore.
    fn kept(self, fields: &[Spanned<String>], internal: bool) -> Self {
        match self {
            Self::Open if internal || fields.iter().any(|field| field.node.contains('*')) => Self::Open,
            Self::Open => closed(names(fields)),
            Self::Closed(columns) => {
                let is_kept = |column: &String| (internal && column.starts_with('_')) || names_one(fields, column);
                closed(columns.into_iter().filter(is_kept))
            }
        }
    }

    fn without(self, fields: &[Spanned<String>]) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::Closed(columns) => {
                let is_named = |column: &String| fields.iter().any(|field| Pattern::exact(&field.node).names(column));
                closed(columns.into_iter().filter(|column| !is_named(column)))
            }
        }
    }

    fn renamed(self, from: &str, to: &str) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::Closed(columns) => {
                let (from, to) = (Pattern::exact(from), Pattern::exact(to));
                let renamed = |column: String| {
                    let renamed = from.captures(&column).map(|stars| to.fill(&stars));
                    renamed.filter(|renamed| from.names(&column) && to.names(renamed)).unwrap_or(column)
                };
                closed(columns.into_iter().map(renamed))
            }
        }
    }
}

/// Columns with a wildcard (`values(*) as *`) can be anything.
fn closed(columns: impl Iterator<Item = String>) -> Columns {
    let columns: BTreeSet<String> = columns.collect();
    if columns.iter().any(|column| column.contains('*')) { Columns::Open } else { Columns::Closed(columns) }
}

fn names(fields: &[Spanned<String>]) -> impl Iterator<Item = String> {
    fields.iter().map(|field| field.node.clone())
}

/// Whether a list of names, some of them with wildcards, names this column.
fn names_one(fields: &[Spanned<String>], column: &str) -> bool {
    fields.iter().any(|field| Pattern::exact(&field.node).matches(column))
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[track_caller]
    fn assert_columns(search: &str, expected: &str) {
        let columns = Columns::of(&crate::spl::parse(search).expect("SPL"));
        let shown = match columns {
            Columns::Open => "open".to_owned(),
            Columns::Closed(columns) => columns.into_iter().collect::<Vec<_>>().join(" "),
        };
        assert_eq!(shown, expected, "{search}");
    }

    #[test]
    fn events_are_open_and_stats_closes() {
        assert_columns("a=1", "open");
        assert_columns("a=1 | rename b as c | fields c", "open");
        assert_columns("a=1 | stats count values(x.y) by b c", "b c count values(x.y)");
        assert_columns("a=1 | stats values(*) as * by b", "open");
        assert_columns("a=1 | table a b.c", "a b.c");
        assert_columns("a=1 | table a*", "open");
    }

    #[test]
    fn later_commands_add_remove_and_rename() {
        let stats = "a=1 | stats count dc(x) as n by b, c.d, c.e";
        assert_columns(&format!("{stats} | where n>1 | search b=1"), "b c.d c.e count n");
        assert_columns(&format!("{stats} | eval m=n+1 | fillnull p | bin n as q span=5"), "b c.d c.e count m n p q");
        assert_columns(&format!("{stats} | rename c.* as *, b as x"), "count d e n x");
        assert_columns(&format!("{stats} | fields - c.* count"), "b n");
        assert_columns(&format!("{stats} | fields c*"), "c.d c.e count");
        assert_columns("a=1 | stats count by _time a | fields - *", "_time");
        assert_columns(&format!("{stats} | table b zz"), "b");
        assert_columns(&format!("{stats} | fillnull | search zz=0"), "open");
        assert_columns(&format!("{stats} | convert ctime(n) as t ctime(b)"), "b c.d c.e count n t");
        assert_columns("a=1 | stats count by _time a b | fields a", "_time a");
        assert_columns(
            &format!(r#"{stats} | rex field=b "(?<x>.)(?<y>.)" | sort - n | head 5"#),
            "b c.d c.e count n x y",
        );
        assert_columns(
            &format!("{stats} | spath input=b output=o path=p{{}} | mvexpand o | dedup b"),
            "b c.d c.e count n o",
        );
        assert_columns(&format!("{stats} | spath input=b path=p{{}}"), "b c.d c.e count n p{}");
        assert_columns("a=1 | table a b | append [search a=2 | table b c]", "a b c");
        assert_columns("a=1 | table a b | append [search a=2]", "open");
        assert_columns(&format!("{stats} | spath input=b"), "open");
        assert_columns(&format!("{stats} | spath input=b output=o"), "open");
        assert_columns(&format!("{stats} | eventstats avg(n) as mean by b | stats max(mean) by b"), "b max(mean)");
    }
}
