//! Defaults < file < environment < flags, and what is put into values.

use super::*;
use crate::risk_event::Stage;
use crate::time::Arrival;

#[test]
fn each_layer_wins_over_the_one_before() {
    let file = with("log", "level: warn");
    let level = |environment: &[(&str, &str)], flags: &[(&str, &str)]| {
        read_with(&file, environment, flags).expect("valid").log.level
    };
    assert_eq!(valid(LEAST).log.level, "info");
    assert_eq!(level(&[], &[]), "warn");
    assert_eq!(level(&[("TRAILRISK_LOG__LEVEL", "error")], &[]), "error");
    assert_eq!(level(&[("TRAILRISK_LOG__LEVEL", "error")], &[("log.level", "debug")]), "debug");
    assert_eq!(level(&[], &[("log.level", "debug"), ("log.level", "trace")]), "trace", "the last flag wins");
}

#[test]
fn variables_reach_keys_that_the_file_lacks_and_replace_whole_lists() {
    let environment = [
        ("TRAILRISK_SOURCE__POLL_INTERVAL", "250ms"),
        ("TRAILRISK_SINKS", "[{name: soc, type: stdout, stages: [final]}]"),
        ("TRAILRISK_SOURCE__START__AT_TIMESTAMP", "2026-01-31T12:00:00.5Z"),
        ("TRAILRISK_ADMIN__LISTEN", "[::1]:9000"),
        ("TRAILRISK_SHUTDOWN", "{drain_deadline: 7s}"),
        ("TRAILRISK_SHUTDOWN__DRAIN_DEADLINE", "9s"),
    ];
    let config = read_with(&with("source", "start: latest"), &environment, &[]).unwrap();
    assert_eq!(config.sources[0].poll_interval, Duration::from_millis(250));
    assert_eq!(config.sources[0].idle_poll_interval, Duration::from_millis(500), "twice as long, unless it is set");
    let slow = valid(&with("source", "poll_interval: 50s, stalled_after: 5m"));
    assert_eq!(slow.sources[0].idle_poll_interval, Duration::from_secs(60), "but no longer than it may be set");
    assert_eq!((config.sinks[0].name.as_str(), config.sinks[0].stages.as_slice()), ("soc", &[Stage::Final][..]));
    assert_eq!(config.sources[0].start, StartConfig::AtTimestamp(Arrival(1_769_860_800_500)));
    assert_eq!(config.admin.listen, "[::1]:9000".parse().unwrap());
    assert_eq!(config.shutdown.drain_deadline, Duration::from_secs(9), "the deeper key wins over its section");
}

#[test]
fn an_empty_variable_unsets_a_key() {
    let config = read_with(&with("log", "level: warn"), &[("TRAILRISK_LOG__LEVEL", "")], &[]).unwrap();
    assert_eq!(config.log.level, "info");
}

#[test]
fn a_type_from_above_the_file_takes_the_place_of_the_keys_of_the_files_type() {
    let file = with("dead_letter", "type: file, path: letters");
    let dead_letter = |environment: &[(&str, &str)], flags: &[(&str, &str)]| {
        read_with(&file, environment, flags).expect("valid").dead_letter
    };
    let of_type = ("TRAILRISK_DEAD_LETTER__TYPE", "stdout");
    assert_eq!(dead_letter(&[of_type], &[]), DeadLetterConfig::Stdout);
    let path = ("TRAILRISK_DEAD_LETTER__PATH", "/other");
    assert_eq!(dead_letter(&[path], &[("dead_letter.type", "stdout")]), DeadLetterConfig::Stdout);
    let s3 = [("TRAILRISK_DEAD_LETTER__TYPE", "s3"), ("TRAILRISK_DEAD_LETTER__URL", "s3://bucket/x")];
    assert!(matches!(dead_letter(&s3, &[]), DeadLetterConfig::S3(_)));
    assert_eq!(dead_letter(&[("TRAILRISK_DEAD_LETTER__TYPE", "file")], &[]), dead_letter(&[], &[]));

    assert_eq!(
        problems(read_with(&file, &[of_type, path], &[])),
        [
            "environment variable TRAILRISK_DEAD_LETTER__PATH: dead_letter.path: belongs to `type: file`, and the type is stdout"
        ]
    );
    let typo = with("dead_letter", "type: file, pth: letters");
    assert_eq!(problems(read_with(&typo, &[of_type], &[])), ["conf/t.yaml:4:27: dead_letter.pth: unknown key"]);
    assert_eq!(
        problems(read_with(&with("dead_letter", "type: stdout, url: 's3://bucket'"), &[], &[])),
        ["conf/t.yaml:4:34: dead_letter.url: belongs to `type: s3`, and the type is stdout"]
    );
}

