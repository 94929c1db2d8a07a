//! The daemon is stopped (or suspended, or its Kinesis fails) at random moments while records are put and shards split
//! and merge, and started again each time. What it says in all its lives together must be what the stream holds: nothing
//! is missing, nothing is new.

mod backtest;
mod oracle;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferrokinesis::store::StoreOptions;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use self::oracle::{Spec, came, expected};
use self::traffic::{SPREAD_MS, Traffic};
use super::dead_letter::dead_letters;
use super::line::{Line, finals, read_all, text};
use super::{STREAM, config, home, size};
use crate::support::daemon::{Daemon, Ended, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::measured::measured;
use crate::support::{PATIENCE, looking};

const SHARDS: i32 = 4;
const SPEC: Spec = Spec { window: 3000, grace: SPREAD_MS + 4000, max_future_skew: 60_000 };

/// What happens at each moment.
#[derive(Clone, Copy, PartialEq)]
pub enum Stop {
    /// SIGKILL; another life begins.
    Kill,
    /// SIGTERM; another life begins.
    Terminate,
    /// SIGSTOP, and SIGCONT that much later: the same life goes on.
    Suspend(Duration),
}

/// Makes a Kinesis fail, from a seed, until it is aborted.
pub type Trouble = fn(Arc<LocalKinesis>, u64) -> JoinHandle<()>;

/// A run of the chaos.
pub struct Setting {
    pub how: Stop,
    /// Whether some events are late or dated in the future.
    pub untimely: bool,
    /// Whether records are put in aggregates.
    pub aggregated: bool,
    /// The variable with the number of moments.
    pub stops: &'static str,
    /// How long an iterator lives.
    pub iterator_ttl_seconds: u64,
    /// Changes of the configuration.
    pub configure: Box<dyn Fn(&mut Value)>,
    /// What goes wrong meanwhile.
    pub trouble: Option<Trouble>,
}

impl Setting {
    /// Nothing fails but the daemon.
    pub fn new(how: Stop) -> Self {
        let stops = "TRAILRISK_CHAOS_KILLS";
        Self {
            how,
            untimely: false,
            aggregated: false,
            stops,
            iterator_ttl_seconds: 300,
            configure: Box::new(|_| {}),
            trouble: None,
        }
    }
}

/// A daemon that was stopped again and again, and is to end now.
pub struct Run {
    pub kinesis: Arc<LocalKinesis>,
    home: Home,
    traffic: Traffic,
    /// What the lives before said.
    said: Vec<String>,
    /// The last life.
    pub daemon: Daemon,
}

/// Everything that was said, and what was put.
pub struct Outcome {
    home: Home,
    traffic: Traffic,
    pub lines: Vec<Line>,
}

fn chaos_config(kinesis: &LocalKinesis) -> Value {
    let mut config = config(kinesis);
    let duration = |millis: i64| json!(format!("{millis}ms"));
    config["detections"]["window"] = duration(SPEC.window);
    config["detections"]["grace"] = duration(SPEC.grace);
    config["detections"]["max_future_skew"] = duration(SPEC.max_future_skew);
    config["limits"] = json!({"max_evidence": 1000, "max_values": 1000});
    // Long enough for a crash to find risk events that are emitted and not yet part of a checkpoint.
    config["checkpoint"]["interval"] = json!("1s");
    config
}

/// Puts the traffic and strikes the daemon at random moments, from the first record until the windows of the last ones
/// close; the last life goes on.
pub async fn run(setting: Setting) -> Run {
    let seed = size("TRAILRISK_CHAOS_SEED", usize::try_from(fastrand::u32(..)).expect("64 bits")) as u64;
    let (records, stops) = (size("TRAILRISK_CHAOS_RECORDS", 3000), size(setting.stops, 3));
    let options = StoreOptions { iterator_ttl_seconds: setting.iterator_ttl_seconds, ..LocalKinesis::quick() };
    let kinesis = Arc::new(LocalKinesis::start_with(options).await);
    kinesis.create_stream(STREAM, SHARDS).await;
    let home = home();
    let mut config = chaos_config(&kinesis);
    (setting.configure)(&mut config);
    home.configure(config.to_string());
    let traffic = Traffic::new(seed, records, setting.untimely, setting.aggregated);
    let mut rng = fastrand::Rng::with_seed(seed);
    let busy = traffic.duration() + Duration::from_millis(SPEC.grace.unsigned_abs());
    let mut moments: Vec<Duration> = (0..stops).map(|_| busy.mul_f64(rng.f64())).collect();
    moments.sort();
    println!("TRAILRISK_CHAOS_SEED={seed}: {records} records in {:?}, stops at {moments:?}", traffic.duration());
    measured(&json!({ setting.how.plural(): stops, "records": records }));
    let begun = Instant::now();
    let put = tokio::spawn({
        let kinesis = Arc::clone(&kinesis);
        async move { traffic.put(&kinesis).await }
    });
    let trouble = setting.trouble.map(|trouble| trouble(Arc::clone(&kinesis), seed));
    let (mut said, mut daemon) = (Vec::new(), home.start());
    for moment in moments {
        sleep_until(begun + moment).await;
        daemon = setting.how.strike(daemon, &home, &mut said).await;
    }
    let traffic = put.await.expect("everything is put");
    if let Some(trouble) = trouble {
        trouble.abort();
        kinesis.faults().clear();
    }
    Run { kinesis, home, traffic, said, daemon }
}

impl Stop {
    /// What so many of it are called.
    const fn plural(self) -> &'static str {
        match self {
            Self::Kill => "kills",
            Self::Terminate => "stops",
            Self::Suspend(_) => "suspensions",
        }
    }

    /// The daemon that goes on; what one that ended said is added.
    async fn strike(self, daemon: Daemon, home: &Home, said: &mut Vec<String>) -> Daemon {
        if let Self::Suspend(pause) = self {
            // It has iterators by then.
            daemon.ready().await;
            daemon.signal("STOP").await;
            sleep_until(Instant::now() + pause).await;
            daemon.signal("CONT").await;
            return daemon;
        }
        if self == Self::Terminate {
            // Before it has its signal handlers, SIGTERM ends any process at once.
            daemon.admin().await;
        }
        said.extend(self.end(daemon).await.lines);
        home.start()
    }

    async fn end(self, daemon: Daemon) -> Ended {
        let (ended, code) = match self {
            Self::Kill => (daemon.kill().await, None),
            Self::Terminate | Self::Suspend(_) => (daemon.stop().await, Some(0)),
        };
        assert_eq!(ended.code, code, "{}", ended.log);
        ended
    }
}

