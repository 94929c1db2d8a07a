//! Texts made to hurt the parser: they end in an error, soon, on the stack of a test thread (2 MiB).

use super::{parsed, refused};
use crate::spl::{MAX_DEPTH, MAX_NESTING, MAX_SEARCH_BYTES, SplErrorKind, parse};

#[test]
fn nesting_is_bounded() {
    let nested = |open: &str, depth: usize| format!("* | where {}a{}", open.repeat(depth), ")".repeat(depth));
    parsed(&nested("(", MAX_NESTING));
    assert_eq!(refused(&nested("(", MAX_NESTING + 1)).kind, SplErrorKind::Limit);
    assert_eq!(refused(&nested("f(", MAX_NESTING + 1)).kind, SplErrorKind::Limit);
    assert_eq!(refused(&nested("(", 30_000)).kind, SplErrorKind::Limit);
    let search = format!("{}a{}", "(".repeat(MAX_NESTING + 1), ")".repeat(MAX_NESTING + 1));
    assert_eq!(refused(&search).kind, SplErrorKind::Limit);
    assert_eq!(refused(&search).span, MAX_NESTING..MAX_NESTING + 1, "the first that is too deep");
}

#[test]
fn what_stands_side_by_side_is_not_nested() {
    parsed(&format!("{} | where {}a", "(a) ".repeat(2 * MAX_NESTING), "f(a) + ".repeat(2 * MAX_NESTING)));
}

#[test]
fn parentheses_in_quotes_do_not_nest() {
    let quoted = "(".repeat(MAX_NESTING + 1);
    parsed(&format!(r#"a="{quoted}" | where '{quoted}'="{quoted}""#));
}

#[test]
fn chains_are_bounded() {
    let chain = |length: usize| format!("* | where {}a", "a + ".repeat(length));
    parsed(&chain(MAX_DEPTH - 1));
    assert_eq!(refused(&chain(MAX_DEPTH)).kind, SplErrorKind::Limit);
    assert_eq!(refused(&chain(10_000)).kind, SplErrorKind::Limit);
}

#[test]
fn prefixes_are_bounded() {
    for prefix in ["NOT ", "- "] {
        parsed(&format!("* | where {}a", prefix.repeat(16)));
        assert!(parse(&format!("* | where {}a", prefix.repeat(10_000))).is_err());
    }
    assert!(parse(&format!("{}a", "NOT ".repeat(10_000))).is_err());
}

#[test]
fn length_is_bounded() {
    let longest = "a ".repeat(32 * 1024);
    assert_eq!(longest.len(), MAX_SEARCH_BYTES, "64 KiB");
    parsed(&longest);
    assert_eq!(refused(&(longest + "a")).kind, SplErrorKind::Limit);
}

#[test]
fn unclosed_brackets_do_not_blow_up() {
    for text in ["[", "(", "f(", "a IN (", "\"", "'", "a=(", "NOT (", "`"] {
        assert!(parse(&format!("* | where {}", text.repeat(5_001))).is_err(), "{text}");
    }
    for text in ["[", "(", "\"", "a=(", "NOT (", "a IN (", "`"] {
        assert!(parse(&text.repeat(5_001)).is_err(), "{text}");
    }
}

/// Each of these brackets may be a bracket or a part of the text of a command that nobody knows.
#[test]
fn ambiguity_ends() {
    assert_eq!(refused(&format!("* | append [search a | transaction {}", "[".repeat(60))).kind, SplErrorKind::Limit);
}

/// A tree as large as the limits allow is printed, compared and dropped without trouble.
#[test]
fn the_largest_tree_is_harmless() {
    let left = format!("* | where {}a", "a + ".repeat(MAX_DEPTH - 1));
    let pipeline = parsed(&left);
    assert_eq!(parsed(&pipeline.to_string()).to_string(), pipeline.to_string());
    assert_eq!(pipeline.clone(), pipeline);
}
