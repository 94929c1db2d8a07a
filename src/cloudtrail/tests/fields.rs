//! Raw paths, the flattened names, and what may exist.

use serde_json::{Value as Json, json};

use super::JOB_CREATED;
use crate::cloudtrail::testing::{event, event_with};
use crate::cloudtrail::{FieldPath, field, fields_under, may_exist};
use crate::value::{Scalar, Value};

fn many(texts: &[&str]) -> Value {
    Value::from_scalars(texts.iter().map(|&text| Scalar::text(text)).collect())
}

fn request(parameters: Json) -> impl Fn(&str) -> Value {
    let event = event_with(&json!({"requestParameters": parameters}));
    move |path| field(&event, &format!("requestParameters.{path}"))
}

#[test]
fn the_seeds_event_has_the_fields_of_the_golden_row() {
    let event = event(JOB_CREATED);
    for (name, expected) in [
        ("src_ip", "s3.amazonaws.com"),
        ("aws_account_id", "111111111111"),
        ("eventName", "JobCreated"),
        ("errorCode", "success"),
        ("userAgent", "s3.amazonaws.com"),
        ("serviceEventDetails.jobArn", "arn:aws:s3:us-west-2:111111111111:job/bb54efd8-937d-4f0c-967d-aa8443998dac"),
        ("serviceEventDetails.status", "New"),
        ("managementEvent", "true"),
        ("_raw", JOB_CREATED.trim()),
    ] {
        assert_eq!(field(&event, name), Value::text(expected), "{name}");
    }
    assert_eq!(field(&event, "_time"), Value::number(1_682_380_277.0));
    for name in ["requestParameters", "serviceEventDetails.failureCodes{}", "userIdentity", "user", "user_type"] {
        assert_eq!(field(&event, name), Value::Null, "{name}");
    }
}

#[test]
fn arrays_are_reached_through_braces_only() {
    let read = request(json!({
        "items": [{"id": "a", "tags": [{"key": "k1"}, {"key": "k2"}]}, {"id": null}, {"id": "b", "tags": []}],
        "list": ["x", 1, true, null, "x"],
        "grid": [[1, 2], [3]],
        "one": {"id": "c"},
    }));
    assert_eq!(read("items{}.id"), many(&["a", "b"]));
    assert_eq!(read("items{}.tags{}.key"), many(&["k1", "k2"]));
    assert_eq!(read("list{}"), many(&["x", "1", "true", "x"]));
    assert_eq!(read("grid{}{}"), many(&["1", "2", "3"]));
    for path in ["items", "items.id", "items{}", "items{}.tags", "list", "grid{}", "one", "one{}.id", "one{}", "none"] {
        assert_eq!(read(path), Value::Null, "{path}");
    }
}

/// Members are found by what their keys begin with and by their lengths before they are compared.
#[test]
fn keys_that_begin_alike_are_told_apart() {
    let long = |last: &str| "k".repeat(300) + last;
    let keys = [
        "",
        "e",
        "eventTi",
        "eventNam",
        "eventNa1",
        "eventName",
        "eventTime",
        &long(""),
        &long("1"),
        &long("2"),
        "ключ",
    ];
    let read = request(keys.iter().map(|key| ((*key).to_owned(), json!(format!("value of {key}")))).collect());
    for key in &keys[1..] {
        assert_eq!(read(key), Value::text(format!("value of {key}")), "{key}");
    }
    for key in ["ev", "eventNam2", &long("3"), &long("12"), "eventNamE", "ключи"] {
        assert_eq!(read(key), Value::Null, "{key}");
    }
}

#[test]
fn empty_arrays_and_null_are_no_fields_and_empty_text_is_one() {
    let read = request(json!({"array": [], "null": null, "text": "", "object": {}}));
    for path in ["array", "array{}", "null", "object"] {
        assert_eq!(read(path), Value::Null, "{path}");
    }
    assert_eq!(read("text"), Value::text(""));
}

#[test]
fn keys_with_dots_are_found_wherever_they_stand() {
    let read = request(json!({
        "x-amz-copy-source": "bucket/key",
        "encryptionContext": {"aws:s3:arn": "arn", "kubernetes.io/namespace": "prod"},
        "a.b": {"c.d": [{"e.f": 1}]},
        "both": {"ways": 1},
        "both.ways": 2,
    }));
    assert_eq!(read("x-amz-copy-source"), Value::text("bucket/key"));
    assert_eq!(read("encryptionContext.aws:s3:arn"), Value::text("arn"));
    assert_eq!(read("encryptionContext.kubernetes.io/namespace"), Value::text("prod"));
    assert_eq!(read("a.b.c.d{}.e.f"), Value::text("1"));
    assert_eq!(read("both.ways"), many(&["1", "2"]), "Splunk gives both one name");
    assert_eq!(field(&event_with(&json!({"userIdentity.arn": "x"})), "userIdentity.arn"), Value::text("x"));
}

