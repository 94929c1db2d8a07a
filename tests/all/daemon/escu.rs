//! Splunk's own detections, all at once, and some whose rows need all of a window, over every real event: what the daemon
//! says of them in several lives is what a replay says, and a backtest.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::event::utc;
use super::line::{Line, finals, read_all, text};
use super::{STREAM, config, home};
use crate::support::PATIENCE;
use crate::support::daemon::{Daemon, Home, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::measured::measured;
use crate::support::wall_millis;

/// So far behind the clock of Kinesis is while records are put: longer than any window and its grace, and shorter than
/// what a stream keeps.
const BEHIND: Duration = Duration::from_secs(6 * 3600);
/// The events happen within so many milliseconds before they arrive: several windows of the shorter kind, none of them late.
const SPREAD_MS: i64 = 20 * 60_000;
const LIVES: usize = 3;
const COPIES: usize = 4;

/// Rows that show only when a window is complete (EM-5): by name, what it is that has a risk, and the search.
const OF_WINDOWS: [(&str, &str, &str); 6] = [
    (
        "Busiest calls of each service",
        "eventName",
        "`cloudtrail` | stats count values(awsRegion) as regions dc(userIdentity.arn) as users by eventName, eventSource
         | eventstats sum(count) as all max(count) as most by eventSource | where count=most AND all > 3
         | sort - count, eventName | head 40",
    ),
    (
        "Failures, and logins appended",
        "from",
        "`cloudtrail` errorCode=* errorCode!=success | stats count as failures latest(eventName) as call by src_ip
         | append [search `cloudtrail` eventName=ConsoleLogin | stats count as logins list(awsRegion) as regions by src_ip]
         | eval from=coalesce(src_ip, \"nowhere\") | fillnull value=0 failures, logins",
    ),
    (
        "Users joined with what they were denied",
        "user_agent",
        "`cloudtrail` | stats count min(_time) as begun by user_agent
         | join type=left user_agent [search `cloudtrail` errorCode=AccessDenied
             | stats count as denied values(eventName) as calls by user_agent]
         | where denied > 0",
    ),
    (
        "Resources one by one",
        "arn",
        "`cloudtrail` | rename resources{}.ARN as arn | mvexpand arn | where isnotnull(arn)
         | stats count first(eventName) as newest mode(eventSource) as service by arn
         | dedup service | sort arn",
    ),
    (
        "The first creation of each agent",
        "user_agent",
        "`cloudtrail` eventName=Create* | table _time, eventName, user_agent, src_ip | dedup user_agent",
    ),
    (
        "Regions in figures",
        "awsRegion",
        "`cloudtrail` | eval length=len(userAgent) | stats sum(length) as sum avg(length) as mean stdev(length) as spread
         median(length) as middle perc95(length) as most by awsRegion | eval mean=round(mean, 3)
         | sort 10 - sum",
    ),
];

fn corpus() -> Vec<String> {
    let of_file = |name: &str| {
        let file = std::fs::File::open(package(&format!("tests/data/cloudtrail/{name}.ndjson.gz"))).expect("a corpus");
        let mut lines = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut lines).expect("gzipped text");
        lines.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    ["corpus", "escu_examples", "lookalikes"].into_iter().flat_map(of_file).collect()
}

/// Dates every event of a record anew, and gives it an id of this copy.
fn make_copy(record: &mut Value, copy: usize, time: &str) {
    match record {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| match value {
            Value::String(at) if name == "eventTime" => time.clone_into(at),
            Value::String(id) if name == "eventID" => id.push_str(&copy.to_string()),
            _ => make_copy(value, copy, time),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| make_copy(item, copy, time)),
        _ => {}
    }
}

/// The corpus as if all of it had just happened, several times. Of the first copy all happened at one moment, so that a search
/// that needs several events together finds them whatever the dice say.
fn records(now: i64, rng: &mut fastrand::Rng) -> Vec<String> {
    let corpus = corpus();
    let copies = (0..COPIES).flat_map(|copy| corpus.iter().map(move |line| (copy, line)));
    let dated = copies.map(|(copy, line)| {
        let ago = if copy == 0 { SPREAD_MS / 2 } else { rng.i64(0..SPREAD_MS) };
        let time = utc(now - ago);
        let Ok(mut record) = serde_json::from_str(line) else { return line.clone() };
        make_copy(&mut record, copy, &time);
        record.to_string()
    });
    let mut records: Vec<_> = dated.collect();
    rng.shuffle(&mut records);
    records
}

/// The detections that cannot run are passed over by both.
fn configure(home: &Home, kinesis: &LocalKinesis) {
    let mut config = config(kinesis);
    std::fs::create_dir(home.path("of-windows")).expect("the folder is writable");
    for (name, object, search) in OF_WINDOWS {
        let message = format!("{name}: ${object}$");
        let rba = json!({"message": message, "risk_objects": [{"field": object, "type": "other", "score": 50}]});
        let detection = json!({"name": name, "id": name, "version": 1, "type": "TTP", "search": search, "rba": rba});
        home.write(&format!("of-windows/{name}.yml"), detection.to_string());
    }
    config["detections"]["paths"] = json!([package("tests/data/escu"), "of-windows"]);
    config["detections"]["window"] = json!("10m");
    config["detections"]["grace"] = json!("30m");
    config["checkpoint"]["interval"] = json!("1s");
    home.configure(config.to_string());
}

async fn replayed(home: &Home, records: &[String]) -> Vec<Line> {
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.write("events.ndjson", records.join("\n")));
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    read_all(&ended.lines)
}

/// Each fifth record comes twice, and perhaps through another shard.
async fn put(kinesis: &LocalKinesis, records: &[String], rng: &mut fastrand::Rng) {
    let twice = records.iter().step_by(5);
    let mut all: Vec<_> = records.iter().chain(twice).map(|text| text.clone().into_bytes()).collect();
    rng.shuffle(&mut all);
    let keyed = all.into_iter().map(|data| (rng.u32(..).to_string(), data));
    kinesis.put(STREAM, keyed.collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn em_4_every_detection_of_splunk_says_in_several_lives_what_a_replay_and_a_backtest_say() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.faults().set_clock_behind(BEHIND);
    kinesis.create_stream(STREAM, 4).await;
    configure(&home, &kinesis);
    let now = wall_millis() - i64::try_from(BEHIND.as_millis()).expect("hours");
    let records = records(now, &mut rng);
    let expected = finals(&replayed(&home, &records).await);

    let (mut said, mut daemon) = (Vec::new(), home.start());
    for part in records.chunks(records.len().div_ceil(LIVES)) {
        put(&kinesis, part, &mut rng).await;
        daemon.ready().await;
        let some = || async { (!daemon.lines().is_empty()).then_some(()) };
        daemon.until(PATIENCE, "something is told", some).await;
        said.extend(daemon.kill().await.lines);
        daemon = home.start();
    }
    kinesis.faults().set_clock_behind(Duration::ZERO);
    let count = |lines: &[String]| {
        let lines = read_all(said.iter().chain(lines));
        lines
            .iter()
            .filter(|line| line.stage() == "final")
            .map(|line| line.id().to_owned())
            .collect::<BTreeSet<_>>()
            .len()
    };
    let all = || async { (count(&daemon.lines()) >= expected.len()).then_some(()) };
    daemon.until(PATIENCE, "every final has come", all).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    measured(&json!({"finals": expected.len(), "kills": LIVES, "records": records.len()}));
    said.extend(ended.lines);
    let lines = read_all(&said);
    assert!(lines.iter().all(|line| line.json["pane"] == "on_time"), "nothing is late");
    assert_eq!(finals(&lines), expected);
    let name = |line: &Line| text(&line.json["detection"]["name"]).to_owned();
    let named = lines.iter().map(name).collect::<BTreeSet<_>>();
    let of_windows = |name: &str| OF_WINDOWS.iter().any(|(of_windows, ..)| *of_windows == name);
    assert_eq!(
        named.iter().filter(|name| of_windows(name)).count(),
        OF_WINDOWS.len(),
        "each found something: {named:?}"
    );
    assert!(named.len() >= OF_WINDOWS.len() + 24, "{} detections found something: {named:?}", named.len());
    let early = lines.iter().filter(|line| line.stage() == "early").map(Line::id).collect::<BTreeSet<_>>();
    for line in lines.iter().filter(|line| line.stage() == "final") {
        assert_eq!(early.contains(line.id()), !of_windows(&name(line)), "EM-1, EM-5: {}", name(line));
    }

    let mut command = home.with_config(&["backtest", "--from", "8h"]);
    command.arg("--diff").arg(home.write("live.ndjson", said.join("\n")));
    let backtest = Daemon::spawn(command).ended().await;
    assert_eq!((backtest.code, backtest.lines.len()), (Some(0), 0), "{}\n{:?}", backtest.log, backtest.lines);
    let alike = format!("no difference: {} alike, byte for byte", expected.len());
    assert!(backtest.log.contains(&alike), "{alike} is not in {}", backtest.log);
}
