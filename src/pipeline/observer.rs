//! What the outside sees of the pipeline: metrics, readiness, heartbeat, log lines.
//!
//! Deliberately absent: anything that changes what the pipeline does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::filters::FilterWatch;
use super::rejections::Rejections;
use super::show::{Scene, Show, Shown};
use crate::admin::{Check, Heartbeat, Readiness};
use crate::catalog::DetectionFile;
use crate::checkpoint::StoreError;
use crate::clock;
use crate::detection::ExpiringFilter;
use crate::engine::{Checkpoint, Counters, DeadLetter, Engine, PlanCounters, PlanSpan, Position, ShardId};
use crate::evaluate::Evaluation;
use crate::metrics::Metrics;
use crate::plan::{Fingerprint, Plan};
use crate::risk_event::RiskEvent;
use crate::sink::{Routes, Sinks};
use crate::source::Reading;
use crate::telemetry::{Alarm, Recovered};
use crate::time::Arrival;

/// Turns the engine's plain counters into metrics, and what goes wrong into readiness and log lines.
pub struct Observer {
    metrics: Metrics,
    readiness: Readiness,
    heartbeat: Heartbeat,
    stream: String,
    plans: Vec<Arc<Plan>>,
    /// Where each of them counts (WN-7).
    spans: BTreeMap<Fingerprint, Vec<PlanSpan>>,
    plans_version: u64,
    last: Counters,
    blocked: BTreeSet<String>,
    /// The shards that may have series.
    rows: BTreeSet<ShardId>,
    /// Why the last checkpoint could not be stored, and what was said of it.
    store_failure: Option<(String, Alarm)>,
    rejections: Rejections,
    replay_announced: bool,
    /// Whether there was anything to read again.
    has_replayed: bool,
    filters: FilterWatch,
    /// The status page, where there is one.
    show: Option<Show>,
}

impl Observer {
    /// Starts the known series at zero.
    pub fn new(
        metrics: Metrics,
        readiness: Readiness,
        heartbeat: Heartbeat,
        stream: String,
        engine: &Engine,
        max_state_bytes: usize,
    ) -> Self {
        metrics.state_bytes_limit.set(i64::try_from(max_state_bytes).unwrap_or(i64::MAX));
        metrics.know_stream(&stream);
        let filters = FilterWatch::new(&metrics, Vec::new());
        let last = Counters { plans: Vec::new(), ..engine.counters().clone() };
        let (plans, blocked, rows) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut observer = Self {
            metrics,
            readiness,
            heartbeat,
            stream,
            plans,
            spans: BTreeMap::new(),
            plans_version: 0,
            last,
            blocked,
            rows,
            store_failure: None,
            rejections: Rejections::default(),
            replay_announced: false,
            has_replayed: engine.is_replaying(),
            filters,
            show: None,
        };
        observer.take_plans(engine);
        observer
    }

    /// Also publishes what the status page shows.
    pub fn showing(self, shown: Shown) -> Self {
        let show = Show::new(shown, self.metrics.clone());
        Self { show: Some(show), ..self }
    }

    pub(super) fn show(&mut self, scene: &Scene<'_>) {
        if let Some(show) = &mut self.show {
            show.publish(scene);
        }
    }

    /// The detections' files and routes are others.
    pub(super) fn set_detections(&mut self, files: Vec<DetectionFile>, routes: Routes) {
        if let Some(show) = &mut self.show {
            show.set_detections(files, routes);
        }
    }

    /// From now on these filters are watched for their expiry.
    pub fn watch_filters(&mut self, filters: Vec<ExpiringFilter>) {
        self.filters = FilterWatch::new(&self.metrics, filters);
    }

    /// The engine's plans are others: counters are told apart by their order, so what was counted last is put into the
    /// new one.
    fn take_plans(&mut self, engine: &Engine) {
        let known: BTreeMap<_, _> =
            self.plans.iter().map(|plan| plan.fingerprint()).zip(std::mem::take(&mut self.last.plans)).collect();
        self.plans = engine.plans();
        self.plans_version = engine.plans_version();
        let last = self.plans.iter().map(|plan| known.get(&plan.fingerprint()).cloned());
        self.last.plans = last.zip(&self.plans).map(|(last, plan)| last.unwrap_or_else(|| nothing(plan))).collect();
        self.plans.iter().for_each(|plan| zero_plan(&self.metrics, plan));
        let active = engine.plan_spans().filter(|(_, spans)| spans.iter().any(|span| span.retired.is_none())).count();
        self.metrics.detections.loaded.set(saturating(active));
        self.metrics.detections.draining.set(saturating(self.plans.len() - active));
        self.show_changes(engine);
    }