#[test]
fn numbers_are_their_source_text() {
    let event = event(
        r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","n":[9007199254740993,1.50,1e3,-0.0,18446744073709551616,0.1000000000000000055],"beyond":[-0,1e999]}"#,
    );
    let expected = ["9007199254740993", "1.50", "1e3", "-0.0", "18446744073709551616", "0.1000000000000000055"];
    assert_eq!(field(&event, "n{}"), many(&expected));
    assert_eq!(field(&event, "beyond{}"), many(&["-0", "1e999"]), "what is no integer, or beyond a double");
}

#[test]
fn the_last_of_duplicate_keys_is_the_field() {
    let event = event(
        r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","eventName":"B","x":{"y":1,"y":1e999,"y":"\ud800"}}"#,
    );
    assert_eq!(field(&event, "signature"), Value::text("B"));
    assert_eq!(field(&event, "x.y"), Value::text("\u{fffd}"));
}

#[test]
fn field_names_are_case_sensitive() {
    let event = event(JOB_CREATED);
    assert_eq!(field(&event, "eventname"), Value::Null);
    assert_eq!(field(&event, "SRC"), Value::Null);
}

#[test]
fn a_compiled_path_reads_any_event() {
    let path = FieldPath::compile("errorCode");
    assert_eq!(&**path.name(), "errorCode");
    assert_eq!(path.read(&event_with(&json!({}))), Value::text("success"));
    assert_eq!(path.read(&event_with(&json!({"errorCode": "AccessDenied"}))), Value::text("AccessDenied"));
}

#[test]
fn po_3_only_text_that_stands_in_the_record_is_verbatim() {
    for name in ["eventName", "requestParameters.a{}.b", "signature", "src", "user", "aws_account_id", "_raw"] {
        assert!(FieldPath::compile(name).is_verbatim(), "{name}");
    }
    for name in ["errorCode", "msg", "action", "status", "sourcetype", "vendor_product", "_time", "date_hour"] {
        assert!(!FieldPath::compile(name).is_verbatim(), "{name}");
    }
}

#[test]
fn fields_under_a_prefix_are_flattened_and_sorted() {
    let event = event_with(&json!({
        "requestParameters": {"b": {"d": [1, {"e": "x"}, {"e": "y"}]}, "a": true, "null": null, "empty": []},
        "requestParametersOther": 1,
        "responseElements": {"a": 2},
    }));
    let expected = [
        ("requestParameters.a", many(&["true"])),
        ("requestParameters.b.d{}", many(&["1"])),
        ("requestParameters.b.d{}.e", many(&["x", "y"])),
    ];
    assert_eq!(fields_under(&event, "requestParameters."), expected.map(|(name, value)| (name.to_owned(), value)));
    let all: Vec<_> = fields_under(&event, "").into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        all,
        [
            "eventTime",
            "eventVersion",
            "requestParameters.a",
            "requestParameters.b.d{}",
            "requestParameters.b.d{}.e",
            "requestParametersOther",
            "responseElements.a",
        ]
    );
    assert_eq!(fields_under(&event, "nothing"), []);
}

#[test]
fn job_created_has_no_user_fields_and_nothing_else_is_ruled_out() {
    let job_created = ["jobcreated".to_owned()];
    for name in ["user", "user_name", "user_type", "user_arn", "userName", "userIdentity.type", "userIdentity.arn"] {
        assert!(!may_exist(name, &job_created), "{name}");
        assert!(may_exist(name, &[]), "{name}");
        assert!(may_exist(name, &["JobCreated".to_owned(), "CreateJob".to_owned()]), "{name}");
        assert_eq!(field(&event(JOB_CREATED), name), Value::Null, "{name}");
    }
    for name in ["src_ip", "errorCode", "userIdentity.accountId", "userIdentity.invokedBy", "user_agent", "anything"] {
        assert!(may_exist(name, &job_created), "{name}");
    }
}

/// A key stands in the names of all that is inside of it.
#[test]
fn threat_3_one_long_key_makes_no_name_of_its_length_for_each_of_many_short_ones() {
    let inside: Vec<String> = (0..1_000).map(|number| format!("\"{number}\":1")).collect();
    for (length, kept, deeper) in
        [(245, 1_000, 10), (250, 1_000, 0), (253, 100, 0), (254, 10, 0), (255, 0, 0), (100_000, 0, 0)]
    {
        let long = "k".repeat(length);
        let event = event(format!(
            r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","{long}":{{{0}}},"list":[[{{"{long}":{{{0}}}}}]]}}"#,
            inside.join(",")
        ));
        let names: Vec<String> = fields_under(&event, "k").into_iter().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| name.len() <= 256));
        assert_eq!(names.len(), kept, "{length}");
        assert_eq!(field(&event, &format!("{long}.999")), Value::text("1"), "by its name it is found");
        assert_eq!(fields_under(&event, "list").len(), deeper, "{length}");
    }
}
