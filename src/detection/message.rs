//! The `$field$` tokens of a message.

use std::ops::Range;

/// Each token's field with the bytes of the token, dollars included. A `$` that no field name without blanks and a
/// second `$` follow is a dollar.
pub(super) fn tokens(message: &str) -> Vec<(&str, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(start) = message[at..].find('$').map(|offset| at + offset) {
        let name_start = start + 1;
        let length = message[name_start..].find(|c: char| c == '$' || c.is_whitespace());
        at = name_start;
        if let Some(length) = length.filter(|&length| length > 0 && message[name_start + length..].starts_with('$')) {
            let end = name_start + length + 1;
            tokens.push((&message[name_start..end - 1], start..end));
            at = end;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn tokens_are_names_between_dollars() {
        let message = "$a$ and $requestParameters.cidrBlock$, not $5 or $ x $ or $$; $b$";
        let names: Vec<&str> = tokens(message).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "requestParameters.cidrBlock", "b"]);
        let (_, bytes) = tokens(message).swap_remove(1);
        assert_eq!(&message[bytes], "$requestParameters.cidrBlock$");
    }
}
