//! One JSON object, read as far as it is asked for.
//!
//! Owns: how an event's text is taken apart. A text is read once when it comes in: its members are found and the values
//! passed over, which shows that all of it is JSON. What is inside a value is found when a path leads there. Nothing is
//! copied: keys and values are ranges of the text. The one place that calls the JSON parser for an event.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeSeed, Deserializer as _, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::json::{self, Fault};
use crate::value::Scalar;

/// More brackets than this may be too deep; fewer cannot.
const SHALLOW: usize = 127;
/// Members of an event, and of an object inside of one, seldom more.
const MEMBERS: usize = 28;
const MEMBERS_INSIDE: usize = 8;

/// An object with its text.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The source's text; where that holds half a surrogate pair, with U+FFFD in its place.
    text: Arc<str>,
    root: Node,
}

/// A value: where its text is, and what is in it once somebody has asked.
#[derive(Clone, Debug)]
struct Node {
    start: usize,
    end: usize,
    children: OnceLock<Vec<Child>>,
}

/// A member of an object, or an element of an array, which has no key.
#[derive(Clone, Debug)]
struct Child {
    mark: Mark,
    key: Key,
    node: Node,
}

#[derive(Clone, Debug)]
enum Key {
    None,
    /// Between these places of the text.
    Plain(usize, usize),
    /// Written with escapes.
    Escaped(Box<str>),
}

/// The members of a text that is one object; their values are not looked into.
#[derive(Debug)]
pub(super) struct Members(Vec<Child>);

/// A value in its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    text: &'a str,
    node: &'a Node,
}

impl Members {
    /// None where the text is not one object and nothing else, or half a surrogate pair is in a key.
    pub fn read(text: &str) -> Option<Self> {
        text.starts_with('{').then(|| children(text, 0, text.len()).ok().map(Self)).flatten()
    }

    /// Keys and the texts of their values, in the order of the text; all of them where a key is there twice.
    pub fn iter<'m, 't: 'm>(&'m self, text: &'t str) -> impl Iterator<Item = (&'m str, &'t str)> {
        self.0.iter().map(|child| (child.key.in_text(text), &text[child.node.start..child.node.end]))
    }
}

impl Tree {
    /// Reads a text of which the members may be known.
    pub fn read(raw: &Arc<str>, members: Option<Members>) -> Result<Self, Fault> {
        if brackets(raw) > SHALLOW {
            // Only the parser that builds values counts their levels.
            json::check(raw)?;
        }
        let (text, members) = match json::mend_surrogates(raw) {
            Cow::Borrowed(_) => (Arc::clone(raw), members.or_else(|| Members::read(raw))),
            Cow::Owned(mended) => {
                let members = Members::read(&mended);
                (mended.into(), members)
            }
        };
        match members {
            Some(Members(children)) => {
                let root = Node { start: 0, end: text.len(), children: OnceLock::from(children) };
                Ok(Self { text, root })
            }
            None => Err(json::check(raw).err().unwrap_or(Fault::NotAnObject)),
        }
    }

    /// The object.
    pub fn root(&self) -> View<'_> {
        View { text: &self.text, node: &self.root }
    }
}

impl<'a> View<'a> {
    /// The member of this name; of duplicate keys the last one. None of what is no object.
    pub fn member(self, key: &str) -> Option<Self> {
        let object = self.first() == Some(b'{');
        let members = if object { self.children() } else { &[] };
        let mark = Mark::of(key);
        let member = members.iter().rfind(|child| child.mark == mark && child.key.is(key, self.text))?;
        Some(View { text: self.text, node: &member.node })
    }

