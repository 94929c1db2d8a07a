//! Each envelope of the contract, alone and combined.

use serde_json::json;

use super::JOB_CREATED;
use crate::cloudtrail::testing::{decoded, event, gzip, reasons};
use crate::cloudtrail::{DecodeLimits, Envelope, RejectReason, decode, field};
use crate::time::EventTime;
use crate::value::Value;

const EVENTBRIDGE: &str = include_str!("../../../tests/data/cloudtrail/jobcreated_eventbridge.json");

fn logs(messages: &[&str]) -> String {
    let log_events: Vec<_> =
        messages.iter().map(|message| json!({"id": "1", "timestamp": 1, "message": message})).collect();
    json!({"messageType": "DATA_MESSAGE", "owner": "1", "logEvents": log_events}).to_string()
}

#[test]
fn ag_2_one_event_has_one_key_and_content_in_every_envelope() {
    let record = JOB_CREATED.trim();
    let eventbridge =
        format!(r#"{{"detail-type":"AWS Service Event via CloudTrail","detail":{record},"account":"1"}}"#);
    let file = format!(r#"{{"Records":[{record}]}}"#);
    let wrapped = [
        (record.to_owned(), Envelope::Bare),
        (eventbridge, Envelope::EventBridge),
        (file, Envelope::File),
        (logs(&[JOB_CREATED]), Envelope::CloudWatchLogs),
    ];
    for (text, envelope) in wrapped {
        for data in [text.clone().into_bytes(), gzip(&text)] {
            assert_eq!(decoded(&data).envelopes, [(envelope, 1)]);
            let event = event(&data);
            assert_eq!(event.raw(), record);
            assert_eq!(event.id(), "894153ad-ed86-4719-bb66-6c52ef7dc767");
            assert_eq!(event.key.0, 0x894153ad_ed86_4719_bb66_6c52ef7dc767);
            assert_eq!(event.time, EventTime(1_682_380_277_000));
            // As SipHash-1-3 written anew from its paper has it, under a key of zeros.
            assert_eq!(event.content_hash(), 0x9528_3a75_e0a1_bd1a);
        }
    }
}

/// What an envelope adds to an event is content; what the event says itself is not changed by it.
#[test]
fn ag_2_what_stands_in_for_absent_fields_tells_copies_apart() {
    let of = |own: &str, facts: &str| {
        let time = if own.contains("eventTime") { "" } else { r#""time":"2024-01-01T00:00:00Z","# };
        event(format!(r#"{{"detail-type":"x",{time}{facts}"detail":{{"eventName":"A","eventID":"1"{own}}}}}"#))
            .content_hash()
    };
    const TIME: &str = r#","eventTime":"2024-01-01T00:00:00Z""#;
    for (field, fact) in [("recipientAccountId", "account"), ("awsRegion", "region")] {
        let (one, two) = (format!(r#""{fact}":"1","#), format!(r#""{fact}":"2","#));
        let own = |value: &str| format!(r#"{TIME},"{field}":{value}"#);
        let hashes = [of(TIME, ""), of(TIME, &one), of(TIME, &two)];
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2], "{field}");
        assert_eq!(of(&own("\"3\""), &one), of(&own("\"3\""), &two), "{field} is there");
        for blank in ["\"\"", "null", "[\"3\"]"] {
            assert_ne!(of(&own(blank), &one), of(&own(blank), &two), "{field} is {blank}");
        }
    }
    let (account, region) = (of(TIME, r#""account":"1","#), of(TIME, r#""region":"1","#));
    assert_ne!(account, region, "which fact it is");
    let timed = |time: &str| {
        let text = r#"{"detail-type":"x","time":"TIME","detail":{"eventName":"A","eventID":"1"}}"#;
        event(text.replace("TIME", time)).content_hash()
    };
    assert_ne!(timed("2024-01-01T00:00:00Z"), timed("2024-01-01T00:00:01Z"));
    assert_eq!(timed("2024-01-01T00:00:00Z"), timed("2024-01-01 00:00:00"), "one instant");
    let bare = event(format!(r#"{{"eventName":"A","eventID":"1"{TIME}}}"#)).content_hash();
    assert_eq!(of(TIME, r#""time":"2025-01-01T00:00:00Z","#), bare, "the event has its own");
}

#[test]
fn ag_2_without_an_id_the_events_bytes_are_the_key_in_every_envelope() {
    let record = r#"{"eventName": "A", "eventTime": "2024-01-01T00:00:00Z"}"#;
    let bare = event(record);
    let in_file = event(format!(r#"{{"Records": [ {record} ]}}"#));
    assert_eq!((bare.key, bare.id()), (in_file.key, in_file.id()));
    assert_eq!(bare.id(), format!("{:032x}", bare.key.0));
    let other = event(record.replace('A', "B"));
    assert_ne!(bare.key, other.key);
}

#[test]
fn ag_2_an_id_that_is_no_uuid_is_one_key_and_never_the_key_of_bytes() {
    let with_id = |id: &str, name: &str| {
        event(json!({"eventID": id, "eventName": name, "eventTime": "2024-01-01T00:00:00Z"}).to_string())
    };
    assert_eq!(with_id("1", "A").key, with_id("1", "B").key);
    assert_ne!(with_id("1", "A").content_hash(), with_id("1", "B").content_hash());
    assert_ne!(with_id("1", "A").key, with_id("2", "A").key);
    let upper = with_id("894153AD-ED86-4719-BB66-6C52EF7DC767", "A");
    assert_eq!(upper.key.0, 0x894153ad_ed86_4719_bb66_6c52ef7dc767, "one UUID in either case");

    let no_id = event(r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#);
    assert_ne!(with_id(no_id.raw(), "A").key, no_id.key, "an id may spell another event's bytes");
    let ids: Vec<_> = (0..64).map(|name| with_id("", &name.to_string()).id().into_owned()).collect();
    assert!(ids.iter().all(|id| id.len() == 32), "an empty id is none");
    assert!(ids.iter().any(|id| id.starts_with('0')), "one in sixteen does");
}

#[test]
fn eventbridge_stands_in_for_what_the_event_lacks() {
    let event = event(EVENTBRIDGE);
    assert!(event.raw().starts_with("{\n  \"eventVersion\": \"1.05\""), "_raw is the text of detail");
    assert_eq!(field(&event, "recipientAccountId"), Value::text("123456789012"), "the envelope's account");
    assert_eq!(field(&event, "awsRegion"), Value::text("us-east-1"));
    assert_eq!(field(&event, "vendor_account"), Value::text("11112223334444"), "14 digits are an account too");
}

#[test]
fn wn_5_the_envelopes_time_and_region_stand_in_only_where_the_event_has_none() {
    let wrap = |detail: &str| {
        format!(
            r#"{{"detail-type":"x","detail":{detail},"time":"2020-02-27T15:25:49Z","region":"eu-west-1","account":"7"}}"#
        )
    };
    let bare = event(wrap(r#"{"eventName":"A"}"#));
    assert_eq!(bare.time, EventTime(1_582_817_149_000));
    assert_eq!(field(&bare, "vendor_region"), Value::text("eu-west-1"));
    let empty = event(wrap(r#"{"eventName":"A"}"#).replace(r#""account":"7""#, r#""account":"""#));
    assert_eq!(field(&empty, "recipientAccountId"), Value::Null);
    let unreadable = event(wrap(r#"{"eventName":"A","eventTime":"..."}"#));
    assert_eq!(unreadable.time, EventTime(1_582_817_149_000));
    let own = event(wrap(
        r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","awsRegion":"us-east-1","recipientAccountId":"8"}"#,
    ));
    assert_eq!(own.time, EventTime(1_704_067_200_000));
    assert_eq!(field(&own, "awsRegion"), Value::text("us-east-1"));
    assert_eq!(field(&own, "recipientAccountId"), Value::text("8"));
}

#[test]
fn a_control_message_is_an_envelope_without_events() {
    let message =
        r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE"}]}"#;
    let decoded = decoded(gzip(message));
    assert_eq!(decoded.envelopes, [(Envelope::CloudWatchControl, 0)]);
    assert!(decoded.events.is_empty() && decoded.rejected.is_empty());
}

#[test]
fn po_1_a_bad_event_takes_no_neighbour_along() {
    let good = r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#;
    let file = decoded(format!(r#"{{"Records":[{good},{{"eventName":"B"}},3,{{"x":1}},{good}]}}"#));
    assert_eq!(file.events.len(), 2);
    let expected = [RejectReason::NoEventTime, RejectReason::NotCloudTrail, RejectReason::NotCloudTrail];
    assert_eq!(reasons(&file), expected);
    assert_eq!(&*file.rejected[0].bytes, br#"{"eventName":"B"}"#, "the one bad event, not the record");

    let cut = &good[..20];
    let logs = decoded(gzip(logs(&[good, "START RequestId: 1", cut, good])));
    assert_eq!(logs.events.len(), 2);
    assert_eq!(logs.envelopes, [(Envelope::CloudWatchLogs, 2)]);
    assert_eq!(reasons(&logs), [RejectReason::BadJson, RejectReason::BadJson]);
    assert_eq!(&*logs.rejected[1].bytes, cut.as_bytes());
}

/// An entry of which the members are unusual is read like any object: of duplicate keys the last one counts.
#[test]
fn po_1_an_unusual_entry_hides_no_event() {
    let good = r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#;
    let message = format!(r#""message":{}"#, json!(good));
    let countless = r#""":1,"#.repeat(262_144);
    for (entry, events) in [
        (format!("{{{message}}}"), 1),
        (format!(r#"{{"message":"x",{message}}}"#), 1),
        (format!(r#"{{{message},"message":"x"}}"#), 0),
        (format!(r#"{{{message},"\u006dessage":"x"}}"#), 0),
        (format!(r#"{{{}}}"#, message.replacen('m', "\\u006d", 1)), 1),
        (format!(r#"{{"\ud800":1,{message}}}"#), 1),
        (format!("{{{countless}{message}}}"), 1),
        (format!(r#"{{{countless}"message":"x",{message}}}"#), 1),
        (format!("[{}]", json!(good)), 0),
        (json!(good).to_string(), 0),
        ("{}".to_owned(), 0),
    ] {
        let decoded = decoded(format!(r#"{{"messageType":"DATA_MESSAGE","logEvents":[{entry}]}}"#));
        assert_eq!((decoded.events.len(), decoded.rejected.len()), (events, 1 - events), "{:.100}", entry);
    }
}

#[test]
fn po_1_an_entry_that_is_none_of_cloudtrail_behind_the_first_takes_no_neighbour_along() {
    let good = r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#;
    let decoded = decoded(format!(r#"{{"Records":[{good},{{"eventName":"B","eventSource":"aws:s3"}},{good}]}}"#));
    assert_eq!((decoded.events.len(), reasons(&decoded)), (2, vec![RejectReason::NotCloudTrail]));
}

/// The source of the first entry decides, of duplicates the last one.
#[test]
fn a_trigger_of_lambda_is_no_file() {
    let good = r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#;
    for (first, is_file) in [
        (r#"{"eventSource":"s3.amazonaws.com"}"#, true),
        (r#"{"eventSource":"aws:s3"}"#, false),
        (r#"{"EventSource":"aws:sns"}"#, false),
        (r#"{"eventSource":"aws:s3","eventSource":"s3.amazonaws.com"}"#, true),
        (r#"{"eventSource":"s3.amazonaws.com","eventSource":"aws:s3"}"#, false),
        (r#"{"event\u0053ource":"aws:s3"}"#, false),
        (r#"{"eventSource":{"eventSource":"aws:s3"}}"#, true),
        (r#"{"eventSource":["aws:s3"]}"#, true),
        (r#"["aws:s3"]"#, true),
        (r#""aws:s3""#, true),
    ] {
        let decoded = decoded(format!(r#"{{"Records":[{first},{good}]}}"#));
        let expected = if is_file { RejectReason::NotCloudTrail } else { RejectReason::UnknownEnvelope };
        assert_eq!((decoded.events.len(), reasons(&decoded)), (usize::from(is_file), vec![expected]), "{first}");
    }
}

#[test]
fn ndjson_holds_any_envelopes_and_a_bad_line_is_one_rejection() {
    let good = r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#;
    let text = format!("{good}\r\n{{\"Records\":[{good},{good}]}}\n\n{{\"cut\": \n{}\n[1]\n{good}\n", logs(&[good]));
    for data in [text.clone().into_bytes(), gzip(&text)] {
        let decoded = decoded(data);
        let expected = [(Envelope::Bare, 1), (Envelope::File, 2), (Envelope::CloudWatchLogs, 1), (Envelope::Bare, 1)];
        assert_eq!(decoded.envelopes, expected);
        assert_eq!(reasons(&decoded), [RejectReason::BadJson, RejectReason::UnknownEnvelope]);
        assert_eq!(&*decoded.rejected[0].bytes, b"{\"cut\":");
    }
}

#[test]
fn indented_documents_are_read() {
    let indented =
        serde_json::to_string_pretty(&json!({"Records": [{"eventName": "A", "eventTime": "2024-01-01 00:00:00"}]}));
    let indented = indented.expect("JSON");
    assert_eq!(decoded(format!("{indented}\n{indented}")).events.len(), 2);
}

#[test]
fn gzip_members_are_one_text_and_gzip_inside_gzip_is_refused() {
    let (first, second) = JOB_CREATED.split_at(300);
    let members = [gzip(first), gzip(second)].concat();
    assert_eq!(event(members).raw(), JOB_CREATED.trim());
    assert_eq!(reasons(&decoded(gzip(gzip(JOB_CREATED)))), [RejectReason::BadGzip]);
}

#[test]
fn damaged_gzip_is_bad_gzip() {
    let whole = gzip(JOB_CREATED);
    let mut flipped = whole.clone();
    let checksum = flipped.len() - 8;
    flipped[checksum] ^= 1;
    for data in [&whole[..whole.len() - 1], &whole[..40], &whole[..2], &flipped] {
        let decoded = decoded(data);
        assert_eq!(reasons(&decoded), [RejectReason::BadGzip]);
        assert_eq!(&*decoded.rejected[0].bytes, data);
    }
}

#[test]
fn a_gzip_bomb_is_too_large_at_the_cap() {
    let limits = DecodeLimits { max_inflated_bytes: 1 << 20 };
    let bomb = gzip(vec![b' '; (1 << 20) + 1]);
    assert!(bomb.len() < 4096);
    assert_eq!(reasons(&decode(&bomb, &limits)), [RejectReason::TooLarge]);
    let members = [gzip(vec![b' '; 1 << 20]), gzip(" ")].concat();
    assert_eq!(
        reasons(&decode(&members, &limits)),
        [RejectReason::TooLarge],
        "the cap is the record's, not a member's"
    );
    let exactly = gzip(vec![b' '; 1 << 20]);
    assert_eq!(reasons(&decode(&exactly, &limits)), [RejectReason::Empty]);
}

#[test]
fn threat_3_an_event_of_nothing_but_tiny_values_is_too_large_and_takes_no_neighbour_along() {
    for value in ["1", "{\"\":1}", "[[]]"] {
        let dense = format!(r#"{{"eventName":"JobCreated","a":[{}]}}"#, vec![value; 300_000].join(","));
        let decoded = decoded(format!("{dense}\n{JOB_CREATED}"));
        assert_eq!((reasons(&decoded), decoded.events.len()), (vec![RejectReason::TooLarge], 1), "{value}");
    }
    let real = format!("{JOB_CREATED}\n").repeat(12_000);
    assert_eq!(decoded(real).events.len(), 12_000, "events are counted one by one");
}

#[test]
fn threat_22_a_record_of_countless_bad_pieces_is_one_dead_letter_and_its_good_events_count() {
    let record = |pieces: usize| format!("{}{JOB_CREATED}", "[]\n".repeat(pieces));
    assert_eq!(decoded(record(1000)).rejected.len(), 1000, "PO-1: each by itself");
    let whole = decoded(record(1001));
    assert_eq!((reasons(&whole), whole.events.len()), (vec![RejectReason::UnknownEnvelope], 1));
    assert_eq!(&*whole.rejected[0].bytes, record(1001).as_bytes());
    let gzipped = gzip(record(300_000).as_bytes());
    assert_eq!(*decoded(&gzipped).rejected[0].bytes, *gzipped, "as it came, which may be a thousand times smaller");
}

#[test]
fn threat_3_an_event_of_exactly_so_many_values_is_read_and_one_of_more_is_too_large() {
    let dense = |values: usize| {
        // Beside the object itself: the name, the time, the list, and what is in it.
        let list = vec!["1"; values - 3].join(",");
        format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","a":[{list}]}}"#)
    };
    event(dense(262_144));
    assert_eq!(reasons(&decoded(dense(262_145))), [RejectReason::TooLarge]);
    let long = "x".repeat(1 << 20);
    event(format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","a":"{long}"}}"#));
}
