//! Where ferrokinesis 0.7 differs from Kinesis and a test needs Kinesis's behaviour:
//!
//! - `ListShards` by `NextToken` fails, by ARN is refused: the token carries the stream, an ARN becomes a name.
//! - Arrivals are cut off to the second: they become exact (see `arrivals`).
//! - `AT_TIMESTAMP` behind the last record gives everything: it becomes the place of the first record that qualifies.
//! - `MillisBehindLatest` is always 0: it is the age of the next record, if there is one.
//! - An empty answer moves the iterator on, past records that are just being put: it stays.
//! - `ListShards` ignores `ShardFilter`: with `FROM_TIMESTAMP` shards that were closed before leave the answer.
//! - The end of a closed shard does not name the children: they are added.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::{self, Next};
use axum::response::Response;
use ferrokinesis::sequence::{resolve_shard_id, shard_ix_to_hex};
use ferrokinesis::shard_iterator::{create_shard_iterator, decode_shard_iterator};
use ferrokinesis::store::Store;
use serde_json::{Value, json};

use super::arrivals::{Arrivals, now_millis};
use super::faults::{Faults, error, operation};

const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What the repairs need to look up.
#[derive(Clone)]
pub(super) struct Repairs {
    store: Store,
    faults: Arc<Faults>,
    arrivals: Arc<Arrivals>,
    /// When shards were closed, by stream and shard.
    closed: Arc<Mutex<BTreeMap<(String, String), u64>>>,
}

/// A decoded shard iterator.
struct Place {
    stream: String,
    shard: String,
    sequence: String,
}

/// Puts the repairs in front of `app`.
pub(super) fn layer(app: Router, repairs: Repairs) -> Router {
    app.layer(middleware::from_fn_with_state(repairs, repair))
}

