//! A file of lines: acknowledged when written, and where `fsync: always` says so, when synced.
//!
//! A full disk holds the deliveries as a receiver does that is down (CP-7).

mod unsynced;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use self::unsynced::Unsynced;
use super::append_file::{AppendFile, Rotation};
use super::error::SinkError;
use super::format;
use super::health::FailureKind;
use super::queue::Delivery;
use super::transport::{Failure, Outcome, Transport};
use crate::config::{FileSinkConfig, Fsync};

/// The pause of `fsync: interval`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// The transport to a file.
pub(super) struct FileSink {
    file: Arc<AppendFile>,
    fsync: Fsync,
    unsynced: Arc<Unsynced>,
}

impl FileSink {
    /// Opens the file, and makes it with mode 0600 where there is none.
    pub(super) fn new(sink: &str, config: &FileSinkConfig) -> Result<Self, SinkError> {
        let rotation = config.rotate_bytes.map(|bytes| Rotation { bytes, keep: config.keep });
        let file = AppendFile::rotated(config.path.clone(), rotation);
        file.append(b"", true).map_err(|source| SinkError::File {
            sink: sink.to_owned(),
            path: config.path.clone(),
            source,
        })?;
        Ok(Self { file: Arc::new(file), fsync: config.fsync, unsynced: Arc::default() })
    }

    /// Syncs after the interval what is written until then.
    fn sync_soon(&self, written: File) {
        if !self.unsynced.add(written) {
            return;
        }
        let (path, unsynced) = (self.file.path().display().to_string(), Arc::clone(&self.unsynced));
        tokio::spawn(async move {
            tokio::time::sleep(SYNC_INTERVAL).await;
            unsynced.sync(path).await;
        });
    }
}

impl Transport for FileSink {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let (file, lines, durable) = (Arc::clone(&self.file), format::lines(batch), self.fsync == Fsync::Always);
        let written = match blocking(move || file.append(&lines, durable)).await {
            Ok(written) => written,
            Err(error) => {
                let detail = format!("cannot write {}: {error}", self.file.path().display());
                return Outcome::Failed(Failure::new(FailureKind::Unavailable, detail));
            }
        };
        if self.fsync == Fsync::Interval {
            self.sync_soon(written);
        }
        Outcome::Delivered
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::risk_event::{DeliveryKey, RiskEventId, Stage};
    use crate::sink::testing::delivery;

    const KEY: DeliveryKey = DeliveryKey { id: RiskEventId(1), stage: Stage::Final };

    fn sink(path: &Path, fsync: Fsync) -> Result<FileSink, SinkError> {
        let config = FileSinkConfig { path: path.to_owned(), rotate_bytes: None, keep: 1, fsync };
        FileSink::new("archive", &config)
    }

    #[tokio::test]
    async fn a_batch_is_written_as_lines_before_it_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ndjson");
        for fsync in [Fsync::Always, Fsync::Interval, Fsync::Never] {
            let mut sink = sink(&path, fsync).unwrap();
            let batch = [delivery(KEY, "{\"a\":1}\n"), delivery(KEY, "{\"b\":2}\n")];
            assert_eq!(sink.attempt(&batch).await, Outcome::Delivered);
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":1}\n{\"b\":2}\n".repeat(3));
    }

    /// As logrotate moves it: the next file is another one's, and is made by the next append.
    #[tokio::test(start_paused = true)]
    async fn what_is_synced_after_the_interval_is_what_was_written_wherever_it_is_by_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ndjson");
        let mut sink = sink(&path, Fsync::Interval).unwrap();
        assert_eq!(sink.attempt(&[delivery(KEY, "{}\n")]).await, Outcome::Delivered);
        std::fs::rename(&path, folder.path().join("moved.ndjson")).unwrap();
        tokio::time::sleep(2 * SYNC_INTERVAL).await;
        assert!(!path.exists(), "another file is synced in its place");
    }

    #[tokio::test]
    async fn cp_7_what_cannot_be_written_is_held_and_written_once_the_folder_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let mut sink = sink(&inner.join("out.ndjson"), Fsync::Always).unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        let batch = [delivery(KEY, "{}\n")];
        let Outcome::Failed(failure) = sink.attempt(&batch).await else { panic!("written to nowhere") };
        assert_eq!(failure.kind, FailureKind::Unavailable);
        std::fs::create_dir(&inner).unwrap();
        assert_eq!(sink.attempt(&batch).await, Outcome::Delivered);
        assert_eq!(std::fs::read(inner.join("out.ndjson")).unwrap(), b"{}\n");
    }

    #[test]
    fn a_folder_that_is_missing_is_said_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let error = sink(&folder.path().join("absent/out.ndjson"), Fsync::Never).err().unwrap().to_string();
        assert!(error.contains("sink archive") && error.contains("absent/out.ndjson"), "{error}");
    }
}
