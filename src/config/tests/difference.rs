//! What a reload cannot change.

use super::*;

fn differences(before: &str, after: &str) -> Vec<String> {
    valid(before).differences_beyond_detections(&valid(after))
}

#[test]
fn keys_beyond_detections_are_named_where_they_differ() {
    assert!(differences(LEAST, LEAST).is_empty());
    let detections = LEAST.replace("[d]", "[other], window: 2h, reload_interval: off");
    assert_ne!(detections, LEAST);
    assert!(differences(LEAST, &detections).is_empty(), "these are what a reload is for");
    assert_eq!(differences(LEAST, &with("log", "level: warn")), ["log.level"]);
    let two = LEAST.replace("{name: out, type: stdout}", "{name: out, type: stdout}, {name: b, type: file, path: b}");
    assert_eq!(differences(LEAST, &two), ["sinks"]);
}

#[test]
fn what_is_never_shown_is_named_as_well_and_still_not_shown() {
    let webhook =
        |rest: &str| LEAST.replace("{name: out, type: stdout}", &format!("{{name: out, type: webhook, {rest}}}"));
    let before = webhook("url: 'https://soc.example.com/a', headers: {X: s3cret}");
    for rest in [
        "url: 'https://soc.example.com/b', headers: {X: s3cret}",
        "url: 'https://soc.example.com/a', headers: {X: other}",
    ] {
        assert_eq!(differences(&before, &webhook(rest)), ["sinks"]);
    }
    assert_eq!(differences(LEAST, &with("limits", "sampling_key: abc")), ["limits.sampling_key"]);
    let other_key = differences(&with("limits", "sampling_key: abc"), &with("limits", "sampling_key: abd"));
    assert_eq!(other_key, ["limits.sampling_key"]);
}

#[test]
fn a_rotated_signing_secret_is_a_difference_but_no_other_hash() {
    let webhook = |secrets: &str| {
        let sink = format!("type: webhook, url: 'https://soc.example.com/', signing_secrets: [{secrets}]");
        LEAST.replace("type: stdout", &sink)
    };
    let (old, new) = (format!("whsec_{}", "AAAA".repeat(8)), format!("whsec_{}", "BBBB".repeat(8)));
    let (before, during) = (webhook(&old), webhook(&format!("{new}, {old}")));
    assert_eq!(differences(&before, &during), ["sinks"]);
    assert_eq!(valid(&before).hash(), valid(&during).hash());
    for shown in [format!("{:?}", valid(&during)), valid(&during).canonical().to_string()] {
        assert!(!shown.contains("AAAA") && !shown.contains("BBBB"), "{shown}");
    }
}

#[test]
fn the_reload_interval_may_be_off() {
    let interval =
        |text: &str| valid(&LEAST.replace("[d]", &format!("[d], reload_interval: {text}"))).detections.reload_interval;
    assert_eq!((interval("off"), interval("30s")), (None, Some(Duration::from_secs(30))));
    assert_eq!(valid(LEAST).detections.reload_interval, Some(Duration::from_secs(10)));
}
