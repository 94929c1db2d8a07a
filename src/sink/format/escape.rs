//! JSON that is safe to print: characters that drive a terminal or turn text around are written as `\uXXXX`.
//!
//! A user agent or a name is chosen by an attacker and ends on somebody's terminal. JSON itself escapes C0 only.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Compact JSON with every control, line separator and bidirectional control escaped.
pub(in crate::sink) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2048);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, EscapingFormatter))
        .expect("writing to memory cannot fail, and every key is text");
    bytes
}

/// Whether a text has a character that [`to_json`] would not have written raw.
pub(super) fn acts(text: &str) -> bool {
    text.chars().any(|c| c < ' ' || is_dangerous(c))
}

struct EscapingFormatter;

impl Formatter for EscapingFormatter {
    /// Gets what needs no escape in plain JSON, keys included.
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, dangerous)) = rest.char_indices().find(|(_, c)| is_dangerous(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            write!(writer, "\\u{:04x}", u32::from(dangerous))?;
            rest = &rest[at + dangerous.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// All of them are in the basic plane, so one `\uXXXX` is enough.
fn is_dangerous(c: char) -> bool {
    matches!(c,
        '\u{7f}'..='\u{9f}'             // DEL and C1, which holds the one-byte CSI
        | '\u{2028}' | '\u{2029}'       // line and paragraph separator: a line of NDJSON must stay one line
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidirectional
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' // byte order mark, interlinear annotation
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from the threat, not from the table above: everything that Unicode calls a control, a line or paragraph
    /// separator, or bidirectional control.
    fn hostile() -> impl Iterator<Item = char> {
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        ('\0'..='\u{ffff}').filter(|c| c.is_control()).chain("\u{2028}\u{2029}".chars()).chain(bidi.chars())
    }

    #[test]
    fn no_hostile_character_reaches_the_bytes_and_none_is_lost() {
        for c in hostile() {
            let text = format!("a{c}b{c}");
            let written = String::from_utf8(to_json(&text)).unwrap();
            assert!(!written.contains(c), "{:04x} is written raw: {written:?}", u32::from(c));
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }

    #[test]
    fn keys_are_escaped_like_values() {
        let map = std::collections::BTreeMap::from([("k\u{9b}", "v\u{202e}")]);
        assert_eq!(to_json(&map), br#"{"k\u009b":"v\u202e"}"#);
    }

    #[test]
    fn other_text_is_written_as_it_is() {
        assert_eq!(to_json(&"grün 名前 🦀 é"), "\"grün 名前 🦀 é\"".as_bytes());
    }
}
