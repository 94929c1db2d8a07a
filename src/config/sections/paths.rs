//! The files that the daemon writes: none may be two things at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let others = self.suffixes.iter().map(|suffix| {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        });
        std::iter::once(self.path.clone()).chain(others)
    }

    fn meets(&self, other: &Self) -> bool {
        self.files().any(|mine| other.files().any(|others| mine == others))
    }
}

/// Refuses a file of the checkpoint or a sink that something else writes to as well. The places are those of the
/// sections.
pub(super) fn check(reader: &Reader<'_>, config: &Config, checkpoint: &Place, sinks: &Place) {
    let owners = dead_letter(config, checkpoint).into_iter().chain(checkpoints(config, checkpoint));
    let owners: Vec<_> = owners.chain(files(config, sinks)).collect();
    for (index, owner) in owners.iter().enumerate() {
        if let Some(other) = owners[..index].iter().find(|other| other.meets(owner)) {
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
fn files(config: &Config, place: &Place) -> impl Iterator<Item = Owner> {
    config.sinks.iter().enumerate().filter_map(|(index, sink)| {
        let SinkKind::File(FileSinkConfig { path, rotate_bytes, keep, .. }) = &sink.kind else { return None };
        let rotated = rotate_bytes.map_or(0, |_| *keep);
        let suffixes = (1..=rotated).map(|number| format!(".{number}")).collect();
        let owner = Owner { place: place.clone(), key: format!("sinks[{index}].path"), path: path.clone(), suffixes };
        (!path.as_os_str().is_empty()).then_some(owner)
    })
}
