//! The comparison, from its description in `docs/backtest.md`.

use super::*;

const HOUR: i64 = 3_600_000;

fn utc(millis: i64) -> String {
    Arrival(millis).to_string()
}

/// A final risk event of the hour that begins at `hour`, of a user, with a count.
fn body(id: &str, hour: i64, user: &str, count: u64) -> String {
    with(id, hour, user, count, "\"pane\":\"on_time\"", "")
}

fn with(id: &str, hour: i64, user: &str, count: u64, pane: &str, marks: &str) -> String {
    let (start, end) = (utc(hour * HOUR), utc((hour + 1) * HOUR));
    format!(
        r#"{{"schema":"trailrisk.risk_event/v1","id":"{id}","stage":"final",{pane},"detection":{{"id":"d","name":"D","version":1,"type":"TTP"}},"group":{{"user":"{user}"}},"row":{{"count":{count}}},"window":{{"start":"{start}","end":"{end}"}},"event_count":{count},"evidence":[]{marks}}}"#
    )
}

fn compare(live: &[&str], stream: &[&str]) -> (Vec<Difference>, Tally) {
    // Grace is half an hour: the hour h closes at h + 1.5 h.
    let range = Range::new(Arrival(10 * HOUR), Arrival(20 * HOUR)).expect("not empty");
    let graces = BTreeMap::from([("d".to_owned(), HOUR / 2)]);
    let mut comparison = Comparison::new(range, graces, 0);
    for (line, body) in (1..).zip(live) {
        assert!(comparison.live(line, body), "{body}");
    }
    stream.iter().for_each(|body| comparison.stream(body));
    comparison.finish()
}

fn shown(differences: &[Difference]) -> String {
    differences.iter().flat_map(|difference| difference.lines("live.ndjson")).collect::<Vec<_>>().join("\n")
}

#[test]
fn em_4_the_same_bytes_in_any_order_and_number_are_no_difference() {
    let (a, b) = (body("a", 10, "x", 1), body("b", 11, "y", 2));
    let (differences, tally) = compare(&[&b, &a, &b], &[&a, &b]);
    assert!(differences.is_empty() && tally.is_equal());
    assert_eq!((tally.in_file, tally.repeats, tally.alike), (2, 1, 2));
}

#[test]
fn what_the_file_lacks_has_too_much_or_has_otherwise_is_named() {
    let (a, b, c) = (body("a", 10, "x", 1), body("b", 11, "y", 2), body("c", 12, "z", 3));
    let other = a.replace("\"count\":1", "\"count\":7");
    let (differences, tally) = compare(&[&other, &b], &[&a, &c]);
    assert!(!tally.is_equal());
    assert_eq!((tally.missing, tally.extra, tally.different, tally.changed, tally.alike), (1, 1, 1, 0, 0));
    let lines = shown(&differences);
    for wanted in [
        "different a \"D\" v1, window 1970-01-01T10:00:00Z to 1970-01-01T11:00:00Z, on_time, 1 events, {\"user\":\"x\"} (live.ndjson:1)",
        "row.count: 7 in the file, 1 by the stream",
        "extra     b \"D\"",
        "(live.ndjson:2)",
        "missing   c \"D\"",
    ] {
        assert!(lines.contains(wanted), "{wanted:?} is not in {lines}");
    }
}

#[test]
fn one_byte_is_a_difference_even_where_the_content_is_the_same() {
    let a = body("a", 10, "x", 1);
    let (differences, tally) = compare(&[&a.replace(",\"stage\"", ", \"stage\"")], &[&a]);
    assert_eq!(tally.different, 1);
    assert!(shown(&differences).contains("the bytes are not"), "{}", shown(&differences));
}

#[test]
fn em_4_two_bodies_of_one_id_in_the_file_are_a_difference_whichever_is_right() {
    let (a, b) = (body("a", 10, "x", 1), body("a", 10, "x", 2));
    for live in [[&*a, &*b], [&*b, &*a]] {
        let (_, tally) = compare(&live, &[&a]);
        assert_eq!((tally.different, tally.alike, tally.in_file), (1, 0, 1));
    }
}

