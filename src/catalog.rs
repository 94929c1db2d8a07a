//! The detections on disk: files found, macros read, plans compiled, settings applied; all problems in one report.
//!
//! Owns: the I/O around the pure `detection` layer. Deliberately absent: what a search means.

mod bounds;
mod digest;
mod file;
mod filters;
mod lookups;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use bounds::bounds;
pub use digest::{digest, file_digest};
pub use sources::{Sources, SourcesError};

use crate::config::{DetectionsConfig, SinkConfig};
use crate::detection::{ExpiringFilter, Problem};
use crate::files::{self, Unreadable, is_yaml};
use crate::plan::Plan;
use crate::risk_event::Stage;
use crate::sink::{Router, Routes};
use crate::spl::{Macros, did_you_mean};

/// Every detection file, and what became of it.
#[derive(Debug)]
pub struct Catalog {
    /// In order of path.
    pub files: Vec<FileReport>,
    /// What is wrong beside the files: settings that name no detection, two files with one id.
    pub conflicts: Vec<String>,
    /// What somebody should look at beside them: filters whose names are misspelt.
    pub warnings: Vec<Problem>,
    /// Where the risk events of single detections go.
    pub routes: Routes,
}

/// Everything that a daemon takes from the files and the settings; replaced as a whole.
#[derive(Debug)]
pub struct Detections {
    /// What runs, in order of path.
    pub plans: Vec<Arc<Plan>>,
    /// Where their risk events go.
    pub routes: Routes,
    /// Their filters that expire.
    pub filters: Vec<ExpiringFilter>,
    /// The others that search CloudTrail: each id, and what it uses that is not supported.
    pub refused: Vec<(String, Problem)>,
    /// Every file that searches CloudTrail, and whether it runs.
    pub files: Vec<DetectionFile>,
    /// How many files search other data.
    pub other_data: usize,
    /// What somebody should look at in the files of those that run, and in the macros files.
    pub warnings: Vec<Problem>,
}

impl Detections {
    /// Says what is to be said of them: not before they are taken.
    pub fn log(&self) {
        for problem in &self.warnings {
            tracing::warn!(place = problem.place(), "{}", problem.message);
        }
        for (_, problem) in &self.refused {
            tracing::warn!(place = problem.place(), "a detection does not run: {}", problem.message);
        }
        if self.other_data > 0 {
            tracing::info!(
                files = self.other_data,
                "detections that search other data than CloudTrail are passed over"
            );
        }
    }
}

/// A file that searches CloudTrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectionFile {
    /// The detection's id; empty where it could not be read.
    pub id: String,
    /// The detection's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Whether it runs.
    pub state: FileState,
}

/// Whether a detection's file runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// It does.
    Runs,
    /// The configuration disables it.
    Disabled,
    /// It uses what is not supported: what.
    Refused(String),
}

/// One file.
#[derive(Debug)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// The detection's id; empty where it could not be read.
    pub id: String,
    /// The detection's name; the file's where it could not be read.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Errors and warnings.
    pub problems: Vec<Problem>,
    /// Its filters that expire.
    pub filters: Vec<ExpiringFilter>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It runs.
    Ready(Arc<Plan>),
    /// The configuration disables it.
    Disabled(Arc<Plan>),
    /// It uses what is not supported; it is refused as a whole.
    Unsupported,
    /// It searches other data than CloudTrail.
    OtherData,
    /// It is wrong.
    Invalid,
}

/// Why detections cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A path of the configuration cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A macros file is wrong.
    #[error("{path} is not a macros file:{problems}", path = path.display())]
    Macros {
        /// Which.
        path: PathBuf,
        /// What is wrong with it, one problem a line.
        problems: String,
    },
    /// Lookups are wrong.
    #[error("the lookups cannot be read:{0}")]
    Lookups(String),
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
/// When a path of the configuration, a macros file or a lookup cannot be read, or there is no file at all.
pub fn load(config: &DetectionsConfig) -> Result<Catalog, CatalogError> {
    let (macros, lookups, found) =
        match (macros(&config.macros), lookups::read(&config.lookups), detection_files(&config.paths)) {
            (Ok(macros), Ok(lookups), Ok(found)) => (macros, lookups, found),
            (macros, lookups, found) => {
                return Err(together([macros.err().map(of_macros), lookups.err(), found.err()]));
            }
        };
    if found.is_empty() {
        let places: Vec<_> = config.paths.iter().map(|path| path.display().to_string()).collect();
        return Err(CatalogError::Empty(places.join(", ")));
    }
    let files: Vec<_> = found.into_iter().map(|file| FileReport::of(file, &macros, &lookups, config)).collect();
    let conflicts = repeated_ids(&files).into_iter().chain(settings::conflicts(&files, &config.settings)).collect();
    let routes = settings::routes(&files, &config.settings);
    let warnings = filters::misspelt(&files, &macros);
    Ok(Catalog { files, conflicts, warnings, routes })
}