    /// Says which detections are activated and retired by a change that is not yet durable, and from which arrival on.
    fn show_changes(&mut self, engine: &Engine) {
        let now = engine.plan_spans().map(|(plan, spans)| (plan.fingerprint(), spans.to_vec())).collect();
        let before = std::mem::replace(&mut self.spans, now);
        let is_other = |plan: &Plan, spans: &[PlanSpan]| before.get(&plan.fingerprint()).is_none_or(|old| old != spans);
        let changed = engine.plan_spans().filter(|(plan, spans)| engine.is_changing_plans() && is_other(plan, spans));
        for (plan, spans) in changed {
            let text = plan.text();
            let (detection, version) = (text.name.as_str(), text.version);
            match spans.last().map(|span| (span.activated, span.retired)) {
                Some((_, Some(from))) => {
                    tracing::info!(detection, version, %from, "detection retired; its open windows close, marked partial");
                }
                Some((Some(from), None)) => {
                    tracing::info!(detection, version, %from, "detection activated; windows that began before are partial");
                }
                Some((None, None)) | None => {}
            }
        }
    }

    /// Gauges, readiness, heartbeat; once a second.
    pub fn observe(&mut self, engine: &Engine, sinks: &Sinks) {
        self.heartbeat.beat(clock::monotonic());
        let gauges = engine.gauges();
        if gauges.watermark != Arrival::MIN {
            let watermark = gauges.watermark.0 as f64 / 1000.0;
            self.metrics.watermark_timestamp_seconds.set(watermark);
            self.metrics.watermark_lag_seconds.set(wall_seconds() - watermark);
        }
        self.metrics.open_instances.set(saturating(gauges.open_instances));
        self.metrics.open_groups.set(saturating(gauges.open_groups));
        self.metrics.state_bytes.set(saturating(gauges.state_bytes));
        self.filters.observe(jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX));
        self.rejections.say_rest();
        self.counted(engine);
        self.show_replay(engine.is_replaying());
        self.show_blocked(sinks);
    }

    /// Whether there is a lease and, if it is not held at the moment, why.
    pub(super) fn lease(&self, doubt: Option<Option<String>>) {
        match doubt {
            Some(Some(reason)) => self.readiness.fail(Check::Lease, reason),
            Some(None) => self.readiness.pass(Check::Lease),
            None => {}
        }
    }

    fn show_replay(&mut self, replaying: bool) {
        self.has_replayed |= replaying;
        if replaying {
            self.readiness.fail(Check::Replayed, "re-reading what an earlier process had done; new alerts wait (CP-5)");
        } else if !std::mem::replace(&mut self.replay_announced, true) {
            self.readiness.pass(Check::Replayed);
            if self.has_replayed {
                tracing::info!("every shard has reached its checkpoint; announcing");
            } else {
                tracing::info!("nothing is to be read again; announcing");
            }
        }
    }

    fn show_blocked(&mut self, sinks: &Sinks) {
        let blocked = sinks.blocked();
        let names: BTreeSet<String> = blocked.iter().map(|sink| sink.sink.to_string()).collect();
        for name in self.blocked.difference(&names) {
            self.readiness.pass(Check::Sink(name.clone()));
        }
        for sink in blocked.iter().filter(|sink| sink.required) {
            let seconds = sink.blocked_for.as_secs();
            let probed = if sink.circuit_open { ", only probed" } else { "" };
            let reason = format!("{} for {seconds} s{probed}: {}", sink.kind.as_str(), sink.last_error);
            self.readiness.fail(Check::Sink(sink.sink.to_string()), reason);
        }
        self.blocked = names;
    }

    /// After a batch: what the engine counted since the last time.
    pub fn counted(&mut self, engine: &Engine) {
        if self.plans_version != engine.plans_version() {
            self.take_plans(engine);
        }
        let now = engine.counters();
        // No metric; and what is skipped unparsed changes nothing else.
        self.last.records = now.records;
        if *now == self.last {
            return;
        }
        debug_assert!(now.plans.iter().all(|plan| plan.events() == now.events), "AG-4: every event ends in one bucket");
        let (metrics, stream) = (&self.metrics, self.stream.as_str());
        let last = std::mem::replace(&mut self.last, now.clone());
        metrics
            .replayed_records_total
            .with_label_values(&[stream])
            .inc_by(now.replayed_records - last.replayed_records);
        let violations = now.tip_slack_violations - last.tip_slack_violations;
        metrics.tip_slack_violations_total.with_label_values(&[stream]).inc_by(violations);
        for (reason, count) in &now.rejected {
            let before = last.rejected.get(reason).copied().unwrap_or_default();
            metrics.records_rejected_total.with_label_values(&[reason.as_str()]).inc_by(count - before);
        }
        metrics.window_closes_total.with_label_values(&["watermark"]).inc_by(now.closed - last.closed);
        metrics.window_closes_total.with_label_values(&["forced"]).inc_by(now.forced - last.forced);
        for ((plan, now), last) in self.plans.iter().zip(&now.plans).zip(&last.plans) {
            count_plan(metrics, plan, now, last);
        }
    }

    /// A batch was decoded and matched.
    pub fn evaluated(&self, evaluation: &Evaluation) {
        self.metrics.records_skipped_total.inc_by(evaluation.skipped);
        self.metrics.entries_skipped_total.inc_by(evaluation.skipped_entries);
        for (envelope, events) in &evaluation.envelopes {
            self.metrics.events_total.with_label_values(&[envelope.as_str()]).inc_by(*events);
        }
        for delay in &evaluation.delays_ms {
            self.metrics.ingest_delay_seconds.observe(*delay as f64 / 1000.0);
        }
    }

    /// A risk event goes out.
    pub fn emitted(&mut self, event: &RiskEvent) {
        if let Some(show) = &mut self.show {
            show.emitted(event);
        }
        let detection = &event.detection;
        let labels = [detection.name.as_str(), event.stage.as_str(), detection.risk.severity().as_str()];
        self.metrics.risk_events_total.with_label_values(&labels).inc();
        let latency = wall_seconds() - event.newest_arrival.0 as f64 / 1000.0;
        self.metrics.detection_latency_seconds.with_label_values(&[event.stage.as_str()]).observe(latency);
    }

    /// A dead letter goes out.
    pub fn dead_letter(&mut self, letter: &DeadLetter) {
        self.rejections.say(letter);
    }

    /// PO-2: at the start; 0 once they are history.
    pub fn unclean_starts(&self, count: u32) {
        self.metrics.unclean_starts.set(i64::from(count));
    }

    /// RD-3. `reading` says why.
    pub fn stalled(&mut self, shard: &ShardId, stalled: bool, reading: &Reading) {
        if let Some(show) = &mut self.show {
            show.stalled(shard, stalled);
        }
        if stalled {
            self.readiness.fail(Check::Shard(shard.clone()), "stalled: no successful read; its windows are held");
            tracing::error!(
                %shard, failure = reading.failure, request_id = reading.request_id,
                "shard stalled: no successful read for stalled_after; windows are held"
            );
        } else {
            self.readiness.forget(&Check::Shard(shard.clone()));
            tracing::info!(%shard, "shard reads again");
        }
    }

    /// A shard came to its end, perhaps before any checkpoint has shown it as being read: the next one ends its series.
    pub fn drained(&mut self, shard: &ShardId) {
        self.rows.insert(shard.clone());
    }

    /// CP-8.
    pub fn possible_loss(&self, shard: &ShardId, after: &Position, range: Option<(Arrival, Arrival)>, detail: &str) {
        let (from, to) = range.map(|(from, to)| (tracing::field::display(from), tracing::field::display(to))).unzip();
        tracing::error!(%shard, %after, from, to, detail, "records may be lost: the stream no longer holds what follows");
    }

    /// A checkpoint is taken.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let live = checkpoint.shards.iter().filter(|(_, row)| row.resume_after != Position::End);
        let mut rows = BTreeSet::new();
        for (shard, row) in live {
            let (newest, resume) = (row.processed_arrival, row.effective_arrival);
            let known = newest != Arrival::MIN && resume != Arrival::MIN;
            let lag = if known { newest.0.saturating_sub(resume.0).max(0) as f64 / 1000.0 } else { 0.0 };
            self.metrics.checkpoint_lag_seconds.with_label_values(&[shard.as_str()]).set(lag);
            rows.insert(shard.clone());
        }
        self.rows.difference(&rows).for_each(|gone| self.metrics.forget_shard(&self.stream, gone));
        self.rows = rows;
    }

    /// The checkpoint is durable, or could not be stored.
    pub fn saved(&mut self, error: Option<&StoreError>) {
        if let (None, Some(show)) = (error, &mut self.show) {
            show.checkpoint_stored();
        }
        let outcome = if error.is_some() { "failed" } else { "stored" };
        self.metrics.checkpoints_total.with_label_values(&[outcome]).inc();
        match error {
            None => {
                self.metrics.checkpoint_last_stored_timestamp_seconds.set(wall_seconds());
                self.readiness.pass(Check::Checkpoint);
                tracing::debug!("checkpoint stored");
                let ended = self.store_failure.take().and_then(|(_, alarm)| alarm.clear());
                if let Some(Recovered { times, seconds }) = ended {
                    tracing::info!(attempts = times, seconds, "checkpoints are stored again");
                }
            }
            Some(error) => {
                let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
                let failure = format!("{error}{cause}");
                self.readiness.fail(Check::Checkpoint, failure.as_str());
                // Another reason is another trouble.
                self.store_failure.take_if(|(last, _)| *last != failure);
                let (error, alarm) = self.store_failure.get_or_insert_with(|| (failure, Alarm::default()));
                if let Some(repeats) = alarm.raise() {
                    tracing::error!(%error, repeats, "the checkpoint cannot be stored; trying again");
                }
            }
        }
    }

    /// ST-1 begins.
    pub fn draining(&self) {
        self.readiness.fail(Check::NotDraining, "stopping");
        tracing::info!("stopping: reading ends, open windows stay open, acknowledgements are waited for");
    }
}

