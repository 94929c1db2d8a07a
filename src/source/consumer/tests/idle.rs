//! A shard that brings nothing for long.

use super::*;
use crate::config::SourceConfig;

fn idling(kinesis: FakeKinesis) -> Bench {
    let settings = SourceConfig { idle_poll_interval: Duration::from_secs(5), ..fake::settings() };
    let shared = Shared::new(kinesis.clone(), settings, fake::description(), BUDGET, fake::metrics());
    bench(kinesis, shared, Position::Start, StartPosition::TrimHorizon)
}

#[tokio::test(start_paused = true)]
async fn rd_3_an_idle_shard_gives_evidence_with_every_read() {
    let mut bench = idling(answers([]));
    let mut proved = Vec::new();
    while proved.last().is_none_or(|last| *last < BEGIN + 300_000) {
        proved.push(bench.at_tip().await);
    }
    let reads = bench.reads();
    let sent = reads[1..].iter().map(|at| BEGIN + i64::try_from(*at).unwrap() - 5000);
    assert_eq!(proved, sent.collect::<Vec<_>>());
    assert!(proved.windows(2).all(|pair| (1000..=5000).contains(&(pair[1] - pair[0]))), "{proved:?}");
    assert!(reads.len() < 110, "not every second: {}", reads.len());
}

#[tokio::test(start_paused = true)]
async fn an_idle_shard_is_read_at_its_pace_from_its_first_record_on() {
    let idle = (0..60).map(|_| fake::empty(0));
    let bench = idling(answers(idle.chain([fake::records([1])])));
    let mut messages = bench.messages;
    while let Some(message) = messages.recv().await {
        if let ShardMessage::Records { resume, .. } = message {
            resume.send(()).unwrap();
            break;
        }
    }
    let before = bench.kinesis.times_of(&Call::Read);
    assert_eq!(before[60] - before[59], 5000);
    tokio::time::sleep(Duration::from_millis(4001)).await;
    let after = bench.kinesis.times_of(&Call::Read);
    assert_eq!(after[60..].iter().map(|at| at - after[60]).collect::<Vec<_>>(), [0, 1000, 2000, 3000, 4000]);
}
