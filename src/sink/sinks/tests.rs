mod stop;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::*;
use crate::config::{DeliveryConfig, DeliverySettings, FormatConfig, Secret, TemplateConfig, WebhookConfig};
use crate::risk_event::Stage;
use crate::sink::health::FailureKind;
use crate::sink::testing::{
    Answer, DeadLetterFile, Receiver, deps, event, is_pending, letter, metrics, sink_config, wait_until,
};

struct Rig {
    sinks: Sinks,
    done: Acknowledgements,
    dead: DeadLetterFile,
    metrics: Metrics,
    stop: CancellationToken,
    stdout: tokio::io::DuplexStream,
}

impl Rig {
    async fn start(configs: &[SinkConfig]) -> Self {
        let metrics = metrics();
        let dead = DeadLetterFile::start(&metrics).await;
        let (writer, stdout) = tokio::io::duplex(1024 * 1024);
        let deps = deps(&metrics, &dead.letters, Box::new(writer));
        let stop = deps.stop.clone();
        let (sinks, done) = Sinks::start(configs, deps).unwrap();
        Self { sinks, done, dead, metrics, stop, stdout }
    }

    fn push(&mut self, id: u128, stage: Stage) -> DeliveryKey {
        let event = event(id, stage);
        let key = DeliveryKey { id: event.id, stage };
        self.sinks.push(event);
        key
    }

    fn withheld(&self, stage: Stage, reason: &str) -> u64 {
        let labels = ["AWS Exfiltration via Batch Service", stage.as_str(), reason];
        self.metrics.risk_events_withheld_total.with_label_values(&labels).get()
    }

    fn deliveries(&self, sink: &str, outcome: &str) -> u64 {
        self.metrics.process.sink_deliveries_total.with_label_values(&[sink, outcome]).get()
    }
}

fn best_effort(config: SinkConfig) -> SinkConfig {
    SinkConfig { required: false, ..config }
}

fn one_lane(config: SinkConfig) -> SinkConfig {
    SinkConfig { delivery: DeliveryConfig { concurrency: 1, ..config.delivery }, ..config }
}

fn line_bytes() -> usize {
    let meta = native::Meta {
        emitted_at: "2023-04-24T23:51:18Z".parse().unwrap(),
        producer: "trailrisk/0.1.0",
        worker: "w1",
        stream: "trail",
        source: None,
    };
    native::line(&event(1, Stage::Final), &meta).len()
}

#[tokio::test]
async fn cp_7_a_key_is_given_once_every_required_sink_has_acknowledged() {
    let receiver = Receiver::start_shut([]).await;
    let mut rig = Rig::start(&[sink_config("out"), receiver.sink(|_| {})]).await;
    let key = rig.push(1, Stage::Final);
    let mut line = String::new();
    BufReader::new(&mut rig.stdout).read_line(&mut line).await.unwrap();
    wait_until("the webhook is asked", || receiver.requests().len() == 1).await;
    assert!(is_pending(rig.done.next()).await, "the webhook is missing");
    assert_eq!(rig.deliveries("out", "acknowledged"), 1);
    receiver.open();
    assert_eq!(rig.done.next().await, Some(key));
    assert_eq!(line.trim_end().as_bytes(), &*receiver.requests()[0].body, "both got the same bytes");
}

#[tokio::test]
async fn a_stage_that_no_required_sink_wants_is_acknowledged_at_once() {
    let receiver = Receiver::start_shut([]).await;
    let finals = SinkConfig { stages: vec![Stage::Final], ..receiver.sink(|_| {}) };
    let mut rig = Rig::start(&[finals]).await;
    let key = rig.push(1, Stage::Early);
    assert_eq!(rig.done.next().await, Some(key));
    assert_eq!(rig.sinks.pending(), 0);
    assert_eq!(rig.withheld(Stage::Early, "no_sink"), 1, "and it is counted");
}

