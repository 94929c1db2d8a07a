//! BD-1: shards that share one budget.

use super::*;

/// Another shard of the same process.
fn beside(bench: &Bench, kinesis: FakeKinesis) -> Bench {
    let mut shared = Shared::new(kinesis.clone(), fake::settings(), fake::description(), 2000, fake::metrics());
    shared.budget = Arc::clone(&bench.shared.budget);
    super::bench(kinesis, shared, Position::Start, StartPosition::TrimHorizon)
}

/// Each answer of the one takes the whole budget until the engine has it.
#[tokio::test(start_paused = true)]
async fn bd_1_a_shard_far_behind_does_not_starve_one_at_its_tip() {
    let answers = (0..u64::MAX).map(|answer| {
        let records = fake::records(answer * 10..answer * 10 + 10);
        Read::Answer(ReadAnswer { millis_behind_latest: 3_600_000, ..records })
    });
    let behind = FakeKinesis::new(answers.take(1000));
    let behind = read_from(Position::Start, StartPosition::TrimHorizon, behind, 2000);
    let at_tip = beside(&behind, FakeKinesis::new([]));
    let mut messages = behind.messages;
    tokio::spawn(async move {
        while let Some(ShardMessage::Records { resume, permit, .. }) = messages.recv().await {
            tokio::time::sleep(Duration::from_millis(600)).await;
            let _ = resume.send(());
            drop(permit);
        }
    });
    let mut heard = at_tip.messages;
    tokio::spawn(async move { while heard.recv().await.is_some() {} });
    tokio::time::sleep(Duration::from_secs(60)).await;
    let pauses: Vec<u128> = at_tip.kinesis.times_of(&Call::Read).windows(2).map(|reads| reads[1] - reads[0]).collect();
    assert!(pauses.iter().all(|pause| *pause <= 1600), "a poll, and what one answer takes: {pauses:?}");
    assert!(pauses.iter().any(|pause| *pause > 1000), "it did wait: {pauses:?}");
    assert!(behind.kinesis.times_of(&Call::Read).len() > 60, "and is not in the way");
}

#[tokio::test(start_paused = true)]
async fn bd_1_reads_that_hang_reserve_little_from_the_second_on() {
    let bench = read(FakeKinesis::new([Read::Fails(ErrorKind::Retry), Read::Hangs]));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(bench.reads().len(), 2);
    assert_eq!(bench.shared.budget.available_permits(), BUDGET - 32 * 1024);
}