    /// The members by key; of duplicate keys the last one. None of what is no object.
    pub fn members(self) -> BTreeMap<&'a str, Self> {
        let members = if self.first() == Some(b'{') { self.children() } else { &[] };
        let view = |child: &'a Child| (child.key.in_text(self.text), View { text: self.text, node: &child.node });
        members.iter().map(view).collect()
    }

    /// The elements of an array; none where it is no array.
    pub fn items(self) -> Option<impl Iterator<Item = Self>> {
        let items = (self.first() == Some(b'[')).then(|| self.children())?;
        Some(items.iter().map(move |child| View { text: self.text, node: &child.node }))
    }

    /// A string.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        (self.first()? == b'"').then(|| self.string())
    }

    /// The number's text.
    pub fn as_number(self) -> Option<&'a str> {
        matches!(self.first()?, b'-' | b'0'..=b'9').then(|| self.written())
    }

    /// What a field holds that this stands for: objects, arrays and null are no values.
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self.first()? {
            b'"' => Some(self.string()),
            b'{' | b'[' | b'n' => None,
            _ => Some(Cow::Borrowed(self.written())),
        }
    }

    fn string(self) -> Cow<'a, str> {
        let written = self.written();
        let inner = &written[1..written.len() - 1];
        match memchr::memchr(b'\\', inner.as_bytes()) {
            None => Cow::Borrowed(inner),
            Some(_) => Cow::Owned(json::parse_string(written).unwrap_or_default()),
        }
    }

    fn written(self) -> &'a str {
        &self.text[self.node.start..self.node.end]
    }

    fn first(self) -> Option<u8> {
        self.text.as_bytes().get(self.node.start).copied()
    }

    /// The text was read before as a part of what holds it, so that it cannot fail now.
    fn children(self) -> &'a [Child] {
        let Node { start, end, children: known } = self.node;
        known.get_or_init(|| children(self.text, *start, *end).unwrap_or_default())
    }
}

/// [`View::scalar`] as a value.
pub(super) fn leaf(node: View<'_>) -> Option<Scalar> {
    node.scalar().map(Scalar::text)
}

/// The first bytes of a key, and its length in the last one as far as it goes: what differs in it is another key.
/// This is where paths spend their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u64);

impl Mark {
    fn of(key: &str) -> Self {
        let bytes = key.as_bytes();
        let first = match bytes.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight) & (u64::MAX >> 8),
            None => bytes.iter().rev().fold(0, |first, byte| first << 8 | u64::from(*byte)),
        };
        let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        Self(first | u64::from(length) << 56)
    }
}

impl Key {
    fn is(&self, key: &str, text: &str) -> bool {
        match self {
            Self::None => false,
            Self::Plain(start, end) => text.as_bytes()[*start..*end] == *key.as_bytes(),
            Self::Escaped(written) => **written == *key,
        }
    }

    fn in_text<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::None => "",
            Self::Plain(start, end) => &text[*start..*end],
            Self::Escaped(key) => key,
        }
    }
}

/// In runs that a byte can count, so that vectors do it. The two characters differ in one bit.
fn brackets(text: &str) -> usize {
    let opens = |byte: &u8| u8::from(byte | (b'{' ^ b'[') == b'{');
    text.as_bytes().chunks(255).map(|run| usize::from(run.iter().map(opens).sum::<u8>())).sum()
}

/// The members or elements of the object or array at this place.
fn children(text: &str, start: usize, end: usize) -> serde_json::Result<Vec<Child>> {
    let mut deserializer = Deserializer::from_str(&text[start..end]);
    let members = if end - start == text.len() { MEMBERS } else { MEMBERS_INSIDE };
    let children = deserializer.deserialize_any(Children { text, members })?;
    deserializer.end().map(|()| children)
}

struct Children<'t> {
    text: &'t str,
    /// How many an object is expected to have.
    members: usize,
}

impl Children<'_> {
    fn node(&self, value: &RawValue) -> Node {
        let start = self.place(value.get());
        Node { start, end: start + value.get().len(), children: OnceLock::new() }
    }

    /// Where a part of the text begins.
    fn place(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.text.as_ptr().addr()
    }
}

impl<'de> Visitor<'de> for Children<'_> {
    type Value = Vec<Child>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Child>, A::Error> {
        let mut children = Vec::with_capacity(self.members);
        while let Some(key) = map.next_key_seed(KeyOf(&self))? {
            let mark = Mark::of(key.in_text(self.text));
            children.push(Child { mark, key, node: self.node(map.next_value()?) });
        }
        Ok(children)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Child>, A::Error> {
        let mut children = Vec::new();
        while let Some(item) = items.next_element()? {
            children.push(Child { mark: Mark::of(""), key: Key::None, node: self.node(item) });
        }
        Ok(children)
    }
}

struct KeyOf<'c, 't>(&'c Children<'t>);

impl<'de> DeserializeSeed<'de> for KeyOf<'_, '_> {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyOf<'_, '_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Key, E> {
        let start = self.0.place(key);
        Ok(Key::Plain(start, start + key.len()))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        Ok(Key::Escaped(key.into()))
    }
}
