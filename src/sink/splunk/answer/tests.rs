use axum::http::StatusCode;
use tokio::net::TcpListener;

use super::*;
use crate::config::{Secret, SplunkHecConfig, WebhookConfig};
use crate::sink::splunk::SplunkHec;
use crate::sink::testing::{delivery, webhook_config};
use crate::sink::transport::{Outcome, Transport as _};

/// What comes of a batch that `body` answers, with status 200.
async fn outcome(acknowledgement: bool, body: &'static str) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let WebhookConfig { http, .. } = webhook_config(&format!("http://{}", listener.local_addr().unwrap()));
    let app = axum::Router::new().fallback(move || async move { (StatusCode::OK, body) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let (token, acknowledgement_timeout) = (Secret("token".to_owned()), std::time::Duration::from_secs(1));
    let config = SplunkHecConfig { http, token, acknowledgement, acknowledgement_timeout };
    let clock = std::sync::Arc::new(jiff::Timestamp::default) as crate::sink::WallClock;
    let key = crate::risk_event::DeliveryKey {
        id: crate::risk_event::RiskEventId(1),
        stage: crate::risk_event::Stage::Final,
    };
    let mut splunk = SplunkHec::new("splunk", &config, "trailrisk/0.1.0", &clock).unwrap();
    splunk.attempt(&[delivery(key, "{\"event\":1}\n")]).await
}

async fn failure(acknowledgement: bool, body: &'static str) -> (FailureKind, String) {
    match outcome(acknowledgement, body).await {
        Outcome::Failed(failure) => (failure.kind, failure.detail),
        other => panic!("{body}: {other:?}"),
    }
}

/// Splunk, Vector and Fluent Bit say code 0; OpenObserve repeats the status; OpenTelemetry's receiver said "OK" until 2024,
/// as JSON or plain, and Logstash's HTTP input says "ok".
#[tokio::test]
async fn cp_7_what_a_collector_says_of_events_that_it_has_is_a_delivery() {
    let bodies = [
        r#"{"text":"Success","code":0}"#,
        r#"{"text":"Success","code":0,"ackId":7}"#,
        r#"{"text":"Success","code":200}"#,
        r#"{"text":"Success"}"#,
        r#""OK""#,
        "OK\n",
        "ok",
    ];
    for body in bodies {
        assert_eq!(outcome(false, body).await, Outcome::Delivered, "{body}");
    }
}

/// Splunk Web, a login page or a block page answers 200 as well: a delivery would be a loss in silence.
#[tokio::test]
async fn cp_7_a_success_of_something_else_holds_and_alarms() {
    let bodies = [
        "<!doctype html><html><body>Please log in</body></html>",
        r#"{"status":"blocked"}"#,
        r#"{"text":"Not here","code":404}"#,
        "[]",
        "null",
        "17",
    ];
    for body in bodies {
        for acknowledgement in [false, true] {
            let (kind, detail) = failure(acknowledgement, body).await;
            assert_eq!(kind, FailureKind::Misconfigured, "{body}");
            assert!(detail.contains("does the URL lead to Splunk's HTTP Event Collector?"), "{detail}");
            assert!(!detail.contains("acknowledgement") && !detail.contains("log in"), "{detail}");
        }
    }
}

#[tokio::test]
async fn cp_7_a_success_without_a_whole_answer_is_tried_again() {
    for body in ["", " \n", r#"{"text":"Succ"#] {
        for acknowledgement in [false, true] {
            let (kind, detail) = failure(acknowledgement, body).await;
            assert_eq!(kind, FailureKind::Unavailable, "{body}");
            assert!(detail.contains("not readable"), "{detail}");
        }
    }
}

/// A proxy may make a 200 of any status; the code stands in the body all the same.
#[tokio::test]
async fn cp_7_the_code_counts_more_than_the_status() {
    let answers = [
        (r#"{"text":"Invalid token","code":4}"#, FailureKind::Misconfigured, "code 4"),
        (r#"{"text":"Server is busy","code":9}"#, FailureKind::Unavailable, "code 9"),
        (r#"{"text":"Invalid data format","code":6,"invalid-event-number":0}"#, FailureKind::EventRefused, "code 6"),
    ];
    for (body, expected, says) in answers {
        let (kind, detail) = failure(false, body).await;
        assert!(kind == expected && detail.contains(says), "{body}: {detail}");
    }
}

#[tokio::test]
async fn cp_7_a_receiver_that_knows_no_acknowledgement_says_so_by_its_success() {
    for body in [r#"{"text":"Success","code":0}"#, r#""OK""#] {
        let (kind, detail) = failure(true, body).await;
        assert!(kind == FailureKind::Misconfigured && detail.contains("acknowledgement: false"), "{body}: {detail}");
    }
}
