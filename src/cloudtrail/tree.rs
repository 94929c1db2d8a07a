//! One JSON object, read as far as it is asked for.
//!
//! Owns: how an event's text is taken apart. A text is read once when it comes in: its members are found and the values
//! passed over, which shows that all of it is JSON. What is inside a value is found when a path leads there. Nothing is
//! copied: keys and values are places in the text. What takes it apart is `scan`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::json::{self, Fault};
use super::scan::{self, Child};
use crate::value::Scalar;

/// An event may hold so many JSON values (BD-1): tiny ones, `{"":1}` over and over, take many times their text when they are
/// read, and CloudTrail's events have at most 1 MiB, and more than 30 bytes a value. They are counted before a document is
/// read as an event; until then no more of its members have to be kept.
pub(super) const MAX_VALUES: usize = 1 << 18;
/// An event and its members are seldom more.
const NODES: usize = 32;
/// The node of the text itself.
const WHOLE: usize = 0;
/// No text of so many bytes is taken apart: places in it have 32 bits.
pub(super) const TOO_LONG: usize = Place::ESCAPED as usize;

/// An object with its text.
#[derive(Clone, Debug)]
pub(super) struct Tree<'t> {
    text: Cow<'t, str>,
    nodes: RefCell<Nodes>,
}

/// A value in its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    tree: &'a Tree<'a>,
    /// Its place among the nodes.
    node: usize,
    value: Place,
}

/// The members of a text that is one object; their values are not looked into.
#[derive(Debug)]
pub(super) struct Members {
    nodes: Nodes,
    /// How many containers are inside each other.
    levels: usize,
}

/// What was found in a text: the whole, then, next to each other, what is in each value that somebody has looked into.
#[derive(Clone, Debug)]
struct Nodes {
    nodes: Vec<Node>,
    /// So many are kept beside the whole.
    most: usize,
    /// Keys that are written with escapes: seldom any.
    escaped: Vec<Box<str>>,
    /// The members of the whole, if they are few enough.
    index: Index,
}

/// The whole, a member of an object, or an element of an array.
#[derive(Clone, Copy, Debug)]
struct Node {
    mark: Mark,
    /// None of the text for the whole and for elements.
    key: Place,
    value: Place,
    /// What is in it, among the nodes; [`Place::NOWHERE`] as long as nobody has asked, [`Place::PLAIN`] of a string without
    /// escapes.
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
    /// In place of children: a string without escapes.
    const PLAIN: Self = Self { start: 1, end: 0 };
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
    /// Of a document: the first [`MAX_VALUES`]. None where the text is not one object and nothing else, or is [`TOO_LONG`].
    pub fn read(text: &str) -> Option<Self> {
        Self::first(MAX_VALUES, text)
    }

    fn first(most: usize, text: &str) -> Option<Self> {
        if text.len() >= TOO_LONG || !text.starts_with('{') {
            return None;
        }
        let mut nodes = Nodes { nodes: Vec::with_capacity(NODES), most, escaped: Vec::new(), index: Index::EMPTY };
        nodes.push(text, Place::NOWHERE, Place::new(0..text.len()), Place::NOWHERE);
        let levels = nodes.look_into(text, WHOLE)?;
        nodes.index = Index::of(&nodes.nodes[1..]);
        Some(Self { nodes, levels })
    }

    /// The value of this key in the document's text; of duplicate keys that of the last one.
    #[inline]
    pub fn get<'t>(&self, text: &'t str, key: &str) -> Option<&'t str> {
        let member = self.nodes.find(text, WHOLE, Mark::of(key), key)?;
        Some(&text[self.nodes.nodes[member].value.range()])
    }
}

impl<'t> Tree<'t> {
    /// Reads a text of which the members may be known, all of them.
    pub fn read(raw: &'t str, members: Option<Members>) -> Result<Self, Fault> {
        match members.or_else(|| Members::first(usize::MAX, raw)) {
            Some(Members { levels, .. }) if levels > json::MAX_DEPTH => Err(Fault::TooDeep),
            Some(Members { nodes, .. }) => Ok(Self { text: Cow::Borrowed(raw), nodes: RefCell::new(nodes) }),
            None => Err(json::check(raw).err().unwrap_or(Fault::NotAnObject)),
        }
    }

