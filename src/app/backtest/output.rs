//! What a backtest prints on standard output: risk events, or what differs from a file of them.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::comparison;
use crate::app::daemon::PRODUCER;
use crate::app::{Exit, Failure, replay};
use crate::backtest::{Comparison, LiveFile, Range, Tally};
use crate::catalog::Detections;
use crate::cli::BacktestArgs;
use crate::clock;
use crate::config::{Config, LogFormat};
use crate::risk_event::{RiskEvent, Stage};
use crate::sink::Router;
use crate::sink::format::BodyFormat;
use crate::sink::format::native::{self, Meta};
use crate::spl::did_you_mean;
use crate::telemetry::HarmlessLines;

/// Differences that are shown one by one; the tally counts all.
const SHOWN: usize = 100;

pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
    kind: Kind,
    stream: String,
    /// Where sources are named.
    source: Option<String>,
    /// The sink whose share alone is wanted, by its place in the configuration.
    sink: Option<(Router, usize)>,
    count: u64,
    not_written: Option<String>,
}

enum Kind {
    Print(BodyFormat),
    Compare(Box<Comparison>, PathBuf),
}

impl<'a> Output<'a> {
    pub(super) fn of(
        args: &BacktestArgs,
        config: &Config,
        detections: &Detections,
        range: Range,
        out: &'a mut dyn Write,
    ) -> Result<Self, Failure> {
        let kind = match &args.diff {
            Some(file) => Kind::Compare(Box::new(comparison(range, config, detections)), file.clone()),
            None => Kind::Print(replay::format(&args.format)?),
        };
        let sink = args.sink.as_ref().map(|name| sink(name, config, detections)).transpose()?;
        let source = &config.sources[0];
        let (stream, source) = (source.stream.name().to_owned(), config.names_sources.then(|| source.name.clone()));
        Ok(Self { out, kind, stream, source, sink, count: 0, not_written: None })
    }

    /// Reads the file to compare with; before anything of the stream is read, since it may be wrong.
    pub(super) fn read_live(&mut self, diagnostics: &mut dyn Write) -> Result<(), Failure> {
        let Kind::Compare(comparison, path) = &mut self.kind else { return Ok(()) };
        let mut foreign = 0_u64;
        let mut take = |line, body: &str| foreign += u64::from(!comparison.live(line, body));
        let file = LiveFile::read(path, self.source.as_deref(), &mut take)
            .map_err(|error| Failure::new(Exit::Usage, error))?;
        let shown = path.display().to_string();
        if file.is_foreign() {
            let message = format!(
                "{shown} holds no risk event of trailrisk: its {} lines are something else. NDJSON is expected, as a sink \
                 of type stdout or file writes it in its native format",
                file.others
            );
            return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
        }
        Ok(tell_passed_over(&file, foreign, &shown, diagnostics)?)
    }

