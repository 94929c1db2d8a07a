//! Tests over the whole module, from the contract and the real events in `tests/data/cloudtrail`.

use super::field;
use super::testing::event;
use crate::plan::Value;

const JOB_CREATED: &str = include_str!("../../tests/data/cloudtrail/jobcreated.json");

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
