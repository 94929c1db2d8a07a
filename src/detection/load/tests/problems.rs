//! What an operator reads about a file that is wrong.

use super::*;

const GOOD: &str = r#"name: Test Detection
id: 1
version: 1
type: TTP
search: |-
  `cloudtrail` eventName=A
  | stats count dc(x) as n by user src
  | `test_detection_filter`
rba:
  message: $user$ did $count$
  risk_objects:
  - {field: user, type: user, score: 50}
  threat_objects:
  - {field: src, type: ip_address}
tags:
  mitre_attack_id: [T1119]
"#;

/// The good file with one change.
pub(super) fn changed(from: &str, to: &str) -> String {
    let yaml = GOOD.replace("id: 1\n", "id: one\n");
    assert!(yaml.contains(from), "{from}");
    yaml.replacen(from, to, 1)
}

#[track_caller]
fn assert_refused(from: &str, to: &str, place: (usize, usize), message: &str) {
    let problems = refused(&changed(from, to));
    let found =
        problems.iter().any(|problem| (problem.line, problem.column) == place && problem.message.contains(message));
    assert!(found, "{}", shown(&problems));
}

#[test]
fn the_good_file_is_good() {
    let loaded = loaded(&changed("id: one", "id: one"));
    assert!(loaded.warnings.is_empty(), "{}", shown(&loaded.warnings));
}

#[test]
fn what_is_missing_is_named() {
    assert_refused("name: Test Detection\n", "", (1, 1), "the key `name` is missing");
    assert_refused("id: one\n", "", (1, 1), "the key `id` is missing");
    assert_refused("version: 1\n", "", (1, 1), "the key `version` is missing");
    assert_refused("type: TTP\n", "", (1, 1), "the key `type` is missing");
    assert_refused("  message: $user$ did $count$\n", "", (10, 3), "the key `message` is missing");
    assert_refused("score: 50", "x: 50", (12, 5), "the key `score` is missing");
    assert_refused("rba:", "abr:", (1, 1), "needs its risk");
    assert_refused("name: Test Detection", "name:", (1, 1), "the key `name` is missing");
    assert_refused("score: 50", "score: ~", (12, 5), "the key `score` is missing");
}

/// Who writes a first detection meets it at once, and may copy what is said.
#[test]
fn the_risk_that_is_missing_is_shown_by_an_example_that_loads() {
    let problems = refused(&changed("rba:", "abr:"));
    let [problem] = &*problems else { panic!("{}", shown(&problems)) };
    let (_, example) = problem.help.as_deref().and_then(|help| help.split_once("for example: ")).expect("an example");
    let good = changed("rba:", "rba:");
    let (before, rest) = good.split_once("rba:").expect("the good file has its risk");
    let (_, after) = rest.split_once("tags:").expect("and tags");
    let mended = loaded(&format!("{before}{example}\ntags:{after}"));
    assert!(mended.warnings.is_empty(), "{}", shown(&mended.warnings));
}

#[test]
fn what_is_of_the_wrong_kind_is_named() {
    assert_refused("version: 1", "version: one", (3, 10), "`version` is a whole number, not text");
    assert_refused("id: one", "id: [x]", (2, 5), "`id` is text, not a list");
    assert_refused("id: one", "id: {x: y}", (2, 5), "`id` is text, not a mapping");
    assert_refused("id: one", "id: true", (2, 5), "`id` is text, not true or false");
    assert_refused("id: one", "id: 17", (2, 5), "`id` is text, not a number");
    assert_refused("type: TTP", "type: ttp", (4, 7), "did you mean TTP?");
    assert_refused("score: 50", "score: 101", (12, 38), "a number from 0 to 100");
    assert_refused(
        "  threat_objects:\n  - {field: src, type: ip_address}",
        "  threat_objects: src",
        (13, 19),
        "is a list",
    );
}