/// CP-7: what is not sent is acknowledged, else it would hold the checkpoint for ever.
#[tokio::test]
async fn cp_7_what_a_detections_settings_withhold_is_acknowledged_at_once_and_counted() {
    let receiver = Receiver::start_shut([]).await;
    let mut rig = Rig::start(&[receiver.sink(|_| {})]).await;
    let id = event(1, Stage::Final).detection.id.clone();
    let staged = DeliverySettings { staged: true, ..DeliverySettings::default() };
    rig.sinks.set_routes(Routes::new([(id, staged)]));
    for stage in Stage::ALL {
        let key = rig.push(1, stage);
        assert_eq!(rig.done.next().await, Some(key));
        assert_eq!(rig.withheld(stage, "staged"), 1);
    }
    assert_eq!((rig.sinks.pending(), receiver.requests().len()), (0, 0));
    rig.sinks.set_routes(Routes::default());
    receiver.open();
    let key = rig.push(2, Stage::Final);
    assert_eq!(rig.done.next().await, Some(key));
    assert_eq!(receiver.requests().len(), 1, "no longer staged, it is sent");
    assert_eq!(rig.withheld(Stage::Final, "staged"), 1);
}

#[tokio::test]
async fn bd_1_a_receiver_that_hangs_stops_the_pushes_at_the_bound() {
    let receiver = Receiver::start_shut([]).await;
    let limit = 10 * line_bytes();
    let mut rig = Rig::start(&[SinkConfig { queue_bytes: limit, ..receiver.sink(|_| {}) }]).await;
    let mut pushed = 0;
    while !is_pending(rig.sinks.ready()).await {
        rig.push(pushed, Stage::Final);
        pushed += 1;
    }
    assert_eq!(pushed, 10, "the bound, and no more");
    assert_eq!(rig.sinks.pending(), 10);
    assert!(rig.metrics.backpressure_seconds_total.with_label_values(&["sink"]).get() > 0.0);
    receiver.open();
    rig.sinks.ready().await;
    for _ in 0..pushed {
        rig.done.next().await.unwrap();
    }
    assert_eq!(rig.sinks.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn bd_1_a_dead_letter_of_a_record_that_waits_for_room_is_back_pressure_too() {
    let rig = Rig::start(&[sink_config("out")]).await;
    let folder = rig.dead.path().parent().unwrap().to_owned();
    std::fs::remove_dir_all(&folder).unwrap();
    (0..16).for_each(|id| rig.dead.letters.push(letter(id, &[b'x'; 1 << 20])));
    let room = tokio::time::timeout(Duration::from_secs(60), rig.sinks.ready_for_dead_letter());
    assert!(room.await.is_err(), "there is room");
    assert!(rig.metrics.backpressure_seconds_total.with_label_values(&["sink"]).get() >= 60.0);
    std::fs::create_dir(&folder).unwrap();
    rig.sinks.ready_for_dead_letter().await;
}

#[tokio::test]
async fn bd_1_an_event_larger_than_the_queue_is_admitted_alone() {
    let receiver = Receiver::start_shut([]).await;
    let mut rig = Rig::start(&[SinkConfig { queue_bytes: 1, ..receiver.sink(|_| {}) }]).await;
    rig.sinks.ready().await;
    let key = rig.push(1, Stage::Final);
    assert!(is_pending(rig.sinks.ready()).await);
    receiver.open();
    assert_eq!(rig.done.next().await, Some(key));
    rig.sinks.ready().await;
}

#[tokio::test]
async fn a_best_effort_sink_holds_nobody_and_its_overflow_is_counted_and_kept() {
    let receiver = Receiver::start_shut([]).await;
    let slow = SinkConfig { queue_bytes: 2 * line_bytes(), ..best_effort(receiver.sink(|_| {})) };
    let mut rig = Rig::start(&[slow, sink_config("out")]).await;
    for id in 0..5 {
        rig.sinks.ready().await;
        let key = rig.push(id, Stage::Final);
        assert_eq!(rig.done.next().await, Some(key));
    }
    assert_eq!(rig.deliveries("hook", "dropped"), 3);
    wait_until("the overflow is kept", || rig.dead.lines().len() == 3).await;
    assert!(rig.dead.lines().iter().all(|line| line["reason"] == "queue_full" && line["sink"] == "hook"));
}

#[tokio::test]
async fn a_required_sink_outlives_an_outage_and_says_so_meanwhile() {
    let outage = std::iter::repeat_n(Answer::Status(500), 200);
    let receiver = Receiver::start(outage).await;
    let mut rig = Rig::start(&[one_lane(receiver.sink(|_| {}))]).await;
    let key = rig.push(1, Stage::Final);
    wait_until("the sink is blocked", || !rig.sinks.blocked().is_empty()).await;
    let blocked = rig.sinks.blocked().remove(0);
    assert_eq!((&*blocked.sink, blocked.required, blocked.kind), ("hook", true, FailureKind::Unavailable));
    assert_eq!(blocked.last_error, "the receiver answers 500");
    let state = rig.sinks.health().states().remove(0);
    assert_eq!((state.kind, state.pending, state.acknowledged), ("webhook", 1, 0));
    assert!(state.queue_bytes > 0 && state.queue_bytes < state.queue_bytes_limit);
    assert_eq!(rig.done.next().await, Some(key));
    assert_eq!(rig.sinks.blocked(), []);
    let state = rig.sinks.health().states().remove(0);
    assert_eq!((state.pending, state.queue_bytes, state.acknowledged), (0, 0, 1));
    assert!(state.last_failure.is_some_and(|(_, text)| text == "the receiver answers 500"), "kept after the recovery");
    let keys: Vec<_> = receiver.requests().iter().map(|request| request.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 201);
    assert!(keys.iter().all(|sent| *sent == key.to_string()), "every attempt has the same key");
}

#[tokio::test]
async fn cp_7_an_event_refused_three_times_does_not_hold_the_others() {
    let receiver = Receiver::start([400, 413, 422].map(Answer::Status)).await;
    let mut rig = Rig::start(&[one_lane(receiver.sink(|_| {}))]).await;
    let keys = [rig.push(1, Stage::Final), rig.push(2, Stage::Final)];
    assert_eq!(
        [rig.done.next().await.unwrap(), rig.done.next().await.unwrap()].map(|key| keys.contains(&key)),
        [true; 2]
    );
    assert_eq!(receiver.requests().len(), 4);
    assert_eq!(rig.dead.lines().len(), 1);
    assert_eq!((rig.deliveries("hook", "dead_lettered"), rig.deliveries("hook", "acknowledged")), (1, 1));
}

#[tokio::test]
async fn a_closed_pipe_ends_in_order() {
    let mut rig = Rig::start(&[sink_config("out")]).await;
    let mut ended = rig.sinks.ended();
    drop(std::mem::replace(&mut rig.stdout, tokio::io::duplex(1).0));
    rig.push(1, Stage::Final);
    let end = ended.wait_for(Option::is_some).await.unwrap().clone();
    assert_eq!(end, Some(SinkEnd::ClosedPipe { sink: "out".into() }));
}

#[tokio::test(start_paused = true)]
async fn the_age_of_what_waits_is_a_metric_and_a_retry_is_not_idle() {
    let (writer, _full) = tokio::io::duplex(1);
    let metrics = metrics();
    let dead = DeadLetterFile::start(&metrics).await;
    let (mut sinks, _done) =
        Sinks::start(&[sink_config("out")], deps(&metrics, &dead.letters, Box::new(writer))).unwrap();
    sinks.push(event(1, Stage::Final));
    tokio::time::sleep(Duration::from_millis(30_500)).await;
    assert_eq!(metrics.process.sink_pending.with_label_values(&["out"]).get(), 1);
    let oldest = metrics.process.sink_oldest_pending_seconds.with_label_values(&["out"]).get();
    assert!((29.0..=31.0).contains(&oldest), "{oldest}");
}

/// Collects what is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn threat_10_no_secret_reaches_the_log_the_health_or_the_dead_letters() {
    const CANARY: &str = "s3cr3t-canary";
    crate::telemetry::testing::listen();
    let logged = Log::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let _guard = tracing::subscriber::set_default(subscriber.with_writer(move || writer.clone()).finish());
    let receiver = Receiver::start([401, 500, 400, 400, 400].map(Answer::Status)).await;
    let secret = |webhook: &mut WebhookConfig| {
        webhook.http.url = format!("{}/{CANARY}?token={CANARY}", webhook.http.url);
        webhook.http.headers = vec![("x-key".to_owned(), Secret(CANARY.to_owned()))];
    };
    let mut rig = Rig::start(&[receiver.sink(secret)]).await;
    rig.push(1, Stage::Final);
    wait_until("the sink is blocked", || !rig.sinks.blocked().is_empty()).await;
    let blocked = format!("{:?}", rig.sinks.blocked());
    rig.done.next().await.unwrap();
    let log = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let dead = format!("{:?}", rig.dead.lines());
    assert!(log.contains("the receiver answers 401"), "the log is caught: {log}");
    assert_eq!(receiver.requests()[0].headers["x-key"], CANARY, "the secret is sent");
    for (place, text) in [("log", log), ("health", blocked), ("dead letters", dead)] {
        let ours: Vec<_> = text.lines().filter(|line| line.contains(CANARY)).collect();
        assert!(ours.is_empty(), "{place}: {ours:?}");
    }
}

#[tokio::test]
async fn cp_7_what_a_template_does_not_fit_becomes_a_dead_letter_and_is_acknowledged() {
    let receiver = Receiver::start([]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json.j2");
    std::fs::write(&path, r#"{"n": {{ row.count }}}"#).unwrap();
    let format = FormatConfig::Template(TemplateConfig { path, values: Vec::new() });
    let mut rig = Rig::start(&[SinkConfig { format, ..receiver.sink(|_| {}) }]).await;
    let key = rig.push(1, Stage::Final);
    assert_eq!(rig.done.next().await, Some(key));
    assert_eq!(&*receiver.requests()[0].body, b"{\"n\":1}");
    rig.sinks.push(RiskEvent { row: Vec::new(), ..event(2, Stage::Final) });
    assert_eq!(rig.done.next().await.map(|key| key.id.0), Some(2));
    let letters = rig.dead.lines();
    assert_eq!((letters.len(), letters[0]["reason"].as_str()), (1, Some("not_written")));
    assert_eq!((receiver.requests().len(), rig.deliveries("hook", "dead_lettered")), (1, 1));
}

#[tokio::test]
async fn a_template_that_cannot_be_used_stops_the_start_with_its_sink_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json.j2");
    std::fs::write(&path, "{\n{{ nothing }}\n}").unwrap();
    let format = FormatConfig::Template(TemplateConfig { path: path.clone(), values: Vec::new() });
    let metrics = metrics();
    let dead = DeadLetterFile::start(&metrics).await;
    let deps = deps(&metrics, &dead.letters, Box::new(tokio::io::sink()));
    let error = Sinks::start(&[SinkConfig { format, ..sink_config("out") }], deps).err().unwrap().to_string();
    assert!(error.starts_with(&format!("sink out: template {}:2: ", path.display())), "{error}");
}

/// Two pipelines over the same sinks: each is told of its own, and the queues close with the last one.
#[tokio::test]
async fn cp_7_of_two_pipelines_each_is_told_of_its_own_and_the_last_one_closes_the_queues() {
    let receiver = Receiver::start([]).await;
    let mut rig = Rig::start(&[receiver.sink(|_| {}), best_effort(sink_config("out"))]).await;
    let origin = Origin { stream: "other".to_owned(), source: Some("west".to_owned()) };
    let (mut other, mut done_other) = rig.sinks.another(origin, metrics());
    let own = rig.push(1, Stage::Final);
    other.push(event(2, Stage::Final));
    assert_eq!(done_other.next().await.map(|key| key.id.0), Some(2));
    assert_eq!(rig.done.next().await, Some(own));
    let metas: BTreeSet<(String, Option<String>)> = receiver
        .requests()
        .iter()
        .map(|request| {
            let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let text = |key: &str| event["meta"][key].as_str().map(str::to_owned);
            (text("stream").unwrap(), text("source"))
        })
        .collect();
    assert_eq!(metas, [("other".to_owned(), Some("west".to_owned())), ("trail".to_owned(), None)].into());
    rig.sinks.close();
    assert!(is_pending(rig.done.next()).await, "the other pipeline may still push");
    other.push(event(3, Stage::Final));
    assert_eq!(done_other.next().await.map(|key| key.id.0), Some(3));
    other.close();
    assert_eq!((rig.done.next().await, done_other.next().await), (None, None), "every worker has ended");
}

/// What holds for single detections is a pipeline's own: each takes a reload when it does.
#[tokio::test]
async fn wn_7_routes_of_one_pipeline_are_none_of_the_others() {
    let mut rig = Rig::start(&[sink_config("out")]).await;
    let staged = DeliverySettings { staged: true, ..DeliverySettings::default() };
    rig.sinks.set_routes(Routes::new([(event(1, Stage::Final).detection.id.clone(), staged)]));
    let others = metrics();
    let origin = Origin { stream: "other".to_owned(), source: None };
    let (mut other, mut done) = rig.sinks.another(origin, others.clone());
    rig.push(1, Stage::Final);
    other.push(event(2, Stage::Final));
    assert_eq!(done.next().await.map(|key| key.id.0), Some(2));
    assert_eq!((rig.withheld(Stage::Final, "staged"), rig.deliveries("out", "acknowledged")), (1, 1));
    let labels = ["AWS Exfiltration via Batch Service", "final", "staged"];
    assert_eq!(others.risk_events_withheld_total.with_label_values(&labels).get(), 0);
}
