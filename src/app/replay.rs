//! `trailrisk replay`: files in, final risk events out. Where they would be sent does not matter here: what is staged, or
//! goes to no sink, is printed like everything else.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::bytes::Bytes;

use super::{Exit, Failure};
use crate::catalog::{self, Detections, Sources};
use crate::cli::{FormatArgs, FormatName, ReplayArgs};
use crate::clock;
use crate::cloudtrail::{DecodeLimits, Rejected};
use crate::config::{
    CloudEventsConfig, DetectionsConfig, FormatConfig, OcsfVersion, Secret, SplunkEnvelope, TemplateConfig,
};
use crate::engine::Counters;
use crate::files::{self, Unreadable};
use crate::plan::Plan;
use crate::replay::{Replay, Summary, Told, files_of, read_blocks};
use crate::sink::format::BodyFormat;
use crate::sink::format::native::{self, Lines, Meta};
use crate::telemetry::visible;
use crate::time::EventTime;

/// Risk events are written so many bytes at a time.
const OUTPUT_BYTES: usize = 64 * 1024;
/// Rejected documents that are named one by one; the summary counts the rest.
const NAMED_REJECTIONS: u64 = 20;

pub(super) fn run(args: &ReplayArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let sources = Sources::of(&args.detections)?;
    let detections = load(&sources.detections, diagnostics)?;
    let source_name = source_name(args, &sources)?;
    let bounds = catalog::bounds(&sources.limits, source_name);
    let limits = DecodeLimits { max_inflated_bytes: sources.limits.max_inflated_bytes };
    let mut replay = Replay::new(detections.plans, source_name, bounds, limits, sources.detections.decode_all);
    let files = files_of(&paths(args)?)?;
    let format = format(&args.format)?;
    let mut out = io::BufWriter::with_capacity(OUTPUT_BYTES, out);
    let mut handed_back =
        HandedBack { out: &mut out, is_native: matches!(format, BodyFormat::Native), left_out: 0, foreign: 0 };
    let damaged = read_all(&mut replay, &files, &mut handed_back, diagnostics)?;
    let HandedBack { left_out, foreign, .. } = handed_back;
    for (count, why) in [
        (left_out, "risk events in dead letters are left out: they can be handed back as native only"),
        (foreign, "dead letters of sinks are left out: what they hold is no risk event as it was written"),
    ] {
        if count > 0 {
            writeln!(diagnostics, "{count} {why}")?;
        }
    }
    let plans = replay.plans();
    let (summary, not_written) = print(replay, &format, &mut out)?;
    summarize(&summary, &plans, diagnostics)?;
    if let Some(problem) = not_written {
        return Err(Failure::new(Exit::Config, anyhow::anyhow!("not every risk event could be written: {problem}")));
    }
    if damaged > 0 {
        let message = format!("{damaged} files could not be read whole: what is printed may lack their events");
        return Err(Failure::new(Exit::Failed, anyhow::anyhow!(message)));
    }
    Ok(Exit::Ok)
}

/// Prints the final risk events; also gives the last reason for which one could not be written.
fn print(replay: Replay, format: &BodyFormat, out: &mut dyn Write) -> io::Result<(Summary, Option<String>)> {
    let mut not_written = None;
    let mut lines = Lines::default();
    let summary = replay.finish(|event| {
        let meta = Meta {
            emitted_at: jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX),
            producer: super::daemon::PRODUCER,
            worker: "replay",
            stream: "",
            source: None,
        };
        let line = lines.line(event, &meta);
        if let BodyFormat::Native = format {
            return out.write_all(line);
        }
        let body = match format.body(event, &meta, &Bytes::copy_from_slice(line)) {
            Ok(body) => body,
            Err(problem) => {
                not_written = Some(problem.to_string());
                return Ok(());
            }
        };
        out.write_all(&body.bytes)?;
        if body.bytes.is_empty() { Ok(()) } else { out.write_all(b"\n") }
    })?;
    out.flush()?;
    Ok((summary, not_written))
}

/// Part of every id (EM-3), so it is not to be guessed.
fn source_name<'a>(args: &'a ReplayArgs, sources: &'a Sources) -> Result<&'a str, Failure> {
    match (&args.source_name, &*sources.source_names) {
        (Some(name), _) | (None, [name]) => Ok(name),
        (None, names) => {
            let names = names.join(", ");
            let message =
                format!("the configuration has several sources: say whose ids to give with --source-name: {names}");
            Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)))
        }
    }
}

/// The detections that run, with what is to be said of them; the others are named.
pub(super) fn load(config: &DetectionsConfig, diagnostics: &mut dyn Write) -> Result<Detections, Failure> {
    let detections = catalog::load(config).map_err(Failure::config)?.ready().map_err(Failure::config)?;
    for problem in &detections.warnings {
        writeln!(diagnostics, "{}: warning: {}", visible(&problem.place()), visible(&problem.message))?;
    }
    for (_, problem) in &detections.refused {
        writeln!(diagnostics, "{}: does not run: {}", visible(&problem.place().to_string()), problem.message)?;
    }
    if detections.other_data > 0 {
        writeln!(diagnostics, "{} files search other data than CloudTrail", detections.other_data)?;
    }
    Ok(detections)
}

