//! Where ferrokinesis 0.7 differs from Kinesis and a test needs Kinesis's behaviour:
//!
//! - `ListShards` by `NextToken` fails, by ARN is refused: the token carries the stream, an ARN becomes a name.
//! - `AT_TIMESTAMP` behind the last record gives everything: it becomes "after the last record".
//! - `MillisBehindLatest` is always 0: it is the age of the next record, if there is one.
//! - An empty answer moves the iterator to the current time, past records that are just being put: it stays.
//! - The end of a closed shard does not name the children: they are added.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

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

use super::faults::{Faults, operation};

const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What the repairs need to look up.
#[derive(Clone)]
pub(super) struct Repairs {
    store: Store,
    faults: Arc<Faults>,
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
    let Ok(mut asked) = serde_json::from_slice::<Value>(&body) else {
        return next.run(Request::from_parts(parts, Body::from(body))).await;
    };
    repairs.request(&operation, &mut asked).await;
    parts.headers.remove(CONTENT_LENGTH);
    let response = next.run(Request::from_parts(parts, Body::from(asked.to_string()))).await;
    if !response.status().is_success() || !["ListShards", "GetRecords"].contains(&operation.as_str()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.expect("an in-process body");
    let mut answer = serde_json::from_slice(&body).expect("ferrokinesis answers in the JSON that it was asked in");
    repairs.answer(&operation, &asked, &mut answer).await;
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

impl Repairs {
    pub(super) fn new(store: Store, faults: Arc<Faults>) -> Self {
        Self { store, faults }
    }

    async fn request(&self, operation: &str, asked: &mut Value) {
        if let Some(arn) = asked["StreamARN"].as_str().map(str::to_owned) {
            asked.as_object_mut().expect("it has a field").remove("StreamARN");
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

    fn list_request(&self, asked: &mut Value) {
        if let Some(page_size) = self.faults.page_size() {
            asked["MaxResults"] = json!(page_size);
        }
        let token = asked["NextToken"].as_str().filter(|_| asked["StreamName"].is_null()).map(str::to_owned);
        if let Some((stream, shard)) = token.as_deref().and_then(|token| token.split_once('/')) {
            asked.as_object_mut().expect("it has a field").remove("NextToken");
            asked["StreamName"] = json!(stream);
            asked["ExclusiveStartShardId"] = json!(shard);
        }
    }

    async fn iterator_request(&self, asked: &mut Value) {
        let (stream, shard) = (text(&asked["StreamName"]), text(&asked["ShardId"]));
        let records = self.records_from(&stream, &shard, "", usize::MAX).await;
        let since = asked["Timestamp"].as_f64().unwrap_or(0.0);
        if records.iter().any(|(_, arrival)| *arrival >= since) {
            return;
        }
        // Whatever is put from now on arrives later than the instant asked for.
        let fields = asked.as_object_mut().expect("it has fields");
        fields.remove("Timestamp");
        if let Some((last, _)) = records.last() {
            fields.insert("ShardIteratorType".to_owned(), json!("AFTER_SEQUENCE_NUMBER"));
            fields.insert("StartingSequenceNumber".to_owned(), json!(last));
        } else {
            fields.insert("ShardIteratorType".to_owned(), json!("TRIM_HORIZON"));
        }
    }

    async fn answer(&self, operation: &str, asked: &Value, answer: &mut Value) {
        if operation == "ListShards" {
            if let Some(token) = answer["NextToken"].as_str().map(str::to_owned) {
                answer["NextToken"] = json!(format!("{}/{token}", text(&asked["StreamName"])));
            }
            return;
        }
        let Some(place) = place(&asked["ShardIterator"]) else { return };
        match place_of_next(answer) {
            Some(next) => self.more_to_read(&place, next, answer).await,
            None if self.faults.children_hidden() => {}
            None => answer["ChildShards"] = self.children(&place).await,
        }
    }

    async fn more_to_read(&self, place: &Place, mut next: Place, answer: &mut Value) {
        let empty = answer["Records"].as_array().is_none_or(Vec::is_empty);
        if empty && self.is_open(place).await {
            let Place { stream, shard, sequence } = place;
            next.sequence.clone_from(sequence);
            answer["NextShardIterator"] = json!(create_shard_iterator(stream, shard, sequence, now_millis()));
        }
        if let Some((_, arrival)) = self.records_from(&next.stream, &next.shard, &next.sequence, 1).await.first() {
            let age = now_millis().saturating_sub((arrival * 1000.0) as u64);
            answer["MillisBehindLatest"] = json!(age.max(1));
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

    /// Sequence number and arrival (seconds) of records from `sequence` on.
    async fn records_from(&self, stream: &str, shard: &str, sequence: &str, limit: usize) -> Vec<(String, f64)> {
        let Ok((_, index)) = resolve_shard_id(shard) else { return Vec::new() };
        let (from, to) = (format!("{}/{sequence}", shard_ix_to_hex(index)), shard_ix_to_hex(index + 1));
        let records = self.store.get_records_range_limited(stream, &from, &to, limit).await;
        let number = |key: String| key.rsplit('/').next().unwrap_or_default().to_owned();
        records.into_iter().map(|(key, record)| (number(key), record.approximate_arrival_timestamp)).collect()
    }
}

fn place_of_next(answer: &Value) -> Option<Place> {
    place(&answer["NextShardIterator"])
}

fn place(iterator: &Value) -> Option<Place> {
    let (_, stream, shard, sequence) = decode_shard_iterator(iterator.as_str()?).ok()?;
    Some(Place { stream, shard, sequence })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn now_millis() -> u64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
