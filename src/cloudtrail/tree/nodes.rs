//! What was found in a text: places in it, all in one list.

use std::collections::BTreeMap;
use std::ops::Range;

use super::index::{Index, Mark};
use crate::cloudtrail::json;
use crate::cloudtrail::scan::{self, Child};

/// An event and its members are seldom more.
pub(super) const NODES: usize = 32;
/// The node of the text itself.
pub(super) const WHOLE: usize = 0;

/// What was found in a text: the whole, then, next to each other, what is in each value that somebody has looked into.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    pub nodes: Vec<Node>,
    /// So many are kept beside the whole.
    pub most: usize,
    /// Keys that are written with escapes: seldom any.
    escaped: Vec<Box<str>>,
    /// The members of this object, if they are few enough.
    indexed: usize,
    index: Index,
    /// The objects of more members than the index has room for that somebody has asked for one.
    large: BTreeMap<usize, Large>,
}

/// Of an object with many members, those by key, of one key in the text's order; none until it was asked for often enough.
/// Whoever asks for each of them by its name would otherwise have each compared with all.
#[derive(Clone, Debug, Default)]
struct Large {
    asked: usize,
    by_key: Vec<u32>,
}

/// From so many questions on it pays to have the members of an object in order.
const OFTEN: usize = 32;

/// The whole, a member of an object, or an element of an array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    mark: Mark,
    /// None of the text for the whole and for elements.
    key: Place,
    pub value: Place,
    /// What is in it, among the nodes; [`Place::NOWHERE`] as long as nobody has asked, [`Place::PLAIN`] of a string without
    /// escapes.
    pub children: Place,
}

/// From here to there, in a text or among nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub start: u32,
    end: u32,
}

impl Place {
    /// Nothing of a text; and no node's children, since the first node is the whole.
    pub const NOWHERE: Self = Self { start: 0, end: 0 };
    /// In place of children: a string without escapes.
    pub const PLAIN: Self = Self { start: 1, end: 0 };
    /// The end of a key that stands among the escaped ones, at its start; no place of a text.
    pub const ESCAPED: u32 = u32::MAX;

    /// Within a text of which the length was checked, or among its nodes, of which there are fewer.
    pub fn new(range: Range<usize>) -> Self {
        let within = |place: usize| u32::try_from(place).expect("a text is shorter than 4 GiB");
        Self { start: within(range.start), end: within(range.end) }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Nodes {
    /// Of a text of which the members are about to be added.
    pub fn of(text: &str, most: usize) -> Self {
        let value = Place::new(0..text.len());
        let mut nodes = Vec::with_capacity(NODES);
        nodes.push(Node { mark: Mark::of(""), key: Place::NOWHERE, value, children: Place::NOWHERE });
        Self { nodes, most, escaped: Vec::new(), indexed: WHOLE, index: Index::EMPTY, large: BTreeMap::new() }
    }

    /// The last member of this name in an object that was looked into.
    #[inline]
    pub fn find(&self, text: &str, object: usize, mark: Mark, key: &str) -> Option<usize> {
        let place = self.nodes[object].children.range();
        let members = &self.nodes[place.clone()];
        let found = if object == self.indexed && members.len() <= Index::MOST {
            self.index.last(mark, |member| self.is_named(&members[member], text, mark, key))
        } else {
            members.iter().rposition(|member| self.is_named(member, text, mark, key))
        };
        Some(place.start + found?)
    }

    /// [`Self::find`], which remembers how often it is asked.
    #[inline]
    pub fn find_again(&mut self, text: &str, object: usize, mark: Mark, key: &str) -> Option<usize> {
        let members = self.nodes[object].children.range();
        if members.len() <= Index::MOST {
            self.find(text, object, mark, key)
        } else {
            self.find_in_large(text, object, mark, key)
        }
    }

    #[cold]
    fn find_in_large(&mut self, text: &str, object: usize, mark: Mark, key: &str) -> Option<usize> {
        let mut large = self.large.remove(&object).unwrap_or_default();
        large.asked += 1;
        let found = if large.asked <= OFTEN {
            self.find(text, object, mark, key)
        } else {
            if large.by_key.is_empty() {
                large.by_key = self.by_key(text, object);
            }
            let behind = large.by_key.partition_point(|member| self.key_of(*member, text) <= key);
            let last = behind.checked_sub(1).map(|at| large.by_key[at]);
            last.filter(|member| self.key_of(*member, text) == key).map(|member| member as usize)
        };
        self.large.insert(object, large);
        found
    }

    fn by_key(&self, text: &str, object: usize) -> Vec<u32> {
        let Place { start, end } = self.nodes[object].children;
        let mut members: Vec<u32> = (start..end).collect();
        // Stable: the last of duplicate keys stays the last.
        members.sort_by(|a, b| self.key_of(*a, text).cmp(self.key_of(*b, text)));
        members
    }

    fn key_of<'a>(&'a self, node: u32, text: &'a str) -> &'a str {
        self.key(&self.nodes[node as usize], text)
    }

    #[inline(always)]
    fn is_named(&self, node: &Node, text: &str, mark: Mark, key: &str) -> bool {
        node.mark == mark && mark.is_same(|| self.key(node, text), key)
    }

    /// Finds the members or elements of the object or array that this node is, if it is one.
    pub fn look_into(&mut self, text: &str, node: usize) {
        let before = self.nodes.len();
        let within = self.nodes[node].value.range();
        if scan::children(text, within, |child| self.add(text, child)).is_some() {
            self.nodes[node].children = Place::new(before..self.nodes.len());
        }
    }

    /// Some of the members of this object are looked for often.
    pub fn index(&mut self, object: usize) {
        self.indexed = object;
        self.index = Index::of(self.nodes[self.nodes[object].children.range()].iter().map(|member| member.mark));
    }

    /// What is inside of this node.
    pub fn add_children(&mut self, node: usize, children: Vec<Node>) {
        let before = self.nodes.len();
        self.nodes.extend(children);
        self.nodes[node].children = Place::new(before..self.nodes.len());
    }

    #[inline(always)]
    pub fn add(&mut self, text: &str, child: Child) {
        if self.nodes.len() <= self.most {
            let node = self.node(text, child);
            self.nodes.push(node);
        }
    }

    #[inline(always)]
    pub fn node(&mut self, text: &str, Child { key, is_escaped, value, is_plain, .. }: Child) -> Node {
        let (value, children) = (Place::new(value), if is_plain { Place::PLAIN } else { Place::NOWHERE });
        if is_escaped {
            let (mark, key) = self.keep(text, key);
            return Node { mark, key, value, children };
        }
        let mark = Mark::at(text, key.clone());
        Node { mark, key: Place::new(key), value, children }
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
    pub fn key<'a>(&'a self, node: &Node, text: &'a str) -> &'a str {
        match node.key {
            Place { start, end: Place::ESCAPED } => &self.escaped[start as usize],
            plain => &text[plain.range()],
        }
    }
}

/// What a key stands for that is written with escapes.
pub(super) fn unescaped(text: &str, key: Range<usize>) -> String {
    json::parse_string(&text[key.start - 1..key.end + 1]).unwrap_or_default()
}