impl Run {
    /// What `trailrisk replay` makes of the same events: compared bytes by id.
    async fn replayed(&self) -> BTreeMap<String, String> {
        let events = self.home.write("events.ndjson", self.traffic.texts.join("\n"));
        let mut command = self.home.with_config(&["replay", "--source-name", STREAM]);
        command.arg(events);
        let ended = Daemon::spawn(command).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let replayed = finals(&read_all(&ended.lines));
        assert_eq!(replayed.len(), ended.lines.len(), "a replay prints every result once");
        println!("the replay has {} results", replayed.len());
        replayed
    }

    /// Waits until `count` different finals have come, ends the last life orderly, and returns everything.
    async fn finish(mut self, count: usize) -> Outcome {
        let patience = PATIENCE + 2 * self.traffic.duration();
        let mut finals: BTreeSet<String> = self.said.iter().filter_map(|line| final_id(line)).collect();
        let mut taken = 0;
        let complete = looking(|| {
            let new = self.daemon.lines_after(taken);
            taken += new.len();
            finals.extend(new.iter().filter_map(|line| final_id(line)));
            std::future::ready((finals.len() >= count).then_some(()))
        });
        // What is missing is for the caller to say.
        if tokio::time::timeout(patience, complete).await.is_err() {
            println!("not complete after {patience:?}:\n{}", self.daemon.log().join("\n"));
        }
        println!(
            "{}",
            self.daemon.metrics().await.lines().filter(|line| is_telling(line)).collect::<Vec<_>>().join("\n")
        );
        self.said.extend(Stop::Terminate.end(self.daemon).await.lines);
        println!("{} lines were printed", self.said.len());
        measured(&json!({ "finals": finals.len() }));
        Outcome { home: self.home, traffic: self.traffic, lines: read_all(&self.said) }
    }
}

