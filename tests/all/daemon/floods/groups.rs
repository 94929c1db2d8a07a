//! BD-2: more groups than the state may hold.

use std::collections::HashSet;

use serde_json::json;

use super::{BASE, Call, MIB, assert_resident, flood, home, now, packed};
use crate::daemon::size;

/// `docs/security.md`, memory.
const STATE_FACTOR: u64 = 5;

/// Half of the groups come back after all of them were seen: by then they were closed early, so their later events are
/// in later parts of the window.
#[tokio::test(flavor = "multi_thread")]
async fn bd_2_a_flood_of_groups_is_closed_in_marked_parts_and_nothing_is_dropped() {
    let groups = size("TRAILRISK_FLOOD_GROUPS", 20_000);
    let bound = size("TRAILRISK_FLOOD_STATE_MIB", 2) as u64 * MIB;
    let (home, time) = (home(), now());
    let agents = (0..groups).chain((0..groups).step_by(2)).enumerate();
    let events =
        agents.map(|(number, group)| Call { number, user_agent: &format!("agent/{group}"), status: "New" }.text(time));
    let put = groups + groups.div_ceil(2);
    let records = packed(events, 1000);
    let (mut seen, mut ids, mut forced, mut rest) = (0, HashSet::new(), HashSet::new(), 0);
    let (daemon, _stream) =
        flood(&home, time, records, json!({"max_state_bytes": format!("{}MiB", bound / MIB)}), |line| {
            seen += line.event_count;
            assert!(ids.insert(line.id), "each part of a group has an id of its own");
            match line.pane.strip_prefix("forced-") {
                Some(number) => drop(forced.insert(number.parse::<u32>().expect("a number"))),
                None => {
                    assert!(line.pane == "on_time" && line.truncated, "{} without a mark", line.pane);
                    rest += 1;
                }
            }
            seen >= put as u64
        })
        .await;
    assert_resident(
        &format!("{groups} groups under {} MiB of state", bound / MIB),
        &daemon,
        STATE_FACTOR * bound + BASE,
    );
    println!("{} parts were closed early, {rest} rows came at the end of the window", forced.len());
    assert!(!forced.is_empty() && forced.len() == *forced.iter().max().expect("not empty") as usize, "{forced:?}");
    let counted = daemon.metric(r#"trailrisk_window_closes_total{cause="forced"}"#).await;
    assert_eq!(counted, forced.len() as f64);
    assert_eq!(daemon.stop().await.code, Some(0));
    assert_eq!(seen, put as u64, "every event is counted once");
}
