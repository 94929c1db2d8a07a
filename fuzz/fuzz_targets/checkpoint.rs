//! Any JSON as a checkpoint: it is refused, or the engine starts from it and writes one that says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailrisk::engine::{Checkpoint, Engine, EngineConfig, StartPosition, Timing};
use trailrisk::plan::Bounds;
use trailrisk::time::Arrival;

fuzz_target!(|data: &[u8]| {
    let Ok(checkpoint) = serde_json::from_slice::<Checkpoint>(data) else { return };
    let config = EngineConfig {
        source_name: "fuzz".into(),
        stream: checkpoint.stream.clone(),
        bounds: Bounds::default(),
        max_state_bytes: 1 << 20,
        timing: Timing::Live,
        start: StartPosition::TrimHorizon,
        started_at: Arrival(0),
        unseen_from: Arrival::MIN,
    };
    let Ok(mut engine) = Engine::restore(config, Vec::new(), checkpoint) else { return };
    while engine.poll_output().is_some() {}
    let (_, written) = engine.checkpoint();
    let text = serde_json::to_vec(&written).expect("a checkpoint is JSON");
    let again: Checkpoint = serde_json::from_slice(&text).expect("what is written can be read");
    assert_eq!(again, written);
});
