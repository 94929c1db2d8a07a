//! One JSON object, read as far as it is asked for.
//!
//! Owns: how an event's text is taken apart. A text is read once when it comes in: its members are found and the values
//! passed over, which shows that all of it is JSON; only of an envelope what holds the events is looked into on the way. What
//! is inside another value is found when a path leads there. Nothing is copied: keys and values are places in the text. What
//! takes it apart is `scan`.

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
/// The members that hold events in envelopes: of EventBridge the event, of files and of CloudWatch Logs several. What they hold
/// is read with the document.
const HOLDERS: [&str; 3] = ["detail", "Records", "logEvents"];
/// An event and its members are seldom more.
const NODES: usize = 32;
/// The node of the text itself.
const WHOLE: usize = 0;
/// No text of so many bytes is taken apart: places in it have 32 bits.
pub(super) const TOO_LONG: usize = Place::ESCAPED as usize;

/// An object with the text that it stands in.
#[derive(Clone, Debug)]
pub(super) struct Tree<'t> {
    text: Cow<'t, str>,
    nodes: RefCell<Nodes>,
    /// The object's place among the nodes.
    root: usize,
}

/// A value in its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    tree: &'a Tree<'a>,
    /// Its place among the nodes.
    node: usize,
    value: Place,
    /// Whether it is a string without escapes.
    is_plain: bool,
}

/// A text that is one object, and its members. Their values are not looked into, but for the first of [`HOLDERS`].
#[derive(Debug)]
pub(super) struct Document<'t> {
    text: &'t str,
    nodes: Nodes,
    /// The object that is meant, among the nodes: the whole, or one of [`HOLDERS`].
    root: usize,
    /// How many containers are inside each other in it.
    levels: usize,
    /// Which member was looked into, among the nodes, and its levels.
    holder: Option<(usize, usize)>,
}

/// What was found in a text: the whole, then, next to each other, what is in each value that somebody has looked into.
#[derive(Clone, Debug)]
struct Nodes {
    nodes: Vec<Node>,
    /// So many are kept beside the whole.
    most: usize,
    /// Keys that are written with escapes: seldom any.
    escaped: Vec<Box<str>>,
    /// The members of this object, if they are few enough.
    indexed: usize,
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

impl<'t> Document<'t> {
    /// The first [`MAX_VALUES`] members, with what the first of [`HOLDERS`] holds if that is not more. None where the text is not
    /// one object and nothing else, or is [`TOO_LONG`].
    pub fn read(text: &'t str) -> Option<Self> {
        Self::first(MAX_VALUES, text, &HOLDERS)
    }

    fn first(most: usize, text: &'t str, holders: &[&str]) -> Option<Self> {
        if text.len() >= TOO_LONG || !text.starts_with('{') {
            return None;
        }
        let (mut nodes, mut held, mut holder) = (Nodes::of(text, most), Vec::new(), None);
        let levels = scan::children_and_inside(text, 0..text.len(), holders, |is_inside, child| {
            let (levels, kept) = (child.levels, nodes.nodes.len() + held.len());
            match is_inside {
                true if kept <= most => {
                    if held.is_empty() {
                        held.reserve(NODES);
                    }
                    held.push(nodes.node(text, child));
                }
                true => {}
                false => {
                    // What is inside comes before the member that it is inside of.
                    if holder.is_none() && !held.is_empty() {
                        holder = Some((nodes.nodes.len(), levels));
                    }
                    nodes.add(text, child);
                }
            }
        })?;
        nodes.nodes[WHOLE].children = Place::new(1..nodes.nodes.len());
        // Where not all are kept, what is inside tells nothing.
        let holder = holder.filter(|_| nodes.nodes.len() + held.len() <= most);
        if let Some((node, _)) = holder {
            nodes.add_children(node, held);
        }
        nodes.index(WHOLE);
        Some(Self { text, nodes, root: WHOLE, levels, holder })
    }

    /// The value of this key in the whole; of duplicate keys that of the last one.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&'t str> {
        let member = self.nodes.find(self.text, WHOLE, Mark::of(key), key)?;
        Some(&self.text[self.nodes.nodes[member].value.range()])
    }

    /// This member's value as the object that is meant, if it was looked into and is one.
    pub fn at(mut self, value: &str) -> Option<Self> {
        (self.root, self.levels) = self.held(value, '{')?;
        self.nodes.index(self.root);
        Some(self)
    }

