//! Against `serde_json`: what it refuses is refused, and what it takes has the same children at the same places.

use std::fmt;
use std::ops::Range;

use proptest::prelude::*;
use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::stops::Stops;
use super::{Child, children, children_and_inside};

fn scanned(text: &str) -> Option<Vec<Child>> {
    let mut found = Vec::new();
    children(text, 0..text.len(), |child| found.push(child))?;
    Some(found)
}

fn scanned_levels(text: &str) -> Option<usize> {
    children(text, 0..text.len(), |_| ())
}

/// The same by `serde_json`, which reads keys and values as they are written.
struct Reference<'t>(&'t str);

impl Reference<'_> {
    fn children(text: &str) -> Option<Vec<Child>> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let children = deserializer.deserialize_any(Reference(text)).ok()?;
        deserializer.end().ok().map(|()| children)
    }

    fn child(&self, key: &str, value: &RawValue) -> Child {
        let start = |part: &str| part.as_ptr().addr() - self.0.as_ptr().addr();
        let is_plain = value.get().starts_with('"') && !value.get().contains('\\');
        let levels = levels(value.get());
        let value = start(value.get())..start(value.get()) + value.get().len();
        let Some(inner) = key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Child { key: 0..0, is_escaped: false, value, is_plain, levels };
        };
        let key = start(inner)..start(inner) + inner.len();
        Child { key, is_escaped: inner.contains('\\'), value, is_plain, levels }
    }
}

impl<'de> Visitor<'de> for Reference<'_> {
    type Value = Vec<Child>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut children = Vec::new();
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            children.push(self.child(key.get(), value));
        }
        Ok(children)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut children = Vec::new();
        while let Some(item) = items.next_element()? {
            children.push(self.child("", item));
        }
        Ok(children)
    }
}

/// The most brackets that are open at once in a JSON text.
fn levels(text: &str) -> usize {
    let (mut open, mut most, mut in_string, mut is_escaped) = (0, 0, false, false);
    for character in text.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => in_string = !in_string,
            '{' | '[' if !in_string => open += 1,
            '}' | ']' if !in_string => open -= 1,
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// The same child in a text that has so much more in front.
fn moved(by: usize, child: Child) -> Child {
    let moved = |place: Range<usize>| by + place.start..by + place.end;
    // An element has no key.
    let key = if child.key.start == 0 { child.key } else { moved(child.key) };
    Child { key, value: moved(child.value), ..child }
}

/// By `serde_json` as well: the children, and before the first member of these keys that is a container those inside of it.
fn inside_by_reference(text: &str, looked_into: &[&str]) -> Option<Vec<(bool, Child)>> {
    let (mut shown, mut is_found) = (Vec::new(), false);
    for child in Reference::children(text)? {
        let (key, value) = (&text[child.key.clone()], &text[child.value.clone()]);
        if !is_found && child.key.start > 0 && looked_into.contains(&key) && value.starts_with(['{', '[']) {
            is_found = true;
            let inner = Reference::children(value)?.into_iter();
            shown.extend(inner.map(|inner| (true, moved(child.value.start, inner))));
        }
        shown.push((false, child));
    }
    Some(shown)
}

/// What JSON is made of, and what it is not made of; the strings are longer than the eight bytes that are read at once.
const PIECES: [&str; 50] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    " ",
    "\t",
    "\n",
    "\r",
    "\"a\":",
    ",\"bb\":",
    "\"\"",
    "\"eventName\"",
    "\"a key of the event\":",
    "\"arn:aws:iam::123\"",
    "\\",
    "\\n",
    "\\\"",
    "\\r",
    "\\f",
    "\\u00E9",
    "\\u00g0",
    "\\u00e9",
    "\\ud800",
    "\\u12",
    "\"\\/\\b\"",
    "\u{1f}",
    "\u{0}",
    "\u{7f}",
    "\u{c}",
    "é",
    "😀",
    "{}",
    "[]",
    "true",
    "false",
    "null",
    "tru",
    "0",
    "1",
    "-",
    "12",
    ".5",
    "e",
    "E+7",
    "1e999",
    "-0",
    "+",
];

