//! One detection file: read, compiled, and what became of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{FileReport, Outcome, names};
use crate::config::DetectionsConfig;
use crate::detection::{self, Compiled, PlanSettings, Problem, ProblemSeverity};
use crate::files::Unreadable;
use crate::plan::Lookups;
use crate::spl::Macros;

impl FileReport {
    /// Of a file that was found, or that cannot be read: then the report says so, beside those of the others.
    pub(super) fn of(
        found: Result<PathBuf, Unreadable>,
        macros: &Macros,
        lookups: &Lookups,
        config: &DetectionsConfig,
    ) -> Self {
        let path = match found {
            Ok(path) => path,
            Err(Unreadable { path, source }) => return Self::wrong(&path, "", vec![unreadable(&path, &source)]),
        };
        let yaml = match text(&path) {
            Ok(yaml) => yaml,
            Err(problem) => return Self::wrong(&path, "", vec![problem]),
        };
        let settings = |id: &str, name: &str| settings(config, id, name);
        match detection::compile(&yaml, &path.display().to_string(), macros, lookups, &settings) {
            Ok(compiled) => Self::right(path, compiled, config),
            Err(problems) => Self::wrong(&path, &yaml, problems),
        }
    }

    fn right(path: PathBuf, compiled: Compiled, config: &DetectionsConfig) -> Self {
        let (id, name) = (compiled.plan.text().id.clone(), compiled.plan.text().name.clone());
        let disabled = config.settings.iter().any(|own| !own.enabled && names(&compiled.plan, &own.detection));
        let plan = Arc::new(compiled.plan);
        let outcome = if disabled { Outcome::Disabled(plan) } else { Outcome::Ready(plan) };
        Self { path, id, name, outcome, problems: compiled.warnings, filters: compiled.filters }
    }

    fn wrong(path: &Path, yaml: &str, problems: Vec<Problem>) -> Self {
        let outcome = match problems.iter().map(|problem| problem.severity).max() {
            Some(ProblemSeverity::OtherData) => Outcome::OtherData,
            Some(ProblemSeverity::Warning | ProblemSeverity::Unsupported) => Outcome::Unsupported,
            Some(ProblemSeverity::Error) | None => Outcome::Invalid,
        };
        let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let (id, name) = detection::identity(yaml).unwrap_or_else(|| (String::new(), stem()));
        Self { path: path.to_owned(), id, name, outcome, problems, filters: Vec::new() }
    }
}

/// Those of the configuration for one detection.
fn settings(config: &DetectionsConfig, id: &str, name: &str) -> PlanSettings {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let own = config.settings.iter().find(|own| own.detection == id || own.detection == name);
    PlanSettings {
        window_ms: millis(own.and_then(|own| own.window).unwrap_or(config.window)),
        grace_ms: millis(own.and_then(|own| own.grace).unwrap_or(config.grace)),
        max_future_skew_ms: millis(config.max_future_skew),
    }
}

fn text(path: &Path) -> Result<String, Problem> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        problem(path, line, "this is not UTF-8; store the file as UTF-8".to_owned())
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    problem(path, 1, format!("the file cannot be read: {error}"))
}

fn problem(path: &Path, line: usize, message: String) -> Problem {
    let (file, severity) = (path.display().to_string(), ProblemSeverity::Error);
    Problem { file, line, column: 1, severity, message, snippet: None, help: None }
}
