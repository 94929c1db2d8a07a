//! A document that is one object: its members, and what one of them holds of an envelope.

use super::index::Mark;
use super::nodes::{NODES, Nodes, Place, WHOLE, unescaped};
use crate::cloudtrail::scan::{self, Child};

/// An event may hold so many JSON values (BD-1): tiny ones, `{"":1}` over and over, take many times their text when they are
/// read, and CloudTrail's events have at most 1 MiB, and more than 30 bytes a value. They are counted before a document is
/// read as an event; until then no more of its members have to be kept.
pub(in crate::cloudtrail) const MAX_VALUES: usize = 1 << 18;
/// The members that hold events in envelopes: of EventBridge the event, of files and of CloudWatch Logs several. What they hold
/// is read with the document.
const HOLDERS: [&str; 3] = ["detail", "Records", "logEvents"];
/// No text of so many bytes is taken apart: places in it have 32 bits.
pub(in crate::cloudtrail) const TOO_LONG: usize = Place::ESCAPED as usize;

/// A text that is one object, and its members. Their values are not looked into, but for the first of [`HOLDERS`].
#[derive(Debug)]
pub(in crate::cloudtrail) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Nodes,
    /// The object that is meant, among the nodes: the whole, or one of [`HOLDERS`].
    pub(super) root: usize,
    /// How many containers are inside each other in it.
    pub(super) levels: usize,
    /// Which member was looked into, among the nodes, and its levels.
    holder: Option<(usize, usize)>,
}

impl<'t> Document<'t> {
    /// The first [`MAX_VALUES`] members, with what the first of [`HOLDERS`] holds if that is not more. None where the text is not
    /// one object and nothing else, or is [`TOO_LONG`].
    pub fn read(text: &'t str) -> Option<Self> {
        Self::first(MAX_VALUES, text, &HOLDERS)
    }

    /// As [`Self::read`] of an object by itself: all members, and nothing of what they hold.
    pub fn read_all(text: &'t str) -> Option<Self> {
        Self::first(usize::MAX, text, &[])
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

    /// Shows `each` the elements of this member's value, one by one, since there may be one for every two bytes; and whether
    /// it is an array.
    pub fn elements(&self, value: &'t str, mut each: impl FnMut(&'t str)) -> bool {
        if let Some((node, _)) = self.held(value, '[') {
            let held = &self.nodes.nodes[self.nodes.nodes[node].children.range()];
            held.iter().for_each(|element| each(&self.text[element.value.range()]));
            return true;
        }
        value.starts_with('[') && scan::children(value, 0..value.len(), |child| each(&value[child.value])).is_some()
    }

    /// The member that was looked into, if this is its value.
    fn held(&self, value: &str, open: char) -> Option<(usize, usize)> {
        let is_it = |(node, _): &(usize, usize)| std::ptr::eq(&self.text[self.nodes.nodes[*node].value.range()], value);
        self.holder.filter(|holder| value.starts_with(open) && is_it(holder))
    }
}

/// The value of this key in a text that is an object; of duplicate keys that of the last one. Nothing else is kept.
pub(in crate::cloudtrail) fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let mut found = None;
    scan::children(object, 0..object.len(), |Child { key, is_escaped, value, .. }| {
        let is_it = if is_escaped { unescaped(object, key) == name } else { object[key] == *name };
        if is_it {
            found = Some(&object[value]);
        }
    })?;
    found
}
