//! PO-3: what the prefilter turns away holds no match.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::json;

use super::JOB_CREATED;
use crate::cloudtrail::testing::gzip;
use crate::cloudtrail::{Beginning, Clause, DecodeLimits, Prefilter, RejectReason, decode_each};
use crate::kpl::testing::aggregate;

fn prefilter(literals: &[&str]) -> Prefilter {
    Prefilter::new(&[vec![wanted(literals)]])
}

fn wanted(literals: &[&str]) -> Clause {
    Clause::Literals(literals.iter().map(|&literal| literal.to_owned()).collect())
}

fn member(name: &str, values: &[(&str, bool)]) -> Clause {
    let values = values.iter().map(|&(text, whole)| Beginning { text: text.to_owned(), whole }).collect();
    Clause::Member { name: name.to_owned(), values }
}

#[test]
fn po_3_a_literal_admits_in_any_case_and_its_absence_does_not() {
    assert!(prefilter(&["jobCREATED"]).admits(JOB_CREATED.as_bytes()));
    assert!(!prefilter(&["CreateUser"]).admits(JOB_CREATED.as_bytes()));
    assert!(prefilter(&["CreateUser", "s3.amazonaws.com"]).admits(JOB_CREATED.as_bytes()));
    assert!(!prefilter(&[]).admits(JOB_CREATED.as_bytes()), "a search that no event can match");
}

#[test]
fn po_3_one_search_without_literals_admits_everything() {
    let search = || vec![wanted(&["CreateUser"])];
    assert!(Prefilter::new(&[search(), vec![]]).admits(JOB_CREATED.as_bytes()));
    assert!(Prefilter::new(&[search(), vec![wanted(&["JobCreated"])]]).admits(JOB_CREATED.as_bytes()));
    assert!(!Prefilter::new(&[search()]).admits(JOB_CREATED.as_bytes()));
}

#[test]
fn po_3_what_is_not_plain_json_is_admitted() {
    let none = prefilter(&["CreateUser"]);
    let escaped = JOB_CREATED.replace("JobCreated", "\\u0043reateUser");
    for data in [gzip(JOB_CREATED), b"\xf3\x89\x9a\xc2".to_vec(), Vec::new(), b" [1]".to_vec(), escaped.into_bytes()] {
        assert!(none.admits(&data), "{data:?}");
    }
    assert!(!none.admits(b" \n {}"));
}

/// A literal that stands where something that begins alike has begun before.
#[test]
fn po_3_a_literal_is_found_behind_its_own_beginning() {
    for (literal, value) in [("zzza", "zzzza"), ("zzza", "zzzzzza"), ("qzqzx", "qzqzqzx"), ("xxy", "xxxy")] {
        assert!(prefilter(&[literal]).admits(format!("{{\"a\":\"{value}\"}}").as_bytes()), "{literal}");
    }
}

/// Of a block no look at a record goes into the next one.
#[test]
fn po_3_a_key_that_the_end_of_a_record_cuts_is_none() {
    let prefilter = Prefilter::new(&[vec![member("eventName", &[("jobcreated", true)])]]);
    let block = br#"{"a":1,"eventName":"JobCreated"}"#;
    for end in 1..block.len() - r#""JobCreated"}"#.len() {
        assert!(!prefilter.glance(block).admits(0..end), "{end}");
    }
    assert!(prefilter.admits(block));
}

#[test]
fn po_3_letters_that_fold_to_ascii_are_admitted() {
    assert!(prefilter(&["KEY"]).admits("{\"a\":\"\u{212A}ey\"}".as_bytes()));
    assert!(prefilter(&["S3"]).admits("{\"a\":\"\u{17F}3\"}".as_bytes()));
    assert!(prefilter(&["s3"]).admits("{\"a\":\"\u{146}\u{17F}3\"}".as_bytes()), "behind one of the same first byte");
    assert!(prefilter(&["key"]).admits("{\"a\":\"\u{212A}ey\"}".as_bytes()));
    assert!(prefilter(&["s3"]).admits("{\"a\":\"\u{17F}3\"}".as_bytes()));
    // Others begin with the same byte, and hide nothing.
    for (value, admitted) in [("€ – Ņ", false), ("€ – Ņ \u{212A}", true), ("Ņ€\u{17F}", true), ("€", false)]
    {
        assert_eq!(prefilter(&["key"]).admits(format!("{{\"a\":\"{value}\"}}").as_bytes()), admitted, "{value}");
    }
    let search = Prefilter::new(&[vec![member("eventName", &[("disks", true)])]]);
    for (value, admitted) in [("DI\u{17F}KS", true), ("dis\u{212A}s", true), ("\u{17F}", true), ("disk", false)] {
        assert_eq!(search.admits(format!("{{\"eventName\":\"{value}\"}}").as_bytes()), admitted, "{value}");
    }
}

