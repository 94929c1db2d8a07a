//! Where a command without a stream takes its detections from.

use crate::cli::DetectionArgs;
use crate::config::{self, ConfigError, DetectionsConfig, Environment, LimitsConfig, Overrides};
use crate::files::{self, Unreadable};

/// Detections and limits, from a configuration, from flags, or both.
#[derive(Debug)]
pub struct Sources {
    /// What to load.
    pub detections: DetectionsConfig,
    /// The bounds.
    pub limits: LimitsConfig,
    /// The names of the configuration's sources; `files` without a configuration.
    pub source_names: Vec<String>,
}

/// The flags name nothing usable.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// Neither a configuration nor detections.
    #[error("say which detections to use: --detections PATH or --config FILE")]
    Nothing,
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A path of the command line leads nowhere.
    #[error(transparent)]
    Path(#[from] Unreadable),
}

impl Sources {
    /// Flags win over the configuration.
    ///
    /// # Errors
    /// When neither names a detection, the configuration is wrong, or a flag names a path that there is not.
    pub fn of(args: &DetectionArgs) -> Result<Self, SourcesError> {
        let mut sources = match &args.config {
            Some(file) => {
                let config = config::read(file, &Environment::of_process(), &Overrides::default())?;
                let source_names = config.sources.into_iter().map(|source| source.name).collect();
                Self { detections: config.detections, limits: config.limits, source_names }
            }
            None => Self {
                detections: DetectionsConfig::default(),
                limits: LimitsConfig::default(),
                source_names: vec!["files".to_owned()],
            },
        };
        for path in args.detections.iter().chain(&args.macros) {
            files::exists(path)?;
        }
        if let Some(path) = &args.detections {
            sources.detections.paths = vec![path.clone()];
        }
        if let Some(path) = &args.macros {
            sources.detections.macros = vec![path.clone()];
        }
        if sources.detections.paths.is_empty() { Err(SourcesError::Nothing) } else { Ok(sources) }
    }
}
