//! The prefilter: most records match no search, and a glance at their bytes shows it (PO-3).
//!
//! Owns: the decision whether a record has to be decoded. It errs on one side only: what it turns away holds no match.
//! Deliberately absent: what the searches require (plan's).

mod literals;
mod members;

use std::ops::Range;

use memchr::memmem::Finder;

use self::literals::Literals;
use self::members::Members;

/// What the text of an event shows wherever a search matches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// One of these occurs, whatever the case of ASCII letters. They are of `[A-Za-z0-9 _.:-]`, which JSON writes as
    /// they are or as `\u` escapes.
    Literals(Vec<String>),
    /// The event has a member of this name (of `[A-Za-z0-9_-]`), and its value, unless it is no string, begins like one
    /// of these.
    Member {
        /// The key.
        name: String,
        /// How the value may begin.
        values: Vec<Beginning>,
    },
}

/// How a text begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its first characters, whatever the case of ASCII letters: at least one, all of `[A-Za-z0-9 _.:-]`.
    pub text: String,
    /// Whether nothing follows.
    pub whole: bool,
}

/// Decides from a record's bytes whether any search can match an event in it.
#[derive(Debug)]
pub struct Prefilter {
    /// None: some search shows nothing in the text, so everything is decoded.
    wanted: Option<Wanted>,
}

/// Cheap checks that find all that is wanted, and more.
#[derive(Debug)]
struct Wanted {
    escapes: Escapes,
    /// Whether a character beyond ASCII has a letter of a literal as its other case. Searches do not take them for the
    /// same; a later one may.
    folds: bool,
    members: Members,
    literals: Literals,
}

/// Finds `\u`, which can spell any character.
#[derive(Debug)]
struct Escapes(Finder<'static>);

/// So many backslashes are looked at one by one. Most records have none, and one byte is found faster than two; where there
/// are many, it is the other way round.
const BACKSLASHES: usize = 64;

impl Escapes {
    fn find(&self, text: &[u8]) -> Option<usize> {
        let mut behind = 0;
        for (number, at) in memchr::memchr_iter(b'\\', text).enumerate() {
            if number == BACKSLASHES {
                return self.0.find(&text[behind..]).map(|place| behind + place);
            }
            behind = at + 1;
            if text.get(behind) == Some(&b'u') {
                return Some(at);
            }
        }
        None
    }
}

/// A block of records, looked at one after the other. What was found behind a record is not looked for again.
#[derive(Debug)]
pub struct Glance<'a> {
    wanted: Option<&'a Wanted>,
    block: &'a [u8],
    escapes: Hit,
    folds: Hit,
    members: [Hit; members::MOST],
}

/// The next place of something in a block; none before the first search.
#[derive(Clone, Copy, Debug, Default)]
struct Hit(Option<usize>);

impl Hit {
    /// The first place at or behind `from`, which never goes back; the block's length where there is none.
    fn at_or_behind(&mut self, from: usize, block: &[u8], find: impl FnOnce(&[u8]) -> Option<usize>) -> usize {
        match self.0 {
            Some(place) if place >= from => place,
            _ => *self.0.insert(find(&block[from..]).map_or(block.len(), |place| from + place)),
        }
    }
}

impl Prefilter {
    /// A prefilter for these searches. Each gives its clauses, which all hold for every event that it matches; one
    /// without any clause may match anything.
    pub fn new(searches: &[Vec<Clause>]) -> Self {
        Self { wanted: Wanted::of(searches) }
    }

    /// Whether the record has to be decoded: a search may match an event in it, or it is not plain JSON, so that what is
    /// wanted could be in it without being seen (or the record has to be rejected with its reason).
    pub fn admits(&self, data: &[u8]) -> bool {
        self.glance(data).admits(0..data.len())
    }

    /// To decide over the records of a block in their order.
    pub fn glance<'a>(&'a self, block: &'a [u8]) -> Glance<'a> {
        let hit = Hit::default();
        Glance { wanted: self.wanted.as_ref(), block, escapes: hit, folds: hit, members: [hit; members::MOST] }
    }
}

impl Glance<'_> {
    /// [`Prefilter::admits`] for the record at this range of the block: it begins where the one before it ended, or
    /// later.
    pub fn admits(&mut self, record: Range<usize>) -> bool {
        let data = &self.block[..record.end];
        let is_plain = data[record.start..].trim_ascii_start().first() == Some(&b'{');
        let Some(wanted) = self.wanted.filter(|_| is_plain) else { return true };
        let escape = self.escapes.at_or_behind(record.start, self.block, |rest| wanted.escapes.find(rest));
        if escape < record.end || (wanted.folds && self.folds(&record)) {
            return true;
        }
        wanted.members.occur(self.block, &record, &mut self.members) || wanted.literals.occur(&data[record.start..])
    }

    fn folds(&mut self, record: &Range<usize>) -> bool {
        let mut from = record.start;
        loop {
            let place = self.folds.at_or_behind(from, self.block, |rest| memchr::memchr2(KELVIN[0], LONG_S[0], rest));
            if place >= record.end {
                return false;
            }
            if self.block[place..record.end].starts_with(KELVIN) || self.block[place..record.end].starts_with(LONG_S) {
                return true;
            }
            from = place + 1;
        }
    }
}

/// KELVIN SIGN, whose lower case is `k`.
const KELVIN: &[u8] = "\u{212A}".as_bytes();
/// LATIN SMALL LETTER LONG S, whose upper case is `S`.
const LONG_S: &[u8] = "\u{17F}".as_bytes();

impl Wanted {
    fn of(searches: &[Vec<Clause>]) -> Option<Self> {
        let keys = members::commonest(searches);
        let (mut members, mut literals) = (Members::new(&keys), Vec::new());
        for search in searches {
            match members.best(search) {
                Some((key, values)) => members.add(key, values),
                None => literals.extend(search.iter().map(literals_of).min_by_key(|set| reach(set))?),
            }
        }
        let folds = literals.iter().any(|text| text.contains(['k', 'K', 's', 'S']));
        let literals = Literals::new(literals)?;
        Some(Self { escapes: Escapes(Finder::new("\\u")), folds, members, literals })
    }
}

/// A member's value holds its beginning.
fn literals_of(clause: &Clause) -> Vec<String> {
    match clause {
        Clause::Literals(literals) => literals.clone(),
        Clause::Member { values, .. } => values.iter().map(|beginning| beginning.text.clone()).collect(),
    }
}

/// How little of a text the shortest literal pins down.
fn reach(literals: &[String]) -> std::cmp::Reverse<usize> {
    std::cmp::Reverse(literals.iter().map(String::len).min().unwrap_or(usize::MAX))
}
