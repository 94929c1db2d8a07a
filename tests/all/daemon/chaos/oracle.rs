//! What the stream's content says must come: every event in the pane that its record's effective arrival gives it
//! (WN-2, WN-3, WN-4), read from the stream itself and evaluated as one batch (semantics, section 4).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::types::ShardIteratorType;

use super::super::STREAM;
use super::super::event::{JobCreated, utc};
use super::super::line::{Line, text};
use crate::support::kinesis::LocalKinesis;

/// The durations of the configuration, in milliseconds.
#[derive(Clone, Copy)]
pub struct Spec {
    pub window: i64,
    pub grace: i64,
    pub max_future_skew: i64,
}

/// One result: window, pane, bucket of a late or future pane, and the two by-fields that vary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pane {
    window: String,
    pane: String,
    bucket: Option<String>,
    account: String,
    source: String,
}

/// The ids of the events in each result.
pub type Panes = BTreeMap<Pane, BTreeSet<String>>;

impl Spec {
    fn pane(self, event: &JobCreated, effective: i64) -> Pane {
        let start = event.time - event.time.rem_euclid(self.window);
        let bucket = effective - effective.rem_euclid(self.window);
        let (pane, bucket) = match event.time {
            time if time > effective + self.max_future_skew => ("future", Some(bucket)),
            _ if effective >= start + self.window + self.grace => ("late", Some(bucket)),
            _ => ("on_time", None),
        };
        Pane {
            window: utc(start),
            pane: pane.to_owned(),
            bucket: bucket.map(utc),
            account: event.account.clone(),
            source: event.source.clone(),
        }
    }
}

/// The results that the stream's content gives.
pub async fn expected(kinesis: &LocalKinesis, spec: Spec, events: &HashMap<Vec<u8>, Vec<JobCreated>>) -> Panes {
    let mut panes = Panes::new();
    let mut reached: HashMap<String, i64> = HashMap::new();
    // Parents are listed before their children.
    for shard in kinesis.shards(STREAM).await {
        let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id].into_iter().flatten();
        let mut effective = parents.map(|parent| reached[&parent]).max().unwrap_or(i64::MIN);
        for (arrival, data) in records(kinesis, &shard.shard_id).await {
            effective = effective.max(arrival);
            for event in events.get(&data).into_iter().flatten() {
                panes.entry(spec.pane(event, effective)).or_default().insert(event.id.clone());
            }
        }
        reached.insert(shard.shard_id, effective);
    }
    panes
}

/// Arrival and data of all records of a shard.
async fn records(kinesis: &LocalKinesis, shard: &str) -> Vec<(i64, Vec<u8>)> {
    let (mut iterator, mut last) = (iterator(kinesis, shard, None).await, None);
    let mut records = Vec::new();
    while let Some(from) = iterator.take() {
        let answer = match kinesis
            .client()
            .get_records()
            .shard_iterator(from)
            .send()
            .await
            .map_err(SdkError::into_service_error)
        {
            // Where iterators live for a moment only, a busy machine may take longer from one read to the next.
            Err(error) if error.is_expired_iterator_exception() => {
                iterator = self::iterator(kinesis, shard, last.as_deref()).await;
                continue;
            }
            answer => answer.expect("it is read"),
        };
        let at_end = answer.records.is_empty() && answer.millis_behind_latest == Some(0);
        for record in answer.records {
            let arrival = record.approximate_arrival_timestamp.expect("it is stamped").to_millis().expect("in range");
            last = Some(record.sequence_number);
            records.push((arrival, record.data.into_inner()));
        }
        iterator = answer.next_shard_iterator.filter(|_| !at_end);
    }
    records
}

/// An iterator behind this record, or from the oldest one on.
async fn iterator(kinesis: &LocalKinesis, shard: &str, after: Option<&str>) -> Option<String> {
    let kind = if after.is_some() { ShardIteratorType::AfterSequenceNumber } else { ShardIteratorType::TrimHorizon };
    let request = kinesis.client().get_shard_iterator().stream_name(STREAM).shard_id(shard).shard_iterator_type(kind);
    let answer = request.set_starting_sequence_number(after.map(str::to_owned)).send().await;
    answer.expect("the shard is there").shard_iterator
}

/// The results that came, from their evidence.
///
/// # Panics
/// When a result does not count what it shows, or one result came under two ids.
pub fn came<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Panes {
    let mut panes = Panes::new();
    let mut ids: BTreeMap<Pane, String> = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.stage() == "final") {
        let event = &line.json;
        let pane = Pane {
            window: text(&event["window"]["start"]).to_owned(),
            pane: text(&event["pane"]).to_owned(),
            bucket: event["pane_bucket"].as_str().map(str::to_owned),
            account: text(&event["group"]["aws_account_id"]).to_owned(),
            source: text(&event["group"]["src_ip"]).to_owned(),
        };
        let evidence = event["evidence"].as_array().expect("a list").iter();
        let evidence: BTreeSet<String> = evidence.map(|it| text(&it["event_id"]).to_owned()).collect();
        assert_eq!(event["evidence_truncated"], false, "the test's limits show every event");
        assert_eq!(event["event_count"], evidence.len(), "{}", line.body);
        assert_eq!(event["row"]["count"], evidence.len(), "{}", line.body);
        let id = ids.entry(pane.clone()).or_insert_with(|| line.id().to_owned());
        assert_eq!(id, line.id(), "EM-3: one result, one id");
        panes.insert(pane, evidence);
    }
    panes
}
