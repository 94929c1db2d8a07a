//! Standard output: one line in one write, flushed, then acknowledged. A closed pipe is an orderly stop.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio_util::bytes::Bytes;

use super::health::FailureKind;
use super::transport::{Failure, Outcome, Transport};
use crate::risk_event::DeliveryKey;

/// Where the lines go: `tokio::io::stdout()`, or what a test reads.
pub type StdoutWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// The transport to standard output.
pub(super) struct Stdout {
    writer: StdoutWriter,
    /// Bytes of the current line that are written, so that a retry goes on where a failure cut it.
    written: usize,
}

impl Stdout {
    pub(super) fn new(writer: StdoutWriter) -> Self {
        Self { writer, written: 0 }
    }

    async fn write_rest(&mut self, line: &[u8]) -> io::Result<()> {
        while self.written < line.len() {
            match self.writer.write(&line[self.written..]).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.written += n,
            }
        }
        self.writer.flush().await?;
        self.written = 0;
        Ok(())
    }
}

impl Transport for Stdout {
    async fn attempt(&mut self, _key: DeliveryKey, line: &Bytes) -> Outcome {
        match self.write_rest(line).await {
            Ok(()) => Outcome::Delivered,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Closed,
            Err(error) => Outcome::Failed(Failure::new(
                FailureKind::Unavailable,
                format!("cannot write to standard output: {error}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
