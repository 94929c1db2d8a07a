//! Searches whose events are merged: `multisearch` and `union` are short for `append`.

use super::{parsed, refused};

#[test]
fn the_first_search_is_appended_to() {
    for (written, short_for) in [
        (
            r#"| multisearch [search a=1 | eval kind="x"] [ | search b=2 c | eval kind="y" ] | stats dc(kind) by d"#,
            r#"a=1 | eval kind="x" | append [search b=2 c | eval kind="y"] | stats dc(kind) by d"#,
        ),
        ("|multisearch[search a][search b][search c]", "a | append [search b] | append [search c]"),
        ("| union [search a | stats count by d] [search b]", "a | stats count by d | append [search b]"),
        ("| UNION [search a]", "a"),
        ("| union [search a], [search b]", "a | append [search b]"),
        ("a | union [search b] [search c] | table d", "a | append [search b] | append [search c] | table d"),
        (
            "a | join d [| multisearch [search b] [search c] | stats count by d]",
            "a | join d [search b | append [search c] | stats count by d]",
        ),
    ] {
        assert_eq!(parsed(written).to_string(), parsed(short_for).to_string(), "{written}");
    }
}

#[test]
fn what_they_cannot_mean_is_refused_in_words() {
    for (text, message) in [
        ("a | multisearch [search b] [search c]", "multisearch begins a search"),
        ("| stats count | union [search b]", "begins with search terms"),
        ("| multisearch [search a]", "expected a subsearch `[search ...]`"),
        ("| multisearch", "expected a subsearch `[search ...]`"),
        ("| union maxout=5 [search a] [search b]", "maxout"),
        ("| union datamodel:x [search b]", "expected"),
        ("| multisearch [search a | transaction b] [search c]", "`transaction`"),
        ("| multisearch [search a] [search b | where c=]", "expected an expression"),
    ] {
        let error = refused(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
    }
}

/// As Splunk has it, and people do who have learnt that a command stands behind a pipe.
#[test]
fn a_search_may_begin_with_a_pipe_and_the_word_search() {
    assert_eq!(parsed("| search a=1 b | head 3").to_string(), parsed("a=1 b | head 3").to_string());
    assert!(refused("| searching a").message.contains("`searching`"));
}