#[test]
fn a_misspelt_variable_is_refused_with_the_nearest_name() {
    let environment =
        [("TRAILRISK_SOURCE__STREEM", "x"), ("TRAILRISK_SOURCE_STREAM", "x"), ("TRAILRISK_XYZZY_QUUX", "x")];
    assert_eq!(
        problems(read_with(LEAST, &environment, &[])),
        [
            "environment variable TRAILRISK_SOURCE_STREAM: source_stream: unknown key; did you mean TRAILRISK_SOURCE__STREAM?",
            "environment variable TRAILRISK_SOURCE__STREEM: source.streem: unknown key; did you mean TRAILRISK_SOURCE__STREAM?",
            "environment variable TRAILRISK_XYZZY_QUUX: xyzzy_quux: unknown key",
        ]
    );
    let flags = problems(read_with(LEAST, &[], &[("log.levl", "info")]));
    assert_eq!(flags, ["flag for log.levl: log.levl: unknown key; did you mean log.level?"]);
}

#[test]
fn a_misspelt_key_in_the_value_of_a_variable_gets_the_nearest_of_its_mapping() {
    let sinks = "[{name: stdout, type: stdout, requird: true}]";
    assert_eq!(
        problems(read_with(LEAST, &[("TRAILRISK_SINKS", sinks), ("TRAILRISK_LOG", "{levl: info}")], &[])),
        [
            "environment variable TRAILRISK_LOG: log.levl: unknown key; did you mean level?",
            "environment variable TRAILRISK_SINKS: sinks[0].requird: unknown key; did you mean required?",
        ]
    );
    let flags = problems(read_with(LEAST, &[], &[("sinks", sinks)]));
    assert_eq!(flags, ["flag for sinks: sinks[0].requird: unknown key; did you mean required?"]);
}

#[test]
fn what_kubernetes_and_the_command_line_set_is_not_configuration() {
    let environment = [
        ("TRAILRISK_CONFIG", "/etc/trailrisk/trailrisk.yaml"),
        ("TRAILRISK_SERVICE_HOST", "10.0.0.1"),
        ("TRAILRISK_SERVICE_PORT", "9464"),
        ("TRAILRISK_SERVICE_PORT_METRICS", "9464"),
        ("TRAILRISK_PORT", "tcp://10.0.0.1:9464"),
        ("TRAILRISK_PORT_9464_TCP", "tcp://10.0.0.1:9464"),
        ("TRAILRISK_PORT_9464_TCP_PROTO", "tcp"),
        ("TRAILRISK_ADMIN_PORT_9464_TCP_ADDR", "10.0.0.1"),
    ];
    read_with(LEAST, &environment, &[]).expect("service links are none of ours");
    assert_eq!(problems(read_with(LEAST, &[("TRAILRISK_PORT", "9464")], &[])).len(), 1);
}

#[test]
fn a_variable_that_is_not_yaml_is_a_problem_of_its_own() {
    let report = problems(read_with(LEAST, &[("TRAILRISK_DETECTIONS__PATHS", "[a, {b]")], &[]));
    assert!(
        report[0].starts_with("environment variable TRAILRISK_DETECTIONS__PATHS: detections.paths: "),
        "{report:?}"
    );
}

#[test]
fn secrets_come_from_variables_and_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "from-file\n").unwrap();
    let text = with("webhook", "url: 'https://x/${P}', headers: {A: 'Bearer ${file:token}', B: 'a$$b'}");
    let environment = Environment::of([("P", "from-env")]);
    let (config, _) = read_text(&text, &folder.path().join("t.yaml"), &environment, &Overrides::default());
    let config = config.unwrap();
    let SinkKind::Webhook(webhook) = &config.sinks[0].kind else { panic!("a webhook") };
    assert_eq!(webhook.http.url, "https://x/from-env");
    let headers: Vec<_> = webhook.http.headers.iter().map(|(name, value)| (name.as_str(), value.0.as_str())).collect();
    assert_eq!(headers, [("A", "Bearer from-file"), ("B", "a$b")]);
    let shown = format!("{} {:?}", config.canonical(), webhook.http.headers);
    assert!(!shown.contains("from-"), "{shown}");
}