/// A value and its text, valid more often than not.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "true",
            "false",
            "null",
            "0",
            "-1.50e+3",
            "18446744073709551616",
            "1e999",
            "\"\\ud800\""
        ])
        .prop_map(str::to_owned),
        "\"([a-z]|\\\\[nt\"\\\\]|é){0,20}\"",
    ];
    let space = || "[ \n\r\t]{0,2}";
    leaf.prop_recursive(5, 30, 4, move |inner| {
        let item =
            (space(), inner.clone(), space()).prop_map(|(before, item, behind)| format!("{before}{item}{behind}"));
        let key = (space(), "\"([a-z]|\\\\u00e9){0,12}\"", space()).prop_map(|(b, key, e)| format!("{b}{key}{e}:"));
        let member = (key, item.clone()).prop_map(|(key, item)| key + &item);
        prop_oneof![
            (space(), prop::collection::vec(item, 0..4)).prop_map(|(s, items)| format!("[{s}{}]", items.join(","))),
            (space(), prop::collection::vec(member, 0..4)).prop_map(|(s, items)| format!("{{{s}{}}}", items.join(","))),
        ]
    })
}

/// Where a text is changed, in parts of its length; how much of it goes; and what comes there.
fn change() -> impl Strategy<Value = (f64, usize, &'static str)> {
    (0.0..1.0, 0_usize..3, prop::sample::select(PIECES.to_vec()))
}

fn changed(mut text: String, (place, gone, piece): (f64, usize, &str)) -> String {
    let boundary = |at: usize| (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a short text's length")]
    let start = boundary((place * text.len() as f64) as usize);
    text.replace_range(start..boundary(start + gone), piece);
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_part_of_a_text_is_read_as_if_it_were_alone(before in value(), text in value(), behind in value()) {
        let whole = format!("{before}{text}{behind}");
        let mut found = Vec::new();
        let levels = children(&whole, before.len()..before.len() + text.len(), |child| found.push(child));
        let alone = scanned(&text).map(|children| children.into_iter().map(|child| moved(before.len(), child)).collect());
        prop_assert_eq!(levels.map(|_| found), alone, "{} in {}", text, whole);
        prop_assert_eq!(levels, scanned_levels(&text), "{} in {}", text, whole);
    }

    #[test]
    fn a_json_text_has_the_children_that_serde_json_finds(text in value(), changes in prop::collection::vec(change(), 0..3)) {
        prop_assert_eq!(scanned(&text), Reference::children(&text));
        let text = changes.into_iter().fold(text, changed);
        prop_assert_eq!(scanned(&text), Reference::children(&text), "{}", text);
    }

    #[test]
    fn a_container_is_looked_into_in_the_same_reading(
        members in prop::collection::vec(("[ab]{0,1}", value()), 0..6), text in value(),
        changes in prop::collection::vec(change(), 0..2), key in prop::option::of("[ab]{0,1}"), is_flat in any::<bool>(),
        which in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        // Few keys, so that there are several of one.
        let member = |(key, value): &(String, String)| format!("\"{key}\":{value}");
        let of_few = || format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","));
        let text = changes.into_iter().fold(if is_flat { of_few() } else { text }, changed);
        let known = Reference::children(&text).unwrap_or_default();
        let known: Vec<&str> = known.iter().map(|child| &text[child.key.clone()]).collect();
        let mut keys: Vec<&str> = which.iter().filter_map(|which| known.get(which.index(known.len().max(1))).copied()).collect();
        keys.extend(key.as_deref());
        let mut shown = Vec::new();
        let found = children_and_inside(&text, 0..text.len(), &keys, |is_inside, child| shown.push((is_inside, child)));
        let expected = inside_by_reference(&text, &keys);
        prop_assert_eq!(found, expected.as_ref().map(|_| levels(&text)), "{}", text);
        prop_assert_eq!(found.map(|_| shown), expected, "{:?} of {}", keys, text);
    }

    #[test]
    fn what_is_put_together_anyhow_is_judged_as_by_serde_json(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12)) {
        for text in [pieces.concat(), format!("[{}]", pieces.concat()), format!("{{\"a\":{}}}", pieces.concat())] {
            prop_assert_eq!(scanned(&text), Reference::children(&text), "{}", text);
        }
    }

    /// However deep, what is opened last is closed first; `serde_json` goes no deeper than 127.
    #[test]
    fn a_container_ends_where_its_own_bracket_closes_it(objects in prop::collection::vec(any::<bool>(), 1..300), wrong in any::<prop::sample::Index>()) {
        let open: String = objects.iter().map(|is_object| if *is_object { "{\"\":" } else { "[" }).collect();
        let close = |is_object: bool| if is_object { '}' } else { ']' };
        let mut closed: Vec<char> = objects.iter().rev().map(|is_object| close(*is_object)).collect();
        let text = |closed: &[char]| open.clone() + "1" + &closed.iter().collect::<String>();
        prop_assert_eq!(scanned_levels(&text(&closed)), Some(objects.len()));
        let wrong = wrong.index(closed.len());
        closed[wrong] = close(closed[wrong] == ']');
        prop_assert_eq!(scanned_levels(&text(&closed)), None);
    }

    /// Against each byte by itself, from place to place, over several blocks.
    #[test]
    fn a_string_stops_at_its_first_quote_escape_or_control_character(
        bytes in prop::collection::vec(prop_oneof![12 => any::<u8>().prop_map(|byte| byte | 0x60), 1 => any::<u8>()], 0..300),
        steps in prop::collection::vec(prop_oneof![0..4_usize, 0..150_usize], 0..20),
    ) {
        let (mut stops, mut found) = (Stops::NONE, 0);
        for step in steps {
            let from = bytes.len().min(found + step);
            let is_stop = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let expected = bytes[from..].iter().position(is_stop).map_or(bytes.len(), |place| from + place);
            found = stops.next(&bytes, from);
            prop_assert_eq!(found, expected, "from {} of {:?}", from, bytes);
        }
    }
}

