//! The main job on one machine: an in-process Kinesis, the sample events in several envelopes, and the daemon as a
//! process of its own that reads them. Ends by itself, with exit code 0 only if exactly the expected risk events came.
//!
//! The daemon is this same executable, started again with the argument `daemon`: it runs what `trailrisk run` runs.
//! With `--metrics FILE` its metrics are also written to a file. With `--browser COMMAND` or `--prometheus COMMAND` the
//! command runs meanwhile, with the address of the status page as its last argument, and must end with 0. `demo page`
//! serves a status page alone, `demo kinesis` the Kinesis alone.

#![expect(clippy::print_stdout, reason = "a demo talks to its reader")]

#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the demo needs a part of what the tests need")]
mod support;

mod daemon;
mod events;
mod expect;
mod kinesis;
mod page;

use std::process::ExitCode;
use std::time::Duration;

use support::kinesis::LocalKinesis;

const STREAM: &str = "cloudtrail";
const SHARDS: i32 = 4;
/// How long everything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("daemon") {
        return tokio::task::block_in_place(|| daemon::main(arguments.collect()));
    }
    if first.as_deref() == Some("page") {
        page::serve(arguments.next().as_deref()).await;
        return ExitCode::SUCCESS;
    }
    if first.as_deref() == Some("kinesis") {
        kinesis::serve(arguments.next().and_then(|shards| shards.parse().ok()).unwrap_or(SHARDS)).await;
        return ExitCode::SUCCESS;
    }
    let options = Options::of(first.into_iter().chain(arguments));
    match tokio::time::timeout(PATIENCE, demo(options)).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) => {
            println!("\nFAILED: not everything came within {} s", PATIENCE.as_secs());
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    metrics: Option<String>,
    /// What looks at the daemon meanwhile, and what that is called.
    watchers: Vec<(&'static str, String)>,
}

impl Options {
    fn of(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self::default();
        while let Some(name) = arguments.next() {
            match name.as_str() {
                "--metrics" => options.metrics = arguments.next(),
                "--browser" => options.watchers.push(("the status page in a browser", command(arguments.next()))),
                "--prometheus" => options.watchers.push(("the rules on a Prometheus", command(arguments.next()))),
                other => panic!("{other} is unknown: --metrics FILE, --browser COMMAND or --prometheus COMMAND"),
            }
        }
        options
    }
}

fn command(argument: Option<String>) -> String {
    argument.filter(|command| !command.trim().is_empty()).expect("a command is named")
}

/// Starts the command with the address of the page as its last argument.
fn watch(command: &str, admin: &str) -> tokio::process::Child {
    let words: Vec<_> = command.split_whitespace().collect();
    let (program, arguments) = words.split_first().expect("a command has a word");
    let mut child = tokio::process::Command::new(program);
    child
        .args(arguments)
        .arg(format!("http://{admin}/"))
        .kill_on_drop(true)
        .spawn()
        .expect("the command can be started")
}

async fn demo(options: Options) -> bool {
    println!("trailrisk demo: events dated now, windows of {} s, grace {} s", events::WINDOW, events::GRACE);
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, SHARDS).await;
    println!("in-process Kinesis at {} with stream {STREAM:?} of {SHARDS} shards", kinesis.url());
    let (_home, daemon) = daemon::start(kinesis.url(), STREAM).await;
    let admin = daemon.admin().await;
    println!("daemon started, status page at http://{admin}/, metrics at http://{admin}/metrics\n");
    let watchers: Vec<_> = options.watchers.iter().map(|(what, command)| (*what, watch(command, &admin))).collect();

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
    if let Some(file) = options.metrics {
        std::fs::write(file, &metrics).expect("the file for the metrics is writable");
    }
    println!("\nmetrics:");
    for line in metrics.lines().filter(|line| expect::matters(line)) {
        println!("  {line}");
    }
    let watched = watched(watchers, &kinesis).await;
    let ended = daemon.stop().await;
    let stopped = ended.code == Some(0) && ended.lines.len() == seen.len();
    let mut verdicts = expect::verdicts(&samples, &seen, &metrics, stopped);
    verdicts.extend(watched);
    println!("\nsummary:");
    for (what, held) in &verdicts {
        println!("  {} {what}", if *held { "ok    " } else { "FAILED" });
    }
    verdicts.iter().all(|(_, held)| *held)
}

/// Waits until each has looked, and says whether it was content. Something has to change until then.
async fn watched(watchers: Vec<(&str, tokio::process::Child)>, kinesis: &LocalKinesis) -> Vec<(String, bool)> {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut verdicts = Vec::new();
    for (what, mut watcher) in watchers {
        let held = loop {
            tokio::select! {
                ended = watcher.wait() => break ended.is_ok_and(|status| status.success()),
                _ = tick.tick() => kinesis.put(STREAM, [("key".to_owned(), b"{}".to_vec())]).await,
            }
        };
        verdicts.push((what.to_owned(), held));
    }
    verdicts
}
