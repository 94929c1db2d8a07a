//! Records to what the engine needs of them: prefilter, decode, match. Pure, and independent of the engine's state, so
//! that it may run anywhere.

mod dispatch;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::dispatch::Dispatch;
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
    dispatch: Dispatch,
    prefilter: Prefilter,
    limits: DecodeLimits,
}

/// The evaluated records, and what the counters want to know beside.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// One for each record given, in the same order.
    pub records: Vec<EvaluatedRecord>,
    /// Records of which the prefilter says that no search can match an event in them (PO-3).
    pub skipped: u64,
    /// Entries, of records with several events, of which it says so while it does not of the whole record (PO-3).
    pub skipped_entries: u64,
    /// Events per envelope.
    pub envelopes: BTreeMap<Envelope, u64>,
    /// Arrival minus event time of every decoded event, in milliseconds.
    pub delays_ms: Vec<i64>,
}

impl Evaluator {
    /// `decode_all` parses every record, also those that can match nothing (PO-3).
    pub fn new(plans: Vec<Arc<Plan>>, limits: DecodeLimits, decode_all: bool) -> Self {
        let mut searches: Vec<_> = plans.iter().flat_map(|plan| plan.requirements()).collect();
        // Also where nothing is searched for.
        searches.extend(decode_all.then(Vec::new));
        Self { prefilter: Prefilter::new(&searches), dispatch: Dispatch::new(&plans), plans, limits }
    }

    /// Evaluates a batch.
    pub fn evaluate<'a>(&self, records: impl IntoIterator<Item = RawRecord<'a>>) -> Evaluation {
        self.each(records, |record| self.prefilter.admits(record.data))
    }

    /// Evaluates a batch of which [`Self::prefilter`] has admitted every record already.
    pub fn evaluate_admitted<'a>(&self, records: impl IntoIterator<Item = RawRecord<'a>>) -> Evaluation {
        self.each(records, |_| true)
    }

    /// What decides whether a record is decoded (PO-3). Of gzip it decides once more when that is inflated, and of several
    /// entries of each.
    pub fn prefilter(&self) -> &Prefilter {
        &self.prefilter
    }

    fn each<'a>(
        &self,
        records: impl IntoIterator<Item = RawRecord<'a>>,
        admits: impl Fn(&RawRecord<'a>) -> bool,
    ) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for record in records {
            let mut evaluated = EvaluatedRecord {
                position: record.position.clone(),
                arrival: record.arrival,
                events: Vec::new(),
                decoded: 0,
                rejected: Vec::new(),
            };
            if admits(&record) {
                self.evaluate_one(&record, &mut evaluated, &mut evaluation);
            } else {
                evaluation.skipped += 1;
            }
            evaluation.records.push(evaluated);
        }
        evaluation
    }

    fn evaluate_one(&self, record: &RawRecord<'_>, evaluated: &mut EvaluatedRecord, totals: &mut Evaluation) {
        let decoded = decode_each(record.data, &self.limits, &|text| self.prefilter.admits(text), &mut |event| {
            evaluated.decoded += 1;
            if record.arrival != Arrival::MIN {
                totals.delays_ms.push(record.arrival.0.saturating_sub(event.time.0));
            }
            let plans = self.dispatch.plans(&event).iter().map(|index| (*index, &self.plans[*index]));
            let outcomes: Vec<_> =
                plans.filter_map(|(index, plan)| plan.evaluate(&event).map(|outcome| (index, outcome))).collect();
            if !outcomes.is_empty() {
                let (key, content_hash, id, time) = (event.key, event.content_hash(), event.id().into(), event.time);
                evaluated.events.push(EvaluatedEvent { key, id, content_hash, time, outcomes });
            }
        });
        for (envelope, events) in decoded.envelopes {
            *totals.envelopes.entry(envelope).or_default() += u64::from(events);
        }
        totals.skipped += u64::from(decoded.skipped);
        totals.skipped_entries += u64::from(decoded.skipped_entries);
        evaluated.rejected = decoded.rejected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::testing::gzip;
    use crate::plan::tests::text;

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

    fn evaluator() -> Evaluator {
        let plan = Plan::compile(&text("eventName=GetUser | stats count by eventSource")).expect("it compiles");
        Evaluator::new(vec![Arc::new(plan)], DecodeLimits::default(), false)
    }

    /// At 2023-04-24T23:51:17Z.
    fn event(name: &str) -> String {
        let time = "2023-04-24T23:51:17Z";
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"{time}","eventSource":"iam.amazonaws.com","eventName":"{name}"}}"#
        )
    }

    const EVENT_MS: i64 = 1_682_380_277_000;

    fn record(data: &[u8], arrival: Arrival) -> RawRecord<'_> {
        RawRecord { position: &Position::Start, arrival, data }
    }

    #[test]
    fn po_3_what_is_skipped_is_counted_over_all_records_and_not_decoded() {
        let (get, put) = (event("GetUser"), event("PutUser"));
        let file = |events: [&str; 3]| format!(r#"{{"Records":[{}]}}"#, events.join(","));
        let one = file([&put, &get, &put]);
        let two = file([&get, &get, &put]);
        let (inflated_put, inflated_get) = (gzip(&put), gzip(&get));
        let data = [
            put.as_bytes(),
            one.as_bytes(),
            &inflated_put,
            two.as_bytes(),
            get.as_bytes(),
            &inflated_put,
            &inflated_get,
            put.as_bytes(),
        ];
        let evaluation = evaluator().evaluate(data.map(|data| record(data, Arrival(0))));
        assert_eq!((evaluation.skipped, evaluation.skipped_entries), (4, 3));
        let decoded: Vec<_> = evaluation.records.iter().map(|record| record.decoded).collect();
        assert_eq!(decoded, [0, 1, 0, 2, 1, 0, 1, 0]);
        let matching: Vec<_> = evaluation.records.iter().map(|record| record.events.len()).collect();
        assert_eq!(matching, [0, 1, 0, 2, 1, 0, 1, 0]);
        let envelopes: Vec<_> = evaluation.envelopes.into_iter().collect();
        assert_eq!(envelopes, [(Envelope::Bare, 2), (Envelope::File, 3)]);
    }

    #[test]
    fn po_3_what_was_admitted_before_is_decoded_without_another_look() {
        let (get, put) = (event("GetUser"), event("PutUser"));
        let evaluator = evaluator();
        assert!(evaluator.prefilter().admits(get.as_bytes()) && !evaluator.prefilter().admits(put.as_bytes()));
        let records = || [&get, &put].map(|event| record(event.as_bytes(), Arrival(7)));
        let evaluation = evaluator.evaluate_admitted(records());
        assert_eq!(evaluation.skipped, 0);
        let counts: Vec<_> = evaluation.records.iter().map(|record| (record.decoded, record.events.len())).collect();
        assert_eq!(counts, [(1, 1), (1, 0)], "what does not match is decoded and holds no event for the engine");
        assert!(evaluation.records.iter().all(|record| record.arrival == Arrival(7)));
    }

    #[test]
    fn the_delay_of_every_event_is_its_arrival_minus_its_time_and_a_batch_has_none() {
        let get = event("GetUser");
        let delays = |arrivals: &[Arrival]| {
            evaluator().evaluate(arrivals.iter().map(|arrival| record(get.as_bytes(), *arrival))).delays_ms
        };
        assert_eq!(delays(&[Arrival(EVENT_MS + 2500), Arrival(EVENT_MS - 1)]), [2500, -1]);
        assert_eq!(delays(&[Arrival::MIN]), [0; 0]);
    }
}
