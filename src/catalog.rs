//! The detections on disk: files found, macros read, plans compiled, settings applied; all problems in one report.
//!
//! Owns: the I/O around the pure `detection` layer. Deliberately absent: what a search means.

mod bounds;
mod digest;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use bounds::bounds;
pub use digest::{digest, file_digest};
pub use sources::{Sources, SourcesError};

use crate::config::{DetectionSettings, DetectionsConfig, SinkConfig};
use crate::detection::{self, PlanSettings, Problem, ProblemSeverity};
use crate::plan::Plan;
use crate::spl::Macros;

/// Every detection file, and what became of it.
#[derive(Debug)]
pub struct Catalog {
    /// In order of path.
    pub files: Vec<FileReport>,
    /// What is wrong beside the files: settings that name no detection, two files with one id.
    pub conflicts: Vec<String>,
}

/// One file.
#[derive(Debug)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// The detection's name; the file's where it could not be read.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Errors and warnings.
    pub problems: Vec<Problem>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It runs.
    Ready(Arc<Plan>),
    /// The configuration disables it.
    Disabled,
    /// It uses what is not supported; it is refused as a whole.
    Unsupported,
    /// It is wrong.
    Invalid,
}

/// Why detections cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A path of the configuration cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The macros file is wrong.
    #[error("{path} is not a macros file:{problems}", path = path.display())]
    Macros {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, one problem a line.
        problems: String,
    },
    /// No file was found.
    #[error("there is no detection file (*.yml, *.yaml) in {0}")]
    Empty(String),
    /// Detections, or settings of them, are wrong.
    #[error("the detections cannot be loaded:{0}")]
    Problems(String),
}

/// Reads and compiles everything that the configuration names. Problems of single files are in the report, so that all
/// of them can be shown at once.
///
/// # Errors
/// When a path or the macros file cannot be read, or there is no file at all.
pub fn load(config: &DetectionsConfig) -> Result<Catalog, CatalogError> {
    let macros = read_macros(config.macros.as_deref())?;
    let mut paths = Vec::new();
    for path in &config.paths {
        detection_files(path, &mut paths)?;
    }
    if paths.is_empty() {
        let places: Vec<_> = config.paths.iter().map(|path| path.display().to_string()).collect();
        return Err(CatalogError::Empty(places.join(", ")));
    }
    let files = paths.into_iter().map(|path| load_file(path, &macros, config)).collect::<Result<Vec<_>, _>>()?;
    let conflicts = conflicts(&files, &config.settings);
    Ok(Catalog { files, conflicts })
}

impl Catalog {
    /// The plans, all or nothing.
    ///
    /// # Errors
    /// When any file or setting is wrong; the message holds every problem. Warnings are logged, not returned.
    pub fn plans(self) -> Result<Vec<Arc<Plan>>, CatalogError> {
        let failed = |file: &&FileReport| matches!(file.outcome, Outcome::Unsupported | Outcome::Invalid);
        let in_files = self.files.iter().filter(failed).flat_map(|file| file.problems.iter().map(ToString::to_string));
        let problems: Vec<String> = in_files.chain(self.conflicts.iter().cloned()).collect();
        if !problems.is_empty() {
            return Err(CatalogError::Problems(problems.iter().map(|problem| format!("\n{problem}")).collect()));
        }
        for problem in self.files.iter().flat_map(|file| &file.problems) {
            let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
            tracing::warn!(place, "{}", problem.message);
        }
        let ready = self.files.into_iter().filter_map(|file| match file.outcome {
            Outcome::Ready(plan) => Some(plan),
            Outcome::Disabled | Outcome::Unsupported | Outcome::Invalid => None,
        });
        Ok(ready.collect())
    }
}

