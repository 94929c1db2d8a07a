//! Standard output: one line in one write, flushed, then acknowledged. A closed pipe is an orderly stop.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::format;
use super::health::FailureKind;
use super::queue::Delivery;
use super::transport::{Failure, Outcome, Transport};

/// Where the lines go: `tokio::io::stdout()`, or what a test reads.
pub type StdoutWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// The transport to standard output.
pub(super) struct Stdout {
    writer: StdoutWriter,
    /// A failure left part of a line behind, or may have: which part is not known, because the writer buffers.
    torn: bool,
}

impl Stdout {
    pub(super) fn new(writer: StdoutWriter) -> Self {
        Self { writer, torn: false }
    }

    /// A torn line is ended first, so that the whole line stands alone.
    async fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.writer.write_all(b"\n").await?;
        }
        self.torn = true;
        self.writer.write_all(line).await?;
        self.writer.flush().await?;
        self.torn = false;
        Ok(())
    }
}

impl Transport for Stdout {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        match self.write(&format::lines(batch)).await {
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
