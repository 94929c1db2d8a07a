//! The sinks, whether they fail or not, and the dead letters.

use super::{ago, tenths};
use crate::metrics::Metrics;
use crate::sink::{BlockedSink, SinkState, Sinks};
use crate::status::{DeadLetters, Failing, LastError, Sink};

/// As the dead-letter file is called among the sinks.
const DEAD_LETTERS: &str = "dead_letter";

pub(super) fn all(sinks: &Sinks) -> Vec<Sink> {
    let blocked = sinks.blocked();
    let failing = |state: &SinkState| blocked.iter().find(|sink| sink.sink == state.sink);
    sinks.health().states().into_iter().map(|state| sink(&state, failing(&state))).collect()
}

/// The required sink that reading waits for (BD-1).
pub(super) fn first_full(sinks: &Sinks) -> Option<String> {
    let states = sinks.health().states();
    let full = states.iter().find(|state| state.required && state.queue_bytes >= state.queue_bytes_limit);
    full.map(|state| state.sink.to_string())
}

pub(super) fn dead_letters(sinks: &Sinks, metrics: &Metrics) -> DeadLetters {
    let written = |origin| metrics.process.dead_letters_total.with_label_values(&[origin]).get();
    let blocked = sinks.blocked();
    let failing = blocked.iter().find(|sink| &*sink.sink == DEAD_LETTERS);
    DeadLetters { written: written("record") + written("sink"), failing: failing.map(self::failing) }
}

fn sink(state: &SinkState, blocked: Option<&BlockedSink>) -> Sink {
    Sink {
        name: state.sink.to_string(),
        kind: state.kind.to_owned(),
        required: state.required,
        failing: blocked.map(failing),
        circuit_open: state.circuit_open,
        pending: state.pending as u64,
        oldest_pending_seconds: tenths(state.oldest_pending),
        queue_bytes: state.queue_bytes as u64,
        queue_limit_bytes: state.queue_bytes_limit as u64,
        acknowledged: state.acknowledged,
        dead_lettered: state.dead_lettered,
        dropped: state.dropped,
        last_error: state.last_failure.clone().map(|(age, text)| LastError { at: ago(age), text }),
    }
}

fn failing(blocked: &BlockedSink) -> Failing {
    Failing {
        kind: blocked.kind.as_str().to_owned(),
        since: ago(blocked.blocked_for),
        seconds: tenths(blocked.blocked_for),
        error: blocked.last_error.clone(),
    }
}