/// A JSON string in which each character may be written as it is, in the other case, or as an escape.
fn spelled(literal: &str, choices: &[u8]) -> String {
    let mut text = String::new();
    for (character, choice) in literal.chars().zip(choices.iter().cycle()) {
        match choice % 8 {
            0 => write!(text, "\\u{:04x}", u32::from(character)).expect("to memory"),
            1 => write!(text, "\\u{:04X}", u32::from(character)).expect("to memory"),
            2 | 3 => text.push(character.to_ascii_uppercase()),
            4 | 5 => text.push(character.to_ascii_lowercase()),
            _ => text.push(character),
        }
    }
    text
}

proptest! {
    #[test]
    fn po_3_no_spelling_of_a_literal_is_turned_away(
        literal in "[A-Za-z0-9 _.:-]{1,12}",
        choices in prop::collection::vec(any::<u8>(), 1..12),
        before in "[a-z\\\\n]{0,3}",
        nested in any::<bool>(),
    ) {
        let before = before.replace('\\', "\\\\");
        let document = format!("{{\"a\":\"{before}{}\"}}", spelled(&literal, &choices));
        let parsed: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        let value = parsed["a"].as_str().expect("text").to_ascii_lowercase();
        prop_assert!(value.contains(&literal.to_ascii_lowercase()), "the generator spells the literal");
        // In CloudWatch Logs the record is a string inside the document.
        let data = if nested { format!("{{\"message\":{}}}", serde_json::Value::from(document)) } else { document };
        prop_assert!(prefilter(&[&literal]).admits(data.as_bytes()));
    }
}

