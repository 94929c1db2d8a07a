//! Isolation of a record that kills the process (PO-2): what is known of earlier lives, kept beside the checkpoint.
//!
//! Owns: counting unclean ends, noting what is evaluated, the list of isolated records, and telling people. Deliberately
//! absent: evaluation and dead letters (the pipeline's and the engine's), and any opinion of why a process died.

mod document;
mod starts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::checkpoint::{Notes, StoreError};
use crate::cloudtrail::{RejectReason, Rejected};
use crate::engine::{Checkpoint, DeadLetter, DeadLetterId, EvaluatedRecord, Position, ShardId};
use crate::source::Record;
use crate::telemetry::{Alarm, Recovered};
use crate::time::Arrival;
use starts::{Starts, Stretch};

/// How long a process goes on beyond all that earlier ones can have read before their ends are history.
const HISTORY_AFTER_MS: i64 = 15 * 60 * 1000;
/// How long a note that cannot be stored waits for the next try.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The isolation of one process. With [`Isolation::none`], as with a checkpoint in memory, nothing outlives a crash, and
/// nothing is ever noted or isolated.
#[derive(Debug, Default)]
pub struct Isolation {
    kept: Option<Kept>,
    /// Of isolated records.
    letters: BTreeMap<DeadLetterId, (ShardId, Position)>,
    /// Until then nothing that must be noted is evaluated.
    retry_at: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    notes: Box<dyn Notes>,
    /// None before the process has begun, unless earlier ones have.
    starts: Option<Starts>,
    /// No earlier process has read what arrived then or later, so none can have died of it.
    unseen_from: Arrival,
    noting: bool,
    unstored: Alarm,
}

impl Isolation {
    /// Nothing is kept.
    pub fn none() -> Self {
        Self::default()
    }

    /// Kept beside a checkpoint that this process holds. No earlier process has read anything that arrived at
    /// `unseen_from` or later.
    ///
    /// # Errors
    /// When what is kept cannot be read or understood.
    pub fn kept_in(notes: Box<dyn Notes>, unseen_from: Arrival) -> Result<Self, StoreError> {
        let starts = document::read(&*notes)?;
        Ok(Self {
            kept: Some(Kept { notes, starts, unseen_from, noting: false, unstored: Alarm::default() }),
            ..Self::default()
        })
    }

    /// The process begins to read, with this checkpoint. Returns how many processes in a row ended uncleanly without
    /// progress in some shard.
    ///
    /// # Errors
    /// When that cannot be stored.
    pub(crate) fn begin(&mut self, checkpoint: &Checkpoint) -> Result<u32, StoreError> {
        let Some(kept) = &mut self.kept else { return Ok(0) };
        let starts = kept.starts.get_or_insert_with(|| Starts::new(checkpoint.stream.clone()));
        let convicted = starts.begin(checkpoint);
        document::write(&*kept.notes, starts)?;
        kept.noting = starts.is_noting();
        let unclean = starts.unclean();
        say(starts, kept.noting, convicted.as_ref());
        Ok(unclean)
    }

    /// The process ends in order.
    pub(crate) fn end(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        let Some(starts) = &mut kept.starts else { return };
        starts.end();
        if let Err(error) = document::write(&*kept.notes, starts) {
            tracing::warn!(%error, "this end will look unclean to the next start");
        }
    }

    /// Whether this process, having processed what arrived up to `watermark`, is past what the earlier ones may have ended
    /// of: people need not hear of these any longer.
    pub(crate) fn is_history(&self, watermark: Arrival) -> bool {
        self.kept.as_ref().is_some_and(|kept| watermark >= kept.unseen_from.plus(HISTORY_AFTER_MS))
    }

