//! What parses and is probably not meant.

use super::parsed;
use crate::spl::lint;

fn places(text: &str) -> Vec<String> {
    lint(&parsed(text), text).into_iter().map(|lint| text[lint.span].to_owned()).collect()
}

#[test]
fn an_unquoted_dotted_name_in_an_expression_is_doubtful() {
    let text = "a=1 | eval m=if(match(userIdentity.userName,requestParameters.a.b), 1,0) | where x.y>1";
    assert_eq!(places(text), ["userIdentity.userName", "requestParameters.a.b", "x.y"]);
    let lints = lint(&parsed(text), text);
    assert!(lints[0].message.contains("concatenation of the fields userIdentity and userName"), "{lints:?}");
}

#[test]
fn a_written_concatenation_is_not() {
    assert!(places(r#"a.b=1 | eval m=a . b, n='a.b', o=a."x".b, p="a.b" | stats count(c.d) by e.f"#).is_empty());
    assert!(places("a | where 'b'.c=1 OR b.'c'=2").is_empty());
}

/// An address reads as numbers that are joined: `10.0` and `0.1`, which is "10.00.1".
#[test]
fn an_unquoted_address_in_an_expression_is_doubtful() {
    let text = "a | where b!=10.0.0.1 AND c IN (192.168.1.20, 1.5) | eval d=if(e=10.0.0.0/8, 1.2.3, 1.5 . 2)";
    assert_eq!(places(text), ["10.0.0.1", "192.168.1.20", "10.0.0.0/8", "1.2.3"]);
    let lints = lint(&parsed(text), text);
    assert!(lints[0].message.contains("no address") && lints[0].help.contains("double quotes"), "{lints:?}");
    assert!(places(r#"a=10.0.0.1 | where b="10.0.0.1" OR c=10.5 OR 'd'.1=e | search f=10.0.0.1"#).is_empty());
}

#[test]
fn every_search_and_every_expression_of_it_is_looked_at() {
    let text = "a | stats count(eval(b.c=1)) by d | eventstats sum(eval(e.f)) | append [search g or h | where i.j=1]                 | join d [search k | append [search l and m]] | where n IN (o.p, q) AND NOT r.s";
    assert_eq!(places(text), ["b.c", "e.f", "or", "i.j", "and", "o.p", "r.s"]);
}

#[test]
fn lower_case_keywords_among_search_terms_are_doubtful() {
    assert_eq!(places("a=1 or b=2 | search not c"), ["or", "not"]);
    assert!(places(r#"a=1 OR b="or" "or""#).is_empty());
}

/// Without its `|` a command and all that belongs to it is words to look for, which no event contains.
#[test]
fn a_command_among_search_terms_is_doubtful() {
    let text = "a=1 stats count by b | search c=2 where d=3 | append [search e eval f=1]";
    assert_eq!(places(text), ["stats", "where", "eval"]);
    let lints = lint(&parsed(text), text);
    assert!(lints[0].help.contains("`| stats`"), "{lints:?}");
    assert!(places(r#"a=stats "where" b IN (eval) STATS statistics | stats count by c | where d=1"#).is_empty());
}

/// In a search single quotes are part of the name or of the value, unlike in `eval` and `where`.
#[test]
fn single_quotes_among_search_terms_are_doubtful() {
    let text = "'o.p'=1 OR a='x' | search b IN (c, 'd') e>'f' | append [search 'g'!=h]";
    assert_eq!(places(text), ["'o.p'=1", "a='x'", "b IN (c, 'd')", "e>'f'", "'g'!=h"]);
    assert!(places("a=don't b='* 'c' | where 'o.p'=1 | stats count by 'q'").is_empty());
}

/// What a word processor or a web page makes of quotes and blanks: to a search they are letters like any other.
#[test]
fn typographic_quotes_and_blanks_among_search_terms_are_doubtful() {
    let text = "eventName=\u{201c}A\u{201d} OR b=\u{2018}c\u{2019} | search d IN (e, f\u{a0}) \u{201e}g\u{201d}";
    let doubtful = ["eventName=\u{201c}A\u{201d}", "b=\u{2018}c\u{2019}", "d IN (e, f\u{a0})", "\u{201e}g\u{201d}"];
    assert_eq!(places(text), doubtful);
    let lints = lint(&parsed("eventName=A\u{a0} | stats count"), "eventName=A\u{a0} | stats count");
    assert!(lints[0].message.contains("U+00A0") && lints[0].help.contains("plain"), "{lints:?}");
    // Within a text it is meant.
    assert!(places("a=\"don\u{2019}t\" b=caf\u{e9} c=x\u{a0}y").is_empty());
}

/// A name in double quotes is a text in an expression: such a comparison is the same for every event.
#[test]
fn a_comparison_of_two_texts_is_doubtful() {
    assert_eq!(
        places(r#"a | where "errorCode"="x" AND b="c" | eval d=if("e"!="f", 1=1, "g"="g")"#),
        [r#""errorCode"="x""#, r#""e"!="f""#, r#""g"="g""#]
    );
}

/// As values of options names stand bare or in double quotes.
#[test]
fn single_quotes_around_the_fields_of_options_are_doubtful() {
    let text =
        r#"a | rex field='b.c' "(?<d>.)" | spath input='e' path=f output=g | spath path='f' | spath f output='h'"#;
    let spaths = ["spath input='e' path=f output=g", "spath path='f'", "spath f output='h'"];
    assert_eq!(places(text)[0], r#"rex field='b.c' "(?<d>.)""#);
    assert_eq!(places(text)[1..], spaths);
    let message = &lint(&parsed(text), text)[0].message;
    assert!(message.contains("the single quotes of 'b.c' are part of the name"), "{message}");
    assert!(places(r#"a | rex field=b.c "(?<d>'.')" | spath input="e" path=f output=g"#).is_empty());
}

/// <https://help.splunk.com/splunk-enterprise/search/search-manual/9.4/search-primer/backslashes>: a backslash does not
/// escape the star.
#[test]
fn stars_among_search_terms_that_a_backslash_is_to_escape_are_doubtful() {
    let text = r#"a="x\*y" OR NOT b IN (c\*, d) "e\*" | search f=g\\\* | append [search h\*]"#;
    assert_eq!(places(text), [r#"a="x\*y""#, r"b IN (c\*, d)", r#""e\*""#, r"f=g\\\*", r"h\*"]);
    assert!(places(r#"a="CORP\\*" b=CORP\\* c="\"*" | where match(d, "\*")"#).is_empty());
}