fn assert_like_serde_json(text: &str) {
    assert_eq!(scanned(text), Reference::children(text), "{text}");
    let expected = serde_json::from_str::<&RawValue>(text).ok().map(|document| levels(document.get()));
    assert_eq!(super::levels(text), expected, "{text}");
}

/// Every text of up to four of the characters that the grammar turns on, by itself and as what a container or string holds.
#[test]
fn every_short_text_is_judged_as_by_serde_json() {
    let mut texts = vec![String::new()];
    for _ in 0..4 {
        let longer =
            texts.iter().flat_map(|text| "{}[]\":,01-+.eE \\u".chars().map(move |next| format!("{text}{next}")));
        texts = longer.collect();
        for text in &texts {
            assert_like_serde_json(text);
            [format!("[{text}]"), format!("{{\"\":{text}}}"), format!("[\"{text}\"]")]
                .iter()
                .for_each(|whole| assert_like_serde_json(whole));
        }
    }
}

/// Behind a backslash, and in each place of the four digits; and each by itself, in a string and as a value.
#[test]
fn every_character_of_ascii_is_judged_as_by_serde_json() {
    for byte in 0..128_u8 {
        let character = char::from(byte);
        for text in
            ["?", "\"?\"", "\"12345678?\"", "\"\\?\"", "\"\\u?123\"", "\"\\u0?23\"", "\"\\u01?3\"", "\"\\u012?\""]
        {
            let text = text.replace('?', &character.to_string());
            assert_like_serde_json(&format!("[{text}]"));
            assert_like_serde_json(&format!("{{{text}:1}}"));
            assert_like_serde_json(&format!("[[{text}]{character}]"));
        }
    }
}

/// A bracket inside a string is none.
#[test]
fn levels_are_those_of_the_deepest_value() {
    for (text, levels) in [
        ("{}", 1),
        (r#"[1,"[[",true,"\"[[["]"#, 1),
        (r#"{"a":{},"b":[]}"#, 2),
        (r#"[[[1]],[2]]"#, 3),
        (r#"[[{"a":[]},[{"b":[{}]}]],[2]]"#, 6),
    ] {
        assert_eq!(scanned_levels(text), Some(levels), "{text}");
    }
}

/// An attacker decides how deep it goes.
#[test]
fn depth_takes_memory_and_no_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(1_000_000), close.repeat(1_000_000));
        assert_eq!(scanned(&text).map(|children| children.len()), Some(1));
        assert_eq!(scanned(&text[..text.len() - 1]), None);
    }
}