    /// The elements of this member's value; none if it is no array.
    pub fn elements(&self, value: &'t str) -> Option<Vec<&'t str>> {
        if let Some((node, _)) = self.held(value, '[') {
            let held = &self.nodes.nodes[self.nodes.nodes[node].children.range()];
            return Some(held.iter().map(|element| &self.text[element.value.range()]).collect());
        }
        if !value.starts_with('[') {
            return None;
        }
        let mut elements = Vec::new();
        scan::children(value, 0..value.len(), |child| elements.push(&value[child.value]))?;
        Some(elements)
    }

    /// The member that was looked into, if this is its value.
    fn held(&self, value: &str, open: char) -> Option<(usize, usize)> {
        let is_it = |(node, _): &(usize, usize)| std::ptr::eq(&self.text[self.nodes.nodes[*node].value.range()], value);
        self.holder.filter(|holder| value.starts_with(open) && is_it(holder))
    }
}

impl<'t> Tree<'t> {
    /// Reads an object, of no more than [`MAX_VALUES`] values, of which the members may be known, all of them.
    pub fn read(raw: &'t str, known: Option<Document<'t>>) -> Result<Self, Fault> {
        match known.or_else(|| Document::first(usize::MAX, raw, &[])) {
            Some(Document { levels, .. }) if levels > json::MAX_DEPTH => Err(Fault::TooDeep),
            Some(Document { text, mut nodes, root, .. }) => {
                // The object's own values were counted; what stands around it is none of them.
                nodes.most = usize::MAX;
                Ok(Self { text: Cow::Borrowed(text), nodes: RefCell::new(nodes), root })
            }
            None => Err(json::check(raw).err().unwrap_or(Fault::NotAnObject)),
        }
    }

    /// With a copy of the text that it stands in.
    pub fn into_owned(self) -> Tree<'static> {
        Tree { text: Cow::Owned(self.text.into_owned()), nodes: self.nodes, root: self.root }
    }

    /// The object's text.
    pub fn text(&self) -> &str {
        self.root().written()
    }

    /// The object.
    pub fn root(&self) -> View<'_> {
        self.view(self.root)
    }

    fn view(&self, node: usize) -> View<'_> {
        self.view_of(node, &self.nodes.borrow())
    }

    #[inline]
    fn view_of(&self, node: usize, all: &Nodes) -> View<'_> {
        let Node { value, children, .. } = all.nodes[node];
        View { tree: self, node, value, is_plain: children == Place::PLAIN }
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
        Some(self.tree.view_of(node, &all))
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
        if self.is_plain {
            Cow::Borrowed(&written[1..written.len() - 1])
        } else {
            Cow::Owned(json::parse_string(written).unwrap_or_default())
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

/// The value of this key in a text that is an object; of duplicate keys that of the last one. Nothing else is kept.
pub(super) fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let mut found = None;
    scan::children(object, 0..object.len(), |Child { key, is_escaped, value, .. }| {
        let is_it = if is_escaped { unescaped(object, key) == name } else { object[key] == *name };
        if is_it {
            found = Some(&object[value]);
        }
    })?;
    found
}

/// What a key stands for that is written with escapes.
fn unescaped(text: &str, key: Range<usize>) -> String {
    json::parse_string(&text[key.start - 1..key.end + 1]).unwrap_or_default()
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

    /// Whether two keys of this mark are the same: always, if it tells all of their bytes. With their last eight, that is all of
    /// those that have no more than fifteen; a comparison of any length is a call.
    #[inline(always)]
    fn is_same<'a>(self, one: impl FnOnce() -> &'a str, other: &str) -> bool {
        let length = self.0 >> 56;
        length <= 7
            || match (one().as_bytes(), other.as_bytes().last_chunk::<8>()) {
                (one, Some(end)) if length <= 15 => one.last_chunk() == Some(end),
                (one, _) => one == other.as_bytes(),
            }
    }
}

/// Where the members of an object stand among each other, counted from 1, by their marks: fields are mostly those of the event's
/// own object, and asked for again and again. Of those with one mark the later ones stand further on.
#[derive(Clone, Debug)]
struct Index([u8; Index::SLOTS]);

impl Index {
    const SLOTS: usize = 128;
    /// Of more members each is looked at.
    const MOST: usize = Self::SLOTS / 2;
    const EMPTY: Self = Self([0; Self::SLOTS]);

