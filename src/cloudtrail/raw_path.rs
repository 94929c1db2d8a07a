//! Paths into an event, in Splunk's spelling: `a.b` through objects, `a{}.b` over the elements of an array.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::value::Scalar;

/// Shows `visit` what stands under `path`, in document order (objects by key). A key may itself hold dots: each way to
/// read the path as keys is followed, because Splunk gives `{"a.b": 1}` and `{"a": {"b": 1}}` one field name.
pub(super) fn walk<'a>(node: &'a Json, path: &str, visit: &mut dyn FnMut(&'a Json)) {
    let Json::Object(members) = node else { return };
    let ends = path.match_indices('.').map(|(dot, _)| dot).chain([path.len()]);
    for end in ends {
        let (key, depth) = strip_braces(&path[..end]);
        if let Some(member) = members.get(key) {
            spread(member, depth, path.get(end + 1..), visit);
        }
    }
}

/// The value of a field that holds this. Objects, arrays and null are no values; an array's elements are under
/// `path{}`.
pub(super) fn leaf(node: &Json) -> Option<Scalar> {
    match node {
        Json::Bool(truth) => Some(Scalar::text(if *truth { "true" } else { "false" })),
        Json::Number(number) => Some(Scalar::text(number.to_string())),
        Json::String(text) => Some(Scalar::text(text.as_str())),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Every leaf whose flattened name begins with `prefix`, by name.
pub(super) fn flatten_under(event: &Json, prefix: &str) -> BTreeMap<String, Vec<Scalar>> {
    let mut fields = BTreeMap::new();
    flatten(event, String::new(), prefix, &mut fields);
    fields
}

fn flatten(node: &Json, name: String, prefix: &str, fields: &mut BTreeMap<String, Vec<Scalar>>) {
    if !name.starts_with(prefix) && !prefix.starts_with(&name) {
        return;
    }
    match node {
        Json::Object(members) => {
            for (key, member) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(member, name, prefix, fields);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| flatten(item, format!("{name}{{}}"), prefix, fields)),
        _ if name.starts_with(prefix) => {
            if let Some(leaf) = leaf(node) {
                fields.entry(name).or_default().push(leaf);
            }
        }
        _ => {}
    }
}

/// Goes through `depth` arrays, then on along the rest of the path.
fn spread<'a>(node: &'a Json, depth: usize, rest: Option<&str>, visit: &mut dyn FnMut(&'a Json)) {
    match (node, depth, rest) {
        (_, 0, Some(rest)) => walk(node, rest, visit),
        (_, 0, None) => visit(node),
        (Json::Array(items), _, _) => items.iter().for_each(|item| spread(item, depth - 1, rest, visit)),
        _ => {}
    }
}

/// The key without its trailing `{}`, and how many there were.
fn strip_braces(segment: &str) -> (&str, usize) {
    let key = segment.trim_end_matches("{}");
    (key, (segment.len() - key.len()) / 2)
}
