//! The files that the daemon writes: none may be two things at once.
//!
//! Of the file system it is asked where a path leads, since one file has many names; nothing is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::config::reader::Reader;
use crate::config::{CheckpointStoreConfig, Config, DeadLetterConfig, FileSinkConfig, Place, SinkKind};

/// What one key makes of its path.
struct Owner {
    place: Place,
    key: String,
    path: PathBuf,
    /// What is added to the path for the other files.
    suffixes: Vec<String>,
}

impl Owner {
    /// The path itself, that which a link in its place leads to, and the other files.
    fn files(&self) -> BTreeSet<PathBuf> {
        let path = resolved_folder(&self.path);
        let others = self.suffixes.iter().map(|suffix| {
            let mut path = path.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        });
        others.chain([resolved(&path), path.clone()]).collect()
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
        known.canonicalize().unwrap_or(known)
    })
}

/// Refuses a file of the checkpoint or a sink that something else writes to as well. The place of the checkpoint is that
/// of its section; of each sink it is that of its path, with the key.
pub(super) fn check(reader: &Reader<'_>, config: &Config, checkpoint: &Place, sinks: &[(Place, String)]) {
    let owners = dead_letter(config, checkpoint).into_iter().chain(checkpoints(config, checkpoint));
    let owners: Vec<_> = owners.chain(files(config, sinks)).collect();
    let files: Vec<_> = owners.iter().map(Owner::files).collect();
    for (index, owner) in owners.iter().enumerate() {
        let mut earlier = owners.iter().zip(&files).take(index);
        if let Some((other, _)) = earlier.find(|(_, others)| !others.is_disjoint(&files[index])) {
            let message = format!("meets a file of {}, so that one would spoil the other's", other.key);
            reader.problem(owner.place.clone(), &owner.key, message);
        }
    }
}

/// It is never the later one, so that its place does not matter.
fn dead_letter(config: &Config, place: &Place) -> Option<Owner> {
    let DeadLetterConfig::File(path) = &config.dead_letter else { return None };
    let (place, key, path) = (place.clone(), "dead_letter.path".to_owned(), path.clone());
    Some(Owner { place, key, path, suffixes: Vec::new() })
}

/// Those of the sources. Two of one name are a problem already.
fn checkpoints(config: &Config, place: &Place) -> impl Iterator<Item = Owner> {
    let stores: BTreeMap<_, _> =
        config.sources.iter().map(|source| (&source.name, config.checkpoint_store(source))).collect();
    stores.into_iter().filter_map(|(name, store)| {
        let CheckpointStoreConfig::File(path) = store else { return None };
        let of = if config.names_sources { format!(" of the source {name}") } else { String::new() };
        let (place, key) = (place.clone(), format!("checkpoint.path{of}"));
        Some(Owner { place, key, path, suffixes: [".lock", ".starts", ".tmp"].map(str::to_owned).into() })
    })
}

/// Those of the sinks. Where a path is missing, that is said already.
fn files(config: &Config, paths: &[(Place, String)]) -> impl Iterator<Item = Owner> {
    config.sinks.iter().zip(paths).filter_map(|(sink, (place, key))| {
        let SinkKind::File(FileSinkConfig { path, rotate_bytes, keep, .. }) = &sink.kind else { return None };
        let rotated = rotate_bytes.map_or(0, |_| *keep);
        let suffixes = (1..=rotated).map(|number| format!(".{number}")).collect();
        let owner = Owner { place: place.clone(), key: key.clone(), path: path.clone(), suffixes };
        (!path.as_os_str().is_empty()).then_some(owner)
    })
}
