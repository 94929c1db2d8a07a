//! Dead letters as objects of a bucket: one a batch, which is stored when the answer to its PUT says so.

use std::io;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::{RequestId, RequestIdExt};
use aws_sdk_s3::primitives::ByteStream;
use sha2::{Digest, Sha256};
use tokio_util::bytes::Bytes;

use crate::aws::{self, NoAuthorities};
use crate::config::S3Config;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const PUT_TIMEOUT: Duration = Duration::from_secs(30);
const FORBIDDEN: u16 = 403;

/// See the module. Clones share the connections.
#[derive(Clone)]
pub(super) struct Bucket {
    client: Client,
    bucket: String,
    prefix: String,
}

impl Bucket {
    /// With the SDK's standard chain of credentials, as the source has it. None where no region is known.
    ///
    /// # Errors
    /// No certificate authorities.
    pub(super) async fn open(config: &S3Config) -> Result<Option<Self>, NoAuthorities> {
        let sdk = aws::connect(config.region.as_deref(), config.endpoint_url.as_deref(), None).await?;
        Ok(sdk.map(|sdk| Self::new(Builder::from(&sdk), config)))
    }

    fn new(settings: Builder, config: &S3Config) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(PUT_TIMEOUT).build();
        // Who keeps letters tries again by itself, and says so.
        let settings = settings.retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        // What is not AWS has no host name for each bucket.
        let settings = settings.force_path_style(config.endpoint_url.is_some());
        let (bucket, prefix) = (config.bucket.clone(), config.prefix.clone());
        Self { client: Client::from_conf(settings.build()), bucket, prefix }
    }

    /// Says at the start what the first letter would meet. It asks for no right beyond that of putting: a bucket that
    /// does not let us look is no complaint, and whatever else it answers is a warning, since it may be mended before
    /// there is a letter, which is held until then (PO-1).
    pub(super) async fn look(self) {
        if let Some(error) = self.complaint().await {
            tracing::warn!(bucket = self.bucket, error, "dead letters may not reach their bucket; they would be held");
        }
    }

    async fn complaint(&self) -> Option<String> {
        let error = self.client.head_bucket().bucket(&self.bucket).send().await.err()?;
        let is_hidden = error.raw_response().is_some_and(|response| response.status().as_u16() == FORBIDDEN);
        (!is_hidden).then(|| describe(&error))
    }

    /// Puts one object. The same lines at the same time have the same key, so that a repeat overwrites itself.
    pub(super) async fn put(&self, lines: &Bytes, at: jiff::Timestamp) -> io::Result<()> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(lines, at));
        let put = put.content_type("application/x-ndjson").body(ByteStream::from(lines.clone()));
        put.send().await.map(drop).map_err(|error| io::Error::other(describe(&error)))
    }

    fn key(&self, lines: &[u8], at: jiff::Timestamp) -> String {
        let hash = Sha256::digest(lines).iter().take(16).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let name = format!("{}-{hash}.ndjson", at.strftime("%Y/%m/%d/%H%M%SZ"));
        if self.prefix.is_empty() { name } else { format!("{}/{name}", self.prefix) }
    }
}

/// The service's own code where it answered, with the two ids that AWS support asks for; otherwise the causes.
fn describe<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let SdkError::ServiceError(refused) = error {
        let (status, headers) = (refused.raw().status().as_u16(), refused.raw().headers());
        let code = refused.err().code().unwrap_or_default();
        let ids = [headers.request_id(), headers.extended_request_id()].into_iter().flatten().collect::<Vec<_>>();
        let ids = if ids.is_empty() { String::new() } else { format!(" (request {})", ids.join(", ")) };
        return format!("S3 answers {status} {code}{ids}");
    }
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests;
