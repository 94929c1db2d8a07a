//! Commands: some per event, then perhaps `stats`, then some over its rows.

use super::Generator;
use crate::ast::{Aggregate, Argument, Command, Order, Search, Stats};

/// The aggregates over values, and those that need the order of events.
pub(super) const AGGREGATES: [&str; 17] = [
    "count", "dc", "values", "list", "min", "max", "range", "sum", "sumsq", "avg", "mean", "stdev", "stdevp", "var",
    "varp", "mode", "median",
];
pub(super) const BY_EVENT: [&str; 2] = ["first", "last"];
const REXES: [&str; 4] = [r"(?<x>[a-z]+)", r"(?<y>\d)(?<z>\d)?", r"user/(?<x>\w+)", r"(?<all>{.+})"];

impl Generator {
    pub(super) fn search(mut self) -> Search {
        let base = self.base();
        let mut commands: Vec<Command> = Vec::new();
        for _ in 0..self.rng.below(5) {
            let command = match self.rng.below(100) {
                0..8 => self.of_all(),
                8..12 => self.meeting(),
                _ => self.per_event(),
            };
            commands.push(command);
        }
        let windowed = self.rng.chance(150) && !commands.iter().any(is_meeting);
        self.alone |= windowed;
        if windowed {
            commands.push(Command::BinTime { seconds: self.rng.pick(&[60, 300, 900]), output: None });
        }
        if windowed || self.rng.chance(850) {
            self.stats_and_after(windowed, &mut commands);
        } else {
            let names = self.fields(4);
            commands.push(Command::Table(names));
        }
        Search { base, commands }
    }

    fn stats_and_after(&mut self, windowed: bool, commands: &mut Vec<Command>) {
        let mut stats = self.stats(false);
        if windowed {
            stats.by.retain(|field| field != "_time");
            stats.by.push("_time".to_owned());
        }
        self.rows_of(&stats);
        commands.push(Command::Stats(stats));
        if self.rng.chance(100) {
            commands.push(Command::FillNull { value: None, names: Vec::new() });
        }
        for _ in 0..self.rng.below(5) {
            let command = match self.rng.below(10) {
                0 if self.rng.chance(500) => self.meeting(),
                0..=2 => self.of_all(),
                3 if self.rng.chance(300) => {
                    let stats = self.stats(true);
                    self.rows_of(&stats);
                    Command::Stats(stats)
                }
                _ => self.per_row(),
            };
            commands.push(command);
        }
        if self.rng.chance(300) {
            commands.push(Command::FilterMacro);
        }
    }

    /// From here on there is what `stats` made.
    pub(super) fn rows_of(&mut self, stats: &Stats) {
        self.rows = true;
        self.fields = stats.by.clone();
        self.fields.extend(stats.aggregates.iter().map(|a| a.column()));
    }

    fn per_event(&mut self) -> Command {
        match self.rng.below(12) {
            0 => self.rename(),
            1 => {
                let value = self.rng.chance(500).then(|| self.text());
                let names = if self.whole || self.rng.chance(700) { self.fields(3) } else { Vec::new() };
                Command::FillNull { value, names }
            }
            2 => self.mvexpand(),
            3 => self.spath(),
            4 => self.rex(),
            5 => Command::BinTime { seconds: 600, output: Some("bin".to_owned()) },
            6 => self.fields_command(),
            _ => self.common(),
        }
    }

    fn per_row(&mut self) -> Command {
        match self.rng.below(14) {
            0 => self.rename(),
            1 => Command::FillNull { value: Some(self.text()), names: self.fields(2) },
            2 if self.rng.chance(300) => self.mvexpand(),
            3 => self.rex(),
            4 => self.spath(),
            5 => self.fields_command(),
            6 => Command::Table(self.fields(4)),
            8 | 9 => self.threshold(),
            7 => {
                let format = self.rng.pick(&[None, Some("%Y-%m-%d"), Some("%H:%M")]);
                let field = self.field();
                if self.rng.chance(300) && !field.contains('(') {
                    return Command::CtimeMacro(field);
                }
                let output = self.rng.chance(400).then(|| self.target());
                output.iter().for_each(|output| self.made(output));
                Command::Ctime { format, field, output }
            }
            _ => self.common(),
        }
    }

    /// What is the same for events and rows.
    pub(super) fn common(&mut self) -> Command {
        match self.rng.below(7) {
            3 if self.rng.chance(400) => self.lookup(),
            4 if self.rng.chance(300) => {
                let (field, output) = (self.field(), self.rng.chance(400).then(|| self.target()));
                output.iter().for_each(|output| self.made(output));
                let field = if field == "_time" { "when".to_owned() } else { field };
                Command::Convert { function: self.rng.pick(&["num", "auto", "none", "mktime"]), field, output }
            }
            2 if self.rng.chance(500) => {
                let field = self.field();
                let output = self.rng.chance(500).then(|| self.target());
                output.iter().for_each(|output| self.made(output));
                // `_time` is another command.
                let field = if field == "_time" { "n".to_owned() } else { field };
                Command::BinNumber { field, span: self.rng.pick(&[1, 5, 10]), output }
            }
            0 => Command::Search(self.terms(2)),
            1 => Command::Where(self.condition(3)),
            _ => {
                let pairs = (0..=self.rng.below(2)).map(|_| {
                    let value = self.value(4);
                    let target = self.target();
                    self.made(&target);
                    (target, value)
                });
                Command::Eval(pairs.collect())
            }
        }
    }

