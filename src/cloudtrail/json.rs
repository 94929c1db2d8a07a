//! What is wrong with a text that is no event; and what its strings stand for.
//!
//! serde_json refuses numbers beyond a double, and strings with half a surrogate pair. An attacker can write both into an
//! event, and an event that is refused is one that no search sees. Hence what is JSON is said by `scan`, as of events, which
//! `tree` reads; what is wrong with the rest by serde_json.

use std::borrow::Cow;

use serde_json::Value;

use super::scan::{self, Stops};

/// The containers that may enclose a value: serde_json's own limit.
pub(super) const MAX_DEPTH: usize = 127;

/// Why a text is not an event's JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nested deeper than the limit.
    TooDeep,
    /// JSON, but no object.
    NotAnObject,
    /// Not JSON; says where, without the text itself.
    NotJson(String),
}

/// What may stand around a JSON text.
pub(super) const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Whether a text is one JSON document that is not too deep. Numbers of any size, and half a surrogate pair, are JSON. Each
/// byte is read twice at most, however deep it stands.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    match scan::levels(text) {
        Some(levels) if levels > MAX_DEPTH => Err(Fault::TooDeep),
        Some(_) => Ok(()),
        // What is wrong is said in serde_json's words.
        None => serde_json::from_str::<Value>(text).map(drop).map_err(Fault::from),
    }
}

/// Parses a JSON string; half a surrogate pair becomes U+FFFD.
pub(super) fn parse_string(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    unescaped(inner)
        .or_else(|| serde_json::from_str(text).or_else(|_| serde_json::from_str(&mend_surrogates(text))).ok())
}

/// What stands between the quotes of a string without `\u`. A message of CloudWatch Logs is an event in which each quote is
/// escaped: serde_json's reader was a fifth of what such an event costs.
fn unescaped(inner: &str) -> Option<String> {
    let (mut stops, mut text, mut from) = (Stops::NONE, String::with_capacity(inner.len()), 0);
    loop {
        let at = stops.next(inner.as_bytes(), from);
        text.push_str(&inner[from..at]);
        match inner.as_bytes().get(at) {
            None => return Some(text),
            Some(b'\\') => text.push(escaped(*inner.as_bytes().get(at + 1)?)?),
            // Not JSON.
            Some(_) => return None,
        }
        from = at + 2;
    }
}

/// What this byte stands for behind a backslash, if it is alone.
fn escaped(byte: u8) -> Option<char> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte.into()),
        b'b' => Some('\u{8}'),
        b'f' => Some('\u{c}'),
        b'n' => Some('\n'),
        b'r' => Some('\r'),
        b't' => Some('\t'),
        _ => None,
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json does not tell this error apart in any other way; a test holds it to these words.
        if text.starts_with("recursion limit exceeded") { Self::TooDeep } else { Self::NotJson(text) }
    }
}

/// Replaces each `\u` escape that is half a surrogate pair. Outside strings JSON has no backslash.
pub(super) fn mend_surrogates(text: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        let escape = at + found;
        at = match code_unit(text, escape) {
            Some(0xD800..=0xDBFF) if matches!(code_unit(text, escape + 6), Some(0xDC00..=0xDFFF)) => escape + 12,
            Some(0xD800..=0xDFFF) => {
                mended.push_str(&text[copied..escape]);
                mended.push_str("\\ufffd");
                copied = escape + 6;
                copied
            }
            // A second backslash is not the beginning of an escape.
            _ => text.len().min(escape + 2),
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[copied..]);
    Cow::Owned(mended)
}

/// The UTF-16 code unit of the `\uXXXX` at `at`, if one stands there.
fn code_unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Fault, SPACE, check, mend_surrogates, parse_string};

    /// `core` in so many arrays, or objects.
    fn nested(depth: usize, [open, close]: [&str; 2], core: &str) -> String {
        format!("{}{core}{}", open.repeat(depth), close.repeat(depth))
    }

    const CONTAINERS: [[&str; 2]; 2] = [["[", "]"], [r#"{"a":"#, "}"]];

    #[test]
    fn numbers_beyond_a_double_are_json() {
        for number in ["1", "1.50", "-0", "18446744073709551616", "1e999", "-1e999"] {
            assert_eq!(check(number), Ok(()), "{number}");
            assert_eq!(check(&format!(r#"{{"a":[{number}]}}"#)), Ok(()), "{number}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_costs_its_own_character_only() {
        for (written, read) in [
            (r"x\ud800y", "x\u{fffd}y"),
            (r"\udc00", "\u{fffd}"),
            (r"\ud83d\ude00", "😀"),
            (r"\ud83d\ude00\ude00", "😀\u{fffd}"),
            (r"\ud800\ud83d\ude00", "\u{fffd}😀"),
            (r"\\ud800", "\\ud800"),
            (r"\\\ud800", "\\\u{fffd}"),
            (r"\n\ud800\\\n\udc00é", "\n\u{fffd}\\\n\u{fffd}é"),
            (r#"\ud800\""#, "\u{fffd}\""),
        ] {
            let quoted = format!("\"{written}\"");
            assert_eq!(parse_string(&quoted).as_deref(), Some(read), "{written}");
            assert_eq!(check(&format!("{{{quoted}:[{quoted}]}}")), Ok(()), "{written}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn a_string_is_what_serde_json_reads(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "\\\\", "\\\"", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t", "\\u00e9", "\\x", "\\", "\"", "\n", "é", "u", "a b",
                "a text that is longer than sixteen bytes",
            ]), 0..40),
            quotes in prop::sample::select(vec![["\"", "\""], ["\"", ""], ["", "\""], ["", ""], [" \"", "\""]]),
        ) {
            let text = format!("{}{}{}", quotes[0], pieces.concat(), quotes[1]);
            // White space around it is none of a value.
            let expected = serde_json::from_str::<String>(&text).ok().filter(|_| text == text.trim_matches(SPACE));
            prop_assert_eq!(parse_string(&text), expected, "{}", text);
        }
    }

    #[test]
    fn what_is_no_json_is_mended_without_a_panic() {
        for (text, mended) in [
            (r"\", r"\"),
            (r"\\", r"\\"),
            (r"\é", r"\é"),
            (r"\ud8", r"\ud8"),
            (r"\ud800\", r"\ufffd\"),
            (r"\ud800\é", r"\ufffd\é"),
            (r"\é\ud800", r"\é\ufffd"),
        ] {
            assert_eq!(mend_surrogates(text), mended);
            assert!(matches!(check(text), Err(Fault::NotJson(_))), "{text}");
        }
    }

    #[test]
    fn the_depth_limit_is_that_of_events_whatever_is_inside() {
        for containers in CONTAINERS {
            for core in ["1", "1.5", "1e999", r#""\ud800""#] {
                assert_eq!(check(&nested(127, containers, core)), Ok(()), "{core}");
                assert_eq!(check(&nested(128, containers, core)), Err(Fault::TooDeep), "{core}");
            }
        }
    }

    #[test]
    fn what_is_too_deep_is_too_deep_also_behind_what_serde_json_refuses() {
        for containers in CONTAINERS {
            let odd = |depth| format!(r#"["\ud800",{}]"#, nested(depth, containers, "1"));
            assert_eq!(check(&odd(126)), Ok(()));
            assert_eq!(check(&odd(127)), Err(Fault::TooDeep));
        }
    }

    #[test]
    fn a_second_document_behind_the_first_is_refused() {
        assert!(matches!(check("{} {}"), Err(Fault::NotJson(_))));
        assert!(matches!(check(r#"{"a":"\ud800"} 1"#), Err(Fault::NotJson(_))));
    }
}
