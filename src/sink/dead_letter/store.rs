//! Where dead letters are kept.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio_util::bytes::Bytes;

use super::bucket::Bucket;
use crate::sink::append_file::AppendFile;
use crate::sink::stdout::SharedStdout;

/// A place for dead letters, one a line.
pub trait DeadLetterStore: Send + Sync + 'static {
    /// Keeps whole lines, which were put together at `at`; returns once they are durable.
    ///
    /// # Errors
    /// When they cannot be kept: then none of them counts as kept, and the same lines come again.
    fn keep(&self, lines: &Bytes, at: jiff::Timestamp) -> impl Future<Output = io::Result<()>> + Send;

    /// How long to wait for more letters to keep together.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }
}

/// The places of the configuration.
pub(super) enum Place {
    File(AppendFile),
    Stdout(SharedStdout),
    Bucket(Bucket),
}

impl DeadLetterStore for Place {
    async fn keep(&self, lines: &Bytes, at: jiff::Timestamp) -> io::Result<()> {
        match self {
            Self::File(file) => {
                let (file, lines) = (file.clone(), lines.clone());
                let append = move || {
                    let kept = file.append(&lines, true).map(drop);
                    kept.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.path().display())))
                };
                tokio::task::spawn_blocking(append).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
            }
            Self::Stdout(stdout) => stdout.write(lines).await,
            Self::Bucket(bucket) => bucket.put(lines, at).await,
        }
    }

    /// Every object has its price.
    fn linger(&self) -> Duration {
        match self {
            Self::File(_) | Self::Stdout(_) => Duration::ZERO,
            Self::Bucket(_) => Duration::from_secs(2),
        }
    }
}
