//! Where the members of a JSON object, or the elements of an array, stand in its text.
//!
//! Owns: the grammar of RFC 8259, which every byte is held against, what is passed over included. Builds nothing, so
//! that numbers beyond a double and half a surrogate pair are what they are in the text. Of our own because serde_json's
//! reader was the most of what an event costs that is decoded, and takes 1.5 to 1.7 times as long
//! (`docs/performance.md`). The tests hold it to serde_json.

use std::ops::Range;

use crate::words::{HIGHEST, is_special, special};

/// A member or an element, as places in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Child {
    /// None of the text for an element; without the quotes.
    pub key: Range<usize>,
    /// Whether the key is written with escapes.
    pub is_escaped: bool,
    pub value: Range<usize>,
    /// Whether the value is a string without escapes.
    pub is_plain: bool,
}

/// Shows `each` what is in a text that is one object or array, in the text's order. How many containers are inside each
/// other, where that is most: 1 of values that hold nothing. None where the text is anything else, or something stands
/// behind it; children may have been shown by then.
pub(super) fn children(text: &str, mut each: impl FnMut(Child)) -> Option<usize> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, enclosing: Vec::new(), levels: 1 };
    let open = scan.behind_space()?;
    let close = closing(open)?;
    let mut first = scan.behind_space()?;
    let mut is_first = true;
    while first != close {
        if !is_first {
            first = scan.behind_comma(first)?;
        }
        is_first = false;
        let (key, is_escaped) = if close == b'}' {
            let key = scan.key(first)?;
            first = scan.behind_space()?;
            key
        } else {
            (0..0, false)
        };
        let start = scan.at - 1;
        let is_plain = scan.value(first)?;
        each(Child { key, is_escaped, value: start..scan.at, is_plain });
        first = scan.behind_space()?;
    }
    scan.behind_space().is_none().then_some(scan.levels)
}

/// A text that is read once from its beginning.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// What closes each container around the one that is passed over: no recursion, since whoever writes the text decides
    /// how deep it goes.
    enclosing: Vec<u8>,
    /// The most so far.
    levels: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// The next byte that is no white space.
    #[inline]
    fn behind_space(&mut self) -> Option<u8> {
        loop {
            match self.next()? {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                byte => return Some(byte),
            }
        }
    }

    /// What follows the comma that `comma` must be.
    fn behind_comma(&mut self, comma: u8) -> Option<u8> {
        if comma == b',' { self.behind_space() } else { None }
    }

    /// From behind a key's first byte to behind its colon: the key, and whether it is written with escapes.
    #[inline]
    fn key(&mut self, first: u8) -> Option<(Range<usize>, bool)> {
        if first != b'"' {
            return None;
        }
        let start = self.at;
        let is_escaped = self.string()?;
        let end = self.at - 1;
        (self.behind_space()? == b':').then_some((start..end, is_escaped))
    }

    /// Passes over a value from behind its first byte; whether it is a string without escapes.
    #[inline]
    fn value(&mut self, first: u8) -> Option<bool> {
        match closing(first) {
            Some(close) => self.container(close).map(|()| false),
            None => self.scalar(first),
        }
    }

    fn container(&mut self, mut close: u8) -> Option<()> {
        let mut is_first = true;
        self.levels = self.levels.max(2);
        loop {
            let mut first = self.behind_space()?;
            if first == close {
                match self.enclosing.pop() {
                    Some(outer) => close = outer,
                    None => return Some(()),
                }
                is_first = false;
                continue;
            }
            if !is_first {
                first = self.behind_comma(first)?;
            }
            if close == b'}' {
                self.key(first)?;
                first = self.behind_space()?;
            }
            match closing(first) {
                Some(inner) => {
                    self.enclosing.push(close);
                    self.levels = self.levels.max(2 + self.enclosing.len());
                    close = inner;
                    is_first = true;
                }
                None => {
                    self.scalar(first)?;
                    is_first = false;
                }
            }
        }
    }

    /// As [`Self::value`], of what holds nothing.
    #[inline]
    fn scalar(&mut self, first: u8) -> Option<bool> {
        match first {
            b'"' => return self.string().map(|is_escaped| !is_escaped),
            b't' => self.word(b"rue")?,
            b'f' => self.word(b"alse")?,
            b'n' => self.word(b"ull")?,
            first => self.number(first)?,
        }
        Some(false)
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let is_next = self.bytes[self.at..].starts_with(rest);
        self.at += rest.len();
        is_next.then_some(())
    }

    fn number(&mut self, first: u8) -> Option<()> {
        match if first == b'-' { self.next()? } else { first } {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.takes(b".") {
            self.one_digit()?;
        }
        if self.takes(b"eE") {
            self.takes(b"+-");
            self.one_digit()?;
        }
        Some(())
    }

    /// Whether one of these is next; then it is taken.
    fn takes(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(is_next);
        is_next
    }

    fn one_digit(&mut self) -> Option<()> {
        self.next()?.is_ascii_digit().then(|| self.digits())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Passes over a string from behind its first quote; whether it has escapes.
    #[inline]
    fn string(&mut self) -> Option<bool> {
        self.at += plain(&self.bytes[self.at..]);
        match self.next()? {
            b'"' => Some(false),
            b'\\' => {
                self.at = behind_escaped(self.bytes, self.at)?;
                Some(true)
            }
            _ => None,
        }
    }
}

/// Where a string ends of which the first backslash stands before this place. By itself, as [`plain`] is, so that in the
/// others the place stays in a register.
#[cold]
#[inline(never)]
fn behind_escaped(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += match bytes.get(at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' if bytes.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit) => 5,
            _ => return None,
        };
        at += plain(&bytes[at..]);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 1,
            _ => return None,
        }
    }
}

/// What closes a container that this byte opens.
fn closing(open: u8) -> Option<u8> {
    match open {
        b'{' => Some(b'}'),
        b'[' => Some(b']'),
        _ => None,
    }
}

/// How many bytes stand before the first that ends a string or is not allowed in one as it is.
#[inline(never)]
fn plain(bytes: &[u8]) -> usize {
    let (eights, rest) = bytes.as_chunks();
    let mut before = 0;
    for eight in eights {
        let word = u64::from_le_bytes(*eight);
        let marked = special(word) & HIGHEST;
        // Only text that is not ASCII is marked without need.
        if marked != 0 && marked & !word != 0 {
            return before + ((marked & !word).trailing_zeros() / 8) as usize;
        }
        before += 8;
    }
    before + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
