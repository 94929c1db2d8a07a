//! The main job on one machine: an in-process Kinesis, the sample events in several envelopes, and the daemon as a
//! process of its own that reads them. Ends by itself, with exit code 0 only if exactly the expected risk events came.
//!
//! The daemon is this same executable, started again with the argument `daemon`: it runs what `trailrisk run` runs.
//! With `--metrics FILE` its metrics are also written to a file.

#![expect(clippy::print_stdout, reason = "a demo talks to its reader")]

#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the demo needs a part of what the tests need")]
mod support;

mod daemon;
mod events;
mod expect;

use std::process::ExitCode;
use std::time::Duration;

use support::kinesis::LocalKinesis;

const STREAM: &str = "cloudtrail";
const SHARDS: i32 = 4;
/// How long everything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("daemon") {
        return tokio::task::block_in_place(|| daemon::main(arguments.collect()));
    }
    let metrics_file = arguments.next().filter(|_| first.as_deref() == Some("--metrics"));
    match tokio::time::timeout(PATIENCE, demo(metrics_file)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) => {
            println!("\nFAILED: not everything came within {} s", PATIENCE.as_secs());
            ExitCode::FAILURE
        }
    }
}

async fn demo(metrics_file: Option<String>) -> bool {
    println!("trailrisk demo: events dated now, windows of {} s, grace {} s", events::WINDOW, events::GRACE);
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, SHARDS).await;
    println!("in-process Kinesis at {} with stream {STREAM:?} of {SHARDS} shards", kinesis.url());
    let (_home, daemon) = daemon::start(kinesis.url(), STREAM).await;
    println!("daemon started, metrics at http://{}/metrics\n", daemon.admin().await);

    let window = events::next_window().await;
    let samples = events::samples(window);
    let half = samples.records.len() / 2;
    kinesis.put(STREAM, samples.records[..half].iter().cloned()).await;
    println!("put {half} records, then split a shard");
    kinesis.split(STREAM, "shardId-000000000001").await;
    kinesis.put(STREAM, samples.records[half..].iter().cloned()).await;
    println!(
        "put {} more: every envelope, duplicates, noise, one record that is no JSON\n",
        samples.records.len() - half
    );

    let seen = expect::risk_events(&daemon, &samples).await;
    let metrics = daemon.metrics().await;
    if let Some(file) = metrics_file {
        std::fs::write(file, &metrics).expect("the file for the metrics is writable");
    }
    println!("\nmetrics:");
    for line in metrics.lines().filter(|line| expect::matters(line)) {
        println!("  {line}");
    }
    let ended = daemon.stop().await;
    let stopped = ended.code == Some(0) && ended.lines.len() == seen.len();
    let verdicts = expect::verdicts(&samples, &seen, &metrics, stopped);
    println!("\nsummary:");
    for (what, held) in &verdicts {
        println!("  {} {what}", if *held { "ok    " } else { "FAILED" });
    }
    verdicts.iter().all(|(_, held)| *held)
}
