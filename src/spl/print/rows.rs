//! Commands that take rows apart, choose among them or put them in order.

use std::fmt::{self, Display, Formatter};

use super::{Name, Quoted, names, separated};
use crate::spl::ast::{Command, LookupField, SortKey, SortOrder};

/// Writes such a command; nothing for the others.
pub(super) fn command(f: &mut Formatter<'_>, command: &Command) -> fmt::Result {
    match command {
        Command::Spath { input, output, path } => {
            write!(f, "spath input={}", Quoted(input, '"'))?;
            output.iter().try_for_each(|output| write!(f, " output={}", Quoted(output, '"')))?;
            path.iter().try_for_each(|path| write!(f, " path={}", Quoted(path, '"')))
        }
        Command::MvExpand { field, limit } => write!(f, "mvexpand {} limit={limit}", Name(&field.node)),
        Command::Rex { field, pattern, max_match } => {
            write!(f, "rex field={} max_match={max_match} {}", Quoted(field, '"'), Quoted(&pattern.node, '"'))
        }
        Command::Dedup { keep, fields, keep_empty, consecutive } => {
            write!(f, "dedup {keep} ")?;
            names(f, fields)?;
            write!(f, " keepempty={keep_empty} consecutive={consecutive}")
        }
        Command::Sort { limit, keys } => {
            write!(f, "sort {limit} ")?;
            separated(f, ", ", keys, |f, key| write!(f, "{}", key.node))
        }
        Command::Head { limit } => write!(f, "head {limit}"),
        Command::Append(pipeline) => write!(f, "append [search {pipeline}]"),
        Command::Join(join) => {
            let kind = if join.keeps_unmatched { "left" } else { "inner" };
            write!(f, "join type={kind} max={} overwrite={} ", join.max, join.overwrite)?;
            names(f, &join.fields)?;
            write!(f, " [search {}]", join.subsearch)
        }
        Command::Lookup(lookup) => {
            write!(f, "lookup {} ", Name(&lookup.table.node))?;
            separated(f, ", ", &lookup.inputs, |f, field| write!(f, "{field}"))?;
            f.write_str(if lookup.keeps_existing { " OUTPUTNEW " } else { " OUTPUT " })?;
            separated(f, ", ", &lookup.outputs, |f, field| write!(f, "{field}"))
        }
        _ => Ok(()),
    }
}

impl Display for LookupField {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} AS {}", Name(&self.column.node), Name(&self.field))
    }
}

impl Display for SortKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.descending { "-" } else { "+" })?;
        match self.order {
            SortOrder::Auto => write!(f, "{}", Name(&self.field)),
            SortOrder::Text => write!(f, "str({})", Name(&self.field)),
            SortOrder::Number => write!(f, "num({})", Name(&self.field)),
            SortOrder::Ip => write!(f, "ip({})", Name(&self.field)),
        }
    }
}
