//! `trailrisk tail`: events of a stream as they arrive, and what they come to.

use std::io::{self, Write};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::host::stop_on_signal;
use super::stream::{self, Connected};
use super::until_closed::UntilClosed;
use super::{Exit, Failure};
use crate::catalog;
use crate::cli::{Since, TailArgs, TailFormat};
use crate::cloudtrail::{DecodeLimits, Decoded, decode};
use crate::config::{Config, LogFormat};
use crate::engine::{ShardId, StartPosition};
use crate::source::{Record, ShardMessage, Source, SourceError, StreamDescription};
use crate::spl::Macros;
use crate::tail::{Filter, Frontier, HEADER, Place, Shown, Tally, event, rejected};
use crate::telemetry::HarmlessLines;
use crate::time::Arrival;

pub(super) fn run<W: Write>(
    args: &TailArgs,
    out: &mut UntilClosed<W>,
    diagnostics: &mut dyn Write,
) -> Result<Exit, Failure> {
    let config = stream::config(&args.stream)?;
    let filter = args.search.as_ref().map(|search| filter(search, &config)).transpose()?;
    for warning in filter.iter().flat_map(Filter::warnings) {
        writeln!(diagnostics, "--search: warning: {warning}")?;
    }
    stream::log_warnings()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tail = Tail::begin(args, &config, filter, diagnostics).await?;
        let ended = tail.follow(args, out, diagnostics).await;
        for line in tail.tally.lines() {
            writeln!(diagnostics, "{line}")?;
        }
        ended.map(|()| Exit::Ok)
    })
}

fn filter(search: &str, config: &Config) -> Result<Filter, Failure> {
    let macros: Macros = catalog::macros(&config.detections.macros).map_err(Failure::config)?;
    Filter::compile(search, &macros).map_err(|error| Failure::new(Exit::Usage, error))
}

struct Tail {
    connected: Connected,
    frontier: Frontier,
    /// From when on the listings tell of shards.
    since: Arrival,
    filter: Option<Filter>,
    limits: DecodeLimits,
    shown: Shown,
    tally: Tally,
    /// Of the source.
    tip_slack_ms: i64,
}

impl Tail {
    async fn begin(
        args: &TailArgs,
        config: &Config,
        filter: Option<Filter>,
        diagnostics: &mut dyn Write,
    ) -> Result<Self, Failure> {
        let mut connected = Connected::to(config).await?;
        let described = connected.source.description().clone();
        let (start, since) = start(args.since, connected.now, &described)?;
        let mut frontier = Frontier::new(start);
        frontier.listed(connected.source.list_from(since).await.map_err(Failure::config)?);
        start_reading(&mut frontier, &mut connected.source);
        say_begin(&described, since, connected.now, diagnostics)?;
        let shown = match args.format {
            TailFormat::Text => Shown::Text,
            TailFormat::Json => Shown::Json,
        };
        if shown == Shown::Text {
            writeln!(diagnostics, "{HEADER}")?;
        }
        let limits = DecodeLimits { max_inflated_bytes: config.limits.max_inflated_bytes };
        let tip_slack_ms = i64::try_from(config.sources[0].tip_slack.as_millis()).unwrap_or(i64::MAX);
        Ok(Self { connected, frontier, since, filter, limits, shown, tally: Tally::default(), tip_slack_ms })
    }

