//! Commands that take in the rows of a second search, or those of a table.

use super::{EVENT_FIELDS, Generator};
use crate::ast::{Command, Search};

impl Generator {
    /// `append` or `join`, where there may be one.
    pub(super) fn meeting(&mut self) -> Command {
        if self.alone {
            return self.common();
        }
        self.whole = true;
        if self.rng.chance(400) {
            let (subsearch, columns) = self.subsearch(&[]);
            columns.iter().for_each(|column| self.made(column));
            return Command::Append(subsearch);
        }
        let of_events = |field: &String| EVENT_FIELDS.contains(&field.as_str());
        let mut fields: Vec<String> = self.fields(2).into_iter().filter(of_events).collect();
        if fields.is_empty() {
            fields.push("eventName".to_owned());
        }
        let (subsearch, columns) = self.subsearch(&fields);
        columns.iter().for_each(|column| self.made(column));
        Command::Join {
            fields,
            keeps_unmatched: self.rng.chance(400),
            max: self.rng.pick(&[None, None, Some(0), Some(2)]),
            overwrite: self.rng.chance(700),
            subsearch,
        }
    }

    /// A search whose rows have these fields, and its columns.
    fn subsearch(&mut self, keys: &[String]) -> (Search, Vec<String>) {
        let outside = (std::mem::replace(&mut self.fields, EVENT_FIELDS.map(str::to_owned).to_vec()), self.rows);
        let whole = std::mem::replace(&mut self.whole, false);
        (self.rows, self.alone) = (false, true);
        let base = self.base();
        let mut commands: Vec<Command> = (0..self.rng.below(2)).map(|_| self.common()).collect();
        if self.rng.chance(700) {
            let mut stats = self.stats(false);
            keys.iter().for_each(|key| stats.by.push(key.clone()));
            stats.by.sort();
            stats.by.dedup();
            self.rows_of(&stats);
            commands.push(Command::Stats(stats));
            for _ in 0..self.rng.below(2) {
                let command = if self.rng.chance(300) { self.of_all() } else { self.common() };
                commands.push(command);
            }
        } else {
            let names = [self.fields(3), keys.to_vec()].concat();
            self.fields = names.clone();
            commands.push(Command::Table(names));
        }
        let columns = std::mem::replace(&mut self.fields, outside.0);
        (self.rows, self.whole, self.alone) = (outside.1, whole, false);
        (Search { base, commands }, columns)
    }

    pub(super) fn lookup(&mut self) -> Command {
        let columns = self.rng.pick(&[&["k"][..], &["k"], &["like"], &["net"], &["k", "like"], &["like", "net"]]);
        let inputs = columns.iter().map(|column| (*column, self.field())).collect();
        let mut outputs = vec![(self.rng.pick(&["o", "p"]), self.target())];
        if self.rng.chance(300) {
            outputs.push((self.rng.pick(&["k", "p"]), "z".to_owned()));
        }
        outputs.iter().for_each(|(_, field)| self.made(field));
        outputs.dedup_by(|a, b| a.1 == b.1);
        Command::Lookup { inputs, outputs, keeps_existing: self.rng.chance(300) }
    }
}
