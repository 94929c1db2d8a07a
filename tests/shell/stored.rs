//! Records as Kinesis stores them: one user record each, or aggregates of the producer library; and what is gone of them.

use std::sync::Arc;

use md5::{Digest as _, Md5};
use trailrisk::engine::{Position, SequenceNumber};
use trailrisk::source::Record;
use trailrisk::time::Arrival;

use crate::log::{Log, LogShard, TIP_SLACK};
use crate::rng::Rng;
use crate::world::World;

/// Gives each record of Kinesis a number of its own. So many user records at most are together in one; these arrive, and are
/// shown, at once.
pub fn renumber(log: &mut Log, most: usize, rng: &mut Rng) {
    for (ix, shard) in log.shards.iter_mut().enumerate() {
        let mut first = 0;
        for number in 0.. {
            let Some(rest) = shard.records.get_mut(first..).filter(|rest| !rest.is_empty()) else { break };
            let together = (1 + rng.index(most)).min(rest.len());
            let text = (100 * (ix + 1) + 7 * number * (number + 1)).to_string();
            let sequence = SequenceNumber::try_new(&text).expect("digits");
            let arrival = rest[0].arrival;
            let visible = rest[0].visible;
            for (sub, record) in (0..).zip(&mut rest[..together]) {
                record.position = Position::After(sequence.clone(), sub);
                (record.arrival, record.visible) = (arrival, visible);
            }
            first += together;
        }
    }
}

/// RD-3: some records and ends are shown later than `tip_slack` allows.
pub fn surface_late(log: &mut Log, rng: &mut Rng) {
    let longest = rng.pick(&[2 * TIP_SLACK, 6 * TIP_SLACK]);
    for shard in &mut log.shards {
        let mut visible = i64::MIN;
        for record in &mut shard.records {
            let is_first = matches!(record.position, Position::After(_, 0));
            let late = if is_first && rng.chance(100) { rng.below(longest) } else { 0 };
            visible = visible.max(record.visible + late);
            record.visible = visible;
        }
        let late = if rng.chance(200) { rng.below(longest) } else { 0 };
        shard.closed = shard.closed.map(|closed| visible.max(closed + late));
    }
}

/// The user record that ends the record of Kinesis in which this one is.
pub fn end_of(shard: &LogShard, number: usize) -> usize {
    let same = |other: &crate::log::LogRecord| number_of(&other.position) == number_of(&shard.records[number].position);
    number + shard.records[number..].iter().take_while(|other| same(other)).count()
}

/// The user record with which the record of Kinesis of this number begins.
pub fn begin_of(shard: &LogShard, number: &SequenceNumber) -> usize {
    let found = shard.records.iter().position(|record| number_of(&record.position) == Some(number));
    found.expect("positions are those of records")
}

fn number_of(position: &Position) -> Option<&SequenceNumber> {
    match position {
        Position::After(number, _) => Some(number),
        Position::Start | Position::End => None,
    }
}

/// The records of Kinesis that hold these user records, whole.
pub fn records(world: &World, ix: usize, from: usize, to: usize) -> Vec<Record> {
    let (mut records, mut next) = (Vec::new(), from);
    while next < to {
        let end = end_of(&world.log.shards[ix], next);
        let first = &world.log.shards[ix].records[next];
        let data = match &world.bytes[ix][next..end] {
            [alone] => alone.to_vec(),
            several => aggregate(several),
        };
        let (position, arrival) = (first.position.clone(), Arrival(first.arrival));
        records.push(Record { position, arrival, data, refusal: None });
        next = end;
    }
    records
}

/// In the format of the producer library: the key table, then each user record with the place of its key.
fn aggregate(several: &[Arc<[u8]>]) -> Vec<u8> {
    let mut message = field(1, b"key");
    for data in several {
        let user_record = [&[0x08, 0][..], &field(3, data)].concat();
        message.extend(field(3, &user_record));
    }
    [&[0xF3, 0x89, 0x9A, 0xC2][..], &message, &Md5::digest(&message)[..]].concat()
}

/// A field of bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7F).expect("seven bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("seven bits"));
    out.extend_from_slice(bytes);
    out
}

/// CP-8: the trim horizon moves on while the daemon runs, now and then.
pub async fn trim(world: Arc<World>) {
    if !world.habits.trims {
        return;
    }
    loop {
        world.wait(5_000 + world.below(40_000)).await;
        if !world.state().calm {
            world.trim();
        }
    }
}

impl World {
    /// CP-8: what is older than the retention of this moment is gone, and closed shards of which nothing is left.
    pub fn trim(&self) {
        let horizon = self.now() - 15_000 - self.below(80_000);
        let mut state = self.state();
        for (ix, shard) in self.log.shards.iter().enumerate() {
            let is_gone = |record: &&crate::log::LogRecord| record.arrival.max(record.visible) < horizon;
            let gone = shard.records.iter().take_while(is_gone).count();
            state.trimmed[ix] = state.trimmed[ix].max(gone);
            if gone == shard.records.len() && shard.closed.is_some_and(|closed| closed < horizon) {
                state.forgotten.insert(shard.id.clone());
                state.seen.insert("a shard that is gone");
            }
        }
        drop(state);
        self.note(|| "TRIM".to_owned());
        self.look_for_what_is_not_replayed();
    }

    /// CP-6: a restart counts as announced what it reads again, between `C` and `P`.
    pub fn look_for_what_is_not_replayed(&self) {
        let mut state = self.state();
        let rows = state.durable.iter().flat_map(|durable| &durable.shards);
        let mut replayed = rows.filter(|(_, row)| row.resume_after < row.processed);
        let is_cut = replayed.any(|(id, row)| {
            let ix = self.log.index_of(id);
            let first = self.log.shards[ix].records.iter().take_while(|one| one.position <= row.resume_after).count();
            first < state.trimmed[ix]
        });
        if is_cut {
            state.received.may_announce_again();
        }
    }

    /// The first user record that is left of a shard.
    pub fn first_left(&self, ix: usize) -> usize {
        self.state().trimmed[ix]
    }

    /// Kinesis does not know the shard any more.
    pub fn is_gone(&self, shard: &trailrisk::engine::ShardId) -> bool {
        let state = self.state();
        let ix = self.log.index_of(shard);
        state.forgotten.contains(shard) && state.trimmed[ix] == self.log.shards[ix].records.len() && self.habits.trims
    }
}
