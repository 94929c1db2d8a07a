//! Where the characters of a scalar's text came from.
//!
//! Every style of YAML (plain, quoted, literal, folded) changes only white space, doubled single quotes and backslash
//! escapes; all other characters stand in the source in their order. So text and source are walked together.

use std::ops::Range;

/// How the source writes a character that it cannot write as itself.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Raw,
    SingleQuoted,
    DoubleQuoted,
}

/// The source byte of each byte of `text` and of its end, where `text` is the scalar at `bytes` of the source.
pub(super) fn align(source: &str, bytes: Range<usize>, text: &str) -> Option<Vec<usize>> {
    let (style, mut at) = style(source, &bytes);
    let mut map = Vec::with_capacity(text.len() + 1);
    for c in text.chars() {
        let start;
        (start, at) = if c.is_whitespace() { blank(source, at, c, style) } else { mark(source, at, c, style)? };
        map.extend(std::iter::repeat_n(start, c.len_utf8()));
    }
    map.push(at);
    Some(map)
}

/// A scalar that begins with a quote is quoted, unless it is the content of a block.
fn style(source: &str, bytes: &Range<usize>) -> (Style, usize) {
    let quote = source[bytes.start..].chars().next().filter(|_| !is_block(&source[..bytes.start]));
    match quote {
        Some('\'') => (Style::SingleQuoted, bytes.start + 1),
        Some('"') => (Style::DoubleQuoted, bytes.start + 1),
        _ => (Style::Raw, bytes.start),
    }
}

/// Whether what precedes a scalar ends in the header of a block: `|`, `>-`, `|2 # comment`.
fn is_block(before: &str) -> bool {
    let Some((lines, _indent)) = before.rsplit_once('\n') else { return false };
    let header = lines.trim_end().rsplit('\n').next().unwrap_or_default();
    let header = header.split(" #").next().unwrap_or_default().trim_end();
    header.trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit()).ends_with(['|', '>'])
}

/// White space of the text: the same character of the source if it stands there, otherwise nothing is consumed but an
/// escape; what folding left over is skipped before the next mark.
fn blank(source: &str, at: usize, c: char, style: Style) -> (usize, usize) {
    let rest = &source[at..];
    if rest.starts_with(c) {
        return (at, at + c.len_utf8());
    }
    match escape(rest) {
        Some((Some(escaped), length)) if style == Style::DoubleQuoted && escaped == c => (at, at + length),
        _ => (at, at),
    }
}

/// A visible character: its place in the source and what follows it.
fn mark(source: &str, mut at: usize, c: char, style: Style) -> Option<(usize, usize)> {
    loop {
        let rest = &source[at..];
        let next = rest.chars().next()?;
        if style == Style::DoubleQuoted && next == '\\' {
            match escape(rest)? {
                (Some(escaped), length) if escaped == c => return Some((at, at + length)),
                // White space that folding left over, or a line break.
                (_, length) => at += length,
            }
        } else if next == c {
            let doubled = style == Style::SingleQuoted && c == '\'';
            return Some((at, at + next.len_utf8() * if doubled { 2 } else { 1 }));
        } else if next.is_whitespace() {
            at += next.len_utf8();
        } else {
            return None;
        }
    }
}

/// The character that a backslash escape stands for (none for an escaped line break), and its length.
fn escape(rest: &str) -> Option<(Option<char>, usize)> {
    let code = rest.strip_prefix('\\')?.chars().next()?;
    let hex = |digits: usize| {
        let value = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
        Some((Some(char::from_u32(value)?), 2 + digits))
    };
    let simple = |c: char| Some((Some(c), 1 + code.len_utf8()));
    match code {
        'x' => hex(2),
        'u' => hex(4),
        'U' => hex(8),
        'n' => simple('\n'),
        't' | '\t' => simple('\t'),
        'r' => simple('\r'),
        '0' => simple('\0'),
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'e' => simple('\u{1b}'),
        'f' => simple('\u{c}'),
        'v' => simple('\u{b}'),
        'N' => simple('\u{85}'),
        '_' => simple('\u{a0}'),
        'L' => simple('\u{2028}'),
        'P' => simple('\u{2029}'),
        '\n' => Some((None, 2)),
        c => simple(c),
    }
}