#[test]
fn every_problem_is_reported_at_once() {
    let yaml = changed("version: 1", "version: x").replace("score: 50", "score: -1").replace("stats", "stast");
    let problems = refused(&yaml);
    assert_eq!(problems.len(), 3, "{}", shown(&problems));
}

#[test]
fn unknown_keys_are_harmless() {
    loaded(&changed("type: TTP\n", "type: TTP\nasset_owner: {a: [b]}\n"));
}

#[test]
fn a_file_that_is_no_detection_is_refused() {
    for yaml in ["", "- a\n", "just text\n", "a: 1\n---\nb: 2\n"] {
        let problems = refused(yaml);
        let [problem] = &problems[..] else { panic!("{yaml:?}: {}", shown(&problems)) };
        assert_eq!(problem.severity, ProblemSeverity::Error, "{yaml:?}");
        assert_eq!(problem.message, "a detection file is one mapping of keys to values", "{yaml:?}");
    }
}

#[test]
fn a_token_that_no_row_can_hold_is_a_warning() {
    let problems = loaded(&changed("did $count$", "did $cuont$")).warnings;
    assert_eq!(problems.len(), 1);
    let expected = r"
warning: no row of the search has the column `cuont` that the message names: it reads null there
 --> x.yml:10:23
  |   message: $user$ did $cuont$
  |                       ^^^^^^^
  = help: did you mean `count`? the columns are count, n, src, user";
    assert_eq!(problems[0].to_string(), expected.trim_start());
}

/// A folder of Splunk's detections holds many for other data, with macros that nobody here will define.
#[test]
fn a_search_of_other_data_is_no_fault_of_the_file() {
    let elsewhere = changed("`cloudtrail`", "`sysmon`").replace("version: 1", "version: x");
    let problems = refused(&elsewhere);
    let [problem] = &problems[..] else { panic!("{}", shown(&problems)) };
    assert_eq!(problem.severity, ProblemSeverity::OtherData);
    assert!(problem.message.contains("other data than CloudTrail"), "{problem}");
    let ours = changed("`cloudtrail`", "sourcetype=aws:cloudtrail `nobody_defines_it`");
    assert_eq!(refused(&ours)[0].severity, ProblemSeverity::Error);
}

/// What an operator writes himself names its events and no macro: its mistakes are his to see, and the daemon does not
/// pass over it.
#[test]
fn a_fault_of_a_search_that_names_no_other_data_is_an_error() {
    let own = changed("`cloudtrail` ", "");
    loaded(&own);
    for (from, to, words) in [
        ("stats count", "stast count", "did you mean `stats`?"),
        ("version: 1", "version: x", "whole number"),
        ("by user src", "by user src | eval x=", "expected"),
        ("eventName=A", "index=aws eventName=A (", "expected"),
    ] {
        let problems = refused(&own.replacen(from, to, 1));
        assert_ne!(problems[0].severity, ProblemSeverity::OtherData, "{to}: {}", problems[0]);
        assert!(problems[0].to_string().contains(words), "{to}: {}", problems[0]);
    }
    for (from, to) in [
        ("`cloudtrail` eventName=A", "`sysmon` EventCode=1"),
        ("`cloudtrail` eventName=A", "| tstats count from datamodel=Endpoint"),
        ("`cloudtrail` eventName=A", "sourcetype=o365:management:activity"),
        ("`cloudtrail` eventName=A", "index=_audit action=x"),
    ] {
        let problems = refused(&changed(from, to).replacen("version: 1", "version: x", 1));
        assert_eq!(problems[0].severity, ProblemSeverity::OtherData, "{to}: {}", problems[0]);
    }
}

#[test]
fn an_empty_search_is_said_to_be_empty() {
    let empty = changed(
        "`cloudtrail` eventName=A\n  | stats count dc(x) as n by user src\n  | `test_detection_filter`\n",
        "\n",
    );
    let problems = refused(&empty);
    assert_eq!(problems[0].severity, ProblemSeverity::Error, "{}", problems[0]);
    assert!(problems[0].message.contains("`search` is empty"), "{}", problems[0]);
    assert_refused("message: $user$ did $count$", "message: ' '", (10, 12), "`message` is empty");
}

