//! The call of a macro between backticks: `` `name` ``, `` `name(a, "b, c")` ``.

use crate::spl::error::{SplError, SplErrorKind};

/// A call's name and arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
}

/// Reads what stands between the backticks.
pub(super) fn parse(text: &str) -> Result<Call, SplError> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        None => (text, Vec::new()),
        Some((name, rest)) => {
            let inner = rest.trim_end().strip_suffix(')').ok_or_else(|| wrong(text, "`)` is missing at its end"))?;
            (name.trim_end(), split_arguments(inner))
        }
    };
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
    if !is_name {
        return Err(wrong(text, "a macro's name has letters, digits and `_ - . :`"));
    }
    Ok(Call { name: name.to_owned(), arguments })
}

fn wrong(text: &str, why: &str) -> SplError {
    SplError::new(SplErrorKind::Macro, format!("`{text}` is not a macro call: {why}"), 0..0)
}

/// Splits at commas outside quotes and parentheses; an argument that is wholly quoted loses its quotes.
fn split_arguments(text: &str) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut arguments = vec![String::new()];
    let (mut quoted, mut depth, mut escaped) = (false, 0_usize, false);
    for c in text.chars() {
        match c {
            ',' if !quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        arguments.last_mut().expect("never empty").push(c);
    }
    arguments.iter().map(|argument| unquote(argument.trim())).collect()
}

fn unquote(argument: &str) -> String {
    match argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if !inner.replace("\\\"", "").contains('"') => inner.replace("\\\"", "\""),
        _ => argument.to_owned(),
    }
}
