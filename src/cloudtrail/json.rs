//! An event's text to a JSON value without losing what serde_json would lose.
//!
//! serde_json rounds numbers that no 64-bit integer holds, refuses numbers beyond a double, and refuses strings with
//! half a surrogate pair. An attacker can write all three into an event, and an event that is refused is one that no
//! search sees. Events themselves are read by `tree`; this says what is wrong with a text that is none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The containers that may enclose a value: serde_json's own limit.
const MAX_DEPTH: usize = 127;

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

/// Parses one JSON document. Of duplicate keys the last wins. Integers of 64 bits stay numbers, every other number is
/// held as a string with its source's text; half a surrogate pair becomes U+FFFD.
pub(super) fn parse(text: &str) -> Result<Value, Fault> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if !holds_float(&value) => Ok(value),
        Ok(_) => parse_exactly(text),
        Err(error) => match Fault::from(error) {
            Fault::TooDeep => Err(Fault::TooDeep),
            // What is wrong by the first reading is named, unless the second reading knows better.
            fault => parse_exactly(text).map_err(|second| if second == Fault::TooDeep { second } else { fault }),
        },
    }
}

/// Parses a JSON string; half a surrogate pair becomes U+FFFD.
pub(super) fn parse_string(text: &str) -> Option<String> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&mend_surrogates(text))).ok()
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // serde_json does not tell this error apart in any other way; a test holds it to these words.
        if text.starts_with("recursion limit exceeded") { Self::TooDeep } else { Self::NotJson(text) }
    }
}

fn holds_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(holds_float),
        Value::Object(members) => members.values().any(holds_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn parse_exactly(text: &str) -> Result<Value, Fault> {
    let mended = mend_surrogates(text);
    build(serde_json::from_str(&mended)?, 0)
}

fn build(raw: &RawValue, depth: usize) -> Result<Value, Fault> {
    let text = raw.get();
    match text.bytes().next() {
        Some(b'{' | b'[') if depth == MAX_DEPTH => Err(Fault::TooDeep),
        Some(b'{') => {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            members.into_iter().map(|(key, member)| Ok((key, build(member, depth + 1)?))).collect()
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            items.into_iter().map(|item| build(item, depth + 1)).collect()
        }
        Some(b'-' | b'0'..=b'9') => Ok(number(text)),
        _ => Ok(serde_json::from_str(text)?),
    }
}

/// `-0` is no integer here: its text would become `0`.
fn number(text: &str) -> Value {
    if text == "-0" {
        return Value::from(text);
    }
    let integer = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
    integer.unwrap_or_else(|_| Value::from(text))
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
            // The character behind the backslash may be of several bytes where the text is not JSON.
            _ => escape + 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8),
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
    use serde_json::json;

    use super::{Fault, parse, parse_string};

    fn nested(depth: usize, core: &str) -> String {
        format!("{}{core}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn numbers_beyond_64_bits_keep_their_text() {
        let parsed =
            parse(r#"{"a":[1,-9223372036854775808,18446744073709551615,18446744073709551616,1.50,-0,1e999,0.1e-7]}"#);
        let expected = json!({"a": [1, i64::MIN, u64::MAX, "18446744073709551616", "1.50", "-0", "1e999", "0.1e-7"]});
        assert_eq!(parsed, Ok(expected));
    }

    #[test]
    fn half_a_surrogate_pair_costs_its_own_character_only() {
        let parsed = parse(r#"{"a":"x\ud800y","b\udc00":"\ud83d\ude00","c":"\\ud800","d":"\ud800\ud83d\ude00"}"#);
        let expected = json!({"a": "x\u{fffd}y", "b\u{fffd}": "😀", "c": "\\ud800", "d": "\u{fffd}😀"});
        assert_eq!(parsed, Ok(expected));
        assert_eq!(parse_string(r#""\ud800\"""#), Some("\u{fffd}\"".to_owned()));
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_in_both_readings() {
        assert_eq!(parse(r#"{"a":1,"a":2}"#), Ok(json!({"a": 2})));
        assert_eq!(parse(r#"{"a":1,"a":2,"b":1.0}"#), Ok(json!({"a": 2, "b": "1.0"})));
    }

    #[test]
    fn both_readings_have_one_depth_limit() {
        for core in ["1", "1.5", r#""\ud800""#] {
            assert!(parse(&nested(127, core)).is_ok(), "{core}");
            assert_eq!(parse(&nested(128, core)), Err(Fault::TooDeep), "{core}");
        }
    }

    #[test]
    fn what_the_second_reading_finds_too_deep_is_too_deep() {
        let odd = |depth| format!(r#"["\ud800",{}]"#, nested(depth, "1"));
        assert!(parse(&odd(126)).is_ok());
        assert_eq!(parse(&odd(127)), Err(Fault::TooDeep));
    }

    #[test]
    fn a_second_document_behind_the_first_is_refused() {
        assert!(matches!(parse("{} {}"), Err(Fault::NotJson(_))));
        assert!(matches!(parse(r#"{"a":"\ud800"} 1"#), Err(Fault::NotJson(_))));
        assert!(matches!(parse("\\é"), Err(Fault::NotJson(_))));
    }
}
