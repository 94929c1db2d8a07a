//! Webhook: one risk event a POST, with its delivery key as the idempotency key.
//!
//! No redirect is followed and no proxy is taken from the environment; the address that is connected to is checked; a
//! response's body is read up to a cap, so that the connection can be used again, and never shown.

mod address;
mod answer;

use std::error::Error as _;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use tokio_util::bytes::Bytes;

use self::address::{GuardedResolver, RefusedAddress};
use super::error::SinkError;
use super::health::FailureKind;
use super::sinks::WallClock;
use super::transport::{Failure, Outcome, Transport};
use crate::config::WebhookConfig;
use crate::risk_event::DeliveryKey;

/// More of a response is not worth a warm connection.
const RESPONSE_CAP: usize = 64 * 1024;

/// The transport to one webhook. Clones share the connections.
#[derive(Clone)]
pub(super) struct Webhook {
    client: Client,
    url: Url,
    headers: HeaderMap,
    clock: WallClock,
}

impl Webhook {
    pub(super) fn new(
        sink: &str,
        config: &WebhookConfig,
        producer: &str,
        clock: &WallClock,
    ) -> Result<Self, SinkError> {
        let url = checked_url(config).map_err(|problem| SinkError::Url { sink: sink.to_owned(), problem })?;
        let headers = headers(sink, config)?;
        let client = client(config, producer).map_err(|source| SinkError::Client { sink: sink.to_owned(), source })?;
        Ok(Self { client, url, headers, clock: clock.clone() })
    }
}

impl Transport for Webhook {
    async fn attempt(&mut self, key: DeliveryKey, line: &Bytes) -> Outcome {
        let key = HeaderValue::try_from(key.to_string()).expect("a delivery key is ASCII");
        let request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key.clone())
            .header("webhook-id", key)
            .body(line.slice(..line.trim_ascii_end().len()));
        match request.send().await {
            Ok(response) => self.judge(response).await,
            Err(error) => Outcome::Failed(transport_failure(error)),
        }
    }
}

impl Webhook {
    async fn judge(&self, response: Response) -> Outcome {
        let outcome = answer::judge(response.status(), response.headers(), (self.clock)());
        drain(response).await;
        outcome
    }
}

/// Userinfo would end in the receiver's logs, and a password belongs into a header.
fn checked_url(config: &WebhookConfig) -> Result<Url, String> {
    let url = Url::parse(&config.url).map_err(|error| format!("cannot be read: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if config.allow_http => {}
        "http" => return Err("is plain http; use https, or set allow_http".to_owned()),
        _ => return Err("must begin with https://".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password; use headers".to_owned());
    }
    if !config.allow_private {
        address::check_literal(&url).map_err(|refused| format!("names {refused}"))?;
    }
    Ok(url)
}

fn headers(sink: &str, config: &WebhookConfig) -> Result<HeaderMap, SinkError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let refused = |problem| SinkError::Header { sink: sink.to_owned(), header: name.clone(), problem };
        let name = HeaderName::try_from(name).map_err(|_| refused("is not a header name"))?;
        let mut value = HeaderValue::try_from(&value.0).map_err(|_| refused("has a value that cannot be sent"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn client(config: &WebhookConfig, producer: &str) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(producer)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .https_only(!config.allow_http)
        .timeout(config.timeout)
        .connect_timeout(config.timeout)
        .dns_resolver(GuardedResolver::new(config.allow_private))
        .build()
}

/// Reads the body away; what comes of it does not matter, because the status has been judged.
async fn drain(mut response: Response) {
    let mut read = 0;
    while read <= RESPONSE_CAP
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read += chunk.len();
    }
}

/// Before there is a connection the causes are the system's own words (DNS, TCP, TLS); afterwards they could be the
/// receiver's, and only the kind of an I/O error is told.
fn transport_failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    if let Some(refused) = causes.clone().find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return Failure::new(FailureKind::Misconfigured, format!("the host resolves to {refused}"));
    }
    let detail = if error.is_timeout() {
        "time-out".to_owned()
    } else if error.is_connect() {
        causes.fold("cannot connect".to_owned(), |detail, cause| format!("{detail}: {cause}"))
    } else {
        let kind = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).last().map(std::io::Error::kind);
        format!("the connection broke{}", kind.map_or_else(String::new, |kind| format!(": {kind}")))
    };
    Failure::new(FailureKind::Unavailable, detail)
}

#[cfg(test)]
mod tests;
