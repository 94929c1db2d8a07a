//! What is refused, and what the report says.

use super::*;

#[test]
fn all_problems_come_in_one_report_with_their_places() {
    let text = "\
source:
  stream: cloudtrail
  poll_intervall: 1s
  tip_slack: 5
detections:
  paths: [d]
  window: ${NOPE}
sinks:
  - name: Out
    type: stdout
  - name: soc
    type: webhook
    url: http://soc.example.com/
    concurrency: 65
admin: 9464
extra: 1
";
    assert_eq!(
        problems(read_with(text, &[("TRAILRISK_LOG__FORMAT", "xml")], &[])),
        [
            "conf/t.yaml:3:3: source.poll_intervall: unknown key; did you mean poll_interval?",
            "conf/t.yaml:4:14: source.tip_slack: \"5\" is not a duration: a whole number with its unit ms, s, m, h or d \
             is expected, such as 500ms or 15m",
            "conf/t.yaml:7:11: detections.window: the environment variable \"NOPE\" of `${NOPE}` is not set",
            "conf/t.yaml:9:11: sinks[0].name: \"Out\" is no sink's name: 1 to 63 of a-z, 0-9, `_` and `-` are expected",
            "conf/t.yaml:13:10: sinks[1].url: the value (not shown) is plain http: https is expected, or \
             `allow_http: true` beside it",
            "conf/t.yaml:14:18: sinks[1].concurrency: \"65\" is out of range: 1 to 64 is allowed",
            "conf/t.yaml:15:8: admin: a mapping of keys to values is expected",
            "conf/t.yaml:16:1: extra: unknown key",
            "environment variable TRAILRISK_LOG__FORMAT: log.format: \"xml\" is unknown here: one of json, text is expected",
        ]
    );
}