    /// What needs all rows.
    pub(super) fn of_all(&mut self) -> Command {
        self.whole = true;
        match self.rng.below(5) {
            0 => Command::Head(self.rng.chance(800).then(|| 1 + self.rng.index(4))),
            1 | 2 => {
                let order = self.rng.pick(&[Order::Auto, Order::Auto, Order::Text, Order::Number, Order::Address]);
                let keys = self.fields(2).into_iter().map(|field| (field, self.rng.chance(500), order)).collect();
                let limit = self.rng.chance(300).then(|| self.rng.index(4));
                Command::Sort { limit, keys }
            }
            3 => Command::Dedup {
                keep: 1 + self.rng.index(2),
                fields: self.fields(2),
                keep_empty: self.rng.chance(300),
                consecutive: self.rng.chance(300),
            },
            _ => {
                let stats = self.stats(true);
                for aggregate in &stats.aggregates {
                    self.made(&aggregate.column());
                }
                Command::EventStats(stats)
            }
        }
    }

    pub(super) fn stats(&mut self, later: bool) -> Stats {
        let aggregates = (0..=self.rng.below(3)).map(|index| self.aggregate(index, later)).collect();
        let by = if self.rng.chance(700) { self.fields(2) } else { Vec::new() };
        let mut stats = Stats { aggregates, by };
        if self.rng.chance(100) && !self.rows {
            stats.by.push("_time".to_owned());
        }
        stats
    }

    fn aggregate(&mut self, index: i64, later: bool) -> Aggregate {
        let parameter = self.rng.chance(80).then(|| self.rng.pick(&[1.0, 50.0, 95.0, 99.9]));
        let function = match self.rng.below(12) {
            _ if parameter.is_some() => "perc",
            0 => self.rng.pick(&BY_EVENT),
            1 if !later => self.rng.pick(&["earliest", "latest"]),
            2 => "count",
            _ => self.rng.pick(&AGGREGATES),
        };
        let argument = match self.rng.below(10) {
            0..=3 if function == "count" => Argument::Nothing,
            0 | 4 if function == "count" => Argument::Condition(self.condition(2)),
            1 => Argument::Value(self.value(2)),
            _ => Argument::Field(self.field()),
        };
        // A column of its own for each, also where the name would be an expression.
        let is_named = index > 0 || !matches!(argument, Argument::Field(_)) || self.rng.chance(850);
        let output = is_named.then(|| format!("g{index}{}", if later { "l" } else { "" }));
        Aggregate { function, parameter, argument, output }
    }

    pub(super) fn rename(&mut self) -> Command {
        if self.rng.chance(150) && !self.rows && !self.whole {
            let (from, to) = self.rng.pick(&[
                ("req.*", "*"),
                ("req.*", "r_*"),
                ("req.*", "*_r"),
                ("*q.x", "*_x"),
                ("*q.*", "*_*"),
                ("items{}.*", "i_*"),
                ("r*.list{}", "l*"),
                ("*.list{}", "_*"),
            ]);
            for made in ["x", "n", "r_x", "r_n", "x_r", "re_x", "i_k", "i_v", "leq"] {
                self.made(made);
            }
            return Command::Rename(vec![(from.to_owned(), to.to_owned())]);
        }
        let pairs = (0..=self.rng.below(2)).map(|_| {
            let from = self.field();
            let to = self.target();
            self.made(&to);
            (from, to)
        });
        let pairs: Vec<_> = pairs.filter(|(from, to)| from != to && !from.starts_with('_')).collect();
        let fallback = || vec![("missing".to_owned(), "z".to_owned())];
        Command::Rename(if pairs.is_empty() { fallback() } else { pairs })
    }

    fn mvexpand(&mut self) -> Command {
        self.expansions += 1;
        let field = self.field();
        if self.expansions > 2 {
            return Command::Head(Some(5));
        }
        Command::MvExpand { field, limit: self.rng.pick(&[0, 0, 0, 1, 2]) }
    }

    fn spath(&mut self) -> Command {
        let output = self.rng.chance(700).then(|| self.rng.pick(&["x", "y"]).to_owned());
        let paths = ["k", "k{}", "k{1}", "S{}.A", "S{0}.B{}", "S{}", "S", "o.p", "o", "t", "z", "e", "e{}", "missing"];
        let path = self.rng.pick(&paths).to_owned();
        if !self.rows && self.rng.chance(100) {
            return Command::Spath { input: Some("doc".to_owned()), output: None, path: None };
        }
        self.made(output.as_ref().unwrap_or(&path));
        let input = if self.rng.chance(800) { "doc".to_owned() } else { self.field() };
        let input = (self.rows || self.rng.chance(900)).then_some(input);
        Command::Spath { input, output, path: Some(path) }
    }

    fn rex(&mut self) -> Command {
        let field = self.field();
        ["x", "y", "z"].into_iter().for_each(|name| self.made(name));
        let max_match = self.rng.pick(&[None, None, Some(0), Some(2)]);
        Command::Rex { field: Some(field), pattern: REXES[self.rng.index(3)], max_match }
    }

    fn fields_command(&mut self) -> Command {
        let keep = self.rng.chance(300);
        let mut names = self.fields(if keep { 8 } else { 2 });
        // Where a bare term would look then is not said.
        names.retain(|name| keep || name != "_raw");
        if (names.is_empty() || self.rng.chance(200)) && !(keep && self.whole) {
            let patterns = if keep { ["re*", "*e*", "*"] } else { ["re*", "*e", "*_*"] };
            names.push(self.rng.pick(&patterns).to_owned());
        }
        Command::Fields { keep, names }
    }
}

/// Whether the rows of a subsearch meet those of the search here.
fn is_meeting(command: &Command) -> bool {
    matches!(command, Command::Append(_) | Command::Join { .. })
}
