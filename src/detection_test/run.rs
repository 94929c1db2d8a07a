//! A test's records through the live engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::record::{Arrives, TestRecord};
use crate::cloudtrail::{DecodeLimits, Rejected, decode};
use crate::engine::{
    Engine, EngineConfig, Input, Output, Position, SequenceNumber, ShardId, ShardRef, StartPosition, StreamIdentity,
    Timing,
};
use crate::evaluate::{Evaluator, RawRecord};
use crate::plan::{Bounds, Plan};
use crate::risk_event::{RiskEvent, RiskEventId, Stage};
use crate::time::Arrival;

/// What came of a test's records.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The final risk events, in the order of WN-6.
    pub finals: Vec<RiskEvent>,
    /// Those that were told early, too.
    pub early: BTreeSet<RiskEventId>,
    /// What could not be decoded.
    pub rejected: Vec<Rejected>,
}

/// Puts the records into one shard in the order of their arrival, and waits for ever: every window closes.
pub fn run(records: &[TestRecord], plan: Arc<Plan>, bounds: Bounds, limits: DecodeLimits) -> Outcome {
    let shard = ShardId::new("test");
    let mut engine = Engine::new(
        EngineConfig {
            source_name: "test".into(),
            stream: StreamIdentity { name: "test".to_owned(), created_at: 0 },
            bounds,
            max_state_bytes: usize::MAX,
            timing: Timing::Live,
            start: StartPosition::TrimHorizon,
            started_at: Arrival::MIN,
            unseen_from: Arrival::MIN,
        },
        vec![plan],
    );
    // Every record is parsed, so that every event that cannot be decoded shows (PO-3).
    let evaluator = Evaluator::new(engine.plans(), limits, true);
    let mut outcome = Outcome::default();
    engine.handle_input(Input::ShardsListed(vec![ShardRef { shard: shard.clone(), parents: vec![] }]));
    settle(&mut engine, &mut outcome);
    for (number, (arrival, data)) in (1u64..).zip(by_arrival(records, &limits)) {
        let sequence = SequenceNumber::try_new(&number.to_string()).expect("digits are a sequence number");
        let position = Position::After(sequence, 0);
        let evaluation = evaluator.evaluate([RawRecord { position: &position, arrival, data }]);
        engine.handle_input(Input::Records { shard: shard.clone(), records: evaluation.records });
        settle(&mut engine, &mut outcome);
    }
    engine.handle_input(Input::AtTip { shard, read_through: Arrival(i64::MAX) });
    settle(&mut engine, &mut outcome);
    outcome
}

/// A record without a readable event arrives with the one before it.
fn by_arrival<'r>(records: &'r [TestRecord], limits: &DecodeLimits) -> Vec<(Arrival, &'r [u8])> {
    let mut before = Arrival(0);
    let mut dated: Vec<_> = records
        .iter()
        .map(|record| {
            before = match record.arrives {
                Arrives::At(instant) => instant,
                Arrives::After(millis) => {
                    let newest = decode(&record.data, limits).events.iter().map(|event| event.time.0).max();
                    newest.map_or(before, |newest| Arrival(newest.saturating_add(millis)))
                }
            };
            (before, record.data.as_slice())
        })
        .collect();
    dated.sort_by_key(|(arrival, _)| *arrival);
    dated
}

fn settle(engine: &mut Engine, outcome: &mut Outcome) {
    while let Some(output) = engine.poll_output() {
        match output {
            Output::Read { .. } => {}
            Output::Emit(event) => {
                engine.handle_input(Input::Delivered(event.delivery_key()));
                match event.stage {
                    Stage::Early => drop(outcome.early.insert(event.id)),
                    Stage::Final => outcome.finals.push(*event),
                }
            }
            Output::DeadLetter(letter) => {
                engine.handle_input(Input::DeadLettered(letter.id));
                outcome.rejected.push(letter.rejected);
            }
        }
    }
}
