use super::*;
use crate::config::{
    FileSinkConfig, FormatConfig, Fsync, OcsfVersion, Secret, SinkKind, SplunkEnvelope, SplunkHecConfig, TemplateConfig,
};
use crate::sink::testing::{Answer, Receiver, sink_config};

async fn sent(config: &SinkConfig) -> Probe {
    let deps = ProbeDeps {
        producer: "trailrisk/0.1.0",
        worker: "w1",
        stream: "trail",
        clock: Arc::new(|| "2026-01-31T12:34:56.5Z".parse().unwrap()),
        stdout: SharedStdout::new(Box::new(tokio::io::sink())),
    };
    probe(config, deps).await.unwrap()
}

/// The native line is checked against the published schema where it is written.
#[tokio::test]
async fn every_type_of_sink_is_sent_one_sample_that_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    let file = FileSinkConfig { path: path.clone(), rotate_bytes: None, keep: 1, fsync: Fsync::Always };
    let receiver = Receiver::start([Answer::Status(200), Answer::Body(r#"{"text":"Success","code":0}"#)]).await;
    let hook = receiver.sink(|_| {});
    let SinkKind::Webhook(webhook) = &hook.kind else { panic!("a receiver's sink is a webhook") };
    let splunk = SplunkHecConfig {
        http: webhook.http.clone(),
        token: Secret("t".to_owned()),
        acknowledgement: false,
        acknowledgement_timeout: Duration::from_secs(1),
    };
    let risk = FormatConfig::SplunkRisk(SplunkEnvelope::default());
    let splunk = SinkConfig { kind: SinkKind::SplunkHec(splunk), format: risk, ..sink_config("splunk") };
    let file = SinkConfig { kind: SinkKind::File(file), stages: vec![Stage::Early], ..sink_config("file") };
    for (config, status) in [(sink_config("out"), None), (file, None), (hook.clone(), Some(200)), (splunk, Some(200))] {
        let probe = sent(&config).await;
        assert_eq!((probe.outcome, probe.status), (Outcome::Delivered, status), "{}", config.name);
    }
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!((&written["id"], &written["stage"]), (&"0".repeat(32).into(), &"early".into()), "a stage it receives");
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let text = std::str::from_utf8(&request.body).unwrap();
        assert!(text.contains("This is a test of a trailrisk sink") && text.contains(r#"score":0.0"#), "{text}");
    }
}

#[tokio::test]
async fn every_format_and_shipped_template_can_write_the_sample() {
    let receiver = Receiver::start([]).await;
    let template = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates").join(name);
        let values = vec![("routing_key".to_owned(), Secret("k".repeat(32)))];
        FormatConfig::Template(TemplateConfig { path, values })
    };
    let shipped = ["slack.json.j2", "pagerduty.json.j2", "teams.json.j2"].map(template);
    for format in [FormatConfig::Ocsf(OcsfVersion::default()), FormatConfig::CloudEvents(Default::default())]
        .into_iter()
        .chain(shipped)
    {
        let probe = sent(&SinkConfig { format: format.clone(), ..receiver.sink(|_| {}) }).await;
        assert_eq!(probe.outcome, Outcome::Delivered, "{format:?}");
    }
}

#[tokio::test]
async fn it_is_sent_once_whatever_the_answer() {
    let receiver = Receiver::start([Answer::Status(503)]).await;
    let probe = sent(&receiver.sink(|_| {})).await;
    let Outcome::Failed(failure) = probe.outcome else { panic!("delivered") };
    assert_eq!((failure.kind, probe.status), (FailureKind::Unavailable, Some(503)));
    assert_eq!(receiver.requests().len(), 1);
}
