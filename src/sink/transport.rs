//! One attempt to hand a delivery to a receiver. Deliberately absent: what follows from it (`worker`).

use std::future::Future;
use std::time::Duration;

use super::health::FailureKind;
use super::queue::Delivery;

/// The way to a receiver. A sink has one a lane.
pub trait Transport: Send + 'static {
    /// Tries once to hand over all of a batch, which is not empty and holds one delivery an id at most. A batch that
    /// failed is tried again, the same and on the same lane, before any other is; one that is refused for what is in
    /// it comes again as batches of one.
    fn attempt(&mut self, batch: &[Delivery]) -> impl Future<Output = Outcome> + Send;
}

/// What came of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It does not.
    Failed(Failure),
    /// The receiver went away for good (a closed pipe).
    Closed,
}

/// Why an attempt failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// For the operator; holds neither secrets nor text of events or receivers.
    pub detail: String,
    /// Which of the batch is refused, where the receiver says so.
    pub refused: Option<usize>,
    /// The pause that the receiver asks for.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// Of the whole batch, without a pause asked for.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), refused: None, retry_after: None }
    }
}
