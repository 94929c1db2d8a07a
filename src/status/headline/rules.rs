//! Each thing that may be wrong, and how it is said.

use crate::status::words::{bytes, duration, shard as short, since};
use crate::status::{Finding, Health, Part, Shard, ShardState, Sink, Snapshot, WatermarkHold};

/// Where the runbook stands; an anchor is the name of the alert in small letters.
const RUNBOOK: &str = "https://github.com/trailrisk/trailrisk/blob/main/docs/runbook.md#";
/// Beyond the lag that the configuration makes normal.
const LAG_SECONDS: f64 = 60.0;
/// A lag that somebody must act on.
const LAG_FAILING_SECONDS: f64 = 900.0;
/// Age of a checkpoint that somebody must act on: beyond the longest `checkpoint.interval`, and when its alert fires.
const CHECKPOINT_FAILING_SECONDS: f64 = 900.0;
/// Share of the stream's retention that a shard may be behind.
const RETENTION_SHARE: f64 = 0.5;
/// Unclean ends in a row.
const UNCLEAN_STARTS: u64 = 3;

/// Whether a lag is more than what the configuration makes normal.
pub fn is_behind(lag_seconds: f64, expected_lag_seconds: f64) -> bool {
    lag_seconds > expected_lag_seconds + LAG_SECONDS
}

pub(super) fn finding(health: Health, part: Part, text: String, alert: &str) -> Finding {
    Finding { health, part, name: None, text, runbook: Some(format!("{RUNBOOK}{alert}")) }
}

/// Nothing to do.
pub(super) fn transition(text: String) -> Finding {
    Finding { health: Health::Transition, part: Part::Process, name: None, text, runbook: None }
}

/// What is said where nothing is wrong.
pub(super) fn all_is_well(snapshot: &Snapshot) -> String {
    let lag = snapshot.watermark.lag_seconds.map_or_else(String::new, |lag| format!("{} behind, ", duration(lag)));
    let shards = counted(snapshot.shards.len(), "shard");
    let sinks = match snapshot.sinks.len() {
        1 => "the sink delivers",
        _ => "every sink delivers",
    };
    format!("Healthy: {lag}{shards} read, {sinks}")
}

/// Nothing is read or told. A process that starts may well wait for another one; one that has read must not.
pub(super) fn lease(why: &str, is_starting: bool) -> Finding {
    let health = if is_starting { Health::Transition } else { Health::Failing };
    finding(health, Part::Checkpoint, format!("Nothing is read: {why}"), "trailrisknolease")
}

/// One that fails, or that neither fails nor comes to an end.
pub(super) fn checkpoint(failure: Option<&str>, snapshot: &Snapshot) -> Option<Finding> {
    let stored = snapshot.checkpoint.stored_at.as_deref().zip(snapshot.checkpoint.age_seconds);
    let last = stored.map_or_else(String::new, |(at, age)| format!(" since {}", since(at, age)));
    let text = match failure {
        Some(failure) => format!("No checkpoint can be stored{last}: {failure}"),
        None => {
            stored.filter(|(_, age)| *age > CHECKPOINT_FAILING_SECONDS)?;
            format!("No checkpoint was stored{last}: does its folder answer?")
        }
    };
    Some(finding(Health::Failing, Part::Checkpoint, text, "trailriskcheckpointstalled"))
}

/// CP-8: the shard that will be the first to lose what was not read.
pub(super) fn retention(snapshot: &Snapshot) -> Option<Finding> {
    let kept = snapshot.stream.retention_seconds?;
    let behind = |shard: &Shard| match shard.state {
        ShardState::Stalled => shard.lag_seconds,
        _ => shard.behind_latest_seconds,
    };
    let unread = snapshot.shards.iter().filter_map(|shard| Some((shard, behind(shard)?)));
    let (shard, behind) = unread.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    if behind <= kept * RETENTION_SHARE {
        return None;
    }
    let (id, behind, kept) = (short(&shard.id), duration(behind), duration(kept));
    let text = format!("Records will be lost: {id} is {behind} behind, and the stream keeps {kept}");
    // A restart reads again what it has read before.
    let health = if snapshot.stream.replaying { Health::Transition } else { Health::Failing };
    Some(Finding { name: Some(shard.id.clone()), ..finding(health, Part::Shard, text, "trailriskretentionrisk") })
}

/// CP-8: what is past cannot be mended, but somebody has to look at what was missed.
pub(super) fn possible_loss(snapshot: &Snapshot) -> Option<Finding> {
    let losses = snapshot.stream.possible_losses;
    let times = if losses == 1 { String::new() } else { format!(", {losses} times since the start") };
    let text = format!("Records may have been lost{times}: the log has shard and range");
    (losses > 0).then(|| finding(Health::Attention, Part::Stream, text, "trailriskpossibleloss"))
}

/// PO-2.
pub(super) fn unclean_starts(snapshot: &Snapshot) -> Option<Finding> {
    let ends = snapshot.about.unclean_starts;
    let text = format!("The process before this one, and {} more, came to no orderly end", ends.saturating_sub(1));
    (ends >= UNCLEAN_STARTS).then(|| finding(Health::Failing, Part::Process, text, "trailriskuncleanstarts"))
}

/// RD-3: a stalled shard holds every window.
pub(super) fn shards(snapshot: &Snapshot) -> Option<Finding> {
    let mut stalled = snapshot.shards.iter().filter(|shard| shard.state == ShardState::Stalled);
    let first = stalled.next()?;
    let others = match stalled.count() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (id, began) = (short(&first.id), stalled_since(first));
    let cause = first.failure.as_ref().map_or_else(String::new, |failure| format!(" ({failure})"));
    let text = format!("{}{id} is stalled{began}{others}{cause}", behind(snapshot));
    let name = Some(first.id.clone());
    Some(Finding { name, ..finding(Health::Failing, Part::Shard, text, "trailriskshardstalled") })
}

