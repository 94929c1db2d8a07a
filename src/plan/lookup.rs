//! `lookup`: rows of a table of the operator's that agree with fields of a record give it further fields.
//!
//! The table is part of the plan's text (WN-7), so that a plan compiles again when the file has changed or is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::error::CompileError;
use super::evaluate::combinations;
use super::expr::Network;
use super::pattern::{Pattern, fold};
use super::record::Record;
use super::{Scalar, Value};
use crate::cloudtrail::FieldPath;
use crate::spl::ast::LookupCommand;

/// The tables that the configuration names, by name.
pub type Lookups = BTreeMap<String, Arc<LookupTable>>;

/// A table with how its columns are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupTable {
    /// Its name in searches.
    pub name: String,
    /// Whether case counts where texts are compared.
    pub case_sensitive: bool,
    /// The columns that are not compared as texts.
    pub match_types: BTreeMap<String, MatchType>,
    /// How many rows may agree with one record, at least 1; the first ones of the table count.
    pub max_matches: usize,
    /// What is written where no row agrees.
    pub default_match: Option<String>,
    /// The names of the columns; distinct.
    pub columns: Vec<String>,
    /// The rows, each with one cell a column.
    pub rows: Vec<Vec<SmolStr>>,
}

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchType {
    /// `*` in a cell stands for any number of characters.
    Wildcard,
    /// A cell is a network, such as `10.0.0.0/8`, or an address.
    Cidr,
}

impl LookupTable {
    /// How many rows may agree where the operator does not say, as in Splunk.
    pub const DEFAULT_MAX_MATCHES: usize = 100;
    /// The most rows of a table with a column that is not compared as text: there every row is looked at.
    pub const MAX_PATTERN_ROWS: usize = 10_000;

    /// The same table with these columns alone.
    #[must_use]
    pub fn only(&self, wanted: &BTreeSet<&str>) -> Self {
        let kept: Vec<usize> = (0..self.columns.len()).filter(|at| wanted.contains(&*self.columns[*at])).collect();
        Self {
            columns: kept.iter().map(|at| self.columns[*at].clone()).collect(),
            rows: self.rows.iter().map(|row| kept.iter().map(|at| row[*at].clone()).collect()).collect(),
            match_types: self.match_types.clone().into_iter().filter(|(name, _)| wanted.contains(&**name)).collect(),
            ..self.clone_without_rows()
        }
    }

