//! One JSON object, read as far as it is asked for.
//!
//! Owns: how an event's text is taken apart. A text is read once when it comes in: its members are found and the values
//! passed over, which shows that all of it is JSON. What is inside a value is found when a path leads there. Nothing is
//! copied: keys and values are places in the text. The one place that calls the JSON parser for an event.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer as _, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::json::{self, Fault};
use crate::value::Scalar;

/// More brackets than this may be too deep; fewer cannot.
const SHALLOW: usize = 127;
/// An event and its members are seldom more.
const NODES: usize = 32;
/// No text of so many bytes is taken apart: places in it have 32 bits.
pub(super) const TOO_LONG: usize = Place::ESCAPED as usize;

/// An object with its text.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The source's text; where that holds half a surrogate pair, with U+FFFD in its place.
    text: Arc<str>,
    nodes: RefCell<Nodes>,
}

/// A value in its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    tree: &'a Tree,
    /// Its place among the nodes.
    node: usize,
    value: Place,
}

/// The members of a text that is one object; their values are not looked into.
#[derive(Debug)]
pub(super) struct Members(Nodes);

/// What was found in a text: the whole, then, next to each other, what is in each value that somebody has looked into.
#[derive(Clone, Debug)]
struct Nodes {
    nodes: Vec<Node>,
    /// Keys that are written with escapes: seldom any.
    escaped: Vec<Box<str>>,
}

/// The whole, a member of an object, or an element of an array.
#[derive(Clone, Copy, Debug)]
struct Node {
    mark: Mark,
    /// None of the text for the whole and for elements.
    key: Place,
    value: Place,
    /// What is in it, among the nodes; [`Place::NOWHERE`] as long as nobody has asked.
    children: Place,
}

/// From here to there, in a text or among nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// Nothing of a text; and no node's children, since the first node is the whole.
    const NOWHERE: Self = Self { start: 0, end: 0 };
    /// The end of a key that stands among the escaped ones, at its start; no place of a text.
    const ESCAPED: u32 = u32::MAX;

    /// Within a text of which the length was checked, or among its nodes, of which there are fewer.
    fn new(range: Range<usize>) -> Self {
        let within = |place: usize| u32::try_from(place).expect("a text is shorter than 4 GiB");
        Self { start: within(range.start), end: within(range.end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Members {
    /// None where the text is not one object and nothing else, is [`TOO_LONG`], or half a surrogate pair is in a key.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() >= TOO_LONG || !text.starts_with('{') {
            return None;
        }
        let mut nodes = Nodes { nodes: Vec::with_capacity(NODES), escaped: Vec::new() };
        nodes.push(text, Place::NOWHERE, Place::new(0..text.len()));
        nodes.look_into(text, 0).ok().map(|_| Self(nodes))
    }

    /// Keys and the texts of their values, in the order of the text; all of them where a key is there twice.
    pub fn iter<'m, 't: 'm>(&'m self, text: &'t str) -> impl Iterator<Item = (&'m str, &'t str)> {
        let Self(all) = self;
        all.nodes[1..].iter().map(|node| (all.key(node, text), &text[node.value.range()]))
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
            Some(Members(nodes)) => Ok(Self { text, nodes: RefCell::new(nodes) }),
            None => Err(json::check(raw).err().unwrap_or(Fault::NotAnObject)),
        }
    }

    /// The object.
    pub fn root(&self) -> View<'_> {
        self.view(0)
    }

    fn view(&self, node: usize) -> View<'_> {
        View { tree: self, node, value: self.nodes.borrow().nodes[node].value }
    }
}

impl<'a> View<'a> {
    /// The member of this name; of duplicate keys the last one. None of what is no object.
    pub fn member(self, key: &str) -> Option<Self> {
        let members = self.members_at();
        let all = self.tree.nodes.borrow();
        let mark = Mark::of(key);
        let is_it = |node: &Node| node.mark == mark && all.key(node, &self.tree.text) == key;
        let member = all.nodes[members.clone()].iter().rposition(is_it)?;
        let node = members.start + member;
        Some(View { tree: self.tree, node, value: all.nodes[node].value })
    }

