//! AG-2 and BD-3: one group with more events and more values than are kept.

use serde_json::{Value, json};

use super::{BASE, Call, Final, MIB, assert_resident, flood, home, now, packed};
use crate::daemon::line::{finals, read_all};
use crate::daemon::size;
use crate::daemon::{STREAM, config};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::Endpoint;

/// Every third event is put twice.
#[tokio::test(flavor = "multi_thread")]
async fn ag_2_beyond_the_cap_on_ids_counts_are_upper_bounds_and_say_so() {
    let events = size("TRAILRISK_FLOOD_EVENTS", 3000);
    let (cap, copies, home, time) = (1000_usize, events.div_ceil(3), home(), now());
    let numbers = (0..events).chain((0..events).step_by(3));
    let texts = numbers.map(|number| Call { number, user_agent: "one", status: "New" }.text(time));
    let mut seen = None;
    let (daemon, _stream) = flood(&home, time, packed(texts, 1000), json!({"max_ids_per_group": cap}), |line| {
        seen = Some(line);
        true
    })
    .await;
    let Final { event_count, count_is_upper_bound, .. } = seen.expect("one group, one final");
    assert!(count_is_upper_bound);
    // The first `cap` are known and their copies are not counted; of the others the copies may be.
    let known = cap.div_ceil(3);
    assert_eq!(event_count, (events + copies - known) as u64);
    assert_resident(&format!("{events} ids above a cap of {cap}"), &daemon, BASE);
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// The texts of a flood of values, in which `values(status)` and `values(job_arn)` have one for each event.
fn texts(events: usize, time: i64) -> Vec<String> {
    let text = |number| Call { number, user_agent: "one", status: &format!("AAAA{number:09}") }.text(time);
    (0..events).map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bd_3_which_values_are_shown_depends_neither_on_their_order_nor_on_their_text() {
    let events = size("TRAILRISK_FLOOD_EVENTS", 20_000);
    let limits = json!({"max_values": 20, "max_distinct_values": 1000, "max_ids_per_group": 10_000_000});
    let (home, time) = (home(), now());
    let texts = texts(events, time);
    let mut seen = None;
    let (daemon, _stream) = flood(&home, time, packed(texts.iter().cloned(), 1000), limits.clone(), |line| {
        seen = Some(line);
        true
    })
    .await;
    let Final { id, event_count, values_truncated, count_is_upper_bound, row, .. } = seen.expect("one final");
    assert_eq!((event_count, values_truncated, count_is_upper_bound), (events as u64, true, false));
    let shown: Vec<&str> = row["status"].as_array().expect("many").iter().filter_map(Value::as_str).collect();
    assert_eq!(shown.len(), 20);
    assert!(shown.is_sorted() && shown[19] > "AAAA000000100", "not the first, not the smallest: {shown:?}");
    // The units of one group are state as well: some 100 bytes an event.
    assert_resident(&format!("a values() of {events}"), &daemon, BASE + 400 * events as u64 + 16 * MIB);
    assert_eq!(daemon.stop().await.code, Some(0));

    let backwards: Vec<String> = texts.into_iter().rev().collect();
    let replayed = replay(&backwards, limits).await;
    assert_eq!((&replayed["id"], &replayed["row"]), (&json!(id), &row));
}

/// The one final of a replay over these texts.
async fn replay(texts: &[String], limits: Value) -> Value {
    let home = Home::new(env!("CARGO_BIN_EXE_trailrisk"), &[]);
    let mut config = config(&Endpoint::new("http://127.0.0.1:9".to_owned()));
    config["limits"] = limits;
    home.configure(config.to_string());
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.write("events.ndjson", texts.join("\n")));
    let ended = Daemon::spawn(command).ended_within(super::PATIENCE).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let (_, body) = finals(&read_all(&ended.lines)).pop_first().expect("one final");
    serde_json::from_str(&format!("{body}}}")).expect("the body is an object")
}
