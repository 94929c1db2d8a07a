//! Webhook: one risk event a POST, or several as a JSON array, with a key by which the receiver knows repeats, and a
//! signature by which it knows us.

mod signature;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use sha2::{Digest, Sha256};
use tokio_util::bytes::Bytes;

use super::error::SinkError;
use super::format;
use super::http::{self, HttpClient};
use super::queue::Delivery;
use super::sinks::WallClock;
use super::transport::{Outcome, Transport};
use crate::config::{AuthConfig, SigningKey, WebhookConfig};

/// The transport to one webhook. Clones share the connections.
#[derive(Clone)]
pub(super) struct Webhook {
    http: HttpClient,
    signing_keys: Vec<SigningKey>,
    authorization: Option<HeaderValue>,
}

impl Webhook {
    pub(super) fn new(
        sink: &str,
        config: &WebhookConfig,
        producer: &str,
        clock: &WallClock,
    ) -> Result<Self, SinkError> {
        let http = HttpClient::new(sink, &config.http, producer, clock)?;
        let authorization = config.auth.as_ref().map(|auth| http::authorization(sink, credentials(auth)));
        Ok(Self { http, signing_keys: config.signing_keys.clone(), authorization: authorization.transpose()? })
    }
}

impl Transport for Webhook {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let (key, content_type, body) = match batch {
            [one] => (one.key.to_string(), one.body.content_type, one.body.bytes.clone()),
            several => (batch_key(several), format::array_content_type(several), Bytes::from(format::array(several))),
        };
        let request = self
            .http
            .post()
            .header(CONTENT_TYPE, content_type)
            .header("idempotency-key", &key)
            .header("webhook-id", &key);
        let request = self.authorization.iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
        let request = self.signed(request, &key, &body);
        let mut request = self.http.with_body(request, body);
        if let [one] = batch {
            request = one.body.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        }
        self.http.deliver(request).await
    }
}

impl Webhook {
    /// See [`HttpClient::last_status`].
    pub(super) fn last_status(&self) -> Option<u16> {
        self.http.last_status()
    }

    /// The time is that of this attempt, so that a receiver can refuse what was recorded and is played back. The body is
    /// not compressed yet: whoever takes the encoding off on the way, the signature still fits.
    fn signed(&self, request: RequestBuilder, id: &str, body: &[u8]) -> RequestBuilder {
        if self.signing_keys.is_empty() {
            return request;
        }
        let timestamp = self.http.now().as_second();
        request
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature::signatures(&self.signing_keys, id, timestamp, body))
    }
}

fn credentials(auth: &AuthConfig) -> String {
    match auth {
        AuthConfig::Bearer(token) => format!("Bearer {}", token.0),
        AuthConfig::Basic { user, password } => {
            format!("Basic {}", STANDARD.encode(format!("{}:{}", user.0, password.0)))
        }
    }
}

/// Of a batch: 128 bits of the SHA-256 over its delivery keys, in their order, so that it is the same over all attempts.
fn batch_key(batch: &[Delivery]) -> String {
    let mut hash = Sha256::new();
    for delivery in batch {
        hash.update(delivery.key.to_string());
        hash.update(b"\n");
    }
    let digest = hash.finalize();
    digest.iter().take(16).fold("batch-".to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

#[cfg(test)]
mod tests;
