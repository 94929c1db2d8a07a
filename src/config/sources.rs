//! Which source is meant, and where its checkpoint is kept.

use std::path::{Path, PathBuf};

use super::{CheckpointStoreConfig, Config, SourceConfig, TableConfig};

/// A command does one thing with one source, and it is not clear with which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceNameError {
    /// There are several.
    #[error("the configuration has several sources: say which with --source NAME: {}", names.join(", "))]
    Missing {
        /// Their names.
        names: Vec<String>,
    },
    /// There is none of this name.
    #[error("{name:?} is no source of this configuration, which has: {}", names.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that there are.
        names: Vec<String>,
    },
}

impl Config {
    /// The source of this name; without a name, the only one.
    ///
    /// # Errors
    /// When there is none of this name, or several and no name.
    pub fn source(&self, name: Option<&str>) -> Result<&SourceConfig, SourceNameError> {
        let names = || self.sources.iter().map(|source| source.name.clone()).collect();
        match (name, &*self.sources) {
            (None, [only]) => Ok(only),
            (None, _) => Err(SourceNameError::Missing { names: names() }),
            (Some(name), sources) => {
                let found = sources.iter().find(|source| source.name == name);
                found.ok_or_else(|| SourceNameError::Unknown { name: name.to_owned(), names: names() })
            }
        }
    }

    /// The same with one source alone, for a command: that of this name, or the only one.
    ///
    /// # Errors
    /// As [`Config::source`].
    pub fn with_source(self, name: Option<&str>) -> Result<Self, SourceNameError> {
        let sources = vec![self.source(name)?.clone()];
        Ok(Self { sources, ..self })
    }

    /// The file in which the checkpoint of a source would be kept with the other of `source` and `sources`.
    pub fn other_checkpoint_file(&self, source: &SourceConfig) -> Option<PathBuf> {
        let other = Self { names_sources: !self.names_sources, ..self.clone() };
        match other.checkpoint_store(source) {
            CheckpointStoreConfig::File(path) => Some(path),
            CheckpointStoreConfig::Memory | CheckpointStoreConfig::DynamoDb(_) => None,
        }
    }

    /// Where the checkpoint of a source is kept: as configured, or, where sources are named, told apart by their names.
    pub fn checkpoint_store(&self, source: &SourceConfig) -> CheckpointStoreConfig {
        if !self.names_sources {
            return self.checkpoint.store.clone();
        }
        match &self.checkpoint.store {
            CheckpointStoreConfig::Memory => CheckpointStoreConfig::Memory,
            CheckpointStoreConfig::File(path) => CheckpointStoreConfig::File(path_of(path, &source.name)),
            CheckpointStoreConfig::DynamoDb(table) => {
                let scope = match table.scope.as_str() {
                    "" => source.name.clone(),
                    scope => format!("{scope}-{}", source.name),
                };
                CheckpointStoreConfig::DynamoDb(TableConfig { scope, ..table.clone() })
            }
        }
    }
}

/// `checkpoint.json` of the source `east` is `checkpoint.east.json`.
fn path_of(path: &Path, source: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}.{source}{extension}"))
}
