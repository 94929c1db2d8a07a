//! How fast a replay goes, against the plainest loop over the same events: parse each line to a `serde_json::Value` and
//! look at its `eventName`. Both run in turn over one file, so that their ratio holds on a noisy machine.
//!
//! `cargo bench --bench throughput -- [MEGABYTES] [MATCHES PER THOUSAND]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use trailrisk::cloudtrail::{DecodeLimits, Rejected};
use trailrisk::detection::{self, PlanSettings};
use trailrisk::plan::{Bounds, Lookups, Plan};
use trailrisk::replay::{Replay, Told, read_blocks};
use trailrisk::sink::format::native;
use trailrisk::spl::Macros;

const DETECTION: &str = include_str!("../config/detections/aws_exfiltration_via_batch_service.yml");
const JOB_CREATED: &str = include_str!("../tests/data/cloudtrail/jobcreated.json");
const CORPUS: &[u8] = include_bytes!("../tests/data/cloudtrail/corpus.ndjson.gz");
const ROUNDS: usize = 3;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let megabytes: u64 = arguments.next().map_or(400, |text| text.parse().expect("megabytes"));
    let per_thousand: u64 = arguments.next().map_or(1, |text| text.parse().expect("matches per thousand events"));
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("events.ndjson");
    let (events, bytes) = write_events(&path, megabytes * 1_000_000, per_thousand);
    println!("{events} events, {:.0} MB, {per_thousand} per thousand match", bytes as f64 / 1e6);
    let mut best = [Duration::MAX; 2];
    for round in 1..=ROUNDS {
        let plain = timed(|| plain_loop(&path));
        let replay = timed(|| replay(&path));
        assert_eq!(plain.0, replay.0, "both find the same events");
        println!(
            "round {round}: serde_json::Value loop {:.2} s, replay {:.2} s",
            plain.1.as_secs_f64(),
            replay.1.as_secs_f64()
        );
        best = [best[0].min(plain.1), best[1].min(replay.1)];
    }
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "best: {:.0} MB/s and {:.0} MB/s, replay is {:.1} times as fast",
        rate(best[0]),
        rate(best[1]),
        best[0].as_secs_f64() / best[1].as_secs_f64()
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// Events of the corpus over and over, with a JobCreated of another account and job in between.
fn write_events(path: &Path, bytes: u64, per_thousand: u64) -> (u64, u64) {
    let mut corpus = String::new();
    GzDecoder::new(CORPUS).read_to_string(&mut corpus).expect("the corpus inflates");
    let noise: Vec<&str> = corpus.lines().filter(|line| !line.contains("JobCreated")).collect();
    let mut file = BufWriter::new(File::create(path).expect("the folder is writable"));
    let (mut written, mut events) = (0, 0);
    while written < bytes {
        let line = if events % 1000 < per_thousand {
            job_created(events)
        } else {
            noise[events as usize % noise.len()].to_owned()
        };
        writeln!(file, "{line}").expect("the folder has room");
        written += line.len() as u64 + 1;
        events += 1;
    }
    file.flush().expect("the folder has room");
    (events, written)
}

fn job_created(number: u64) -> String {
    let mut event: Value = serde_json::from_str(JOB_CREATED).expect("the sample is JSON");
    event["eventID"] = json!(format!("894153ad-ed86-4719-bb66-{number:012}"));
    event["userIdentity"]["accountId"] = json!(format!("{:012}", number % 997));
    event.to_string()
}

fn plain_loop(path: &Path) -> u64 {
    let lines = BufReader::with_capacity(1 << 20, File::open(path).expect("just written")).lines();
    let names = lines.map(|line| serde_json::from_str::<Value>(&line.expect("UTF-8")).expect("JSON"));
    names.filter(|event| event["eventName"] == "JobCreated").count() as u64
}

struct Silent;

impl Told for Silent {
    fn rejected(&mut self, line: u64, _: &Rejected) {
        panic!("line {line} is no event");
    }

    fn handed_back(&mut self, _: &[u8]) {}
}

fn replay(path: &Path) -> u64 {
    let settings = |_: &str, _: &str| PlanSettings { window_ms: 3_600_000, grace_ms: 0, max_future_skew_ms: 0 };
    let compiled = detection::compile(DETECTION, "seed", &Macros::built_in(), &Lookups::new(), &settings)
        .expect("the seed compiles");
    let plans: Vec<Arc<Plan>> = vec![Arc::new(compiled.plan)];
    let mut replay = Replay::new(plans, "bench", Bounds::default(), DecodeLimits::default(), false);
    read_blocks(path, &mut |_| {}, &mut |block| replay.take(block, &mut Silent)).expect("just written");
    let mut bytes = 0;
    let meta = native::Meta {
        emitted_at: jiff::Timestamp::UNIX_EPOCH,
        producer: "bench",
        worker: "bench",
        stream: "",
        source: None,
    };
    let summary = replay.finish(|event| {
        bytes += native::line(event, &meta).len();
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok(summary) = summary;
    summary.counters.plans[0].counted
}