#[test]
fn relative_paths_are_relative_to_the_files_folder() {
    let config = valid(&with("checkpoint", "path: state/c.json, interval: 1s"));
    assert_eq!(config.checkpoint.store, CheckpointStoreConfig::File("conf/state/c.json".into()));
    assert_eq!(config.detections.paths, [PathBuf::from("conf/d")]);
    assert_eq!(config.dead_letter, DeadLetterConfig::File("/var/lib/trailrisk/dead-letters.ndjson".into()));
}

#[test]
fn a_table_has_the_scope_of_the_stream_unless_it_is_named() {
    let of = |keys: &str| match valid(&with("checkpoint", &format!("store: dynamodb, table: leases{keys}")))
        .checkpoint
        .store
    {
        CheckpointStoreConfig::DynamoDb(table) => table,
        other => panic!("{other:?}"),
    };
    let table = of("");
    assert_eq!((table.scope.as_str(), table.lease_duration), ("cloudtrail", std::time::Duration::from_secs(20)));
    assert_eq!(of(", scope: trail-eu, lease_duration: 5s").scope, "trail-eu");
}

#[test]
fn an_arn_gives_name_and_region() {
    let arn = "arn:aws:kinesis:eu-central-1:111111111111:stream/trail";
    let text = LEAST.replace("{stream: cloudtrail}", &format!("{{stream: '{arn}'}}"));
    let source = valid(&text).sources.remove(0);
    assert_eq!(source.stream, StreamRef::Arn(arn.to_owned()));
    assert_eq!((source.name.as_str(), source.region.as_deref()), ("trail", Some("eu-central-1")));
    let contradiction = text.replace("{stream", "{region: us-east-1, stream");
    assert_eq!(problems(read_with(&contradiction, &[], &[])).len(), 1);
}

#[test]
fn scalars_are_read_as_they_are_written() {
    let text = LEAST.replace("cloudtrail", "0x10").replace("name: out", "name: 1e3");
    // To an editor `1e3` is a number, and no name.
    let config = read_with(&text, &[], &[]).expect("valid");
    assert_eq!((config.sources[0].name.as_str(), config.sinks[0].name.as_str()), ("0x10", "1e3"));
    assert_eq!(valid(&LEAST.replace("cloudtrail", "'null'")).sources[0].name, "null");
}

#[test]
fn the_hash_follows_what_matters_and_not_secrets_or_spelling() {
    let hash = |text: &str, token: &str| read_with(text, &[("T", token)], &[]).expect("valid").hash();
    let webhook = with("webhook", "url: 'https://x/', headers: {A: '${T}'}");
    let first = hash(&webhook, "one");
    assert!(first.len() == 12 && first.bytes().all(|b| b.is_ascii_hexdigit()), "{first}");
    assert_eq!(hash(&webhook, "two"), first, "a rotated secret");
    assert_eq!(hash(&webhook.replace("{A:", "{ A :").replace("}\n", "} # c\n"), "one"), first, "another spelling");
    assert_eq!(hash(&format!("{webhook}log: {{level: info}}\n"), "one"), first, "a default written out");
    assert_ne!(hash(&webhook.replace("https://x/", "https://y/"), "one"), first);
    assert_ne!(hash(&format!("{webhook}log: {{level: warn}}\n"), "one"), first);
}

#[test]
fn a_stream_is_polled_unless_a_consumer_is_named_for_fan_out() {
    let reader = |keys: &str| valid(&with("source", keys)).sources.remove(0).reader;
    assert_eq!(reader("start: latest"), ReaderConfig::Polling);
    let named = |register| ReaderConfig::FanOut { consumer: ConsumerRef::Name("risk".to_owned()), register };
    assert_eq!(reader("reader: fan_out, consumer: risk"), named(false));
    assert_eq!(reader("reader: fan_out, consumer: risk, register_consumer: true"), named(true));
    assert_eq!(reader("reader: polling, consumer: risk"), ReaderConfig::Polling, "ready to be exchanged");
    let arn = "arn:aws:kinesis:eu-central-1:111111111111:stream/cloudtrail/consumer/risk:1";
    let registered = ReaderConfig::FanOut { consumer: ConsumerRef::Arn(arn.to_owned()), register: false };
    assert_eq!(reader(&format!("reader: fan_out, consumer: '{arn}'")), registered);
    assert!(HashRangeCheck::Auto.applies(true) && !HashRangeCheck::Auto.applies(false));
    assert!(HashRangeCheck::On.applies(false) && !HashRangeCheck::Off.applies(true));
}
