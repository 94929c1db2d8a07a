//! The daemon's process: its configuration, its lines, its port, its end.

use std::io::{stderr, stdout};
use std::path::Path;
use std::process::{ExitCode, Stdio};

use clap::Parser as _;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

use crate::events::{GRACE, WINDOW};
use crate::support::wait_until;

/// What the started-again executable does: `trailrisk` with these arguments.
pub fn main(arguments: Vec<String>) -> ExitCode {
    let cli = trailrisk::cli::Cli::parse_from(std::iter::once("trailrisk".to_owned()).chain(arguments));
    match trailrisk::app::run(cli, &mut stdout(), &mut stderr()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            println!("{:#}", failure.error);
            failure.exit.into()
        }
    }
}

/// A running daemon.
pub struct Daemon {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    admin: String,
    _folder: TempDir,
}

impl Daemon {
    /// Starts it on a stream, with its state in a folder of its own, and waits until it is ready.
    pub async fn start(endpoint: &str, stream: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let admin = free_address();
        let config = folder.path().join("trailrisk.yaml");
        std::fs::write(&config, configuration(endpoint, stream, &admin)).expect("the folder is writable");
        let mut child = Command::new(std::env::current_exe().expect("this executable has a path"))
            .args(["daemon", "run", "--config"])
            .arg(&config)
            .env("AWS_ACCESS_KEY_ID", "demo")
            .env("AWS_SECRET_ACCESS_KEY", "demo")
            .env_remove("AWS_PROFILE")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("this executable can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let daemon = Self { child, lines, admin, _folder: folder };
        wait_until("the daemon is ready", || async {
            daemon.get("/readyz").await.filter(|(status, _)| *status == 200)
        })
        .await;
        daemon
    }

    /// Where its admin port listens.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The next line of its standard output: a risk event.
    pub async fn next_line(&mut self) -> Option<String> {
        self.lines.next_line().await.expect("its output is UTF-8")
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        self.get("/metrics").await.map(|(_, body)| body).unwrap_or_default()
    }

    /// Sends SIGTERM and waits. Whether it ended with exit code 0 and without a further risk event.
    pub async fn stop(&mut self) -> bool {
        let pid = self.child.id().expect("it still runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.is_ok_and(|status| status.success());
        let mut rest = 0;
        while self.next_line().await.is_some() {
            rest += 1;
        }
        let exit = self.child.wait().await.expect("it was started");
        sent && rest == 0 && exit.code() == Some(0)
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.admin).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin);
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }
}

/// An address that was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}

fn configuration(endpoint: &str, stream: &str, admin: &str) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let (detections, macros) = (shipped.join("detections"), shipped.join("macros.yaml"));
    format!(
        "source:\n  stream: {stream}\n  region: us-east-1\n  endpoint_url: {endpoint}\n  start: trim_horizon\n  \
           poll_interval: 200ms\n  tip_slack: 1s\n  list_interval: 5s\n\
         detections:\n  paths: [{detections:?}]\n  macros: {macros:?}\n  window: {WINDOW}s\n  grace: {GRACE}s\n\
         sinks:\n  - name: stdout\n    type: stdout\n\
         dead_letter:\n  path: dead-letters.ndjson\n\
         checkpoint:\n  store: file\n  path: checkpoint.json\n  interval: 1s\n\
         admin:\n  listen: {admin}\n\
         log:\n  level: warn\n  format: text\n"
    )
}
