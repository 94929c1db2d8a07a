//! What is not supported is refused at load, with its place and a way out.

use super::*;
use crate::plan::CompileErrorKind::{Invalid, Unsupported};

#[test]
fn every_refusal_points_at_its_text() {
    for (search, kind, place) in [
        ("* | eval x=lowr(a)", Unsupported, "lowr(a)"),
        ("* | eval x=lower(a, b)", Invalid, "lower(a, b)"),
        ("* | eval x=case(a=1)", Invalid, "case(a=1)"),
        ("* | eval x=case(a=1, 2, 3)", Invalid, "case(a=1, 2, 3)"),
        ("* | eval x=a>5", Invalid, "a>5"),
        ("* | where lower(a)", Invalid, "lower(a)"),
        ("* | where match(a, \"(?=b)\")", Unsupported, "\"(?=b)\""),
        ("* | where cidrmatch(\"10.0.0.0/99\", a)", Invalid, "\"10.0.0.0/99\""),
        ("* | eval x=strftime(_time, \"%!\")", Unsupported, "\"%!\""),
        ("* | eval x=strptime(a, \"%H:%M:%S %Z\")", Unsupported, "\"%H:%M:%S %Z\""),
        ("* | eval x=strptime(a, \"%H:%M\")", Unsupported, "\"%H:%M\""),
        ("* | convert timeformat=\"%Y %Z\" mktime(a)", Unsupported, "mktime(a)"),
        ("* | stats count by a | stats values(*) as *", Unsupported, "values(*) as *"),
        ("* | stats sparkline(a)", Unsupported, "sparkline(a)"),
        ("* | stats values(*) as *", Unsupported, "values(*) as *"),
        ("* | stats count values(req*) as all by a", Unsupported, "values(req*) as all"),
        ("* | stats min by a", Invalid, "min"),
        ("* | stats count by a*", Unsupported, "a*"),
        ("* | table a*", Unsupported, "a*"),
        ("* | head 2 | rename a.* as b.* | stats count by b.c", Unsupported, "a.*"),
        ("* | head 2 | table a*", Unsupported, "a*"),
        ("* | rename a.* as b", Invalid, "a.* as b"),
        ("* | bin _time span=5m | bin _time span=1h | stats count by _time", Unsupported, "bin _time span=1h"),
        ("* | eval _time=0 | bin _time span=5m | stats count by _time", Unsupported, "eval _time=0"),
        ("* | eval x=mvfilter(a=b)", Invalid, "a=b"),
        ("* | bin other span=5m", Unsupported, "other"),
        ("* | convert memk(a)", Unsupported, "memk(a)"),
    ] {
        let error = refused(search);
        assert_eq!(error.kind, kind, "{search}: {error}");
        assert_eq!(&search[error.span.clone()], place, "{search}: {error}");
    }
}

#[test]
fn a_misspelt_function_is_answered_with_the_nearest_name() {
    assert_eq!(refused("* | eval x=colaesce(a, b)").help.as_deref(), Some("did you mean coalesce?"));
    let help = refused("* | eval x=frobnicate(a)").help.expect("it lists what there is");
    assert!(help.contains("coalesce") && help.contains("strftime"));
    assert_eq!(refused("* | eval x=frobnicate(a)").message, "unknown function frobnicate");
}

/// `ln` is no misspelt `in`, and what Splunk has is not unknown.
#[test]
fn a_function_that_splunk_alone_has_is_said_to_be_one() {
    for (name, help) in [
        ("ln", "supported are abs"),
        ("mvrange", "supported are abs"),
        ("md5", "supported are abs"),
        ("random", "a result must not depend on chance"),
        ("time", "write now()"),
        ("json_extract_exact", "use spath(text"),
        ("lookup", "use the command lookup"),
    ] {
        let error = refused(&format!("* | eval x={name}(a, b)"));
        assert_eq!((error.message, error.kind), (format!("the function {name} is not supported"), Unsupported));
        assert!(error.help.as_ref().is_some_and(|given| given.starts_with(help)), "{name}: {:?}", error.help);
    }
}

#[test]
fn two_columns_of_one_name_are_refused() {
    assert_eq!(refused("* | stats count values(a) as b by b").kind, Invalid);
    assert_eq!(refused("* | stats count count").kind, Invalid);
    assert_eq!(refused("* | stats count by a | stats count count").kind, Invalid);
}

#[test]
fn a_filter_on_a_column_that_is_not_there_is_warned_of() {
    let plan = plan("* | stats count by user | search usr=bob");
    assert_eq!(plan.warnings().len(), 1);
    assert!(plan.warnings()[0].message.contains("usr"));
}

#[test]
fn wildcards_are_refused_where_they_name_no_fields() {
    for (command, place) in [
        ("fillnull value=x req* a", "req*"),
        ("convert ctime(*Time)", "ctime(*Time)"),
        ("dedup a u*", "u*"),
        ("sort a, -*", "-*"),
        ("bin req* span=5", "req*"),
        ("regex req*=\"a\"", "req*"),
        ("makemv delim=\",\" req*", "req*"),
        ("mvexpand a*", "mvexpand a*"),
        ("eval \"a*\"=1", "\"a*\""),
    ] {
        let search = format!("* | {command} | stats count");
        let error = refused(&search);
        assert_eq!((&search[error.span.clone()], error.kind), (place, crate::plan::CompileErrorKind::Unsupported));
    }
}

#[test]
fn a_misspelt_aggregate_gets_the_nearest() {
    for (aggregate, near) in [("cont(x)", "count"), ("stdv(x)", "stdev"), ("lates(x)", "latest")] {
        let error = refused(&format!("* | stats {aggregate} by u"));
        assert_eq!(error.help, Some(format!("did you mean {near}?")), "{aggregate}");
    }
    assert!(refused("* | stats sparkline(x)").help.is_some_and(|help| help.starts_with("supported are avg")));
}

/// Splunk documents wildcards for the values of a search and for the names in `fields`, `table`, `rename` and their like
/// (<https://docs.splunk.com/Documentation/Splunk/latest/Search/Wildcards>); a name with one that
/// stands for itself would match nothing, and say nothing.
#[test]
fn wildcards_in_the_name_of_a_field_that_is_compared_are_refused() {
    for (search, place) in [
        ("*=bob", "*=bob"),
        ("eventName=A (b=1 OR NOT user*=bob)", "user*=bob"),
        ("* | search userIdentity.* IN (a, b)", "userIdentity.* IN (a, b)"),
        ("* | append [search \"a*\"!=b]", "\"a*\"!=b"),
        ("* | where 'requestParameters.*'=\"x\"", "'requestParameters.*'"),
        ("* | eval a=lower('b*')", "'b*'"),
    ] {
        let error = refused(search);
        assert_eq!((&search[error.span.clone()], error.kind), (place, Unsupported), "{search}: {error}");
        assert!(error.message.contains("wildcard"), "{search}: {error}");
    }
    for search in ["a=*b* c IN (d*) \"e*\" f*g", "* | rename userIdentity.* as * | search a=b"] {
        plan(search);
    }
}
