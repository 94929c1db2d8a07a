//! Macros as the language's documentation has them.

use super::{Expansion, FilterPlace, Macros, conventional_filter, expand};
use crate::spl::{MAX_SEARCH_BYTES, SplErrorKind, parse};

fn with(definitions: &[(&str, &[&str], &str)]) -> Macros {
    let mut macros = Macros::built_in();
    for (name, arguments, definition) in definitions {
        macros.define(name, arguments, definition);
    }
    macros
}

fn expanded(search: &str, macros: &Macros) -> Expansion {
    expand(search, macros).unwrap_or_else(|error| panic!("{}", error.render(search)))
}

#[test]
fn the_seed_expands_to_what_splunk_runs() {
    let search = "`cloudtrail` eventName = JobCreated | stats count min(_time) as firstTime by src_ip \
                  | `security_content_ctime(firstTime)` | `aws_exfiltration_via_datasync_task_filter`";
    let expansion = expanded(search, &Macros::built_in());
    assert_eq!(
        expansion.text,
        "sourcetype=aws:cloudtrail eventName = JobCreated | stats count min(_time) as firstTime by src_ip \
         | convert timeformat=\"%Y-%m-%dT%H:%M:%S\" ctime(firstTime) | search *"
    );
    parse(&expansion.text).expect("what the macros make is SPL");
    let start = expansion.text.len() - "search *".len();
    let name = "aws_exfiltration_via_datasync_task_filter".to_owned();
    assert_eq!(expansion.filters, [FilterPlace { name, start, end: expansion.text.len(), expires_ms: None }]);
}

#[test]
fn the_operators_filter_replaces_the_default() {
    let macros = with(&[("x_filter", &[], "search NOT user=admin")]);
    let expansion = expanded("a=1 | `x_filter`", &macros);
    assert_eq!(expansion.text, "a=1 | search NOT user=admin");
    assert_eq!(&expansion.text[expansion.filters[0].start..expansion.filters[0].end], "search NOT user=admin");
}

#[test]
fn a_built_in_macro_can_be_redefined() {
    let macros = with(&[("cloudtrail", &[], "sourcetype=aws:cloudtrail awsRegion=us-east-1")]);
    assert_eq!(expanded("`cloudtrail`", &macros).text, "sourcetype=aws:cloudtrail awsRegion=us-east-1");
}

#[test]
fn arguments_are_filled_in_by_position() {
    let macros = with(&[("between", &["field", "low", "high"], "$field$>=$low$ $field$<$high$ $other$ costs $5")]);
    assert_eq!(expanded("`between(x, 1,2)`", &macros).text, "x>=1 x<2 $other$ costs $5");
}

