//! A macros file, a line of dashes, and a search that calls them: expansion ends, and its places lie within the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailrisk::spl::{Macros, expand};

fuzz_target!(|text: &str| {
    let (yaml, search) = text.split_once("\n---\n").unwrap_or((text, "`a` | `b(1)` | `c_filter`"));
    let Ok(macros) = Macros::from_yaml(yaml) else { return };
    let Ok(expansion) = expand(search, &macros) else { return };
    for filter in &expansion.filters {
        assert!(filter.start <= filter.end && filter.end <= expansion.text.len(), "a filter is a piece of the text");
    }
    for offset in 0..=expansion.text.len() {
        assert!(expansion.origin(offset) <= search.len(), "what is expanded comes from the search");
    }
});
