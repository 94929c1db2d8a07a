mod circuit;
mod logs;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use super::*;
use crate::config::DeliveryConfig;
use crate::risk_event::{DeliveryKey, RiskEventId, Stage};
use crate::sink::acknowledgement::{self, Acknowledgements, Acknowledger};
use crate::sink::health::SinkHealth;
use crate::sink::start::observe;
use crate::sink::testing::{DeadLetterFile, batches_of, delivery, is_pending, metrics, sink_config, wait_until};

const KEY: DeliveryKey = DeliveryKey { id: RiskEventId(1), stage: Stage::Final };

/// Answers as scripted, then as the last answer says; notes when it was asked.
#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<(DeliveryKey, Instant)>>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Ok,
    Fail(FailureKind),
    Wait(Duration),
    Closed,
    Panic,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn next(&self) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0] }
    }
}

impl Transport for Script {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        self.asked.lock().unwrap().push((batch[0].key, Instant::now()));
        match self.next() {
            Answer::Ok => Outcome::Delivered,
            Answer::Fail(kind) => Outcome::Failed(Failure::new(kind, "scripted")),
            Answer::Wait(pause) => Outcome::Failed(Failure {
                retry_after: Some(pause),
                ..Failure::new(FailureKind::Unavailable, "scripted")
            }),
            Answer::Closed => Outcome::Closed,
            Answer::Panic => panic!("scripted"),
        }
    }
}

/// One running sink.
struct Rig {
    sink: Arc<Sink>,
    health: SinkHealth,
    acknowledger: Acknowledger,
    done: Acknowledgements,
    dead: DeadLetterFile,
    ended: watch::Receiver<Option<SinkEnd>>,
    stop: CancellationToken,
}

impl Rig {
    async fn start<T: Transport>(required: bool, transports: Vec<T>) -> Self {
        Self::start_batching(required, BatchLimit::default(), transports).await
    }

    async fn start_batching<T: Transport>(required: bool, batch: BatchLimit, transports: Vec<T>) -> Self {
        let metrics = metrics();
        let dead = DeadLetterFile::start(&metrics).await;
        let delivery = DeliveryConfig { retry_min: Duration::from_secs(1), batch, ..DeliveryConfig::default() };
        let sink = Arc::new(Sink::new(
            &SinkConfig { required, delivery, ..sink_config("s") },
            BodyFormat::Native,
            &metrics.process,
        ));
        let (ended_sender, ended) = watch::channel(None);
        let stop = CancellationToken::new();
        let (acknowledger, done) = acknowledgement::channel(ended.clone());
        let deps = WorkerDeps { dead_letters: dead.letters.clone(), ended: ended_sender, stop: stop.clone() };
        tokio::spawn(run(Arc::clone(&sink), transports, deps));
        let sinks = Arc::from([Arc::clone(&sink)]);
        tokio::spawn(observe(Arc::downgrade(&sinks), stop.clone()));
        let health = SinkHealth { sinks, dead_letters: dead.letters.health() };
        Self { sink, health, acknowledger, done, dead, ended, stop }
    }

    fn push(&self, key: DeliveryKey) {
        let share = if self.sink.required { self.acknowledger.shares(key, 1).pop() } else { None };
        self.sink.queue.push(Delivery { share, ..delivery(key, "{}\n") });
    }
}

