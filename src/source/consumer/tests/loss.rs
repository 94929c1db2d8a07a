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
