mod signing;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::config::{CloudEventsConfig, FormatConfig, Secret, SinkKind};
use crate::risk_event::{DeliveryKey, RiskEventId, Stage};
use crate::sink::format::{BodyFormat, native};
use crate::sink::health::FailureKind;
use crate::sink::testing::{Answer, Receiver, delivery, event, meta, webhook_config};
use crate::sink::transport::Failure;

const KEY: DeliveryKey = DeliveryKey { id: RiskEventId(0xabc), stage: Stage::Early };
const CANARY: &str = "s3cr3t-canary";

fn clock() -> WallClock {
    Arc::new(|| "1994-11-06T08:49:30Z".parse().unwrap())
}

fn webhook(config: &WebhookConfig) -> Result<Webhook, SinkError> {
    Webhook::new("hook", config, "trailrisk/0.1.0", &clock())
}

async fn attempt(config: &WebhookConfig) -> Outcome {
    webhook(config).unwrap().attempt(&[delivery(KEY, "{\"a\":1}\n")]).await
}

fn to(receiver: &Receiver) -> WebhookConfig {
    match receiver.sink(|_| {}).kind {
        SinkKind::Webhook(config) => config,
        _ => unreachable!("a receiver's sink is a webhook"),
    }
}

async fn failure(config: &WebhookConfig) -> Failure {
    match attempt(config).await {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

fn refusal(change: impl FnOnce(&mut WebhookConfig)) -> String {
    let mut config = webhook_config("https://hooks.example.com/");
    (config.http.allow_http, config.http.allow_private) = (false, false);
    change(&mut config);
    match webhook(&config) {
        Err(error) => format!("{error} {error:?}"),
        Ok(_) => panic!("accepted"),
    }
}

#[tokio::test]
async fn a_post_carries_the_event_and_its_delivery_key() {
    let receiver = Receiver::start([]).await;
    let mut config = to(&receiver);
    config.http.headers = vec![("Authorization".into(), Secret(format!("Bearer {CANARY}")))];
    assert_eq!(attempt(&config).await, Outcome::Delivered);
    let request = receiver.requests().pop().unwrap();
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    assert_eq!((request.path.as_str(), &*request.body), ("/hook", &b"{\"a\":1}"[..]), "without the newline");
    let key = "00000000000000000000000000000abc-early";
    assert_eq!((header("idempotency-key").as_str(), header("webhook-id").as_str()), (key, key));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("user-agent"), "trailrisk/0.1.0");
    assert_eq!(header("authorization"), format!("Bearer {CANARY}"));
}

#[tokio::test]
async fn credentials_go_with_every_request() {
    let receiver = Receiver::start([]).await;
    let secret = |text: &str| Secret(text.to_owned());
    for (auth, sent) in [
        (AuthConfig::Bearer(secret("t0k.en")), "Bearer t0k.en"),
        // The example of RFC 7617.
        (
            AuthConfig::Basic { user: secret("Aladdin"), password: secret("open sesame") },
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
    ] {
        assert!(!format!("{auth:?}").contains("t0k.en") && !format!("{auth:?}").contains("sesame"));
        assert_eq!(attempt(&WebhookConfig { auth: Some(auth), ..to(&receiver) }).await, Outcome::Delivered);
        let headers = receiver.requests().pop().unwrap().headers;
        assert_eq!(headers.get_all("authorization").iter().collect::<Vec<_>>(), [sent]);
    }
}

#[tokio::test]
async fn the_headers_of_a_cloudevent_go_with_it_and_a_batch_has_a_media_type_of_its_own() {
    let receiver = Receiver::start([]).await;
    let mut webhook = webhook(&to(&receiver)).unwrap();
    let sent = |config: &FormatConfig, id| {
        let event = event(id, Stage::Final);
        let line = Bytes::from(native::line(&event, &meta()));
        let body = BodyFormat::of(config).unwrap().body(&event, &meta(), &line).unwrap();
        Delivery { body, line, ..delivery(event.delivery_key(), "") }
    };
    let binary = FormatConfig::CloudEventsBinary(CloudEventsConfig::default());
    assert_eq!(webhook.attempt(&[sent(&binary, 1)]).await, Outcome::Delivered);
    let structured = FormatConfig::CloudEvents(CloudEventsConfig::default());
    assert_eq!(webhook.attempt(&[sent(&structured, 1)]).await, Outcome::Delivered);
    assert_eq!(webhook.attempt(&[sent(&structured, 1), sent(&structured, 2)]).await, Outcome::Delivered);
    let requests = receiver.requests();
    let types: Vec<_> = requests.iter().map(|request| request.headers["content-type"].to_str().unwrap()).collect();
    assert_eq!(types, ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"]);
    assert_eq!(requests[0].headers["ce-id"], event(1, Stage::Final).delivery_key().to_string());
    assert!(requests[1].headers.get("ce-id").is_none());
    let batch: Vec<serde_json::Value> = serde_json::from_slice(&requests[2].body).unwrap();
    assert_eq!(batch.len(), 2);
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let receiver = Receiver::start([Answer::RetryAfter(429, "9"), Answer::RetryAfter(503, date)]).await;
    let expected = [9, 7].map(|seconds| Some(Duration::from_secs(seconds)));
    for expected in expected {
        let failure = failure(&to(&receiver)).await;
        assert_eq!((failure.kind, failure.retry_after), (FailureKind::Unavailable, expected));
    }
}

#[tokio::test]
async fn threat_9_a_redirect_is_not_followed_and_is_a_wrong_configuration() {
    let receiver = Receiver::start([Answer::Redirect("/latest/meta-data/")]).await;
    assert_eq!(failure(&to(&receiver)).await.kind, FailureKind::Misconfigured);
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_hangs_runs_into_the_time_out() {
    let receiver = Receiver::start([Answer::Hang]).await;
    let mut config = to(&receiver);
    config.http.timeout = Duration::from_millis(50);
    let failure = failure(&config).await;
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(failure.detail.contains("time-out"), "{}", failure.detail);
}

#[tokio::test]
async fn a_large_response_does_not_undo_an_acknowledgement() {
    let receiver = Receiver::start([Answer::LargeBody]).await;
    assert_eq!(attempt(&to(&receiver)).await, Outcome::Delivered);
}

#[tokio::test]
async fn a_connection_that_breaks_is_unavailable_and_the_next_attempt_makes_a_new_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        first.read_exact(&mut [0; 16]).await.unwrap();
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        second.read_exact(&mut [0; 16]).await.unwrap();
        second.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        second.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let mut webhook = webhook(&webhook_config(&url)).unwrap();
    let batch = [delivery(KEY, "{}\n")];
    let Outcome::Failed(failure) = webhook.attempt(&batch).await else { panic!("delivered") };
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(webhook.attempt(&batch).await, Outcome::Delivered);
}

#[tokio::test]
async fn nobody_listening_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failure = failure(&webhook_config(&url)).await;
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(failure.detail.contains("refused"), "{}", failure.detail);
}

/// The name is harmless, what it resolves to is not: the check is on the address that would be connected to.
#[tokio::test]
async fn threat_9_a_name_that_resolves_to_this_host_is_refused() {
    let receiver = Receiver::start([]).await;
    let url = format!("http://localhost:{}/", receiver.port);
    let mut config = webhook_config(&url);
    config.http.allow_private = false;
    let failure = failure(&config).await;
    assert_eq!(failure.kind, FailureKind::Misconfigured);
    assert!(failure.detail.contains("loopback"), "{}", failure.detail);
    assert!(receiver.requests().is_empty());
}

#[test]
fn threat_9_urls_that_lead_inside_are_refused_at_start() {
    for host in ["127.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "0x7f000001"] {
        let message = refusal(|config| config.http.url = format!("https://{host}/"));
        assert!(message.contains("sink hook: url names a"), "{message}");
    }
}

#[test]
fn plain_http_other_schemes_and_user_names_are_refused_at_start() {
    assert!(refusal(|config| config.http.url = "http://hooks.example.com/".into()).contains("allow_http"));
    assert!(refusal(|config| config.http.url = "file:///etc/passwd".into()).contains("https://"));
    assert!(refusal(|config| config.http.url = "no url".into()).contains("cannot be read"));
    assert!(refusal(|config| config.http.url = "https://me@hooks.example.com/".into()).contains("user name"));
}

#[test]
fn threat_10_no_secret_is_in_an_error_at_start() {
    let messages = [
        refusal(|config| config.http.url = format!("https://user:{CANARY}@hooks.example.com/")),
        refusal(|config| config.http.url = format!("http://hooks.example.com/{CANARY}?token={CANARY}")),
        refusal(|config| config.http.url = format!("https://[{CANARY}/")),
        refusal(|config| config.http.headers = vec![("x-key".into(), Secret(format!("{CANARY}\n")))]),
    ];
    for message in messages {
        assert!(!message.contains(CANARY), "{message}");
    }
}

#[tokio::test]
async fn threat_10_no_secret_is_in_a_failure() {
    let receiver = Receiver::start([Answer::Status(401), Answer::Hang]).await;
    let closed = "http://127.0.0.1:1".to_owned();
    for base in [format!("http://127.0.0.1:{}", receiver.port), format!("http://127.0.0.1:{}", receiver.port), closed] {
        let mut config = webhook_config(&format!("{base}/{CANARY}?token={CANARY}"));
        config.http.timeout = Duration::from_millis(100);
        config.http.headers = vec![("x-key".into(), Secret(CANARY.into()))];
        let failure = failure(&config).await;
        assert!(!format!("{failure:?}").contains(CANARY), "{failure:?}");
    }
}
