//! `rex mode=sed`, which is short for `eval` and `replace`.
//!
//! <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Rex>

use super::option::{no_options, option};
use super::rewritten::call;
use super::{Pair, Rule, Spanned, SplError, inner, spanned_text};
use crate::spl::ast::{Command, Expr, Span};
use crate::spl::build::command::trimmed_span;

type Result<T> = std::result::Result<T, SplError>;

/// `s/regex/replacement/g` in the field: every match is replaced, without the `g` the first one of each value.
pub(super) fn sed(pair: &Pair<'_>) -> Result<Command> {
    no_options(pair, &["field", "mode"])?;
    let at = trimmed_span(pair);
    let written = spanned_text(&inner(pair.clone(), Rule::quoted));
    let script = Script::read(&written.node).ok_or_else(|| {
        SplError::unsupported(format!("`{}` is not supported as a sed script", written.node), written.span.clone())
            .with_help("supported are s/regex/replacement/ and s/regex/replacement/g")
    })?;
    let field = option(pair, "field")?.unwrap_or_else(|| Spanned { node: "_raw".to_owned(), span: at.clone() });
    let text = |text| Spanned { node: Expr::Text(text), span: written.span.clone() };
    let value = Spanned { node: Expr::Field(field.node.clone()), span: field.span.clone() };
    let replacing = |pattern, replacement| call("replace", vec![value.clone(), text(pattern), text(replacement)], &at);
    let replaced = if script.replaces_all {
        replacing(script.pattern, script.replacement)
    } else {
        let (pattern, replacement) = script.first_alone(&written.span)?;
        // The script's own expression has to be one without what stands around it.
        let matches = call("match", vec![value.clone(), text(script.pattern)], &at);
        call("if", vec![matches, replacing(pattern, replacement), value.clone()], &at)
    };
    Ok(Command::Eval(vec![(field, replaced)]))
}

/// What stands between the delimiters.
struct Script {
    pattern: String,
    replacement: String,
    replaces_all: bool,
}

impl Script {
    fn read(text: &str) -> Option<Self> {
        let mut chars = text.trim().strip_prefix('s')?.chars();
        let delimiter = chars.next().filter(char::is_ascii_punctuation).filter(|delimiter| *delimiter != '\\')?;
        let mut parts = vec![String::new()];
        while let Some(c) = chars.next() {
            let last = parts.last_mut()?;
            match c {
                '\\' => match chars.next()? {
                    escaped if escaped == delimiter => last.push(escaped),
                    other => last.extend(['\\', other]),
                },
                c if c == delimiter => parts.push(String::new()),
                c => last.push(c),
            }
        }
        let [pattern, replacement, flags] = <[String; 3]>::try_from(parts).ok()?;
        let replaces_all = match flags.as_str() {
            "" => false,
            "g" => true,
            _ => return None,
        };
        (!pattern.is_empty()).then_some(Self { pattern, replacement, replaces_all })
    }

    /// Regular expression and replacement for `replace`, which replaces every match. One that begins where the text does
    /// is the only one: then what stands before the first match of the script is the first group.
    fn first_alone(&self, at: &Span) -> Result<(String, String)> {
        let replacement = shifted(&self.replacement).ok_or_else(|| {
            SplError::unsupported("a replacement of the first match alone takes `\\0` to `\\7`", at.clone())
                .with_help("add the flag g where there is one match, or name fewer groups")
        })?;
        Ok((format!("^((?s:.*?))({})", self.pattern), format!("\\1{replacement}")))
    }
}

/// Two groups come before those of the replacement, of which one is the match itself.
fn shifted(replacement: &str) -> Option<String> {
    let (mut out, mut chars) = (String::new(), replacement.chars().peekable());
    while let Some(c) = chars.next() {
        out.push(c);
        // As `replace` reads it, where a backslash before anything else is one.
        if c == '\\'
            && let Some(group) = chars.peek().and_then(|next| next.to_digit(10))
        {
            out.push(char::from_digit(group + 2, 10)?);
            chars.next();
        }
    }
    Some(out)
}
