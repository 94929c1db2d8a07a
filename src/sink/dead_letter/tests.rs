use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio_util::bytes::Bytes;

use super::*;
use crate::engine::{Position, SequenceNumber};
use crate::risk_event::{DeliveryKey, RiskEventId, Stage};
use crate::sink::acknowledgement;
use crate::sink::queue::Delivery;
use crate::sink::testing::{DeadLetterFile, dead_letter_deps, delivery, is_pending, letter, metrics};

fn refusal(share: Option<acknowledgement::Share>) -> Refusal {
    let key = DeliveryKey { id: RiskEventId(0xabc), stage: Stage::Final };
    Refusal {
        sink: "hook".into(),
        reason: RefusalReason::Refused,
        detail: "the receiver answers 400".into(),
        delivery: Delivery { share, ..delivery(key, "{\"a\":1}\n") },
    }
}

/// A disk that is full for the first so many appends.
#[derive(Clone)]
struct FullDisk {
    failures: Arc<AtomicUsize>,
    written: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl FullDisk {
    fn for_appends(n: usize) -> Self {
        Self { failures: Arc::new(AtomicUsize::new(n)), written: Arc::default() }
    }
}

fn start_on<S: DeadLetterStore>(store: S) -> (DeadLetters, DeadLetterAcknowledgements) {
    let deps = dead_letter_deps(&metrics());
    DeadLetters::with_store(store, &deps.metrics, deps.clock, deps.stop)
}

impl DeadLetterStore for FullDisk {
    async fn keep(&self, lines: &Bytes, _at: jiff::Timestamp) -> io::Result<()> {
        let left = self.failures.load(Ordering::SeqCst);
        if left > 0 {
            self.failures.store(left - 1, Ordering::SeqCst);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.lock().unwrap().push(lines.to_vec());
        Ok(())
    }
}

#[tokio::test]
async fn po_1_a_record_is_kept_with_its_reason_its_place_and_its_bytes() {
    let metrics = metrics();
    let mut dead = DeadLetterFile::start(&metrics).await;
    dead.letters.push(letter(7, b"\xff\x00no json"));
    assert_eq!(dead.acknowledged.next().await, Some(DeadLetterId(7)));
    let expected = concat!(
        r#"{"schema":"trailrisk.dead_letter/v1","origin":"record","reason":"bad_json","detail":"not JSON\u009b","#,
        r#""shard":"shardId-000000000003","sequence_number":"4957","arrival":"2023-04-24T23:51:20Z","data":"/wBubyBqc29u"}"#,
        "\n"
    );
    assert_eq!(std::fs::read_to_string(dead.path()).unwrap(), expected);
    assert_eq!(metrics.process.dead_letters_total.with_label_values(&["record"]).get(), 1);
}

#[tokio::test]
async fn cp_7_a_refused_event_is_kept_with_its_sink_and_body_then_acknowledged() {
    let metrics = metrics();
    let dead = DeadLetterFile::start(&metrics).await;
    let (acknowledger, mut done) = acknowledgement::channel(watch::channel(None).1);
    let refusal = refusal(acknowledger.shares(DeliveryKey { id: RiskEventId(0xabc), stage: Stage::Final }, 1).pop());
    let key = refusal.delivery.key;
    dead.letters.push_refusal(refusal);
    assert_eq!(done.next().await, Some(key));
    let expected = json!({
        "schema": "trailrisk.dead_letter/v1", "origin": "sink", "reason": "refused",
        "detail": "the receiver answers 400", "sink": "hook",
        "delivery_key": "00000000000000000000000000000abc-final", "data": "eyJhIjoxfQ==",
    });
    assert_eq!(dead.lines(), [expected]);
    assert_eq!(metrics.process.dead_letters_total.with_label_values(&["sink"]).get(), 1);
}

/// BD-1: a body in a format of its own may be many times the line (the risk index has the row once a risk object), is not
/// what a letter keeps, and is not in the queue's bytes.
#[tokio::test(start_paused = true)]
async fn bd_1_a_letter_that_waits_holds_the_line_alone() {
    let (letters, _acknowledged) = start_on(FullDisk::for_appends(usize::MAX));
    let body = Bytes::from(vec![b'x'; 1024]);
    let mut refusal = refusal(None);
    refusal.delivery.body.bytes = body.clone();
    letters.push_refusal(refusal);
    assert!(body.is_unique(), "the body is held");
}

#[tokio::test]
async fn a_record_of_an_aggregate_is_named_within_it() {
    let mut dead = DeadLetterFile::start(&metrics()).await;
    let position = Position::After(SequenceNumber::try_new("4957").unwrap(), 3);
    dead.letters.push(DeadLetter { position, ..letter(1, b"") });
    dead.acknowledged.next().await.unwrap();
    assert_eq!(
        (&dead.lines()[0]["sequence_number"], &dead.lines()[0]["sub_sequence_number"]),
        (&json!("4957"), &json!(3))
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_holds_says_so_and_loses_nothing() {
    let (disk, deps) = (FullDisk::for_appends(50), dead_letter_deps(&metrics()));
    let (letters, mut acknowledged) = DeadLetters::with_store(disk.clone(), &deps.metrics, deps.clock, deps.stop);
    let failing_metric = || deps.metrics.dead_letters_failing.get();
    assert_eq!(failing_metric(), 0);
    letters.push(letter(1, b"a"));
    assert!(is_pending(acknowledged.next()).await, "not acknowledged while the disk is full");
    let failing = letters.health().failing().unwrap();
    assert!(failing.detail.starts_with("cannot write dead letters"), "{}", failing.detail);
    assert_eq!(failing_metric(), 1);
    letters.push(letter(2, b"b"));
    assert_eq!(acknowledged.next().await, Some(DeadLetterId(1)));
    assert_eq!(acknowledged.next().await, Some(DeadLetterId(2)));
    assert!(letters.health().failing().is_none());
    assert_eq!(failing_metric(), 0);
    assert_eq!(disk.written.lock().unwrap().concat().iter().filter(|byte| **byte == b'\n').count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_comes_back_gets_what_was_held() {
    let mut dead = DeadLetterFile::start(&metrics()).await;
    let folder = dead.path().parent().unwrap().to_owned();
    std::fs::remove_dir_all(&folder).unwrap();
    dead.letters.push(letter(1, b"a"));
    assert!(is_pending(dead.acknowledged.next()).await);
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(dead.acknowledged.next().await, Some(DeadLetterId(1)));
    assert_eq!(dead.lines().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn bd_1_a_full_queue_has_no_room_until_it_is_written() {
    let disk = FullDisk::for_appends(1);
    let (letters, _acknowledged) = start_on(disk);
    let mebibyte = vec![b'x'; 1024 * 1024];
    let mut pushed = 0;
    while letters.has_room() {
        letters.push(letter(pushed, &mebibyte));
        pushed += 1;
    }
    assert_eq!(pushed, 16);
    assert!(letters.shared.budget.used() < QUEUE_BYTES + mebibyte.len());
    letters.ready().await;
}

#[tokio::test]
async fn what_waits_shares_one_append() {
    let disk = FullDisk::for_appends(0);
    let (letters, mut acknowledged) = start_on(disk.clone());
    for id in 0..10 {
        letters.push(letter(id, b"a"));
    }
    for id in 0..10 {
        assert_eq!(acknowledged.next().await, Some(DeadLetterId(id)));
    }
    assert_eq!(disk.written.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_writer_ends_with_the_last_sender_when_everything_is_written() {
    let disk = FullDisk::for_appends(0);
    let (letters, mut acknowledged) = start_on(disk);
    letters.push(letter(1, b"a"));
    let health = letters.health();
    drop(letters);
    assert_eq!(acknowledged.next().await, Some(DeadLetterId(1)));
    assert_eq!(acknowledged.next().await, None, "a health handle keeps no writer");
    assert!(health.failing().is_none());
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent/dead.ndjson");
    let result = DeadLetters::start(&DeadLetterConfig::File(path.clone()), dead_letter_deps(&metrics())).await;
    let message = result.err().unwrap().to_string();
    assert!(message.contains(&*path.to_string_lossy()) && message.contains("must exist"), "{message}");
}

/// Beside a stdout sink its lines are told apart by their schema, and neither tears the other's.
#[tokio::test]
async fn on_standard_output_a_dead_letter_is_a_line_with_a_schema_of_its_own() {
    let (writer, mut reader) = tokio::io::duplex(1024 * 1024);
    let stdout = SharedStdout::new(Box::new(writer));
    let deps = DeadLetterDeps { stdout: stdout.clone(), ..dead_letter_deps(&metrics()) };
    let (letters, mut acknowledged) = DeadLetters::start(&DeadLetterConfig::Stdout, deps).await.unwrap();
    stdout.write(b"{\"schema\":\"trailrisk.risk_event/v1\"}\n").await.unwrap();
    letters.push(letter(1, b"a"));
    assert_eq!(acknowledged.next().await, Some(DeadLetterId(1)));
    drop((letters, stdout, acknowledged));
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut text).await.unwrap();
    let schemas: Vec<_> = text.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(schemas, ["trailrisk.risk_event/v1", "trailrisk.dead_letter/v1"]);
}

#[tokio::test]
async fn po_1_letters_of_two_pipelines_say_their_sources_and_are_acknowledged_to_their_own() {
    let mut dead = DeadLetterFile::start(&metrics()).await;
    let (other, mut acknowledged) = dead.letters.another(Some("west"));
    other.push(letter(7, b"a"));
    assert_eq!(acknowledged.next().await, Some(DeadLetterId(7)));
    dead.letters.push(letter(8, b"b"));
    assert_eq!(dead.acknowledged.next().await, Some(DeadLetterId(8)), "and not of the other's");
    let sources: Vec<_> = dead.lines().iter().map(|line| line["source"].as_str().map(str::to_owned)).collect();
    assert_eq!(sources, [Some("west".to_owned()), None]);
}

/// A bucket: it waits for more letters to keep together.
struct Lingering(FullDisk);

impl DeadLetterStore for Lingering {
    async fn keep(&self, lines: &Bytes, at: jiff::Timestamp) -> io::Result<()> {
        self.0.keep(lines, at).await
    }

    fn linger(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

#[tokio::test(start_paused = true)]
async fn st_1_the_close_waits_for_what_nobody_else_waits_for_and_the_place_lingers_no_longer() {
    let disk = FullDisk::for_appends(2);
    let (letters, _acknowledged) = start_on(Lingering(disk.clone()));
    (0..3).for_each(|_| letters.push_refusal(refusal(None)));
    let unclaimed = letters.unclaimed();
    letters.close(Instant::now() + Duration::from_secs(20)).await;
    assert_eq!(*unclaimed.borrow(), 0);
    assert_eq!(disk.written.lock().unwrap().concat().iter().filter(|byte| **byte == b'\n').count(), 3);
}

#[tokio::test(start_paused = true)]
async fn st_1_what_is_lost_is_known_at_the_deadline_and_behind_it_and_is_not_what_comes_again() {
    let (letters, _acknowledged) = start_on(FullDisk::for_appends(usize::MAX));
    let (acknowledger, _done) = acknowledgement::channel(watch::channel(None).1);
    let share = acknowledger.shares(refusal(None).delivery.key, 1).pop();
    letters.push(letter(1, b"a"));
    letters.push_refusal(refusal(share));
    let (begun, twenty) = (Instant::now(), Duration::from_secs(20));
    let (unclaimed, sink) = (letters.unclaimed(), letters.clone());
    letters.clone().close(begun + twenty).await;
    assert_eq!(*unclaimed.borrow(), 0);
    assert_eq!(begun.elapsed(), Duration::ZERO, "for these the acknowledgements are waited for");
    (0..2).for_each(|_| letters.push_refusal(refusal(None)));
    letters.close(begun + twenty).await;
    assert_eq!(*unclaimed.borrow(), 2);
    assert_eq!(begun.elapsed(), twenty);
    sink.push_refusal(refusal(None));
    assert_eq!(*unclaimed.borrow(), 3, "a sink may give up until its worker ends");
}