pub(super) fn format(args: &FormatArgs) -> Result<BodyFormat, Failure> {
    if let Some(path) = &args.template {
        files::exists(path)?;
        let values = args.template_values.iter().map(|(name, value)| (name.clone(), Secret(value.clone()))).collect();
        let config = TemplateConfig { path: path.clone(), values };
        return BodyFormat::of(&FormatConfig::Template(config))
            .map_err(|problem| Failure::new(Exit::Config, anyhow::anyhow!("template {problem}")));
    }
    Ok(match args.format {
        FormatName::Native => BodyFormat::Native,
        FormatName::Ocsf => {
            let version = OcsfVersion::ALL.into_iter().find(|version| version.as_str() == args.ocsf_version);
            BodyFormat::Ocsf(version.unwrap_or_default())
        }
        FormatName::SplunkEvent => BodyFormat::SplunkEvent(SplunkEnvelope::default()),
        FormatName::SplunkRisk => BodyFormat::SplunkRisk(SplunkEnvelope::default()),
        FormatName::CloudEvents => BodyFormat::CloudEvents(CloudEventsConfig::default()),
    })
}

/// Where risk events go that a receiver refused: a dead letter holds their native line, and nothing to write another
/// format from.
struct HandedBack<'a> {
    out: &'a mut dyn Write,
    is_native: bool,
    left_out: u64,
    /// Of what is no line of ours; whoever has put it there may want it on somebody's terminal.
    foreign: u64,
}

impl HandedBack<'_> {
    fn take(&mut self, event: &[u8]) -> io::Result<()> {
        if !native::is_line(event) {
            self.foreign += 1;
            return Ok(());
        }
        if self.is_native {
            self.out.write_all(event)?;
            return self.out.write_all(b"\n");
        }
        self.left_out += 1;
        Ok(())
    }
}

fn paths(args: &ReplayArgs) -> Result<Vec<PathBuf>, Failure> {
    if !args.paths.is_empty() {
        return Ok(args.paths.clone());
    }
    if io::stdin().is_terminal() {
        let message = "nothing to read: name files or folders, or send events to standard input";
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
    }
    Ok(vec![PathBuf::from("-")])
}

/// Reads what can be read. What cannot is named; gives how many files that are.
fn read_all(
    replay: &mut Replay,
    files: &[Result<PathBuf, Unreadable>],
    handed_back: &mut HandedBack<'_>,
    diagnostics: &mut dyn Write,
) -> Result<u64, Failure> {
    let progress = progress_bar(files);
    let mut heard = Heard { path: Path::new(""), named: 0, complaints: Vec::new(), handed_back, passed_on: Ok(()) };
    let mut damaged = 0;
    for file in files {
        let read = match file {
            Ok(path) => read_one(replay, path, &progress, &mut heard),
            Err(error) => Err(format!("cannot read {}: {}", shown(&error.path), error.source)),
        };
        damaged += u64::from(read.is_err());
        heard.complaints.extend(read.err());
        let complaints = std::mem::take(&mut heard.complaints);
        progress.suspend(|| complaints.iter().try_for_each(|line| writeln!(diagnostics, "{line}")))?;
    }
    progress.finish_and_clear();
    heard.passed_on?;
    Ok(damaged)
}

fn read_one<'a>(
    replay: &mut Replay,
    path: &'a Path,
    progress: &ProgressBar,
    heard: &mut Heard<'a, '_>,
) -> Result<(), String> {
    heard.path = path;
    let mut any = false;
    let mut read_bytes = |bytes| {
        any |= bytes > 0;
        progress.inc(bytes);
    };
    let read = read_blocks(path, &mut read_bytes, &mut |block| replay.take(block, heard));
    let shown = shown(path);
    read.map_err(|error| match any {
        true => format!("cannot read {shown} to its end: {}; its whole lines before that count", error.source),
        false => format!("cannot read {shown}: {}", error.source),
    })
}

/// What a replay tells of the documents that are no events.
struct Heard<'a, 'h> {
    path: &'a Path,
    /// Rejections so far.
    named: u64,
    complaints: Vec<String>,
    handed_back: &'a mut HandedBack<'h>,
    passed_on: io::Result<()>,
}

impl Told for Heard<'_, '_> {
    fn rejected(&mut self, line: u64, rejected: &Rejected) {
        self.named += 1;
        if self.named <= NAMED_REJECTIONS {
            let (path, reason) = (shown(self.path), rejected.reason.as_str());
            self.complaints.push(format!("{path}:{line}: rejected: {reason}: {}", rejected.detail));
        }
    }

