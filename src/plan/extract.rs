//! The commands that take fields out of texts (`spath`, `rex`) and rows out of multivalue fields (`mvexpand`).

use std::sync::Arc;

use regex::Regex;

use super::error::CompileError;
use super::record::Record;
use super::{Scalar, Value, regular};
use crate::cloudtrail::{FieldPath, extract_json, flatten_json};
use crate::spl::ast::{Span, Spanned};

/// `spath`.
#[derive(Clone, Debug)]
pub(super) struct Spath {
    input: FieldPath,
    wanted: Wanted,
}

#[derive(Clone, Debug)]
enum Wanted {
    Path {
        path: String,
        output: Arc<str>,
    },
    /// Every field of the JSON, under its own name.
    Every,
}

/// The one field that `spath` writes; none: every field of the JSON, under its own name.
pub(super) fn spath_output<'c>(output: &'c Option<String>, path: &'c Option<String>) -> Option<&'c String> {
    path.as_ref().map(|path| output.as_ref().unwrap_or(path))
}

impl Spath {
    pub(super) fn compile(input: &str, output: Option<&str>, path: Option<&str>) -> Self {
        let wanted = path.map_or(Wanted::Every, |path| Wanted::Path {
            path: path.to_owned(),
            output: output.unwrap_or(path).into(),
        });
        Self { input: FieldPath::compile(input), wanted }
    }

    /// Writes what is found. Where nothing is, fields stay as they are.
    pub(super) fn apply(&self, record: &mut Record<'_>) {
        let texts: Vec<_> = record.get(&self.input).scalars().iter().map(Scalar::to_text).collect();
        match &self.wanted {
            Wanted::Path { path, output } => {
                let found: Vec<Scalar> = texts.iter().flat_map(|text| extract_json(text, path)).collect();
                if !found.is_empty() {
                    record.set(output, Value::from_scalars(found));
                }
            }
            // Fields with an underscore are the product's own: no text of an event writes `_time`.
            Wanted::Every => {
                let fields = texts.iter().flat_map(|text| flatten_json(text));
                fields.filter(|(name, _)| !name.starts_with('_')).for_each(|(name, value)| {
                    record.set(&name.into(), value);
                });
            }
        }
    }

    pub(super) fn writes(&self, field: &str) -> bool {
        match &self.wanted {
            Wanted::Path { output, .. } => &**output == field,
            Wanted::Every => !field.starts_with('_'),
        }
    }
}

/// `rex`.
#[derive(Clone, Debug)]
pub(super) struct Rex {
    field: FieldPath,
    regex: Regex,
    groups: Vec<(usize, Arc<str>)>,
    /// Matches taken of each value.
    max_match: usize,
}

impl Rex {
    pub(super) fn compile(field: &str, pattern: &Spanned<String>, max_match: u64) -> Result<Self, CompileError> {
        let regex = regular::compile(&pattern.node, &pattern.span)?;
        let named = regex.capture_names().enumerate();
        let groups: Vec<_> = named.filter_map(|(index, name)| Some((index, Arc::from(name?)))).collect();
        if groups.is_empty() {
            return Err(CompileError::invalid("the expression of rex has no named group", &pattern.span)
                .with_help("a group that becomes a field is written (?<field>...)"));
        }
        let max_match = if max_match == 0 { usize::MAX } else { usize::try_from(max_match).unwrap_or(usize::MAX) };
        Ok(Self { field: FieldPath::compile(field), regex, groups, max_match })
    }

    /// Writes what the groups matched. A group that matched nowhere leaves its field as it is.
    pub(super) fn apply(&self, record: &mut Record<'_>) {
        let mut found: Vec<Vec<Scalar>> = vec![Vec::new(); self.groups.len()];
        for scalar in record.get(&self.field).scalars() {
            let text = scalar.to_text();
            for captures in self.regex.captures_iter(&text).take(self.max_match) {
                for (values, (group, _)) in found.iter_mut().zip(&self.groups) {
                    values.extend(captures.get(*group).map(|capture| Scalar::text(capture.as_str())));
                }
            }
        }
        for ((_, name), values) in self.groups.iter().zip(found).filter(|(_, values)| !values.is_empty()) {
            record.set(name, Value::from_scalars(values));
        }
    }

    pub(super) fn writes(&self, field: &str) -> bool {
        self.groups.iter().any(|(_, name)| &**name == field)
    }
}

/// `mvexpand`: the one command that makes several records of one.
#[derive(Clone, Debug)]
pub(super) struct MvExpand {
    field: FieldPath,
    limit: usize,
}

/// The most `mvexpand`s of a search: each may stand on the stack while an event is taken apart.
pub(super) const MAX_EXPANSIONS: usize = 16;

impl MvExpand {
    pub(super) fn compile(field: &Spanned<String>, limit: u64, span: &Span) -> Result<Self, CompileError> {
        if field.node.contains('*') {
            return Err(CompileError::unsupported("mvexpand takes one field", span));
        }
        let limit = if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
        Ok(Self { field: FieldPath::compile(&field.node), limit })
    }

    /// The values of which each makes a record. None: the record stays as it is.
    pub(super) fn values(&self, record: &Record<'_>) -> Option<Vec<Scalar>> {
        match record.get(&self.field) {
            Value::Many(mut values) => {
                values.truncate(self.limit);
                Some(values)
            }
            Value::Null | Value::One(_) => None,
        }
    }

    /// The record of one of the values.
    pub(super) fn record<'a>(&self, record: &Record<'a>, value: Scalar) -> Record<'a> {
        let mut row = record.clone();
        row.set(self.field.name(), Value::One(value));
        row
    }

    pub(super) fn writes(&self, field: &str) -> bool {
        &**self.field.name() == field
    }
}
