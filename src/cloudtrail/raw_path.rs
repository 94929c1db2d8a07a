//! Paths into an event, in Splunk's spelling: `a.b` through objects, `a{}.b` over the elements of an array.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tree::{Mark, View, leaf};
use crate::value::Scalar;

/// A path, taken apart once.
#[derive(Clone, Debug)]
pub(super) struct RawPath {
    text: Arc<str>,
    segments: Box<[Segment]>,
}

/// What stands between two dots of a path.
#[derive(Clone, Debug)]
struct Segment {
    /// Where it begins in the path.
    start: usize,
    /// Where it ends, without its trailing `{}`.
    end: usize,
    /// How many `{}` there are.
    depth: usize,
    /// That of the segment as a key; not of one that holds dots.
    mark: Mark,
}

impl RawPath {
    /// Any text is a path.
    pub fn compile(text: Arc<str>) -> Self {
        let mut start = 0;
        let segments = text.split('.').map(|segment| {
            let key = segment.trim_end_matches("{}");
            let end = start + key.len();
            let cut = Segment { start, end, depth: (segment.len() - key.len()) / 2, mark: Mark::of(key) };
            start += segment.len() + 1;
            cut
        });
        Self { segments: segments.collect(), text }
    }

    /// The path as it is written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Shows `visit` what stands under the path, in document order (objects by key). A key may itself hold dots: each
    /// way to read the path as keys is followed, because Splunk gives `{"a.b": 1}` and `{"a": {"b": 1}}` one field name.
    #[inline]
    pub fn walk<'a>(&self, node: View<'a>, mut visit: impl FnMut(View<'a>)) {
        match &*self.segments {
            // Most paths are one key.
            [Segment { depth: 0, mark, .. }] => node.marked_member(*mark, &self.text).into_iter().for_each(visit),
            _ => self.walk_from(0, node, &mut visit),
        }
    }

    fn walk_from<'a>(&self, first: usize, node: View<'a>, visit: &mut dyn FnMut(View<'a>)) {
        let Segment { start, mark, .. } = self.segments[first];
        for (last, segment) in self.segments.iter().enumerate().skip(first) {
            let key = &self.text[start..segment.end];
            let mark = if last == first { mark } else { Mark::of(key) };
            if let Some(member) = node.marked_member(mark, key) {
                self.spread(last + 1, segment.depth, member, visit);
            }
        }
    }

    /// Goes through `depth` arrays, then on along the rest of the path.
    fn spread<'a>(&self, next: usize, depth: usize, node: View<'a>, visit: &mut dyn FnMut(View<'a>)) {
        match depth {
            0 if next == self.segments.len() => visit(node),
            0 => self.walk_from(next, node, visit),
            _ => {
                if let Some(items) = node.items() {
                    items.for_each(|item| self.spread(next, depth - 1, item, visit));
                }
            }
        }
    }
}

/// Longer names are made of no field: a key stands in the names of all that is inside of it, so that one long key and many
/// short ones would come to a name each of its length. Who asks for such a field by its name finds it.
const LONGEST_NAME: usize = 256;

/// Every leaf whose flattened name begins with `prefix`, by name; of names of at most [`LONGEST_NAME`] bytes.
pub(super) fn flatten_under(event: View<'_>, prefix: &str) -> BTreeMap<String, Vec<Scalar>> {
    let mut fields = BTreeMap::new();
    flatten(event, String::new(), prefix, &mut fields);
    fields
}

/// Recursion is bounded by the levels that an event may have.
fn flatten(node: View<'_>, name: String, prefix: &str, fields: &mut BTreeMap<String, Vec<Scalar>>) {
    if name.len() > LONGEST_NAME || (!name.starts_with(prefix) && !prefix.starts_with(&name)) {
        return;
    }
    for (key, member) in node.members() {
        let name = if name.is_empty() { key } else { format!("{name}.{key}") };
        flatten(member, name, prefix, fields);
    }
    if let Some(items) = node.items() {
        items.for_each(|item| flatten(item, format!("{name}{{}}"), prefix, fields));
    }
    if name.starts_with(prefix)
        && let Some(leaf) = leaf(node)
    {
        fields.entry(name).or_default().push(leaf);
    }
}
