//! How a search is shown: as short as it can be written, and as people write it.

use super::{parsed, sexp};
use crate::spl::ast::Command;

#[test]
fn terms_have_parentheses_and_quotes_only_where_they_need_them() {
    for (written, shown) in [
        ("(a) AND (b OR c)", "a b OR c"),
        ("(a b) OR c", "(a b) OR c"),
        ("NOT (a) NOT (b c)", "NOT a NOT (b c)"),
        ("(*) OR (a)", "* OR a"),
        (r#""eventName"="GetUser" "x y"="1""#, r#"eventName=GetUser "x y"=1"#),
        (r#"a IN ("b*", "c d")"#, r#"a IN (b*, "c d")"#),
        (r#""OR" "search" order"#, r#""OR" "search" order"#),
    ] {
        assert_eq!(parsed(written).to_string(), shown, "{written}");
        assert_eq!(sexp::search(&parsed(shown).base), sexp::search(&parsed(written).base), "{written}");
    }
}

#[test]
fn expressions_have_parentheses_only_where_they_need_them() {
    for (written, shown) in [
        ("(a OR b) AND c", "(a OR b) AND c"),
        ("a OR (b AND c)", "a OR b AND c"),
        ("(a OR b) XOR c", "a OR b XOR c"),
        ("a XOR b XOR c", "a XOR b XOR c"),
        ("(a XOR b) OR c", "(a XOR b) OR c"),
        ("a OR (b XOR c)", "a OR (b XOR c)"),
        ("(a AND b) AND c", "a AND b AND c"),
        ("NOT (a = b)", "NOT a = b"),
        ("(NOT a) = b", "(NOT a) = b"),
        ("NOT (a AND b)", "NOT (a AND b)"),
        ("(NOT a) AND b", "NOT a AND b"),
        ("NOT (NOT a)", "NOT NOT a"),
        ("(a . b) = c", "a . b = c"),
        ("a . (b = c)", "a . (b = c)"),
        ("(a = b) = c", "a = b = c"),
        ("a = (b = c)", "a = (b = c)"),
        ("a LIKE (b LIKE c)", "a LIKE (b LIKE c)"),
        ("(a + b) . c", "a + b . c"),
        ("(a . b) + c", "(a . b) + c"),
        ("(a - b) - c", "a - b - c"),
        ("a - (b - c)", "a - (b - c)"),
        ("(a * b) + c", "a * b + c"),
        ("a * (b + c)", "a * (b + c)"),
        ("a / (b * c)", "a / (b * c)"),
        ("(-a) * b", "-a * b"),
        ("-(a * b)", "-(a * b)"),
        ("(a IN (1)) IN (2, 3)", "(a IN (1)) IN (2, 3)"),
        ("(a + b) IN (1)", "a + b IN (1)"),
        ("(a) + (f((b)))", "a + f(b)"),
    ] {
        assert_where(written, shown);
    }
}

/// A field is bare where an expression takes it for one.
#[test]
fn fields_of_expressions_have_quotes_only_where_they_need_them() {
    for (written, shown) in [
        ("'a_1' = \"b\"", "a_1 = \"b\""),
        ("'a.b' = 1", "'a.b' = 1"),
        ("'1a' = 1", "'1a' = 1"),
        ("'And' = 'LIKE'", "'And' = 'LIKE'"),
        ("'android' = 1", "android = 1"),
    ] {
        assert_where(written, shown);
    }
}

#[track_caller]
fn assert_where(written: &str, shown: &str) {
    let tree = |expr: &str| {
        let pipeline = parsed(&format!("* | where {expr}"));
        let Command::Where(tree) = &pipeline.commands[0].node else { panic!("{expr}") };
        (sexp::expr(&tree.node), pipeline.to_string())
    };
    assert_eq!(tree(written).1, format!("* | where {shown}"), "{written}");
    assert_eq!(tree(shown).0, tree(written).0, "{written}");
}

#[test]
fn commands_are_written_one_way() {
    for (written, shown) in [
        ("bucket span=300 _time", "bin _time span=5m"),
        ("bin _time span=90s", "bin _time span=90s"),
        ("bin _time span=36h", "bin _time span=36h"),
        ("bin _time span=2w", "bin _time span=14d"),
        ("bin _time span=1500ms as t", "bin _time AS t span=1500ms"),
        ("bin bytes span=10", "bin bytes span=10"),
        ("head limit=3", "head 3"),
        ("rename \"a.b\" as \"c d\"", "rename a.b AS \"c d\""),
        ("stats count c(x) as n by a b", "stats count AS count, count(x) AS n BY a, b"),
        ("sort - a +num(b)", "sort 10000 -a, +num(b)"),
    ] {
        assert_eq!(parsed(&format!("* | {written}")).to_string(), format!("* | {shown}"));
    }
}