/// A macros file of the configuration that cannot be read, with its key.
fn of_macros(error: CatalogError) -> CatalogError {
    match error {
        CatalogError::Unreadable(error) => {
            CatalogError::Problems(format!("\ndetections.macros: {error}: {}", error.source))
        }
        error => error,
    }
}

/// One error as it is; of several, all that they say.
fn together<const N: usize>(errors: [Option<CatalogError>; N]) -> CatalogError {
    let mut errors: Vec<_> = errors.into_iter().flatten().collect();
    if errors.len() == 1 {
        return errors.remove(0);
    }
    let text = |error: CatalogError| match error {
        CatalogError::Problems(problems) => problems,
        error => format!("\n{error}"),
    };
    CatalogError::Problems(errors.into_iter().map(text).collect())
}

/// The files under the paths, with what cannot be read below a folder in its place.
fn detection_files(paths: &[PathBuf]) -> Result<Vec<Result<PathBuf, Unreadable>>, CatalogError> {
    let (mut found, mut problems) = (Vec::new(), String::new());
    for path in paths {
        match files::each_under(path, &is_detection) {
            Ok(files) => found.extend(files),
            Err(error) => problems += &format!("\ndetections.paths: {error}: {}", error.source),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(CatalogError::Problems(problems)) }
}

impl Catalog {
    /// What runs, and where its risk events go. A detection that uses what is not supported is refused as a whole, and
    /// the others run: a folder of Splunk's detections always holds some. What is wrong refuses everything.
    ///
    /// # Errors
    /// When any file or setting is wrong, or nothing is left that could run; the message holds every problem.
    pub fn ready(self) -> Result<Detections, CatalogError> {
        let of = |wanted: fn(&Outcome) -> bool| self.files.iter().filter(move |file| wanted(&file.outcome));
        let shown = |file: &FileReport| file.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut wrong: Vec<String> = of(|outcome| matches!(outcome, Outcome::Invalid)).flat_map(shown).collect();
        wrong.extend(self.conflicts.iter().cloned());
        if wrong.is_empty()
            && of(|outcome| matches!(outcome, Outcome::Ready(_) | Outcome::Disabled(_))).next().is_none()
        {
            wrong.extend(self.files.iter().flat_map(shown));
        }
        if !wrong.is_empty() {
            return Err(CatalogError::Problems(wrong.iter().map(|problem| format!("\n{problem}")).collect()));
        }
        let refusal = |file: &FileReport| {
            let worst = file.problems.iter().max_by_key(|problem| problem.severity)?;
            Some((file.id.clone(), worst.clone()))
        };
        let refused: Vec<_> = of(|outcome| matches!(outcome, Outcome::Unsupported)).filter_map(refusal).collect();
        let other_data = of(|outcome| matches!(outcome, Outcome::OtherData)).count();
        let ready = of(|outcome| matches!(outcome, Outcome::Ready(_)));
        let filters = ready.flat_map(|file| file.filters.clone()).collect();
        let runs = of(|outcome| matches!(outcome, Outcome::Ready(_) | Outcome::Disabled(_)));
        let warnings = runs.flat_map(|file| file.problems.clone()).chain(self.warnings.iter().cloned()).collect();
        let files = self.files.iter().filter_map(FileReport::detection_file).collect();
        Ok(Detections { plans: self.plans(), routes: self.routes, filters, refused, files, other_data, warnings })
    }

    /// The plans of the files that are right and enabled.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        let ready =
            |file: &FileReport| if let Outcome::Ready(plan) = &file.outcome { Some(plan.clone()) } else { None };
        self.files.iter().filter_map(ready).collect()
    }
}

impl FileReport {
    fn detection_file(&self) -> Option<DetectionFile> {
        let worst = || self.problems.iter().max_by_key(|problem| problem.severity);
        let state = match &self.outcome {
            Outcome::Ready(_) => FileState::Runs,
            Outcome::Disabled(_) => FileState::Disabled,
            Outcome::Unsupported => {
                FileState::Refused(worst().map(|problem| problem.message.clone()).unwrap_or_default())
            }
            Outcome::OtherData | Outcome::Invalid => return None,
        };
        Some(DetectionFile { id: self.id.clone(), name: self.name.clone(), path: self.path.clone(), state })
    }
}

