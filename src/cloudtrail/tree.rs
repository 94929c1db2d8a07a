//! One JSON object, read as far as it is asked for.
//!
//! Owns: how an event's text is taken apart. A text is read once when it comes in: its members are found and the values
//! passed over, which shows that all of it is JSON; only of an envelope what holds the events is looked into on the way. What
//! is inside another value is found when a path leads there. Nothing is copied: keys and values are places in the text. What
//! takes it apart is `scan`.

mod document;
mod index;
mod nodes;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

pub(super) use self::document::{Document, MAX_VALUES, TOO_LONG, member};
pub(super) use self::index::Mark;
use self::nodes::{Node, Nodes, Place};
use super::json::{self, Fault};
use crate::value::Scalar;

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

impl<'t> Tree<'t> {
    /// Reads an object, of no more than [`MAX_VALUES`] values, of which the members may be known, all of them.
    pub fn read(raw: &'t str, known: Option<Document<'t>>) -> Result<Self, Fault> {
        match known.or_else(|| Document::read_all(raw)) {
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
        let node = all.find_again(&self.tree.text, self.node, mark, key)?;
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

/// [`View::scalar`] as a value.
pub(super) fn leaf(node: View<'_>) -> Option<Scalar> {
    node.scalar().map(Scalar::text)
}
