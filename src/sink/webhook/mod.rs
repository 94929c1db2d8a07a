//! Webhook: one risk event a POST, or several as a JSON array, with a key by which the receiver knows repeats.

use reqwest::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};
use tokio_util::bytes::Bytes;

use super::error::SinkError;
use super::format;
use super::http::HttpClient;
use super::queue::Delivery;
use super::sinks::WallClock;
use super::transport::{Outcome, Transport};
use crate::config::WebhookConfig;

/// The transport to one webhook. Clones share the connections.
#[derive(Clone)]
pub(super) struct Webhook {
    http: HttpClient,
}

impl Webhook {
    pub(super) fn new(
        sink: &str,
        config: &WebhookConfig,
        producer: &str,
        clock: &WallClock,
    ) -> Result<Self, SinkError> {
        Ok(Self { http: HttpClient::new(sink, &config.http, producer, clock)? })
    }
}

impl Transport for Webhook {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let (key, content_type, body) = match batch {
            [one] => (one.key.to_string(), one.body.content_type, one.body.bytes.clone()),
            several => (batch_key(several), format::array_content_type(several), Bytes::from(format::array(several))),
        };
        let mut request = self
            .http
            .post()
            .header(CONTENT_TYPE, content_type)
            .header("idempotency-key", &key)
            .header("webhook-id", &key)
            .body(body);
        if let [one] = batch {
            request = one.body.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        }
        self.http.deliver(request).await
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