    fn handed_back(&mut self, event: &[u8]) {
        if self.passed_on.is_ok() {
            self.passed_on = self.handed_back.take(event);
        }
    }
}

fn shown(path: &Path) -> String {
    match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => visible(&path.display().to_string()).into_owned(),
    }
}

fn progress_bar(files: &[Result<PathBuf, Unreadable>]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let total: u64 =
        files.iter().flatten().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum();
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    ProgressBar::new(total).with_style(style.expect("the template is valid"))
}

fn summarize(summary: &Summary, plans: &[std::sync::Arc<Plan>], diagnostics: &mut dyn Write) -> io::Result<()> {
    let counters = &summary.counters;
    let rejected: u64 = counters.rejected.values().sum();
    writeln!(
        diagnostics,
        "{} documents ({} skipped unparsed), {} events, {} rejected, {} risk events",
        summary.documents, summary.skipped, counters.events, rejected, summary.risk_events
    )?;
    tell_counters(counters, plans, diagnostics)
}

/// What became of the events, by reason and by detection.
pub(super) fn tell_counters(
    counters: &Counters,
    plans: &[std::sync::Arc<Plan>],
    diagnostics: &mut dyn Write,
) -> io::Result<()> {
    for (reason, count) in &counters.rejected {
        writeln!(diagnostics, "  rejected as {}: {count}", reason.as_str())?;
    }
    for (plan, counted) in plans.iter().zip(&counters.plans) {
        let name = visible(&plan.text().name);
        writeln!(
            diagnostics,
            "  {name}: {} matches, {} duplicates, {} without a by-field",
            counted.counted, counted.duplicate, counted.null_by
        )?;
        for (field, count) in plan.by_fields().iter().zip(&counted.null_by_field).filter(|(_, count)| **count > 0) {
            writeln!(diagnostics, "    no {field}: {count}")?;
        }
        if counted.null_by_rows > 0 {
            writeln!(
                diagnostics,
                "    rows without a by-field, beside others of their event: {}",
                counted.null_by_rows
            )?;
        }
        if counted.cut_rows > 0 {
            let cut = counted.cut_rows;
            writeln!(
                diagnostics,
                "    rows cut by the bounds on those of one event and of one window: at least {cut}"
            )?;
        }
        for (filter, count) in plan.text().filters.iter().zip(&counted.hidden_rows) {
            if *count > 0 {
                writeln!(diagnostics, "    rows hidden by {}: {count}", filter.name)?;
            }
            if let Some(expires) = filter.expires_ms.map(EventTime) {
                writeln!(diagnostics, "    {} applies to windows that end by {expires}", filter.name)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of `check` and the daemon: a search that finds nothing in the silence of Splunk looks like no attack.
    #[test]
    fn what_is_to_be_said_of_a_detection_that_runs_is_said_before_a_replay() {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/detections/aws_exfiltration_via_batch_service.yml");
        let shipped = std::fs::read_to_string(shipped).expect("it is shipped");
        let misspelt = shipped.replace("userAgent", "userAgnet");
        std::fs::write(folder.path().join("misspelt.yml"), misspelt).expect("it is writable");
        let (mut said, paths) = (Vec::new(), vec![folder.path().to_owned()]);
        load(&DetectionsConfig { paths, ..DetectionsConfig::default() }, &mut said).expect("it runs");
        let said = String::from_utf8(said).expect("text");
        let (place, message) = said.trim_end().split_once(": warning: ").expect(&said);
        assert!(place.contains("misspelt.yml:") && message.contains("userAgnet"), "{said}");
    }

    fn handed_back(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        HandedBack { out: &mut out, is_native: true, left_out: 0, foreign: 0 }.take(data).unwrap();
        out
    }

    /// What is read is anybody's: an export of the stream has whatever a producer has put there.
    #[test]
    fn threat_1_what_is_handed_back_is_a_line_of_ours_and_acts_nowhere() {
        let ours = r#"{"schema":"trailrisk.risk_event/v1","id":"1","risk_message":"grün \u001b[2J"}"#;
        assert_eq!(handed_back(ours.as_bytes()), format!("{ours}\n").as_bytes());
        for acts in ["\u{1b}[2J", "\n", "\r", "\u{9b}2J", "\u{202e}", "\u{2028}", "\u{7f}"] {
            assert!(handed_back(ours.replace("1\"", &format!("1{acts}\"")).as_bytes()).is_empty(), "{acts:?}");
            assert!(handed_back(format!("{acts}{ours}").as_bytes()).is_empty(), "{acts:?}");
        }
        for other in
            [&b"rm -rf /"[..], b"", b"{\"a\":1}", b"\xff", &ours.as_bytes()[..60], &[ours, ours].concat().into_bytes()]
        {
            assert!(handed_back(other).is_empty(), "{other:?}");
        }
    }
}