    /// With a copy of the text.
    pub fn into_owned(self) -> Tree<'static> {
        Tree { text: Cow::Owned(self.text.into_owned()), nodes: self.nodes }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The object.
    pub fn root(&self) -> View<'_> {
        self.view(WHOLE)
    }

    fn view(&self, node: usize) -> View<'_> {
        View { tree: self, node, value: self.nodes.borrow().nodes[node].value }
    }
}

impl<'a> View<'a> {
    /// The member of this name; of duplicate keys the last one. None of what is no object.
    #[inline]
    pub fn member(self, key: &str) -> Option<Self> {
        self.marked_member(Mark::of(key), key)
    }

    /// [`Self::member`] of a key with its mark.
    pub fn marked_member(self, mark: Mark, key: &str) -> Option<Self> {
        if self.first() != Some(b'{') {
            return None;
        }
        let mut all = self.tree.nodes.borrow_mut();
        if all.nodes[self.node].children == Place::NOWHERE {
            all.look_into(&self.tree.text, self.node);
        }
        let node = all.find(&self.tree.text, self.node, mark, key)?;
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
        match self.known_children() {
            Place::PLAIN => Cow::Borrowed(&written[1..written.len() - 1]),
            _ => Cow::Owned(json::parse_string(written).unwrap_or_default()),
        }
    }

    fn written(self) -> &'a str {
        &self.tree.text[self.value.range()]
    }

    fn known_children(self) -> Place {
        self.tree.nodes.borrow().nodes[self.node].children
    }

    fn first(self) -> Option<u8> {
        self.tree.text.as_bytes().get(self.value.start as usize).copied()
    }

    /// The children of an object, none of anything else.
    fn members_at(self) -> Range<usize> {
        if self.first() == Some(b'{') { self.children() } else { Place::NOWHERE.range() }
    }

    /// Of an object or array. The text was read before as a part of what holds it, so that it cannot fail now.
    fn children(self) -> Range<usize> {
        if self.known_children() == Place::NOWHERE {
            self.tree.nodes.borrow_mut().look_into(&self.tree.text, self.node);
        }
        self.known_children().range()
    }
}

/// [`View::scalar`] as a value.
pub(super) fn leaf(node: View<'_>) -> Option<Scalar> {
    node.scalar().map(Scalar::text)
}

/// The first bytes of a key, and its length in the last one as far as it goes: what differs in it is another key.
/// This is where paths spend their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    #[inline]
    pub fn of(key: &str) -> Self {
        let bytes = key.as_bytes();
        let first = match bytes.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => bytes.iter().rev().fold(0, |first, byte| first << 8 | u64::from(*byte)),
        };
        Self::new(first, bytes.len())
    }

    /// Of a key that stands there in a text.
    #[inline]
    fn at(text: &str, key: Place) -> Self {
        match text.as_bytes().get(key.start as usize..).and_then(<[u8]>::first_chunk) {
            Some(eight) => Self::new(u64::from_le_bytes(*eight), (key.end - key.start) as usize),
            None => Self::of(&text[key.range()]),
        }
    }

    /// Of the eight bytes from where a key begins, or as many as it has, and its length.
    #[inline]
    fn new(eight: u64, length: usize) -> Self {
        let kept = u64::MAX >> 8 >> (8 * 7_usize.saturating_sub(length));
        Self(eight & kept | (length.min(255) as u64) << 56)
    }

    /// Whether two keys of this mark are the same. With their last eight bytes, that is all of those that have no more than
    /// fifteen; a comparison of any length is a call.
    #[inline]
    fn is_same(self, one: &[u8], other: &[u8]) -> bool {
        match (one.last_chunk::<8>(), other.last_chunk()) {
            (Some(one), Some(other)) if self.0 >> 56 <= 15 => one == other,
            _ => one == other,
        }
    }
}

