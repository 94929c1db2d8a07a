//! The in-process Kinesis alone, to try trailrisk and its guide on: `demo kinesis [SHARDS]`. Standard input says what
//! happens in it, one command a line, until it is closed:
//!
//! * `job ACCOUNT [MINUTES]`: an event of the sample, that many minutes ago (0)
//! * `put TEXT`: a record with this text
//! * `load SECONDS RATE`: so long, so many records a second, each an event that nothing matches
//! * `split SHARD`, `merge LOWER UPPER`
//! * `refuse OPERATION`: from now on with `AccessDeniedException`; `heal`: no longer

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::kinesis::{Fault, LocalKinesis};
use crate::{STREAM, events};

const OPERATIONS: [&str; 4] = ["DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"];

/// Serves it until standard input is closed.
pub async fn serve(shards: i32) {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, shards).await;
    println!("{}", kinesis.url());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut number = 0;
    while let Ok(Some(line)) = lines.next_line().await {
        number += 1;
        if !obey(&kinesis, &line, number).await {
            println!("unknown: {line}");
        }
    }
}

/// Says whether the command is one.
async fn obey(kinesis: &LocalKinesis, line: &str, number: u64) -> bool {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (command, &words[..]) {
        ("job", [account]) => job(kinesis, account, number, 0).await,
        ("job", [account, minutes]) => job(kinesis, account, number, minutes.parse().unwrap_or(0)).await,
        ("put", [_, ..]) => kinesis.put(STREAM, [(number.to_string(), rest.as_bytes().to_vec())]).await,
        ("load", [seconds, rate]) => match (seconds.parse(), rate.parse()) {
            (Ok(seconds), Ok(rate)) => load(kinesis, seconds, rate).await,
            _ => return false,
        },
        ("split", [shard]) => kinesis.split(STREAM, shard).await,
        ("merge", [lower, upper]) => kinesis.merge(STREAM, lower, upper).await,
        ("refuse", [name]) => match OPERATIONS.into_iter().find(|it| it == name) {
            Some(operation) => kinesis.faults().inject_always(operation, Fault::ACCESS_DENIED),
            None => return false,
        },
        ("heal", []) => kinesis.faults().clear(),
        _ => return false,
    }
    true
}

async fn job(kinesis: &LocalKinesis, account: &str, number: u64, minutes_ago: u64) {
    let at = events::now().as_secs().saturating_sub(minutes_ago * 60);
    let event = events::job_at(account, number, at).to_string();
    kinesis.put(STREAM, [(account.to_owned(), event.into_bytes())]).await;
}

async fn load(kinesis: &LocalKinesis, seconds: u64, rate: u64) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    for second in 0..seconds {
        tick.tick().await;
        let text = events::noise(events::now().as_secs());
        let records = (0..rate).map(|n| (format!("{second}-{n}"), text.clone()));
        kinesis.put(STREAM, records).await;
    }
}
