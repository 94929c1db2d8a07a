//! The typed reading of a tree: a [`Section`] hands out its keys one by one as [`Field`]s and in the end refuses those
//! that nobody took. Problems are gathered, so that one report holds them all; a value that has one reads as its
//! default meanwhile.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::environment::{Environment, variable_of};
use super::field::Field;
use super::node::{Data, Entry, Node};
use super::problem::{Place, Problem};

/// What is shared while one configuration is read.
pub(super) struct Reader<'a> {
    pub(super) environment: &'a Environment,
    /// The configuration file.
    pub(super) file: PathBuf,
    /// What relative paths are relative to.
    pub(super) folder: PathBuf,
    problems: RefCell<Vec<Problem>>,
    /// Every key that was asked for, items as `[]`.
    known: RefCell<BTreeSet<String>>,
    /// Keys from variables and flags that nobody asked for: judged when all keys are known.
    strangers: RefCell<Vec<(Place, String)>>,
}

/// A mapping whose keys are known.
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    path: String,
    place: Place,
    entries: Vec<Entry>,
    taken: BTreeMap<&'static str, Place>,
    /// It was no mapping: that is said, and nothing in it is asked for again.
    is_broken: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment, file: &Path) -> Self {
        let (problems, known, strangers) = Default::default();
        let (file, folder) = (file.to_owned(), file.parent().unwrap_or(Path::new("")).to_owned());
        Self { environment, file, folder, problems, known, strangers }
    }

    pub(super) fn problem(&self, place: Place, key: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { place, key: key.to_owned(), message: message.into() });
    }

    /// The problems in the order of their places, and every key that was asked for.
    pub(super) fn finish(self) -> (Vec<Problem>, BTreeSet<String>) {
        let known = self.known.into_inner();
        let strangers = self.strangers.into_inner();
        let mut problems = self.problems.into_inner();
        problems.extend(strangers.into_iter().map(|(place, key)| stranger(place, key, &known)));
        problems.sort();
        problems.dedup();
        (problems, known)
    }
}

/// A variable or flag that names no key; the suggestion is spelt as the thing itself.
fn stranger(place: Place, key: String, known: &BTreeSet<String>) -> Problem {
    let keys = known.iter().filter(|key| !key.contains('['));
    let suggestion = match &place {
        Place::Variable(name) => nearest(name, keys.map(|key| variable_of(key))),
        _ => nearest(&key, keys.cloned()),
    };
    Problem { place, message: unknown(suggestion), key }
}

/// Whether the key stands in the name of a variable or a flag, rather than in the value of one or in the file.
fn is_spelt_by(place: &Place, path: &str) -> bool {
    match place {
        Place::Variable(name) => name.starts_with(&variable_of(path)),
        Place::Flag(key) => key.starts_with(path),
        Place::File(_) | Place::Position(..) => false,
    }
}

fn unknown(suggestion: Option<String>) -> String {
    match suggestion {
        Some(suggestion) => format!("unknown key; did you mean {suggestion}?"),
        None => "unknown key".to_owned(),
    }
}

/// The known word nearest to what was written, if one is near enough to be meant.
fn nearest(written: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let scored = known.map(|word| (strsim::damerau_levenshtein(written, &word), word));
    scored.min().filter(|(distance, word)| *distance <= 2.max(word.len() / 3)).map(|(_, word)| word)
}

impl<'r> Section<'r> {
    /// The keys of a node; nothing, where the node is none.
    pub(super) fn of(reader: &'r Reader<'r>, path: String, node: Option<Node>, place: Place) -> Self {
        let (entries, is_broken) = match node.map(|node| node.data) {
            None | Some(Data::Null) => (Vec::new(), false),
            Some(Data::Map(entries)) => (entries, false),
            Some(data) => {
                let message = format!("a mapping of keys to values is expected{}", data.unclosed('{', '}'));
                reader.problem(place.clone(), &path, message);
                (Vec::new(), true)
            }
        };
        Self { reader, path, place, entries, taken: BTreeMap::new(), is_broken }
    }

    /// The key's value, which is then known.
    pub(super) fn take(&mut self, key: &'static str) -> Field<'r> {
        let path = self.path_of(key);
        self.reader.known.borrow_mut().insert(without_indices(&path));
        let position = self.entries.iter().position(|entry| entry.key == key);
        let entry = position.map(|position| self.entries.remove(position));
        let place = entry.as_ref().map_or_else(|| self.place.clone(), |entry| entry.value.place.clone());
        self.taken.insert(key, place.clone());
        let node = entry.map(|entry| entry.value).filter(|node| !matches!(node.data, Data::Null));
        Field { reader: self.reader, path, node, place, is_broken: self.is_broken, is_secret: false }
    }

    /// Keys that have no meaning beside the value of `by`, a key that was taken. Where that value was given over theirs, as
    /// a variable over the file, it takes their place; else they are refused with `message`.
    pub(super) fn pass_over(&mut self, keys: &[&str], by: &str, message: &str) {
        let above = self.taken.get(by).unwrap_or(&self.place).layer();
        for Entry { key, value, .. } in self.entries.extract_if(.., |entry| keys.contains(&&*entry.key)) {
            // What is null is as if it were not there.
            if value.place.layer() >= above && !matches!(value.data, Data::Null) {
                self.reader.problem(value.place, &path_of(&self.path, &key), message);
            }
        }
    }

    /// Something is wrong with a key beyond its own value.
    pub(super) fn problem(&self, key: &'static str, message: impl Into<String>) {
        let place = self.taken.get(key).unwrap_or(&self.place);
        self.reader.problem(place.clone(), &self.path_of(key), message);
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) {
        for entry in &self.entries {
            let path = self.path_of(&entry.key);
            if is_spelt_by(&entry.place, &path) {
                self.reader.strangers.borrow_mut().push((entry.place.clone(), path));
            } else {
                let suggestion = nearest(&entry.key, self.taken.keys().map(|key| (*key).to_owned()));
                self.reader.problem(entry.place.clone(), &path, unknown(suggestion));
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        path_of(&self.path, key)
    }
}

fn path_of(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// `sinks[3].name` as `sinks[].name`.
fn without_indices(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}
