//! What lies over the file: the environment and the flags of the command line.

use std::collections::BTreeMap;

use super::node::{Data, Entry, Node};
use super::problem::{Place, Problem};

/// What configuration variables begin with.
pub(super) const PREFIX: &str = "TRAILRISK_";
/// Variables of the command line itself: they choose the file, so they are not in it.
const COMMAND_LINE: [&str; 1] = ["TRAILRISK_CONFIG"];

/// The environment variables, handed in as a value.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Values from flags, as dotted keys such as `admin.listen`; later ones win.
#[derive(Clone, Debug, Default)]
pub struct Overrides(pub Vec<(String, String)>);

impl Environment {
    /// That of this process. Bytes that are not UTF-8 are replaced.
    pub fn of_process() -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// The given variables alone.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Lays the environment, then the flags, over what the file holds.
pub(super) fn lay_over(root: &mut Node, environment: &Environment, overrides: &Overrides) -> Vec<Problem> {
    let variables = environment.0.iter().filter(|(name, value)| is_ours(name, value));
    // In the order of names a whole section comes before the keys in it.
    let variables = variables.map(|(name, value)| (path_of_variable(name), value, Place::Variable(name.clone())));
    let flags = overrides.0.iter().map(|(key, value)| (path_of_flag(key), value, Place::Flag(key.clone())));
    let mut problems = Vec::new();
    for (path, value, place) in variables.chain(flags) {
        match parse(value, &place) {
            Ok(value) => put(root, &path, &place, value),
            Err(problem) => problems.push(Problem { key: path.join("."), ..problem }),
        }
    }
    problems
}

/// The name of the variable for a dotted key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn path_of_variable(name: &str) -> Vec<String> {
    name[PREFIX.len()..].split("__").map(str::to_lowercase).collect()
}

fn path_of_flag(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}

fn is_ours(name: &str, value: &str) -> bool {
    name.starts_with(PREFIX) && !COMMAND_LINE.contains(&name) && !is_service_link(name, value)
}

/// Kubernetes describes every Service of a namespace in the environment of its pods: a Service called `trailrisk`
/// would otherwise keep the daemon from starting.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_link_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let is_part_of_link = ["_PROTO", "_PORT", "_ADDR", "_TCP", "_UDP", "_SCTP"].iter().any(|end| name.ends_with(end));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || (name.ends_with("_PORT") && is_link_url)
        || (name.contains("_PORT_") && is_part_of_link)
}

/// Lists and mappings are written as in YAML's flow style; everything else is text as it stands.
fn parse(value: &str, place: &Place) -> Result<Node, Problem> {
    let trimmed = value.trim();
    let is_flow =
        [('[', ']'), ('{', '}')].iter().any(|(open, close)| trimmed.starts_with(*open) && trimmed.ends_with(*close));
    if is_flow { Node::parse(trimmed, &|_| place.clone()) } else { Ok(Node::scalar(place.clone(), value)) }
}

fn put(node: &mut Node, path: &[String], place: &Place, value: Node) {
    let [key, rest @ ..] = path else {
        *node = value;
        return;
    };
    if !matches!(node.data, Data::Map(_)) {
        *node = Node { place: place.clone(), data: Data::Map(Vec::new()) };
    }
    let Data::Map(entries) = &mut node.data else { unreachable!("made a mapping above") };
    let index = entries.iter().position(|entry| entry.key == *key).unwrap_or_else(|| {
        let empty = Node { place: place.clone(), data: Data::Null };
        entries.push(Entry { key: key.clone(), place: place.clone(), value: empty });
        entries.len() - 1
    });
    put(&mut entries[index].value, rest, place, value);
}
