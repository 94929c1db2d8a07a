//! The daemon of the demo: what it runs, and its configuration.

use std::io::{stderr, stdout};
use std::process::ExitCode;

use clap::Parser as _;

use crate::events::{GRACE, WINDOW};
use crate::support::daemon::{Daemon, Home, package};

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

/// Starts it on a stream, with its state in a folder of its own, and waits until it is ready.
pub async fn start(endpoint: &str, stream: &str) -> (Home, Daemon) {
    let executable = std::env::current_exe().expect("this executable has a path");
    let home = Home::new(executable, &["daemon"]);
    home.configure(configuration(endpoint, stream));
    let daemon = home.start();
    daemon.ready().await;
    (home, daemon)
}

fn configuration(endpoint: &str, stream: &str) -> String {
    let (detections, macros) = (package("config/detections"), package("config/macros.yaml"));
    format!(
        "source:\n  stream: {stream}\n  region: us-east-1\n  endpoint_url: {endpoint}\n  start: trim_horizon\n  \
           poll_interval: 200ms\n  tip_slack: 1s\n  list_interval: 5s\n\
         detections:\n  paths: [{detections:?}]\n  macros: {macros:?}\n  window: {WINDOW}s\n  grace: {GRACE}s\n\
         sinks:\n  - name: stdout\n    type: stdout\n\
         dead_letter:\n  path: dead-letters.ndjson\n\
         checkpoint:\n  store: file\n  path: checkpoint.json\n  interval: 1s\n\
         admin:\n  listen: 127.0.0.1:0\n  status_events: true\n\
         log:\n  level: info\n  format: json\n"
    )
}
