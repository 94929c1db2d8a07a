//! What is wrong, in sentences, the worst first: what somebody who is paged at night reads.
//!
//! Pure: from the figures and what readiness and liveness say, nothing else.

mod rules;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use rules::is_behind;

use super::{Check, Finding, Health, Part, Snapshot, Status};

/// Figures older than this mean that the pipeline is busy or stuck: it publishes once a second.
const OLD: Duration = Duration::from_secs(15);

/// What is known at one moment.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The newest figures.
    pub snapshot: &'a Snapshot,
    /// How old they are.
    pub age: Duration,
    /// Every check of `/readyz`.
    pub checks: Vec<Check>,
    /// Why the start is not done yet.
    pub starting: Option<String>,
    /// Whether it stops (ST-1).
    pub draining: bool,
    /// Why this process may not act on its checkpoint.
    pub lease: Option<String>,
    /// Why checkpoints cannot be stored.
    pub checkpoint: Option<String>,
    /// The tasks without a heartbeat, and for how long (`/livez`).
    pub silent: Vec<(String, Duration)>,
}

impl Situation<'_> {
    /// All that is shown.
    pub fn status(self) -> Status {
        let findings = self.findings();
        Status {
            schema: "trailrisk.status/v1".to_owned(),
            health: findings.iter().map(|finding| finding.health).max().unwrap_or(Health::Healthy),
            findings,
            checks: self.checks,
            age_seconds: (self.age.as_secs_f64() * 10.0).round() / 10.0,
            snapshot: self.snapshot.clone(),
        }
    }

    /// What is wrong, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.of_process();
        findings.extend(rules::retention(self.snapshot));
        findings.extend(self.lease.as_deref().map(|why| rules::lease(why, self.starting.is_some())));
        findings.extend(rules::checkpoint(self.checkpoint.as_deref(), self.snapshot));
        findings.extend(rules::shards(self.snapshot));
        findings.extend(rules::sinks(self.snapshot));
        findings.extend(rules::lag(self.snapshot));
        findings.extend(rules::unclean_starts(self.snapshot));
        findings.extend(rules::possible_loss(self.snapshot));
        findings.extend(rules::state(self.snapshot));
        findings.extend(rules::detections(self.snapshot));
        // Stable: of equally bad ones the order above stands.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.health));
        findings
    }

    fn of_process(&self) -> Vec<Finding> {
        let silent = self.silent.iter().map(|(task, silence)| {
            let text = format!("Stuck: {task} has given no sign of life for {} s", silence.as_secs());
            Finding {
                name: Some(task.clone()),
                ..rules::finding(Health::Failing, Part::Process, text, "trailriskdown")
            }
        });
        let mut findings: Vec<_> = silent.collect();
        if findings.is_empty() && self.age > OLD {
            let text = format!("The pipeline is busy: the figures are {} s old", self.age.as_secs());
            findings.push(rules::finding(Health::Attention, Part::Process, text, "trailriskbehind"));
        }
        if self.draining {
            findings.push(rules::transition("Stopping: what is on its way is still delivered".to_owned()));
        } else if let Some(reason) = &self.starting {
            findings.push(rules::transition(format!("Starting: {reason}")));
        } else if self.snapshot.stream.replaying {
            let text = "Catching up after a restart: what an earlier process had done is read again, in silence";
            findings.push(rules::transition(text.to_owned()));
        }
        findings
    }
}

impl Status {
    /// The sentence above everything.
    pub fn headline(&self) -> String {
        match self.findings.first() {
            Some(finding) => finding.text.clone(),
            None => rules::all_is_well(&self.snapshot),
        }
    }
}