#[test]
fn an_undefined_macro_with_arguments_is_shown_how_to_be_defined() {
    let problems = refused(&changed("eventName=A", "eventName=A `within(src, \"10.0.0.0/8\")`"));
    let help = problems[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("`within: {args: [arg1, arg2], definition: \"...\"}`"), "{help}");
}

/// Also where its macro is defined, so that it compiles.
#[test]
fn a_search_that_no_event_of_cloudtrail_can_match_is_of_other_data() {
    let elsewhere = changed("`cloudtrail`", "sourcetype=o365:management:activity");
    let problems = refused(&elsewhere);
    let [problem] = &problems[..] else { panic!("{}", shown(&problems)) };
    assert_eq!(problem.severity, ProblemSeverity::OtherData);
    assert!(problem.message.contains("no event here has `sourcetype=o365:management:activity`"), "{problem}");
    loaded(&changed("`cloudtrail`", "sourcetype=aws:*"));
}

#[test]
fn without_stats_any_token_may_be_held() {
    loaded(&changed("  | stats count dc(x) as n by user src\n", ""));
}

#[test]
fn an_object_that_no_row_can_name_is_a_warning() {
    let Loaded { text, warnings, .. } = loaded(&changed("field: src", "field: src_ip"));
    assert_eq!((warnings.len(), warnings[0].severity), (1, ProblemSeverity::Warning));
    assert_eq!((warnings[0].line, warnings[0].column), (14, 13));
    assert_eq!(text.risk.threat_objects.len(), 1);
}

/// A list with nothing in it, and a score that is no whole number.
#[test]
fn what_is_unusual_in_a_risk_model_and_not_wrong() {
    let objects = "  threat_objects:\n  - {field: src, type: ip_address}\n";
    let text = loaded(&changed(objects, "  threat_objects:\n").replace("score: 50", "score: 12.5")).text;
    assert_eq!((text.risk.threat_objects.len(), text.risk.score), (0, 12.5));
}

#[test]
fn a_score_that_is_not_impact_times_confidence_is_a_warning() {
    let tags = "tags:\n  impact: 80\n  confidence: 50\n  risk_score: 60\n  message: m\n  observable: []\n";
    let yaml = GOOD.split("rba:").next().expect("a head").replace("id: 1", "id: one") + tags;
    let Loaded { text, warnings, .. } = loaded(&yaml);
    assert_eq!(text.risk.score, 40.0);
    assert_eq!((warnings.len(), warnings[0].line), (1, 12), "{}", shown(&warnings));
    // 80 * 53 / 100 is 42.4, 50 * 25 / 100 is 12.5: files have whole numbers, rounded one way or the other.
    for (impact, confidence, written, warned) in
        [(80, 53, 42, 0), (80, 53, 43, 1), (50, 25, 12, 0), (50, 25, 13, 0), (50, 25, 14, 1)]
    {
        let yaml = yaml
            .replace("impact: 80", &format!("impact: {impact}"))
            .replace("confidence: 50", &format!("confidence: {confidence}"))
            .replace("risk_score: 60", &format!("risk_score: {written}"));
        let warnings = loaded(&yaml).warnings;
        assert_eq!(warnings.len(), warned, "{impact} {confidence} {written}: {}", shown(&warnings));
    }
}

