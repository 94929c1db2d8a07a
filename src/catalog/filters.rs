//! Filters that nobody uses, though somebody means them to be: an undefined filter lets everything pass, so that one
//! whose name is misspelt in the macros file does nothing, in silence.

use std::collections::BTreeSet;

use super::{FileReport, Outcome};
use crate::detection::{Problem, ProblemSeverity};
use crate::spl::{MacroFacts, Macros, conventional_filter, nearest};

/// What every filter's name ends in. It is left out where names are compared, or short ones would all be alike.
const ENDING: &str = "_filter";

/// The filters of the macros files that no detection uses, and whose names are near to one that is not defined; as
/// warnings. Of others nothing is said: Splunk defines a filter for each of its detections, of which few are loaded.
pub(super) fn misspelt(files: &[FileReport], macros: &Macros) -> Vec<Problem> {
    let own: BTreeSet<String> = files.iter().map(|file| conventional_filter(&file.name)).collect();
    let used = used(files);
    let unused = macros.filters().filter(|(name, _)| !used.contains(*name) && !own.contains(*name));
    let meant = unused.filter_map(|(name, facts)| Some((name, facts, meant(name, &used)?)));
    meant
        .filter(|(.., meant)| !macros.defines(meant))
        .map(|(name, facts, meant)| warning(name, &meant, facts))
        .collect()
}

/// The filters that the detections which are right call, and those that they would if somebody defined them.
fn used(files: &[FileReport]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for file in files {
        let (Outcome::Ready(plan) | Outcome::Disabled(plan)) = &file.outcome else { continue };
        used.extend(plan.text().filters.iter().map(|filter| filter.name.clone()));
        used.insert(conventional_filter(&plan.text().name));
    }
    used
}

/// The filter that this one may be a misspelling of. Names of one family share most of their words, so that no more than
/// a fifth of the letters may be others.
fn meant(name: &str, used: &BTreeSet<String>) -> Option<String> {
    let stem = name.strip_suffix(ENDING)?;
    let near = nearest(stem, used.iter().filter_map(|name| name.strip_suffix(ENDING)))?;
    let others = strsim::damerau_levenshtein(stem, near);
    (others <= (stem.len() / 5).max(1)).then(|| format!("{near}{ENDING}"))
}

fn warning(name: &str, meant: &str, facts: &MacroFacts) -> Problem {
    let message =
        format!("the filter `{name}` is defined, but no detection that is loaded uses it; did you mean {meant:?}?");
    let (file, line, column) = (facts.file.clone(), facts.line, facts.column);
    Problem { file, line, column, severity: ProblemSeverity::Warning, message, snippet: None, help: None }
}
