//! The store in a table, over a table of the tests that fails, hangs and answers late as it is told: CP-3 through crashes
//! between any two writes, and the lease between processes.

mod costs;
mod crashes;
mod fake;
mod holders;
mod leases;
mod reading;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::{
    CHECKPOINT_VERSION, PlanCheckpoint, Position, SequenceNumber, ShardCheckpoint, StartPosition, StreamIdentity,
};
use crate::time::Arrival;
use fake::FakeTable;

const SCOPE: &str = "trail";
const LEASE: Duration = Duration::from_secs(20);

fn shard(number: usize) -> ShardId {
    ShardId::new(&format!("shardId-{number:012}"))
}

/// A position as Kinesis has them.
fn after(number: u64) -> Position {
    let digits = format!("49590338271490256608559692538361571095921575989136{number:06}");
    Position::After(SequenceNumber::try_new(&digits).unwrap(), 0)
}

/// A shard that has come to `number`, and is read again from ten records before.
fn row(number: u64) -> ShardCheckpoint {
    ShardCheckpoint {
        parents: vec![],
        children: vec![],
        start: StartPosition::TrimHorizon,
        resume_after: after(number.saturating_sub(10)),
        effective_arrival: Arrival(1_700_000_000_000 + number as i64),
        processed: after(number),
        processed_arrival: Arrival(1_700_000_010_000 + number as i64),
        read_through: None,
        drained: false,
        lifts: vec![],
    }
}

/// A checkpoint in which shard `n` has come to `rows[n]`.
fn checkpoint(horizon: i64, rows: &[u64]) -> Checkpoint {
    Checkpoint {
        version: CHECKPOINT_VERSION,
        stream: StreamIdentity { name: "trail".to_owned(), created_at: 1_690_000_000_000 },
        horizon: Arrival(horizon),
        started_at: Arrival(5),
        plans: vec![plan("a")],
        shards: rows.iter().enumerate().map(|(index, number)| (shard(index), row(*number))).collect(),
    }
}

fn plan(id: &str) -> PlanCheckpoint {
    let mut plan = crate::checkpoint::tests::plan();
    plan.text.id = id.to_owned();
    plan
}

fn claim(owner: &str) -> Claim {
    Claim { scope: SCOPE.to_owned(), owner: owner.to_owned(), duration: LEASE }
}

fn metrics() -> Metrics {
    Metrics::new(&prometheus::Registry::new()).expect("a new registry")
}

/// The next process, as soon as it may.
async fn open(table: &FakeTable, owner: &str) -> Result<TableStore<FakeTable>, StoreError> {
    TableStore::open(table.life(), claim(owner), metrics(), |_| {}, &CancellationToken::new()).await
}

async fn loaded(table: &FakeTable, owner: &str) -> Option<Checkpoint> {
    let mut store = open(table, owner).await.expect("it is whole");
    let loaded = store.load().await.expect("it was read");
    store.release().await;
    loaded
}
