//! Several streams in one daemon: each gives what it gives alone, whatever the others do.
//!
//! The two here have one name and the same events, in two Kinesis of their own: what told them apart by anything but the
//! names of their sources would mix them up.

mod alone;
mod crashes;
mod holders;
mod seen;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::event::JobCreated;
use super::line::{Line, finals, read_all, text};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const SOURCES: [&str; 2] = ["east", "west"];

/// Two streams, a folder, and what was put and said.
struct Scene {
    /// By source.
    kinesis: [LocalKinesis; 2],
    home: Home,
    config: Value,
    /// By source.
    events: [Vec<JobCreated>; 2],
    /// What the lives that ended said.
    said: Vec<String>,
}

impl Scene {
    async fn new(change: impl FnOnce(&mut Value)) -> Self {
        let kinesis = [LocalKinesis::start().await, LocalKinesis::start().await];
        let mut config = config(&kinesis[0]);
        let one = config.as_object_mut().expect("a mapping").remove("source").expect("it is there");
        let mut sources = Vec::new();
        for (name, kinesis) in SOURCES.iter().zip(&kinesis) {
            kinesis.create_stream(STREAM, 2).await;
            let mut source = one.clone();
            (source["name"], source["endpoint_url"]) = (json!(name), json!(kinesis.url()));
            sources.push(source);
        }
        config["sources"] = sources.into();
        change(&mut config);
        let home = home();
        home.configure(config.to_string());
        Self { kinesis, home, config, events: Default::default(), said: Vec::new() }
    }

    /// Puts events of as many accounts, whose results are one early and one final each, all over the shards of a stream.
    async fn put(&mut self, source: usize, count: usize) {
        let known = self.events[source].len() as u64;
        let event = |number: u64| JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number));
        let new: Vec<JobCreated> = (known..known + count as u64).map(event).collect();
        let records = new.iter().map(|event| (event.id.clone(), event.text().into_bytes()));
        self.kinesis[source].put(STREAM, records.collect::<Vec<_>>()).await;
        self.events[source].extend(new);
    }

    async fn put_both(&mut self, count: usize) {
        for source in 0..SOURCES.len() {
            self.put(source, count).await;
        }
    }

    /// Waits until every event's final came that was put into these streams, in this life or one before.
    async fn until_final(&self, daemon: &Daemon, sources: &[usize]) {
        for source in sources {
            let all = || async {
                let lines = read_all(self.said.iter().chain(&daemon.lines()));
                (finals(of(&lines, *source)).len() >= self.events[*source].len()).then_some(())
            };
            daemon.until(PATIENCE, &format!("every final of {}", SOURCES[*source]), all).await;
        }
    }

    async fn stop(&mut self, daemon: Daemon) {
        let ended = daemon.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        self.said.extend(ended.lines);
    }

    async fn kill(&mut self, daemon: Daemon) {
        self.said.extend(daemon.kill().await.lines);
    }

    /// A command with the configuration of the scene, to its end.
    async fn command(&self, arguments: &[&str]) -> Ended {
        Daemon::spawn(self.home.with_config(arguments)).ended().await
    }

    /// What a replay makes of the events of a stream, as if it were alone.
    async fn replayed(&self, source: usize) -> BTreeMap<String, String> {
        let texts: Vec<String> = self.events[source].iter().map(JobCreated::text).collect();
        self.home.write("events.ndjson", texts.join("\n"));
        let ended = self.command(&["replay", "--source-name", SOURCES[source], "events.ndjson"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        finals(&read_all(&ended.lines))
    }

    /// EM-4: the finals of each stream are those of a replay of its events alone.
    async fn assert_exact(&self, said: &[String]) {
        let lines = read_all(said);
        for (source, name) in SOURCES.iter().enumerate() {
            let came = finals(of(&lines, source));
            assert_eq!(came.len(), self.events[source].len(), "one for each event of {name}");
            assert_eq!(came, self.replayed(source).await, "{name}");
        }
    }

    /// CP-6: no delivery key came twice.
    fn assert_once(&self) {
        let mut keys = BTreeSet::new();
        for line in read_all(&self.said) {
            assert!(keys.insert(line.key.clone()), "{} was emitted twice", line.key);
        }
    }
}

/// The lines of a source.
fn of(lines: &[Line], source: usize) -> impl Iterator<Item = &Line> {
    lines.iter().filter(move |line| text(&line.json["meta"]["source"]) == SOURCES[source])
}

/// One sample of a source, whatever the order of its labels.
async fn metric(daemon: &Daemon, name: &str, labels: &[(&str, &str)]) -> f64 {
    let metrics = daemon.metrics().await;
    let is_it = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
            && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    };
    let values: Vec<f64> = metrics
        .lines()
        .filter(is_it)
        .map(|line| line.rsplit_once(' ').expect("a value").1.parse().expect("a number"))
        .collect();
    assert_eq!(values.len(), 1, "{name} {labels:?}\n{metrics}");
    values[0]
}
