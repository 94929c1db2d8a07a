//! Several streams: `sources` instead of `source`.

use super::*;

/// `LEAST` with these sources.
fn several(sources: &str) -> String {
    LEAST.replace("source: {stream: cloudtrail}", &format!("sources: [{sources}]"))
}

const TWO: &str = "{stream: cloudtrail, name: east}, {stream: audit}";

fn path_of(config: &Config, source: usize) -> String {
    match config.checkpoint_store(&config.sources[source]) {
        CheckpointStoreConfig::File(path) => path.display().to_string(),
        other => panic!("{other:?} is no file"),
    }
}

#[test]
fn em_3_each_source_has_a_name_of_its_own_by_default_its_streams() {
    let config = valid(&several(TWO));
    let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!((names, config.names_sources), (vec!["east", "audit"], true));
    let one = valid(LEAST);
    assert_eq!((one.sources.len(), one.names_sources), (1, false));
    assert!(valid(&several("{stream: cloudtrail}")).names_sources, "a list of one is a list");
}

#[test]
fn cp_1_each_source_of_a_list_has_a_checkpoint_of_its_own() {
    let config = valid(&(several(TWO) + "checkpoint: {path: state/checkpoint.json}\n"));
    assert_eq!(
        [0, 1].map(|source| path_of(&config, source)),
        ["conf/state/checkpoint.east.json", "conf/state/checkpoint.audit.json"]
    );
    let plain = valid(&(several("{stream: cloudtrail}") + "checkpoint: {path: state/p}\n"));
    assert_eq!(path_of(&plain, 0), "conf/state/p.cloudtrail");
    assert_eq!(path_of(&valid(&with("checkpoint", "path: p.json")), 0), "conf/p.json", "that of `source` stays");
    let scope = |text: &str, keys: &str| {
        let config = valid(&format!("{text}checkpoint: {{store: dynamodb, table: leases{keys}}}\n"));
        match config.checkpoint_store(&config.sources[0]) {
            CheckpointStoreConfig::DynamoDb(table) => table.scope,
            other => panic!("{other:?} is no table"),
        }
    };
    assert_eq!(scope(&several(TWO), ""), "east");
    assert_eq!(scope(&several(TWO), ", scope: soc"), "soc-east");
    assert_eq!(scope(LEAST, ""), "cloudtrail");
}

#[test]
fn what_is_wrong_with_several_sources_is_said_by_place() {
    let refused = |text: &str| problems(read_with(text, &[], &[]));
    assert_eq!(
        refused(&format!("{LEAST}sources: [{TWO}]\n")),
        ["conf/t.yaml:4:10: sources: stands beside `source` (conf/t.yaml:1:9): one of the two is expected"]
    );
    assert_eq!(refused(&several("")), ["conf/t.yaml:1:10: sources: at least one source is expected"]);
    assert_eq!(
        refused(&several("{stream: a, name: x}, {stream: b, name: x}")),
        ["conf/t.yaml:1:33: sources[1].name: \"x\" is the name of an earlier source; names must be unique"]
    );
    assert_eq!(
        refused(&several("{stream: a, name: x}, {stream: a, name: y}")),
        ["conf/t.yaml:1:33: sources[1].stream: is the stream of sources[0]: each is read once"]
    );
    assert_eq!(
        refused(&several("{stream: a, name: 'b/c'}")),
        ["conf/t.yaml:1:29: sources[0].name: \"b/c\" is no name of one of several sources: 1 to 128 letters, digits, \
          `_`, `.` and `-` are expected"]
    );
    let many: Vec<String> = (0..17).map(|number| format!("{{stream: s{number}}}")).collect();
    assert_eq!(
        refused(&several(&many.join(", "))),
        ["conf/t.yaml:1:10: sources: has 17 sources: at most 16 are allowed"]
    );
    assert!(refused(&several("{name: x}"))[0].contains("sources[0].stream: is missing"));
    assert!(refused(&several("{stream: a, poll: 1s}"))[0].contains("sources[0].poll: unknown key"));
}

#[test]
fn streams_of_one_name_elsewhere_are_others() {
    let config = valid(&several("{stream: a, name: x, region: eu-west-1}, {stream: a, name: y, region: eu-west-2}"));
    assert_eq!(config.sources.len(), 2);
}

#[test]
fn the_files_of_the_checkpoints_must_not_meet_those_of_others() {
    let text = several(TWO) + "checkpoint: {path: c}\ndead_letter: {path: c.east.starts}\n";
    assert_eq!(
        problems(read_with(&text, &[], &[])),
        ["conf/t.yaml:4:13: checkpoint.path of the source east: meets a file of dead_letter.path, so that one would \
          spoil the other's"]
    );
    let names = several("{stream: a, name: x}, {stream: b, name: x.lock}") + "checkpoint: {path: c}\n";
    assert_eq!(problems(read_with(&names, &[], &[])).len(), 1, "c.x and its lock, and c.x.lock");
}

#[test]
fn variables_name_a_list_as_a_whole() {
    let list = [("TRAILRISK_SOURCES", "[{stream: a}, {stream: b}]")];
    let text = LEAST.replace("source: {stream: cloudtrail}\n", "");
    assert_eq!(read_with(&text, &list, &[]).expect("valid").sources.len(), 2);
    assert!(read_with(LEAST, &list, &[]).is_err(), "beside the source of the file");
}

#[test]
fn a_command_takes_the_source_that_is_named_or_the_only_one() {
    let config = valid(&several(TWO));
    assert_eq!(config.source(Some("audit")).map(|source| source.stream.name()), Ok("audit"));
    let missing = config.source(None).expect_err("there are two").to_string();
    assert_eq!(missing, "the configuration has several sources: say which with --source NAME: east, audit");
    let unknown = config.source(Some("west")).expect_err("there is none").to_string();
    assert_eq!(unknown, "\"west\" is no source of this configuration, which has: east, audit");
    assert_eq!(valid(LEAST).source(None).map(|source| source.name.clone()), Ok("cloudtrail".to_owned()));
}

#[test]
fn a_reload_names_what_differs_between_one_source_and_several() {
    let (one, two) = (valid(LEAST), valid(&several(TWO)));
    assert_eq!(one.differences_beyond_detections(&two), ["checkpoint.scope", "source", "sources"][1..]);
    let slower = valid(&several(&TWO.replace("audit", "audit, request_timeout: 2s")));
    assert_eq!(two.differences_beyond_detections(&slower), ["sources[1].request_timeout"]);
}
