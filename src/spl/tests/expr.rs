//! Expressions of `eval` and `where`.

use super::{command, refused, sexp};
use crate::spl::ast::Command;

#[track_caller]
fn assert_expr(text: &str, expected: &str) {
    let Command::Where(expr) = command(&format!("where {text}")) else { panic!("{text}") };
    assert_eq!(sexp::expr(&expr.node), expected, "{text}");
}

#[test]
fn and_binds_tighter_than_or_in_expressions() {
    assert_expr("a OR b AND c", "(or a (and b c))");
    assert_expr("a AND b OR c", "(or (and a b) c)");
    assert_expr("a XOR b AND c", "(xor a (and b c))");
    assert_expr("a XOR b OR c", "(xor a (or b c))");
    assert_expr("a OR b XOR c", "(xor (or a b) c)");
    assert_expr("NOT a AND b", "(and (not a) b)");
}

#[test]
fn not_is_looser_than_comparisons() {
    assert_expr("NOT a=1", "(not (eq a 1))");
    assert_expr(r#"NOT x LIKE "a%""#, r#"(not (like x "a%"))"#);
    assert_expr("NOT x IN (1, 2)", "(not (IN x 1 2))");
    assert_expr("not(a=1)", "(not (eq a 1))");
}

#[test]
fn arithmetic_precedence() {
    assert_expr("a + b * c = d", "(eq (add a (mul b c)) d)");
    assert_expr("a - b - c", "(sub (sub a b) c)");
    assert_expr("a % 2 / b", "(div (mod a 2) b)");
    assert_expr("-a * b", "(mul (neg a) b)");
    assert_expr("a - -1", "(sub a (neg 1))");
    assert_expr("(a + b) * c", "(mul (add a b) c)");
    assert_expr("a . b + c", "(concat a (add b c))");
    assert_expr(r#"a . "x" = b"#, r#"(eq (concat a "x") b)"#);
}

#[test]
fn keywords_are_case_insensitive_in_expressions() {
    assert_expr("a > 10 and b >= c", "(and (gt a 10) (ge b c))");
    assert_expr("a Or b", "(or a b)");
    assert_expr("android = order", "(eq android order)");
}

#[test]
fn equals_may_be_doubled() {
    assert_expr("a == b", "(eq a b)");
    assert_expr("a=b", "(eq a b)");
    assert_expr("a != b", "(ne a b)");
}

#[test]
fn quotes_tell_fields_from_text() {
    assert_expr(r#"'requestParameters.portRange.to' > "1024""#, r#"(gt requestParameters.portRange.to "1024")"#);
    assert_expr(r#"x = "\d+\.\"\\""#, r#"(eq x "\\d+\\.\"\\")"#);
}

#[test]
fn an_unquoted_dotted_name_is_a_concatenation() {
    assert_expr(
        "match(userIdentity.userName, requestParameters.userName)",
        "(match (concat userIdentity userName) (concat requestParameters userName))",
    );
}

#[test]
fn calls_nest_and_lower_their_names() {
    assert_expr("If(isnull(a), 1, Coalesce(b, \"c\"))", "(if (isnull a) 1 (coalesce b \"c\"))");
    assert_expr("now()>1.5e3", "(gt (now) 1500)");
    assert_expr("in(x, 1, 2)", "(IN x 1 2)");
    assert_expr("in(x)", "(in x)");
    assert_expr("like (x, \"a%\")", "(like x \"a%\")");
}

#[test]
fn eval_takes_several_assignments() {
    let Command::Eval(assignments) = command(r#"eval a = 1, 'b.c' = a+1, "d e"=b"#) else { panic!("eval") };
    let shown: Vec<_> = assignments.iter().map(|(field, expr)| (field.node.as_str(), sexp::expr(&expr.node))).collect();
    assert_eq!(shown, [("a", "1".into()), ("b.c", "(add a 1)".into()), ("d e", "b".into())]);
}

#[test]
fn spans_cover_the_expression() {
    let Command::Where(expr) = command("where  a + bc > 2 | x".split(" |").next().unwrap_or_default()) else {
        panic!()
    };
    assert_eq!(expr.span, 11..21);
}

#[test]
fn incomplete_expressions_are_refused() {
    for text in ["a +", "(a", "a b", "f(a", "= 1", "a = = b", "a AND", "1x"] {
        refused(&format!("* | where {text}"));
    }
}

#[test]
fn a_number_that_no_double_holds_is_refused() {
    assert_expr("a > 1e308", &format!("(gt a {})", 1e308));
    let error = refused("* | where a > 1e309");
    assert_eq!((error.message.as_str(), error.span), ("the number is too large", 14..19));
}
