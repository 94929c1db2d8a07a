//! Splunk's own detections, all at once, over every real event.

use std::io::Read as _;
use std::sync::Arc;

use super::support::Stream;
use crate::cloudtrail::{DecodeLimits, decode};
use crate::detection::{PlanSettings, compile};
use crate::plan::{Lookups, Plan};
use crate::spl::Macros;

const CORPUS: &[u8] = include_bytes!("../../../tests/data/cloudtrail/corpus.ndjson.gz");
const EXAMPLES: &[u8] = include_bytes!("../../../tests/data/cloudtrail/escu_examples.ndjson.gz");
const LOOKALIKES: &[u8] = include_bytes!("../../../tests/data/cloudtrail/lookalikes.ndjson.gz");

fn lines(gzip: &[u8]) -> Vec<String> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(gzip).read_to_string(&mut text).expect("the corpus is gzipped text");
    text.lines().map(str::to_owned).collect()
}

/// Every detection of the folder that compiles.
fn detections() -> Vec<Arc<Plan>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/escu");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let settings =
        |_: &str, _: &str| PlanSettings { window_ms: 3_600_000, grace_ms: 900_000, max_future_skew_ms: 300_000 };
    let compiled = paths.iter().filter_map(|path| {
        let yaml = std::fs::read_to_string(path).expect("readable");
        compile(&yaml, &path.to_string_lossy(), &Macros::built_in(), &Lookups::new(), &settings).ok()
    });
    compiled.map(|compiled| Arc::new(compiled.plan)).collect()
}

/// A tenth of the records come twice, through another shard; those that arrive in the end are late or of the future.
#[test]
fn ag_4_the_buckets_of_every_detection_add_up_over_the_whole_corpus() {
    let plans = detections();
    assert!(plans.len() >= 33, "{} detections compile", plans.len());
    let mut stream = Stream::new(plans, 2);
    let all = [lines(CORPUS), lines(EXAMPLES), lines(LOOKALIKES)].concat();
    let mut put = 0;
    for (index, record) in all.chunks(20).enumerate() {
        let arrival = 1_500_000_000_000 + index as i64 * 5_000_000_000;
        let copies = if index % 10 == 0 { 2 } else { 1 };
        for shard in 0..copies {
            stream.put(shard, arrival, record);
            put += record
                .iter()
                .map(|line| decode(line.as_bytes(), &DecodeLimits::default()).events.len() as u64)
                .sum::<u64>();
        }
    }
    stream.tip_all(i64::MAX / 4);
    let counters = stream.engine.counters();
    assert_eq!(counters.events, put, "every event is decoded");
    for (plan, of) in stream.engine.plans().iter().zip(&counters.plans) {
        let sum = of.counted + of.unmatched + of.null_by + of.duplicate + of.replayed + of.outside_activation;
        assert_eq!(sum, counters.events, "{}: {of:?}", plan.text().name);
    }
    let counted = counters.plans.iter().filter(|of| of.counted > 0).count();
    let doubled = counters.plans.iter().filter(|of| of.duplicate > 0).count();
    assert!(counted >= 25 && doubled >= 3, "{counted} detections count events, {doubled} see copies");
}