#[test]
fn observables_map_to_objects_by_role_and_type() {
    let observable =
        |name: &str, kind: &str, role: &str| format!("  - {{name: {name}, type: {kind}, role: [{role}]}}\n");
    let tags = "tags:\n  impact: 50\n  confidence: 50\n  message: m\n  observable:\n".to_owned()
        + &observable("user", "User Name", "Victim")
        + &observable("count", "User", "Victim")
        + &observable("n", "Hostname", "Victim")
        + &observable("n", "Endpoint", "Victim")
        + &observable("src", "IP Address", "Attacker")
        + &observable("src", "URL String", "Attacker")
        + &observable("src", "Process", "Other");
    let risk = loaded(&(GOOD.split("rba:").next().expect("a head").replace("id: 1", "id: one") + &tags)).text.risk;
    let victims: Vec<_> =
        risk.risk_objects.iter().map(|object| (&*object.field, &*object.kind, object.score)).collect();
    assert_eq!(
        victims,
        [("user", "user", 25.0), ("count", "user", 25.0), ("n", "system", 25.0), ("n", "system", 25.0)]
    );
    assert_eq!(risk.threat_objects, [threat_object("src", "ip_address"), threat_object("src", "other")]);
}

#[test]
fn findings_of_several_entities() {
    let finding = "intermediate_findings:\n  entities:\n  - {field: user, type: user, score: 20, message: $user$ acts}\n  \
                   - {field: src, type: system, score: 30, message: $src$ acts}\n";
    let risk = loaded(&(GOOD.split("rba:").next().expect("a head").replace("id: 1", "id: one") + finding)).text.risk;
    assert_eq!(risk.message, "$user$ acts");
    assert_eq!((risk.score, risk.risk_objects.len()), (30.0, 2));
}

#[test]
fn annotations_of_the_file_win() {
    let given = "[T1119]\n  kill_chain_phases: [Delivery]\n  nist: [DE.AE]\n  cis20: CIS 3\n";
    let risk = loaded(&changed("[T1119]\n", given)).text.risk;
    assert_eq!(
        (&*risk.kill_chain_phases, &*risk.nist, &*risk.cis20),
        (&["Delivery".into()][..], &["DE.AE".into()][..], &["CIS 3".into()][..])
    );
    let network = loaded(&changed("[T1119]\n", "[T1119]\n  security_domain: network\n")).text.risk;
    assert_eq!(network.cis20, ["CIS 13"]);
}

#[test]
fn an_error_in_the_search_shows_the_line_of_the_file() {
    let problems = refused(&changed("by user src", "by user, src | evall x=1"));
    let expected = r"
unsupported: `evall` is not a known command
 --> x.yml:7:43
  |   | stats count dc(x) as n by user, src | evall x=1
  |                                           ^^^^^
  = help: did you mean `eval`? supported are search, where, regex, eval, rename, fields, table, fillnull, bin, bucket, stats, eventstats, convert, spath, makemv, mvexpand, rex, dedup, sort, head, append, multisearch, union, join, lookup";
    assert_eq!(problems[0].to_string(), expected.trim_start());
}

#[test]
fn an_error_inside_a_macro_shows_the_call_and_the_expansion() {
    let macros = Macros::from_yaml("test_detection_filter: NOT user=admin").expect("macros");
    let problems =
        load(&changed("id: one", "id: one"), "x.yml", &macros, &Lookups::new(), &SETTINGS).expect_err("problems");
    let shown = problems[0].to_string();
    assert_eq!((problems[0].line, problems[0].column), (8, 5), "{shown}");
    assert!(shown.contains("^^^^^^^^^^^^^^^^^^^^^^^"), "{shown}");
    assert!(
        shown.contains("in the expansion of `test_detection_filter`:\n") && shown.contains("| NOT user=admin"),
        "{shown}"
    );
}

#[test]
fn an_undefined_macro_shows_its_call() {
    let problems = refused(&changed("`cloudtrail`", "`cloudtrial`"));
    assert_eq!((problems[0].line, problems[0].column, problems[0].severity), (6, 3, ProblemSeverity::Error));
    assert!(problems[0].help.as_deref().is_some_and(|help| help.contains("`cloudtrail`")), "{}", problems[0]);
}
