//! What is a CloudTrail event, what is not, and with which reason.

use crate::cloudtrail::testing::{decoded, event, reasons};
use crate::cloudtrail::{RejectReason, field};
use crate::value::Value;

fn reason(data: impl AsRef<[u8]>) -> RejectReason {
    let decoded = decoded(data);
    assert!(decoded.events.is_empty());
    assert_eq!(decoded.rejected.len(), 1, "{:?}", decoded.rejected);
    decoded.rejected[0].reason
}

#[test]
fn po_1_each_reason_has_its_cause() {
    let with_source = |source: &str| {
        format!(
            r#"{{"eventName":"A","eventVersion":"1.0","eventTime":"2024-01-01T00:00:00Z","eventSource":"{source}"}}"#
        )
    };
    for (data, expected) in [
        ("", RejectReason::Empty),
        (" \r\n\t", RejectReason::Empty),
        ("Hello World", RejectReason::BadJson),
        ("{\"eventName\":\"A\"", RejectReason::BadJson),
        ("{}", RejectReason::UnknownEnvelope),
        ("[]", RejectReason::UnknownEnvelope),
        ("3", RejectReason::BadJson),
        (r#"{"Records":{}}"#, RejectReason::UnknownEnvelope),
        (r#"{"detail-type":"x"}"#, RejectReason::UnknownEnvelope),
        (r#"{"detail":{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}}"#, RejectReason::UnknownEnvelope),
        (r#"{"messageType":"OTHER","logEvents":[]}"#, RejectReason::UnknownEnvelope),
        (r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1"}]}"#, RejectReason::NotCloudTrail),
        (r#"{"Type":"Notification","Message":"{}"}"#, RejectReason::UnknownEnvelope),
        (r#"{"Records":[{"EventSource":"aws:sns","Sns":{}}]}"#, RejectReason::UnknownEnvelope),
        (r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}]}"#, RejectReason::UnknownEnvelope),
        (r#"{"detail-type":"x","detail":{}}"#, RejectReason::NotCloudTrail),
        (r#"{"detail-type":"x","detail":[]}"#, RejectReason::NotCloudTrail),
        (r#"{"eventName":3}"#, RejectReason::NotCloudTrail),
        (r#"{"eventName":1.5}"#, RejectReason::NotCloudTrail),
        (r#"{"eventVersion":18446744073709551616}"#, RejectReason::NotCloudTrail),
        (&with_source("aws:kinesis"), RejectReason::NotCloudTrail),
        (&with_source("ecs-cn-hangzhou.aliyuncs.com"), RejectReason::NotCloudTrail),
        (r#"{"eventName":"A"}"#, RejectReason::NoEventTime),
        (r#"{"eventName":"A","eventTime":1704067200}"#, RejectReason::NoEventTime),
        (r#"{"eventName":"A","eventTime":null}"#, RejectReason::NoEventTime),
    ] {
        assert_eq!(reason(data), expected, "{data}");
    }
    assert_eq!(reason(b"{\"eventName\":\"\xff\"}"), RejectReason::BadJson);
    assert_eq!(reason(b"\xf3\x89\x9a\xc2\x0a"), RejectReason::BadKpl);
}

#[test]
fn no_detail_of_a_rejection_holds_text_of_the_event() {
    for data in ["{\"eventName\":\"CANARY\"", "CANARY", r#"{"eventName":"CANARY"}"#, r#"{"CANARY":"CANARY"}"#] {
        assert!(!decoded(data).rejected[0].detail.contains("CANARY"), "{data}");
    }
}

#[test]
fn odd_types_do_not_make_an_event_none() {
    for odd in [
        r#""userIdentity":"123""#,
        r#""requestParameters":"null""#,
        r#""requestParameters":[1]"#,
        r#""eventSource":7"#,
        r#""errorCode":"","sourceIPAddress":null"#,
        r#""eventName":"B""#,
    ] {
        event(format!(r#"{{"eventName":"A","eventVersion":"1.08","eventTime":"2024-01-01T00:00:00Z",{odd}}}"#));
    }
}

#[test]
fn an_insights_event_has_a_version_but_no_name() {
    let insight = r#"{"eventVersion":"1.07","eventTime":"2019-11-14T00:51:00Z","eventCategory":"Insight"}"#;
    assert_eq!(field(&event(insight), "eventCategory"), Value::text("Insight"));
}

#[test]
fn an_event_may_be_127_levels_deep_and_no_deeper() {
    for core in ["1", "1e999", r#""\ud800""#, r#"{"\ud800":1}"#] {
        let nested = |depth: usize| {
            let depth = depth - usize::from(core.starts_with('{'));
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","x":{open}{core}{close}}}"#)
        };
        event(nested(126));
        assert_eq!(reason(nested(127)), RejectReason::TooDeep, "{core}");
        assert_eq!(reason(nested(100_000)), RejectReason::TooDeep, "{core}");
    }
    assert_eq!(reason("[".repeat(100_000)), RejectReason::BadJson);
}

/// What a member of the same name hides is as deep as it is, whatever else is odd.
#[test]
fn a_hidden_member_is_too_deep_as_well() {
    for odd in ["1", "1e999", r#""\ud800""#] {
        for depth in [127, 200] {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            let hidden =
                format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","n":{odd},"a":{open}{close},"a":1}}"#);
            assert_eq!(reason(hidden), RejectReason::TooDeep, "{odd}");
        }
    }
}

/// A name that means something to a JSON library is a name, and brackets in a text are text.
#[test]
fn no_name_hides_an_event() {
    let brackets = "[".repeat(200);
    let event = event(format!(
        r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","x":{{"$serde_json::private::RawValue":"{brackets}"}},"y":"z"}}"#,
    ));
    assert_eq!(field(&event, "x.$serde_json::private::RawValue"), Value::text(brackets));
    assert_eq!(field(&event, "y"), Value::text("z"));
}

/// Half a surrogate pair in a key costs that key alone.
#[test]
fn po_1_half_a_surrogate_pair_in_a_key_hides_no_other_member() {
    let event =
        event(r#"{"k\ud800":"a","eventName":"A","eventTime":"2024-01-01T00:00:00Z","x":{"\udc00":{"c":"d"},"b":"e"}}"#);
    for (name, value) in [("x.b", "e"), ("x.\u{fffd}.c", "d"), ("k\u{fffd}", "a"), ("eventName", "A")] {
        assert_eq!(field(&event, name), Value::text(value), "{name}");
    }
}

#[test]
fn po_1_half_a_surrogate_pair_hides_neither_the_event_nor_its_neighbours() {
    let evil = r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","userAgent":"x\ud800y"}"#;
    let good = r#"{"eventName":"B","eventTime":"2024-01-01T00:00:00Z"}"#;
    for text in [format!("{evil}\n{good}"), format!(r#"{{"Records":[{evil},{good}]}}"#)] {
        let decoded = decoded(text);
        assert_eq!((decoded.events.len(), reasons(&decoded).len()), (2, 0));
        assert_eq!(field(&decoded.events[0], "userAgent"), Value::text("x\u{fffd}y"));
        assert_eq!(decoded.events[0].raw(), evil, "_raw is the source's text");
    }
    let message = serde_json::to_string(evil).expect("JSON").replace('x', "\\udfff");
    let logs = decoded(format!(
        r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"message":{message}}},{{"message":"no"}}]}}"#
    ));
    assert_eq!(field(&logs.events[0], "userAgent"), Value::text("\u{fffd}\u{fffd}y"));
    assert_eq!(reasons(&logs), [RejectReason::BadJson]);
}
