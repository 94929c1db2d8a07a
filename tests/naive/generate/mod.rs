//! Random searches and events, small and full of collisions: few names, few values, each in several spellings.

mod commands;
mod events;
mod expressions;
mod subsearch;
mod terms;
mod thresholds;

pub use events::events;

use crate::ast::Search;
use crate::rng::Rng;

/// Fields of the generated events, among them some that many events lack, and one that none has.
const EVENT_FIELDS: [&str; 24] = [
    "a",
    "b",
    "n",
    "m",
    "s",
    "u",
    "ip",
    "when",
    "list{}",
    "req.x",
    "req.n",
    "req.list{}",
    "items{}.k",
    "items{}.v",
    "missing",
    "eventName",
    "flag",
    "doc",
    "nums{}",
    "mat{}{}",
    "o.x.y",
    "_raw",
    "date_minute",
    "date_wday",
];
/// What a field may hold.
const TEXTS: [&str; 32] = [
    "",
    "a",
    "A",
    "ab",
    "aB*",
    "b",
    "5",
    "5.0",
    "05",
    "10",
    "9",
    "-3",
    "+2",
    "1e3",
    ".5",
    "7.",
    "é",
    "É",
    "ÄB",
    "x y",
    "true",
    "10.0.0.1",
    "10.1.2.3",
    "a,b,,c",
    "arn:aws:iam::111:user/bob",
    "0x1F",
    "NaN",
    "inf",
    " 7",
    "a_b",
    "50%",
    "-0",
];

/// The generator's hand.
pub struct Generator {
    pub rng: Rng,
    /// The fields that may exist where the next command stands.
    fields: Vec<String>,
    /// Whether rows of `stats` are what is there.
    rows: bool,
    /// Whether a command before needs all rows.
    whole: bool,
    expansions: usize,
    /// Whether there may be no subsearch: within one, and where the search cuts its own windows.
    alone: bool,
}

/// The search of this seed.
pub fn search(seed: u64) -> Search {
    Generator::new(seed, 21).search()
}

/// The search of this seed whose rows are kept by a threshold.
pub fn threshold(seed: u64) -> Search {
    Generator::new(seed, 23).of_thresholds()
}

impl Generator {
    fn new(seed: u64, stream: u64) -> Self {
        let fields = EVENT_FIELDS.map(str::to_owned).to_vec();
        Self { rng: Rng::new(seed, stream), fields, rows: false, whole: false, expansions: 0, alone: false }
    }

    fn field(&mut self) -> String {
        if self.fields.is_empty() || self.rng.chance(60) {
            return self.rng.pick(&EVENT_FIELDS).to_owned();
        }
        let index = self.rng.index(self.fields.len());
        self.fields[index].clone()
    }

    fn fields(&mut self, most: i64) -> Vec<String> {
        let mut chosen: Vec<String> = (0..=self.rng.below(most)).map(|_| self.field()).collect();
        chosen.sort();
        chosen.dedup();
        chosen
    }

    /// A name to write to: a new one, or one that is there.
    fn target(&mut self) -> String {
        if self.rng.chance(300) {
            let field = self.field();
            if !field.contains('{') && !field.starts_with('_') {
                return field;
            }
        }
        self.rng.pick(&["x", "y", "z"]).to_owned()
    }

    fn text(&mut self) -> String {
        self.rng.pick(&TEXTS).to_owned()
    }

    fn made(&mut self, field: &str) {
        if !self.fields.iter().any(|known| known == field) {
            self.fields.push(field.to_owned());
        }
    }
}
