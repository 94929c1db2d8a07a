//! The changes of the page, as server-sent events: one task a reader, which never makes anybody wait.
//!
//! A stream ends by itself before the connection's lifetime does, and the browser opens the next one. A reader that does
//! not take what is sent loses its stream, and what was not sent is nowhere kept: the next event says what differs then.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use crate::admin::View;
use crate::status::Page;

/// Below the connection's lifetime, so that the end is an orderly one.
const LIFETIME: Duration = Duration::from_secs(50);
/// How long there may be nothing to say. The page takes a longer silence for the end.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a reader may take for one event.
const PATIENCE: Duration = Duration::from_secs(5);

/// The receiving half, as an answer's body.
pub(super) struct Events(mpsc::Receiver<Bytes>);

/// Starts the task; the slot is free again when the stream has ended.
pub(super) fn open(view: View, slot: OwnedSemaphorePermit) -> Events {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        feed(view, sender).await;
        drop(slot);
    });
    Events(receiver)
}

/// Until the stream's end, the pipeline's, or the reader's.
async fn feed(mut view: View, events: mpsc::Sender<Bytes>) {
    let end = Instant::now() + LIFETIME;
    // The browser waits for so long before it opens the next one.
    let mut said = "retry: 1000\n".to_owned();
    let mut page: Option<Page> = None;
    loop {
        let newest = Page::of(&view.status());
        match newest.changes(page.as_ref()) {
            Some(changes) => said.push_str(&format!("event: page\ndata: {changes}\n\n")),
            None => said.push_str(": heartbeat\n\n"),
        }
        page = Some(newest);
        let sent = timeout(PATIENCE, events.send(std::mem::take(&mut said).into())).await;
        if !matches!(sent, Ok(Ok(()))) || Instant::now() >= end {
            return;
        }
        let next = end.min(Instant::now() + HEARTBEAT);
        let changed = tokio::select! {
            () = events.closed() => return,
            changed = timeout_at(next, view.board.changed()) => changed,
        };
        // Nothing will change any more: the pipeline is gone.
        if changed == Ok(false) {
            return;
        }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
