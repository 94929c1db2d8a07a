//! What is told as a possible loss (CP-8), and which shard is believed gone.

use super::*;
use crate::source::StreamDescription;

const HOUR: Duration = Duration::from_secs(3600);

fn kept_for(retention_hours: u32) -> StreamDescription {
    StreamDescription { retention_hours, ..fake::description() }
}

fn hours(hours: i64) -> Arrival {
    Arrival(BEGIN + hours * 3_600_000)
}

/// A shard of a stream with this retention, whose first records are with the engine.
async fn frozen(retention_hours: u32) -> (Bench, oneshot::Sender<()>) {
    let kinesis = answers([fake::records([1])]);
    let shared = Shared::new(kinesis.clone(), fake::settings(), kept_for(retention_hours), BUDGET, fake::metrics());
    let mut bench = bench(kinesis, shared, Position::Start, StartPosition::TrimHorizon);
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    (bench, resume)
}

impl Bench {
    /// What a listing finds out.
    async fn described(&self, description: StreamDescription) {
        self.kinesis.script(|script| script.description = Ok(description));
        self.shared.check_identity().await.unwrap();
    }

    async fn lost(&mut self) -> Option<(Arrival, Arrival)> {
        match self.next().await {
            ShardMessage::PossibleLoss { range, .. } => range,
            other => panic!("possible loss expected: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_retention_that_was_lowered_meanwhile_is_the_one_that_counts() {
    let (mut bench, resume) = frozen(168).await;
    bench.described(kept_for(24)).await;
    tokio::time::sleep(25 * HOUR).await;
    resume.send(()).unwrap();
    assert_eq!(bench.lost().await, Some((hours(0), hours(1))));
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_retention_that_is_raised_brings_nothing_back() {
    let (mut bench, resume) = frozen(24).await;
    tokio::time::sleep(30 * HOUR).await;
    bench.described(kept_for(24)).await;
    bench.described(kept_for(168)).await;
    resume.send(()).unwrap();
    assert_eq!(bench.lost().await, Some((hours(0), hours(6))));
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_retention_that_is_raised_in_time_loses_nothing() {
    let (mut bench, resume) = frozen(24).await;
    tokio::time::sleep(20 * HOUR).await;
    bench.described(kept_for(168)).await;
    tokio::time::sleep(20 * HOUR).await;
    resume.send(()).unwrap();
    bench.at_tip().await;
}

/// Of what arrived before it was begun, at the trim horizon, some always goes unread.
#[tokio::test(start_paused = true)]
async fn cp_8_a_shard_that_is_refused_from_its_start_for_longer_than_the_retention_is_a_possible_loss() {
    let latest = StartPosition::AtTimestamp(hours(-1));
    let before_all = StartPosition::AtTimestamp(hours(-1000));
    for (start, from) in [(latest, hours(-1)), (before_all, hours(0)), (StartPosition::TrimHorizon, hours(0))] {
        let kinesis = FakeKinesis::new((0..10_000).map(|_| Read::Fails(ErrorKind::Refused)));
        let mut bench = read_from(Position::Start, start, kinesis, BUDGET);
        assert!(bench.stalled().await);
        tokio::time::sleep(26 * HOUR).await;
        bench.kinesis.script(|script| script.reads.clear());
        assert!(!bench.stalled().await);
        let Some((lost_from, to)) = bench.lost().await else { panic!("a range expected") };
        assert_eq!(lost_from, from);
        assert!(to > hours(2) && to < hours(3), "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_shard_that_is_read_at_once_loses_nothing_wherever_it_begins() {
    for at in [hours(0), hours(-1000)] {
        read_from(Position::Start, StartPosition::AtTimestamp(at), answers([]), BUDGET).at_tip().await;
    }
    read(answers([])).at_tip().await;
}

/// A child is named by its parent's end; reads and listings may know it later.
#[tokio::test(start_paused = true)]
async fn rd_1_a_child_that_no_listing_shows_yet_is_tried_again_soon() {
    let kinesis = answers([fake::records([1])]);
    kinesis.script(|script| script.iterators = [ErrorKind::NotFound, ErrorKind::NotFound].into());
    let mut bench = read(kinesis);
    assert_eq!(bench.records().await, [fake::after(1)]);
    assert!(bench.reads()[0] < 2000, "{:?}", bench.reads());
}

#[tokio::test(start_paused = true)]
async fn rd_1_a_shard_that_was_never_read_is_gone_once_it_was_unknown_for_a_minute() {
    let mut bench = read(FakeKinesis::new((0..100).map(|_| Read::Fails(ErrorKind::NotFound))));
    assert!(bench.stalled().await);
    assert_eq!(bench.lost().await, None);
    let gone = bench.shared.api.server_time().unwrap();
    assert!((60_000..80_000).contains(&(gone.0 - BEGIN)), "{gone}");
    assert!(!bench.stalled().await);
    assert_eq!(bench.drained().await, []);
}

/// What was unknown, and known meanwhile, is not gone at the next mistake.
#[tokio::test(start_paused = true)]
async fn rd_1_a_shard_that_answered_meanwhile_was_not_unknown() {
    let unknown = || Read::Fails(ErrorKind::NotFound);
    let empty = (0..90).map(|_| Read::Answer(fake::empty(1)));
    let reads = [unknown()].into_iter().chain(empty).chain([unknown(), Read::Answer(fake::records([1]))]);
    let kinesis = FakeKinesis::new(reads);
    kinesis.script(|script| script.latency = Duration::from_secs(1));
    assert_eq!(read(kinesis).records().await, [fake::after(1)]);
}