#[test]
fn wn_6_only_what_closes_in_the_range_is_compared() {
    // They close at 10:00 and at 20:30; the range is (10:00, 20:00].
    let (before, after) = (body("a", 8, "x", 1).replace("T09:00", "T09:30"), body("b", 19, "x", 1));
    let (last, first) = (body("c", 18, "x", 1), body("d", 9, "x", 1));
    let (_, tally) = compare(&[&before, &after, &first, &last], &[&first, &last]);
    assert_eq!((tally.outside, tally.in_file, tally.alike), (2, 2, 2));
}

#[test]
fn wn_3_a_late_pane_closes_with_its_bucket() {
    let late = |bucket: i64| format!(r#""pane":"late","pane_bucket":"{}""#, utc(bucket * HOUR));
    let (inside, outside) = (with("a", 2, "x", 1, &late(9), ""), with("b", 2, "x", 1, &late(8), ""));
    // The bucket of 09:00 closes at 10:00, which the range begins after; that of 10:00 at 11:00.
    let (next, _) = (with("c", 2, "x", 1, &late(10), ""), ());
    let (_, tally) = compare(&[&inside, &outside, &next], &[&next]);
    assert_eq!((tally.outside, tally.alike), (2, 1));
}

#[test]
fn em_3_a_result_under_another_id_is_told_apart_as_a_changed_detection() {
    let (then, now) = (body("a", 10, "x", 1), body("b", 10, "x", 2).replace("\"version\":1", "\"version\":2"));
    let (differences, tally) = compare(&[&then], &[&now]);
    assert_eq!((tally.changed, tally.missing, tally.extra), (1, 0, 0));
    assert!(!tally.is_equal());
    let lines = shown(&differences);
    assert!(lines.contains("changed   a \"D\" v1") && lines.contains("is now b v2, 2 events"), "{lines}");
}

/// Without `stats` every event is a result of its own, and none has by-values.
#[test]
fn em_3_results_without_by_values_are_told_apart_by_their_event() {
    let single = |id: &str, event: &str| {
        let body = body(id, 10, "x", 1).replace(r#"{"user":"x"}"#, "{}");
        body.replace("\"evidence\":[]", &format!("\"evidence\":[{{\"event_id\":\"{event}\"}}]"))
    };
    let (a, b, c) = (single("a", "1"), single("b", "2"), single("c", "1"));
    let (_, tally) = compare(&[&a, &b], &[&c]);
    assert_eq!((tally.changed, tally.extra), (1, 1));
}

#[test]
fn nothing_is_lost_where_several_rows_have_one_group() {
    let rows = [body("a", 10, "x", 1), body("b", 10, "x", 2), body("c", 10, "x", 3)];
    let (_, tally) = compare(&[&rows[0], &rows[1], &rows[2]], &[]);
    assert_eq!(tally.extra, 3);
}

#[test]
fn marks_and_panes_that_explain_a_difference_are_counted() {
    let partial = with("a", 10, "x", 1, "\"pane\":\"on_time\"", ",\"partial\":true");
    let forced = with("b", 10, "y", 1, "\"pane\":\"forced-1\"", "");
    let late = with("c", 10, "z", 1, &format!(r#""pane":"late","pane_bucket":"{}""#, utc(12 * HOUR)), "");
    let whole = body("d", 10, "z", 2);
    let (_, tally) = compare(&[&partial, &forced, &late], &[&whole]);
    assert_eq!((tally.partial, tally.forced, tally.other_pane), (1, 1, 1));
}

#[test]
fn threat_1_what_an_event_says_does_not_break_a_line_and_is_cut() {
    let hostile = format!("a\\u001b[2J\\n{}", "é".repeat(500));
    let (differences, _) = compare(&[&body("a", 10, &hostile, 1)], &[&body("a", 10, "x", 1)]);
    let lines = shown(&differences);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.chars().count() < 600 && !lines.contains('\u{1b}'), "{lines}");
}

#[test]
fn a_risk_event_of_another_format_is_refused() {
    let range = Range::new(Arrival(0), Arrival(1)).expect("not empty");
    let mut comparison = Comparison::new(range, BTreeMap::new(), 0);
    assert!(!comparison.live(1, "{\"id\":\"a\",\"stage\":\"final\"}"));
}
