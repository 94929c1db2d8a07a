//! What is seen of several streams: series, log lines, reloads.

use super::*;

/// What there is once.
fn is_of_process(name: &str) -> bool {
    let families = ["trailrisk_sink_", "trailrisk_dead_letters_", "trailrisk_build_info", "process_"];
    families.iter().any(|prefix| name.starts_with(prefix))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_series_says_its_source_and_what_there_is_once_comes_once() {
    let scene = Scene::new(|_| {}).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    let metrics = daemon.metrics().await;
    let (mut series, mut families) = (BTreeSet::new(), BTreeSet::new());
    let mut known = [BTreeSet::new(), BTreeSet::new()];
    for line in metrics.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(family.to_owned()), "a family comes once: {line}");
            continue;
        }
        let Some((name, _)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { continue };
        assert!(series.insert(name.to_owned()), "a series comes once: {line}");
        let labels = SOURCES.map(|source| format!("source=\"{source}\""));
        assert_eq!(labels.iter().any(|label| name.contains(label)), !is_of_process(name), "{line}");
        for (label, known) in labels.iter().zip(&mut known) {
            // Those of a shard come with its first read.
            if name.contains(label) && !name.contains("shard=") {
                known.insert(name.replace(label, "source"));
            }
        }
    }
    assert!(known[0].len() > 100, "{known:?}");
    assert_eq!(known[0], known[1]);
    assert!(families.iter().any(|family| family.starts_with("process_")) || !cfg!(target_os = "linux"));
    assert_eq!(daemon.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn wn_7_a_reload_is_taken_by_every_stream_and_said_of_each() {
    let mut scene = Scene::new(|_| {}).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    let said = |message: &str| {
        let lines = daemon.log();
        let of = |source: &str| {
            let is_it = |line: &&String| line.contains(message) && line.contains(&format!(r#""source":"{source}""#));
            lines.iter().filter(is_it).count()
        };
        SOURCES.map(of)
    };
    let started = || async { (said(r#""message":"started""#) == [1, 1]).then_some(()) };
    daemon.until(PATIENCE, "each has started", started).await;
    let mut config = scene.config.clone();
    config["detections"]["settings"] = json!([{"detection": "AWS Exfiltration via Batch Service", "staged": true}]);
    scene.home.configure(config.to_string());
    daemon.signal("HUP").await;
    let in_force = || async { (said("the changed detections are in force") == [1, 1]).then_some(()) };
    daemon.until(PATIENCE, "both have it in force", in_force).await;
    scene.put_both(3).await;
    for source in SOURCES {
        let withheld = || async {
            let labels = [("reason", "staged"), ("stage", "final"), ("source", source)];
            (metric(&daemon, "trailrisk_risk_events_withheld_total", &labels).await == 3.0).then_some(())
        };
        daemon.until(PATIENCE, &format!("those of {source} are withheld"), withheld).await;
    }
    let ended = daemon.stop().await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 0), "{}", ended.log);
}

/// Shards of two streams have one name: the letter says whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn po_1_a_dead_letter_says_its_source_and_is_acknowledged_to_it() {
    let mut scene = Scene::new(|config| config["detections"]["decode"] = json!("all")).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    for (source, kinesis) in scene.kinesis.iter().enumerate() {
        let nonsense = (0..=source).map(|number| (format!("key-{number}"), b"nonsense".to_vec()));
        kinesis.put(STREAM, nonsense.collect::<Vec<_>>()).await;
    }
    scene.put_both(2).await;
    scene.until_final(&daemon, &[0, 1]).await;
    for (source, count) in SOURCES.iter().zip([1.0, 2.0]) {
        let labels = [("reason", "bad_json"), ("source", *source)];
        assert_eq!(metric(&daemon, "trailrisk_records_rejected_total", &labels).await, count);
    }
    // Otherwise the drain would miss its deadline.
    scene.stop(daemon).await;
    let letters = std::fs::read_to_string(scene.home.path("dead-letters.ndjson")).expect("it is there");
    let mut sources: Vec<String> = letters
        .lines()
        .map(|line| text(&serde_json::from_str::<Value>(line).expect("JSON")["source"]).to_owned())
        .collect();
    sources.sort();
    assert_eq!(sources, ["east", "west", "west"]);
}