async fn repair(State(repairs): State<Repairs>, request: Request, next: Next) -> Response {
    let operation = operation(&request);
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.expect("the client sends a whole body");
    let mut asked: Value = serde_json::from_slice(&body).expect("the client sends JSON");
    if repairs.faults.is_forgotten(asked["ShardId"].as_str().unwrap_or_default()) {
        return error(400, "ResourceNotFoundException");
    }
    repairs.request(&operation, &mut asked).await;
    repairs.note_closing(&operation, &asked);
    let put = match operation.as_str() {
        "PutRecord" | "PutRecords" => {
            Some(repairs.arrivals.put(&text(&asked["StreamName"]), || repairs.faults.now_millis()).await)
        }
        _ => None,
    };
    parts.headers.remove(CONTENT_LENGTH);
    let response = next.run(Request::from_parts(parts, Body::from(asked.to_string()))).await;
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.expect("an in-process body");
    let Some(mut answer) = serde_json::from_slice(&body).ok().filter(|_| parts.status.is_success()) else {
        return Response::from_parts(parts, Body::from(body));
    };
    if let Some(put) = put {
        put.answered(&answer);
    }
    repairs.answer(&operation, &asked, &mut answer).await;
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

impl Repairs {
    pub(super) fn new(store: Store, faults: Arc<Faults>) -> Self {
        Self { store, faults, arrivals: Arc::default(), closed: Arc::default() }
    }

    async fn request(&self, operation: &str, asked: &mut Value) {
        if !operation.contains("Consumer")
            && let Some(arn) = take(asked, "StreamARN")
        {
            self.faults.note_arn(operation, &arn);
            if operation != "GetRecords" {
                asked["StreamName"] = json!(arn.rsplit('/').next());
            }
        }
        match operation {
            "ListShards" => self.list_request(asked),
            "GetShardIterator" if asked["ShardIteratorType"] == "AT_TIMESTAMP" => self.iterator_request(asked).await,
            _ => {}
        }
    }

    fn note_closing(&self, operation: &str, asked: &Value) {
        let fields = match operation {
            "SplitShard" => &["ShardToSplit"][..],
            "MergeShards" => &["ShardToMerge", "AdjacentShardToMerge"],
            _ => &[],
        };
        let mut closed = self.closed.lock().expect("nobody panics while holding it");
        for field in fields {
            closed.insert((text(&asked["StreamName"]), text(&asked[*field])), self.faults.now_millis());
        }
    }

    /// Whether a shard was closed before the instant of the listing's filter.
    fn is_filtered(&self, asked: &Value, shard: &Value) -> bool {
        let filter = &asked["ShardFilter"];
        if filter["Type"] != "FROM_TIMESTAMP" {
            return false;
        }
        let since = (filter["Timestamp"].as_f64().expect("the filter has its instant") * 1000.0).round() as u64;
        let closed = self.closed.lock().expect("nobody panics while holding it");
        closed.get(&(text(&asked["StreamName"]), text(&shard["ShardId"]))).is_some_and(|at| *at < since)
    }

    fn list_request(&self, asked: &mut Value) {
        if let Some(page_size) = self.faults.page_size() {
            asked["MaxResults"] = json!(page_size);
        }
        // A token beside a name is left for ferrokinesis to refuse, as Kinesis does.
        let token = if asked["StreamName"].is_null() { take(asked, "NextToken") } else { None };
        if let Some((stream, shard)) = token.as_deref().and_then(|token| token.split_once('/')) {
            asked["StreamName"] = json!(stream);
            asked["ExclusiveStartShardId"] = json!(shard);
        }
    }

    async fn iterator_request(&self, asked: &mut Value) {
        let (stream, shard) = (text(&asked["StreamName"]), text(&asked["ShardId"]));
        let since = (asked["Timestamp"].as_f64().unwrap_or(0.0) * 1000.0).round() as u64;
        if since > self.faults.now_millis() {
            return;
        }
        asked.as_object_mut().expect("it has fields").remove("Timestamp");
        let (mut kind, mut start) = ("TRIM_HORIZON", None);
        for sequence in self.records_from(&stream, &shard, "", usize::MAX).await {
            let found = self.arrivals.of(&stream, &sequence).await >= since;
            kind = if found { "AT_SEQUENCE_NUMBER" } else { "AFTER_SEQUENCE_NUMBER" };
            start = Some(sequence);
            if found {
                break;
            }
        }
        asked["ShardIteratorType"] = json!(kind);
        if let Some(sequence) = start {
            asked["StartingSequenceNumber"] = json!(sequence);
        }
    }

    async fn answer(&self, operation: &str, asked: &Value, answer: &mut Value) {
        match operation {
            "ListShards" => {
                let shards = answer["Shards"].as_array_mut().expect("there always is a list");
                let is_left_out = |shard: &Value| {
                    self.faults.is_forgotten(&text(&shard["ShardId"])) || self.is_filtered(asked, shard)
                };
                shards.retain(|shard| !is_left_out(shard));
                if let Some(token) = answer["NextToken"].as_str() {
                    answer["NextToken"] = json!(format!("{}/{token}", text(&asked["StreamName"])));
                }
            }
            "GetRecords" => self.records_answer(asked, answer).await,
            _ => {}
        }
    }

    async fn records_answer(&self, asked: &Value, answer: &mut Value) {
        let asked = place(&asked["ShardIterator"]).expect("ferrokinesis accepted the iterator");
        let records = answer["Records"].as_array_mut().expect("there always is a list");
        let empty = records.is_empty();
        for record in records {
            let at = self.arrivals.of(&asked.stream, &text(&record["SequenceNumber"])).await;
            record["ApproximateArrivalTimestamp"] = json!(at as f64 / 1000.0);
        }
        match place(&answer["NextShardIterator"]) {
            None if self.faults.children_hidden() => {}
            None => answer["ChildShards"] = self.children(&asked).await,
            Some(_) if empty && self.is_open(&asked).await => {
                let Place { stream, shard, sequence } = &asked;
                answer["NextShardIterator"] = json!(create_shard_iterator(stream, shard, sequence, now_millis()));
                answer["MillisBehindLatest"] = json!(self.behind(&asked).await);
            }
            Some(next) => answer["MillisBehindLatest"] = json!(self.behind(&next).await),
        }
    }

    /// The age of the next record, at least 1 ms; 0 if there is none.
    async fn behind(&self, place: &Place) -> u64 {
        match self.records_from(&place.stream, &place.shard, &place.sequence, 1).await.first() {
            Some(next) => self.faults.now_millis().saturating_sub(self.arrivals.of(&place.stream, next).await).max(1),
            None => 0,
        }
    }

    async fn is_open(&self, place: &Place) -> bool {
        let stream = self.store.get_stream(&place.stream).await.ok();
        let shard = stream.and_then(|stream| stream.shards.into_iter().find(|it| it.shard_id == place.shard));
        shard.is_some_and(|shard| shard.sequence_number_range.ending_sequence_number.is_none())
    }

    async fn children(&self, place: &Place) -> Value {
        let Ok(stream) = self.store.get_stream(&place.stream).await else { return json!([]) };
        let mut children = Vec::new();
        for shard in stream.shards {
            let parents: Vec<_> = shard.parent_shard_id.iter().chain(&shard.adjacent_parent_shard_id).collect();
            if parents.contains(&&place.shard) {
                let range = &shard.hash_key_range;
                children.push(json!({"ShardId": shard.shard_id, "ParentShards": parents, "HashKeyRange": range}));
            }
        }
        json!(children)
    }

    /// The sequence numbers of a shard's records from `sequence` on.
    async fn records_from(&self, stream: &str, shard: &str, sequence: &str, limit: usize) -> Vec<String> {
        let Ok((_, index)) = resolve_shard_id(shard) else { return Vec::new() };
        let (from, to) = (format!("{}/{sequence}", shard_ix_to_hex(index)), shard_ix_to_hex(index + 1));
        let records = self.store.get_records_range_limited(stream, &from, &to, limit).await;
        records.into_iter().map(|(key, _)| key.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }
}

fn place(iterator: &Value) -> Option<Place> {
    let (_, stream, shard, sequence) = decode_shard_iterator(iterator.as_str()?).ok()?;
    Some(Place { stream, shard, sequence })
}

fn take(object: &mut Value, field: &str) -> Option<String> {
    object.as_object_mut()?.remove(field)?.as_str().map(str::to_owned)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
