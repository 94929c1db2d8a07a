//! Members whose value is wanted: `"eventName":"JobCreated"`, in whatever layout, and inside a JSON string as well, where
//! every quote has a backslash (CloudWatch Logs).

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem::Finder;

use super::{Beginning, Clause, Hit};

/// So many different keys are looked for at most: each costs a pass.
pub(super) const MOST: usize = 4;

/// The keys that are looked for.
#[derive(Debug)]
pub(super) struct Members(Vec<Member>);

#[derive(Debug)]
struct Member {
    name: String,
    /// The key from its quote on.
    finder: Finder<'static>,
    /// The wanted beginnings by their first byte in lower case.
    values: BTreeMap<u8, Vec<Beginning>>,
}

/// What stands at a place where a key begins.
enum Found<'a> {
    /// No key; or one whose value is null, which no search matches.
    Nothing,
    /// A key with a text: from its first character on, with whatever follows it.
    Text(&'a [u8]),
    /// A key with another value, or a layout that is not read here.
    Other,
}

/// The keys that most of the searches name.
pub(super) fn commonest(searches: &[Vec<Clause>]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for clause in searches.iter().flatten() {
        if let Clause::Member { name, .. } = clause {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut keys: Vec<_> = counts.into_iter().map(|(name, count)| (std::cmp::Reverse(count), name)).collect();
    keys.sort_unstable();
    keys.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

impl Members {
    /// For these keys, the best first; nothing is wanted of them yet.
    pub fn new(keys: &[String]) -> Self {
        let member = |name: &String| Member {
            name: name.clone(),
            finder: Finder::new(&format!("\"{name}")).into_owned(),
            values: BTreeMap::new(),
        };
        Self(keys.iter().map(member).collect())
    }

    /// The first key that a search can be told by, and the values that it wants.
    pub fn best<'c>(&self, search: &'c [Clause]) -> Option<(usize, &'c [Beginning])> {
        let values = |key: &Member| {
            search.iter().find_map(|clause| match clause {
                Clause::Member { name, values } if *name == key.name => Some(values.as_slice()),
                _ => None,
            })
        };
        self.0.iter().enumerate().find_map(|(index, key)| Some((index, values(key)?)))
    }

    /// These values of the key are wanted too.
    pub fn add(&mut self, key: usize, values: &[Beginning]) {
        for value in values {
            let first = value.text.as_bytes()[0].to_ascii_lowercase();
            self.0[key].values.entry(first).or_default().push(value.clone());
        }
    }

    /// Whether a wanted member is in the record, or might be.
    pub fn occur(&self, block: &[u8], record: &Range<usize>, hits: &mut [Hit; MOST]) -> bool {
        let mut members = self.0.iter().zip(hits).filter(|(member, _)| !member.values.is_empty());
        members.any(|(member, hit)| member.occurs(block, record, hit))
    }
}

impl Member {
    fn occurs(&self, block: &[u8], record: &Range<usize>, hit: &mut Hit) -> bool {
        let mut from = record.start;
        loop {
            let place = hit.at_or_behind(from, block, |rest| self.finder.find(rest));
            if place >= record.end {
                return false;
            }
            from = (place + self.finder.needle().len()).min(record.end);
            match found(&block[from..record.end]) {
                Found::Nothing => {}
                Found::Text(text) if !self.wants(text) => {}
                Found::Text(_) | Found::Other => return true,
            }
        }
    }

    /// What is not ASCII is wanted: two such characters have an ASCII letter as their other case. Searches do not take
    /// them for the same; a later one may.
    fn wants(&self, text: &[u8]) -> bool {
        let Some(first) = text.first().filter(|first| first.is_ascii()) else { return true };
        let values = self.values.get(&first.to_ascii_lowercase());
        values.is_some_and(|values| values.iter().any(|value| value.begins(text)))
    }
}

impl Beginning {
    /// Behind the whole text its quote follows; inside a string that has a backslash.
    fn begins(&self, text: &[u8]) -> bool {
        text.split_at_checked(self.text.len()).is_some_and(|(begins, rest)| {
            let ends = || matches!(rest.first(), None | Some(b'"' | b'\\'));
            !begins.is_ascii() || (begins.eq_ignore_ascii_case(self.text.as_bytes()) && (!self.whole || ends()))
        })
    }
}

/// What follows the name of a key.
fn found(text: &[u8]) -> Found<'_> {
    let Some(behind) = behind_quote(text) else { return Found::Nothing };
    match behind.trim_ascii_start() {
        [b':', value @ ..] => match value.trim_ascii_start() {
            [b'n', ..] => Found::Nothing,
            value => behind_quote(value).map_or(Found::Other, Found::Text),
        },
        // White space inside a string is written as an escape.
        [b'\\', ..] => Found::Other,
        _ => Found::Nothing,
    }
}

/// Behind a quote that this begins with: inside a string it has a backslash, inside a string that stands in another one
/// three, and so on.
fn behind_quote(text: &[u8]) -> Option<&[u8]> {
    let quote = text.iter().position(|byte| *byte != b'\\')?;
    text[quote..].strip_prefix(b"\"")
}