/// Whoever recurses over the nodes, the YAML reader first, would run out of stack, and the daemon would end at a reload.
#[test]
fn wn_7_a_file_that_is_nested_without_end_is_refused() {
    let steps: String = (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for text in ["- ".repeat(100_000), steps, "[".repeat(100_000), "{a: ".repeat(100_000)] {
        assert_eq!(problems(read_with(&text, &[], &[])).len(), 1);
    }
}

#[test]
fn what_is_missing_is_asked_for_once_each() {
    assert_eq!(
        problems(read_with("", &[], &[])),
        [
            "conf/t.yaml: detections.paths: is missing: a list of detection files, or folders of them, is expected",
            "conf/t.yaml: sinks: is missing: a list with at least one sink is expected",
            "conf/t.yaml: source.stream: is missing: the name or the ARN of a Kinesis stream is expected",
        ]
    );
    let wrong_section = LEAST.replace("{stream: cloudtrail}", "5");
    assert_eq!(problems(read_with(&wrong_section, &[], &[])).len(), 1, "its keys are not asked for as well");
}

/// A consumer's ARN without the number at its end.
const CONSUMER: &str = "arn:aws:kinesis:eu-central-1:111111111111:stream/cloudtrail/consumer/risk";

/// Each must be refused for the key named first, and be the only problem.
#[test]
fn every_rule_of_the_source_refuses_its_violation() {
    let cases = [
        ("source.poll_interval", with("source", "poll_interval: 199ms")),
        ("source.poll_interval", with("source", "poll_interval: [1s]")),
        ("source.idle_poll_interval", with("source", "idle_poll_interval: 61s, stalled_after: 2m")),
        ("source.idle_poll_interval", with("source", "idle_poll_interval: 999ms")),
        ("source.stalled_after", with("source", "stalled_after: 10s, idle_poll_interval: 10s")),
        ("source.tip_slack", with("source", "tip_slack: 999ms")),
        ("source.stalled_after", with("source", "stalled_after: 10s, poll_interval: 10s")),
        ("source.endpoint_url", with("source", "endpoint_url: 'localhost:4567'")),
        ("source.region", with("source", "region: Frankfurt")),
        ("source.name", with("source", "name: \"a\\nb\"")),
        ("source.start", with("source", "start: newest")),
        ("source.start.at_timestamp", with("source", "start: {at_timestamp: '2026-01-31 12:00'}")),
        ("source.start.at_timestamp", with("source", "start: {at_timestamp: '2026-01-31T12:00:00'}")),
        ("source.start.at_timestamp", with("source", "start: {}")),
        ("source.reader", with("source", "reader: push")),
        ("source.hash_range_check", with("source", "hash_range_check: yes")),
        ("source.protocol", with("source", "protocol: cbor")),
        ("source.consumer", with("source", "reader: fan_out")),
        ("source.consumer", with("source", "reader: fan_out, consumer: 'a b'")),
        ("source.consumer", with("source", &format!("reader: fan_out, consumer: '{CONSUMER}'"))),
        ("source.consumer", with("source", &format!("reader: fan_out, consumer: '{CONSUMER}:x'"))),
        ("source.consumer", with("source", &format!("consumer: '{}:1'", CONSUMER.replace("cloudtrail", "other")))),
        (
            "source.register_consumer",
            with("source", &format!("reader: fan_out, consumer: '{CONSUMER}:1', register_consumer: true")),
        ),
        ("source.role_arn", with("source", "role_arn: 'arn:aws:iam::222222222222:user/reader'")),
        ("source.role_arn", with("source", "role_arn: 'arn:aws:sts::222222222222:assumed-role/reader/x'")),
        ("source.external_id", with("source", "role_arn: 'arn:aws:iam::222222222222:role/a/b', external_id: x")),
        ("source.external_id", with("source", "external_id: abc")),
        ("source.stream", LEAST.replace("cloudtrail", "a/b")),
        ("source.stream", LEAST.replace("cloudtrail", "'arn:aws:s3:::bucket'")),
    ];
    assert_each_is_refused(&cases);
}

#[test]
fn every_rule_refuses_its_violation() {
    let cases = [
        ("detections.paths", LEAST.replace("[d]", "[]")),
        ("detections.paths", LEAST.replace("[d]", "d")),
        ("detections.window", with("detections", "window: 0s")),
        ("detections.grace", with("detections", "grace: 8d")),
        ("detections.decode", with("detections", "decode: some")),
        ("sinks", LEAST.replace("[{name: out, type: stdout}]", "[]")),
        ("sinks[1].name", LEAST.replace("}]", "}, {name: out, type: file, path: f}]")),
        ("sinks[1].type", LEAST.replace("}]", "}, {name: again, type: stdout}]")),
        ("sinks[0].name", LEAST.replace("name: out, ", "")),
        ("sinks[0].name", LEAST.replace("name: out", "name: dead_letter")),
        ("sinks[0].type", LEAST.replace(", type: stdout", ", url: x")),
        ("sinks[0].type", LEAST.replace("stdout", "kafka, brokers: x")),
        ("sinks[0].url", with("sink", "url: 'https://x/'")),
        ("sinks[0].url", with("webhook", "timeout: 5s")),
        ("sinks[0].url", with("webhook", "url: 'https://localhost/'")),
        ("sinks[0].retry_min", with("webhook", "url: 'https://x/', retry_min: 2s, retry_max: 1s")),
        ("sinks[0].concurrency", with("webhook", "url: 'https://x/', concurrency: 0")),
        ("sinks[0].headers.Host", with("webhook", "url: 'https://x/', headers: {Host: y}")),
        ("sinks[0].headers.b c", with("webhook", "url: 'https://x/', headers: {b c: y}")),
        ("sinks[0].headers.a", with("webhook", "url: 'https://x/', headers: {A: y, a: z}")),
        ("sinks[0].headers.A", with("webhook", "url: 'https://x/', headers: {A: \"x\\r\\ny\"}")),
        ("sinks[0].headers.A", with("webhook", "url: 'https://x/', headers: {A: null}")),
        ("sinks[0].stages", with("sink", "stages: []")),
        ("sinks[0].stages[0]", with("sink", "stages: [late]")),
        ("sinks[0].min_severity", with("sink", "min_severity: HIGH")),
        ("sinks[0].queue_bytes", with("sink", "queue_bytes: 0B")),
        ("sinks[0].queue_bytes", with("sink", "queue_bytes: 1048576")),
        ("checkpoint.store", with("checkpoint", "store: s3")),
        ("checkpoint.interval", with("checkpoint", "interval: 0s")),
        ("checkpoint.table", with("checkpoint", "store: dynamodb")),
        ("checkpoint.table", with("checkpoint", "table: leases")),
        ("checkpoint.table", with("checkpoint", "store: dynamodb, table: a/b")),
        ("checkpoint.scope", with("checkpoint", "store: dynamodb, table: leases, scope: 'a:b'")),
        ("checkpoint.lease_duration", with("checkpoint", "store: dynamodb, table: leases, lease_duration: 500ms")),
        ("checkpoint.region", with("checkpoint", "store: dynamodb, table: leases, region: EU")),
        ("limits.read_buffer_bytes", with("limits", "read_buffer_bytes: 9MiB")),
        ("limits.max_values", with("limits", "max_values: 20_000")),
        ("limits.max_evidence", with("limits", "max_evidence: -1")),
        ("admin.listen", with("admin", "listen: 'localhost:9464'")),
        ("log.level", with("log", "level: 'trailrisk=loud'")),
        ("shutdown.drain_deadline", with("shutdown", "drain_deadline: 20")),
    ];
    assert_each_is_refused(&cases);
}

#[test]
fn every_rule_of_formats_and_splunk_refuses_its_violation() {
    assert_each_is_refused(&[
        ("sinks[0].format", with("webhook", "url: 'https://x/', format: xml")),
        ("sinks[0].ocsf_version", with("webhook", "url: 'https://x/', format: ocsf, ocsf_version: '1.2.0'")),
        ("sinks[0].ocsf_version", with("webhook", "url: 'https://x/', ocsf_version: '1.8.0'")),
        ("sinks[0].cloudevents_source", with("webhook", "url: 'https://x/', cloudevents_source: 'urn:x'")),
        (
            "sinks[0].cloudevents_source",
            with("webhook", "url: 'https://x/', format: cloudevents, cloudevents_source: 'a b'"),
        ),
        (
            "sinks[0].batch_max_events",
            with("webhook", "url: 'https://x/', format: cloudevents_binary, batch_max_events: 2"),
        ),
        ("sinks[0].template", with("webhook", "url: 'https://x/', format: template")),
        ("sinks[0].template", with("webhook", "url: 'https://x/', template: t.j2")),
        ("sinks[0].template_values", with("webhook", "url: 'https://x/', template_values: {a: b}")),
        ("sinks[0].token", LEAST.replace("type: stdout", "type: splunk_hec, url: 'https://x/'")),
        (
            "sinks[0].variant",
            LEAST.replace("type: stdout", "type: splunk_hec, url: 'https://x/', token: t, variant: raw"),
        ),
    ]);
}

#[test]
fn every_rule_of_file_sinks_refuses_its_violation() {
    let file = |keys: &str| LEAST.replace("type: stdout", &format!("type: file, {keys}"));
    assert_each_is_refused(&[
        ("sinks[0].path", file("fsync: always")),
        ("sinks[0].keep", file("path: a, keep: 3")),
        ("sinks[0].keep", file("path: a, rotate_bytes: 1MiB, keep: 0")),
        ("sinks[0].rotate_bytes", file("path: a, rotate_bytes: 63KiB")),
        ("sinks[0].fsync", file("path: a, fsync: often")),
        ("sinks[0].format", file("path: a, format: cloudevents_binary")),
    ]);
}

#[test]
fn a_file_that_something_else_writes_to_is_refused() {
    let file = |path: &str| LEAST.replace("type: stdout", &format!("type: file, {path}"));
    let two = |first: &str, second: &str| {
        LEAST
            .replace("type: stdout", &format!("type: file, {first}"))
            .replace("}]", &format!("}}, {{name: b, type: file, {second}}}]"))
    };
    let checkpoint = "checkpoint: {path: state}\n";
    let dead_letter = "dead_letter: {path: letters}\n";
    assert_each_is_refused(&[
        ("sinks[1].path", two("path: a", "path: a")),
        ("sinks[1].path", two("path: a", "path: ./a")),
        ("sinks[1].path", two("path: a, rotate_bytes: 1MiB, keep: 2", "path: a.2")),
        ("sinks[1].path", two("path: a.5", "path: a, rotate_bytes: 1MiB")),
        ("sinks[0].path", file("path: state") + checkpoint),
        ("sinks[0].path", file("path: state.lock") + checkpoint),
        ("sinks[0].path", file("path: state.starts") + checkpoint),
        ("sinks[0].path", file("path: state.tmp") + checkpoint),
        ("sinks[0].path", file("path: letters") + dead_letter),
        ("sinks[0].path", file("path: /var/lib/trailrisk/dead-letters.ndjson")),
        ("checkpoint.path", LEAST.to_owned() + "dead_letter: {path: state}\n" + checkpoint),
    ]);
    for text in [
        two("path: a, rotate_bytes: 1MiB, keep: 2", "path: a.3"),
        two("path: a", "path: a.1"),
        file("path: state") + "checkpoint: {store: memory, path: state}\n",
        file("path: letters") + "dead_letter: {type: stdout}\n",
    ] {
        valid(&text);
    }
}

#[test]
fn every_rule_of_single_detections_refuses_its_violation() {
    assert_each_is_refused(&[
        ("detections.settings[1].detection", with("detections", "settings: [{detection: A}, {detection: A}]")),
        ("detections.settings[0].sinks[1]", with("detections", "settings: [{detection: A, sinks: [out, oot]}]")),
        ("detections.settings[0].sinks[1]", with("detections", "settings: [{detection: A, sinks: [out, out]}]")),
        ("detections.settings[0].sinks", with("detections", "settings: [{detection: A, sinks: out}]")),
        ("detections.settings[0].stages", with("detections", "settings: [{detection: A, stages: []}]")),
        ("detections.settings[0].stages[0]", with("detections", "settings: [{detection: A, stages: [late]}]")),
        ("detections.settings[0].staged", with("detections", "settings: [{detection: A, staged: maybe}]")),
        ("detections.settings[0].min_severity", with("detections", "settings: [{detection: A, min_severity: bad}]")),
        ("detections.settings[0].detection", with("detections", "settings: [{enabled: false}]")),
        ("detections.settings[0].enabled", with("detections", "settings: [{detection: A, enabled: yes}]")),
    ]);
}

fn assert_each_is_refused(cases: &[(&str, String)]) {
    for (key, text) in cases {
        let error = read_with(text, &[], &[]).expect_err(text);
        let keys: Vec<_> = error.problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, [*key], "{error}\nin\n{text}");
    }
}

