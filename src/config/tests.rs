//! The configuration as a whole: the shipped file, the layers, and what the reports say.

mod difference;
mod http;
mod layers;
mod mutated;
mod paths;
mod reports;
mod schema;
mod shipped;
mod sources;

use std::path::Path;

use super::read::read_text;
use super::*;

/// The least that is a configuration.
const LEAST: &str = "source: {stream: cloudtrail}\ndetections: {paths: [d]}\nsinks: [{name: out, type: stdout}]\n";

fn read_with(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment = Environment::of(environment.iter().copied());
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    read_text(text, Path::new("conf/t.yaml"), &environment, &Overrides(flags)).0
}

/// What is valid to the reader is so to the schema.
fn valid(text: &str) -> Config {
    assert_eq!(schema::objections(text), [""; 0], "{text}");
    read_with(text, &[], &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// The report's lines without its heading.
fn problems(result: Result<Config, ConfigError>) -> Vec<String> {
    let error = result.expect_err("a wrong configuration");
    error.problems.iter().map(ToString::to_string).collect()
}

/// `LEAST` with more text in a section or after it.
fn with(section: &str, keys: &str) -> String {
    match section {
        "source" => LEAST.replace("{stream: cloudtrail}", &format!("{{stream: cloudtrail, {keys}}}")),
        "detections" => LEAST.replace("{paths: [d]}", &format!("{{paths: [d], {keys}}}")),
        "webhook" => LEAST.replace("type: stdout", &format!("type: webhook, {keys}")),
        "sink" => LEAST.replace("type: stdout", &format!("type: stdout, {keys}")),
        section => format!("{LEAST}{section}: {{{keys}}}\n"),
    }
}
