//! Writes generated CloudTrail events to a file, for measurements: `generate.rs` says what they look like.
//!
//! `cargo run --release --example events -- --events 1000000 --match-percent 0.1 --groups 1000 --output FILE`
//!
//! | flag | default | meaning |
//! |---|---|---|
//! | `--events` | 1000000 | how many events |
//! | `--match-percent` | 0.1 | of a hundred events, so many match the shipped detection; down to 0.0001 |
//! | `--groups` | 1000 | the matching events are spread over so many groups |
//! | `--seed` | 1 | the same seed gives the same bytes |
//! | `--wrapper` | bare | `bare`, `eventbridge` (both one event a line), `cwl` or `file` (gzip members, each a line when inflated) |
//! | `--output` | | the file; standard output without it |

#![expect(clippy::print_stderr, reason = "a tool talks to its user")]

mod generate;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use generate::{Generator, Spec, Wrapper};

const BUFFER_BYTES: usize = 1 << 20;

fn main() -> ExitCode {
    let done = parse(std::env::args().skip(1)).and_then(|(spec, output)| {
        write(spec, output.as_deref()).map_err(|error| format!("{}: {error}", output.as_deref().unwrap_or("stdout")))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<(Spec, Option<String>), String> {
    let mut spec =
        Spec { events: 1_000_000, matches_per_million: 1_000, groups: 1_000, seed: 1, wrapper: Wrapper::Bare };
    let mut output = None;
    let mut arguments = arguments;
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{flag} {value}: {error}"));
        match flag.as_str() {
            "--events" => spec.events = number()?,
            "--groups" => spec.groups = number()?.max(1),
            "--seed" => spec.seed = number()?,
            "--match-percent" => spec.matches_per_million = per_million(&value)?,
            "--wrapper" => spec.wrapper = wrapper(&value)?,
            "--output" => output = Some(value),
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    Ok((spec, output))
}

fn per_million(percent: &str) -> Result<u64, String> {
    match percent.parse::<f64>() {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok((number * 10_000.0).round() as u64),
        _ => Err(format!("--match-percent {percent}: not a number between 0 and 100")),
    }
}

fn wrapper(name: &str) -> Result<Wrapper, String> {
    match name {
        "bare" => Ok(Wrapper::Bare),
        "eventbridge" => Ok(Wrapper::EventBridge),
        "cwl" => Ok(Wrapper::CloudWatchLogs),
        "file" => Ok(Wrapper::File),
        _ => Err(format!("--wrapper {name}: bare, eventbridge, cwl or file")),
    }
}

fn write(spec: Spec, output: Option<&str>) -> io::Result<()> {
    let mut file: Box<dyn Write> = match output {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::stdout().lock()),
    };
    let mut generator = Generator::new(spec);
    let mut block = Vec::with_capacity(2 * BUFFER_BYTES);
    while generator.record(&mut block) {
        if matches!(spec.wrapper, Wrapper::Bare | Wrapper::EventBridge) {
            block.push(b'\n');
        }
        if block.len() >= BUFFER_BYTES {
            file.write_all(&block)?;
            block.clear();
        }
    }
    file.write_all(&block)?;
    file.flush()
}