/// Of a plan of which nothing was counted yet.
fn nothing(plan: &Plan) -> PlanCounters {
    let (null_by_field, hidden_rows) = (vec![0; plan.by_fields().len()], vec![0; plan.text().filters.len()]);
    PlanCounters { null_by_field, hidden_rows, ..PlanCounters::default() }
}

/// Known label values start at zero.
fn zero_plan(metrics: &Metrics, plan: &Plan) {
    let name = plan.text().name.as_str();
    metrics.know_detection(name, plan.text().risk.severity());
    metrics.detection_cut_rows_total.with_label_values(&[name]);
    for field in plan.by_fields() {
        metrics.detection_null_field_total.with_label_values(&[name, field]);
    }
    for filter in &plan.text().filters {
        metrics.detection_hidden_rows_total.with_label_values(&[name, &filter.name]);
    }
}

fn count_plan(metrics: &Metrics, plan: &Plan, now: &PlanCounters, last: &PlanCounters) {
    let name = plan.text().name.as_str();
    metrics.detection_matches_total.with_label_values(&[name]).inc_by(now.counted - last.counted);
    metrics.events_duplicate_total.with_label_values(&[name]).inc_by(now.duplicate - last.duplicate);
    metrics.events_late_total.with_label_values(&[name]).inc_by(now.late - last.late);
    metrics.events_future_total.with_label_values(&[name]).inc_by(now.future - last.future);
    metrics.event_id_conflicts_total.with_label_values(&[name]).inc_by(now.conflicts - last.conflicts);
    metrics.detection_cut_rows_total.with_label_values(&[name]).inc_by(now.cut_rows - last.cut_rows);
    for ((field, now), last) in plan.by_fields().iter().zip(&now.null_by_field).zip(&last.null_by_field) {
        metrics.detection_null_field_total.with_label_values(&[name, field]).inc_by(now - last);
    }
    for ((filter, now), last) in plan.text().filters.iter().zip(&now.hidden_rows).zip(&last.hidden_rows) {
        metrics.detection_hidden_rows_total.with_label_values(&[name, &filter.name]).inc_by(now - last);
    }
}

fn wall_seconds() -> f64 {
    clock::wall().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn saturating(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