/// Whether every detection that a sink names exists.
///
/// # Errors
/// With the names that do not.
pub fn check_subscriptions(plans: &[Arc<Plan>], sinks: &[SinkConfig]) -> Result<(), CatalogError> {
    let known = |wanted: &String| plans.iter().any(|plan| names(plan, wanted));
    let unknown = sinks.iter().flat_map(|sink| {
        let missing = sink.detections.iter().filter(|wanted| !known(wanted));
        missing.map(|wanted| format!("\nsink {:?} asks for {wanted:?}, which is no detection that runs", sink.name))
    });
    let unknown: String = unknown.collect();
    if unknown.is_empty() { Ok(()) } else { Err(CatalogError::Problems(unknown)) }
}

fn names(plan: &Plan, wanted: &str) -> bool {
    plan.text().id == wanted || plan.text().name == wanted
}

fn read(path: &Path) -> Result<String, CatalogError> {
    std::fs::read_to_string(path).map_err(|source| CatalogError::Unreadable { path: path.to_owned(), source })
}

fn read_macros(path: Option<&Path>) -> Result<Macros, CatalogError> {
    let Some(path) = path else { return Ok(Macros::built_in()) };
    Macros::from_yaml(&read(path)?).map_err(|problems| CatalogError::Macros {
        path: path.to_owned(),
        problems: problems.iter().map(|problem| format!("\n{problem}")).collect(),
    })
}

/// A file is taken as it is; of a folder, and the folders in it, every `*.yml` and `*.yaml`, in order of path.
fn detection_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), CatalogError> {
    let failed = |source| CatalogError::Unreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut entries =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort();
    for entry in entries {
        let is_yaml = entry.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
        let is_test = entry.file_name().is_some_and(|name| name.to_string_lossy().contains(".test."));
        if entry.is_dir() || (is_yaml && !is_test) {
            detection_files(&entry, files)?;
        }
    }
    Ok(())
}

fn load_file(path: PathBuf, macros: &Macros, config: &DetectionsConfig) -> Result<FileReport, CatalogError> {
    let yaml = read(&path)?;
    let millis = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let settings = |id: &str, name: &str| {
        let own = config.settings.iter().find(|own| own.detection == id || own.detection == name);
        PlanSettings {
            window_ms: millis(own.and_then(|own| own.window).unwrap_or(config.window)),
            grace_ms: millis(own.and_then(|own| own.grace).unwrap_or(config.grace)),
            max_future_skew_ms: millis(config.max_future_skew),
        }
    };
    let compiled = detection::compile(&yaml, &path.display().to_string(), macros, &settings);
    Ok(match compiled {
        Ok(compiled) => {
            let name = compiled.plan.text().name.clone();
            let disabled = config.settings.iter().any(|own| !own.enabled && names(&compiled.plan, &own.detection));
            let outcome = if disabled { Outcome::Disabled } else { Outcome::Ready(Arc::new(compiled.plan)) };
            FileReport { path, name, outcome, problems: compiled.warnings }
        }
        Err(problems) => {
            let unsupported = problems.iter().all(|problem| problem.severity != ProblemSeverity::Error);
            let outcome = if unsupported { Outcome::Unsupported } else { Outcome::Invalid };
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            FileReport { path, name, outcome, problems }
        }
    })
}

fn conflicts(files: &[FileReport], settings: &[DetectionSettings]) -> Vec<String> {
    let mut by_id: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for file in files {
        if let Outcome::Ready(plan) = &file.outcome
            && let Some(other) = by_id.insert(&plan.text().id, &file.path)
        {
            let (first, second, id) = (other.display(), file.path.display(), &plan.text().id);
            conflicts
                .push(format!("{first} and {second} are one detection: both have the id {id}; remove one of them"));
        }
    }
    let is_loaded = |own: &DetectionSettings| {
        files.iter().any(|file| match &file.outcome {
            Outcome::Ready(plan) => names(plan, &own.detection),
            // Of a disabled one only the name is kept; of a broken one not even that is certain.
            Outcome::Disabled | Outcome::Unsupported | Outcome::Invalid => true,
        })
    };
    let stray = settings.iter().filter(|own| !is_loaded(own));
    conflicts.extend(
        stray.map(|own| format!("detections.settings names {:?}, which is no detection loaded", own.detection)),
    );
    conflicts
}
