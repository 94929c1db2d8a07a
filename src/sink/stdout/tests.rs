use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use super::*;
use crate::risk_event::{DeliveryKey, RiskEventId, Stage};
use crate::sink::testing::delivery;

const KEY: DeliveryKey = DeliveryKey { id: RiskEventId(1), stage: Stage::Final };

#[derive(Debug, PartialEq)]
enum Call {
    Write(Vec<u8>),
    Flush,
}

/// Notes every call; fails or cuts short as told.
#[derive(Clone, Default)]
struct Pipe {
    calls: Arc<Mutex<Vec<Call>>>,
    writes: Arc<Mutex<Vec<io::Result<usize>>>>,
    flushes: Arc<Mutex<Vec<io::Result<()>>>>,
}

impl Pipe {
    fn text(&self) -> String {
        let calls = self.calls.lock().unwrap();
        let written = calls.iter().flat_map(|call| match call {
            Call::Write(bytes) => bytes.clone(),
            Call::Flush => Vec::new(),
        });
        String::from_utf8(written.collect()).unwrap()
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = self.writes.lock().unwrap().pop().unwrap_or(Ok(bytes.len()));
        if let Ok(n) = answer {
            self.calls.lock().unwrap().push(Call::Write(bytes[..n].to_vec()));
        }
        Poll::Ready(answer)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.calls.lock().unwrap().push(Call::Flush);
        Poll::Ready(self.flushes.lock().unwrap().pop().unwrap_or(Ok(())))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const LINE: &str = "{\"a\":1}\n";

fn line() -> [Delivery; 1] {
    [delivery(KEY, LINE)]
}

#[tokio::test]
async fn a_line_is_one_write_and_acknowledged_only_when_flushed() {
    let pipe = Pipe::default();
    let mut stdout = Stdout::new(SharedStdout::new(Box::new(pipe.clone())));
    assert_eq!(stdout.attempt(&line()).await, Outcome::Delivered);
    assert_eq!(stdout.attempt(&line()).await, Outcome::Delivered);
    let one = || [Call::Write(LINE.as_bytes().to_vec()), Call::Flush];
    assert_eq!(*pipe.calls.lock().unwrap(), one().into_iter().chain(one()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_closed_pipe_is_an_orderly_end() {
    let (writer, reader) = tokio::io::duplex(64);
    drop(reader);
    assert_eq!(Stdout::new(SharedStdout::new(Box::new(writer))).attempt(&line()).await, Outcome::Closed);
}

#[tokio::test]
async fn a_line_cut_by_a_full_disk_is_ended_and_written_whole() {
    let pipe = Pipe::default();
    *pipe.writes.lock().unwrap() = vec![Err(io::ErrorKind::StorageFull.into()), Ok(3)];
    let mut stdout = Stdout::new(SharedStdout::new(Box::new(pipe.clone())));
    let Outcome::Failed(failure) = stdout.attempt(&line()).await else { panic!("delivered") };
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert_eq!(stdout.attempt(&line()).await, Outcome::Delivered);
    assert_eq!(pipe.text(), "{\"a\n{\"a\":1}\n");
}

/// What buffers tells of a failure only at the flush, and has forgotten the line by then.
#[tokio::test]
async fn a_line_whose_flush_failed_is_written_again() {
    let pipe = Pipe::default();
    *pipe.flushes.lock().unwrap() = vec![Err(io::ErrorKind::StorageFull.into())];
    let mut stdout = Stdout::new(SharedStdout::new(Box::new(pipe.clone())));
    assert!(matches!(stdout.attempt(&line()).await, Outcome::Failed(_)));
    assert_eq!(stdout.attempt(&line()).await, Outcome::Delivered);
    assert_eq!(stdout.attempt(&line()).await, Outcome::Delivered);
    assert_eq!(pipe.text(), "{\"a\":1}\n\n{\"a\":1}\n{\"a\":1}\n");
}