impl Outcome {
    /// EM-1, CP-1a: no final came without an early risk event.
    pub fn assert_announced(&self) {
        assert!(self.unannounced().is_empty(), "{:?}", self.unannounced());
    }

    /// No delivery key came twice.
    pub fn assert_once(&self) {
        let mut keys = BTreeSet::new();
        for line in &self.lines {
            assert!(keys.insert(&line.key), "{} was emitted twice", line.key);
        }
    }

    /// PO-1: how often each undecodable record is among the dead letters.
    fn dead_letters(&self) -> Vec<usize> {
        let mut counts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        dead_letters(&self.home).into_iter().for_each(|letter| *counts.entry(letter.data).or_default() += 1);
        let wanted = &self.traffic.undecodable;
        assert!(counts.keys().all(|data| wanted.contains(data)), "nothing else is dead-lettered");
        wanted.iter().map(|data| counts.get(data).copied().unwrap_or(0)).collect()
    }

    /// EM-1: ids of finals that were not announced.
    fn unannounced(&self) -> BTreeSet<&str> {
        let ids = |stage: &str| self.lines.iter().filter(|line| line.stage() == stage).map(Line::id).collect();
        let (early, last): (BTreeSet<_>, BTreeSet<_>) = (ids("early"), ids("final"));
        &last - &early
    }
}

/// The id of a printed final, without reading the whole line.
fn final_id(line: &str) -> Option<String> {
    let (id, rest) = line.split_once(r#""id":""#)?.1.split_once('"')?;
    rest.starts_with(r#","stage":"final""#).then(|| id.to_owned())
}

fn is_telling(line: &str) -> bool {
    let names = ["trailrisk_replayed", "trailrisk_tip_slack", "trailrisk_events_late", "trailrisk_events_duplicate"];
    names.iter().any(|name| line.starts_with(name))
}

/// EM-4, PO-1: the results are those of the stream's own arrivals, however late the machine was to put a record; what has
/// nothing late or dated in the future is what a replay makes of it, byte for byte; every undecodable record is kept.
pub async fn assert_what_the_stream_holds(run: Run) -> Outcome {
    let (replayed, expected) = (run.replayed().await, expected(&run.kinesis, SPEC, &run.traffic.events).await);
    println!("the stream holds {} results", expected.len());
    let outcome = run.finish(expected.len()).await;
    let came = came(&outcome.lines);
    for (pane, events) in &expected {
        assert_eq!(came.get(pane), Some(events), "{pane:?}");
    }
    assert_eq!(came.len(), expected.len(), "no result beside those");
    let beside = outcome.lines.iter().filter(|line| line.json["pane"] != "on_time");
    let supplemented: BTreeSet<&str> = beside.map(|line| text(&line.json["supplements"])).collect();
    assert!(supplemented.iter().all(|id| replayed.contains_key(*id)), "WN-3: the ids of the on-time results");
    let finals = finals(&outcome.lines);
    let timely: Vec<_> = replayed.iter().filter(|(id, _)| !supplemented.contains(id.as_str())).collect();
    println!("{} results have no late or future events", timely.len());
    for (id, body) in timely {
        assert_eq!(finals.get(id), Some(body), "{id} differs from the replay, and nothing of it is late");
    }
    assert!(outcome.dead_letters().iter().all(|times| *times > 0), "PO-1: every undecodable record is kept");
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn em_4_after_any_crash_the_finals_are_those_of_a_replay_byte_for_byte() {
    assert_what_the_stream_holds(run(Setting::new(Stop::Kill)).await).await.assert_announced();
}

#[tokio::test(flavor = "multi_thread")]
async fn wn_3_late_and_future_events_are_neither_lost_nor_counted_twice_whatever_crashes() {
    assert_what_the_stream_holds(run(Setting { untimely: true, ..Setting::new(Stop::Kill) }).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_after_sigterm_and_restart_nothing_is_emitted_twice_and_nothing_is_missing() {
    let outcome = assert_what_the_stream_holds(run(Setting::new(Stop::Terminate)).await).await;
    outcome.assert_announced();
    outcome.assert_once();
    assert!(outcome.dead_letters().iter().all(|times| *times == 1), "PO-1: every undecodable record is kept, once");
}
