//! BD-2: parts of windows that are closed early, beside what is promised of the whole.

use super::support::{Stream, event, plan};
use crate::engine::Output;
use crate::risk_event::{Pane, RiskEvent, Stage};

const COUNT: &str = "eventName=E | stats count by user";
const AT_CLOSE: &str = "eventName=E | stats count by user | where count < 100";
const AT_LEAST_2: &str = "eventName=E | stats count by user | where count >= 2";

/// An event each of fifty users.
fn flood(time: i64) -> Vec<String> {
    (100..150).map(|user| event(&user.to_string(), time, &format!("user-{user}"))).collect()
}

/// As many bytes as a flood takes.
fn room(search: &str) -> usize {
    let mut probe = Stream::new(vec![plan("a", search)], 2);
    probe.read(1, 1_002, &flood(502));
    probe.engine.gauges().state_bytes
}

fn emitted(stream: &mut Stream) -> Vec<RiskEvent> {
    let outputs = std::iter::from_fn(|| stream.engine.poll_output());
    outputs.filter_map(|output| if let Output::Emit(event) = output { Some(*event) } else { None }).collect()
}

#[test]
fn wn_6_a_window_that_is_complete_is_not_closed_early() {
    let mut stream = Stream::bounded(vec![plan("a", AT_CLOSE)], 1, room(AT_CLOSE));
    stream.put(0, 1_000, &flood(500));
    let seen = stream.put(0, 11_000, &[event("7", 10_500, "ann")]);
    let panes: Vec<_> = seen.iter().filter(|event| event.stage == Stage::Final).map(|event| event.pane).collect();
    assert_eq!((panes.len(), stream.engine.counters().forced), (50, 0));
    assert!(panes.iter().all(|pane| *pane == Pane::OnTime));
}

/// Beside a complete window whose bytes are the most, one that is not makes room.
#[test]
fn bd_2_what_is_closed_early_is_not_complete() {
    let mut stream = Stream::bounded(vec![plan("a", AT_CLOSE)], 1, room(AT_CLOSE));
    stream.read(0, 1_000, &flood(500));
    let further = [flood(10_500), vec![event("7", 10_500, "ann")]].concat();
    stream.read(0, 11_000, &further);
    let (complete, rest): (Vec<_>, Vec<_>) =
        emitted(&mut stream).into_iter().partition(|event| event.window_end.0 == 10_000);
    assert_eq!((complete.len(), rest.len(), stream.engine.counters().forced), (50, 51, 1));
    assert!(complete.iter().all(|event| event.pane == Pane::OnTime));
}

/// Whoever comes next has room for the whole window, and reads shard 1 first.
#[test]
fn cp_1a_an_early_risk_event_of_a_part_that_was_closed_holds_what_comes_of_its_window_behind() {
    let mut stream = Stream::bounded(vec![plan("a", AT_LEAST_2)], 2, room(AT_LEAST_2));
    let of_ann = [(1_000, event("1", 500, "ann")), (1_001, event("2", 501, "ann"))];
    of_ann.iter().for_each(|(arrival, text)| stream.read(0, *arrival, std::slice::from_ref(text)));
    let early = emitted(&mut stream);
    assert_eq!(early.iter().map(|event| event.stage).collect::<Vec<_>>(), [Stage::Early]);
    stream.read(1, 1_002, &flood(502));
    assert_eq!(stream.engine.counters().forced, 1);
    stream.read(1, 1_003, &[event("3", 503, "ann")]);
    emitted(&mut stream);
    let mut next = Stream::restored(vec![plan("a", AT_LEAST_2)], 2, stream.checkpoint(), 0);
    let mut seen = next.put(1, 1_002, &flood(502));
    seen.extend(next.put(1, 1_003, &[event("3", 503, "ann")]));
    of_ann.iter().for_each(|(arrival, text)| seen.extend(next.put(0, *arrival, std::slice::from_ref(text))));
    let again = seen.iter().filter(|event| event.stage == Stage::Early && event.id == early[0].id);
    assert_eq!(again.count(), 1, "nobody has acknowledged it");
}

/// EM-3: a crash may cut the window elsewhere, or not at all, and what comes then must not be taken for a repetition.
#[test]
fn em_3_what_is_left_of_a_window_that_was_cut_has_another_id_than_the_whole() {
    let rest_of = |bound: usize| {
        let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, bound);
        stream.put(0, 1_000, &[event("1", 500, "ann")]);
        stream.put(0, 1_001, &flood(501));
        let early = stream.put(0, 1_002, &[event("2", 502, "ann")]);
        let of_ann = |event: &RiskEvent| event.pane == Pane::OnTime && event.risk_message.contains("ann");
        let finals: Vec<_> = stream.tip_all(30_000).into_iter().filter(of_ann).collect();
        assert_eq!(finals.len(), 1);
        (finals[0].id, finals[0].event_count, early.first().map(|event| event.id))
    };
    let ((whole, of_whole, _), (rest, of_rest, early)) = (rest_of(usize::MAX), rest_of(room(COUNT)));
    assert_eq!((of_whole, of_rest), (2, 1));
    assert_ne!(whole, rest);
    assert_eq!(early, Some(whole), "what is told early is told of the window");
}

/// Whether the final of plan b is partial, which was activated at the arrival `cut`, for an event at `arrival` of `time`.
fn is_partial(bound: usize, cut: i64, arrival: i64, time: i64) -> bool {
    let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, bound);
    stream.put(0, cut, &[event("1", cut - 500, "bob")]);
    stream.change(vec![plan("b", COUNT)]);
    stream.checkpoint();
    let mut seen = stream.put(0, arrival, &[event("2", time, "ann")]);
    seen.extend(stream.tip_all(arrival + 13_000));
    let of_b: Vec<_> = seen.iter().filter(|event| event.detection.id == "b").collect();
    assert_eq!(of_b.iter().map(|event| event.stage).collect::<Vec<_>>(), [Stage::Early, Stage::Final]);
    assert_eq!(of_b[0].marks.partial, of_b[1].marks.partial, "both stages say it");
    of_b[1].marks.partial
}

#[test]
fn wn_7_a_part_is_partial_where_the_pane_is_that_it_is_a_part_of() {
    for bound in [usize::MAX, 0] {
        assert!(is_partial(bound, 1_000, 2_000, 205_000), "a cut goes through the bucket of a future pane");
        assert!(!is_partial(bound, 12_000, 22_000, 5_000), "none goes through that of a late one");
    }
}
