//! `SubscribeToShard` as Kinesis has it, over the layers below: ferrokinesis's own is always at the tip, names the children
//! in front of the last records and lets any number of subscriptions live beside each other.
//!
//! As with Kinesis: one subscription for a consumer and shard, none within five seconds of the last, the older one ends when
//! a newer one is accepted; sessions end; an event every so often without records; continuations that are the number of no
//! record; an empty one at the end. What is pushed waits for the reader, as far as the connection buffers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::ShardIteratorType;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::event_stream::{encode_exception, encode_initial_response, encode_subscribe_event};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::faults::{Faults, PushFault, error, operation};
use super::torn::{Channel, Piece};

/// How often the shard is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// An event without records comes after so long without one.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// For so long a consumer and shard are refused another subscription.
const HELD: Duration = Duration::from_secs(5);
/// Continuations begin here, above the number of any record.
const CONTINUATIONS: u128 = 900_000_000_000_000_000_000_000_000_000_000_000;

/// The subscriptions of one Kinesis.
#[derive(Default)]
pub(super) struct FanOut {
    client: OnceLock<Client>,
    active: Mutex<BTreeMap<(String, String), (Instant, CancellationToken)>>,
    /// The iterators that continuations stand for.
    continuations: Mutex<Vec<String>>,
    faults: Arc<Faults>,
}

/// Puts it in front of `app`.
pub(super) fn layer(app: Router, fan_out: Arc<FanOut>) -> Router {
    app.layer(middleware::from_fn_with_state(fan_out, subscribe_or_pass))
}

async fn subscribe_or_pass(State(fan_out): State<Arc<FanOut>>, request: Request, next: Next) -> Response {
    if operation(&request) != "SubscribeToShard" {
        return next.run(request).await;
    }
    let body = to_bytes(request.into_body(), 1 << 20).await.expect("the client sends a whole body");
    let asked: Value = serde_json::from_slice(&body).expect("the client sends JSON");
    fan_out.subscribe(&asked).await.unwrap_or_else(|code| error(400, code))
}

impl FanOut {
    pub(super) fn new(faults: Arc<Faults>) -> Self {
        Self { faults, ..Self::default() }
    }

    /// Once it is known where the server listens.
    pub(super) fn connect(&self, client: Client) {
        self.client.set(client).expect("connected once");
    }

    fn client(&self) -> &Client {
        self.client.get().expect("connected before the first request")
    }

