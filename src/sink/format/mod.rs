//! How a risk event is written for the outside: serialisation lives at this edge and nowhere else.

mod escape;
pub mod native;
mod ocsf;
#[cfg(test)]
pub(super) mod schema;
mod value;

use tokio_util::bytes::Bytes;

pub(super) use escape::to_json;

use super::queue::Delivery;
use crate::config::FormatConfig;
use crate::risk_event::RiskEvent;

/// How one sink writes risk events.
#[derive(Clone, Debug)]
pub(super) enum BodyFormat {
    /// The native line.
    Native,
}

/// One risk event as one sink sends it.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Without a newline at its end.
    pub(super) bytes: Bytes,
    /// The media type.
    pub(super) content_type: &'static str,
}

impl BodyFormat {
    pub(super) fn of(config: &FormatConfig) -> Self {
        match config {
            FormatConfig::Native => Self::Native,
        }
    }

    /// The body of an event, whose native line is there already.
    pub(super) fn body(&self, _event: &RiskEvent, _meta: &native::Meta<'_>, line: &Bytes) -> Body {
        match self {
            Self::Native => Body::native(line),
        }
    }
}

impl Body {
    /// Shares the line's memory.
    pub(super) fn native(line: &Bytes) -> Self {
        Self { bytes: line.slice(..line.trim_ascii_end().len()), content_type: "application/json" }
    }
}

/// The bodies of a batch as lines.
pub(super) fn lines(batch: &[Delivery]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(batch.iter().map(|delivery| delivery.body.bytes.len() + 1).sum());
    for delivery in batch {
        lines.extend_from_slice(&delivery.body.bytes);
        lines.push(b'\n');
    }
    lines
}

/// The bodies of a batch as a JSON array.
pub(super) fn array(batch: &[Delivery]) -> Vec<u8> {
    let mut array = Vec::with_capacity(batch.iter().map(|delivery| delivery.body.bytes.len() + 1).sum::<usize>() + 1);
    for (index, delivery) in batch.iter().enumerate() {
        array.push(if index == 0 { b'[' } else { b',' });
        array.extend_from_slice(&delivery.body.bytes);
    }
    array.push(b']');
    array
}