    /// The members by key; of duplicate keys the last one. None of what is no object.
    pub fn members(self) -> BTreeMap<String, Self> {
        let members = self.members_at();
        let all = self.tree.nodes.borrow();
        let key = |node: usize| all.key(&all.nodes[node], &self.tree.text).to_owned();
        members.map(|node| (key(node), self.tree.view(node))).collect()
    }

    /// The elements of an array; none where it is no array.
    pub fn items(self) -> Option<impl Iterator<Item = Self>> {
        (self.first() == Some(b'[')).then(|| self.children().map(|node| self.tree.view(node)))
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
        &self.tree.text[self.value.range()]
    }

    fn first(self) -> Option<u8> {
        self.tree.text.as_bytes().get(self.value.start as usize).copied()
    }

    /// The children of an object, none of anything else.
    fn members_at(self) -> Range<usize> {
        if self.first() == Some(b'{') { self.children() } else { Place::NOWHERE.range() }
    }

    /// The text was read before as a part of what holds it, so that it cannot fail now.
    fn children(self) -> Range<usize> {
        let known = self.tree.nodes.borrow().nodes[self.node].children;
        if known != Place::NOWHERE {
            return known.range();
        }
        let found = self.tree.nodes.borrow_mut().look_into(&self.tree.text, self.node);
        found.unwrap_or(Place::NOWHERE).range()
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

impl Nodes {
    fn push(&mut self, text: &str, key: Place, value: Place) {
        let node = Node { mark: Mark(0), key, value, children: Place::NOWHERE };
        let mark = Mark::of(self.key(&node, text));
        self.nodes.push(Node { mark, ..node });
    }

    /// Finds the members or elements of the object or array that this node is.
    fn look_into(&mut self, text: &str, node: usize) -> serde_json::Result<Place> {
        let before = self.nodes.len();
        let mut deserializer = Deserializer::from_str(&text[self.nodes[node].value.range()]);
        deserializer.deserialize_any(Children { nodes: self, text })?;
        deserializer.end()?;
        let children = Place::new(before..self.nodes.len());
        self.nodes[node].children = children;
        Ok(children)
    }

    fn key<'a>(&'a self, node: &Node, text: &'a str) -> &'a str {
        match node.key {
            Place { start, end: Place::ESCAPED } => &self.escaped[start as usize],
            plain => &text[plain.range()],
        }
    }
}

/// In runs that a byte can count, so that vectors do it. The two characters differ in one bit.
fn brackets(text: &str) -> usize {
    let opens = |byte: &u8| u8::from(byte | (b'{' ^ b'[') == b'{');
    text.as_bytes().chunks(255).map(|run| usize::from(run.iter().map(opens).sum::<u8>())).sum()
}

/// What is in an object or array becomes nodes.
struct Children<'n, 't> {
    nodes: &'n mut Nodes,
    text: &'t str,
}

impl Children<'_, '_> {
    /// Of a part of the text.
    fn place(&self, part: &str) -> Place {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        Place::new(start..start + part.len())
    }

    fn push(&mut self, key: Place, value: &RawValue) {
        self.nodes.push(self.text, key, self.place(value.get()));
    }
}

impl<'de> Visitor<'de> for Children<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeyOf(&mut self))? {
            self.push(key, map.next_value()?);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            self.push(Place::NOWHERE, item);
        }
        Ok(())
    }
}

struct KeyOf<'c, 'n, 't>(&'c mut Children<'n, 't>);

impl<'de> DeserializeSeed<'de> for KeyOf<'_, '_, '_> {
    type Value = Place;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Place, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyOf<'_, '_, '_> {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Place, E> {
        Ok(self.0.place(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Place, E> {
        let escaped = &mut self.0.nodes.escaped;
        escaped.push(key.into());
        Ok(Place { end: Place::ESCAPED, ..Place::new(escaped.len() - 1..0) })
    }
}