    /// `offices: 12 rows of network (cidr), office; at most 1 match`
    pub(super) fn describe(&self) -> String {
        let column = |name: &String| match self.match_types.get(name) {
            None => name.clone(),
            Some(MatchType::Wildcard) => format!("{name} (wildcard)"),
            Some(MatchType::Cidr) => format!("{name} (cidr)"),
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let case = if self.case_sensitive { "" } else { "; case is ignored" };
        let most = match self.max_matches {
            Self::DEFAULT_MAX_MATCHES => String::new(),
            1 => "; at most 1 match".to_owned(),
            most => format!("; at most {most} matches"),
        };
        let default = self.default_match.as_ref().map_or_else(String::new, |text| format!("; otherwise {text:?}"));
        format!("{}: {} rows of {}{case}{most}{default}", self.name, self.rows.len(), columns.join(", "))
    }

    fn clone_without_rows(&self) -> Self {
        Self {
            name: self.name.clone(),
            case_sensitive: self.case_sensitive,
            match_types: BTreeMap::new(),
            max_matches: self.max_matches,
            default_match: self.default_match.clone(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Whether a text can be a cell of a column of [`MatchType::Cidr`].
    pub fn is_network(cell: &str) -> bool {
        Network::parse(cell).is_some()
    }
}

/// A compiled `lookup`.
#[derive(Debug)]
pub(super) struct Lookup {
    table: Arc<LookupTable>,
    /// Compared as text, in the order of the keys of `by_text`.
    texts: Vec<FieldPath>,
    by_text: BTreeMap<Vec<SmolStr>, Vec<usize>>,
    /// Compared otherwise: the field, and for each row what it must be like.
    patterns: Vec<(FieldPath, Vec<Comparison>)>,
    /// Column and field.
    outputs: Vec<(usize, FieldPath)>,
    keeps_existing: bool,
}

#[derive(Debug)]
enum Comparison {
    Wildcard(Pattern),
    Network(Network),
    Never,
}

/// Of multivalue fields, so many combinations of values are looked up.
const MAX_COMBINATIONS: usize = 10_000;

impl Lookup {
    pub(super) fn compile(command: &LookupCommand, tables: &[Arc<LookupTable>]) -> Result<Self, CompileError> {
        let name = &command.table;
        let table = tables.iter().find(|table| table.name == name.node).ok_or_else(|| {
            CompileError::invalid(format!("the lookup `{}` is not in the configuration", name.node), &name.span)
        })?;
        let column = |name: &crate::spl::ast::Spanned<String>| {
            table.columns.iter().position(|column| *column == name.node).ok_or_else(|| {
                let message = format!("the lookup `{}` has no column `{}`", table.name, name.node);
                CompileError::invalid(message, &name.span)
            })
        };
        let (mut texts, mut text_columns, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for input in &command.inputs {
            let (at, field) = (column(&input.column)?, FieldPath::compile(&input.field));
            match table.match_types.get(&input.column.node) {
                None => {
                    texts.push(field);
                    text_columns.push(at);
                }
                Some(kind) => patterns.push((field, comparisons(table, at, *kind))),
            }
        }
        let output = |output: &crate::spl::ast::LookupField| {
            Ok::<_, CompileError>((column(&output.column)?, FieldPath::compile(&output.field)))
        };
        Ok(Self {
            by_text: by_text(table, &text_columns),
            texts,
            patterns,
            outputs: command.outputs.iter().map(output).collect::<Result<_, _>>()?,
            keeps_existing: command.keeps_existing,
            table: table.clone(),
        })
    }

    /// Writes what the rows that agree say; without one, the default or nothing.
    pub(super) fn apply(&self, record: &mut Record<'_>) {
        let is_free = |field: &FieldPath| !self.keeps_existing || record.get(field).is_null();
        let wanted: Vec<&(usize, FieldPath)> = self.outputs.iter().filter(|(_, field)| is_free(field)).collect();
        if wanted.is_empty() {
            return;
        }
        let rows = self.matches(record);
        for (column, field) in wanted {
            let cells = rows.iter().map(|row| &self.table.rows[*row][*column]).filter(|cell| !cell.is_empty());
            let found = Value::from_scalars(cells.map(|cell| Scalar::Text(cell.clone())).collect());
            let default = self.table.default_match.as_ref().filter(|_| rows.is_empty());
            record.set(field.name(), default.map_or(found, |text| Value::text(text.as_str())));
        }
    }

    pub(super) fn writes(&self, field: &str) -> bool {
        self.outputs.iter().any(|(_, output)| &**output.name() == field)
    }

    /// The first rows that agree, in the order of the table. A field that is null agrees with none.
    fn matches(&self, record: &Record<'_>) -> Vec<usize> {
        let read = |field: &FieldPath| -> Vec<SmolStr> {
            record.get(field).scalars().iter().map(|scalar| folded(&self.table, scalar.to_text())).collect()
        };
        let texts: Vec<Vec<SmolStr>> = self.texts.iter().map(read).collect();
        let keys = combinations(&texts, MAX_COMBINATIONS);
        let candidates: BTreeSet<usize> =
            keys.iter().filter_map(|key| self.by_text.get(key)).flatten().copied().collect();
        let patterned: Vec<_> = self.patterns.iter().map(|(field, rows)| (read(field), rows)).collect();
        let agrees =
            |row: &usize| patterned.iter().all(|(values, rows)| values.iter().any(|value| rows[*row].holds(value)));
        candidates.into_iter().filter(agrees).take(self.table.max_matches).collect()
    }
}

fn folded(table: &LookupTable, text: SmolStr) -> SmolStr {
    if table.case_sensitive { text } else { fold(&text).into() }
}

/// The rows by what their cells in these columns are; without a column all rows stand under the empty key.
fn by_text(table: &LookupTable, columns: &[usize]) -> BTreeMap<Vec<SmolStr>, Vec<usize>> {
    let mut rows: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, row) in table.rows.iter().enumerate() {
        let key = columns.iter().map(|column| folded(table, row[*column].clone())).collect();
        rows.entry(key).or_default().push(index);
    }
    rows
}

fn comparisons(table: &LookupTable, column: usize, kind: MatchType) -> Vec<Comparison> {
    let comparison = |cell: &SmolStr| match kind {
        MatchType::Wildcard => Comparison::Wildcard(Pattern::exact(&folded(table, cell.clone()))),
        MatchType::Cidr => Network::parse(cell).map_or(Comparison::Never, Comparison::Network),
    };
    table.rows.iter().map(|row| comparison(&row[column])).collect()
}

impl Comparison {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Wildcard(pattern) => pattern.matches(value),
            Self::Network(network) => network.contains(value),
            Self::Never => false,
        }
    }
}
