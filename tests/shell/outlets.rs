//! The sinks of a seed, and what their counters must add up to.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use trailrisk::config::{BatchLimit, DeliveryConfig, FormatConfig, SinkConfig, SinkKind};
use trailrisk::metrics::Metrics;
use trailrisk::pipeline::Ended;
use trailrisk::plan::Severity;
use trailrisk::risk_event::Stage;
use trailrisk::sink::{Acknowledgements, DeadLetters, Origin, SharedStdout, SinkDeps, Sinks, WallClock};

use crate::receiver::{SimStdout, SimTransport};
use crate::world::{World, millis};

/// Standard output alone; or two receivers that are required, of which one takes finals alone, and one that is not.
pub fn configs(world: &World) -> Vec<SinkConfig> {
    let sink = |name: &str, required, stages: &[Stage], delivery| SinkConfig {
        name: name.to_owned(),
        required,
        stages: stages.to_vec(),
        min_severity: Severity::Informational,
        detections: Vec::new(),
        queue_bytes: world.habits.queue_bytes,
        format: FormatConfig::Native,
        delivery,
        // Of a receiver that is simulated nothing depends on its kind.
        kind: SinkKind::Stdout,
    };
    if world.habits.stdout {
        return vec![sink("out", true, &Stage::ALL, DeliveryConfig::local())];
    }
    vec![
        sink("soc", true, &Stage::ALL, delivery(world)),
        sink("siem", true, &[Stage::Final], delivery(world)),
        sink("chat", false, &Stage::ALL, delivery(world)),
    ]
}

fn delivery(world: &World) -> DeliveryConfig {
    DeliveryConfig {
        retry_min: millis(500),
        retry_max: millis(8_000),
        give_up_after: millis(20_000),
        concurrency: world.habits.lanes,
        batch: BatchLimit { events: world.habits.batch, ..BatchLimit::default() },
    }
}

/// Stands still: nothing that is compared depends on the wall clock.
pub fn no_clock() -> WallClock {
    Arc::new(|| jiff::Timestamp::UNIX_EPOCH)
}

pub fn start(
    world: &Arc<World>,
    metrics: &Metrics,
    dead_letters: &DeadLetters,
    stop: CancellationToken,
) -> (Sinks, Acknowledgements) {
    let configs = configs(world);
    let deps = SinkDeps {
        metrics: metrics.clone(),
        dead_letters: dead_letters.clone(),
        producer: "simulation".to_owned(),
        worker: "w1".to_owned(),
        origin: Origin { stream: "simulation".to_owned(), source: None },
        clock: no_clock(),
        stdout: SharedStdout::new(Box::new(SimStdout::new(Arc::clone(world)))),
        stop,
    };
    if world.habits.stdout {
        return Sinks::start(&configs, deps).expect("one sink on standard output");
    }
    let lane = |sink| SimTransport { world: Arc::clone(world), sink };
    let lanes = (0..configs.len()).map(|sink| (0..world.habits.lanes).map(|_| lane(sink)).collect());
    Sinks::with_transports(&configs, lanes.collect(), deps).expect("the native format")
}

/// RD-3: the simulated Kinesis shows every record within `tip_slack`; a record that is lifted all the same was passed by
/// evidence that proved nothing.
pub fn lifted(world: &World, metrics: &Metrics) {
    if world.habits.tardy || world.habits.trims {
        return;
    }
    let lifted = metrics.tip_slack_violations_total.with_label_values(&["simulation"]).get();
    world.require(lifted == 0, "RD-3", || format!("{lifted} arrivals were lifted, though the stream kept its word"));
}

/// AG-4, CP-7: after a clean stop every risk event that went out ended in exactly one of a sink's counters, whether or not
/// anybody waits for that sink, and what counts as a dead letter is kept (PO-1), or `lost` and no clean stop (ST-1).
pub fn accounts(world: &World, metrics: &Metrics, ended: Ended, lost: usize) -> Ended {
    if !matches!(ended, Ended::Clean) || world.state().received.closed {
        return ended;
    }
    let names = |families: Vec<prometheus::proto::MetricFamily>, of: &[(&str, &str)]| -> f64 {
        let series = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric);
        let holds = |metric: &&prometheus::proto::Metric| {
            of.iter().all(|(name, value)| {
                metric.get_label().iter().any(|label| label.name() == *name && label.value() == *value)
            })
        };
        series.filter(holds).map(|metric| metric.get_counter().get_value()).sum()
    };
    let delivered =
        |of: &[(&str, &str)]| names(prometheus::core::Collector::collect(&metrics.process.sink_deliveries_total), of);
    let refused = delivered(&[("outcome", "dead_lettered")]);
    let kept = metrics.process.dead_letters_total.with_label_values(&["sink"]).get() as f64;
    world.require(kept + lost as f64 >= refused, "PO-1", || {
        format!("{refused} dead letters of sinks, of which {kept} are kept, and {lost} lost")
    });
    for sink in configs(world) {
        let emitted = sink.stages.iter().map(|stage| {
            names(prometheus::core::Collector::collect(&metrics.risk_events_total), &[("stage", stage.as_str())])
        });
        let emitted: f64 = emitted.sum();
        let delivered = delivered(&[("sink", sink.name.as_str())]);
        // EM-3: each piece of a window that is cut announces under the id of the whole. One of them acknowledged is all that
        // is waited for.
        let all = emitted == delivered || (world.habits.bounded && emitted > delivered);
        world.require(all, "AG-4", || {
            format!("{}: {emitted} risk events went out, {delivered} are accounted for", sink.name)
        });
    }
    if lost > 0 { Ended::DeadlineMissed { pending: 0 } } else { ended }
}
