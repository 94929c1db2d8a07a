//! Any text as the configuration: a configuration, or problems whose places lie within it and which hold no secret. What is
//! read has one hash, however often it is read.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use trailrisk::config::{Environment, Overrides, Place, parse};

const SECRET: &str = "s3cr3t-of-the-environment";

fuzz_target!(|text: &str| {
    // Files of this machine are none of the fuzzer's business, and what it says itself is no secret.
    if text.contains("file:") || text.contains(SECRET) {
        return;
    }
    let environment = Environment::of([("SOC_TOKEN", SECRET), ("SPLUNK_TOKEN", SECRET)]);
    let read = || parse(text, Path::new("fuzz.yaml"), &environment, &Overrides::default());
    match read() {
        Ok(config) => assert_eq!(read().expect("as before").hash(), config.hash()),
        Err(error) => {
            let lines = text.matches(['\n', '\r']).count();
            for problem in &error.problems {
                if let Place::Position(_, line, column) = &problem.place {
                    assert!((1..=lines + 2).contains(line) && *column > 0, "{problem:?} is not in the text");
                }
            }
            assert!(!error.to_string().contains(SECRET), "{error}");
        }
    }
});
