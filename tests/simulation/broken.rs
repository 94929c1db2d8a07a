//! What Kinesis may break of its word: records and ends that surface long after their time, and records that are gone
//! before they are read. Nothing else may be lost by that, and nothing may hang.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::engine::ShardRef;

use crate::checks::{Verdict, require};
use crate::detections::{Detection, Rule};
use crate::log::{Log, TIP_SLACK};
use crate::oracle::{self, Body, Key};
use crate::rng::Rng;
use crate::run::Run;
use crate::whole::WholeRule;
use crate::world::Breaks;

/// RD-3: some records, ends and listings are later than `tip_slack` allows.
pub fn surface_late(log: &mut Log, rng: &mut Rng) {
    let often = rng.pick(&[40, 150]);
    let longest = rng.pick(&[2 * TIP_SLACK, 8 * TIP_SLACK]);
    for ix in 0..log.shards.len() {
        let shard = &mut log.shards[ix];
        let mut visible = i64::MIN;
        for record in &mut shard.records {
            let late = if rng.chance(often) { rng.below(longest) } else { 0 };
            visible = visible.max(record.visible + late);
            record.visible = visible;
        }
        let late = if rng.chance(200) { rng.below(longest) } else { 0 };
        shard.closed = shard.closed.map(|closed| visible.max(closed + late));
        if shard.created > log.first_start && rng.chance(200) {
            shard.created += rng.below(longest);
        }
    }
}

impl Run<'_> {
    /// Every shard that exists by now, but those that Kinesis has forgotten. Listings may be behind, and need not agree: one
    /// may lack a shard, and show its child; not before the start frontier is stored (RD-2).
    pub fn listed(&mut self) -> Vec<ShardRef> {
        let (log, breaks) = (&self.world.log, self.options.breaks == Breaks::Slack);
        let lags = breaks && self.store.durable.is_some() && self.rng.chance(300);
        let at = if lags { self.now - self.rng.below(TIP_SLACK) } else { self.now };
        let exists = |ix: &usize| log.shards[*ix].created <= at && !self.forgotten[*ix];
        let mut listed: Vec<_> = (0..log.shards.len()).filter(exists).map(|ix| log.shard_ref(ix)).collect();
        let may_lack = breaks && self.store.durable.is_some();
        if may_lack && listed.len() > 1 && self.rng.chance(200) {
            listed.remove(self.rng.index(listed.len()));
        }
        listed
    }

    /// CP-8: the trim horizon moves on. A closed shard of which nothing is left is forgotten.
    pub fn trim(&mut self) -> Verdict {
        let horizon = self.now - self.rng.pick(&[8_000, 20_000, 60_000]) - self.rng.below(20_000);
        for (ix, shard) in self.world.log.shards.iter().enumerate() {
            let gone = shard.records.iter().take_while(|record| record.arrival.max(record.visible) < horizon).count();
            self.trimmed[ix] = self.trimmed[ix].max(gone);
            self.forgotten[ix] |=
                self.trimmed[ix] == shard.records.len() && shard.closed.is_some_and(|closed| closed < horizon);
        }
        self.note("TRIM");
        Ok(())
    }
}

/// BD-2, WN-3: whatever the panes, every event that the stream still holds is in a result of each detection without
/// threshold.
pub fn nothing_is_lost(run: &Run<'_>) -> Verdict {
    let mut log = run.world.log.clone();
    for (shard, trimmed) in log.shards.iter_mut().zip(&run.trimmed) {
        shard.records.drain(..trimmed);
    }
    let displaced = oracle::displaced(&run.world.log, &log);
    all_are_found(run, &oracle::evaluate(&log, &run.world.detections), &displaced)
}

/// Of what is expected of detections without threshold, but for these events.
pub fn all_are_found(run: &Run<'_>, expected: &BTreeMap<Key, Body>, but: &BTreeSet<String>) -> Verdict {
    let free = run.known.iter().filter(|detection| detection.rule.has_no_threshold());
    let free: BTreeSet<String> = free.map(Detection::name).collect();
    // All rows of one event are in one part of a window; those of a group may be in several.
    let part = |key: &Key| key.event.as_ref().map(|_| key.part.clone());
    let subject = |key: &Key| (key.detection.clone(), key.window, key.group.clone(), part(key));
    let mut found: BTreeMap<_, BTreeSet<(i64, String)>> = BTreeMap::new();
    for (key, body) in run.sink.received.finals.values().map(oracle::read) {
        found.entry(subject(&key)).or_default().extend(body.evidence);
    }
    for (key, body) in expected.iter().filter(|(key, _)| free.contains(&key.detection)) {
        let events = found.get(&subject(key)).cloned().unwrap_or_default();
        let missing = body.evidence.iter().filter(|event| !events.contains(event));
        let lost: Vec<_> = missing.filter(|(_, id)| !but.contains(id)).collect();
        require(lost.is_empty(), "BD-2", || format!("lost {lost:?} of {key:?}"))?;
    }
    Ok(())
}

/// BD-3: what is counted is exact, whatever is shown of it.
pub fn counts_are_the_oracles(run: &Run<'_>) -> Verdict {
    let counted = |body: &Body| (body.event_count, body.first, body.last, body.window_end, body.partial);
    let of = |bodies: &BTreeMap<Key, Body>| -> BTreeMap<_, _> {
        bodies.iter().map(|(key, body)| (key.clone(), counted(body))).collect()
    };
    let expected = of(&oracle::evaluate(&run.world.log, &run.world.detections));
    let got = of(&crate::verdict::received(run));
    // How many rows some make of a group follows from what is shown of it.
    let fewer: BTreeSet<String> =
        run.known.iter().filter(|known| known.rule == Rule::Whole(WholeRule::Expanded)).map(Detection::name).collect();
    let may_lack = |key: &Key| fewer.contains(&key.detection) && !got.contains_key(key);
    let different = expected.iter().find(|(key, body)| got.get(*key) != Some(body) && !may_lack(key));
    require(different.is_none(), "oracle", || format!("{different:?} is not among what was received"))?;
    let invented = got.keys().find(|key| !expected.contains_key(*key));
    require(invented.is_none(), "oracle", || format!("invented {invented:?}"))
}
