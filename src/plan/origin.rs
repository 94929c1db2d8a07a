//! Where a field comes from that a command reads, followed back through the commands before it.

use super::extract::spath_output;
use super::pattern::Pattern;
use crate::spl::ast::{Command, Spanned};
use crate::spl::capture_names;

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is this field of the event.
    Event(String),
    /// A command makes it, or may.
    Made,
    /// A command has taken it away; how.
    Gone(String),
}

impl Origin {
    /// Of a field behind these commands.
    pub(super) fn of(field: &str, before: &[Spanned<Command>]) -> Self {
        let mut name = field.to_owned();
        for command in before.iter().rev() {
            if makes(&command.node, &name) {
                return Self::Made;
            }
            match &command.node {
                Command::Rename(pairs) => match renamed(pairs, &name) {
                    Self::Event(source) => name = source,
                    other => return other,
                },
                Command::Fields { keep: true, fields } if !name.starts_with('_') && !lists(fields, &name) => {
                    return Self::Gone("`fields` keeps others".into());
                }
                Command::Fields { keep: false, fields } if lists(fields, &name) => {
                    return Self::Gone("`fields` removes it".into());
                }
                _ => {}
            }
        }
        Self::Event(name)
    }
}

/// The name before a `rename`. Of its pairs each works on what the earlier ones have left.
fn renamed(pairs: &[(Spanned<String>, Spanned<String>)], field: &str) -> Origin {
    let mut name = field.to_owned();
    for (source, target) in pairs.iter().rev() {
        if target.node.contains('*') {
            return Origin::Made;
        }
        if target.node == name {
            name.clone_from(&source.node);
        } else if source.node == name {
            return Origin::Gone(format!("it was renamed to `{}`", target.node));
        }
    }
    Origin::Event(name)
}

fn lists(fields: &[Spanned<String>], name: &str) -> bool {
    fields.iter().any(|field| Pattern::exact(&field.node).names(name))
}

/// Whether a command writes the field, or may write any.
fn makes(command: &Command, name: &str) -> bool {
    match command {
        Command::Eval(assignments) => assignments.iter().any(|(output, _)| output.node == name),
        Command::FillNull { fields, .. } => fields.is_empty() || fields.iter().any(|field| field.node == name),
        Command::Bin { output: Some(output), .. } => output.node == name,
        Command::Convert { conversions, .. } => {
            conversions.iter().any(|conversion| conversion.node.output.as_deref() == Some(name))
        }
        // Without a path, `spath` may write any field.
        Command::Spath { output, path, .. } => spath_output(output, path).is_none_or(|output| *output == name),
        Command::Rex { pattern, .. } => capture_names(&pattern.node).contains(&name),
        Command::Lookup(lookup) => lookup.outputs.iter().any(|output| output.field == name),
        Command::Append(_) | Command::Join(_) => true,
        Command::EventStats(stats) => stats.aggregates.iter().any(|aggregate| aggregate.node.output == name),
        _ => false,
    }
}
