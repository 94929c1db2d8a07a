//! Regular expressions of a search. Splunk's are PCRE; ours run in linear time, so that no text of an event makes one
//! slow. What both know is taken, what PCRE alone takes literally is escaped, the rest (look-around,
//! back-references) is refused.

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

use super::error::CompileError;
use crate::spl::ast::Span;

/// The most memory that a regular expression of a search may take, in bytes.
const LIMIT: usize = 1 << 20;
/// The same for one that is computed from an event, whose text an attacker may have written.
const COMPUTED_LIMIT: usize = 1 << 16;

/// Compiles a regular expression that stands in a search.
pub(super) fn compile(pattern: &str, span: &Span) -> Result<Regex, CompileError> {
    build(pattern, LIMIT).map_err(|error| {
        // The lines before the last one show the pattern again, which stands under the caret anyway.
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        CompileError::unsupported(format!("this regular expression is not supported: {reason}"), span)
            .with_help("look-around and back-references are not supported; RE2 syntax is")
    })
}

/// A regular expression that comes from an event; none where it is not one, or too large.
pub(super) fn computed(pattern: &str) -> Option<Regex> {
    build(pattern, COMPUTED_LIMIT).ok()
}

fn build(pattern: &str, limit: usize) -> Result<Regex, regex::Error> {
    let translated = translate(pattern).map_err(|foreign| regex::Error::Syntax(foreign.to_owned()))?;
    let mut builder = RegexBuilder::new(&translated);
    builder.size_limit(limit).dfa_size_limit(limit).nest_limit(64).build()
}

/// Why a pattern is refused that the `regex` crate would take for another one.
type Foreign = &'static str;

/// Escapes what PCRE takes literally and the `regex` crate does not: a `{` that begins no quantifier, and within a
/// class `[`, doubled operators, and what `(?x)` passes over. PCRE's `\<` and `\>` are these characters, not the borders
/// of a word.
fn translate(pattern: &str) -> Result<String, Foreign> {
    let mut translated = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    // Whether what stands before is a quantifier that may still become a lazy or a possessive one.
    let mut quantified = false;
    while let Some(c) = chars.next() {
        let follows_quantifier = std::mem::take(&mut quantified);
        match c {
            '\\' => escape(&mut chars, &mut translated)?,
            '[' => class(&mut chars, &mut translated)?,
            '{' if !is_quantifier(chars.clone()) => translated.push_str("\\{"),
            '{' => {
                translated.push('{');
                translated.extend(chars.by_ref().take_while(|c| *c != '}'));
                translated.push('}');
                quantified = true;
            }
            '+' if follows_quantifier => return Err("possessive quantifiers are not supported"),
            '*' | '+' | '?' => {
                translated.push(c);
                quantified = !follows_quantifier;
            }
            '(' if chars.next_if_eq(&'?').is_some() => {
                check_flags(&chars)?;
                translated.push_str("(?");
            }
            _ => translated.push(c),
        }
    }
    Ok(translated)
}

/// What stands behind `(?`. The crate has a flag `R`, which in PCRE calls the pattern itself.
fn check_flags(behind: &Peekable<Chars<'_>>) -> Result<(), Foreign> {
    let mut flags = behind.clone().take_while(|c| c.is_ascii_alphabetic() || *c == '-');
    if flags.any(|flag| flag == 'R') { Err("recursion is not supported") } else { Ok(()) }
}

/// What stands behind a backslash; the braces of `\p{..}` and `\x{..}` belong to it.
fn escape(chars: &mut Peekable<Chars<'_>>, translated: &mut String) -> Result<(), Foreign> {
    match chars.next() {
        Some(c @ ('<' | '>')) => translated.push(c),
        // The crate's is the one character U+000B.
        Some('v') => return Err(r"`\v` is not supported"),
        Some(c) => {
            translated.extend(['\\', c]);
            if matches!(c, 'p' | 'P' | 'x' | 'u' | 'U') && chars.peek() == Some(&'{') {
                translated.extend(chars.by_ref().take_while(|c| *c != '}'));
                translated.push('}');
            }
        }
        None => translated.push('\\'),
    }
    Ok(())
}

