//! `eval` and `where`: values, conditions and the three truth values.

use serde_json::json;

use super::*;

/// What `eval x=<expr>` gives for an event with some fields of every kind.
fn value(expr: &str) -> String {
    let event = event(json!({
        "a": "5", "b": "10", "word": "Alpha", "empty": "", "list": ["x", "y", "x"], "ip": "10.1.2.3",
        "user": {"name": "Bob"}, "when": "2023-04-24T23:51:17Z",
    }));
    let plan = plan(&format!("* | eval list='list{{}}', x={expr} | table x"));
    shown_value(&contributions(&plan, &event)[0].inputs[0])
}

/// True, false, or null.
fn truth(condition: &str) -> Option<bool> {
    let fields = || json!({"a": "5", "b": "10", "word": "Alpha", "list": ["x", "y"], "empty": ""});
    let holds = matches(&format!("* | eval list='list{{}}' | where {condition}"), fields());
    let fails = matches(&format!("* | eval list='list{{}}' | where NOT ({condition})"), fields());
    assert!(!(holds && fails), "{condition}");
    (holds || fails).then_some(holds)
}

#[test]
fn null_is_the_third_truth_value() {
    for (condition, expected) in [
        ("missing=1", None),
        ("missing!=1", None),
        ("NOT missing=1", None),
        ("a=5 AND missing=1", None),
        ("a=6 AND missing=1", Some(false)),
        ("missing=1 AND a=6", Some(false)),
        ("a=5 OR missing=1", Some(true)),
        ("missing=1 OR a=5", Some(true)),
        ("a=6 OR missing=1", None),
        ("a=5 XOR missing=1", None),
        ("a=5 XOR b=5", Some(true)),
        ("a=5 XOR a=5 OR a=5", Some(false)),
        ("a=5 OR a=5 XOR a=5", Some(false)),
        ("isnull(missing)", Some(true)),
        ("isnotnull(missing)", Some(false)),
        ("missing IN (1, 2)", None),
        ("a IN (6, missing)", None),
        ("a IN (missing, 5)", Some(true)),
        ("like(missing, \"%\")", None),
        ("match(missing, \".\")", None),
        ("isnull(empty)", Some(false)),
        ("true()", Some(true)),
        ("null()", None),
    ] {
        assert_eq!(truth(condition), expected, "{condition}");
    }
}

#[test]
fn comparisons_are_numeric_between_numbers_and_case_sensitive_between_texts() {
    for (condition, expected) in [
        ("a<b", true),
        ("a=5.0", true),
        ("a=\"5\"", true),
        ("word=\"alpha\"", false),
        ("word=\"Alpha\"", true),
        ("word<\"alpha\"", true),
        ("word>5", true),
        ("a!=5", false),
        ("list=\"y\"", true),
        ("list=\"z\"", false),
        ("a IN (4, 5)", true),
        ("in(word, \"alpha\")", false),
        ("word LIKE \"Al%\"", true),
        ("word LIKE \"al%\"", false),
        ("match(word, \"^Al\")", true),
        ("match(word, \"^al\")", false),
        ("match(list, \"^y$\")", true),
        ("a=5 OR a=6 AND a=7", true),
    ] {
        assert_eq!(truth(condition), Some(expected), "{condition}");
    }
}

