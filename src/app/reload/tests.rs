//! What a reload is judged against.

use std::path::Path;

use prometheus::Registry;

use super::*;
use crate::config::{Environment, Overrides};
use crate::metrics::Metrics;
use crate::source::StreamDescription;

/// A configuration whose windows are as long, in the folder.
fn configured(folder: &Path, window: &str) -> ConfigSource {
    let shipped = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path);
    let config = serde_json::json!({
        "source": {"stream": "trail", "region": "us-east-1"},
        "detections": {"paths": [shipped("detections")], "macros": shipped("macros.yaml"), "window": window},
        "sinks": [{"name": "stdout", "type": "stdout"}],
        "dead_letter": {"path": folder.join("dead-letters.ndjson")},
        "checkpoint": {"store": "memory"},
    });
    let file = folder.join("trailrisk.yaml");
    std::fs::write(&file, config.to_string()).unwrap();
    ConfigSource { file, environment: Environment::default(), overrides: Overrides::default() }
}

/// A stream with this retention.
fn kept_for(retention_hours: u32) -> StreamDescription {
    StreamDescription {
        name: "trail".to_owned(),
        arn: "arn:aws:kinesis:us-east-1:123456789012:stream/trail".to_owned(),
        created_at: 0,
        readable: true,
        status: "ACTIVE".to_owned(),
        retention_hours,
        encryption: "NONE".to_owned(),
        mode: "PROVISIONED".to_owned(),
        placed_by_key: true,
        open_shards: 1,
    }
}

#[tokio::test]
async fn cp_8_a_reload_is_judged_by_the_retention_that_the_stream_has_by_then() {
    let folder = tempfile::tempdir().unwrap();
    let source = configured(folder.path(), "1h");
    let config = Arc::new(source.read().unwrap());
    let metrics = Metrics::new(&Registry::new()).unwrap().detections;
    let outcomes = || ["refused", "applied"].map(|outcome| metrics.reloads_total.with_label_values(&[outcome]).get());
    let (_, joining) = mpsc::channel(1);
    let (reloads, mut reloaded) = mpsc::channel::<Reload>(1);
    tokio::spawn(async move {
        while let Some(reload) = reloaded.recv().await {
            reload.done.send(Reloaded::InForce).unwrap();
        }
    });
    let (terms, of_stream) = (Terms::of(&kept_for(24), None), config.sources[0].clone());
    let seen = Seen::of(&source, &config.detections);
    let detections = detections::load(&config.detections, &config.sinks).unwrap();
    let reading = Arc::new(Reading::new(&config, detections));
    let (latest, _) = watch::channel(Arc::clone(&reading));
    let mut reloader = Reloader::new(source, config, latest, seen, vec![metrics.clone()], joining);
    let (terms_of_stream, metrics_of_stream) = (terms.clone(), metrics.clone());
    let joined = Joined {
        source: of_stream,
        terms: terms_of_stream,
        reading,
        reloads,
        metrics: metrics_of_stream,
        span: Span::none(),
    };
    reloader.join(joined).await;
    configured(folder.path(), "30h");
    reloader.reload(true).await;
    assert_eq!(outcomes(), [1, 0], "24 h are too short");
    terms.learn(&kept_for(168), None);
    reloader.reload(true).await;
    assert_eq!(outcomes(), [1, 1], "168 h are not");
    terms.learn(&kept_for(24), None);
    reloader.reload(true).await;
    assert_eq!(outcomes(), [2, 1], "and again they are");
}

/// As one that is refused while a pipeline runs.
#[test]
fn cp_8_who_joins_late_begins_with_the_last_set_that_its_stream_keeps_enough_for() {
    let folder = tempfile::tempdir().unwrap();
    let reading = |window: &str| {
        let config = configured(folder.path(), window).read().unwrap();
        Arc::new(Reading::new(&config, detections::load(&config.detections, &config.sinks).unwrap()))
    };
    let (first, latest) = (reading("1h"), reading("30h"));
    let of_stream = configured(folder.path(), "1h").read().unwrap().sources[0].clone();
    let begins = |hours| Reading::for_stream(Arc::clone(&latest), &first, &of_stream, hours);
    assert!(Arc::ptr_eq(&begins(168).unwrap(), &latest));
    assert!(Arc::ptr_eq(&begins(24).unwrap(), &first));
    assert_eq!(begins(1).unwrap_err().retention, 1);
}
