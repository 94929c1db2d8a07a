//! Whatever a process wrote on standard output is a risk event by the published schema.

use std::sync::LazyLock;

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../../docs/risk_event.schema.json")).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema can be used")
});

/// Panics at the first line that says what schema it has, and is no risk event. What is no JSON, a crash or a full disk
/// has torn; a dead letter may be among them, and says so by its schema.
pub fn check_risk_events(lines: &[String]) {
    let events = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
    let claims =
        |event: &serde_json::Value| event.get("schema").is_some_and(|schema| schema != "trailrisk.dead_letter/v1");
    for event in events.filter(claims) {
        let problem = VALIDATOR.validate(&event).err().map(|error| format!("{}: {error}", error.instance_path()));
        assert!(problem.is_none(), "{problem:?} in {event}");
    }
}
