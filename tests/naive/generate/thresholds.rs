//! Searches whose rows are kept by what more events may confirm, or take back.

use super::Generator;
use super::commands::{AGGREGATES, BY_EVENT};
use crate::ast::{Aggregate, Argument, Command, Expr, Search, Stats, Terms};

const COMPARED: [&str; 8] = ["n", "m", "nums{}", "_time", "a", "list{}", "req.n", "eventName"];

impl Generator {
    pub(super) fn of_thresholds(mut self) -> Search {
        let base = if self.rng.chance(700) { Terms::Everything } else { self.terms(1) };
        let by =
            if self.rng.chance(600) { vec![self.rng.pick(&["eventName", "flag", "s"]).to_owned()] } else { vec![] };
        let stats = Stats { aggregates: (0..=self.rng.below(2)).map(|index| self.compared(index)).collect(), by };
        self.rows_of(&stats);
        let mut commands = vec![Command::Stats(stats)];
        for _ in 0..self.rng.below(3) {
            let command = match self.rng.below(8) {
                0 => self.rename(),
                1 => Command::FillNull { value: None, names: Vec::new() },
                2 => self.common(),
                3 => Command::Fields { keep: true, names: self.fields(4) },
                4 => {
                    let (target, value) = (self.target(), self.value(1));
                    self.made(&target);
                    Command::Eval(vec![(target, value)])
                }
                _ => self.threshold(),
            };
            commands.push(command);
        }
        commands.push(self.threshold());
        Search { base, commands }
    }

    fn compared(&mut self, index: i64) -> Aggregate {
        let function = match self.rng.below(8) {
            0 => self.rng.pick(&BY_EVENT),
            1 | 2 => "count",
            3 => self.rng.pick(&["values", "dc", "max", "min"]),
            4 | 5 => self.rng.pick(&["count", "dc", "values"]),
            _ => self.rng.pick(&AGGREGATES),
        };
        let argument = match self.rng.below(6) {
            0 | 1 if function == "count" => Argument::Nothing,
            2 if function == "count" => Argument::Condition(self.condition(1)),
            _ => Argument::Field(self.rng.pick(&COMPARED).to_owned()),
        };
        Aggregate { function, parameter: None, argument, output: Some(format!("g{index}")) }
    }

    /// A condition on what there is.
    pub(super) fn threshold(&mut self) -> Command {
        if self.rng.chance(300) {
            let terms = (0..=self.rng.below(2)).map(|_| self.bounded()).collect();
            return Command::Search(if self.rng.chance(500) { Terms::All(terms, true) } else { Terms::Any(terms) });
        }
        let mut condition = self.compares();
        while self.rng.chance(300) {
            let other = Box::new(self.compares());
            condition = match self.rng.below(8) {
                0 => Expr::Not(Box::new(condition)),
                1..=4 => Expr::Binary("AND", Box::new(condition), other),
                _ => Expr::Binary("OR", Box::new(condition), other),
            };
        }
        Command::Where(condition)
    }

    fn bounded(&mut self) -> Terms {
        let (op, value) = match self.rng.below(4) {
            0 => ("=", "*"),
            1 => ("=", self.rng.pick(&["a", "1", "5", "a*"])),
            _ => {
                (self.rng.pick(&[">", ">=", ">", ">=", "<", "!="]), self.rng.pick(&["0", "1", "2", "3", "1682380277"]))
            }
        };
        Terms::Compare(self.field(), op, value.to_owned())
    }

    fn compares(&mut self) -> Expr {
        let mut column = Expr::Field(self.field());
        if self.rng.chance(150) {
            column = Expr::Call(self.rng.pick(&["mvcount", "len", "abs"]), vec![column]);
        }
        let limits = ["0", "1", "2", "3", "2", "1682380277"];
        if self.rng.chance(600) {
            let limit = Box::new(Expr::Number(self.rng.pick(&limits)));
            return Expr::Binary(self.rng.pick(&[">", ">="]), Box::new(column), limit);
        }
        let limit = if self.rng.chance(150) { Expr::Field(self.field()) } else { Expr::Number(self.rng.pick(&limits)) };
        let (left, right) = if self.rng.chance(250) { (limit, column) } else { (column, limit) };
        Expr::Binary(self.rng.pick(&[">", ">=", "<", "<=", ">", ">=", "!="]), Box::new(left), Box::new(right))
    }
}
