//! The thin binary: argv to exit code.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

use trailrisk::app::{self, Exit};
use trailrisk::cli::Cli;
use trailrisk::config::LogFormat;
use trailrisk::telemetry::HarmlessLines;

fn main() -> ExitCode {
    let cli = match Cli::of_process() {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be printed has no reader.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    match app::run(cli, &mut stdout(), &mut stderr()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = writeln!(HarmlessLines::new(LogFormat::Text, stderr()), "trailrisk: {:#}", failure.error);
            failure.exit.into()
        }
    }
}
