//! Search terms: what a word is, and Splunk's precedence.

use super::{parsed, refused, sexp};
use crate::spl::SplErrorKind;
use crate::spl::ast::{Command, SearchExpr, SearchTerm};

#[track_caller]
fn assert_search(text: &str, expected: &str) {
    assert_eq!(sexp::search(&parsed(text).base), expected, "{text}");
    let as_command = parsed(&format!("* | search {text}"));
    let Command::Search(expr) = &as_command.commands[0].node else { panic!("{text}") };
    assert_eq!(sexp::search(expr), expected, "search {text}");
}

#[test]
fn or_binds_tighter_than_and() {
    assert_search("a OR b c", "(and (or a b) c)");
    assert_search("a b OR c", "(and a (or b c))");
    assert_search("a OR b AND c", "(and (or a b) c)");
    assert_search("a AND b OR c d", "(and a (or b c) d)");
    assert_search("(a b) OR c", "(or (and a b) c)");
}

#[test]
fn not_binds_tightest() {
    assert_search("NOT a OR b", "(or (not a) b)");
    assert_search("NOT a b", "(and (not a) b)");
    assert_search("NOT (a b)", "(not (and a b))");
    assert_search("NOT NOT a", "(not (not a))");
}

#[test]
fn keywords_are_upper_case() {
    assert_search("a or b", "(and a or b)");
    assert_search("ORDER ANDROID NOTE INDEX", "(and ORDER ANDROID NOTE INDEX)");
    assert_search("x=OR", "[x Eq OR]");
}

#[test]
fn comparisons_take_blanks_around_the_operator() {
    for text in ["eventName=JobCreated", "eventName = JobCreated", "eventName= JobCreated", "eventName =JobCreated"] {
        assert_search(text, "[eventName Eq JobCreated]");
    }
    assert_search("userAgent !=console.amazonaws.com", "[userAgent Ne console.amazonaws.com]");
    assert_search("date_hour>=20 OR date_hour<8", "(or [date_hour Ge 20] [date_hour Lt 8])");
    assert_search("a<=1 b>2", "(and [a Le 1] [b Gt 2])");
}

#[test]
fn values_may_hold_what_words_hold() {
    assert_search("userAgent!=*.amazonaws.com", "[userAgent Ne *.amazonaws.com]");
    assert_search("requestParameters.aclProtocol=-1", "[requestParameters.aclProtocol Eq -1]");
    assert_search("arn=arn:aws:iam::1:role/x", "[arn Eq arn:aws:iam::1:role/x]");
    assert_search("url=http://x/?a=b", "[url Eq http://x/?a=b]");
    assert_search("x=don't", "[x Eq don't]");
}

