//! What several shards contribute to one group: from which records, and what it takes.

use super::*;
use crate::engine::group::Group;
use crate::engine::tests::support::{Stream, event, named, plan};
use crate::engine::{SequenceNumber, ShardId};

/// Each shard has brought the newest record of another group.
#[test]
fn ag_1_a_row_of_several_groups_names_the_newest_record_of_each_shard() {
    let search = "eventName=E | stats count by user | stats sum(count) as total";
    let mut stream = Stream::new(vec![plan("a", search), plan("b", "eventName=F | stats count by user")], 3);
    let users = [(0, "ann"), (0, "bob"), (1, "bob"), (1, "ann"), (2, "cat")];
    for (record, (shard, user)) in (0_i64..).zip(users) {
        stream.put(shard, 1_000 + record, &[event(&record.to_string(), 500, user)]);
    }
    stream.put(2, 2_000, &[named("F", "9", 500, "ann")]);
    let rows = stream.tip_all(100_000);
    let row = rows.iter().find(|row| row.detection.id == "a").expect("one row");
    let newest = |shard: &str, record: &str| (ShardId::new(shard), SequenceNumber::try_new(record).unwrap());
    assert_eq!(row.positions, [newest("shard-0", "2"), newest("shard-1", "2"), newest("shard-2", "1")]);
    assert_eq!(row.newest_arrival, Arrival(1_004));
}

/// The one group of a search to which so many shards have contributed by turns.
fn gathered(search: &str, shards: u32) -> Stream {
    let mut stream = Stream::new(vec![plan("a", search)], shards);
    for number in 0..90_u32 {
        stream.put(number % shards, 1_000, &[event(&format!("event-{number}"), 500, "ann")]);
    }
    stream
}

fn shares(stream: &Stream) -> &Shares {
    let groups = &stream.engine.open.values().next().expect("one window").groups;
    let ix = groups.all().next().expect("one group");
    let Group::Many(shares) = groups.get(ix) else { panic!("so many contributions are partials") };
    shares
}

const LATER: &str = "eventName=E | stats count values(eventID) by user | where count < 1000";
/// How many it takes is not written where the commands are looked through, so that every event is a reason to look.
const AT_A_THOUSAND: &str = "eventName=E | stats count values(eventID) by user | eval t=1000 | where count >= t";
/// No look is needed before.
const AT_A_HUNDRED: &str = "eventName=E | stats count values(eventID) by user | where count >= 100";
const AT_FIFTY: &str = "eventName=E | stats count values(eventID) by user | where count >= 50";
const AT_ONCE: &str = "eventName=E | stats count values(eventID) by user";

/// From below, what it holds; from above, with what an allocator rounds up. The merge of all partials is there only
/// while an early risk event may come of it, and where it is not the only partial.
#[test]
fn bd_2_the_memory_of_partials_is_counted_whole() {
    for (search, shards, is_merged) in [
        (LATER, 1, false),
        (LATER, 2, false),
        (AT_ONCE, 2, false),
        (AT_A_THOUSAND, 1, false),
        (AT_A_THOUSAND, 2, true),
        (AT_A_THOUSAND, 3, true),
        (AT_FIFTY, 3, false),
        (AT_A_HUNDRED, 3, false),
    ] {
        let stream = gathered(search, shards);
        let shares = shares(&stream);
        assert_eq!(shares.shares.len(), shards as usize);
        assert_eq!(shares.held, shares.shares.iter().map(Share::held_bytes).sum::<usize>());
        let partials: usize = shares.shares.iter().map(|share| share.partial.size_bytes()).sum();
        let beside = size_of::<Share>() - size_of::<Partial>() + SEQUENCE_NUMBER_DIGITS;
        let plan = &stream.engine.plans()[0];
        let merged = if is_merged { shares.merge_all(plan, &Bounds::default()).size_bytes() } else { 0 };
        let least = size_of::<Shares>() + partials + shares.shares.len() * beside + merged;
        let most = least + 100 + 40 * shares.shares.len();
        assert!((least..most).contains(&shares.bytes()), "{search}, {shards}: {} of {least} to {most}", shares.bytes());
    }
}

/// One event in three envelopes that stand in for its time, its region and its account: three copies, of which
/// nothing that is said depends on which came first.
#[test]
fn ag_1_what_envelopes_add_is_content_whichever_shard_brings_it_first() {
    const BARE: &str =
        r#"{"eventID":"1","eventName":"E","eventSource":"x.amazonaws.com","userIdentity":{"userName":"ann"}}"#;
    let in_envelope =
        |facts: &str| format!(r#"{{"detail-type":"AWS API Call via CloudTrail",{facts},"detail":{BARE}}}"#);
    let copies = [
        in_envelope(r#""time":"1970-01-01T00:00:00.500Z""#),
        in_envelope(r#""time":"1970-01-01T00:00:00.700Z","region":"eu-west-1""#),
        in_envelope(r#""time":"1970-01-01T00:00:00.500Z","region":"eu-west-2","account":"7""#),
    ];
    let search = "eventName=E | stats count values(awsRegion) as regions list(awsRegion) as region first(recipientAccountId) as \
        account min(_time) as first max(_time) as last by user";
    for search in
        [search.to_owned(), format!("{search} | where count > 0"), format!("{search} | eval t=9 | where count > t")]
    {
        let mut seen = std::collections::BTreeSet::new();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for shard_of in [[0, 1, 2], [2, 1, 0], [1, 1, 1], [0, 0, 1]] {
                let mut stream = Stream::new(vec![plan("a", &search)], 3);
                for copy in order {
                    stream.put(shard_of[copy], 1_000, &[copies[copy].clone()]);
                }
                let row = stream.tip_all(100_000).pop();
                let facts = row.map(|row| format!("{:?} {:?} {:?}", row.row, row.first_event, row.evidence));
                let counters = &stream.engine.counters().plans[0];
                seen.insert((facts, counters.counted, counters.duplicate, counters.conflicts));
            }
        }
        assert_eq!(seen.len(), 1, "{search}: {seen:?}");
    }
}

#[test]
fn ag_2_a_copy_with_other_bytes_in_another_shard_is_a_conflict() {
    let counted = |time: i64| {
        let mut stream = Stream::new(vec![plan("a", "eventName=E | stats count by user")], 2);
        stream.put(0, 1_000, &[event("1", 500, "ann")]);
        stream.put(1, 1_000, &[event("1", time, "ann")]);
        let counters = &stream.engine.counters().plans[0];
        (counters.counted, counters.duplicate, counters.conflicts)
    };
    assert_eq!((counted(500), counted(501)), ((1, 1, 0), (1, 1, 1)));
}

/// Whichever shard has the other bytes, and whichever brings them again.
#[test]
fn ag_2_a_copy_that_any_other_shard_has_is_no_further_conflict() {
    for again in 0..3 {
        let mut stream = Stream::new(vec![plan("a", "eventName=E | stats count by user")], 3);
        for (shard, time) in [(0, 500), (1, 501), (again, if again == 1 { 500 } else { 501 })] {
            stream.put(shard, 1_000, &[event("1", time, "ann")]);
        }
        let counters = &stream.engine.counters().plans[0];
        assert_eq!((counters.counted, counters.duplicate, counters.conflicts), (1, 2, 1), "shard {again}");
    }
}