#[test]
fn po_3_an_escape_admits_behind_however_many_backslashes() {
    let admits = |text: String| prefilter(&["literal"]).admits(format!(r#"{{"a":"{text}"#).as_bytes());
    for before in (0..150).map(|count| r"\n".repeat(count)) {
        assert!(admits(before.clone() + r"\u006c") && admits(before.clone() + r"\u006c\n"), "{before}");
        assert!(
            !admits(before.clone()) && !admits(before.clone() + "u006c") && !admits(before.clone() + r"\"),
            "{before}"
        );
        let (first, second) = (format!(r#"{{"a":"{before}"}}"#), r#"{"a":"\u006c"}"#);
        let (wanted, block) = (prefilter(&["literal"]), first.clone() + second);
        let mut glance = wanted.glance(block.as_bytes());
        let records = [0..first.len(), first.len()..block.len()];
        assert_eq!(records.map(|record| glance.admits(record)), [false, true], "{before}");
    }
}

#[test]
fn po_3_a_member_admits_by_its_value_in_any_layout_and_a_value_elsewhere_does_not() {
    let search = |whole| Prefilter::new(&[vec![member("eventName", &[("jobcreated", whole)])]]);
    for (text, admitted) in [
        (r#"{"eventName":"JobCreated"}"#, true),
        (r#"{"eventName" : "JOBcreated"}"#, true),
        ("{\"eventName\"\r\n\t:\n\"JobCreated\"}", true),
        (r#"{"a":1,"detail":{"eventName":"JobCreated"}}"#, true),
        (r#"{"eventName":"x","eventName":"JobCreated"}"#, true),
        (r#"{"message":"{\"eventName\":\"JobCreated\"}"}"#, true),
        (r#"{"message":"{\n \"eventName\" : \"JobCreated\"}"}"#, true),
        (r#"{"message":"{\"eventName\"\n:\n\"Other\"}"}"#, true),
        (r#"{"eventName":["JobCreated"]}"#, true),
        (r#"{"eventName":12}"#, true),
        (r#"{"\u0065ventName":"Other"}"#, true),
        (r#"{"eventName":"Other"}"#, false),
        (r#"{"eventName":null}"#, false),
        (r#"{"eventname":"JobCreated"}"#, false),
        (r#"{"xeventName":"JobCreated","eventNames":"JobCreated","a":"JobCreated"}"#, false),
        (r#"{"a":"eventName","b":"JobCreated"}"#, false),
        (r#"{"eventName":"AJobCreated"}"#, false),
        (r#"{"eventName":""}"#, false),
        (r#"{"eventName""#, false),
    ] {
        assert_eq!(search(true).admits(text.as_bytes()), admitted, "{text}");
        assert_eq!(search(false).admits(text.as_bytes()), admitted, "{text}");
    }
    assert!(!search(true).admits(br#"{"eventName":"JobCreatedToo"}"#));
    assert!(search(false).admits(br#"{"eventName":"JobCreatedToo"}"#));
}

/// As SNS inside SQS writes it. What may match in an envelope that is not opened is told of by its dead letter (PO-1),
/// however often it is quoted.
#[test]
fn po_3_a_member_admits_by_its_value_also_in_an_envelope_inside_another() {
    let search = Prefilter::new(&[vec![member("eventName", &[("jobcreated", true)])]]);
    let wrapped = |event: &str| {
        let topic = json!({"Type": "Notification", "Message": event}).to_string();
        let queue = json!({"Records": [{"eventSource": "aws:sqs", "body": topic}]}).to_string();
        let record = json!({"queue": queue}).to_string();
        [topic, queue, record]
    };
    for text in wrapped(JOB_CREATED) {
        assert!(search.admits(text.as_bytes()), "{text}");
        let decoded = decode_each(text.as_bytes(), &DecodeLimits::default(), &|text| search.admits(text), &mut |_| {
            panic!("{text}")
        });
        let reasons: Vec<_> = decoded.rejected.iter().map(|rejected| rejected.reason).collect();
        assert_eq!(reasons, [RejectReason::UnknownEnvelope], "{text}");
    }
    for text in wrapped(&JOB_CREATED.replace("JobCreated", "JobDeleted")) {
        assert!(!search.admits(text.as_bytes()), "{text}");
    }
    for text in wrapped(&JOB_CREATED.replace("JobCreated", "Job\\u0043reated")) {
        assert!(search.admits(text.as_bytes()), "{text}");
    }
}

#[test]
fn po_3_each_of_many_searches_is_told_by_one_of_its_clauses() {
    let keys = ["a", "b", "c", "d", "e", "f"];
    let searches: Vec<Vec<Clause>> = keys.iter().map(|key| vec![member(key, &[("wanted", true)])]).collect();
    let prefilter = Prefilter::new(&searches);
    for key in keys {
        assert!(prefilter.admits(format!("{{\"{key}\":\"Wanted\"}}").as_bytes()), "{key}");
    }
    assert!(!prefilter.admits(br#"{"a":"no","f":"neither"}"#));
    let both =
        Prefilter::new(&[vec![wanted(&["literal"]), member("a", &[("x", true)])], vec![member("a", &[("y", true)])]]);
    assert!(
        both.admits(br#"{"a":"x","b":"literal"}"#) && both.admits(br#"{"a":"y"}"#) && !both.admits(br#"{"a":"z"}"#)
    );
}

/// Each key costs a pass over the text: those are taken by which most searches are told.
#[test]
fn po_3_the_keys_that_most_searches_name_are_looked_for() {
    let of = |key: &str, value: &str| vec![member(key, &[(value, true)])];
    let mut searches: Vec<_> = ["a", "b", "c", "d", "e"].map(|key| of(key, &format!("{key}-wanted"))).into();
    searches.extend([of("z", "first"), of("z", "second")]);
    let prefilter = Prefilter::new(&searches);
    for value in ["first", "second"] {
        assert!(prefilter.admits(format!("{{\"z\":\"{value}\"}}").as_bytes()), "{value}");
        assert!(!prefilter.admits(format!("{{\"y\":\"{value}\"}}").as_bytes()), "{value} is another key's");
    }
}

#[test]
fn po_3_many_literals_and_few_are_found_alike() {
    let few = ["accesskey", "x.y", "ab", "wildcard"];
    let alike = ["createkey", "deletekey"];
    let many: Vec<String> = (0..40).map(|number| format!("literal-{number:02}z")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for set in [&few[..1], &few[1..2], &few[2..], &few[..], &alike[..], &many[..]] {
        for literal in set {
            let text = format!("{{\"key\":\"before {} after\"}}", literal.to_ascii_uppercase());
            assert!(prefilter(set).admits(text.as_bytes()), "{literal} among {set:?}");
        }
        assert!(!prefilter(set).admits(br#"{"key":"nothing of it, acces skey, literal-4"}"#), "{set:?}");
    }
}

#[test]
fn po_3_a_block_is_decided_like_its_records() {
    let lines = [
        r#"{"eventName":"Other","a":"JobCreated"}"#,
        r#"{"eventName":"JobCreated"}"#,
        "",
        r#"{"eventName":"Other"}"#,
        r#"{"b":"\u0061"}"#,
        "no JSON",
        "{\"c\":\"\u{212A}\u{17F}\"}",
        r#"{"eventName":"Other"} "#,
        r#"{"literal":1}"#,
    ];
    let searches = [vec![member("eventName", &[("jobcreated", true)])], vec![wanted(&["literal", "sk"])]];
    let prefilter = Prefilter::new(&searches);
    let block = lines.join("\n");
    let mut glance = prefilter.glance(block.as_bytes());
    let mut start = 0;
    for line in lines {
        let range = start..start + line.len();
        assert_eq!(glance.admits(range), prefilter.admits(line.as_bytes()), "{line}");
        start += line.len() + 1;
    }
}

/// Of hundreds of entries one is worth reading, as a rule; a bad one that can hold no match is no more judged than a record.
#[test]
fn po_3_of_several_entries_each_is_judged_by_itself_and_what_is_skipped_is_counted() {
    let event =
        |name: &str| format!(r#"{{"eventVersion":"1.08","eventTime":"2026-01-05T10:30:00Z","eventName":"{name}"}}"#);
    let entry = |message: String| json!({"id": "1", "timestamp": 1, "message": message});
    let wanted = prefilter(&["jobcreated"]);
    let file =
        format!(r#"{{"Records":[{},{},{{}},{}]}}"#, event("GetUser"), event("JobCreated"), event("Job\\u0043reated"));
    let messages = ["GetUser", "JobCreated", "Job\\u0043reated"].map(|name| entry(event(name)));
    let [first, second, third] = messages;
    let bad = entry("no JSON".to_owned());
    let logs = json!({"messageType": "DATA_MESSAGE", "logEvents": [first, second, bad, third]}).to_string();
    for record in [file.into_bytes(), logs.clone().into_bytes(), gzip(&logs)] {
        let mut read = 0;
        let decoded = decode_each(&record, &DecodeLimits::default(), &|text| wanted.admits(text), &mut |_| read += 1);
        assert_eq!((read, decoded.rejected.len(), decoded.skipped_entries), (2, 0, 2));
        assert!(!decoded.skipped);
        let all = decode_each(&record, &DecodeLimits::default(), &|_| true, &mut |_| {});
        assert_eq!((all.envelopes[0].1, all.rejected.len(), all.skipped_entries), (3, 1, 0));
    }
}

/// What is inflated is looked at as well; of an aggregate, whose other records are read, nothing is said to be skipped.
#[test]
fn po_3_gzip_without_a_match_is_skipped_unread_and_a_part_of_an_aggregate_in_silence() {
    let event =
        |name: &str| format!(r#"{{"eventVersion":"1.08","eventTime":"2026-01-05T10:30:00Z","eventName":"{name}"}}"#);
    let wanted = prefilter(&["jobcreated"]);
    let read = |record: &[u8]| {
        let mut read = 0;
        let decoded = decode_each(record, &DecodeLimits::default(), &|text| wanted.admits(text), &mut |_| read += 1);
        (read, decoded.rejected.len(), decoded.skipped)
    };
    let [other, job] = ["GetUser", "JobCreated"].map(|name| gzip(event(name)));
    assert_eq!(read(&other), (0, 0, true));
    assert_eq!(read(&job), (1, 0, false));
    assert_eq!(read(&aggregate(&[("k", None, &other), ("k", None, &job)])), (1, 0, false));
    assert_eq!(read(&aggregate(&[("k", None, &job), ("k", None, &other)])), (1, 0, false));
}
