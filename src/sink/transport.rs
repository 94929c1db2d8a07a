//! One attempt to hand a delivery to a receiver. Deliberately absent: what follows from it (`worker`).

use std::future::Future;
use std::time::Duration;

use tokio_util::bytes::Bytes;

use super::health::FailureKind;
use crate::risk_event::DeliveryKey;

/// The way to a receiver. A sink has one a lane.
pub trait Transport: Send + 'static {
    /// Tries once. A failed delivery is tried again before any other is, on the same lane.
    fn attempt(&mut self, key: DeliveryKey, line: &Bytes) -> impl Future<Output = Outcome> + Send;
}

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It does not.
    Failed(Failure),
    /// The receiver went away for good, and that is in order (a closed pipe).
    Closed,
}

/// Why an attempt failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// For the operator; holds neither secrets nor text of events or receivers.
    pub detail: String,
    /// The pause that the receiver asks for.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// Without a pause asked for.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None }
    }
}