/// Where the members of the whole stand among the nodes, by their marks: fields are mostly theirs, and asked for again and
/// again. Of those with one mark the later ones stand further on.
#[derive(Clone, Debug)]
struct Index([u8; Index::SLOTS]);

impl Index {
    const SLOTS: usize = 128;
    /// Of more members each is looked at.
    const MOST: usize = Self::SLOTS / 2;
    const EMPTY: Self = Self([0; Self::SLOTS]);

    /// Of the nodes behind the whole; of none where they are more than [`Self::MOST`].
    fn of(members: &[Node]) -> Self {
        let mut index = Self::EMPTY;
        if members.len() <= Self::MOST {
            for (node, member) in (1..).zip(members) {
                let free = Self::slots(member.mark).find(|slot| index.0[*slot] == 0);
                index.0[free.expect("half of them stay free")] = node;
            }
        }
        index
    }

    /// The last node that has this mark and passes.
    #[inline]
    fn last(&self, mark: Mark, passes: impl Fn(usize) -> bool) -> Option<usize> {
        let nodes = Self::slots(mark).map(|slot| usize::from(self.0[slot])).take_while(|node| *node != 0);
        nodes.filter(|node| passes(*node)).last()
    }

    /// Where to look for this mark, one after the other.
    #[inline]
    fn slots(Mark(mark): Mark) -> impl Iterator<Item = usize> {
        // Knuth's multiplicative hash: the highest bits depend on all.
        let first = mark.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - Self::SLOTS.ilog2());
        (0..Self::SLOTS).map(move |step| (first as usize + step) % Self::SLOTS)
    }
}

impl Nodes {
    fn push(&mut self, text: &str, key: Place, value: Place, children: Place) {
        let mark = match key {
            Place { start, end: Place::ESCAPED } => Mark::of(&self.escaped[start as usize]),
            plain => Mark::at(text, plain),
        };
        self.nodes.push(Node { mark, key, value, children });
    }

    /// The last member of this name in an object that was looked into.
    #[inline]
    fn find(&self, text: &str, object: usize, mark: Mark, key: &str) -> Option<usize> {
        let is_it = |node: usize| {
            let node = &self.nodes[node];
            node.mark == mark && mark.is_same(self.key(node, text).as_bytes(), key.as_bytes())
        };
        let members = self.nodes[object].children.range();
        if object == WHOLE && members.len() <= Index::MOST {
            self.index.last(mark, is_it)
        } else {
            members.rev().find(|node| is_it(*node))
        }
    }

    /// Finds the members or elements of the object or array that this node is: how many containers are inside each other.
    /// None where it is no such thing.
    fn look_into(&mut self, text: &str, node: usize) -> Option<usize> {
        let before = self.nodes.len();
        let within = self.nodes[node].value.range();
        let place = |range: Range<usize>| Place::new(within.start + range.start..within.start + range.end);
        let levels = scan::children(&text[within.clone()], |Child { key, is_escaped, value, is_plain }| {
            if self.nodes.len() <= self.most {
                let key = if is_escaped { self.keep(text, place(key)) } else { place(key) };
                self.push(text, key, place(value), if is_plain { Place::PLAIN } else { Place::NOWHERE });
            }
        })?;
        self.nodes[node].children = Place::new(before..self.nodes.len());
        Some(levels)
    }

    /// A key with escapes is kept as what it stands for.
    fn keep(&mut self, text: &str, key: Place) -> Place {
        let quoted = key.range().start - 1..key.range().end + 1;
        self.escaped.push(json::parse_string(&text[quoted]).unwrap_or_default().into());
        Place { end: Place::ESCAPED, ..Place::new(self.escaped.len() - 1..0) }
    }

    #[inline]
    fn key<'a>(&'a self, node: &Node, text: &'a str) -> &'a str {
        match node.key {
            Place { start, end: Place::ESCAPED } => &self.escaped[start as usize],
            plain => &text[plain.range()],
        }
    }
}
