//! Semantics 4: what all lives together have said is exactly what the stream holds.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::backtest::Range;
use trailrisk::engine::StartPosition;
use trailrisk::risk_event::{DeliveryKey, Pane, RiskEventId, Stage};
use trailrisk::time::Arrival;

use crate::detections::Detection;
use crate::line;
use crate::log::Log;
use crate::oracle::{self, Body, Key, Placed};
use crate::outlets;
use crate::received::Letter;
use crate::world::{State, World};

/// Everything that can be seen from outside.
pub fn judge(world: &World) {
    let verdict = {
        let state = world.state();
        let log = read_part(world, &state);
        let said = if world.habits.is_exact() {
            all_is_exact(world, &state, &log)
        } else {
            nothing_is_lost(world, &state, &log)
        };
        said.and_then(|()| dead_letters(world, &state, &log))
    };
    note_panes(world);
    if let Err((rule, detail)) = verdict {
        world.violate(rule, || detail);
    }
}

/// What is expected of the instances that close in a range; where the stream was read from its beginning, none is partial.
pub fn of_range(world: &World, range: Range) -> BTreeMap<Key, Body> {
    let begins_at = world.begins_at();
    let state = world.state();
    let mut log = read_part(world, &state);
    if begins_at.is_none() {
        log.started_at = Arrival::MIN;
    }
    let closes_in = |key: &Key| {
        let detection = world.detections.iter().find(|detection| detection.name() == key.detection);
        range.holds(Arrival(oracle::closes_at(detection.expect("one of them"), key)))
    };
    let of_all = expected(world, &state, &log).into_iter();
    of_all.filter(|(key, _)| closes_in(key)).collect()
}