    /// Whether attempts are noted in this life: then nothing may wait inside the engine, or it would be counted in the
    /// course of another record's attempt.
    pub(crate) fn is_noting(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.noting)
    }

    /// Whether a record must be in no piece with others.
    pub(crate) fn stands_alone(&self, shard: &ShardId, position: &Position) -> bool {
        self.starts().is_some_and(|starts| starts.stands_alone(shard, position))
    }

    /// Of an isolated record: whether its dead letter was acknowledged. None: it is to be evaluated.
    pub(crate) fn told_of(&self, shard: &ShardId, position: &Position) -> Option<bool> {
        self.starts()?.told_of(shard, position)
    }

    /// Notes that these records are about to be evaluated, where an earlier process can have died of them. Says whether
    /// they may be.
    pub(crate) fn attempt(&mut self, shard: &ShardId, records: &[Record]) -> bool {
        let Some(kept) = self.kept.as_mut().filter(|kept| kept.noting) else { return true };
        let (Some(starts), Some(first), Some(last)) = (&mut kept.starts, records.first(), records.last()) else {
            return true;
        };
        self.retry_at = None;
        if records.iter().all(|record| record.arrival >= kept.unseen_from) {
            return true;
        }
        starts.attempt(shard, Stretch { first: first.position.clone(), last: last.position.clone() });
        let Err(error) = document::write(&*kept.notes, starts) else {
            if let Some(Recovered { times, seconds }) = kept.unstored.clear() {
                tracing::info!(attempts = times, seconds, "notes are stored again");
            }
            return true;
        };
        if let Some(repeats) = kept.unstored.raise() {
            tracing::error!(
                %error, %shard, repeats,
                "a note cannot be stored, so its records are not evaluated; trying again"
            );
        }
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
        false
    }

    /// The records of the last attempt are in the engine.
    pub(crate) fn passed(&mut self) {
        let Some(kept) = self.kept.as_mut().filter(|kept| kept.noting) else { return };
        let Some(starts) = &mut kept.starts else { return };
        if starts.passed()
            && let Err(error) = document::write(&*kept.notes, starts)
        {
            // The next note replaces it.
            tracing::warn!(%error, "a note cannot be taken back");
        }
    }

    /// Resolves when the next attempt may be made.
    pub(crate) async fn may_attempt(&self) {
        if let Some(at) = self.retry_at {
            tokio::time::sleep_until(at).await;
        }
    }

    /// A dead letter goes out.
    pub(crate) fn dead_letter(&mut self, letter: &DeadLetter) {
        if letter.rejected.reason == RejectReason::KillsProcess {
            self.letters.insert(letter.id, (letter.shard.clone(), letter.position.clone()));
        }
    }

    /// A dead letter is stored.
    pub(crate) fn dead_lettered(&mut self, id: DeadLetterId) {
        let Some((shard, position)) = self.letters.remove(&id) else { return };
        let Some(kept) = &mut self.kept else { return };
        let Some(starts) = &mut kept.starts else { return };
        starts.tell(&shard, &position);
        if let Err(error) = document::write(&*kept.notes, starts) {
            tracing::warn!(%error, "an isolated record may be dead-lettered again");
        }
    }

    fn starts(&self) -> Option<&Starts> {
        self.kept.as_ref()?.starts.as_ref()
    }
}

/// What stands in for an isolated record: nothing of it is evaluated, all of it is rejected.
pub(crate) fn rejected(record: Record) -> EvaluatedRecord {
    let rejected = Rejected {
        reason: RejectReason::KillsProcess,
        detail: "two processes ended while they evaluated this record alone".to_owned(),
        bytes: record.data.into(),
    };
    EvaluatedRecord {
        position: record.position,
        arrival: record.arrival,
        events: Vec::new(),
        decoded: 0,
        rejected: vec![rejected],
    }
}

/// What is kept beside a checkpoint, for people; empty where nothing is.
///
/// # Errors
/// When it cannot be understood: what is wrong, and what to do.
pub fn show(kept: Option<&[u8]>) -> Result<String, String> {
    let Some(kept) = kept else { return Ok(String::new()) };
    let starts = document::decode(kept)?;
    let mut lines = Vec::new();
    if starts.unclean() > 0 {
        lines.push(format!("  unclean ends in a row without progress (at the last start)  {}", starts.unclean()));
    }
    let suspects = starts.suspects();
    lines.extend(suspects.map(|(id, it)| format!("  {id}  a process died in  {} to {}", it.first, it.last)));
    lines.extend(starts.isolated().map(|(id, position)| format!("  {id}  isolated  {position}")));
    Ok(if lines.is_empty() { String::new() } else { format!("\nisolation\n{}\n", lines.join("\n")) })
}

fn say(starts: &Starts, noting: bool, convicted: Option<&(ShardId, Position)>) {
    if let Some((shard, position)) = convicted {
        tracing::error!(
            %shard, sequence_number = %position,
            "record isolated: two processes ended while they evaluated it alone. It is dead-lettered as kills_process and \
             never evaluated again; everything else goes on. Find out why it kills (memory, a defect), then evaluate its \
             dead letter with `trailrisk replay`"
        );
    }
    for (shard, suspect) in starts.suspects() {
        let (first, last) = (&suspect.first, &suspect.last);
        tracing::error!(%shard, %first, %last, "an earlier process ended while it evaluated these records; taken one by one");
    }
    if noting {
        let unclean = starts.unclean();
        tracing::warn!(
            unclean,
            "earlier processes ended uncleanly, in a row and without progress: what they may have read is noted before it \
             is evaluated. If they go on ending and no record is named, the cause is none: look at memory, disk and who kills"
        );
    }
    for (shard, position) in starts.isolated() {
        tracing::warn!(%shard, sequence_number = %position, "isolated record: not evaluated when it is read again");
    }
}
