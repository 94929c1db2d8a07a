//! What breaks around the daemon: the stream, its records' age, its answers, the credentials, the disk, the receiver, the
//! process itself, and what changes while it is down. Always with the same oracle: what came out of all lives together is
//! what a replay makes of the same events, byte for byte.

mod credentials;
mod hostile;
mod killer;
mod kinesis;
mod long_life;
mod plans;
mod recreated;
mod reshard;
mod retention;
mod state;
mod suspend;
mod table;
mod webhook;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::event::JobCreated;
use super::line::{Line, finals, read_all};
use super::{STREAM, config};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

/// A stream, a folder, and what was put and said.
struct Scene {
    kinesis: LocalKinesis,
    home: Home,
    events: Vec<JobCreated>,
    /// What the lives that ended said.
    said: Vec<String>,
}

impl Scene {
    /// A stream of some shards, and the configuration of the tests with changes.
    async fn new(shards: i32, configure: impl FnOnce(&mut Value)) -> Self {
        Self::in_home(super::home(), shards, configure).await
    }

    async fn in_home(home: Home, shards: i32, configure: impl FnOnce(&mut Value)) -> Self {
        let kinesis = LocalKinesis::start().await;
        kinesis.create_stream(STREAM, shards).await;
        let mut config = config(&kinesis);
        configure(&mut config);
        home.configure(config.to_string());
        Self { kinesis, home, events: Vec::new(), said: Vec::new() }
    }

    /// Puts events of as many accounts, whose results are one early and one final each, all over the shards.
    async fn put(&mut self, count: usize) {
        self.put_at(count, wall_millis()).await;
    }

    /// As [`Self::put`], of another time.
    async fn put_at(&mut self, count: usize, time: i64) {
        let new = (0..count).map(|ahead| {
            let number = (self.events.len() + ahead) as u64;
            JobCreated::new(number, time, &format!("{:012}", 111_111_111_111 + number))
        });
        let new: Vec<JobCreated> = new.collect();
        self.kinesis.put(STREAM, new.iter().map(|event| (event.id.clone(), event.text().into_bytes()))).await;
        self.events.extend(new);
    }

    /// Waits until this many lines came in this life.
    async fn until_lines(&self, daemon: &Daemon, count: usize) {
        let lines = || async { (daemon.lines().len() >= count).then_some(()) };
        daemon.until(PATIENCE, &format!("{count} risk events"), lines).await;
    }

    /// Waits until every event's final came, in this life or one before.
    async fn until_final(&self, daemon: &Daemon) {
        let finals = || async {
            let lines = read_all(self.said.iter().chain(&daemon.lines()));
            (finals(&lines).len() >= self.events.len()).then_some(())
        };
        daemon.until(PATIENCE, "every final risk event", finals).await;
    }

    /// Waits until `/readyz` says no for this reason.
    async fn until_unready(&self, daemon: &Daemon, reason: &str) {
        let unready = || async { daemon.get("/readyz").await.filter(|(_, body)| body.contains(reason)) };
        let (status, body) = daemon.until(PATIENCE, &format!("/readyz says {reason:?}"), unready).await;
        assert_eq!(status, 503, "{body}");
    }

    /// An orderly end.
    async fn stop(&mut self, daemon: Daemon) -> String {
        let ended = daemon.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        self.said.extend(ended.lines);
        ended.log
    }

    async fn kill(&mut self, daemon: Daemon) {
        self.said.extend(daemon.kill().await.lines);
    }

    fn lines(&self) -> Vec<Line> {
        read_all(&self.said)
    }

    /// The finals that a replay makes of some events with this folder's configuration.
    async fn replayed(&self, events: &[JobCreated]) -> BTreeMap<String, String> {
        let texts: Vec<String> = events.iter().map(JobCreated::text).collect();
        let mut command = self.home.with_config(&["replay", "--source-name", STREAM]);
        command.arg(self.home.write("events.ndjson", texts.join("\n")));
        let ended = Daemon::spawn(command).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        finals(&read_all(&ended.lines))
    }

    /// EM-4: the finals of all lives are those of a replay of everything; EM-1: each was announced.
    async fn assert_exact(&self) {
        let lines = self.lines();
        let came = finals(&lines);
        assert_eq!(came, self.replayed(&self.events).await);
        assert_eq!(came.len(), self.events.len(), "one for each event");
        let early: BTreeSet<&str> = lines.iter().filter(|line| line.stage() == "early").map(Line::id).collect();
        assert!(came.keys().all(|id| early.contains(id.as_str())), "CP-1a: nothing is lost in silence");
    }

    /// CP-6: no delivery key came twice.
    fn assert_once(&self) {
        let mut keys = BTreeSet::new();
        for line in self.lines() {
            assert!(keys.insert(line.key.clone()), "{} was emitted twice", line.key);
        }
    }
}
