//! What a receiver that verifies signatures needs, in every shape of a request.

use std::io::Read as _;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::config::{Compression, SigningKey};
use crate::sink::testing::Request;

/// A clock that is a second further at each look.
fn ticking() -> WallClock {
    let seconds = AtomicI64::new(1_700_000_000);
    Arc::new(move || jiff::Timestamp::from_second(seconds.fetch_add(1, Ordering::Relaxed)).unwrap())
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers[name].to_str().unwrap()
}

/// The signatures cover the id and the time that are sent, and the body's very bytes.
fn assert_signed(request: &Request, keys: &[SigningKey]) {
    let timestamp = header(request, "webhook-timestamp").parse().unwrap();
    let expected = signature::signatures(keys, header(request, "webhook-id"), timestamp, &request.body);
    assert_eq!(header(request, "webhook-signature"), expected);
    assert_eq!(expected.split(' ').count(), keys.len(), "one a secret");
}

#[tokio::test]
async fn threat_11_every_attempt_is_signed_with_every_secret_under_one_id_and_its_own_time() {
    let receiver = Receiver::start([Answer::Status(503)]).await;
    let keys = vec![SigningKey(vec![1; 24]), SigningKey(vec![2; 64])];
    let config = WebhookConfig { signing_keys: keys.clone(), ..to(&receiver) };
    let mut webhook = Webhook::new("hook", &config, "trailrisk/0.1.0", &ticking()).unwrap();
    let several = || [delivery(KEY, "{\"a\":1}\n"), delivery(KEY, "{\"b\":2}\n")];
    assert!(matches!(webhook.attempt(&several()[..1]).await, Outcome::Failed(_)));
    assert_eq!(webhook.attempt(&several()[..1]).await, Outcome::Delivered);
    assert_eq!(webhook.attempt(&several()).await, Outcome::Delivered);
    let requests = receiver.requests();
    requests.iter().for_each(|request| assert_signed(request, &keys));
    let [first, again, batch] = &requests[..] else { panic!("three requests") };
    assert_eq!(header(first, "webhook-id"), "00000000000000000000000000000abc-early");
    assert_eq!(header(first, "webhook-id"), header(again, "webhook-id"));
    assert!(header(first, "webhook-timestamp") < header(again, "webhook-timestamp"), "of the attempt");
    assert!(header(batch, "webhook-id").starts_with("batch-"));
    assert_eq!(&*batch.body, br#"[{"a":1},{"b":2}]"#);
}

#[tokio::test]
async fn threat_11_a_binary_cloudevent_is_signed_over_its_body() {
    let receiver = Receiver::start([]).await;
    let keys = vec![SigningKey(vec![1; 24])];
    let config = WebhookConfig { signing_keys: keys.clone(), ..to(&receiver) };
    let headers = vec![("ce-id", "1".to_owned())];
    let signed = delivery(KEY, "{\"a\":1}\n");
    let signed = Delivery { body: format::Body { headers, ..signed.body.clone() }, ..signed };
    assert_eq!(webhook(&config).unwrap().attempt(&[signed]).await, Outcome::Delivered);
    let request = receiver.requests().pop().unwrap();
    assert_eq!(header(&request, "ce-id"), "1");
    assert_signed(&request, &keys);
}

/// Whatever takes the encoding off, a framework or somebody on the way, what it leaves is what is signed.
#[tokio::test]
async fn threat_11_a_compressed_body_is_signed_as_it_is_after_decoding() {
    let receiver = Receiver::start([]).await;
    let keys = vec![SigningKey(vec![1; 24])];
    let mut config = WebhookConfig { signing_keys: keys.clone(), ..to(&receiver) };
    config.http.compression = Compression::Gzip;
    let mut webhook = webhook(&config).unwrap();
    let several = [delivery(KEY, "{\"a\":1}\n"), delivery(KEY, "{\"b\":2}\n")];
    assert_eq!(webhook.attempt(&several[..1]).await, Outcome::Delivered);
    assert_eq!(webhook.attempt(&several).await, Outcome::Delivered);
    for (request, expected) in receiver.requests().iter().zip([r#"{"a":1}"#, r#"[{"a":1},{"b":2}]"#]) {
        assert_eq!(header(request, "content-encoding"), "gzip");
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(&*request.body).read_to_end(&mut decoded).unwrap();
        assert_eq!(decoded, expected.as_bytes());
        assert_signed(&Request { body: decoded.into(), ..request.clone() }, &keys);
    }
}

#[tokio::test]
async fn without_secrets_nothing_is_signed() {
    let receiver = Receiver::start([]).await;
    assert_eq!(attempt(&to(&receiver)).await, Outcome::Delivered);
    let headers = receiver.requests().pop().unwrap().headers;
    assert!(headers.get("webhook-signature").is_none() && headers.get("webhook-timestamp").is_none());
}