#[test]
fn quotes_make_one_value_or_one_field() {
    assert_search(r#"errorMessage="Failed authentication""#, "[errorMessage Eq Failed authentication]");
    assert_search(r#""additionalEventData.MFAUsed"=No"#, "[additionalEventData.MFAUsed Eq No]");
    assert_search(r#""requestParameters.masterUserPassword"=*"#, "[requestParameters.masterUserPassword Eq *]");
    assert_search(r#"a="say \"hi\" \\ \d""#, r#"[a Eq say "hi" \ \d]"#);
    assert_search(r#""a phrase" b"#, "(and a phrase b)");
}

/// Wildcards may stand outside the quotes: `process=*"Zoho Assist"*`, as searches for Splunk are written, is one value.
#[test]
fn a_star_joins_a_quoted_part_to_its_value() {
    assert_search(r#"a=*"x y"*"#, "[a Eq *x y*]");
    assert_search(r#"a="x y"* b"#, "(and [a Eq x y*] b)");
    assert_search(r#"NOT a=*"x y" OR b!=*"x"*z*"y z""#, "(or (not [a Eq *x y]) [b Ne *x*z*y z])");
    assert_search(r#"a IN (*"x y"*,"z",q*)"#, "[a In *x y*|z|q*]");
    assert_search(r#"(a="x")OR(b="y z"*)"#, "(or [a Eq x] [b Eq y z*])");
    assert_search(r#"a="x"OR b="y"AND c="z""#, "(and (or [a Eq x] [b Eq y]) [c Eq z])");
}

#[test]
fn quotes_that_begin_or_end_within_a_value_are_refused() {
    for (text, place) in [
        (r#"a=x"y" b"#, r#"x"y""#),
        (r#"a="x"y"#, r#""x"y"#),
        (r#"a="x""y""#, r#""x""y""#),
        (r#"b a IN ("x"y, z)"#, r#""x"y"#),
        (r#"a="x"b="y""#, r#""x"b="y""#),
    ] {
        let error = refused(text);
        assert_eq!(&text[error.span.clone()], place, "{text}: {error}");
        assert!(error.help.is_some(), "{text}: {error}");
    }
}

#[test]
fn field_names_keep_braces_and_dashes() {
    assert_search(
        "requestParameters.launchPermission.add.items{}.userId = *",
        "[requestParameters.launchPermission.add.items{}.userId Eq *]",
    );
    assert_search(
        r#"requestParameters.x-amz-server-side-encryption="aws:kms""#,
        "[requestParameters.x-amz-server-side-encryption Eq aws:kms]",
    );
}

#[test]
fn in_takes_a_list_with_wildcards() {
    assert_search(r#"eventName IN ("DeleteLogStream",Delete*, x)"#, "[eventName In DeleteLogStream|Delete*|x]");
    assert_search("NOT eventName IN (a b)", "(not [eventName In a|b])");
}

#[test]
fn a_lone_star_matches_everything() {
    assert_search("*", "all");
    assert_eq!(parsed("search *").base, SearchExpr::And(Vec::new()));
}

#[test]
fn the_first_search_keyword_is_the_command() {
    assert_eq!(sexp::search(&parsed("search a b").base), "(and a b)");
    assert_eq!(sexp::search(&parsed("SEARCH a").base), "a");
    assert_eq!(sexp::search(&parsed("search=a").base), "[search Eq a]");
    assert_eq!(sexp::search(&parsed("searching").base), "searching");
}

#[test]
fn a_term_knows_its_place() {
    let pipeline = parsed("a  eventName = x | search b");
    let SearchExpr::And(parts) = &pipeline.base else { panic!("two terms") };
    let SearchExpr::Term(term) = &parts[1] else { panic!("a term") };
    assert!(matches!(term.node, SearchTerm::Compare { .. }));
    assert_eq!(term.span, 3..16);
    assert_eq!(pipeline.commands[0].span, 19..27);
}

#[test]
fn time_ranges_and_directives_are_unsupported() {
    for text in ["earliest=-1h a", "a latest = now", "TERM(a)", "CASE(Abc)"] {
        assert_eq!(refused(text).kind, SplErrorKind::Unsupported, "{text}");
    }
}

#[test]
fn an_index_is_taken_in_the_base_search_because_macros_name_one() {
    for text in ["index=aws a", "(index=aws OR index=other*) a=1", "index IN (aws, other)"] {
        assert!(crate::spl::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn what_only_splunks_index_knows_is_unsupported_where_events_are_searched() {
    for text in [
        "NOT index=aws a",
        "index!=aws",
        "NOT (index IN (aws) OR a)",
        "a NOT eventtype IN (x)",
        "(a OR tag=b)",
        "tag::action=x",
        "host=x",
        "a | search NOT index=aws",
        "a | where b=1 | fields b | search (c OR host=x)",
        "a | append [search b | search index!=aws]",
    ] {
        assert_eq!(refused(text).kind, SplErrorKind::Unsupported, "{text}");
    }
    // Once a command has written a field of such a name, it is that field.
    parsed("a | rename requestParameters.* as * | search tag=b");
    parsed("a | eval tag=b | search tag=c | stats count as host by tag | search host>1");
}

/// <https://help.splunk.com/en/splunk-enterprise/search/search-manual/9.3/search-primer>: without quotes as within them a
/// backslash is written twice.
#[test]
fn a_backslash_is_escaped_by_another_without_quotes_as_well() {
    assert_search(r"user=CORP\\bob", r"[user Eq CORP\bob]");
    assert_search(r"user IN (CORP\\*, a\b)", r"[user In CORP\*|a\b]");
    assert_search(r"CORP\\bob", r"CORP\bob");
}
