//! Commands that take fields out of texts and make several rows of one event (AG-2).

use serde_json::json;

use super::*;
use crate::plan::{Early, LostRows};

const POLICY: &str =
    r#"{"Statement":[{"Sid":"one","Action":"kms:*"},{"Sid":"two","Action":["kms:Encrypt","kms:Decrypt"]}]}"#;

/// The rows of one event, in the order of their ordinals: its by-values and inputs are what `table` names.
fn table(commands: &str, fields: serde_json::Value) -> Vec<String> {
    let plan = plan(&format!("* | {commands}"));
    let mut rows = Vec::new();
    for (ordinal, contribution) in contributions(&plan, &event(fields)).into_iter().enumerate() {
        assert_eq!(contribution.ordinal as usize, ordinal, "AG-2: ordinals count the rows of the event");
        rows.push(contribution.inputs.iter().map(shown_value).collect::<Vec<_>>().join(" "));
    }
    rows
}

fn lost(plan: &Plan, event: &Event) -> (usize, LostRows) {
    match plan.evaluate(event) {
        Some(PlanOutcome::Matched { contributions, lost }) => (contributions.len(), lost),
        other => panic!("{other:?}"),
    }
}

#[test]
fn spath_takes_values_out_of_json() {
    let fields =
        || json!({"policy": POLICY, "text": "no JSON", "list": ["{\"a\":1}", "{\"a\":2}"], "o": {"p": [1, 2]}});
    for (commands, expected) in [
        ("spath input=policy output=x path=Statement{}.Sid | table x", "[one, two]"),
        ("spath input=policy path=Statement{1}.Action{} | table Statement{1}.Action{}", "[kms:Encrypt, kms:Decrypt]"),
        ("spath input=policy output=x Statement{0} | table x", r#"{"Sid":"one","Action":"kms:*"}"#),
        ("spath output=x path=o.p{} | table x", "[1, 2]"),
        ("spath output=x path=o | table x", r#"{"p":[1,2]}"#),
        ("spath input=list{} output=x path=a | table x", "[1, 2]"),
        ("spath input=text output=x path=a | table x", "null"),
        ("spath input=missing output=x path=a | table x", "null"),
        ("eval x=1 | spath output=x path=missing | table x", "1"),
        ("spath input=policy | table Statement{}.Sid", "[one, two]"),
    ] {
        assert_eq!(table(commands, fields()), [expected], "{commands}");
    }
}

/// What a command over one event leaves alone, and where it writes.
#[test]
fn fields_that_are_not_named_stay_as_they_are() {
    for (commands, expected) in [
        ("eval y=1 | convert ctime(missing) as y | table y", "1"),
        ("fields n | eval t=_time | table t", "1682380277.25"),
        ("bin _time span=100ms | table _time", "1682380277.2"),
        ("fields - _raw | search getuser | table n", ""),
        ("fields n | search getuser | table n", "5"),
    ] {
        let made = table(commands, json!({"n": "5", "eventTime": "2023-04-24T23:51:17.250Z"}));
        assert_eq!(made.concat(), expected, "{commands}");
    }
}

#[test]
fn a_spath_without_a_path_writes_no_field_of_our_own() {
    assert_eq!(table("spath input=x | table _time a", json!({"x": r#"{"_time": 5, "a": 6}"#})), ["1682380277 6"]);
}

#[test]
fn rex_takes_named_groups() {
    let fields = || json!({"arn": "arn:aws:iam::111:user/bob", "list": ["a1", "b2", "c"], "text": "k=1 k=2 k=3"});
    for (commands, expected) in [
        (r#"rex field=arn "::(?<account>\d+):(?<kind>[^/]+)/" | table account kind"#, "111 user"),
        (r#"rex field=text "k=(?<k>\d)" | table k"#, "1"),
        (r#"rex field=text max_match=2 "k=(?<k>\d)" | table k"#, "[1, 2]"),
        (r#"rex field=text max_match=0 "k=(?<k>\d)" | table k"#, "[1, 2, 3]"),
        (r#"rex field=list{} "(?<digit>\d)" | table digit"#, "[1, 2]"),
        (r#"eval x="old" | rex field=arn "(?<x>nowhere)" | table x"#, "old"),
        (r#"eval y="old" | rex field=arn "(?<x>arn)(?<y>nowhere)?" | table x y"#, "arn old"),
        (r#"rex "\"(?<name>eventName)\"" | table name"#, "eventName"),
    ] {
        assert_eq!(table(commands, fields()), [expected], "{commands}");
    }
}

/// As Splunk's search for open buckets does.
#[test]
fn rex_takes_a_literal_brace_as_pcre_does() {
    let rows = table(
        r#"rex field=_raw "(?<all>{.+})" | spath input=all output=x path=o.p | table x"#,
        json!({"o": {"p": "q"}}),
    );
    assert_eq!(rows, ["q"]);
}

#[test]
fn mvexpand_makes_a_row_of_each_value() {
    let fields = || json!({"list": ["a", "b", "c"], "one": "x", "m": [1, 2]});
    for (commands, expected) in [
        ("mvexpand list{} | table list{} one", &["a x", "b x", "c x"][..]),
        ("mvexpand list{} limit=2 | table list{}", &["a", "b"]),
        ("mvexpand one | table one", &["x"]),
        // Splunk keeps what has nothing to expand.
        ("mvexpand missing | table one missing", &["x null"]),
        ("mvexpand list{} | search list{}!=b | eval y=upper('list{}') | table y", &["A", "C"]),
        ("mvexpand list{} | where 'list{}'=\"z\" | table one", &[]),
        ("mvexpand list{} | mvexpand m{} | table list{} m{}", &["a 1", "a 2", "b 1", "b 2", "c 1", "c 2"]),
    ] {
        assert_eq!(table(commands, fields()), expected, "{commands}");
    }
}

#[test]
fn ag_2_every_row_of_an_event_counts_once() {
    let search = "* | spath input=policy output=s path=Statement{} | mvexpand s | spath input=s output=sid path=Sid \
        | stats count values(sid) as sids by eventName";
    let plan = plan(search);
    let event = event(json!({"policy": POLICY}));
    assert_eq!(
        rows(&plan, &[event.clone(), event.clone()]).iter().map(shown).collect::<Vec<_>>(),
        ["eventName=GetUser count=2 sids=[one, two]"]
    );
    let (_, partial) = &groups(&plan, &[event])[0];
    assert_eq!(partial.event_count(), 1, "one event");
}

/// AG-5: the order of the rows of one event is that of its values.
#[test]
fn rows_of_one_event_stay_in_their_order() {
    let plan = plan("* | mvexpand list{} | stats first(list{}) as first list(list{}) as all last(list{}) as last");
    let event = event(json!({"list": ["b", "a", "c"]}));
    assert_eq!(rows(&plan, &[event]).iter().map(shown).collect::<Vec<_>>(), ["first=b all=[b, a, c] last=c"]);
}

#[test]
fn without_stats_every_row_of_an_event_is_its_own_group() {
    let plan = plan("* | mvexpand list{} | table list{}");
    let event = event(json!({"list": ["a", "b"]}));
    let groups: Vec<GroupKey> = contributions(&plan, &event).into_iter().map(|c| c.group).collect();
    let group = |ordinal| GroupKey { leg: 0, values: vec![], event: Some(event.key), ordinal };
    assert_eq!(groups, [group(0), group(1)]);
    assert_eq!(rows(&plan, &[event]).iter().map(shown).collect::<Vec<_>>(), ["list{}=a", "list{}=b"]);
}

#[test]
fn ag_3_rows_without_a_by_field_are_counted_beside_those_that_have_it() {
    let search = "* | spath input=policy output=s path=Statement{} | mvexpand s | spath input=s output=list path=Action{} \
        | stats count by list";
    let (count, lost) = lost(&plan(search), &event(json!({"policy": POLICY})));
    assert_eq!((count, lost), (2, LostRows { cut: 0, null_by: 1 }));
    assert_eq!(plan(search).evaluate(&event(json!({}))), Some(PlanOutcome::NullBy(0)));
}

#[test]
fn what_the_bound_on_rows_cuts_is_counted() {
    let many: Vec<u32> = (0..200).collect();
    let event = event(json!({"a": many, "b": many}));
    let by = plan("* | stats count by a{} b{}");
    assert_eq!(lost(&by, &event), (10_000, LostRows { cut: 30_000, null_by: 0 }));
    let expanded = plan("* | mvexpand a{} | stats count by a{} b{}");
    assert_eq!(lost(&expanded, &event), (10_000, LostRows { cut: 30_000, null_by: 0 }));
    let nothing_left = plan("* | eval c='b{}' | mvexpand a{} | mvexpand b{} | where 'a{}'=199 | stats count by c");
    assert_eq!(lost(&nothing_left, &event).0, 0, "the event is no match, but it is not silent");
    assert!(lost(&nothing_left, &event).1.cut > 0);
}

/// By-values are values as well.
#[test]
fn the_rows_of_one_event_carry_at_most_a_million_values() {
    let [wide, many] = [200_u32, 6_000].map(|values| (0..values).collect::<Vec<_>>());
    let event = event(json!({"wide": wide, "many": many}));
    let (count, lost) = lost(&plan("* | stats values(wide{}) by many{}"), &event);
    assert!(count * 201 <= 1_000_000 && (count + 1) * 201 > 1_000_000, "{count}");
    assert_eq!(count as u64 + lost.cut, 6_000);
}

/// Every row may look at the whole event, so a large event becomes fewer rows.
#[test]
fn the_bound_falls_with_the_size_of_the_event() {
    let many: Vec<u32> = (0..2_000).collect();
    let event = event(json!({"a": many, "filler": "x".repeat(256 * 1024)}));
    let (count, lost) = lost(&plan("* | mvexpand a{} | table a{}"), &event);
    assert!((500..1_100).contains(&count), "{count}");
    assert_eq!(count as u64 + lost.cut, 2_000);
}

#[test]
fn rows_of_a_group_may_be_expanded_too() {
    let plan = plan("* | stats values(v) as v by eventName | mvexpand v | search v!=b");
    let events = ["a", "b", "c"].map(|v| event(json!({"eventID": v, "v": v})));
    assert_eq!(
        rows(&plan, &events).iter().map(shown).collect::<Vec<_>>(),
        ["eventName=GetUser v=a", "eventName=GetUser v=c"]
    );
    assert!(matches!(plan.early(), Early::AtClose(reason) if reason.contains("mvexpand")));
}

#[test]
fn em_1_what_is_extracted_from_by_fields_is_constant() {
    let early =
        |commands: &str| plan(&format!("* | stats count values(a) as all by user | {commands}")).early().clone();
    assert_eq!(early(r#"rex field=user "(?<first>.)" | search first=b"#), Early::FirstMatch);
    assert_eq!(early("spath input=user output=x path=a | where x=1"), Early::FirstMatch);
    for commands in [
        r#"rex field=all "(?<first>.)" | search first=b"#,
        "spath input=all output=x path=a | where x=1",
        "spath input=all | where x=1",
        // It leaves what was there where nothing is found.
        r#"rex field=user "(?<count>x)" | where count < 5"#,
    ] {
        assert!(matches!(early(commands), Early::AtClose(_)), "{commands}");
    }
}

#[test]
fn po_3_extracted_fields_give_no_literal() {
    let literals = |search: &str| plan(search).required_literals();
    let name = Some(vec!["putbucketacl".to_owned()]);
    assert_eq!(literals("eventName=PutBucketAcl | spath output=uri path=a | search uri=somewhere"), name);
    assert_eq!(literals("* | spath output=eventName path=a | search eventName=PutBucketAcl"), None);
    assert_eq!(literals(r#"* | rex "(?<eventName>x)" | search eventName=PutBucketAcl"#), None);
    assert_eq!(literals("* | mvexpand a{} | search eventName=PutBucketAcl"), None);
}

#[test]
fn windows_are_not_cut_on_a_time_that_a_text_gives_wn_1() {
    for search in [
        "* | spath output=_time path=a | bin _time span=5m | stats count by _time",
        r#"* | rex "(?<_time>\d+)" | bin _time span=5m | stats count by _time"#,
    ] {
        assert_eq!(refused(search).kind, crate::plan::CompileErrorKind::Unsupported, "{search}");
    }
    assert_eq!(plan("* | spath | bin _time span=5m | stats count by _time").window_ms(), 300_000);
}

#[test]
fn refusals_of_these_commands_point_at_their_text() {
    for (search, place) in [
        (r#"* | rex "no group""#, r#""no group""#),
        (r#"* | rex "(?<a>x)(?=y)""#, r#""(?<a>x)(?=y)""#),
        (r#"* | rex offset_field=o "a""#, "offset_field"),
    ] {
        assert_eq!(&search[refused(search).span], place, "{search}");
    }
    let expansions = "| mvexpand a ".repeat(17);
    assert!(refused(&format!("* {expansions}")).message.contains("more than 16 mvexpand"));
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Regex>: `=` keeps what matches,
/// `!=` what does not; without a field `_raw` is looked at.
#[test]
fn regex_keeps_what_matches_or_what_does_not() {
    for (command, keeps) in [
        ("regex userAgent=\"^aws-cli/\\d\"", true),
        ("regex userAgent!=\"^aws-cli/\\d\"", false),
        ("regex userAgent = \"CLI\"", false),
        ("regex userAgent=\"(?i)CLI\"", true),
        ("regex requestParameters.ids{}=\"^b$\"", true),
        ("regex requestParameters.ids{}!=\"^b$\"", false),
        ("regex \"errorMessage\"!=\"denied\"", true),
        ("regex errorMessage=\"denied\"", false),
        ("regex \"\\\"ids\\\"\"", true),
        ("regex _raw!=\"nothing like it\"", true),
    ] {
        let event = event(json!({"userAgent": "aws-cli/2.1", "requestParameters": {"ids": ["a", "b"]}}));
        let kept = !contributions(&plan(&format!("* | {command}")), &event).is_empty();
        assert_eq!(kept, keeps, "{command}");
    }
    let error = refused("* | regex userAgent=\"a(?!b)\"");
    assert!(error.message.contains("look-around"), "{error}");
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Rex>: `g` replaces all matches.
#[test]
fn rex_in_the_mode_of_sed_replaces() {
    for (script, expected) in [
        (r"s/\d/#/g", "arn:#:role/ab/ab"),
        (r"s/a/X/", "Xrn:1:role/ab/ab"),
        (r"s/^.*\///", "ab"),
        (r"s|role/||", "arn:1:ab/ab"),
        (r"s/(\w)(b)/\2\1\0/", "arn:1:role/baab/ab"),
        (r"s/(\w)(b)/\2\1/g", "arn:1:role/ba/ba"),
        (r"s/b$/$1/", "arn:1:role/ab/a$1"),
        (r"s/(a)b/\\\\1/", r"arn:1:role/\a/ab"),
        (r"s/(a)b/\\\\1/g", r"arn:1:role/\a/\a"),
        ("s/none/x/", "arn:1:role/ab/ab"),
    ] {
        let event = event(json!({"arn": "arn:1:role/ab/ab", "list": ["a", "ba", "ca"]}));
        let shown = |field: &str, script: &str| {
            let plan = plan(&format!("* | rex mode=sed field={field} \"{script}\" | table {field}"));
            shown_value(&contributions(&plan, &event)[0].inputs[0])
        };
        assert_eq!(shown("arn", script), expected, "{script}");
        assert_eq!(shown("list{}", "s/a/-/"), "[-, b-, c-]");
        assert_eq!(shown("missing", script), "null");
    }
    for script in ["y/abc/xyz/", "s/a/b", "s/a/b/2", "s/a/b/ s/b/c/", "s//b/", "a", "s/(a)/\\8/", ""] {
        let error = refused(&format!("* | rex mode=sed field=arn \"{script}\""));
        assert_eq!(error.kind, crate::plan::CompileErrorKind::Unsupported, "{script}: {error}");
    }
    assert!(refused("* | rex mode=sed field=arn \"s/a(?!b)/b/\"").message.contains("look-around"));
    // What closes a group that it has not opened is none, whatever stands around it.
    for flag in ["", "g"] {
        let search = format!("* | rex mode=sed field=arn \"s/a)(b/c/{flag}\"");
        assert_eq!(refused(&search).kind, crate::plan::CompileErrorKind::Unsupported, "{search}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Makemv>: the delimiter is a blank
/// unless it is given, and several in a row are one unless empty values are allowed.
#[test]
fn makemv_splits_a_field_into_its_values() {
    for (command, expected) in [
        ("makemv delim=\",\" list", "[a, b, c]"),
        ("makemv delim=\",\" allowempty=true list", "[a, b, , c]"),
        ("makemv list allowempty=f delim=\",\"", "[a, b, c]"),
        ("makemv words", "[x, y]"),
        ("makemv delim=\"::\" single", "one"),
        ("makemv delim=\",\" several{}", "[1,2, 3]"),
        ("makemv delim=\",\" missing", "null"),
        ("makemv delim=\",\" commas", "null"),
    ] {
        let event = event(json!({
            "list": "a,b,,c", "words": "x  y", "single": "one", "several": ["1,2", "3"], "commas": ",,",
        }));
        let field = command.split(' ').find(|word| !word.contains('=') && *word != "makemv").expect("a field");
        let plan = plan(&format!("* | {command} | table {field}"));
        assert_eq!(shown_value(&contributions(&plan, &event)[0].inputs[0]), expected, "{command}");
    }
    let error = refused("* | makemv tokenizer=\"([^,]+)\" list");
    assert!(error.message.contains("`tokenizer` is not supported"), "{error}");
}
