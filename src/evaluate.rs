//! Records to what the engine needs of them: prefilter, decode, match. Pure, and independent of the engine's state, so
//! that it may run anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cloudtrail::{DecodeLimits, Envelope, Prefilter, decode_each};
use crate::engine::{EvaluatedEvent, EvaluatedRecord, Position};
use crate::plan::Plan;
use crate::time::Arrival;

/// One record as a source delivers it.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Its position.
    pub position: &'a Position,
    /// `ApproximateArrivalTimestamp`; [`Arrival::MIN`] in a batch, which has none.
    pub arrival: Arrival,
    /// Its bytes.
    pub data: &'a [u8],
}

/// Matches records against a fixed set of plans.
#[derive(Debug)]
pub struct Evaluator {
    plans: Vec<Arc<Plan>>,
    prefilter: Prefilter,
    limits: DecodeLimits,
}

/// The evaluated records, and what the counters want to know beside.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// One for each record given, in the same order.
    pub records: Vec<EvaluatedRecord>,
    /// Records in which no required literal occurs (PO-3).
    pub skipped: u64,
    /// Events per envelope.
    pub envelopes: BTreeMap<Envelope, u64>,
    /// Arrival minus event time of every decoded event, in milliseconds.
    pub delays_ms: Vec<i64>,
}

impl Evaluator {
    /// `decode_all` parses every record, also those that can match nothing (PO-3).
    pub fn new(plans: Vec<Arc<Plan>>, limits: DecodeLimits, decode_all: bool) -> Self {
        let mut literals: Vec<_> = plans.iter().map(|plan| plan.required_literals()).collect();
        // Also where nothing is searched for.
        literals.extend(decode_all.then_some(None));
        Self { prefilter: Prefilter::new(&literals), plans, limits }
    }

    /// Evaluates a batch.
    pub fn evaluate<'a>(&self, records: impl IntoIterator<Item = RawRecord<'a>>) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for record in records {
            let evaluated = self.evaluate_one(&record, &mut evaluation);
            evaluation.records.push(evaluated);
        }
        evaluation
    }

    fn evaluate_one(&self, record: &RawRecord<'_>, totals: &mut Evaluation) -> EvaluatedRecord {
        let mut evaluated = EvaluatedRecord {
            position: record.position.clone(),
            arrival: record.arrival,
            events: Vec::new(),
            decoded: 0,
            rejected: Vec::new(),
        };
        if !self.prefilter.admits(record.data) {
            totals.skipped += 1;
            return evaluated;
        }
        let decoded = decode_each(record.data, &self.limits, &mut |event| {
            evaluated.decoded += 1;
            if record.arrival != Arrival::MIN {
                totals.delays_ms.push(record.arrival.0.saturating_sub(event.time.0));
            }
            let outcomes: Vec<_> = self
                .plans
                .iter()
                .enumerate()
                .filter_map(|(index, plan)| plan.evaluate(&event).map(|outcome| (index, outcome)))
                .collect();
            if !outcomes.is_empty() {
                let (key, id, content_hash, time) = (event.key, event.id, event.content_hash, event.time);
                evaluated.events.push(EvaluatedEvent { key, id, content_hash, time, outcomes });
            }
        });
        for (envelope, events) in decoded.envelopes {
            *totals.envelopes.entry(envelope).or_default() += u64::from(events);
        }
        evaluated.rejected = decoded.rejected;
        evaluated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn po_3_decode_all_parses_every_record_also_where_no_detection_is_loaded() {
        let evaluate = |decode_all: bool| {
            let evaluator = Evaluator::new(vec![], DecodeLimits::default(), decode_all);
            let record = RawRecord { position: &Position::Start, arrival: Arrival(0), data: b"{\"no\": " };
            let evaluation = evaluator.evaluate([record]);
            (evaluation.skipped, evaluation.records[0].rejected.len())
        };
        assert_eq!((evaluate(true), evaluate(false)), ((0, 1), (1, 0)));
    }
}
