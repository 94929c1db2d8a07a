//! Whatever a process wrote on standard output follows the published schema that it names.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static RISK_EVENT: LazyLock<Validator> = LazyLock::new(|| validator(include_str!("../../docs/risk_event.schema.json")));
static DEAD_LETTER: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../../docs/dead_letter.schema.json")));

/// Panics at the first line that names a schema and does not follow it. What is no JSON, a crash or a full disk has
/// torn.
pub fn check_lines(lines: &[String]) {
    for line in lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let validator = match line.get("schema").and_then(Value::as_str) {
            Some("trailrisk.dead_letter/v1") => &*DEAD_LETTER,
            Some(_) => &*RISK_EVENT,
            None => continue,
        };
        let problem = validator.validate(&line).err().map(|error| format!("{}: {error}", error.instance_path()));
        assert!(problem.is_none(), "{problem:?} in {line}");
    }
}

fn validator(schema: &str) -> Validator {
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema can be used")
}
