//! PO-1 and BD-1: records that are made to be too much. Each test ends with a good event behind them, which must still
//! be seen.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tokio::time::Instant;

use super::{BASE, Call, Final, MIB, assert_resident, flood, home, now, packed};
use crate::daemon::dead_letter::dead_letters;
use crate::daemon::event::gzip;
use crate::daemon::size;
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::CannedStream;

/// `max_inflated_bytes` of these tests.
const INFLATED: u64 = 16 * MIB;

/// What follows the hostile records.
fn good(time: i64) -> Vec<u8> {
    Call { number: 999_999, user_agent: "good", status: "New" }.text(time).into_bytes()
}

async fn flood_then_good(home: &Home, time: i64, mut records: Vec<Vec<u8>>) -> (Daemon, CannedStream) {
    records.push(good(time));
    let limits = json!({"max_inflated_bytes": format!("{}MiB", INFLATED / MIB)});
    flood(home, time, records, limits, |line: Final| line.row["userAgent"] == "good").await
}

/// The reasons of the dead letters, once there are so many.
async fn reasons(home: &Home, daemon: &Daemon, count: usize) -> Vec<String> {
    let all = || async { Some(dead_letters(home)).filter(|letters| letters.len() >= count) };
    let letters = daemon.until(crate::support::PATIENCE, "the dead letters are written", all).await;
    letters.into_iter().map(|letter| letter.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bd_1_records_of_ten_mebibytes_pass_one_by_one() {
    let (home, time) = (home(), now());
    let padded = |number: usize| {
        let text = Call { number, user_agent: "large", status: "New" }.text(time);
        let padding = "x".repeat(10 * MIB as usize - text.len() - 16);
        format!("{},\"padding\":\"{padding}\"}}", text.strip_suffix('}').expect("an object")).into_bytes()
    };
    let (daemon, _stream) = flood_then_good(&home, time, (0..6).map(padded).collect()).await;
    assert_resident("6 records of 10 MiB", &daemon, BASE + 80 * MIB);
    assert_eq!(daemon.metric(r#"trailrisk_events_total{envelope="bare"}"#).await, 7.0);
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// Each is 1 MiB that would inflate to 1 GiB; gzip cannot do better.
#[tokio::test(flavor = "multi_thread")]
async fn threat_4_gzip_bombs_are_dead_lettered_at_the_cap_and_memory_stays_flat() {
    let bombs = size("TRAILRISK_FLOOD_BOMBS", 4);
    let member = smallest(&vec![b' '; 32 << 20]);
    assert!(member.len() * 32 < 1_100_000, "{} bytes", member.len() * 32);
    let (home, begun) = (home(), Instant::now());
    let (daemon, _stream) = flood_then_good(&home, now(), vec![member.repeat(32); bombs]).await;
    println!("{bombs} bombs of {} bytes and the window behind them took {:?}", 32 * member.len(), begun.elapsed());
    assert_resident("gzip bombs", &daemon, BASE + 2 * INFLATED);
    assert_eq!(reasons(&home, &daemon, bombs).await, vec!["too_large"; bombs]);
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// As small as gzip makes it.
fn smallest(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_3_nesting_of_any_depth_is_rejected_without_a_crash() {
    let home = home();
    let around = |open: &str, close: &str, depth: usize| {
        let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        format!(r#"{{"eventName":"JobCreated","eventTime":"2024-01-01T00:00:00Z","a":{nested}}}"#).into_bytes()
    };
    let shapes = [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"":"#, "}]")];
    let deep = shapes.iter().flat_map(|(open, close)| [1000, 100_000].map(|depth| around(open, close, depth)));
    let (daemon, _stream) = flood_then_good(&home, now(), deep.collect()).await;
    assert_eq!(reasons(&home, &daemon, 6).await, ["too_deep"; 6]);
    assert_resident("deep nesting", &daemon, BASE);
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// What costs the most memory for its bytes: parsed, an object of one member takes hundreds.
#[tokio::test(flavor = "multi_thread")]
async fn threat_3_many_tiny_values_cost_no_more_than_a_multiple_of_the_cap() {
    let home = home();
    let inside = |value: &str, count: usize| {
        let values = vec![value; count].join(",");
        format!(r#"{{"eventName":"JobCreated","eventTime":"2024-01-01T00:00:00Z","a":[{values}]}}"#)
    };
    let members = |member: &str, count: usize| {
        let members = vec![member; count].join(",");
        format!(r#"{{"eventName":"JobCreated","eventTime":"2024-01-01T00:00:00Z",{members}}}"#)
    };
    let file = |value: &str, count: usize| format!(r#"{{"Records":[{}]}}"#, vec![value; count].join(","));
    let shapes = [
        inside("1", 1_000_000),
        inside(r#"{"":1}"#, 500_000),
        inside(r#"{"":{"":{}}}"#, 250_000),
        members(r#""":1"#, 1_000_000),
        members(r#""\n":1"#, 1_000_000),
        file("{}", 500_000),
        file("1", 1_000_000),
        "[]\n".repeat(1_000_000),
        "x\n{".repeat(1_000_000),
    ];
    let count = shapes.len();
    let records = shapes.map(|text| gzip(text.as_bytes())).to_vec();
    let (daemon, _stream) = flood_then_good(&home, now(), records).await;
    let rejected: usize = dead_letters(&home).len();
    println!("{count} records of tiny values, {rejected} dead letters");
    assert_resident("many tiny values", &daemon, BASE + 4 * INFLATED);
    assert_eq!(daemon.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bd_1_a_record_of_many_events_is_one_record() {
    let events = size("TRAILRISK_FLOOD_EVENTS", 100_000);
    let (home, time) = (home(), now());
    let text = |number| Call { number, user_agent: "many", status: "New" }.text(time);
    let records = packed((0..events).map(text), events);
    let inflated = (events * text(0).len()) as u64;
    let (mut count, mut marked) = (0, false);
    let limits = json!({"max_inflated_bytes": "64MiB"});
    let (daemon, _stream) = flood(&home, time, records, limits, |line| {
        (count, marked) = (line.event_count, line.count_is_upper_bound);
        true
    })
    .await;
    assert_eq!((count, marked), (events as u64, false));
    assert_resident(&format!("a record of {events} events"), &daemon, BASE + 4 * inflated);
    assert_eq!(daemon.stop().await.code, Some(0));
}
