use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_s3::config::Credentials;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;

use super::*;
use crate::cloudtrail::{RejectReason, Rejected};
use crate::engine::{DeadLetter, DeadLetterId, Position, SequenceNumber, ShardId};
use crate::sink::dead_letter::DeadLetters;
use crate::sink::dead_letter::store::Place;
use crate::sink::testing::{dead_letter_deps, metrics, wait_until};
use crate::time::Arrival;

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>s3cr3t-canary</Message></Error>";

/// The bucket that is reached at this endpoint.
fn bucket_at(url: String) -> Bucket {
    let config = S3Config {
        bucket: "soc-letters".to_owned(),
        prefix: "trailrisk/dead".to_owned(),
        region: Some("eu-central-1".to_owned()),
        endpoint_url: Some(url.clone()),
    };
    let settings = Builder::default()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
        .endpoint_url(url);
    Bucket::new(settings, &config)
}

/// A bucket over HTTP that answers as scripted, then 200; notes method, path, headers and body.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    requests: Arc<Mutex<Vec<(String, axum::http::HeaderMap, Bytes)>>>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = (u16, &'static str)>) -> (Self, Bucket) {
        let server = Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = server.clone();
        let app = axum::Router::new().fallback(move |request| async move { state.answer(request).await });
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, bucket_at(url))
    }

    async fn answer(self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let line = format!("{} {}", parts.method, parts.uri.path());
        self.requests.lock().unwrap().push((line, parts.headers, body));
        let (status, text) = self.answers.lock().unwrap().pop_front().unwrap_or((200, ""));
        Response::builder().status(status).body(text.into()).unwrap()
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn letter(id: u64) -> DeadLetter {
    DeadLetter {
        id: DeadLetterId(id),
        shard: ShardId::new("shardId-000000000003"),
        position: Position::After(SequenceNumber::try_new("4957").unwrap(), 0),
        arrival: Arrival(1_682_380_280_000),
        rejected: Rejected { reason: RejectReason::BadJson, detail: "x".into(), bytes: b"no json"[..].into() },
    }
}

#[tokio::test]
async fn an_object_is_put_under_its_date_and_the_hash_of_its_content() {
    let (server, bucket) = Server::start([]).await;
    let lines = Bytes::from_static(b"{\"schema\":\"trailrisk.dead_letter/v1\"}\n");
    bucket.put(&lines, "2026-11-24T15:04:05Z".parse().unwrap()).await.unwrap();
    let (line, headers, body) = server.requests.lock().unwrap()[0].clone();
    // printf '{"schema":"trailrisk.dead_letter/v1"}\n' | sha256sum | cut -c 1-32
    assert_eq!(line, "PUT /soc-letters/trailrisk/dead/2026/11/24/150405Z-bf1181f5c2b274c11de88283d538cc63.ndjson");
    assert_eq!(body, lines, "the lines as they are, in no encoding of their own");
    assert_eq!(headers["content-type"], "application/x-ndjson");
    assert!(headers["authorization"].to_str().unwrap().contains("AKIAEXAMPLE/"), "signed");
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_without_its_text() {
    let (_server, bucket) = Server::start([(403, DENIED), (503, "")]).await;
    let mut errors = Vec::new();
    for _ in 0..2 {
        errors.push(bucket.put(&Bytes::from_static(b"x"), jiff::Timestamp::UNIX_EPOCH).await.unwrap_err().to_string());
    }
    assert_eq!(errors[0], "S3 answers 403 AccessDenied");
    assert!(errors[1].starts_with("S3 answers 503"), "{}", errors[1]);
}

/// A server that answers every request with 503 and these headers.
async fn unavailable(headers: &'static [(&'static str, &'static str)]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move || async move {
        let answer = headers.iter().fold(Response::builder().status(503), |it, (name, value)| it.header(*name, *value));
        answer.body(Body::from("<Error><Code>SlowDown</Code><Message>s3cr3t-canary</Message></Error>")).unwrap()
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    url
}

#[tokio::test]
async fn a_refusal_names_the_two_ids_that_aws_support_asks_for() {
    let url = unavailable(&[("x-amz-request-id", "79104EXAMPLEB723"), ("x-amz-id-2", "IOWQ4fDEXAMPLE")]).await;
    let error =
        bucket_at(url).put(&Bytes::from_static(b"x"), jiff::Timestamp::UNIX_EPOCH).await.unwrap_err().to_string();
    assert_eq!(error, "S3 answers 503 SlowDown (request 79104EXAMPLEB723, IOWQ4fDEXAMPLE)");
}

/// HeadBucket needs a right that the daemon does not ask for: 403 says nothing of whether it may put.
#[tokio::test]
async fn a_bucket_is_looked_at_without_asking_for_more_than_the_right_to_put() {
    let (server, bucket) = Server::start([(200, ""), (403, ""), (404, ""), (301, ""), (503, "")]).await;
    let mut complaints = Vec::new();
    for _ in 0..5 {
        complaints.push(bucket.complaint().await);
    }
    assert_eq!(complaints[..2], [None, None]);
    for (complaint, status) in complaints[2..].iter().zip(["404", "301", "503"]) {
        let said = complaint.as_ref().unwrap();
        assert!(said.starts_with(&format!("S3 answers {status}")), "{said}");
    }
    let requests = server.requests.lock().unwrap();
    assert!(requests.iter().all(|(line, ..)| line.trim_end_matches('/') == "HEAD /soc-letters"), "{requests:?}");
}

#[tokio::test]
async fn cp_7_letters_are_acknowledged_by_the_put_alone_and_held_until_then() {
    let (server, bucket) = Server::start([(500, ""), (403, DENIED)]).await;
    let deps = dead_letter_deps(&metrics());
    let (letters, mut acknowledged) =
        DeadLetters::with_store(Place::Bucket(bucket), &deps.metrics, deps.clock, deps.stop);
    (0..10).for_each(|id| letters.push(letter(id)));
    wait_until("the first PUT is refused", || server.count() >= 1).await;
    wait_until("that is said", || letters.health().failing().is_some()).await;
    for id in 0..10 {
        assert_eq!(acknowledged.next().await, Some(DeadLetterId(id)));
    }
    assert!(letters.health().failing().is_none());
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 3, "ten letters in one object, put again until it is taken");
    assert!(requests.iter().all(|(line, ..)| *line == requests[0].0), "under the same key");
    let lines: Vec<&[u8]> = requests[2].2.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 10);
}
