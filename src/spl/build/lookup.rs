//! `lookup`.

use super::command::{children, trimmed_span};
use super::option::no_options;
use super::{Pair, Rule, SplError, inner, spanned_text};
use crate::spl::ast::{LookupCommand, LookupField};

type Result<T> = std::result::Result<T, SplError>;

pub(super) fn lookup(pair: &Pair<'_>) -> Result<LookupCommand> {
    // `local` says on which of Splunk's machines the lookup runs; here is one.
    no_options(pair, &["local"])?;
    let table = spanned_text(&inner(inner(pair.clone(), Rule::lookup_table), Rule::name));
    let inputs = children(pair.clone(), Rule::lookup_field, field)?;
    if inputs.is_empty() {
        return Err(SplError::syntax("lookup names no column that must agree", table.span)
            .with_help("for example: lookup owners user AS src_user OUTPUT team"));
    }
    let Some(outputs) = pair.clone().into_inner().find(|part| part.as_rule() == Rule::lookup_outputs) else {
        return Err(SplError::unsupported("lookup without OUTPUT is not supported", trimmed_span(pair))
            .with_help("name the columns that it writes: OUTPUT <column> [AS <field>], ..."));
    };
    let mode = inner(outputs.clone(), Rule::lookup_mode);
    let keeps_existing = mode.as_str().eq_ignore_ascii_case("outputnew");
    Ok(LookupCommand { table, inputs, keeps_existing, outputs: children(outputs, Rule::lookup_field, field)? })
}

fn field(pair: Pair<'_>) -> Result<LookupField> {
    let mut names = pair.into_inner().filter(|part| part.as_rule() == Rule::name).map(|name| spanned_text(&name));
    let column = names.next().expect("a field of a lookup begins with a column");
    let field = names.next().unwrap_or_else(|| column.clone());
    if let Some(wild) = [&column, &field].into_iter().find(|name| name.node.contains('*')) {
        return Err(SplError::unsupported("wildcards in lookup are not supported", wild.span.clone())
            .with_help("name the columns one by one"));
    }
    Ok(LookupField { column, field: field.node })
}
