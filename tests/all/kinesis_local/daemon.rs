//! The whole daemon over a split and a merge, judged by `replay` over the same events.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::emulator::Emulator;
use crate::support::wall_millis;

const STREAM: &str = "daemon";
const JOB_CREATED: &str = include_str!("../../data/cloudtrail/jobcreated.json");
/// Long enough for a window to close on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_final_risk_events_over_a_split_and_a_merge_are_those_of_a_replay() {
    let Some(kinesis) = Emulator::get().await else { return };
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    configure(&folder, kinesis.url());
    kinesis.create_stream(STREAM, 2).await;
    let mut put = put(&kinesis, 0).await;
    let mut daemon = Daemon::start(&folder);
    let first = daemon.next().await;
    assert_eq!(first["stage"], "early", "{first}");

    kinesis.split(STREAM, "shardId-000000000000").await;
    put.extend(self::put(&kinesis, 1).await);
    kinesis.merge(STREAM, "shardId-000000000003", "shardId-000000000001").await;
    put.extend(self::put(&kinesis, 2).await);

    let expected = replay(&folder, &put).await;
    assert_eq!(expected.iter().map(|event| event["row"]["count"].as_u64().unwrap_or(0)).sum::<u64>(), 60);
    let finals = daemon.finals(expected.len()).await;
    assert_eq!(finals, expected);
    assert_eq!(daemon.stop().await, Vec::<Value>::new(), "nothing is left to say");
}

/// Puts 20 events that happen now, in two accounts, each of them twice under different keys. Returns them.
async fn put(kinesis: &Emulator, round: u64) -> Vec<Value> {
    let events: Vec<_> = (0..20).map(|number| job_created(100 * round + number)).collect();
    let records = events.iter().chain(&events).enumerate();
    kinesis.put(STREAM, records.map(|(index, event)| (format!("key-{index}"), event.to_string().into()))).await;
    events
}

fn job_created(number: u64) -> Value {
    let mut event: Value = serde_json::from_str(JOB_CREATED).expect("the sample is JSON");
    let account = ["111111111111", "222222222222"][usize::from(number % 2 == 1)];
    let now = jiff::Timestamp::from_second(wall_millis() / 1000).expect("within range");
    event["eventTime"] = json!(now.to_string());
    event["eventID"] = json!(format!("894153ad-ed86-4719-bb66-{number:012}"));
    event["userIdentity"]["accountId"] = json!(account);
    event["recipientAccountId"] = json!(account);
    event["serviceEventDetails"]["jobArn"] = json!(format!("arn:aws:s3:us-west-2:{account}:job/{number}"));
    event
}

fn configure(folder: &TempDir, endpoint: &str) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let (detections, macros) = (shipped.join("detections"), shipped.join("macros.yaml"));
    let yaml = format!(
        "source:\n  stream: {STREAM}\n  region: us-east-1\n  endpoint_url: {endpoint}\n  start: trim_horizon\n  \
           poll_interval: 200ms\n  tip_slack: 1s\n\
         detections:\n  paths: [{detections:?}]\n  macros: {macros:?}\n  window: 4s\n  grace: 5s\n\
         sinks:\n  - name: stdout\n    type: stdout\n\
         dead_letter:\n  path: dead-letters.ndjson\n\
         checkpoint:\n  store: memory\n\
         admin:\n  listen: 127.0.0.1:0\n\
         log:\n  level: error\n  format: text\n"
    );
    std::fs::write(folder.path().join("trailrisk.yaml"), yaml).expect("the folder is writable");
}

fn trailrisk(folder: &TempDir, command: &str) -> Command {
    let mut trailrisk = Command::new(env!("CARGO_BIN_EXE_trailrisk"));
    trailrisk
        .args([command, "--config", "trailrisk.yaml"])
        .current_dir(folder.path())
        // This process's own TRAILRISK_ variables are none of the configuration's.
        .env_clear()
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .kill_on_drop(true);
    trailrisk
}

async fn replay(folder: &TempDir, events: &[Value]) -> Vec<Value> {
    let text: String = events.iter().map(|event| format!("{event}\n")).collect();
    std::fs::write(folder.path().join("events.ndjson"), text).expect("the folder is writable");
    let output = trailrisk(folder, "replay").arg("events.ndjson").output().await.expect("it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    sorted(lines.lines().map(risk_event).collect())
}

/// A risk event, but for what tells when and by whom it was emitted.
fn risk_event(line: &str) -> Value {
    let mut event: Value = serde_json::from_str(line).expect("a risk event is one line of JSON");
    event.as_object_mut().expect("it is an object").remove("meta").expect("it has meta");
    event
}

fn sorted(mut events: Vec<Value>) -> Vec<Value> {
    events.sort_by_cached_key(Value::to_string);
    events
}

struct Daemon {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Daemon {
    fn start(folder: &TempDir) -> Self {
        let mut process = trailrisk(folder, "run").stdout(Stdio::piped()).spawn().expect("it can be started");
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        Self { process, lines }
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("a risk event in time");
        risk_event(&line.expect("UTF-8").expect("it still runs"))
    }

    /// The next risk events up to the `count`th final one: the final ones.
    async fn finals(&mut self, count: usize) -> Vec<Value> {
        let mut finals = Vec::new();
        while finals.len() < count {
            finals.extend(Some(self.next().await).filter(|event| event["stage"] == "final"));
        }
        sorted(finals)
    }

    /// SIGTERM, and what it still says.
    async fn stop(mut self) -> Vec<Value> {
        let pid = self.process.id().expect("it still runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill can be started");
        assert!(sent.success());
        let mut rest = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("UTF-8") {
            rest.push(risk_event(&line));
        }
        assert_eq!(self.process.wait().await.expect("it was started").code(), Some(0));
        rest
    }
}
