//! A file's text to a plan, with every problem mapped to its place in the file.

use super::expiring::ExpiringFilter;
use super::load::{PlanSettings, load};
use super::problem::{Problem, ProblemSeverity};
use crate::plan::{CompileErrorKind, Lookups, Plan};
use crate::spl::Macros;

/// A detection that runs.
#[derive(Debug)]
pub struct Compiled {
    /// Its plan.
    pub plan: Plan,
    /// What somebody should look at.
    pub warnings: Vec<Problem>,
    /// Its filters that expire.
    pub filters: Vec<ExpiringFilter>,
}

/// Reads a detection file and compiles its search. `settings` gives the operator's settings for its id and name.
///
/// # Errors
/// As [`load`]; and what the plan refuses.
pub fn compile(
    yaml: &str,
    file: &str,
    macros: &Macros,
    lookups: &Lookups,
    settings: &dyn Fn(&str, &str) -> PlanSettings,
) -> Result<Compiled, Vec<Problem>> {
    // The text of a file does not depend on the settings, which are looked up by what stands in it.
    let mut loaded = load(yaml, file, macros, lookups, &settings("", ""))?;
    let own = settings(&loaded.text.id, &loaded.text.name);
    loaded.text.window_ms = own.window_ms;
    loaded.text.grace_ms = own.grace_ms;
    loaded.text.max_future_skew_ms = own.max_future_skew_ms;
    let (place, mut problems) = (loaded.place, loaded.warnings);
    match Plan::compile(&loaded.text) {
        Ok(plan) => {
            let warnings = plan.warnings().iter().map(|warning| {
                place.problem(warning.span.clone(), ProblemSeverity::Warning, warning.message.clone(), None)
            });
            problems.extend(warnings);
            let filters = ExpiringFilter::of(&plan, macros);
            Ok(Compiled { plan, warnings: problems, filters })
        }
        Err(error) => {
            let severity = match error.kind {
                CompileErrorKind::Unsupported => ProblemSeverity::Unsupported,
                CompileErrorKind::Invalid => ProblemSeverity::Error,
            };
            problems.push(place.problem(error.span, severity, error.message, error.help));
            Err(problems)
        }
    }
}