#[tokio::test(start_paused = true)]
async fn cp_7_a_required_sink_retries_for_ever() {
    let down = std::iter::repeat_n(Answer::Fail(FailureKind::Unavailable), 1000);
    let script = Script::new(down.chain([Answer::Ok]));
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    let start = Instant::now();
    rig.push(KEY);
    assert_eq!(rig.done.next().await, Some(KEY));
    assert_eq!(script.asked(), 1001);
    assert!(start.elapsed() > Duration::from_secs(4 * 3600), "a thousand pauses of 30 s on average");
    assert!(rig.dead.lines().is_empty());
    assert_eq!(rig.sink.queue.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn cp_7_a_refused_event_is_tried_three_times_then_a_dead_letter_and_acknowledged() {
    let script = Script::new([Answer::Fail(FailureKind::EventRefused)]);
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    rig.push(KEY);
    assert_eq!(rig.done.next().await, Some(KEY));
    assert_eq!(script.asked(), 3);
    let lines = rig.dead.lines();
    assert_eq!((&lines[0]["reason"], &lines[0]["sink"]), (&"refused".into(), &"s".into()));
    assert_eq!(lines[0]["delivery_key"], KEY.to_string());
    assert_eq!((rig.sink.queue.pending(), rig.sink.queue.budget().used()), (0, 0), "it left the sink");
}

#[tokio::test(start_paused = true)]
async fn cp_7_a_wrong_configuration_holds_alarms_and_is_probed_slowly() {
    let script = Script::new([Answer::Fail(FailureKind::Misconfigured)]);
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    rig.push(KEY);
    tokio::select! {
        _ = rig.done.next() => panic!("acknowledged"),
        () = tokio::time::sleep(Duration::from_secs(3600)) => {}
    }
    assert!((55..=61).contains(&script.asked()), "{} probes an hour at a pause of a minute", script.asked());
    let failing = rig.sink.queue.failing().unwrap();
    assert_eq!(failing.kind, FailureKind::Misconfigured);
    assert!(failing.since.elapsed() >= Duration::from_secs(3599));
    script.answers.lock().unwrap().push_back(Answer::Ok);
    assert_eq!(rig.done.next().await, Some(KEY));
    assert!(rig.sink.queue.failing().is_none());
    assert!(rig.dead.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_best_effort_sink_gives_up_after_its_deadline() {
    let mut rig = Rig::start(false, vec![Script::new([Answer::Fail(FailureKind::Unavailable)])]).await;
    rig.push(KEY);
    tokio::time::sleep(Duration::from_secs(3590)).await;
    assert_eq!(rig.sink.queue.pending(), 1, "not before its deadline");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(rig.sink.queue.pending(), 0);
    drop(rig.acknowledger);
    wait_until("the dead letter is written", || !rig.dead.lines().is_empty()).await;
    assert_eq!(rig.dead.lines()[0]["reason"], "given_up");
    rig.sink.queue.close();
    assert_eq!(rig.done.next().await, None, "a best-effort sink has no say in the acknowledgement");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_receiver_asks_for_is_kept() {
    let script = Script::new([Answer::Wait(Duration::from_secs(90)), Answer::Ok]);
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    rig.push(KEY);
    rig.done.next().await.unwrap();
    let asked = script.asked.lock().unwrap();
    let pause = asked[1].1 - asked[0].1;
    assert!((90..91).contains(&pause.as_secs()), "{pause:?}");
}

#[tokio::test(start_paused = true)]
async fn cp_7_a_closed_pipe_of_a_best_effort_sink_ends_nothing_and_what_it_does_not_take_is_given_up() {
    let mut rig = Rig::start(false, vec![Script::new([Answer::Closed])]).await;
    rig.push(KEY);
    tokio::time::sleep(Duration::from_secs(3610)).await;
    assert_eq!((rig.sink.queue.pending(), rig.ended.borrow().clone()), (0, None));
    drop(rig.acknowledger);
    wait_until("the dead letter is written", || !rig.dead.lines().is_empty()).await;
    assert_eq!(rig.dead.lines()[0]["reason"], "given_up");
    rig.sink.queue.close();
    assert_eq!(rig.done.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_closed_pipe_is_reported_and_what_waits_is_forgotten_unacknowledged() {
    let mut rig = Rig::start(true, vec![Script::new([Answer::Closed])]).await;
    rig.push(KEY);
    rig.push(DeliveryKey { id: RiskEventId(2), stage: Stage::Final });
    let end = rig.ended.wait_for(Option::is_some).await.unwrap().clone();
    assert_eq!(end, Some(SinkEnd::ClosedPipe { sink: "s".into() }));
    drop(rig.acknowledger);
    assert_eq!(rig.done.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn st_1_a_panic_is_reported() {
    let mut rig = Rig::start(true, vec![Script::new([Answer::Panic])]).await;
    rig.push(KEY);
    let end = rig.ended.wait_for(Option::is_some).await.unwrap().clone();
    assert_eq!(end, Some(SinkEnd::Failed { sink: "s".into() }));
}

#[tokio::test(start_paused = true)]
async fn st_1_until_the_deadline_the_worker_goes_on_then_it_stops_at_once() {
    let script = Script::new([Answer::Fail(FailureKind::Unavailable)]);
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    rig.push(KEY);
    rig.sink.queue.close();
    drop(rig.acknowledger);
    assert!(is_pending(rig.done.next()).await, "closed, and still being tried");
    rig.stop.cancel();
    assert_eq!(rig.done.next().await, None);
    assert_eq!(*rig.ended.borrow(), None, "a stop is no failure");
}

/// Takes a random time; notes when each delivery came and went.
#[derive(Clone, Default)]
struct Slow {
    log: Arc<Mutex<Vec<(DeliveryKey, bool)>>>,
}

impl Transport for Slow {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let key = batch[0].key;
        self.log.lock().unwrap().push((key, true));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
        self.log.lock().unwrap().push((key, false));
        if fastrand::u8(..) < 64 {
            return Outcome::Failed(Failure::new(FailureKind::Unavailable, "scripted"));
        }
        Outcome::Delivered
    }
}

#[tokio::test(start_paused = true)]
async fn order_per_id_is_kept_under_concurrency_and_retries() {
    let slow = Slow::default();
    let mut rig = Rig::start(true, vec![slow.clone(); 4]).await;
    for id in 0..100 {
        for stage in Stage::ALL {
            rig.push(DeliveryKey { id: RiskEventId(id), stage });
        }
    }
    for _ in 0..200 {
        rig.done.next().await.unwrap();
    }
    let (mut busy, mut most, mut last) = (BTreeMap::new(), 0, BTreeMap::new());
    for (key, begins) in slow.log.lock().unwrap().iter() {
        if *begins {
            assert_eq!(busy.insert(key.id, key.stage), None, "two of one id are on their way");
            assert!(last.insert(key.id, key.stage) <= Some(key.stage), "an early stage after its final");
        } else {
            busy.remove(&key.id);
        }
        most = most.max(busy.len());
    }
    assert_eq!(most, 4, "the lanes work at the same time");
}

/// What a receiver of batches saw: the ids of each, in order.
#[derive(Clone, Default)]
struct Batches {
    seen: Arc<Mutex<Vec<Vec<DeliveryKey>>>>,
    refused: Arc<Vec<u128>>,
}

impl Batches {
    fn refusing(ids: &[u128]) -> Self {
        Self { refused: Arc::new(ids.to_vec()), ..Self::default() }
    }
}

impl Transport for Batches {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        self.seen.lock().unwrap().push(batch.iter().map(|delivery| delivery.key).collect());
        if batch.iter().any(|delivery| self.refused.contains(&delivery.key.id.0)) {
            return Outcome::Failed(Failure::new(FailureKind::EventRefused, "scripted"));
        }
        Outcome::Delivered
    }
}

fn final_of(id: u128) -> DeliveryKey {
    DeliveryKey { id: RiskEventId(id), stage: Stage::Final }
}

#[tokio::test(start_paused = true)]
async fn cp_7_only_what_is_refused_in_a_batch_becomes_a_dead_letter_and_order_is_kept() {
    let receiver = Batches::refusing(&[2]);
    let mut rig = Rig::start_batching(true, batches_of(3), vec![receiver.clone()]).await;
    (1..=4).for_each(|id| rig.push(final_of(id)));
    for _ in 0..4 {
        rig.done.next().await.unwrap();
    }
    let seen: Vec<Vec<u128>> =
        receiver.seen.lock().unwrap().iter().map(|batch| batch.iter().map(|key| key.id.0).collect()).collect();
    let expected: [&[u128]; 7] = [&[1, 2, 3], &[1], &[2], &[2], &[2], &[3], &[4]];
    assert_eq!(seen, expected, "the refusal of the batch is none of its events");
    let dead: Vec<_> = rig.dead.lines().iter().map(|line| line["delivery_key"].clone()).collect();
    assert_eq!(dead, [final_of(2).to_string()]);
}

#[tokio::test(start_paused = true)]
async fn two_stages_of_one_id_are_never_in_one_batch() {
    let receiver = Batches::default();
    let mut rig = Rig::start_batching(true, batches_of(10), vec![receiver.clone()]).await;
    for (id, stage) in [(1, Stage::Early), (1, Stage::Final), (2, Stage::Early), (2, Stage::Final)] {
        rig.push(DeliveryKey { id: RiskEventId(id), stage });
    }
    for _ in 0..4 {
        rig.done.next().await.unwrap();
    }
    let stages: Vec<Vec<Stage>> =
        receiver.seen.lock().unwrap().iter().map(|batch| batch.iter().map(|key| key.stage).collect()).collect();
    assert_eq!(stages, [[Stage::Early; 2], [Stage::Final; 2]]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_is_probed_by_one_lane_and_all_go_on_when_it_is_back() {
    let script = Script::new([Answer::Fail(FailureKind::Unavailable)]);
    let mut rig = Rig::start(true, vec![script.clone(); 8]).await;
    (0..20).for_each(|id| rig.push(final_of(id)));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = script.asked();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let probes = script.asked() - asked;
    assert!((60..=240).contains(&probes), "{probes} probes an hour at a mean pause of half a minute");
    assert!(rig.sink.circuit.failing().is_some());
    script.answers.lock().unwrap().push_back(Answer::Ok);
    for _ in 0..20 {
        rig.done.next().await.unwrap();
    }
    assert!(rig.sink.circuit.failing().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_receiver_asks_for_holds_for_every_lane() {
    let script = Script::new([Answer::Wait(Duration::from_secs(90)), Answer::Ok]);
    let mut rig = Rig::start(true, vec![script.clone(); 4]).await;
    rig.push(final_of(0));
    wait_until("it is asked", || script.asked() == 1).await;
    (1..10).for_each(|id| rig.push(final_of(id)));
    for _ in 0..10 {
        rig.done.next().await.unwrap();
    }
    let asked = script.asked.lock().unwrap();
    assert!(asked[1..].iter().all(|(_, at)| *at - asked[0].1 >= Duration::from_secs(90)));
}

/// What waits behind a receiver that is down for longer than the deadline is given up without an attempt each.
#[tokio::test(start_paused = true)]
async fn a_best_effort_sink_does_not_ask_a_dead_receiver_once_for_each_event_that_it_gives_up() {
    let script = Script::new([Answer::Fail(FailureKind::Unavailable)]);
    let rig = Rig::start(false, vec![script.clone(); 4]).await;
    (0..500).for_each(|id| rig.push(final_of(id)));
    tokio::time::sleep(Duration::from_secs(3590)).await;
    assert_eq!(rig.sink.queue.pending(), 500, "not before its deadline");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(rig.sink.queue.pending(), 0);
    assert!(script.asked() < 300, "{}", script.asked());
    wait_until("the dead letters are written", || rig.dead.lines().len() == 500).await;
    let lines = rig.dead.lines();
    assert!(lines.iter().all(|line| line["reason"] == "given_up" && line["detail"] == "scripted"));
}
