//! Paths into an event, in Splunk's spelling: `a.b` through objects, `a{}.b` over the elements of an array.

use std::collections::BTreeMap;

use super::tree::{View, leaf};
use crate::value::Scalar;

/// Shows `visit` what stands under `path`, in document order (objects by key). A key may itself hold dots: each way to
/// read the path as keys is followed, because Splunk gives `{"a.b": 1}` and `{"a": {"b": 1}}` one field name.
pub(super) fn walk<'a>(node: View<'a>, path: &str, visit: &mut dyn FnMut(View<'a>)) {
    let ends = memchr::memchr_iter(b'.', path.as_bytes()).chain([path.len()]);
    for end in ends {
        let (key, depth) = strip_braces(&path[..end]);
        if let Some(member) = node.member(key) {
            spread(member, depth, path.get(end + 1..), visit);
        }
    }
}

/// Every leaf whose flattened name begins with `prefix`, by name.
pub(super) fn flatten_under(event: View<'_>, prefix: &str) -> BTreeMap<String, Vec<Scalar>> {
    let mut fields = BTreeMap::new();
    flatten(event, String::new(), prefix, &mut fields);
    fields
}

/// Recursion is bounded by the levels that an event may have.
fn flatten(node: View<'_>, name: String, prefix: &str, fields: &mut BTreeMap<String, Vec<Scalar>>) {
    if !name.starts_with(prefix) && !prefix.starts_with(&name) {
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

/// Goes through `depth` arrays, then on along the rest of the path.
fn spread<'a>(node: View<'a>, depth: usize, rest: Option<&str>, visit: &mut dyn FnMut(View<'a>)) {
    match (depth, rest) {
        (0, Some(rest)) => walk(node, rest, visit),
        (0, None) => visit(node),
        _ => {
            if let Some(items) = node.items() {
                items.for_each(|item| spread(item, depth - 1, rest, visit));
            }
        }
    }
}

/// The key without its trailing `{}`, and how many there were.
fn strip_braces(segment: &str) -> (&str, usize) {
    let mut key = segment;
    while let Some(shorter) = key.strip_suffix("{}") {
        key = shorter;
    }
    (key, (segment.len() - key.len()) / 2)
}