    pub(super) fn take(&mut self, event: &RiskEvent) -> io::Result<()> {
        if let Some((router, wanted)) = &self.sink
            && !router.sinks_of(&event.detection, Stage::Final).is_ok_and(|sinks| sinks.contains(wanted))
        {
            return Ok(());
        }
        self.count += 1;
        match &mut self.kind {
            Kind::Compare(comparison, _) => comparison.stream(&String::from_utf8_lossy(&native::compared(event))),
            Kind::Print(format) => {
                let meta = Meta {
                    emitted_at: jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX),
                    producer: PRODUCER,
                    worker: "backtest",
                    stream: &self.stream,
                    source: self.source.as_deref(),
                };
                match format.body(event, &meta, &native::line(event, &meta).into()) {
                    Err(problem) => self.not_written = Some(problem.to_string()),
                    Ok(body) if body.bytes.is_empty() => {}
                    Ok(body) => {
                        self.out.write_all(&body.bytes)?;
                        self.out.write_all(b"\n")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Risk events of the range so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn finish(self, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
        self.out.flush()?;
        if let Some(problem) = self.not_written {
            return Err(Failure::new(
                Exit::Config,
                anyhow::anyhow!("not every risk event could be written: {problem}"),
            ));
        }
        let Kind::Compare(comparison, path) = self.kind else { return Ok(Exit::Ok) };
        let (differences, tally) = comparison.finish();
        let file = path.display().to_string();
        let mut out = HarmlessLines::new(LogFormat::Text, BufWriter::new(self.out));
        for line in differences.iter().take(SHOWN).flat_map(|difference| difference.lines(&file)) {
            writeln!(out, "{line}")?;
        }
        if differences.len() > SHOWN {
            writeln!(out, "and {} more", differences.len() - SHOWN)?;
        }
        out.flush()?;
        explain(&tally, diagnostics)?;
        conclude(&tally, &file, diagnostics)?;
        Ok(if tally.is_equal() { Exit::Ok } else { Exit::Failed })
    }
}

/// The lines that take no part in the comparison; `foreign` are risk events whose content is not this build's.
fn tell_passed_over(file: &LiveFile, foreign: u64, shown: &str, diagnostics: &mut dyn Write) -> io::Result<()> {
    if file.others > 0 {
        let count = file.others;
        writeln!(diagnostics, "{shown}: {count} lines are no final risk event to compare, and are passed over")?;
    }
    if !file.torn.is_empty() {
        let lines: Vec<String> = file.torn.iter().take(10).map(u64::to_string).collect();
        writeln!(
            diagnostics,
            "{shown}: {} lines hold a piece of a risk event, as a crash leaves it, and are passed over: {}",
            file.torn.len(),
            lines.join(", ")
        )?;
    }
    if foreign > 0 {
        writeln!(diagnostics, "{shown}: {foreign} risk events are of another build's format and are passed over")?;
    }
    Ok(())
}

fn sink(name: &str, config: &Config, detections: &Detections) -> Result<(Router, usize), Failure> {
    let place = config.sinks.iter().position(|sink| sink.name == name).ok_or_else(|| {
        let near = did_you_mean(name, config.sinks.iter().map(|sink| sink.name.as_str()));
        Failure::new(Exit::Usage, anyhow::anyhow!("--sink {name:?} is no sink of the configuration{near}"))
    })?;
    Ok((Router::new(&config.sinks, detections.routes.clone()), place))
}

/// What is behind differences that are no mistake of anybody's.
fn explain(tally: &Tally, diagnostics: &mut dyn Write) -> io::Result<()> {
    let reasons = [
        (
            tally.changed,
            "stand under the id of another plan: the id holds the detection's fingerprint (its file, macros, lookups, \
             window, grace, max_future_skew) and source.name, and one of these is not what it was live",
        ),
        (
            tally.partial,
            "are marked partial: the daemon began to read, or its detection changed, inside these windows; --checkpoint \
             compares them as it saw them",
        ),
        (tally.forced, "are of windows that were closed early, because limits.max_state_bytes was reached (BD-2)"),
        (
            tally.other_pane,
            "are one window and group in another pane: Kinesis may have shown records later than source.tip_slack \
             (trailrisk_tip_slack_violations_total counts them)",
        ),
    ];
    for (count, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
        writeln!(diagnostics, "of the differences {count} {reason}")?;
    }
    Ok(())
}

fn conclude(tally: &Tally, file: &str, diagnostics: &mut dyn Write) -> io::Result<()> {
    writeln!(
        diagnostics,
        "{file}: {} final risk events close in the range ({} lines repeat one, {} events lie outside)",
        tally.in_file, tally.repeats, tally.outside
    )?;
    if tally.is_empty() {
        // No failure, since a quiet hour is like this too.
        return writeln!(
            diagnostics,
            "warning: nothing was compared: neither the file nor the stream has a final risk event that closes in the \
             range; are both the right ones?"
        );
    }
    if tally.is_equal() {
        return writeln!(diagnostics, "no difference: {} alike, byte for byte", tally.alike);
    }
    writeln!(
        diagnostics,
        "they differ: {} alike, {} missing in the file, {} extra, {} different, {} of a changed detection",
        tally.alike, tally.missing, tally.extra, tally.different, tally.changed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concluded(tally: Tally) -> String {
        let mut said = Vec::new();
        conclude(&tally, "live.ndjson", &mut said).expect("it is written");
        String::from_utf8(said).expect("text")
    }

    /// A wrong file or range looks like this. So does a quiet hour, which a nightly check must not fail for.
    #[test]
    fn that_nothing_was_compared_is_no_agreement() {
        let said = concluded(Tally { outside: 3, ..Tally::default() });
        assert!(said.contains("warning: nothing was compared"), "{said}");
        assert!(!said.contains("no difference"), "{said}");
        let said = concluded(Tally { in_file: 2, alike: 2, ..Tally::default() });
        assert!(said.ends_with("no difference: 2 alike, byte for byte\n"), "{said}");
    }
}