type Verdict<T> = Result<T, (&'static str, String)>;

fn require(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Verdict<()> {
    if holds { Ok(()) } else { Err((rule, detail())) }
}

/// What the daemon gets to see of the stream: all of it from where each shard was begun (RD-4).
fn read_part(world: &World, state: &State) -> Log {
    let mut log = world.log.clone();
    for ix in 0..log.shards.len() {
        let left = state.trimmed[ix];
        let start = state.starts.get(&log.shards[ix].id).copied().unwrap_or(StartPosition::TrimHorizon);
        let first = log.first_index(ix, start).max(left);
        log.shards[ix].records.drain(..first);
        // PO-2: of what is isolated, only the arrival counts.
        let shard = &mut log.shards[ix];
        for record in &mut shard.records {
            if world.killers.contains(&(shard.id.clone(), record.position.clone())) {
                (record.events, record.poison) = (Vec::new(), false);
            }
        }
    }
    Log { start: StartPosition::TrimHorizon, started_at: state.started_at.unwrap_or(log.started_at), ..log }
}

/// What kinds of results there were.
fn note_panes(world: &World) {
    let mut state = world.state();
    let panes = all_lines(&state).map(|text| match line::read(text).0.pane {
        Pane::OnTime => "on time",
        Pane::Late(_) => "late",
        Pane::Future(_) => "future",
        Pane::Forced(_) => "forced",
    });
    let letters = state.received.letters.iter().map(|letter| match letter {
        Letter::Record(..) => "a dead letter of a record",
        Letter::Sink(..) => "a dead letter of a sink",
    });
    let seen: Vec<_> = panes.chain(letters).collect();
    state.seen.extend(seen);
}

fn all_is_exact(world: &World, state: &State, log: &Log) -> Verdict<()> {
    let finals = bodies_are_one(state)?;
    ids_are_unique(state)?;
    finals_are_the_oracles(world, state, log, &finals)?;
    earlies_come_first(world, state)
}

/// BD-2: whatever the panes, every event is in a result of each detection that has no threshold.
fn nothing_is_lost(world: &World, state: &State, log: &Log) -> Verdict<()> {
    if world.habits.changes && (world.habits.tardy || world.habits.trims) {
        // On which side of a cut a record stands that surfaces too late, nobody can say.
        return Ok(());
    }
    let free: BTreeSet<String> =
        state.known.iter().filter(|known| known.rule.has_no_threshold()).map(Detection::name).collect();
    let displaced = oracle::displaced(&world.log, log);
    // All rows of one event are in one part of a window; those of a group may be in several.
    let part = |key: &Key| key.event.as_ref().map(|_| key.part.clone());
    let subject = |key: &Key| (key.detection.clone(), key.window, key.group.clone(), part(key));
    for sink in outlets::configs(world).iter().filter(|sink| sink.required) {
        let mut found: BTreeMap<_, BTreeSet<(i64, String)>> = BTreeMap::new();
        for (name, text) in lines(world, state) {
            if name == sink.name && key_of(text).stage == Stage::Final {
                let (key, body) = line::read(text);
                found.entry(subject(&key)).or_default().extend(body.evidence);
            }
        }
        for (key, body) in expected(world, state, log).iter().filter(|(key, _)| free.contains(&key.detection)) {
            let events = found.get(&subject(key)).cloned().unwrap_or_default();
            let missing = body.evidence.iter().filter(|event| !events.contains(event));
            let lost: Vec<_> = missing.filter(|(_, id)| !displaced.contains(id)).collect();
            require(lost.is_empty(), "BD-2", || format!("{} lost {lost:?} of {key:?}", sink.name))?;
        }
    }
    Ok(())
}

/// Every line that anybody got, the refused ones in the dead letters included, with the name of its sink.
fn lines<'a>(world: &World, state: &'a State) -> Vec<(String, &'a [u8])> {
    let names: Vec<String> = outlets::configs(world).into_iter().map(|sink| sink.name).collect();
    let delivered = state.received.deliveries.iter().map(|one| (names[one.sink].clone(), one.line.as_slice()));
    let refused = state.received.letters.iter().filter_map(|letter| match letter {
        Letter::Sink(sink, _, line) => Some((sink.clone(), line.as_slice())),
        Letter::Record(..) => None,
    });
    delivered.chain(refused).collect()
}

fn all_lines(state: &State) -> impl Iterator<Item = &[u8]> {
    let delivered = state.received.deliveries.iter().map(|one| one.line.as_slice());
    let refused = state.received.letters.iter().filter_map(|letter| match letter {
        Letter::Sink(_, _, line) => Some(line.as_slice()),
        Letter::Record(..) => None,
    });
    delivered.chain(refused)
}

fn key_of(line: &[u8]) -> DeliveryKey {
    crate::received::key_of(line).expect("a risk event says its key")
}

/// EM-4: one id, one final, byte for byte, whoever got it in whichever life.
fn bodies_are_one(state: &State) -> Verdict<BTreeMap<RiskEventId, Vec<u8>>> {
    let mut finals: BTreeMap<RiskEventId, Vec<u8>> = BTreeMap::new();
    for text in all_lines(state) {
        let key = key_of(text);
        if key.stage == Stage::Final {
            let body = line::compared(text);
            let first = finals.entry(key.id).or_insert_with(|| body.to_vec());
            let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            require(first == body, "EM-4", || format!("two bodies of one id: {} {}", show(first), show(body)))?;
        }
    }
    Ok(finals)
}

/// EM-3: one subject has one id, in every stage.
fn ids_are_unique(state: &State) -> Verdict<()> {
    let mut ids: BTreeMap<Key, RiskEventId> = BTreeMap::new();
    for text in all_lines(state) {
        let (subject, id) = (line::read(text).0, key_of(text).id);
        let first = *ids.entry(subject.clone()).or_insert(id);
        require(first == id, "EM-3", || format!("{subject:?} has two ids"))?;
    }
    let distinct: BTreeSet<_> = ids.values().collect();
    require(distinct.len() == ids.len(), "EM-3", || "two subjects share an id".to_owned())
}

/// Nothing is missing, nothing is invented, nothing differs; at each of the required sinks.
fn finals_are_the_oracles(
    world: &World,
    state: &State,
    log: &Log,
    finals: &BTreeMap<RiskEventId, Vec<u8>>,
) -> Verdict<()> {
    let expected = expected(world, state, log);
    let lines = lines(world, state);
    for sink in outlets::configs(world) {
        let of_sink = lines.iter().filter(|(name, text)| *name == sink.name && key_of(text).stage == Stage::Final);
        let got: BTreeMap<Key, Body> = of_sink.map(|(_, text)| line::read(text)).collect();
        let invented = got.iter().find(|(key, _)| !expected.contains_key(*key));
        require(invented.is_none(), "oracle", || format!("{} got what is not: {invented:?}", sink.name))?;
        for (key, body) in &expected {
            let found = got.get(key);
            require(found.is_some() || !sink.required, "oracle", || {
                format!("{} lost {key:?} {body:?}; {:?}", sink.name, state.spans.get(&key.detection))
            })?;
            let same = found.is_none_or(|found| found == body);
            require(same, "oracle", || format!("{}: {key:?} differs: {found:?}, expected {body:?}", sink.name))?;
        }
    }
    require(finals.len() == expected.len(), "oracle", || format!("{} ids, {} results", finals.len(), expected.len()))
}

/// The oracle says what follows; where detections changed, the store says from which instants on.
fn expected(world: &World, state: &State, log: &Log) -> BTreeMap<Key, Body> {
    let bodies = if world.habits.changes {
        let placed = oracle::place(log);
        state.known.iter().flat_map(|detection| changed(state, log, detection, &placed)).collect()
    } else {
        oracle::evaluate(log, &world.detections)
    };
    bodies.into_iter().map(|(key, body)| (key, line::by_name(body))).collect()
}

fn changed(state: &State, log: &Log, detection: &Detection, placed: &[Placed<'_>]) -> BTreeMap<Key, Body> {
    let spans: Vec<_> = state.spans.get(&detection.name()).into_iter().flatten().flatten().collect();
    let counts = |at: &&Placed<'_>| {
        let begun = |span: &&&trailrisk::engine::PlanSpan| span.activated.is_none_or(|from| from.0 <= at.effective);
        spans.iter().filter(begun).any(|span| span.retired.is_none_or(|until| at.effective < until.0))
    };
    let counted: Vec<_> = placed.iter().filter(counts).copied().collect();
    let cuts: Vec<i64> =
        spans.iter().flat_map(|span| [span.activated, span.retired]).flatten().map(|at| at.0).collect();
    let is_partial = |key: &Key| {
        let from = oracle::gathers_from(key);
        from < log.started_at.0 || cuts.iter().any(|cut| oracle::gathers_across(detection, key, *cut))
    };
    oracle::evaluate_one(detection, &counted, &is_partial)
}

/// EM-1, CP-1a: what is announced is announced before its final result, at every sink that is told of both. Refused ones
/// have a way of their own.
fn earlies_come_first(world: &World, state: &State) -> Verdict<()> {
    let first = state.received.first_arrivals();
    let refused: BTreeSet<&String> = state
        .received
        .letters
        .iter()
        .filter_map(|letter| match letter {
            Letter::Sink(_, key, _) => Some(key),
            Letter::Record(..) => None,
        })
        .collect();
    let announces: BTreeMap<String, bool> =
        state.known.iter().map(|detection| (detection.name(), detection.announces())).collect();
    let is_told_of_both = |sink: usize| outlets::configs(world)[sink].required && sink == 0;
    for ((sink, key), at) in first.iter().filter(|((sink, key), _)| key.stage == Stage::Final && is_told_of_both(*sink))
    {
        let early = DeliveryKey { stage: Stage::Early, ..*key };
        let subject = line::read(&state.received.deliveries[*at].line).0;
        let promised = announces[&subject.detection] && !world.habits.stalls && !refused.contains(&early.to_string());
        let before = first.get(&(*sink, early)).map(|early| early < at);
        let in_order = before.unwrap_or(!promised);
        require(in_order, "EM-1", || format!("{key} of {subject:?}: its early stage before it: {before:?}"))?;
    }
    Ok(())
}

/// PO-1, WN-5: what cannot be decoded or placed is dead-lettered, at least once, and nothing else is.
fn dead_letters(world: &World, state: &State, log: &Log) -> Verdict<()> {
    let mut expected = BTreeSet::new();
    for (ix, shard) in log.shards.iter().enumerate() {
        for record in &shard.records {
            let trailrisk::engine::Position::After(sequence, _) = &record.position else { continue };
            let name = |reason: &str| (shard.id.to_string(), sequence.as_str().to_owned(), reason.to_owned());
            if world.killers.contains(&(shard.id.clone(), record.position.clone())) {
                expected.insert(name("kills_process"));
                continue;
            }
            expected.extend(record.poison.then(|| name("bad_json")));
            expected.extend(world.undated.contains(&(ix, record.position.clone())).then(|| name("no_event_time")));
        }
    }
    let got: BTreeSet<_> = state
        .received
        .letters
        .iter()
        .filter_map(|letter| match letter {
            Letter::Record(shard, number, reason) => Some((shard.clone(), number.clone(), reason.clone())),
            Letter::Sink(..) => None,
        })
        .collect();
    let invented: Vec<_> = got.difference(&expected).collect();
    // What was kept before it was gone is in order, too.
    require(invented.is_empty() || world.habits.trims, "PO-1", || {
        format!("dead letters of what is in order: {invented:?}")
    })?;
    let lost: Vec<_> = expected.difference(&got).collect();
    let all = !world.habits.decode_all || lost.is_empty();
    require(all, "PO-1", || format!("no dead letters of {lost:?}"))
}