#[test]
fn arithmetic_follows_splunk() {
    for (expr, expected) in [
        ("a+b", "15"),
        ("b-a", "5"),
        ("a*b", "50"),
        ("a/b", "0.5"),
        ("b%3", "1"),
        ("-a", "-5"),
        ("1/0", "null"),
        ("a+missing", "null"),
        ("word+word", "AlphaAlpha"),
        ("word+1", "null"),
        ("word-1", "null"),
        ("a.b", "510"),
        ("a.\"-\".word", "5-Alpha"),
        ("a.missing", "null"),
        ("'user.name'", "Bob"),
        ("user.name", "null"),
        ("0.1+0.2", "0.3"),
        ("2*3+4", "10"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn choices() {
    for (expr, expected) in [
        ("if(a=5, \"yes\", \"no\")", "yes"),
        ("if(missing=5, \"yes\", \"no\")", "no"),
        ("case(a=6, 1, a=5, 2, true(), 3)", "2"),
        ("case(a=6, 1)", "null"),
        ("coalesce(missing, word)", "Alpha"),
        ("coalesce(empty, word)", ""),
        ("nullif(a, 5)", "null"),
        ("nullif(a, 6)", "5"),
        ("tostring(a=5)", "True"),
        ("tostring(missing=5)", "null"),
        ("null()", "null"),
        // AG-5: the end of the window of one hour.
        ("now()", "1682380800"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn functions_of_text() {
    for (expr, expected) in [
        ("lower(word)", "alpha"),
        ("upper(word)", "ALPHA"),
        ("upper(list)", "[X, Y, X]"),
        ("len(\"äöü\")", "3"),
        ("substr(word, 2, 3)", "lph"),
        ("substr(word, -3)", "pha"),
        ("substr(word, -3, 2)", "ph"),
        ("substr(word, 9)", ""),
        ("substr(word, 0, 3)", "Al"),
        ("substr(word, -9, 6)", "Al"),
        ("substr(word, -9, 3)", ""),
        ("replace(word, \"^(.)l\", \"<\\\\1>\")", "<A>pha"),
        ("replace(word, \"p\", \"$0\")", "Al$0ha"),
        ("trim(\"  x \")", "x"),
        ("ltrim(\"xxaxx\", \"x\")", "axx"),
        ("rtrim(\"xxaxx\", \"x\")", "xxa"),
        ("tostring(1234567.891, \"commas\")", "1,234,567.89"),
        ("tostring(0.5, \"commas\")", "0.5"),
        ("tostring(-0.1, \"duration\")", "00:00:00"),
        ("tostring(-61, \"duration\")", "-00:01:01"),
        ("tostring(255, \"hex\")", "0xFF"),
        ("tostring(90061, \"duration\")", "1+01:01:01"),
        ("lower(missing)", "null"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn functions_of_numbers() {
    for (expr, expected) in [
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(3.14159, 2)", "3.14"),
        ("floor(2.7)", "2"),
        ("ceiling(2.1)", "3"),
        ("abs(-3)", "3"),
        ("sqrt(9)", "3"),
        ("sqrt(-1)", "null"),
        ("pow(2, 10)", "1024"),
        ("min(a, b)", "5"),
        ("max(a, b)", "10"),
        ("max(a, word)", "Alpha"),
        ("tonumber(\"0A\", 16)", "10"),
        ("tonumber(a)", "5"),
        ("tonumber(\"2.5\", 10)", "2.5"),
        ("tonumber(a, missing)", "null"),
        ("tonumber(word)", "null"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn functions_of_multivalue_fields() {
    for (expr, expected) in [
        ("mvcount(list)", "3"),
        ("mvcount(word)", "1"),
        ("mvcount(missing)", "null"),
        ("mvindex(list, 1)", "y"),
        ("mvindex(list, -1)", "x"),
        ("mvindex(list, 0, 1)", "[x, y]"),
        ("mvindex(list, 7)", "null"),
        ("mvjoin(list, \"+\")", "x+y+x"),
        ("mvdedup(list)", "[x, y]"),
        ("mvsort(list)", "[x, x, y]"),
        ("mvappend(word, list)", "[Alpha, x, y, x]"),
        ("mvfind(list, \"y\")", "1"),
        ("mvfilter(match(list, \"x\"))", "[x, x]"),
        ("mvfilter(list=\"z\")", "null"),
        ("mvfilter(missing=\"z\")", "null"),
        ("split(\"a,b\", \",\")", "[a, b]"),
        ("split(\"ab\", \"\")", "[a, b]"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn functions_of_time_and_networks() {
    for (expr, expected) in [
        ("strftime(1682380277, \"%Y-%m-%d\")", "2023-04-24"),
        ("strptime(when, \"%Y-%m-%dT%H:%M:%SZ\")", "1682380277"),
        ("strptime(word, \"%Y-%m-%d\")", "null"),
        ("strftime(word, \"%Y\")", "null"),
        ("if(cidrmatch(\"10.0.0.0/8\", ip), 1, 0)", "1"),
        ("if(cidrmatch(\"10.0.0.0/16\", ip), 1, 0)", "0"),
        ("if(cidrmatch(\"0.0.0.0/0\", ip), 1, 0)", "1"),
        ("if(cidrmatch(\"2001:db8::/32\", \"2001:db8::1\"), 1, 0)", "1"),
        ("if(cidrmatch(\"10.0.0.0/8\", word), 1, 0)", "0"),
        ("if(searchmatch(\"word=alpha*\"), 1, 0)", "1"),
        ("if(searchmatch(\"word=beta\"), 1, 0)", "0"),
    ] {
        assert_eq!(value(expr), expected, "{expr}");
    }
}

#[test]
fn an_expression_from_the_event_that_is_no_regular_expression_is_null() {
    let search = |pattern: &str| matches("* | where match(word, pattern)", json!({"word": "abc", "pattern": pattern}));
    assert!(search("^a.c$"));
    assert!(!search("("));
    assert!(!search(&"(a{1000}){1000}".repeat(3)), "too large to compile");
}