/// A class from behind its `[` to its `]`. A `]` at its beginning is one of its characters.
fn class(chars: &mut Peekable<Chars<'_>>, translated: &mut String) -> Result<(), Foreign> {
    translated.push('[');
    translated.extend(chars.next_if_eq(&'^'));
    if chars.next_if_eq(&']').is_some() {
        translated.push_str("\\]");
    }
    while let Some(c) = chars.next() {
        match c {
            ']' => {
                translated.push(']');
                return Ok(());
            }
            '\\' => escape(chars, translated)?,
            '[' if chars.peek() == Some(&':') => posix_class(chars, translated),
            '[' | '&' | '~' => translated.extend(['\\', c]),
            // Under `(?x)` the crate passes over them in a class as well.
            '#' | ' ' | '\t' | '\n' | '\r' => translated.push_str(&format!("\\x{:02x}", u32::from(c))),
            // A range up to the dash.
            '-' if chars.next_if_eq(&'-').is_some() => translated.push_str("-\\-"),
            _ => translated.push(c),
        }
    }
    Ok(())
}

/// `[:alpha:]`, from behind its `[`.
fn posix_class(chars: &mut Peekable<Chars<'_>>, translated: &mut String) {
    translated.push('[');
    for c in chars.by_ref() {
        translated.push(c);
        if c == ']' {
            return;
        }
    }
}

/// Whether what stands behind a `{` makes it a quantifier: `n}`, `n,}`, `n,m}`.
fn is_quantifier(mut rest: Peekable<Chars<'_>>) -> bool {
    let digits = |rest: &mut Peekable<Chars<'_>>| std::iter::from_fn(|| rest.next_if(char::is_ascii_digit)).count();
    if digits(&mut rest) == 0 {
        return false;
    }
    if rest.next_if_eq(&',').is_some() {
        digits(&mut rest);
    }
    rest.next() == Some('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pcre_takes_literally_is_literal() {
        for (pattern, text, found) in [
            (r"(?<json_field>{.+})", r#"x {"a":{}} y"#, r#"{"a":{}}"#),
            (r"a{b", "a{b", "a{b"),
            (r"a{,2}", "a{,2}", "a{,2}"),
            (r"a{2}b{1,}c{0,1}", "aabc", "aabc"),
            (r"\{1}", "{{1}", "{1}"),
            (r"\p{Lu}{2}", "aBCd", "BC"),
            (r"\x{41}", "A", "A"),
            (r"[[a]+", "b[a", "[a"),
            (r"[]x]+", "a]x", "]x"),
            (r"[^]]+", "ab]", "ab"),
            (r"[a&&b]+", "&b", "&b"),
            (r"[+--]+", "a-+", "-+"),
            (r"[[:digit:]{]+", "a{1", "{1"),
            (r"[\]\d]+", "a]1", "]1"),
            (r"[a-c]+", "xabcd", "abc"),
            (r"[ab][cd]{2}", "acdx", "acd"),
            (r"[ab]{x}", "a{x}", "a{x}"),
            (r"[ab][&&]", "a&", "a&"),
            (r"[[:digit:][]+", "a1[", "1["),
            (r"[\[\]]+", "a[]b", "[]"),
            (r"[\<\>]+", "a<>b", "<>"),
            (r"\pL+}", "1ab}2", "ab}"),
            (r"\x41b", "xAb", "Ab"),
            (r"\.{a}", "x.{a}", ".{a}"),
            (r"\<b\>", "<b>", "<b>"),
            (r"a\/b", "a/b", "a/b"),
            // Under `x` only blanks outside of classes mean nothing.
            (r"(?x) a [b #]+ # x+", "a b#c", "a b#"),
            (r"(?x)[ #\t]+", "a #b", " #"),
            (r"a+?b??(?:c+)+(?<d>d)+[*+]+\++", "aacdd*+++", "aacdd*+++"),
            (r"a{2}?b{1,}?\{+", "aab{{", "aab{{"),
        ] {
            let regex = compile(pattern, &(0..0)).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regex.find(text).map(|found| found.as_str()), Some(found), "{pattern}");
        }
    }

    #[test]
    fn what_pcre_alone_knows_is_refused() {
        // pcrepattern(3): a quantifier followed by `+` gives nothing back, `(?R)` calls the pattern, `\v` is any
        // vertical white space.
        for pattern in ["^a++ab", "a*+a", "a?+a", "a{1,2}+a", "[ab]++a", "(a)++b", "(?R)", "a(?iR)b", r"\v", r"[\v]"] {
            assert!(compile(pattern, &(0..0)).is_err(), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_linear_or_no_pattern_is_refused() {
        for pattern in ["(?=a)", "(?<!a)", r"(a)\1", "(", "[a", "*", r"\", r"\p{", "a{1000000}"] {
            assert!(compile(pattern, &(0..0)).is_err(), "{pattern}");
        }
    }
}
