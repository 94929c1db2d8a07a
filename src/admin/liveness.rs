//! Whether the daemon's own tasks still turn. Never a statement about Kinesis or a receiver: restarting the process
//! would not repair those.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The heartbeats of the critical tasks. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Liveness {
    max_silence: Duration,
    beats: Arc<Mutex<BTreeMap<String, Instant>>>,
}

/// One task's heartbeat.
#[derive(Debug)]
pub struct Heartbeat {
    task: String,
    beats: Arc<Mutex<BTreeMap<String, Instant>>>,
}

impl Liveness {
    /// No task yet. A task that is silent for longer than `max_silence` is taken for stuck; it must be well above the
    /// longest pause of any task between two beats.
    pub fn new(max_silence: Duration) -> Self {
        Self { max_silence, beats: Arc::default() }
    }

    /// Watches a task from `now` on. A name that is watched already is taken over.
    pub fn watch(&self, task: impl Into<String>, now: Instant) -> Heartbeat {
        let heartbeat = Heartbeat { task: task.into(), beats: Arc::clone(&self.beats) };
        heartbeat.beat(now);
        heartbeat
    }

    /// The tasks that were silent for too long, and for how long, by name. Empty means alive.
    pub fn silent(&self, now: Instant) -> Vec<(String, Duration)> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let silences = beats.iter().map(|(task, beat)| (task.clone(), now.saturating_duration_since(*beat)));
        silences.filter(|(_, silence)| *silence > self.max_silence).collect()
    }
}

impl Heartbeat {
    /// The task turned at `now`.
    pub fn beat(&self, now: Instant) {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).insert(self.task.clone(), now);
    }

    /// The task ends as it should, and is no longer watched. Dropping the heartbeat does not do this: a task that
    /// panicked falls silent and is noticed.
    pub fn retire(self) {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_task_is_silent_only_beyond_the_limit() {
        let start = crate::clock::monotonic();
        let liveness = Liveness::new(MINUTE);
        let heartbeat = liveness.watch("pipeline", start);
        assert!(liveness.silent(start + MINUTE).is_empty(), "exactly the limit is still alive");
        let late = start + MINUTE + Duration::from_millis(1);
        assert_eq!(liveness.silent(late), [("pipeline".to_owned(), late - start)]);
        heartbeat.beat(late);
        assert!(liveness.silent(late + MINUTE).is_empty());
    }

    #[test]
    fn each_task_is_judged_alone() {
        let start = crate::clock::monotonic();
        let liveness = Liveness::new(MINUTE);
        let (reader, _writer) = (liveness.watch("reader", start), liveness.watch("writer", start));
        reader.beat(start + 2 * MINUTE);
        let silent = liveness.silent(start + 2 * MINUTE);
        assert_eq!(silent, [("writer".to_owned(), 2 * MINUTE)]);
    }

    #[test]
    fn a_retired_task_is_forgotten_but_a_dropped_one_is_not() {
        let start = crate::clock::monotonic();
        let liveness = Liveness::new(MINUTE);
        liveness.watch("ended well", start).retire();
        drop(liveness.watch("panicked", start));
        let silent: Vec<_> = liveness.silent(start + 2 * MINUTE).into_iter().map(|(task, _)| task).collect();
        assert_eq!(silent, ["panicked"]);
    }

    #[test]
    fn a_beat_from_the_future_is_no_silence() {
        let start = crate::clock::monotonic();
        let liveness = Liveness::new(MINUTE);
        let _heartbeat = liveness.watch("pipeline", start + MINUTE);
        assert!(liveness.silent(start).is_empty());
    }
}
