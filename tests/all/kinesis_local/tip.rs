//! RD-3 with a `MillisBehindLatest` that tells: how far the last record of an answer lies behind the newest.

use super::emulator::Emulator;
use crate::source::reader::read;
use crate::source::{expected, numbered};
use crate::support::wall_millis;

/// More than the source asks for in one read of a shard that it does not know yet, with the end of that read well before
/// the newest put: records of one put share a millisecond.
const RECORDS: usize = 1400;

#[tokio::test]
async fn rd_3_there_is_no_evidence_of_the_tip_while_the_shard_is_behind() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "tip";
    kinesis.create_stream(stream, 1).await;
    for from in (0..RECORDS).step_by(200) {
        kinesis.put(stream, numbered(from, from + 200)).await;
    }
    let put = wall_millis();
    let mut reader = read(&kinesis, &kinesis.source_config(stream)).await;
    let lag = {
        let metrics = reader.metrics.clone();
        move || metrics.kinesis_shard_behind_latest_seconds.with_label_values(&[stream, "shardId-000000000000"]).get()
    };
    reader.until("a part", |reader| !reader.came.is_empty()).await;
    let behind = reader.behind[0];
    assert!(behind > 0 && reader.came.len() < RECORDS, "{behind} ms behind, {} came", reader.came.len());
    assert!((lag() - behind as f64 / 1000.0).abs() < 1e-9, "{} s, {behind} ms", lag());

    reader.until("everything", |reader| reader.came.len() >= RECORDS).await;
    assert!(reader.tips.is_empty(), "{:?}", reader.tips);
    assert_eq!(reader.texts(), expected(0, RECORDS));
    assert_eq!(reader.behind.last(), Some(&0));
    assert!(reader.behind.is_sorted_by(|earlier, later| earlier >= later), "{:?}", reader.behind);

    reader.until("evidence", |reader| !reader.tips.is_empty()).await;
    assert!(lag().abs() < 1e-9, "{}", lag());
    let now = wall_millis();
    for read_through in reader.tips.values() {
        assert!((put - 1000..=now).contains(read_through), "{read_through} is not within {put} - 1 s and {now}");
    }
}