    /// Shows events until the first of: the limit, the time, the tip if that is enough, a signal, a closed output.
    async fn follow<W: Write>(
        &mut self,
        args: &TailArgs,
        out: &mut UntilClosed<W>,
        diagnostics: &mut dyn Write,
    ) -> Result<(), Failure> {
        let stop = stop_on_signal()?;
        let mut over = std::pin::pin!(over(args.at_most, stop));
        let limit = args.limit.unwrap_or(u64::MAX);
        let tip = self.connected.now.plus(-self.tip_slack_ms);
        while self.tally.shown < limit && !out.is_closed() && !(args.no_follow && self.frontier.has_shown(tip)) {
            let message = tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                error = self.connected.source.failed() => return Err(failed(error)),
                Some(message) = self.connected.messages.recv() => message,
            };
            if self.take(message, limit, out, diagnostics)? {
                let listed = self.connected.source.list_from(self.since).await.map_err(failed)?;
                self.frontier.listed(listed);
                start_reading(&mut self.frontier, &mut self.connected.source);
            }
        }
        Ok(())
    }

    /// Says whether the shards are to be listed anew.
    fn take<W: Write>(
        &mut self,
        message: ShardMessage,
        limit: u64,
        out: &mut UntilClosed<W>,
        diagnostics: &mut dyn Write,
    ) -> io::Result<bool> {
        match message {
            ShardMessage::Records { shard, records, resume, permit, .. } => {
                let lines = self.lines(&shard, &records, limit);
                drop(permit);
                print(self.shown, &lines, out)?;
                // A consumer that is gone needs no leave.
                let _ = resume.send(());
            }
            ShardMessage::AtTip { shard, read_through } => self.frontier.at_tip(shard, read_through),
            ShardMessage::Drained { shard, children } => {
                let lists = self.frontier.drained(shard, children);
                start_reading(&mut self.frontier, &mut self.connected.source);
                return Ok(lists);
            }
            ShardMessage::Stalled { shard, stalled: true } => {
                writeln!(diagnostics, "{shard} is stalled: no successful read for source.stalled_after; trying on")?;
            }
            ShardMessage::Stalled { shard, stalled: false } => writeln!(diagnostics, "{shard} is read again")?,
            ShardMessage::PossibleLoss { shard, detail, .. } => {
                writeln!(diagnostics, "records may be lost in {shard}: {detail}")?;
            }
            ShardMessage::Listed(_) => {}
        }
        Ok(false)
    }

    /// The lines of some records; behind the limit nothing is looked at any more.
    fn lines(&mut self, shard: &ShardId, records: &[Record], limit: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for record in records {
            if self.tally.shown >= limit {
                break;
            }
            let decoded = decoded(record, &self.limits);
            self.tally.record(record.arrival, &decoded);
            let place = Place { shard, position: &record.position, arrival: record.arrival };
            if self.filter.is_none() {
                lines.extend(decoded.rejected.iter().map(|piece| rejected(self.shown, &place, piece)));
            }
            let envelopes = decoded.envelopes.iter().flat_map(|(envelope, count)| (0..*count).map(move |_| *envelope));
            for (envelope, one) in envelopes.zip(&decoded.events) {
                let is_wanted = self.filter.as_ref().is_none_or(|filter| filter.finds(one));
                if is_wanted && self.tally.shown < limit {
                    self.tally.shown += 1;
                    lines.push(event(self.shown, &place, envelope, one));
                }
            }
        }
        lines
    }
}

/// What the daemon would make of it: a user record that does not belong to its shard is rejected whole (PO-1).
fn decoded(record: &Record, limits: &DecodeLimits) -> Decoded {
    match record.refused() {
        Some(refused) => Decoded { rejected: refused.rejected, ..Decoded::default() },
        None => decode(&record.data, limits),
    }
}

fn print<W: Write>(shown: Shown, lines: &[String], out: &mut UntilClosed<W>) -> io::Result<()> {
    let format = match shown {
        Shown::Text => LogFormat::Text,
        Shown::Json => LogFormat::Json,
    };
    let mut harmless = HarmlessLines::new(format, out);
    lines.iter().try_for_each(|line| writeln!(harmless, "{line}"))?;
    harmless.flush()
}

/// Where it begins: for the iterators, and for the listing.
fn start(since: Since, now: Arrival, stream: &StreamDescription) -> Result<(StartPosition, Arrival), Failure> {
    match since {
        Since::TrimHorizon => Ok((StartPosition::TrimHorizon, Arrival(stream.created_at))),
        Since::Time(when) => {
            let at = when.before(now);
            if at > now {
                let message = format!("--since {at} lies in the future: by Kinesis's clock it is {now}");
                return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
            }
            Ok((StartPosition::AtTimestamp(at), at))
        }
    }
}

fn say_begin(stream: &StreamDescription, since: Arrival, now: Arrival, diagnostics: &mut dyn Write) -> io::Result<()> {
    writeln!(
        diagnostics,
        "{} ({}, {} open shards, {} h retained, encryption {}) since {since}",
        stream.arn, stream.mode, stream.open_shards, stream.retention_hours, stream.encryption
    )?;
    if since < now.plus(-i64::from(stream.retention_hours) * 3_600_000) {
        writeln!(diagnostics, "that is longer ago than the stream retains: it begins with its oldest record")?;
    }
    Ok(())
}

fn start_reading(frontier: &mut Frontier, source: &mut Source) {
    while let Some(request) = frontier.next_shard() {
        source.start(request);
    }
}

/// Resolves when the time is over, or a signal came.
async fn over(at_most: Option<Duration>, stop: CancellationToken) {
    match at_most {
        Some(at_most) => {
            // Either way it is over.
            let _ = tokio::time::timeout(at_most, stop.cancelled()).await;
        }
        None => stop.cancelled().await,
    }
}

fn failed(error: SourceError) -> Failure {
    Failure::new(Exit::Internal, error)
}