/// The detections with settings of their own of which, as the sinks are, nothing would be sent although they are not
/// staged; as warnings.
pub fn undelivered(plans: &[Arc<Plan>], routes: &Routes, sinks: &[SinkConfig]) -> Vec<String> {
    let router = Router::new(sinks, routes.clone());
    let has_own = |plan: &&Arc<Plan>| routes.of(&plan.text().id).is_some_and(|own| !own.staged);
    let warning = |plan: &Arc<Plan>| {
        let reasons = Stage::ALL.map(|stage| router.sinks_of(plan.text(), stage).err());
        let [Some(early), Some(last)] = reasons else { return None };
        let (name, early, last) = (&plan.text().name, early.as_str(), last.as_str());
        Some(format!(
            "by its settings no sink gets a risk event of {name:?} (early: {early}, final: {last}); if that is meant, \
             `staged: true` says so"
        ))
    };
    plans.iter().filter(has_own).filter_map(warning).collect()
}

/// Whether every detection that a sink names exists.
///
/// # Errors
/// With the names that do not.
pub fn check_subscriptions(plans: &[Arc<Plan>], sinks: &[SinkConfig]) -> Result<(), CatalogError> {
    let unknown: String =
        unknown_subscriptions(plans, sinks).into_iter().map(|problem| format!("\n{problem}")).collect();
    if unknown.is_empty() { Ok(()) } else { Err(CatalogError::Problems(unknown)) }
}

/// The detections that sinks name and that do not run, as problems.
pub fn unknown_subscriptions(plans: &[Arc<Plan>], sinks: &[SinkConfig]) -> Vec<String> {
    let known = |wanted: &String| plans.iter().any(|plan| names(plan, wanted));
    let texts = || plans.iter().flat_map(|plan| [plan.text().id.as_str(), plan.text().name.as_str()]);
    let unknown = sinks.iter().flat_map(|sink| {
        let missing = sink.detections.iter().filter(|wanted| !known(wanted));
        missing.map(|wanted| {
            let near = did_you_mean(wanted, texts());
            format!("sink {:?} asks for {wanted:?}, which is no detection that runs{near}", sink.name)
        })
    });
    unknown.collect()
}

fn names(plan: &Plan, wanted: &str) -> bool {
    plan.text().id == wanted || plan.text().name == wanted
}

fn read(path: &Path) -> Result<String, CatalogError> {
    Ok(std::fs::read_to_string(path).map_err(|source| Unreadable { path: path.to_owned(), source })?)
}

/// The built-in macros and those of the files, of which a later one wins.
///
/// # Errors
/// When a file cannot be read, or is no macros file.
pub fn macros(paths: &[PathBuf]) -> Result<Macros, CatalogError> {
    let mut macros = Macros::built_in();
    for path in paths {
        for file in files::under(path, &is_yaml)? {
            let added = macros.add_file(&file.display().to_string(), &read(&file)?);
            added.map_err(|problems| CatalogError::Macros {
                problems: problems.iter().map(|problem| format!("\n{problem}")).collect(),
                path: file,
            })?;
        }
    }
    Ok(macros)
}

fn is_detection(path: &Path) -> bool {
    is_yaml(path) && !is_test(path)
}

/// Tests beside a detection (`<detection>.test.yml`).
fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_ascii_lowercase().contains(".test."))
}

/// The test files under a path, in order of path; a file is taken as it is.
///
/// # Errors
/// When the path does not exist, or a folder cannot be read.
pub fn test_files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let mut files = files::under(path, &|file| is_yaml(file) && is_test(file))?;
    // The paths of a configuration may name detections themselves.
    files.retain(|file| is_test(file));
    Ok(files)
}

/// Whether two paths lead to one file.
fn is_one_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Two files with one id.
fn repeated_ids(files: &[FileReport]) -> Vec<String> {
    let mut by_id: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut repeated = Vec::new();
    for file in files {
        if let Outcome::Ready(plan) = &file.outcome
            && let Some(other) = by_id.insert(&plan.text().id, &file.path)
        {
            let (first, second, id) = (other.display(), file.path.display(), &plan.text().id);
            repeated.push(if is_one_file(other, &file.path) {
                format!("{second} is the same file as {first}: detections.paths leads to it twice; name it once")
            } else {
                format!("{first} and {second} are one detection: both have the id {id}; remove one of them")
            });
        }
    }
    repeated
}
