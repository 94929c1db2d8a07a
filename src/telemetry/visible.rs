//! Which characters must never reach a reader raw.

use std::borrow::Cow;

/// The text with every character that acts instead of being shown written as `\u{..}`: for lines on a terminal.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let escape =
        |character: char| if acts(character) { character.escape_unicode().to_string() } else { character.into() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// Whether a character acts on a terminal or on the order or the visibility of others: controls (C0, DEL, C1), line
/// and paragraph separators, bidirectional controls, invisible format characters and tags.
pub(super) fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_left_alone() {
        let text = "aws-cli/2.15 Größe 日本語 👍";
        assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn what_acts_is_written_out() {
        assert_eq!(visible("a\u{1b}[2J\u{9b}1m\r\nb"), "a\\u{1b}[2J\\u{9b}1m\\u{d}\\u{a}b");
        assert_eq!(visible("\u{202e}evil\u{2066}\u{200d}\u{e0041}"), "\\u{202e}evil\\u{2066}\\u{200d}\\u{e0041}");
        assert_eq!(visible("\u{2028}\u{7f}\0"), "\\u{2028}\\u{7f}\\u{0}");
    }
}
