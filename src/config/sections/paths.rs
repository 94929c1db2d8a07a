//! The files that the daemon writes: none may be two things at once, or one that it reads.
//!
//! Of the file system it is asked where a path leads, since one file has many names; nothing is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::config::reader::Reader;
use crate::config::{CheckpointStoreConfig, Config, DeadLetterConfig, FileSinkConfig, FormatConfig, Place, SinkKind};
use crate::files;

/// What one key makes of its path.
struct Owner {
    place: Place,
    key: String,
    path: PathBuf,
    /// What is added to the path for the other files.
    suffixes: Vec<String>,
    /// Whether the other files lie beside what a link in its place leads to, rather than beside the link.
    follows_link: bool,
}

impl Owner {
    /// The path itself, that which a link in its place leads to, and the other files.
    fn files(&self) -> BTreeSet<PathBuf> {
        let path = resolved_folder(&self.path);
        let file = resolved(&path);
        let beside = if self.follows_link { &file } else { &path };
        let others = self.suffixes.iter().map(|suffix| {
            let mut path = beside.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        });
        others.chain([file.clone(), path.clone()]).collect()
    }
}

/// The path with its folder as [`resolved`] has it.
fn resolved_folder(path: &Path) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => resolved(folder).join(name),
        _ => resolved(path),
    }
}

/// Where a path leads, whether or not there is something yet: what exists of it without links, `.` and `..`.
fn resolved(path: &Path) -> PathBuf {
    let start = if path.is_absolute() { PathBuf::new() } else { Path::new(".").canonicalize().unwrap_or_default() };
    path.components().fold(start, |mut known, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(known.pop()),
            other => known.push(other),
        }
        known.canonicalize().unwrap_or_else(|_| leads_to(known))
    })
}

/// Where a link leads to that has nothing there yet; the path itself, where there is no link.
fn leads_to(path: PathBuf) -> PathBuf {
    let path = files::behind_links(&path).unwrap_or(path);
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Where the keys stand, for problems.
pub(super) struct Places {
    /// Of the section `checkpoint`.
    pub checkpoint: Place,
    /// Of `dead_letter.path`.
    pub dead_letter: Place,
    /// Of each sink's path, with the key.
    pub sinks: Vec<(Place, String)>,
}

/// Refuses a file of the checkpoint, the dead letters or a sink that something else writes to as well, or that is read.
pub(super) fn check(reader: &Reader<'_>, config: &Config, places: &Places) {
    let owners = dead_letter(config, &places.dead_letter).into_iter().chain(checkpoints(config, &places.checkpoint));
    let owners: Vec<_> = owners.chain(files(config, &places.sinks)).collect();
    let files: Vec<_> = owners.iter().map(Owner::files).collect();
    let sources = sources(reader, config);
    for (index, owner) in owners.iter().enumerate() {
        let problem = |message: String| reader.problem(owner.place.clone(), &owner.key, message);
        let mut earlier = owners.iter().zip(&files).take(index);
        if let Some(source) = sources.iter().find(|source| files[index].iter().any(|file| source.holds(file))) {
            problem(format!("is a file of {}, which is only read: another path is expected", source.key));
        } else if let Some((other, _)) = earlier.find(|(_, others)| !others.is_disjoint(&files[index])) {
            problem(format!("meets a file of {}, so that one would spoil the other's", other.key));
        }
    }
}

/// What the daemon reads, and nobody but the operator writes.
struct Source {
    key: String,
    /// Where the path leads.
    path: PathBuf,
    /// Whether it may be a folder, whose YAML is read.
    is_tree: bool,
}

impl Source {
    fn holds(&self, file: &Path) -> bool {
        let is_read = |below: &Path| files::is_yaml(below) && !below.iter().any(|name| files::is_hidden(name.as_ref()));
        file == self.path || (self.is_tree && file.strip_prefix(&self.path).is_ok_and(is_read))
    }
}

fn sources(reader: &Reader<'_>, config: &Config) -> Vec<Source> {
    let source = |key: &str, path: &Path, is_tree| Source { key: key.to_owned(), path: resolved(path), is_tree };
    let detections = &config.detections;
    let mut sources = vec![source("the configuration", &reader.file, false)];
    sources.extend(detections.paths.iter().map(|path| source("detections.paths", path, true)));
    sources.extend(detections.macros.iter().map(|path| source("detections.macros", path, true)));
    sources.extend(detections.lookups.iter().map(|lookup| source("detections.lookups", &lookup.path, false)));
    let templates = config.sinks.iter().enumerate().filter_map(|(index, sink)| match &sink.format {
        FormatConfig::Template(template) => Some(source(&format!("sinks[{index}].template"), &template.path, false)),
        _ => None,
    });
    sources.extend(templates);
    sources
}

fn dead_letter(config: &Config, place: &Place) -> Option<Owner> {
    let DeadLetterConfig::File(path) = &config.dead_letter else { return None };
    let (place, key, path) = (place.clone(), "dead_letter.path".to_owned(), path.clone());
    Some(Owner { place, key, path, suffixes: Vec::new(), follows_link: false })
}

/// Those of the sources. Two of one name are a problem already.
fn checkpoints(config: &Config, place: &Place) -> impl Iterator<Item = Owner> {
    let stores: BTreeMap<_, _> =
        config.sources.iter().map(|source| (&source.name, config.checkpoint_store(source))).collect();
    stores.into_iter().filter_map(|(name, store)| {
        let CheckpointStoreConfig::File(path) = store else { return None };
        let of = if config.names_sources { format!(" of the source {name}") } else { String::new() };
        let (place, key) = (place.clone(), format!("checkpoint.path{of}"));
        let suffixes = [".lock", ".starts", ".tmp"].map(str::to_owned).into();
        Some(Owner { place, key, path, suffixes, follows_link: true })
    })
}

/// Those of the sinks. Where a path is missing, that is said already.
fn files(config: &Config, paths: &[(Place, String)]) -> impl Iterator<Item = Owner> {
    config.sinks.iter().zip(paths).filter_map(|(sink, (place, key))| {
        let SinkKind::File(FileSinkConfig { path, rotate_bytes, keep, .. }) = &sink.kind else { return None };
        let rotated = rotate_bytes.map_or(0, |_| *keep);
        let suffixes = (1..=rotated).map(|number| format!(".{number}")).collect();
        let (place, key, path) = (place.clone(), key.clone(), path.clone());
        let owner = Owner { place, key, path, suffixes, follows_link: false };
        (!owner.path.as_os_str().is_empty()).then_some(owner)
    })
}