#[test]
fn quoted_arguments_may_hold_commas() {
    let macros = with(&[("m", &["a"], "<$a$>"), ("m", &["a", "b"], "<$a$|$b$>")]);
    assert_eq!(expanded(r#"`m("a,b")`"#, &macros).text, "<a,b>");
    assert_eq!(expanded(r#"`m("say \"x\"", if(a,b))`"#, &macros).text, r#"<say "x"|if(a,b)>"#);
    assert_eq!(expanded("`m(a, b)`", &macros).text, "<a|b>");
}

#[test]
fn arguments_end_at_commas_outside_quotes_and_parentheses() {
    let macros = with(&[("m", &["a"], "<$a$>"), ("m", &["a", "b"], "<$a$|$b$>")]);
    for (call, text) in [
        (r#"m("a\",b")"#, r#"<a",b>"#),
        (r#"m("a\\", b)"#, r"<a\\|b>"),
        (r#"m("a", "b,c")"#, "<a|b,c>"),
        (r#"m("ab,c")"#, "<ab,c>"),
        (r#"m("(", b)"#, "<(|b>"),
        ("m(f(a, b), c)", "<f(a, b)|c>"),
        (r#"m(f(")", b), c)"#, r#"<f(")", b)|c>"#),
        ("m(a), b)", "<a)|b>"),
        (r#"m("a"."b")"#, r#"<"a"."b">"#),
        (r#"m("")"#, "<>"),
    ] {
        assert_eq!(expanded(&format!("`{call}`"), &macros).text, text, "{call}");
    }
}

#[test]
fn macros_may_use_macros_and_pass_arguments_on() {
    let macros =
        with(&[("outer", &["f"], "`inner($f$)` | `tail`"), ("inner", &["g"], "where $g$>1"), ("tail", &[], "table a")]);
    assert_eq!(expanded("a | `outer(n)`", &macros).text, "a | where n>1 | table a");
}

#[test]
fn macros_are_recognised_in_brackets_and_not_in_double_quotes() {
    let macros = with(&[("m", &[], "X")]);
    let text = r#"a [search `m`] "`m`" 'b `m`' "say \"`m`\"" `m`"#;
    assert_eq!(expanded(text, &macros).text, r#"a [search X] "`m`" 'b X' "say \"`m`\"" X"#);
}

#[test]
fn comments_become_a_blank() {
    assert_eq!(expanded("a ```why `cloudtrail` is not here``` b", &Macros::built_in()).text, "a   b");
}

#[test]
fn a_macro_that_calls_itself_is_an_error() {
    let macros = with(&[("a", &[], "x `b`"), ("b", &[], "`c`"), ("c", &[], "`a`")]);
    let error = expand("q `a`", &macros).expect_err("recursion");
    assert_eq!((error.kind, error.span.clone()), (SplErrorKind::Macro, 2..5));
    assert_eq!(error.message, "the macro `a` calls itself: `a` -> `b` -> `c` -> `a`");
}

#[test]
fn an_undefined_macro_is_an_error_with_the_nearest_name() {
    let error = expand("`cludtrail` a=1", &Macros::built_in()).expect_err("undefined");
    assert_eq!((error.kind, error.span.clone()), (SplErrorKind::Macro, 0..11));
    assert!(error.help.as_deref().is_some_and(|help| help.contains("did you mean `cloudtrail`?")), "{error:?}");
    let error = expand("NOT `release_users`", &Macros::built_in()).expect_err("undefined");
    assert_eq!(error.message, "the macro `release_users` is not defined");
    expand("a | `_filter`", &Macros::built_in()).expect_err("of no detection");
}

#[test]
fn an_undefined_macro_inside_a_macro_points_at_the_call_in_the_search() {
    let macros = with(&[("outer", &[], "x `gone`")]);
    let error = expand("abc `outer`", &macros).expect_err("undefined");
    assert_eq!(error.span, 4..11);
    assert!(error.message.contains("`gone`, which `outer` calls"), "{error}");
}

#[test]
fn a_wrong_number_of_arguments_is_an_error() {
    let error = expand("`security_content_ctime(a, b)`", &Macros::built_in()).expect_err("arity");
    assert!(error.message.contains("takes 1 arguments, but 2 are given"), "{error}");
    // A filter takes none, so that this is no filter that was merely left out.
    expand("`x_filter(a)`", &Macros::built_in()).expect_err("a filter with an argument");
}

#[test]
fn broken_calls_are_errors() {
    for (text, message) in [
        ("a `cloudtrail", "` is never closed"),
        ("a ``` never closed", "``` is never closed"),
        ("``", "`` is not a macro call: a macro's name has letters, digits and `_ - . :`"),
        ("`a b`", "`a b` is not a macro call: a macro's name has letters, digits and `_ - . :`"),
        ("`m(a`", "`m(a` is not a macro call: `)` is missing at its end"),
    ] {
        let error = expand(text, &Macros::built_in()).expect_err(text);
        assert_eq!((error.kind, error.message.as_str()), (SplErrorKind::Macro, message), "{text}");
    }
}

#[test]
fn growth_is_bounded() {
    let quarter = "a".repeat(MAX_SEARCH_BYTES / 4);
    let macros = with(&[("quarter", &[], &quarter)]);
    let full = "`quarter`".repeat(4);
    assert_eq!(expanded(&full, &macros).text.len(), MAX_SEARCH_BYTES);
    assert_eq!(expand(&format!("{full}b"), &macros).expect_err("a byte more").kind, SplErrorKind::Limit);
    let names: Vec<String> = (0..30).map(|i| format!("m{i}")).collect();
    let mut macros = with(&[("m30", &[], "0123456789")]);
    for (i, name) in names.iter().enumerate() {
        macros.define(name, &[], &format!("`m{}` `m{}`", i + 1, i + 1));
    }
    assert_eq!(expand("`m0`", &macros).expect_err("2^30 words").kind, SplErrorKind::Limit);
    let mut chain = Macros::built_in();
    (0..1000).for_each(|i| chain.define(&format!("c{i}"), &[], &format!("`c{}`", i + 1)));
    assert_eq!(expand("`c0`", &chain).expect_err("1000 deep").kind, SplErrorKind::Macro);
}

#[test]
fn every_byte_knows_where_it_came_from() {
    let search = "`cloudtrail` eventName=x | `y_filter` | where a>1";
    let expansion = expanded(search, &Macros::built_in());
    for word in ["eventName", "where a>1", "| where"] {
        let at = expansion.text.find(word).expect("written by the search");
        assert_eq!(expansion.origin(at), search.find(word).expect("there"), "{word}");
        let original = expansion.origin_of(at..at + word.len());
        assert_eq!(&search[original], word);
    }
    let inside = expansion.text.find("aws:").expect("from the macro");
    assert_eq!(expansion.origin(inside), 0);
    assert_eq!(&search[expansion.origin_of(inside..inside + 3)], "`cloudtrail`");
    assert_eq!(expansion.macro_at(inside), Some("cloudtrail"));
    assert_eq!(expansion.macro_at(expansion.text.len() - 1), None);
    let end = expansion.text.len();
    assert_eq!(expansion.origin_of(end..end), search.len()..search.len());
}

#[test]
fn a_span_across_a_macro_covers_its_call() {
    let search = "a=1 `cloudtrail` b=2";
    let expansion = expanded(search, &Macros::built_in());
    assert_eq!(expansion.origin_of(0..expansion.text.len()), 0..search.len());
    let to_macro = 0..expansion.text.find("aws").expect("there") + 1;
    assert_eq!(&search[expansion.origin_of(to_macro)], "a=1 `cloudtrail`");
}

#[test]
fn the_conventional_filter_follows_the_detections_name() {
    assert_eq!(conventional_filter("AWS Exfiltration via Batch Service"), "aws_exfiltration_via_batch_service_filter");
    assert_eq!(conventional_filter("AWS IAM Delete-Policy v1.2"), "aws_iam_delete_policy_v1_2_filter");
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/Search/Addcommentstosearches>: Splunk has a macro for comments.
#[test]
fn comments_may_be_written_as_a_macro() {
    let search = r#"eventName=a `comment("who, | what (not run)")` | stats count"#;
    assert_eq!(expanded(search, &Macros::built_in()).text, "eventName=a  | stats count");
}
