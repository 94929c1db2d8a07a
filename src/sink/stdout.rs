//! Standard output: one line in one write, flushed, then acknowledged. Behind a closed pipe nothing is delivered any more.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

use super::format;
use super::health::FailureKind;
use super::queue::Delivery;
use super::transport::{Failure, Outcome, Transport};

/// Where the lines go: `tokio::io::stdout()`, or what a test reads.
pub type StdoutWriter = Box<dyn AsyncWrite + Send + Unpin>;

/// Standard output, shared by all that write lines there. Clones share it.
#[derive(Clone)]
pub struct SharedStdout(Arc<Mutex<Lines>>);

struct Lines {
    writer: StdoutWriter,
    /// A failure left part of a line behind, or may have: which part is not known, because the writer buffers.
    torn: bool,
}

/// The transport to standard output.
pub(super) struct Stdout {
    lines: SharedStdout,
}

impl SharedStdout {
    /// Over a writer that nobody else writes to.
    pub fn new(writer: StdoutWriter) -> Self {
        Self(Arc::new(Mutex::new(Lines { writer, torn: false })))
    }

    /// Writes whole lines in one write, and flushes.
    pub(super) async fn write(&self, lines: &[u8]) -> io::Result<()> {
        self.0.lock().await.write(lines).await
    }
}

impl Lines {
    /// A torn line is ended first, so that the whole line stands alone.
    async fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.writer.write_all(b"\n").await?;
        }
        self.torn = true;
        self.writer.write_all(lines).await?;
        self.writer.flush().await?;
        self.torn = false;
        Ok(())
    }
}

impl Stdout {
    pub(super) fn new(lines: SharedStdout) -> Self {
        Self { lines }
    }
}

impl Transport for Stdout {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        match self.lines.write(&format::lines(batch)).await {
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
