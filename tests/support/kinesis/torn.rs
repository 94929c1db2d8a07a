//! Bodies that break off, or come piece by piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// Its bytes, and then an error: the server cuts the connection.
pub(super) struct Torn {
    left: Option<Bytes>,
}

impl Torn {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { left: Some(bytes) }
    }
}

impl HttpBody for Torn {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(match self.left.take() {
            Some(bytes) => Ok(Frame::data(bytes)),
            None => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        }))
    }
}

/// A piece of a body that is sent as it comes.
pub(super) enum Piece {
    Bytes(Bytes),
    /// The server cuts the connection.
    Cut,
}

/// A body that is sent as it comes; it ends when its sender is dropped.
pub(super) struct Channel(Receiver<Piece>);

impl Channel {
    /// It takes few pieces before the reader has to.
    pub(super) fn new() -> (Sender<Piece>, Self) {
        let (sender, receiver) = mpsc::channel(4);
        (sender, Self(receiver))
    }
}

impl HttpBody for Channel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(cx).map(|piece| {
            piece.map(|piece| match piece {
                Piece::Bytes(bytes) => Ok(Frame::data(bytes)),
                Piece::Cut => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            })
        })
    }
}
