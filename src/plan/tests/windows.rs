//! WN-1: which `bin` cuts the windows of a search.

use super::*;

#[test]
fn wn_1_only_a_bin_of_time_that_replaces_it_cuts_windows() {
    for (search, window_ms) in [
        ("* | bin _time span=5m | stats count by _time", 300_000),
        // Splunk: a span without a unit is in seconds.
        ("* | bin _time span=300 | stats count by _time", 300_000),
        ("* | bin _time span=0.5 | stats count by _time", 500),
        ("* | bin _time span=5m as t | stats count by t", HOUR),
        ("* | bin _time span=5m as t | stats count by _time", HOUR),
        ("* | bin n span=5 | stats count by n _time", HOUR),
        ("* | bin n span=5 | bin m span=5 | stats count by n m _time", HOUR),
        ("* | bin _time span=1d as day | bin _time span=5m | stats count by day _time", 300_000),
    ] {
        assert_eq!(plan(search).window_ms(), window_ms, "{search}");
    }
}

/// Windows are cut on the event's own time.
#[test]
fn wn_1_nothing_writes_the_time_before_it_cuts_windows() {
    let search = |command: &str| format!("* | {command} | bin _time span=5m | stats count by _time");
    for command in [
        "eval _time=a",
        "rename a as _time",
        "rename _time as t",
        "rename x_* as _*",
        "rename _t* as x_*",
        "bin n span=10 as _time",
        "convert mktime(a) as _time",
        "convert num(_time)",
        "mvexpand _time",
        "spath output=_time path=a",
        r#"rex "(?<_time>\d+)""#,
    ] {
        let search = search(command);
        assert_eq!(&search[refused(&search).span], command, "{search}");
    }
    for command in [
        "eval t=_time",
        "rename a as b",
        "rename a.* as b.*",
        "bin n span=10 as m",
        "convert ctime(_time) as t",
        "mvexpand a",
        "spath output=b path=a",
        r#"rex "(?<a>\d+)""#,
    ] {
        assert_eq!(plan(&search(command)).window_ms(), 300_000, "{command}");
    }
}
