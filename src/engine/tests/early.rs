//! EM-1: an early risk event goes out with the very event that makes the row pass, and the final says the same.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::support::{Stream, event, plan};
use crate::risk_event::Stage;

/// A condition on the number of events and of distinct values, and what it says.
type Condition = (&'static str, fn(usize, usize) -> bool);

const CONDITIONS: [Condition; 20] = [
    ("where count > 0", |count, _| count > 0),
    ("where count > 5", |count, _| count > 5),
    ("where count >= 3.5", |count, _| count > 3),
    ("where 20 < count", |count, _| count > 20),
    ("where kinds > 6", |_, kinds| kinds > 6),
    ("where kinds >= 12", |_, kinds| kinds >= 12),
    ("where mvcount(all) >= 4", |_, kinds| kinds >= 4),
    ("where count > 2 AND kinds >= 5", |count, kinds| count > 2 && kinds >= 5),
    ("where count > 9 OR kinds > 3", |count, kinds| count > 9 || kinds > 3),
    ("search count>4", |count, _| count > 4),
    ("search kinds>=9", |_, kinds| kinds >= 9),
    ("rename count as c | where c >= 7", |count, _| count >= 7),
    ("eval t=5 | where count > t", |count, _| count > 5),
    ("where count > 2 | where lastTime > 0", |count, _| count > 2),
    ("eval n=mvcount(all) | where n >= 6", |_, kinds| kinds >= 6),
    // A column that is gone is null, and may be filled.
    ("fields - count | fillnull value=100 count | where count > 9", |_, _| true),
    ("table user kinds | fillnull value=100 count | where count > 9 AND kinds > 3", |_, kinds| kinds > 3),
    ("fields user kinds | where count > 9 OR kinds > 5", |_, kinds| kinds > 5),
    ("rename kinds as index | search index > 99", |_, _| true),
    ("rename kinds as index | search index IN (99) count>3", |count, _| count > 3),
];

/// One event of one group; two of one id are copies, which may differ.
#[derive(Clone, Debug)]
struct Sent {
    shard: u32,
    id: u8,
    values: Vec<u8>,
}

fn sent(shards: u32) -> impl Strategy<Value = Sent> {
    let values = prop::collection::vec(0..16u8, 0..4);
    (0..shards, 0..48u8, values).prop_map(|(shard, id, values)| Sent { shard, id, values })
}

fn text(sent: &Sent) -> String {
    json!({
        "eventID": format!("id-{}", sent.id), "eventName": "E", "eventTime": "1970-01-01T00:00:00.500Z",
        "eventSource": "s3.amazonaws.com", "userIdentity": {"userName": "ann"},
        "requestParameters": {"x": sent.values.iter().map(|value| format!("v{value}")).collect::<Vec<_>>()},
    })
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn em_1_a_row_is_told_by_the_event_with_which_it_passes(
        (condition, holds) in prop::sample::select(&CONDITIONS[..]),
        all in (1..4u32).prop_flat_map(|shards| prop::collection::vec(sent(shards), 1..60)),
    ) {
        let search = format!(
            "eventName=E | stats count dc(requestParameters.x{{}}) as kinds values(requestParameters.x{{}}) as all \
             max(_time) as lastTime by user | {condition}"
        );
        let mut stream = Stream::new(vec![plan("a", &search)], 3);
        let (mut ids, mut kinds, mut told) = (BTreeSet::new(), BTreeSet::<u8>::new(), false);
        for sent in &all {
            ids.insert(sent.id);
            kinds.extend(&sent.values);
            let passes = holds(ids.len(), kinds.len());
            let early = stream.put(sent.shard, 1_000, &[text(sent)]);
            let stages: Vec<_> = early.iter().map(|event| event.stage).collect();
            let expected = if passes && !told { vec![Stage::Early] } else { vec![] };
            prop_assert_eq!(stages, expected, "{} with {} events and {} values", condition, ids.len(), kinds.len());
            told |= passes;
        }
        let finals = stream.tip_all(100_000).len();
        prop_assert_eq!(finals, usize::from(told), "{} at the close", condition);
    }
}

/// AG-2: aggregates that are sets take every copy.
#[test]
fn em_1_a_copy_with_other_content_may_let_a_row_pass() {
    let search = "eventName=E | stats values(requestParameters.x) as x by user | search x=b";
    let mut stream = Stream::new(vec![plan("a", search)], 1);
    let mut early = |x: &str| {
        let copy = event("1", 500, "ann")
            .replace(r#","eventSource""#, &format!(r#","requestParameters":{{"x":"{x}"}},"eventSource""#));
        stream.put(0, 1_000, &[copy]).into_iter().map(|event| event.stage).collect::<Vec<_>>()
    };
    assert_eq!([early("a"), early("b"), early("c")], [vec![], vec![Stage::Early], vec![]]);
}

/// What a filled column or a field of a text says is no count: such rows are looked at when the window closes.
#[test]
fn em_1_what_is_written_over_a_count_is_no_count() {
    for commands in [
        "eval n=mvcount(all) | fillnull value=100 n | where n > 9",
        "spath input=text output=any | where count > 9",
        "spath input=text | where count > 9",
        "rename c* as x* | where xount < 9",
    ] {
        let search = format!(
            "eventName=E | stats count values(requestParameters.y) as all values(requestParameters.text) as text by user \
             | {commands}"
        );
        let mut stream = Stream::new(vec![plan("a", &search)], 1);
        let event = json!({
            "eventID": "1", "eventName": "E", "eventTime": "1970-01-01T00:00:00.500Z", "eventSource": "s3.amazonaws.com",
            "userIdentity": {"userName": "ann"}, "requestParameters": {"text": "{\"count\": 50}"},
        });
        stream.put(0, 1_000, &[event.to_string()]);
        let finals: Vec<_> = stream.tip_all(100_000).into_iter().map(|event| event.stage).collect();
        assert_eq!(finals, [Stage::Final], "{commands}");
    }
}
