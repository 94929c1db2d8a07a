//! A real Prometheus (Debian's package) as a process of its own, with the rules of `deploy/prometheus`.
//!
//! Deliberately absent: a download of one. Without `prometheus` and `promtool` on the path these tests are skipped, and say
//! so; with `TRAILRISK_REQUIRE_PROMETHEUS=1` they fail then.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::daemon::{Reserved, package};
use super::{PATIENCE, within};

/// It is killed when dropped.
pub struct Prometheus {
    url: String,
    client: reqwest::Client,
    _child: Child,
    _folder: TempDir,
    _reserved: Reserved,
}

impl Prometheus {
    /// Scrapes `target` and evaluates the shipped rules once a second, with each `for` shortened to a second; other
    /// thresholds are those that are shipped. None if this machine has none, which is said.
    ///
    /// # Panics
    /// When it is missing and required, or does not start.
    pub async fn start(target: &str) -> Option<Self> {
        let found = Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.await.is_err() {
            skip();
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        for (file, pattern, replaced) in [
            ("prometheus.yml", r"127\.0\.0\.1:9464", target),
            ("prometheus.yml", r"_interval: 15s", "_interval: 1s"),
            ("alerts.yaml", r"for: \d+m", "for: 1s"),
            ("recording.yaml", "", ""),
        ] {
            let written = folder.path().join(file);
            let source = if written.exists() { written.clone() } else { package(&format!("deploy/prometheus/{file}")) };
            let text = std::fs::read_to_string(source).expect("it is shipped");
            let pattern = Regex::new(pattern).expect("a pattern");
            assert!(pattern.is_match(&text), "{file} has nothing like {pattern}");
            std::fs::write(written, &*pattern.replace_all(&text, replaced)).expect("the folder is writable");
        }
        let reserved = Reserved::new();
        let address = reserved.address();
        let log = std::fs::File::create(folder.path().join("log")).expect("the folder is writable");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("it is on the path");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Some(Self { url: format!("http://{address}"), client, _child: child, _folder: folder, _reserved: reserved })
    }

    /// What a path of its API says; none while it does not answer.
    pub async fn api(&self, path: &str) -> Option<Value> {
        let answer = self.client.get(format!("{}/api/v1/{path}", self.url)).send().await.ok()?;
        let answer: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// Waits until the alert of this name is all that fires: a scrape may fail on a busy machine, and that fires for a while.
    pub async fn until_alone(&self, name: &str) {
        let alone = || async {
            let alerts = self.alerts().await?;
            let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
            let names: BTreeSet<_> = firing.map(|alert| alert["labels"]["alertname"].as_str()).collect();
            (names == BTreeSet::from([Some(name)])).then_some(())
        };
        within(PATIENCE, &format!("{name} fires and nothing else"), alone).await;
    }

    /// The alert that fires under this name, once it does.
    pub async fn until_fires(&self, name: &str) -> Value {
        let fires = || async {
            let is_it = |alert: &Value| alert["labels"]["alertname"] == name && alert["state"] == "firing";
            self.alerts().await?.into_iter().find(is_it)
        };
        within(PATIENCE, &format!("{name} fires"), fires).await
    }

    /// Waits until the expression has a result; it is compared, so that it has none while it does not hold.
    pub async fn until_true(&self, expression: &str) {
        let query = format!("query?query={}", expression.replace('>', "%3E"));
        let holds = || async { self.api(&query).await?["result"].as_array().filter(|it| !it.is_empty()).map(drop) };
        within(PATIENCE, expression, holds).await;
    }

    /// Waits until no alert fires or is about to, every rule was evaluated without an error, and the target was scraped.
    pub async fn until_healthy(&self) {
        let healthy = || async {
            let targets = self.api("targets").await?;
            let up = targets["activeTargets"].as_array()?.iter().all(|target| target["health"] == "up");
            let groups = self.api("rules").await?;
            let mut rules = groups["groups"].as_array()?.iter().flat_map(|group| group["rules"].as_array()).flatten();
            let evaluated = rules.all(|rule| rule["health"] == "ok");
            (up && evaluated && self.alerts().await?.is_empty()).then_some(())
        };
        within(PATIENCE, "the target is up, every rule in order, and no alert there", healthy).await;
    }

    async fn alerts(&self) -> Option<Vec<Value>> {
        self.api("alerts").await?["alerts"].as_array().cloned()
    }
}

/// Says so past the test harness, which keeps what a successful test prints to itself.
fn skip() {
    let required = std::env::var_os("TRAILRISK_REQUIRE_PROMETHEUS").is_some_and(|value| value == "1");
    assert!(!required, "prometheus must be on the path");
    let thread = std::thread::current();
    let note = format!("SKIPPED {}: there is no prometheus\n", thread.name().unwrap_or("a test"));
    std::io::stderr().write_all(note.as_bytes()).expect("standard error is open");
}
