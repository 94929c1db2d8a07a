//! The plainest loop that finds what the shipped detection finds: each line to a `serde_json::Value`, a look at its
//! `eventName`, a count by group. `benches/compare.sh` measures it beside trailrisk.

#![expect(clippy::print_stdout, reason = "it prints its groups")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use serde_json::Value;

fn main() {
    let path = std::env::args().nth(1).expect("a file of NDJSON");
    let file = BufReader::with_capacity(1 << 20, File::open(path).expect("it can be read"));
    let mut groups: BTreeMap<[String; 4], u64> = BTreeMap::new();
    for line in file.lines() {
        let event: Value = serde_json::from_str(&line.expect("UTF-8")).expect("JSON");
        if event["eventName"] == "JobCreated" {
            let text = |value: &Value| value.as_str().unwrap_or("success").to_owned();
            let key = ["sourceIPAddress", "errorCode", "userAgent"].map(|field| text(&event[field]));
            let [address, code, agent] = key;
            *groups.entry([address, text(&event["userIdentity"]["accountId"]), code, agent]).or_default() += 1;
        }
    }
    for (group, count) in groups {
        println!("{}\t{count}", group.join("\t"));
    }
}
