//! Where the members of a JSON object, or the elements of an array, stand in its text.
//!
//! Owns: the grammar of RFC 8259, which every byte is held against, what is passed over included. Builds nothing, so
//! that numbers beyond a double and half a surrogate pair are what they are in the text. Of our own because serde_json's
//! reader was the most of what an event costs that is decoded, and takes twice as long
//! (`docs/performance.md`). The tests hold it to serde_json.

mod stops;

use std::ops::Range;

pub(super) use self::stops::Stops;

/// A member or an element, as places in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    /// None of the text for an element; without the quotes.
    pub key: Range<usize>,
    /// Whether the key is written with escapes.
    pub is_escaped: bool,
    pub value: Range<usize>,
    /// Whether the value is a string without escapes.
    pub is_plain: bool,
    /// How many containers are inside each other in the value, where that is most: 1 of one that holds nothing, 0 of what is
    /// no container.
    pub levels: usize,
}

/// Shows `each` what is in the object or array that these bytes of a text are, in the text's order; and how many containers are
/// inside each other in it, where that is most. None where they are anything else, or something stands behind it; children may
/// have been shown by then.
pub(super) fn children(text: &str, within: Range<usize>, mut each: impl FnMut(Child)) -> Option<usize> {
    children_and_inside(text, within, &[], |_, child| each(child))
}

/// [`children`], and before the first member of one of these keys, written without escapes, that is an object or an array, what
/// is in that, in the same reading: `each` is told whether it is shown that.
pub(super) fn children_and_inside(
    text: &str,
    within: Range<usize>,
    inside: &[&str],
    mut each: impl FnMut(bool, Child),
) -> Option<usize> {
    let bytes = &text.as_bytes()[..within.end];
    let mut reading = Reading { stops: Stops::NONE, enclosing: Vec::new() };
    let (open, at) = behind_space(bytes, within.start)?;
    let (end, levels) = outermost(bytes, &mut reading, (open, at), false, inside, &mut each)?;
    behind_space(bytes, end).is_none().then_some(levels)
}

/// How many containers are inside each other in a text that is one JSON document, where that is most: 0 of what is no
/// container. None of anything else.
pub(super) fn levels(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (first, at) = behind_space(bytes, 0)?;
    let end = match first {
        b'{' | b'[' => return children(text, 0..bytes.len(), drop),
        b'"' => {
            let mut stops = Stops::NONE;
            string(bytes, &mut stops, first, at)?.0.end + 1
        }
        _ => bare(bytes, at - 1)?,
    };
    behind_space(bytes, end).is_none().then_some(0)
}

/// What is known of a text on the way through it.
struct Reading {
    stops: Stops,
    /// What closes each container around the one that is passed over. No recursion, since whoever writes the text decides how
    /// deep it goes.
    enclosing: Vec<u8>,
}

/// From behind the first byte of an object or array to behind its end; and its levels. Goes into itself once at most.
fn outermost(
    bytes: &[u8],
    reading: &mut Reading,
    (open, at): (u8, usize),
    is_inside: bool,
    mut inside: &[&str],
    each: &mut impl FnMut(bool, Child),
) -> Option<(usize, usize)> {
    let close = closing(open)?;
    let (mut first, mut at) = behind_space(bytes, at)?;
    let mut most = 1;
    if first == close {
        return Some((at, most));
    }
    loop {
        let (mut key, mut is_escaped) = (0..0, false);
        if close == b'}' {
            (key, is_escaped) = string(bytes, &mut reading.stops, first, at)?;
            (first, at) = behind_colon(bytes, key.end + 1)?;
        }
        let start = at - 1;
        let (mut is_plain, mut levels) = (false, 0);
        let end = match first {
            b'"' => {
                let (inner, is_escaped) = string(bytes, &mut reading.stops, first, at)?;
                is_plain = !is_escaped;
                inner.end + 1
            }
            b'{' | b'[' => {
                let is_looked_into = inside.iter().any(|name| bytes[key.clone()] == *name.as_bytes()) && close == b'}';
                let end;
                (end, levels) = if is_looked_into {
                    inside = &[];
                    outermost(bytes, reading, (first, at), true, inside, each)?
                } else {
                    container(bytes, reading, at, first)?
                };
                most = most.max(1 + levels);
                end
            }
            _ => bare(bytes, start)?,
        };
        each(is_inside, Child { key, is_escaped, value: start..end, is_plain, levels });
        (first, at) = behind_space(bytes, end)?;
        if first == close {
            return Some((at, most));
        }
        (first, at) = behind_comma(bytes, first, at)?;
    }
}

