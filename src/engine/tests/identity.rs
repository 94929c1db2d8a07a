//! EM-3, byte by byte as `docs/semantics.md` writes it: receivers keep ids, so that no build may make others.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::support::{Stream, event, named, plan};
use crate::cloudtrail::{DecodeLimits, decode};
use crate::plan::Plan;
use crate::risk_event::{Pane, RiskEvent, Stage};

const COUNT: &str = "eventName=E | stats count by user";
const ON_TIME: &[u8] = &[0];

fn int(value: i64) -> Vec<u8> {
    value.to_be_bytes().into()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [int(i64::try_from(bytes.len()).unwrap()), bytes.into()].concat()
}

fn text(text: &str) -> Vec<u8> {
    bytes(text.as_bytes())
}

/// The group of one user.
fn of_user(user: &str) -> Vec<u8> {
    [int(1), text("user"), vec![2], text(user)].concat()
}

/// The ordinal of a row that is of no single event.
fn row(ordinal: i64) -> Vec<u8> {
    [int(ordinal), vec![0]].concat()
}

/// The 16 bytes by which an event is known (AG-2).
fn key(event: &str) -> Vec<u8> {
    decode(event.as_bytes(), &DecodeLimits::default()).events[0].key.0.to_be_bytes().into()
}

/// The id in the first window of ten seconds.
fn id(plan: &Plan, pane: &[u8], group_and_row: &[Vec<u8>]) -> String {
    let whole = [
        text("trailrisk.risk_event/v1"),
        text("source"),
        text(&plan.text().id),
        bytes(&plan.fingerprint().0),
        int(0),
        int(10_000),
        pane.into(),
        group_and_row.concat(),
    ];
    let digest = Sha256::digest(whole.concat());
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The finals of a search over events that all arrive in time, with its plan.
fn finals(search: &str, events: &[String]) -> (Vec<RiskEvent>, Arc<Plan>) {
    let plan = plan("a", search);
    let mut stream = Stream::new(vec![Arc::clone(&plan)], 1);
    let mut told = stream.put(0, 1_000, events);
    told.extend(stream.tip_all(100_000));
    told.retain(|event| event.stage == Stage::Final);
    (told, plan)
}

fn ids(events: &[RiskEvent]) -> Vec<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

#[test]
fn em_3_the_id_of_a_group_is_made_of_what_the_contract_lists() {
    let (events, plan) = finals(COUNT, &[event("1", 500, "ann")]);
    assert_eq!(ids(&events), [id(&plan, ON_TIME, &[of_user("ann"), row(0)])]);

    let (events, plan) = finals("eventName=E | stats count by _time", &[event("1", 5_500, "ann")]);
    let number = [int(1), text("_time"), vec![1], 5.5_f64.to_bits().to_be_bytes().into()].concat();
    assert_eq!(ids(&events), [id(&plan, ON_TIME, &[number, row(0)])]);
}

#[test]
fn em_3_rows_of_one_group_are_told_apart_by_their_ordinal() {
    let search = "eventName=E | stats values(eventID) as v by user | mvexpand v";
    let (events, plan) = finals(search, &[event("1", 500, "ann"), event("2", 500, "ann")]);
    assert_eq!(ids(&events), [0, 1].map(|ordinal| id(&plan, ON_TIME, &[of_user("ann"), row(ordinal)])));
}

#[test]
fn em_3_the_row_of_an_event_has_the_events_key() {
    let of_event = event("1", 500, "ann");
    let (events, plan) = finals("eventName=E | table user", std::slice::from_ref(&of_event));
    assert_eq!(ids(&events), [id(&plan, ON_TIME, &[int(0), int(0), vec![1], key(&of_event), int(0)])]);
}

#[test]
fn em_3_a_row_of_a_subsearch_says_of_which() {
    let search = format!("{COUNT} | append [search eventName=F | stats count by user]");
    let (events, plan) = finals(&search, &[event("1", 500, "ann"), named("F", "2", 500, "ann")]);
    let of_subsearch = [vec![2], int(1)].concat();
    assert_eq!(
        ids(&events),
        [id(&plan, ON_TIME, &[of_user("ann"), row(0)]), id(&plan, ON_TIME, &[of_user("ann"), row(0), of_subsearch])]
    );
}

/// WN-3: a late or future result names the result that it supplements.
#[test]
fn em_3_panes_have_ids_of_their_own() {
    for (arrival, tag) in [(25_000, 1), (-200_000, 2)] {
        let plan = plan("a", COUNT);
        let mut stream = Stream::new(vec![Arc::clone(&plan)], 1);
        let told = stream.put(0, arrival, &[event("1", 500, "ann")]);
        let [early] = &*told else { panic!("one early risk event: {told:?}") };
        let (Pane::Late(bucket) | Pane::Future(bucket)) = early.pane else { panic!("{}", early.pane) };
        let pane = [vec![tag], int(bucket.0)].concat();
        assert_eq!(early.id.to_string(), id(&plan, &pane, &[of_user("ann"), row(0)]));
        let on_time = early.supplements.expect("it supplements").to_string();
        assert_eq!(on_time, id(&plan, ON_TIME, &[of_user("ann"), row(0)]));
    }
}

/// WN-3: each row the one of its ordinal.
#[test]
fn wn_3_the_rows_of_a_late_group_supplement_those_of_the_group_one_by_one() {
    let both = [event("1", 500, "ann"), event("2", 500, "ann")];
    let (on_time, plan) = finals("eventName=E | stats values(eventID) as v by user | mvexpand v", &both);
    let mut stream = Stream::new(vec![plan], 1);
    stream.put(0, 25_000, &both);
    let late = super::finals(stream.tip_all(1_000_000));
    let supplemented: Vec<_> = late.iter().filter_map(|event| Some(event.supplements?.to_string())).collect();
    assert_eq!((supplemented.len(), supplemented), (2, ids(&on_time)));
}

/// BD-2: what a part holds is in its id, since a crash may cut the window elsewhere.
#[test]
fn em_3_a_part_that_is_closed_early_has_what_it_holds_in_its_id() {
    let plan = plan("a", COUNT);
    let mut stream = Stream::bounded(vec![Arc::clone(&plan)], 1, 0);
    let both = [event("1", 500, "ann"), event("2", 600, "ann")];
    let told = stream.put(0, 1_000, &both);
    let last = told.iter().find(|event| event.stage == Stage::Final).expect("closed early");
    let close_at = 11_000;
    let mut units: Vec<_> = both.iter().map(|event| [key(event), 0_u32.to_be_bytes().into()].concat()).collect();
    units.sort();
    let pane = [vec![3], int(1), int(close_at), units.concat()].concat();
    assert_eq!(last.id.to_string(), id(&plan, &pane, &[of_user("ann"), row(0)]));
}