    /// Of none where they are more than [`Self::MOST`].
    fn of(members: &[Node]) -> Self {
        let mut index = Self::EMPTY;
        if members.len() <= Self::MOST {
            for (number, member) in (1..).zip(members) {
                let mut slot = Self::first_slot(member.mark);
                while index.0[slot] != 0 {
                    slot = Self::next_slot(slot);
                }
                index.0[slot] = number;
            }
        }
        index
    }

    /// The last one that passes, of those that may have this mark.
    #[inline(always)]
    fn last(&self, mark: Mark, passes: impl Fn(usize) -> bool) -> Option<usize> {
        let (mut slot, mut last) = (Self::first_slot(mark), None);
        // Half of them stay free.
        while let number @ 1.. = usize::from(self.0[slot]) {
            if passes(number - 1) {
                last = Some(number - 1);
            }
            slot = Self::next_slot(slot);
        }
        last
    }

    /// Where to look for this mark first.
    #[inline(always)]
    fn first_slot(Mark(mark): Mark) -> usize {
        // Knuth's multiplicative hash: the highest bits depend on all.
        (mark.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - Self::SLOTS.ilog2())) as usize
    }

    #[inline(always)]
    fn next_slot(slot: usize) -> usize {
        (slot + 1) % Self::SLOTS
    }
}

impl Nodes {
    /// Of a text of which the members are about to be added.
    fn of(text: &str, most: usize) -> Self {
        let value = Place::new(0..text.len());
        let mut nodes = Vec::with_capacity(NODES);
        nodes.push(Node { mark: Mark::of(""), key: Place::NOWHERE, value, children: Place::NOWHERE });
        Self { nodes, most, escaped: Vec::new(), indexed: WHOLE, index: Index::EMPTY }
    }

    /// The last member of this name in an object that was looked into.
    #[inline]
    fn find(&self, text: &str, object: usize, mark: Mark, key: &str) -> Option<usize> {
        let place = self.nodes[object].children.range();
        let members = &self.nodes[place.clone()];
        let found = if object == self.indexed && members.len() <= Index::MOST {
            self.index.last(mark, |member| self.is_named(&members[member], text, mark, key))
        } else {
            members.iter().rposition(|member| self.is_named(member, text, mark, key))
        };
        Some(place.start + found?)
    }

    #[inline(always)]
    fn is_named(&self, node: &Node, text: &str, mark: Mark, key: &str) -> bool {
        node.mark == mark && mark.is_same(|| self.key(node, text), key)
    }

    /// Finds the members or elements of the object or array that this node is, if it is one.
    fn look_into(&mut self, text: &str, node: usize) {
        let before = self.nodes.len();
        let within = self.nodes[node].value.range();
        if scan::children(text, within, |child| self.add(text, child)).is_some() {
            self.nodes[node].children = Place::new(before..self.nodes.len());
        }
    }

    /// Some of the members of this object are looked for often.
    fn index(&mut self, object: usize) {
        self.indexed = object;
        self.index = Index::of(&self.nodes[self.nodes[object].children.range()]);
    }

    /// What is inside of this node.
    fn add_children(&mut self, node: usize, children: Vec<Node>) {
        let before = self.nodes.len();
        self.nodes.extend(children);
        self.nodes[node].children = Place::new(before..self.nodes.len());
    }

    #[inline(always)]
    fn add(&mut self, text: &str, child: Child) {
        if self.nodes.len() <= self.most {
            let node = self.node(text, child);
            self.nodes.push(node);
        }
    }

    #[inline(always)]
    fn node(&mut self, text: &str, Child { key, is_escaped, value, is_plain, .. }: Child) -> Node {
        let (value, children) = (Place::new(value), if is_plain { Place::PLAIN } else { Place::NOWHERE });
        if is_escaped {
            let (mark, key) = self.keep(text, key);
            return Node { mark, key, value, children };
        }
        let key = Place::new(key);
        Node { mark: Mark::at(text, key), key, value, children }
    }

    /// A key with escapes is kept as what it stands for.
    #[cold]
    fn keep(&mut self, text: &str, key: Range<usize>) -> (Mark, Place) {
        let key = unescaped(text, key);
        let mark = Mark::of(&key);
        self.escaped.push(key.into());
        (mark, Place { end: Place::ESCAPED, ..Place::new(self.escaped.len() - 1..0) })
    }

    #[inline]
    fn key<'a>(&'a self, node: &Node, text: &'a str) -> &'a str {
        match node.key {
            Place { start, end: Place::ESCAPED } => &self.escaped[start as usize],
            plain => &text[plain.range()],
        }
    }
}