// Places are handed on by value, so that they stay in registers.

/// From here on, the first byte that is no white space, and what is behind it.
#[inline(always)]
fn behind_space(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return Some((byte, at));
        }
    }
}

/// [`behind_space`] of a colon, which must be the next.
#[inline(always)]
fn behind_colon(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let (colon, at) = behind_space(bytes, at)?;
    if colon == b':' { behind_space(bytes, at) } else { None }
}

/// [`behind_space`] of a comma, which this must be.
#[inline(always)]
fn behind_comma(bytes: &[u8], comma: u8, at: usize) -> Option<(u8, usize)> {
    if comma == b',' { behind_space(bytes, at) } else { None }
}

/// From behind its first byte to behind its end; and its levels.
fn container(bytes: &[u8], reading: &mut Reading, mut at: usize, open: u8) -> Option<(usize, usize)> {
    let Reading { stops, enclosing } = reading;
    let mut close = closing(open)?;
    let mut is_first = true;
    let mut levels = 1;
    loop {
        let mut first;
        (first, at) = behind_space(bytes, at)?;
        if first == close {
            match enclosing.pop() {
                Some(outer) => close = outer,
                None => return Some((at, levels)),
            }
            is_first = false;
            continue;
        }
        if !is_first {
            (first, at) = behind_comma(bytes, first, at)?;
        }
        if close == b'}' {
            let (key, _) = string(bytes, stops, first, at)?;
            (first, at) = behind_colon(bytes, key.end + 1)?;
        }
        is_first = false;
        match first {
            b'"' => at = string(bytes, stops, first, at)?.0.end + 1,
            b'{' | b'[' => {
                enclosing.push(close);
                levels = levels.max(1 + enclosing.len());
                close = closing(first)?;
                is_first = true;
            }
            _ => at = bare(bytes, at - 1)?,
        }
    }
}

/// What is in a string, of which the first byte must be this, from behind it; and whether it is written with escapes.
#[inline(always)]
fn string(bytes: &[u8], stops: &mut Stops, first: u8, at: usize) -> Option<(Range<usize>, bool)> {
    if first != b'"' {
        return None;
    }
    let end = stops.next(bytes, at);
    match bytes.get(end)? {
        b'"' => Some((at..end, false)),
        b'\\' => Some((at..end_of_escaped(bytes, stops, end + 1)?, true)),
        _ => None,
    }
}

/// Where a string ends of which the first backslash stands before this place.
#[cold]
#[inline(never)]
fn end_of_escaped(bytes: &[u8], stops: &mut Stops, mut at: usize) -> Option<usize> {
    loop {
        at += match bytes.get(at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' if bytes.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit) => 5,
            _ => return None,
        };
        at = stops.next(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 1,
            _ => return None,
        }
    }
}

/// The end of a value from its first byte, which opens neither a string nor a container.
fn bare(bytes: &[u8], start: usize) -> Option<usize> {
    let word = match bytes[start] {
        b't' => "true",
        b'f' => "false",
        b'n' => "null",
        _ => return number(bytes, start),
    };
    bytes[start..].starts_with(word.as_bytes()).then(|| start + word.len())
}

fn number(bytes: &[u8], start: usize) -> Option<usize> {
    let is_at = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let mut at = start + usize::from(is_at(start, b"-"));
    at = if is_at(at, b"0") { at + 1 } else { behind_digits(bytes, at)? };
    if is_at(at, b".") {
        at = behind_digits(bytes, at + 1)?;
    }
    if is_at(at, b"eE") {
        at = behind_digits(bytes, at + 1 + usize::from(is_at(at + 1, b"+-")))?;
    }
    Some(at)
}

/// None where there is no digit.
fn behind_digits(bytes: &[u8], start: usize) -> Option<usize> {
    let count = bytes[start.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(start + count)
}

/// What closes a container that this byte opens.
fn closing(open: u8) -> Option<u8> {
    match open {
        b'{' => Some(b'}'),
        b'[' => Some(b']'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
