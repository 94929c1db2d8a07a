//! What is said when announcing begins.

use super::*;
use crate::catalog::bounds;
use crate::clock;
use crate::config::LimitsConfig;
use crate::engine::{EngineConfig, StartPosition, StreamIdentity, Timing};
use crate::telemetry::testing::Log;

fn observer() -> Observer {
    let config = EngineConfig {
        source_name: "test".into(),
        stream: StreamIdentity { name: "stream".into(), created_at: 0 },
        bounds: bounds(&LimitsConfig::default(), "test"),
        max_state_bytes: usize::MAX,
        timing: Timing::Live,
        start: StartPosition::TrimHorizon,
        started_at: Arrival(0),
        unseen_from: Arrival::MIN,
    };
    let metrics = Metrics::new(&prometheus::Registry::new()).expect("an empty registry");
    let heartbeat = crate::admin::Liveness::new(std::time::Duration::MAX).watch("test", clock::monotonic());
    Observer::new(metrics, Readiness::starting(), heartbeat, "stream".to_owned(), &Engine::new(config, vec![]), 1)
}

/// What is said of these looks, one after the other.
fn said(looks: &[bool]) -> Vec<String> {
    let log = Log::default();
    let _guard = log.start();
    let mut observer = observer();
    looks.iter().for_each(|replaying| observer.show_replay(*replaying));
    let waits = observer.readiness.failures().iter().any(|(check, _)| *check == Check::Replayed);
    assert_eq!(waits, looks.last() == Some(&true));
    log.take("announcing").iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn cp_5_a_checkpoint_is_reached_only_where_there_was_one_to_reach() {
    assert_eq!(said(&[false, false]), ["nothing is to be read again; announcing"]);
    assert_eq!(said(&[true, true, false, false]), ["every shard has reached its checkpoint; announcing"]);
    assert_eq!(said(&[true]), [""; 0]);
}