fn stalled_since(shard: &Shard) -> String {
    let age = shard.lag_seconds.unwrap_or_default();
    shard.stalled_since.as_deref().map_or_else(String::new, |at| format!(" since {}", since(at, age)))
}

/// A failing sink, by name, the required ones first; and dead letters that cannot be written.
pub(super) fn sinks(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<_> = snapshot.sinks.iter().filter_map(|sink| failing_sink(sink, snapshot)).collect();
    if let Some(failing) = &snapshot.dead_letters.failing {
        let began = since(&failing.since, failing.seconds);
        let text = format!("Dead letters cannot be written since {began}: {}", failing.error);
        findings.push(finding(Health::Failing, Part::Sink, text, "trailriskdeliveryfailing"));
    }
    findings
}

fn failing_sink(sink: &Sink, snapshot: &Snapshot) -> Option<Finding> {
    let failing = sink.failing.as_ref()?;
    let holds = snapshot.watermark.held_by == Some(WatermarkHold::Sink(sink.name.clone()));
    let consequence = if holds { behind(snapshot) } else { String::new() };
    let (name, began) = (&sink.name, since(&failing.since, failing.seconds));
    let what = match failing.kind.as_str() {
        "misconfigured" => format!("sink {name} refuses its configuration since {began}"),
        "event_refused" => format!("sink {name} refuses a risk event since {began}"),
        _ => format!("sink {name} is unavailable since {began}"),
    };
    let waiting = counted(usize::try_from(sink.pending).unwrap_or(usize::MAX), "delivery");
    let text = capitalised(&format!("{consequence}{what}, {waiting} waiting: {}", failing.error));
    let health = if sink.required { Health::Failing } else { Health::Attention };
    Some(Finding { name: Some(name.clone()), ..finding(health, Part::Sink, text, "trailriskdeliveryfailing") })
}

/// Behind although no shard is stalled and no failing sink is said to be the cause.
pub(super) fn lag(snapshot: &Snapshot) -> Option<Finding> {
    let is_explained = snapshot.shards.iter().any(|shard| shard.state == ShardState::Stalled)
        || snapshot.sinks.iter().any(|sink| {
            sink.failing.is_some() && snapshot.watermark.held_by == Some(WatermarkHold::Sink(sink.name.clone()))
        });
    let lag = snapshot.watermark.lag_seconds.filter(|_| !is_explained)?;
    if !is_behind(lag, snapshot.watermark.expected_lag_seconds) {
        return None;
    }
    let (cause, part, name) = cause_of_lag(snapshot);
    let health = match snapshot.stream.replaying {
        true => Health::Transition,
        false if lag > LAG_FAILING_SECONDS => Health::Failing,
        false => Health::Attention,
    };
    let text = format!("{}{cause}", behind(snapshot));
    Some(Finding { name, ..finding(health, part, text, "trailriskbehind") })
}

fn cause_of_lag(snapshot: &Snapshot) -> (String, Part, Option<String>) {
    match &snapshot.watermark.held_by {
        Some(WatermarkHold::Sink(sink)) => {
            (format!("nothing is read while the queue of sink {sink} is full"), Part::Sink, Some(sink.clone()))
        }
        Some(WatermarkHold::Reload) => {
            ("changed detections wait for their checkpoint".to_owned(), Part::Detections, None)
        }
        Some(WatermarkHold::Shard(id)) => {
            let shard = snapshot.shards.iter().find(|shard| shard.id == *id);
            let why = match shard {
                Some(shard) if shard.paused => "is paused until the others have caught up".to_owned(),
                Some(shard) if shard.state == ShardState::Waiting => "waits for its parents to be read".to_owned(),
                _ => "is still being read".to_owned(),
            };
            (format!("{} {why}", short(id)), Part::Shard, Some(id.clone()))
        }
        None => ("reading has stopped".to_owned(), Part::Stream, None),
    }
}

/// BD-2: reading slows down from three quarters on, and at the bound windows are closed early.
pub(super) fn state(snapshot: &Snapshot) -> Option<Finding> {
    let state = &snapshot.state;
    let share = state.bytes as f64 / state.limit_bytes.max(1) as f64;
    if share < 0.75 {
        return None;
    }
    let (used, limit) = (bytes(state.bytes as f64), bytes(state.limit_bytes as f64));
    let text = format!("Open windows take {used} of {limit}: at the bound they are closed early");
    Some(finding(Health::Attention, Part::State, text, "trailriskstatepressure"))
}

pub(super) fn detections(snapshot: &Snapshot) -> Option<Finding> {
    if snapshot.detections_on_disk_valid {
        return None;
    }
    let text = "The detections on disk are refused, and those loaded before go on: `trailrisk check` says why";
    Some(finding(Health::Attention, Part::Detections, text.to_owned(), "trailriskreloadfailed"))
}

/// `Behind by 3 min: `, or nothing where that is within what is normal.
fn behind(snapshot: &Snapshot) -> String {
    let beyond = |lag: &f64| is_behind(*lag, snapshot.watermark.expected_lag_seconds);
    match snapshot.watermark.lag_seconds.filter(beyond) {
        Some(lag) => format!("Behind by {}: ", duration(lag)),
        None => String::new(),
    }
}

fn counted(number: usize, what: &str) -> String {
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (number, "delivery") => format!("{number} deliveries"),
        (number, what) => format!("{number} {what}s"),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
