//! Literals that are wanted wherever they stand, in any case.
//!
//! A few are found by three of their bytes each, in every case that these may have, with the vector search of
//! `aho-corasick::packed`, and then compared; many, or shorter ones, with its automaton, which reads byte by byte.

use aho_corasick::packed::{Config, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, Span};

/// The bytes by which a literal is found.
const WINDOW: usize = 3;
/// The patterns up to which the vector search stays fast.
const MOST_PATTERNS: usize = 64;
/// The bytes of literals, from those that are commonest in events to those that are rarest.
const BY_FREQUENCY: &[u8] = b"eatinorsc0123456789dumlp:-.gbfhvy_wk xzjq";

/// A set of literals.
#[derive(Debug)]
pub(super) enum Literals {
    /// Nothing is wanted.
    None,
    /// A few, by their windows.
    Windows(Searcher, Vec<Window>),
    /// Any.
    Automaton(AhoCorasick),
}

/// A literal, and where in it the bytes stand by which it is found. One for each pattern of the searcher.
#[derive(Clone, Debug)]
pub(super) struct Window {
    literal: Vec<u8>,
    offset: usize,
}

impl Literals {
    /// None where the set is too large for an automaton.
    pub fn new(mut literals: Vec<String>) -> Option<Self> {
        literals.iter_mut().for_each(|literal| literal.make_ascii_lowercase());
        literals.sort_unstable();
        literals.dedup();
        if literals.is_empty() {
            return Some(Self::None);
        }
        windows(&literals).or_else(|| {
            AhoCorasickBuilder::new().ascii_case_insensitive(true).build(&literals).ok().map(Self::Automaton)
        })
    }

    /// Whether one of them is in the text.
    pub fn occur(&self, text: &[u8]) -> bool {
        match self {
            Self::None => false,
            Self::Automaton(automaton) => automaton.is_match(text),
            Self::Windows(searcher, windows) => {
                let mut from = 0;
                while let Some(found) = searcher.find_in(text, Span::from(from..text.len())) {
                    if windows[found.pattern().as_usize()].stands_at(text, found.start()) {
                        return true;
                    }
                    from = found.start() + 1;
                }
                false
            }
        }
    }
}

impl Window {
    fn stands_at(&self, text: &[u8], place: usize) -> bool {
        let begins = place.checked_sub(self.offset).and_then(|start| text.get(start..start + self.literal.len()));
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(&self.literal))
    }
}

/// None where the literals are too many, one of them is too short, or the processor has no vectors for it.
fn windows(literals: &[String]) -> Option<Literals> {
    let (mut patterns, mut windows): (Vec<Vec<u8>>, _) = (Vec::new(), Vec::new());
    for literal in literals {
        let offset = rarest(literal.as_bytes())?;
        let literal = literal.as_bytes().to_vec();
        for spelled in spellings(&literal[offset..offset + WINDOW]) {
            // Two literals with one window: the searcher would tell of the first one only.
            if patterns.contains(&spelled) || patterns.len() == MOST_PATTERNS {
                return None;
            }
            patterns.push(spelled);
            windows.push(Window { literal: literal.clone(), offset });
        }
    }
    let searcher = Config::new().builder().extend(&patterns).build()?;
    Some(Literals::Windows(searcher, windows))
}

/// Where the rarest bytes of a literal begin.
fn rarest(literal: &[u8]) -> Option<usize> {
    let rarity = |byte: &u8| BY_FREQUENCY.iter().position(|other| other == byte).unwrap_or(BY_FREQUENCY.len());
    let windows = literal.windows(WINDOW).enumerate();
    windows.max_by_key(|(_, window)| window.iter().map(rarity).sum::<usize>()).map(|(offset, _)| offset)
}

/// The bytes in every case.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.iter().fold(vec![Vec::new()], |spelled, &byte| {
        let mut cases = vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
        cases.dedup();
        spelled.iter().flat_map(|begun| cases.iter().map(|&case| [begun.as_slice(), &[case]].concat())).collect()
    })
}
