//! Terms of `search`.

use super::Generator;
use crate::ast::Terms;

impl Generator {
    pub(super) fn terms(&mut self, depth: u32) -> Terms {
        match self.rng.below(if depth == 0 { 6 } else { 10 }) {
            0 => {
                let values = (0..=self.rng.below(2)).map(|_| self.searched()).collect();
                Terms::In(self.field(), values)
            }
            1 => {
                let words = ["getuser", "Console x", "iam*amazonaws", "nowhere", "é", "\"a\":\"A\"", "10.0.0"];
                Terms::Raw(self.rng.pick(&words).to_owned())
            }
            2..=5 => self.comparison(),
            6 => Terms::Not(Box::new(self.terms(depth - 1))),
            7 => Terms::Any((0..2 + self.rng.index(2)).map(|_| self.terms(depth - 1)).collect()),
            _ => {
                let explicit = self.rng.chance(300);
                Terms::All((0..2 + self.rng.index(2)).map(|_| self.terms(depth - 1)).collect(), explicit)
            }
        }
    }

    /// The base search: half of them let much pass, so that what follows has something to do.
    pub(super) fn base(&mut self) -> Terms {
        if self.rng.chance(500) { Terms::Everything } else { self.terms(3) }
    }

    fn comparison(&mut self) -> Terms {
        let op = self.rng.pick(&["=", "=", "=", "!=", "!=", "<", "<=", ">", ">="]);
        let value = if op.contains('=') && op.len() < 2 || op == "!=" { self.searched() } else { self.bound() };
        Terms::Compare(self.field(), op, value)
    }

    fn searched(&mut self) -> String {
        match self.rng.below(4) {
            0 => self
                .rng
                .pick(&[
                    "*",
                    "a*",
                    "*B",
                    "*a*",
                    "1*",
                    "*é*",
                    "*.*",
                    "get*",
                    "*USER",
                    "10.*",
                    "10.0.0.0/29",
                    "x*y*",
                    "* y",
                    "*, b*",
                    "*:*/b*",
                ])
                .to_owned(),
            1 => self.rng.below(12).to_string(),
            _ => self.text(),
        }
    }

    fn bound(&mut self) -> String {
        if self.rng.chance(700) {
            self.rng.below(12).to_string()
        } else {
            self.rng.pick(&["a", "B", "é", "2.5"]).to_owned()
        }
    }
}