#[test]
fn an_unknown_key_is_refused_in_every_section() {
    let sections = ["source", "detections", "sink", "dead_letter", "checkpoint", "limits", "admin", "log", "shutdown"];
    for section in sections {
        let report = problems(read_with(&with(section, "zzz: 1"), &[], &[]));
        assert!(report.len() == 1 && report[0].ends_with(".zzz: unknown key"), "{section}: {report:?}");
    }
}

#[test]
fn what_came_from_substitution_is_in_no_message() {
    let canary = "c4nary";
    let wrong = [
        with("source", "poll_interval: '${S}', name: \"${S}\\n\", endpoint_url: '${S}', start: '${S}'"),
        with("webhook", "url: 'http://u:${S}@x/', retry_min: '${S}', headers: {A: \"${S}\\n\"}"),
        with("limits", "max_values: '${S}', max_state_bytes: '${S}'"),
        with("log", "level: '${S}=${S}', format: '${S}'"),
        with("sink", "name: x").replace("name: out, ", "").replace("name: x", "name: '${S}!'"),
    ];
    for text in wrong {
        let report = problems(read_with(&text, &[("S", canary)], &[])).join("\n");
        assert!(!report.contains(canary), "{report}");
    }
}

#[test]
fn text_that_is_not_yaml_says_where() {
    for (text, place) in
        [("source: [", "conf/t.yaml:"), ("a: 1\na: 2\n", "conf/t.yaml:2:1"), ("a: 1\n---\nb: 1\n", "conf/t.yaml:3:1")]
    {
        let report = problems(read_with(text, &[], &[]));
        assert!(report.len() == 1 && report[0].starts_with(place), "{text:?}: {report:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_the_only_problem() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = folder.path().join("bytes.yaml");
    std::fs::write(&bytes, b"a: 1\nb: \xff\n").unwrap();
    let absent = folder.path().join("absent.yaml");
    for (path, word) in [(folder.path(), "folder"), (&absent, "no such file"), (&bytes, "line 2")] {
        let report = problems(read(path, &Environment::default(), &Overrides::default()));
        assert!(report.len() == 1 && report[0].contains(word), "{report:?}");
    }
}

#[test]
fn a_setting_that_names_no_sink_says_where_and_which_there_are() {
    let text = "\
source: {stream: cloudtrail}
detections:
  paths: [d]
  settings:
    - detection: A
      sinks: [out, pager]
sinks:
  - {name: out, type: stdout}
  - {name: soc, type: webhook, url: 'https://soc.example.com/'}
";
    assert_eq!(
        problems(read_with(text, &[], &[])),
        [
            "conf/t.yaml:6:20: detections.settings[0].sinks[1]: \"pager\" is no sink of this configuration: out or soc is \
          expected"
        ]
    );
}

#[test]
fn lookups_are_a_path_or_a_mapping() {
    let text = with(
        "detections",
        "lookups: {a: x.csv, 'b c': y.csv, d: [z], e: {case: false}, f: {path: f.csv, match_type: ['IP(x)'], max_matches: 0}}",
    );
    let found = problems(read_with(&text, &[], &[]));
    for (key, word) in [
        ("detections.lookups.b c", "is no name of a lookup"),
        ("detections.lookups.d", "a single value is expected"),
        ("detections.lookups.e.path", "the path of a CSV file is expected"),
        ("detections.lookups.e.case", "unknown key"),
        ("detections.lookups.f.match_type[0]", "WILDCARD(column) or CIDR(column) is expected"),
        ("detections.lookups.f.max_matches", "1 to 1000 is allowed"),
    ] {
        assert!(
            found.iter().any(|problem| problem.contains(&format!("{key}: ")) && problem.contains(word)),
            "{key}: {found:#?}"
        );
    }
    assert_eq!(found.len(), 6, "{found:#?}");
    let text =
        with("detections", "lookups: {a: x.csv, f: {path: f.csv, match_type: [cidr(net)], default_match: none}}");
    let lookups = valid(&text).detections.lookups;
    assert_eq!(lookups[0].path, Path::new("conf/x.csv"), "relative to the configuration");
    assert_eq!(lookups[1].match_types, [("net".to_owned(), crate::plan::MatchType::Cidr)].into());
    assert_eq!(lookups[1].default_match.as_deref(), Some("none"));
}

#[test]
fn what_cannot_sign_is_said_without_the_secret() {
    let report = |secrets: &str| {
        let keys = format!("url: 'https://soc.example.com/', signing_secrets: {secrets}");
        let [problem] = &problems(read_with(&with("webhook", &keys), &[], &[]))[..] else { panic!("one problem") };
        problem.clone()
    };
    let good = format!("whsec_{}", "AAAA".repeat(8));
    for (secrets, word) in [
        ("[]".to_owned(), "signing_secrets: names no secret"),
        ("[whsec_AAAA]".to_owned(), "signing_secrets[0]: the value (not shown) holds a key of 3 bytes"),
        (format!("[{good}, s3cret]"), "signing_secrets[1]: the value (not shown) is no signing secret"),
        (format!("[{}]", [good.as_str(); 5].join(", ")), "signing_secrets: are more than 4"),
    ] {
        let report = report(&secrets);
        assert!(report.contains(word) && !report.contains("AAAA") && !report.contains("s3cret"), "{report}");
    }
}

#[test]
fn what_cannot_authenticate_is_said_without_its_secrets() {
    let report = |auth: &str, more: &str| {
        let keys = format!("url: 'https://soc.example.com/', auth: {auth}{more}");
        problems(read_with(&with("webhook", &keys), &[("T", "s3cret")], &[]))
    };
    for (auth, words) in [
        ("s3cret", "auth: a mapping of keys to values is expected"),
        ("{}", "auth: is expected to hold either `bearer` or `basic`"),
        ("{bearer: \"${T}\", basic: {user: u, password: s3cret}}", "auth: is expected to hold either"),
        ("{bearer: \"s3cret\\n\"}", "auth.bearer: the value (not shown) is empty or holds what no header may"),
        ("{basic: {user: 'u:s3cret', password: p}}", "auth.basic.user: the value (not shown) holds a colon"),
        ("{basic: {user: u}}", "auth.basic.password: is missing"),
        ("{basic: {user: u, password: p, realm: s3cret}}", "auth.basic.realm: unknown key"),
        ("{token: s3cret}", "auth.token: unknown key"),
    ] {
        let report = report(auth, "");
        assert!(report.iter().any(|problem| problem.contains(words)), "{auth}: {report:?}");
        assert!(!format!("{report:?}").contains("s3cret"), "{report:?}");
    }
    let twice = report("{bearer: s3cret}", ", headers: {authorization: s3cret}");
    assert!(twice.len() == 1 && twice[0].contains("one of them is expected"), "{twice:?}");
}
