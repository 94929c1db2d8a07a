//! Whom it trusts, who it is, and which way it goes.

mod proxied;
mod trust;

use std::sync::Arc;

use super::*;
use crate::sink::health::FailureKind;
use crate::sink::testing::webhook_config;

fn config(url: &str) -> HttpConfig {
    webhook_config(url).http
}

async fn post(config: &HttpConfig) -> Outcome {
    let clock: WallClock = Arc::new(jiff::Timestamp::default);
    let client = HttpClient::new("hook", config, "trailrisk/0.1.0", &clock).unwrap();
    client.deliver(client.with_body(client.post(), Bytes::from_static(b"{}"))).await
}

async fn failure(config: &HttpConfig) -> Failure {
    match post(config).await {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}
