//! From the file, the environment and the flags to the validated [`Config`].

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use saphyr::Marker;

use super::environment::{Environment, Overrides, lay_over};
use super::node::Node;
use super::problem::{ConfigError, Place, Problem};
use super::reader::{Reader, Section};
use super::{Config, sections};

/// Reads the configuration: defaults < file < environment < flags. Relative paths in it are relative to the file's
/// folder, wherever the process was started.
///
/// # Errors
/// All problems in one report: a file that cannot be read or is not YAML is the only one then.
pub fn read(file: &Path, environment: &Environment, overrides: &Overrides) -> Result<Config, ConfigError> {
    let text = read_file(file).map_err(|message| unreadable(file, message))?;
    parse(&text, file, environment, overrides)
}

/// What a command takes that reads a stream without a configuration file: the defaults, under the environment and the
/// flags, which have to name the stream. There is no detection, and nothing is sent anywhere.
///
/// # Errors
/// All problems in one report.
pub fn without_file(environment: &Environment, overrides: &Overrides) -> Result<Config, ConfigError> {
    let text = "source: {}\ndetections: {paths: [.]}\nsinks: [{name: stdout, type: stdout}]\n";
    let mut config = parse(text, Path::new("the command line"), environment, overrides)?;
    if config.detections.paths == [Path::new(".")] {
        config.detections.paths.clear();
    }
    Ok(config)
}

/// As [`read`], of a text as if it stood in `file`.
///
/// # Errors
/// All problems in one report.
pub fn parse(text: &str, file: &Path, environment: &Environment, overrides: &Overrides) -> Result<Config, ConfigError> {
    read_text(text, file, environment, overrides).0
}

/// As [`parse`]; also gives every key that was asked for, items as `[]`.
pub(super) fn read_text(
    text: &str,
    file: &Path,
    environment: &Environment,
    overrides: &Overrides,
) -> (Result<Config, ConfigError>, BTreeSet<String>) {
    let name: Arc<str> = file.display().to_string().into();
    let place = |marker: Option<Marker>| match marker {
        Some(marker) => Place::Position(Arc::clone(&name), marker.line(), marker.col() + 1),
        None => Place::File(Arc::clone(&name)),
    };
    let mut root = match Node::parse(text.trim_start_matches('\u{feff}'), &place) {
        Ok(root) => root,
        Err(problem) => return (Err(ConfigError { problems: vec![problem] }), BTreeSet::new()),
    };
    let reader = Reader::new(environment, file.parent().unwrap_or(Path::new("")).to_owned());
    for problem in lay_over(&mut root, environment, overrides) {
        reader.problem(problem.place, &problem.key, problem.message);
    }
    let config = sections::config(Section::of(&reader, String::new(), Some(root), place(None)));
    let (problems, known) = reader.finish();
    (if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }, known)
}

fn read_file(file: &Path) -> Result<String, String> {
    if file.is_dir() {
        return Err("this is a folder: the path of a YAML file is expected".to_owned());
    }
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file; --config says where the configuration is".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        format!("the file is not UTF-8: the first wrong byte is in line {line}")
    })
}

fn unreadable(file: &Path, message: String) -> ConfigError {
    let place = Place::File(file.display().to_string().into());
    ConfigError { problems: vec![Problem { place, key: String::new(), message }] }
}
