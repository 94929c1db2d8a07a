//! From the file, the environment and the flags to the validated [`Config`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
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

/// Where the daemon of this configuration answers, as far as that can be told, and what is wrong with the rest: a daemon
/// goes on over a file that was broken after its start, and whoever asks whether it lives must not depend on the file.
pub fn admin_listen(
    file: &Path,
    environment: &Environment,
    overrides: &Overrides,
) -> (SocketAddr, Result<(), ConfigError>) {
    let (text, unread) = match read_file(file) {
        Ok(text) => (text, None),
        Err(message) => (String::new(), Some(unreadable(file, message))),
    };
    let Whole { config, problems, .. } = read_whole(&text, file, environment, overrides);
    let wrong = unread.or_else(|| (!problems.is_empty()).then_some(ConfigError { problems }));
    (config.admin.listen, wrong.map_or(Ok(()), Err))
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
    let Whole { config, problems, known } = read_whole(text, file, environment, overrides);
    (if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }, known)
}

/// What came of a text.
struct Whole {
    /// With the default of whatever is wrong.
    config: Config,
    problems: Vec<Problem>,
    known: BTreeSet<String>,
}

fn read_whole(text: &str, file: &Path, environment: &Environment, overrides: &Overrides) -> Whole {
    let name: Arc<str> = file.display().to_string().into();
    let place = |marker: Option<Marker>| match marker {
        Some(marker) => Place::Position(Arc::clone(&name), marker.line(), marker.col() + 1),
        None => Place::File(Arc::clone(&name)),
    };
    let (mut root, no_yaml) = match Node::parse(text.trim_start_matches('\u{feff}'), &place) {
        Ok(root) => (root, None),
        Err(problem) => (Node::scalar(place(None), ""), Some(problem)),
    };
    let reader = Reader::new(environment, file);
    for problem in lay_over(&mut root, environment, overrides) {
        reader.problem(problem.place, &problem.key, problem.message);
    }
    let config = sections::config(Section::of(&reader, String::new(), Some(root), place(None)));
    let (problems, known) = reader.finish();
    match no_yaml {
        None => Whole { config, problems, known },
        // What such a text lacks says nothing.
        Some(problem) => Whole { config, problems: vec![problem], known: BTreeSet::new() },
    }
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
