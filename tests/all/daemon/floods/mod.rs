//! BD-1 to BD-3 on the real binary: whatever comes in, memory stays within the bound plus a constant, nothing is
//! dropped, and what a bound has touched says so.
//!
//! The constants are stated here, as what is left beside the configured bounds: [`BASE`] for the process itself, and a
//! multiple of the largest record for what its decoding takes.

mod groups;
mod records;
mod values;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{STREAM, config, event};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::CannedStream;
use crate::support::measured::measured;
use crate::support::wall_millis;

const MIB: u64 = 1 << 20;
/// The process with its libraries, its detections, an answer of 10 MiB as text, bytes and records, and the queues.
const BASE: u64 = 96 * MIB;
/// Long enough for the large sizes in a build without optimisation.
const PATIENCE: Duration = Duration::from_secs(3000);

/// What tells the events of a flood apart.
struct Call<'a> {
    number: usize,
    user_agent: &'a str,
    status: &'a str,
}

impl Call<'_> {
    /// A JobCreated event that holds little beside what the shipped detection looks at.
    fn text(&self, time: i64) -> String {
        json!({
            "eventVersion": "1.08",
            "eventID": format!("894153ad-ed86-4719-bb66-{:012}", self.number),
            "eventTime": event::utc(time),
            "eventSource": "s3.amazonaws.com",
            "eventName": "JobCreated",
            "awsRegion": "us-west-2",
            "sourceIPAddress": "198.51.100.7",
            "userAgent": self.user_agent,
            "recipientAccountId": "111111111111",
            "userIdentity": {"accountId": "111111111111"},
            "serviceEventDetails": {"jobArn": format!("job/{}", self.number), "status": self.status},
        })
        .to_string()
    }
}

/// The instant of every event of a flood, and of its arrival: all of one window, and none is late.
fn now() -> i64 {
    wall_millis() / 1000 * 1000
}

/// Texts as gzipped records of so many events each.
fn packed(texts: impl Iterator<Item = String>, a_record: usize) -> Vec<Vec<u8>> {
    let texts: Vec<String> = texts.collect();
    texts
        .chunks(a_record)
        .map(|chunk| event::gzip(format!("{{\"Records\":[{}]}}", chunk.join(",")).as_bytes()))
        .collect()
}

/// A folder for the binary whose standard output is a file, because what a flood says is too much to hold. It runs with
/// one heap, as in the image: glibc would keep one for each thread.
fn home() -> Home {
    let into_file = "export MALLOC_ARENA_MAX=1; exec \"$0\" \"$@\" >>risk-events.ndjson";
    Home::new("/bin/sh", &["-c", into_file, env!("CARGO_BIN_EXE_trailrisk")])
}

/// The configuration of a flood: windows that close as soon as everything is read, and finals only.
fn flood_config(stream: &CannedStream, limits: Value) -> Value {
    let mut config = config(&stream.endpoint);
    config["sinks"][0]["stages"] = json!(["final"]);
    config["limits"] = limits;
    config["detections"]["decode"] = json!("all");
    config
}

/// What is looked at of a risk event.
#[derive(Debug, Deserialize)]
struct Final {
    id: String,
    pane: String,
    event_count: u64,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    count_is_upper_bound: bool,
    #[serde(default)]
    values_truncated: bool,
    row: Value,
}

/// The finals of a daemon that writes into a file, taken as they come.
struct Finals {
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// The beginning of a line whose end is not written yet.
    torn: String,
}

impl Finals {
    fn of(home: &Home) -> Self {
        Self { path: home.path("risk-events.ndjson"), file: None, torn: String::new() }
    }

    /// Hands on what is there and was not yet taken.
    fn take(&mut self, mut each: impl FnMut(Final)) {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok().map(BufReader::new);
        }
        let Some(file) = &mut self.file else { return };
        while file.read_line(&mut self.torn).expect("UTF-8") > 0 && self.torn.ends_with('\n') {
            each(serde_json::from_str(&self.torn).expect("a risk event"));
            self.torn.clear();
        }
    }
}

/// The most that the process ever held resident.
fn most_resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("Linux, and it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") * 1024
}

/// Says what it took, and fails beyond the bound.
fn assert_resident(what: &str, daemon: &Daemon, bound: u64) {
    let most = most_resident(daemon);
    println!("{what}: at most {} MiB resident, the bound is {} MiB", most / MIB, bound / MIB);
    measured(&json!({ "most MiB resident": most / MIB, "most MiB allowed": bound / MIB }));
    assert!(most <= bound, "{what}: {most} bytes were resident, more than {bound}");
}

/// Runs the daemon over these records until `done` has seen enough of its finals, and hands both back still running.
async fn flood(
    home: &Home,
    time: i64,
    records: Vec<Vec<u8>>,
    limits: Value,
    mut done: impl FnMut(Final) -> bool,
) -> (Daemon, CannedStream) {
    let stream = CannedStream::start(STREAM, time, records).await;
    home.configure(flood_config(&stream, limits).to_string());
    let (daemon, mut finals, mut enough) = (home.start(), Finals::of(home), false);
    let deadline = Instant::now() + PATIENCE;
    while !enough {
        let log = daemon.log();
        let ended = log.iter().any(|line| line.starts_with("trailrisk: "));
        assert!(Instant::now() < deadline && !ended, "the finals do not come:\n{}", log.join("\n"));
        finals.take(|line| enough |= done(line));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.until(PATIENCE, "it answers", || daemon.get("/livez")).await;
    (daemon, stream)
}
