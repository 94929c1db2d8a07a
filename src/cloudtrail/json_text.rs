//! JSON that stands in a text: what `spath` reads.
//!
//! The text is walked as it is written, never printed anew: an object comes out with its own bytes, so that what a
//! search shows of a policy is the policy.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::tree::Tree;
use super::{json, raw_path};
use crate::value::{Scalar, Value};

/// What stands under `path` in a JSON text, in its order; nothing where the text is no JSON.
///
/// `a.b` goes through objects, `a{}` over the elements of an array, `a{2}` to one of them (the first is 0); of an
/// object, `{}` is the object itself, because policies write one statement with and without the brackets. An object or
/// an array is given as its text. Null and an empty array are no values.
pub fn extract_json(text: &str, path: &str) -> Vec<Scalar> {
    let mended = json::mend_surrogates(text);
    let mut found = Vec::new();
    if let Ok(root) = serde_json::from_str::<&RawValue>(&mended) {
        walk(root, path, &mut found);
    }
    found
}

/// Every field of a JSON object, as Splunk names the fields of an event (`a.b`, `a{}.b`), by name.
pub fn flatten_json(text: &str) -> Vec<(String, Value)> {
    let Ok(object) = Tree::read(text.trim_matches(json::SPACE), None) else { return Vec::new() };
    let fields = raw_path::flatten_under(object.root(), "");
    fields.into_iter().map(|(name, scalars)| (name, Value::from_scalars(scalars))).collect()
}

/// Which elements of an array a path asks for.
enum Index {
    Every,
    At(usize),
}

/// A key may itself hold dots: each way to read the path as keys is followed, as in the fields of an event.
fn walk(node: &RawValue, path: &str, found: &mut Vec<Scalar>) {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(node.get()).unwrap_or_default();
    let ends = path.match_indices('.').map(|(dot, _)| dot).chain([path.len()]);
    for end in ends {
        let (key, indexes) = split_indexes(&path[..end]);
        let member = if key.is_empty() && !indexes.is_empty() { Some(node) } else { members.get(key).copied() };
        if let Some(member) = member {
            spread(member, &indexes, path.get(end + 1..), found);
        }
    }
}

/// Goes through the arrays, then on along the rest of the path.
fn spread(node: &RawValue, indexes: &[Index], rest: Option<&str>, found: &mut Vec<Scalar>) {
    let Some((index, inner)) = indexes.split_first() else {
        match rest {
            Some(rest) => walk(node, rest, found),
            None => found.extend(scalar(node)),
        }
        return;
    };
    if node.get().starts_with('{') && matches!(index, Index::Every) {
        return spread(node, inner, rest, found);
    }
    let items: Vec<&RawValue> = serde_json::from_str(node.get()).unwrap_or_default();
    match index {
        Index::Every => items.iter().for_each(|item| spread(item, inner, rest, found)),
        Index::At(at) => items.get(*at).into_iter().for_each(|item| spread(item, inner, rest, found)),
    }
}

/// A segment of a path without its trailing `{}` and `{n}`, and these.
fn split_indexes(segment: &str) -> (&str, Vec<Index>) {
    let (mut key, mut indexes) = (segment, Vec::new());
    while let Some((rest, index)) = key.strip_suffix('}').and_then(|open| open.rsplit_once('{')) {
        let index = match index.parse() {
            Ok(at) => Index::At(at),
            Err(_) if index.is_empty() => Index::Every,
            Err(_) => break,
        };
        key = rest;
        indexes.insert(0, index);
    }
    (key, indexes)
}

fn scalar(node: &RawValue) -> Option<Scalar> {
    let text = node.get();
    match text.bytes().next()? {
        b'n' => None,
        b'"' => json::parse_string(text).map(Scalar::text),
        b'[' if text[1..text.len() - 1].trim().is_empty() => None,
        _ => Some(Scalar::text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::{extract_json, flatten_json};

    const POLICY: &str = r#"{"Statement": [{"Action":"s3:*", "n": 1.50}, {"Action": ["a", "b\""], "ok":true}],
        "One": {"Action": "x"}, "none": null, "empty": [ ], "a.b": {"c": 2}, "nested": [[1, 2], [3]], "x{y}": 4}"#;

    fn extracted(path: &str) -> Vec<String> {
        extract_json(POLICY, path).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn paths_go_through_objects_and_arrays() {
        assert_eq!(extracted("One.Action"), ["x"]);
        assert_eq!(extracted("Statement{}.Action{}"), ["a", "b\""]);
        assert_eq!(extracted("Statement{1}.ok"), ["true"]);
        assert_eq!(extracted("Statement{0}.n"), ["1.50"]);
        assert_eq!(extracted("nested{}{}"), ["1", "2", "3"]);
        assert_eq!(extracted("nested{}{0}"), ["1", "3"]);
        assert_eq!(extracted("a.b.c"), ["2"]);
        assert_eq!(extract_json(r#"[{"a": 1}, {"a": 2}]"#, "{}.a").len(), 2);
        assert_eq!(extracted("x{y}"), ["4"], "what is no index is part of the key");
    }

    #[test]
    fn objects_and_arrays_come_out_as_they_are_written() {
        assert_eq!(
            extracted("Statement{}"),
            [r#"{"Action":"s3:*", "n": 1.50}"#, r#"{"Action": ["a", "b\""], "ok":true}"#]
        );
        assert_eq!(extracted("Statement{}.Action"), ["s3:*", r#"["a", "b\""]"#]);
    }

    #[test]
    fn one_object_reads_like_an_array_of_it() {
        assert_eq!(extracted("One{}"), [r#"{"Action": "x"}"#]);
        assert_eq!(extracted("One{}.Action"), ["x"]);
        assert_eq!(extracted("One.Action{}"), [""; 0]);
        assert_eq!(extracted("One{0}.Action"), [""; 0]);
    }

    #[test]
    fn what_is_not_there_is_nothing() {
        for path in [
            "none",
            "empty",
            "empty{}",
            "Missing",
            "Statement.Action",
            "Statement{9}",
            "Statement{x}",
            "One.Action.x",
            "",
        ] {
            assert_eq!(extracted(path), [""; 0], "{path}");
        }
        for text in ["", "no JSON", "{", r#"{"a":1} x"#, "1"] {
            assert!(extract_json(text, "a").is_empty(), "{text}");
            assert!(flatten_json(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_costs_its_own_character_only() {
        assert_eq!(extract_json(r#"{"a":"x\ud800y"}"#, "a")[0].to_string(), "x\u{fffd}y");
    }

    #[test]
    fn every_field_has_the_name_that_an_events_field_has() {
        let names: Vec<String> = flatten_json(POLICY).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "One.Action",
                "Statement{}.Action",
                "Statement{}.Action{}",
                "Statement{}.n",
                "Statement{}.ok",
                "a.b.c",
                "nested{}{}",
                "x{y}"
            ]
        );
    }
}
