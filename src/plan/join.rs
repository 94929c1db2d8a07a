//! `join`: the rows of a subsearch meet those of the search where fields agree.
//!
//! Values are compared as texts, as by-values are; several values are one key of their own. Which row is the first one
//! follows from the order of the subsearch's rows, which is a function of the rows (AG-5).

use std::collections::BTreeMap;

use super::Scalar;
use super::columns::Columns;
use super::error::CompileError;
use super::evaluate::by_values;
use super::record::Record;
use super::run::Budget;
use super::sources::Sources;
use super::whole::WorkRow;
use crate::cloudtrail::FieldPath;
use crate::spl::ast::{JoinCommand, Span};

/// A compiled `join`.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// The subsearch.
    pub(super) leg: u32,
    keys: Vec<FieldPath>,
    keeps_unmatched: bool,
    most: usize,
    overwrite: bool,
}

type Key = Vec<Vec<Scalar>>;

impl Join {
    /// The fields that must agree; `main` are the columns of the rows before the command.
    ///
    /// # Errors
    /// Where they are left out and cannot be known, or there is none.
    pub(super) fn fields(join: &JoinCommand, main: &Columns, span: &Span) -> Result<Vec<String>, CompileError> {
        if let Some(field) = join.fields.iter().find(|field| field.node.contains('*')) {
            return Err(CompileError::unsupported("wildcards in join are not supported", &field.span)
                .with_help("name the fields one by one"));
        }
        if !join.fields.is_empty() {
            return Ok(join.fields.iter().map(|field| field.node.clone()).collect());
        }
        let place = span.start..span.start + "join".len();
        let (Columns::Closed(main), Columns::Closed(sub)) = (main, &Columns::of(&join.subsearch)) else {
            return Err(CompileError::unsupported(
                "join without fields joins by every field that both searches have, which depends on the events here",
                &place,
            )
            .with_help("name the fields: join <field> [search ...]; or end both searches in stats or table"));
        };
        let common: Vec<String> = main.intersection(sub).cloned().collect();
        match common.is_empty() {
            true => Err(CompileError::invalid("the two searches of the join have no column in common", &place)
                .with_help("rename one, so that both call what must agree by one name")),
            false => Ok(common),
        }
    }

    pub(super) fn compile(join: &JoinCommand, fields: &[String], leg: u32) -> Self {
        Self {
            leg,
            keys: fields.iter().map(|field| FieldPath::compile(field)).collect(),
            keeps_unmatched: join.keeps_unmatched,
            most: if join.max == 0 { usize::MAX } else { usize::try_from(join.max).unwrap_or(usize::MAX) },
            overwrite: join.overwrite,
        }
    }

    /// The rows in their order, each with its matches in the order of the subsearch.
    pub(super) fn apply<'p>(
        &self,
        rows: Vec<WorkRow<'p>>,
        sub: &[WorkRow<'p>],
        budget: &mut Budget,
    ) -> Vec<WorkRow<'p>> {
        let mut by_key: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (index, row) in sub.iter().enumerate() {
            self.key(&row.record).into_iter().for_each(|key| by_key.entry(key).or_default().push(index));
        }
        let mut joined = Vec::with_capacity(rows.len());
        for row in rows {
            match self.key(&row.record).and_then(|key| by_key.get(&key)) {
                Some(matches) => {
                    let made = budget.afford(matches.len().min(self.most), 1);
                    let met = matches[..made].iter().map(|index| self.meet(&row, &sub[*index]));
                    let held = met.enumerate().take_while(|(done, met)| budget.hold(met.bytes(), made - done));
                    joined.extend(held.map(|(_, met)| met));
                }
                None if self.keeps_unmatched && budget.hold(row.bytes(), 1) => joined.push(row),
                None => {}
            }
        }
        joined
    }

    /// None: the row lacks a field, and agrees with no row.
    fn key(&self, record: &Record<'_>) -> Option<Key> {
        let values = self.keys.iter().map(|field| by_values(field.name(), &record.get(field)));
        values.map(|values| (!values.is_empty()).then_some(values)).collect()
    }

    /// One row of two. It belongs to the group of the first, and is made of the events of both.
    fn meet<'p>(&self, row: &WorkRow<'p>, other: &WorkRow<'p>) -> WorkRow<'p> {
        let mut met = row.clone();
        met.sources = Sources::of_all([&row.sources, &other.sources]);
        met.values_truncated |= other.values_truncated;
        for name in other.record.column_names() {
            let field = FieldPath::compile(&name);
            let (own, value) = (met.record.get(&field), other.record.get(&field));
            if own.is_null() || (self.overwrite && !value.is_null()) {
                met.record.set(&name, value);
            }
        }
        met
    }
}
