//! What a run must have come to, once everything is read, closed and delivered.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::engine::Position;

use crate::checks::{Verdict, require};
use crate::oracle::{self, Body, Key};
use crate::run::Run;
use crate::world::Breaks;

/// CP-2: at rest nothing is held: `C`, `P` and the last position are one.
pub fn nothing_is_held(run: &Run<'_>) -> Verdict {
    let durable = run.store.durable.as_ref().expect("the last round stored a checkpoint");
    for (id, row) in &durable.shards {
        let ix = run.world.log.index_of(id);
        let records = &run.world.log.shards[ix].records;
        let readable = records.iter().skip(run.world.log.first_index(ix, row.start));
        let last = readable.last().map_or(Position::Start, |record| record.position.clone());
        let gone = run.options.breaks == Breaks::Retention && row.resume_after < last;
        let at_end = row.drained || row.resume_after == last || gone;
        require(at_end, "CP-2", || format!("{id} is held at {} of {last}", row.resume_after))?;
        let one = row.processed == row.resume_after;
        require(one, "CP-1a", || format!("P of {id} is {} at rest, C is {}", row.processed, row.resume_after))?;
        let end = !row.drained || row.resume_after == Position::End;
        require(end, "CP-2", || format!("{id} is drained and held at {}", row.resume_after))?;
    }
    Ok(())
}

/// PO-1: everything that could not be decoded is dead-lettered.
pub fn all_dead_letters(run: &Run<'_>) -> Verdict {
    let log = &run.world.log;
    let mut expected = BTreeSet::new();
    for (ix, shard) in log.shards.iter().enumerate() {
        let begin = if shard.created <= log.first_start { log.first_index(ix, log.start) } else { 0 };
        let poison = shard.records.iter().skip(begin).filter(|record| record.poison);
        expected.extend(poison.map(|record| (shard.id.clone(), record.position.clone())));
    }
    let expected = if run.world.decode_all { expected } else { BTreeSet::new() };
    let received = &run.sink.received.dead_letters;
    let same = match run.options.breaks {
        Breaks::Nothing => expected == *received,
        // A shard that two listings in a row have lost is read from its beginning when a third one shows it.
        Breaks::Slack => expected.is_subset(received),
        Breaks::Retention => expected.is_superset(received),
    };
    require(same, "PO-1", || format!("dead letters {received:?}, expected {expected:?}"))
}

/// Semantics 4: the finals are the oracle's.
pub fn finals_are_the_oracles(run: &Run<'_>) -> Verdict {
    let expected = oracle::evaluate(&run.world.log, &run.world.detections);
    compare(&expected, &received(run))
}

/// The finals that the receiver got.
pub fn received(run: &Run<'_>) -> BTreeMap<Key, Body> {
    run.sink.received.finals.values().map(oracle::read).collect()
}

/// Nothing lost, nothing invented, nothing different.
pub fn compare(expected: &BTreeMap<Key, Body>, got: &BTreeMap<Key, Body>) -> Verdict {
    let invented = got.iter().find(|(key, _)| !expected.contains_key(*key));
    require(invented.is_none(), "oracle", || format!("invented {invented:?}"))?;
    for (key, body) in expected {
        let found = got.get(key);
        require(found.is_some(), "oracle", || format!("lost {key:?} {body:?}"))?;
        require(found == Some(body), "oracle", || format!("{key:?} differs: {found:?}, expected {body:?}"))?;
    }
    Ok(())
}

/// EM-1: an early risk event tells no more than the final one of its id; WN-3: supplements name their on-time result.
pub fn earlies_are_part_of_finals(run: &Run<'_>) -> Verdict {
    let finals = &run.sink.received.finals;
    for (id, early) in &run.sink.received.earlies {
        let of_final = finals.get(id);
        let known: BTreeSet<_> = of_final.into_iter().flat_map(|last| &last.evidence).collect();
        let part = run.options.few_shown || early.evidence.iter().all(|event| known.contains(event));
        require(part, "EM-1", || format!("an early risk event without its final: {early:?} {of_final:?}"))?;
    }
    let subject = |key: &Key| (key.detection.clone(), key.window, key.group.clone(), key.event.clone());
    let mut on_time: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for event in finals.values().filter(|event| event.supplements.is_none()) {
        on_time.entry(subject(&oracle::read(event).0)).or_default().insert(event.id);
    }
    for event in finals.values() {
        let (key, _) = oracle::read(event);
        let of_window = on_time.get(&subject(&key));
        // Of several rows the first supplements the first, and so on (EM-3); the other pane may have fewer.
        let is_row =
            |id| of_window.is_none_or(|rows| rows.contains(&id)) || (!key.part.is_empty() && !finals.contains_key(&id));
        let named = event.supplements.is_none_or(is_row);
        require(named, "WN-3", || format!("{key:?} supplements another result"))?;
    }
    Ok(())
}