    async fn subscribe(self: Arc<Self>, asked: &Value) -> Result<Response, &'static str> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (consumer, shard) = (text(&asked["ConsumerARN"]), text(&asked["ShardId"]));
        let described = self.client().describe_stream_consumer().consumer_arn(&consumer).send().await;
        described.map_err(|_| "ResourceNotFoundException")?;
        let stream = consumer.split('/').nth(1).ok_or("InvalidArgumentException")?.to_owned();
        let iterator = self.iterator(&stream, &shard, &asked["StartingPosition"]).await?;
        let cancelled = self.accept(consumer, shard)?;
        let (sender, body) = Channel::new();
        tokio::spawn(async move {
            let pushed = cancelled.run_until_cancelled(self.push(iterator, &sender)).await;
            if pushed.is_none() {
                let taken = encode_exception("ResourceInUseException", "another subscription");
                let _ = sender.send(Piece::Bytes(taken.into())).await;
            }
        });
        let mut response = Response::new(Body::new(body));
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/vnd.amazon.eventstream"));
        headers.insert("x-amzn-requestid", HeaderValue::from_static("subscription"));
        Ok(response)
    }

    /// One for a consumer and shard; what ends it when another one is accepted.
    fn accept(&self, consumer: String, shard: String) -> Result<CancellationToken, &'static str> {
        let (cancelled, key) = (CancellationToken::new(), (consumer, shard));
        let mut active = self.active.lock().expect("no test panics while it holds it");
        if let Some((accepted, older)) = active.get(&key) {
            if accepted.elapsed() < HELD {
                return Err("ResourceInUseException");
            }
            older.cancel();
        }
        active.insert(key, (Instant::now(), cancelled.clone()));
        Ok(cancelled)
    }

    fn continued(&self, number: &str) -> Option<String> {
        let at = number.parse::<u128>().ok()?.checked_sub(CONTINUATIONS)?;
        let known = self.continuations.lock().expect("no test panics while it holds it");
        known.get(usize::try_from(at).ok()?).cloned()
    }

    async fn iterator(&self, stream: &str, shard: &str, position: &Value) -> Result<String, &'static str> {
        let number = position["SequenceNumber"].as_str();
        if let Some(iterator) = number.and_then(|number| self.continued(number)) {
            return Ok(iterator);
        }
        let kind = position["Type"].as_str().ok_or("InvalidArgumentException")?;
        let millis = position["Timestamp"].as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
        let request = self.client().get_shard_iterator().stream_name(stream).shard_id(shard);
        let request = request.shard_iterator_type(ShardIteratorType::from(kind));
        let request = request.set_starting_sequence_number(number.map(str::to_owned));
        let answer = request.set_timestamp(millis.map(DateTime::from_millis)).send().await;
        answer.ok().and_then(|answer| answer.shard_iterator).ok_or("InvalidArgumentException")
    }

    /// Until the session, the shard or the reader ends.
    async fn push(&self, mut iterator: String, sender: &Sender<Piece>) {
        let begun = Instant::now();
        let mut quiet_since = begun;
        let _ = sender.send(Piece::Bytes(encode_initial_response().into())).await;
        while begun.elapsed() < self.faults.session() {
            match self.faults.next_push() {
                Some(PushFault::Exception(code)) => {
                    let _ = sender.send(Piece::Bytes(encode_exception(code, "injected by the test").into())).await;
                    return;
                }
                Some(PushFault::Cut) => return drop(sender.send(Piece::Cut).await),
                Some(PushFault::Mute) => return sender.closed().await,
                None => {}
            }
            let Ok(answer) = self.client().get_records().shard_iterator(&iterator).send().await else { return };
            let next = answer.next_shard_iterator.clone();
            if !answer.records.is_empty() || next.is_none() || quiet_since.elapsed() >= HEARTBEAT {
                quiet_since = Instant::now();
                let event = self.event(answer).to_string();
                let frame = Bytes::from(encode_subscribe_event(event.as_bytes(), "application/json"));
                if sender.send(Piece::Bytes(frame)).await.is_err() {
                    return;
                }
            }
            match next {
                Some(next) => iterator = next,
                None => return,
            }
            sleep(LOOK).await;
        }
    }

    fn event(&self, answer: GetRecordsOutput) -> Value {
        let record = |record: aws_sdk_kinesis::types::Record| {
            let at = record.approximate_arrival_timestamp.expect("stamped").as_secs_f64();
            json!({
                "SequenceNumber": record.sequence_number,
                "PartitionKey": record.partition_key,
                "Data": STANDARD.encode(record.data),
                "ApproximateArrivalTimestamp": at,
            })
        };
        let mut event = json!({
            "Records": answer.records.into_iter().map(record).collect::<Vec<_>>(),
            "MillisBehindLatest": answer.millis_behind_latest,
        });
        match answer.next_shard_iterator {
            Some(next) => event["ContinuationSequenceNumber"] = json!(self.continuation(next)),
            None => {
                let child = |child: aws_sdk_kinesis::types::ChildShard| {
                    let range = child.hash_key_range.expect("a shard has a range");
                    let range =
                        json!({"StartingHashKey": range.starting_hash_key, "EndingHashKey": range.ending_hash_key});
                    json!({"ShardId": child.shard_id, "ParentShards": child.parent_shards, "HashKeyRange": range})
                };
                event["ContinuationSequenceNumber"] = json!("");
                event["ChildShards"] = answer.child_shards.unwrap_or_default().into_iter().map(child).collect();
            }
        }
        event
    }

    fn continuation(&self, iterator: String) -> String {
        let mut known = self.continuations.lock().expect("no test panics while it holds it");
        known.push(iterator);
        (CONTINUATIONS + known.len() as u128 - 1).to_string()
    }
}
