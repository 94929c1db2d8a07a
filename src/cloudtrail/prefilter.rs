//! The literal prefilter: most records match no search, and one pass over their bytes shows it (PO-3).

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};

/// Decides from a record's bytes whether any search can match an event in it. It errs on one side only: what it turns
/// away holds no match.
#[derive(Debug)]
pub struct Prefilter {
    /// None: some search has no literals, so everything is parsed.
    literals: Option<AhoCorasick>,
}

/// Texts that admit a record because literals could hide behind them: the escape `\u`, which can spell any character,
/// and the two characters beyond ASCII that have an ASCII letter as their other case (KELVIN SIGN, LONG S).
const DISGUISES: [&str; 3] = ["\\u", "\u{212A}", "\u{17F}"];

impl Prefilter {
    /// A prefilter for these searches. Each gives the literals of which a matching event holds at least one,
    /// ASCII-case-insensitively, all of characters that JSON writes as they are or as `\u` (`[A-Za-z0-9 _.:-]`);
    /// `None` stands for a search without such a set.
    pub fn new(sets: &[Option<Vec<String>>]) -> Self {
        let sets: Option<Vec<&Vec<String>>> = sets.iter().map(Option::as_ref).collect();
        Self { literals: sets.and_then(|sets| automaton(&sets)) }
    }

    /// Whether the record has to be decoded: a literal occurs in it, or it is not plain JSON, so that a literal could
    /// be in it without being seen (or the record has to be rejected with its reason).
    pub fn admits(&self, data: &[u8]) -> bool {
        let plain = data.trim_ascii_start().starts_with(b"{");
        !plain || self.literals.as_ref().is_none_or(|literals| literals.is_match(data))
    }
}

/// None where the set is too large for an automaton: then everything is parsed.
fn automaton(sets: &[&Vec<String>]) -> Option<AhoCorasick> {
    let literals = sets.iter().flat_map(|set| set.iter().map(String::as_str)).chain(DISGUISES);
    AhoCorasickBuilder::new().ascii_case_insensitive(true).build(literals).ok()
}
