//! Positions of scalars in every style.

use super::{Documents, Place, place_of};

/// Checks that each of `words` in the scalar `a` maps to where the word stands in the source, character by character.
#[track_caller]
fn assert_mapped(source: &str, text: &str, words: &[&str]) {
    let documents = Documents::read(source).expect("YAML");
    let node = documents.nodes().next().expect("a document").get("a").expect("the key a");
    assert_eq!(node.text(), Some(text));
    let map = node.text_map();
    assert_eq!(map.len(), text.len() + 1);
    for word in words {
        let at = text.find(word).expect("in the text");
        assert!(source[map[at]..].starts_with(word), "{word}: {:?}", &source[map[at]..]);
        for (offset, c) in word.char_indices() {
            assert_eq!(map[at + offset], map[at] + offset, "{c} of {word}");
        }
    }
}

#[test]
fn plain_and_quoted_scalars_on_one_line() {
    assert_mapped("# é\na: one two\n", "one two", &["one", "two"]);
    assert_mapped("a: one  two\u{a0}\u{a0}three\n", "one  two\u{a0}\u{a0}three", &["one  two\u{a0}\u{a0}three"]);
    assert_mapped("a: 'one ''two'' three'\n", "one 'two' three", &["one", "two", "three"]);
    assert_mapped("a: \"one \\\"two\\\" \\u00e9 three\"\n", "one \"two\" é three", &["one", "two", "three"]);
}

#[test]
fn each_escape_has_its_place() {
    let documents = Documents::read("a: \"b\\t\\tc\\\\\\u00e9d\"\n").expect("YAML");
    let node = documents.nodes().next().and_then(|root| root.get("a")).expect("the key a");
    assert_eq!(node.text(), Some("b\t\tc\\éd"));
    // Of the two bytes of é both begin where its escape does.
    assert_eq!(node.text_map(), [4, 5, 7, 9, 10, 12, 12, 18, 19]);
}

#[test]
fn scalars_folded_over_lines() {
    assert_mapped("a: one\n   two\n\n   three\nb: 1\n", "one two\nthree", &["one", "two", "three"]);
    assert_mapped("a: 'one \n   two\n\n   three'\n", "one two\nthree", &["one", "two", "three"]);
    assert_mapped(
        "a: \"one\\\n   \\ two\n   three\\n four\"\n",
        "one two three\n four",
        &["one", "two", "three", "four"],
    );
    assert_mapped("b: 1\na: \"one\\\n   \\ two\"\n", "one two", &["one", "two"]);
    assert_mapped("a:\n   one\n   two\n", "one two", &["one", "two"]);
}

#[test]
fn blocks() {
    assert_mapped("a: |-\n  one\n    two\n\n  three\n", "one\n  two\n\nthree", &["one", "two", "three"]);
    assert_mapped("a: >- # why\n  'one'\n  two\n\n  three\n", "'one' two\nthree", &["'one'", "two", "three"]);
    assert_mapped("a: |\n\n  \\n one\n", "\n\\n one\n", &["\\n one"]);
    assert_mapped("a: |2+\n  \"one\\n\n  two\n", "\"one\\n\ntwo\n", &["\"one\\n", "two"]);
}

#[test]
fn places_count_characters() {
    assert_eq!(place_of("é é\nü x", 9), Place { line: 2, column: 3 });
    let documents = Documents::read("é: 1\nb: [x, {c: y}]\n").expect("YAML");
    let root = documents.nodes().next().expect("a document");
    let y = root.get("b").and_then(|b| b.items()).and_then(|items| items[1].get("c")).expect("y");
    assert_eq!(y.place(), Place { line: 2, column: 12 });
    assert_eq!(root.get("b").map(|b| b.place()), Some(Place { line: 2, column: 4 }));
}

#[test]
fn broken_yaml_has_a_place() {
    let error = Documents::read("a: 1\nb: [\n").err().expect("an error");
    assert!(error.place.line >= 2, "{error:?}");
    let error = Documents::read("a: 1\nb: 2\na: 3\n").err().expect("a key twice");
    assert_eq!(error.place.line, 3, "{error:?}");
}

#[test]
fn what_a_node_is_can_be_said() {
    for (yaml, kind, number) in [
        ("[1]", "a list", None),
        ("{b: 1}", "a mapping", None),
        ("{}", "a mapping", None),
        ("", "nothing", None),
        ("~", "nothing", None),
        ("true", "true or false", None),
        ("-3", "a number", Some(-3.0)),
        ("2.5", "a number", Some(2.5)),
        ("'2.5'", "text", None),
        ("1.2.3", "text", None),
        ("!!b c", "something that YAML tags as a special type", None),
    ] {
        let source = format!("a: {yaml}\n");
        let documents = Documents::read(&source).expect("YAML");
        let node = documents.nodes().next().and_then(|root| root.get("a")).expect("the key a");
        assert_eq!((node.kind(), node.number()), (kind, number), "{yaml}");
        assert_eq!(node.is_null(), kind == "nothing", "{yaml}");
    }
}

/// Files made to overflow the stack end in an error; what is just within the bound is read and dropped without trouble.
#[test]
fn nesting_is_bounded() {
    let stairs = |depth: usize| (0..depth).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    for text in ["- ".repeat(20_000), "[".repeat(20_000), "{a: ".repeat(20_000), "? ".repeat(20_000), stairs(2_000)] {
        assert!(Documents::read(&text).is_err(), "{:?}", &text[..8]);
    }
    let place = |text: &str| Documents::read(text).err().expect("too deep").place;
    assert_eq!(place(&"- ".repeat(20_000)), Place { line: 1, column: 1 });
    assert_eq!(place(&stairs(2_000)), Place { line: 502, column: 1 });
    for text in ["- ".repeat(250) + "x", stairs(500)] {
        assert!(Documents::read(&text).is_ok(), "{:?}", &text[..8]);
    }
}
