//! Conditions and values of `eval`.

use super::Generator;
use crate::ast::Expr;

const PATTERNS: [&str; 8] = ["^a", "b$", "[0-9]+", "(a)(b)?", ".", "^$", "(?i)A", "("];
const FORMATS: [&str; 5] = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%H:%M %a %b", "%F %T", "%s%%"];

impl Generator {
    pub(super) fn condition(&mut self, depth: u32) -> Expr {
        if depth > 0 && self.rng.chance(400) {
            let op = self.rng.pick(&["AND", "OR", "XOR", "NOT"]);
            let left = Box::new(self.condition(depth - 1));
            return match op {
                "NOT" => Expr::Not(left),
                op => Expr::Binary(op, left, Box::new(self.condition(depth - 1))),
            };
        }
        let below = depth.saturating_sub(1);
        match self.rng.below(18) {
            0 => Expr::Call(self.rng.pick(&["isnull", "isnotnull"]), vec![self.value(below)]),
            1 => Expr::Call(self.rng.pick(&["isnum", "isint", "isstr"]), vec![self.value(below)]),
            2 => Expr::Call("like", vec![self.value(below), self.like()]),
            3 => Expr::Binary("LIKE", Box::new(self.value(below)), Box::new(self.like())),
            4 => Expr::Call("match", vec![self.value(below), self.pattern()]),
            5 => Expr::In(Box::new(Expr::Field(self.field())), self.values(below, 2)),
            6 => Expr::Call("in", [vec![self.value(below)], self.values(below, 2)].concat()),
            7 => {
                let network = self.rng.pick(&["10.0.0.0/8", "10.0.0.8/29", "0.0.0.0/0", "10.0.0.1/32", "x"]);
                let address = if self.rng.chance(700) { Expr::Field("ip".to_owned()) } else { self.value(below) };
                Expr::Call("cidrmatch", vec![Expr::Text(network.to_owned()), address])
            }
            8 if !self.rows => Expr::SearchMatch(self.terms(1)),
            9 => Expr::Call(self.rng.pick(&["true", "false"]), Vec::new()),
            _ => {
                let op = self.rng.pick(&["=", "=", "!=", "<", "<=", ">", ">="]);
                Expr::Binary(op, Box::new(self.value(below)), Box::new(self.value(below)))
            }
        }
    }

    pub(super) fn value(&mut self, depth: u32) -> Expr {
        if depth == 0 || self.rng.chance(250) {
            return match self.rng.below(6) {
                0 => Expr::Number(self.rng.pick(&["0", "1", "2", "3.5", "10", "0.1", "1000000", "1e3"])),
                1 => Expr::Text(self.text()),
                _ => Expr::Field(self.field()),
            };
        }
        let below = depth - 1;
        match self.rng.below(12) {
            0..=2 => {
                let op = self.rng.pick(&["+", "-", "*", "/", "%", ".", "."]);
                Expr::Binary(op, Box::new(self.value(below)), Box::new(self.value(below)))
            }
            3 => Expr::Minus(Box::new(self.value(below))),
            4..=5 => self.choice(below),
            6..=7 => self.of_text(below),
            8..=9 => self.of_several(below),
            10 => self.of_number(below),
            _ => self.conversion(below),
        }
    }

    fn values(&mut self, depth: u32, most: i64) -> Vec<Expr> {
        (0..=self.rng.below(most)).map(|_| self.value(depth)).collect()
    }

    fn like(&mut self) -> Expr {
        let pattern = self.rng.pick(&["a%", "%b", "%", "_", "a_", "%.%", "5", ""]);
        if self.rng.chance(900) { Expr::Text(pattern.to_owned()) } else { Expr::Field(self.field()) }
    }

    fn pattern(&mut self) -> Expr {
        if self.rng.chance(950) {
            return Expr::Text(PATTERNS[self.rng.index(PATTERNS.len() - 1)].to_owned());
        }
        // From a field, where what is no pattern is known only when it runs.
        Expr::Field("s".to_owned())
    }

    fn choice(&mut self, depth: u32) -> Expr {
        match self.rng.below(5) {
            0 => Expr::Call("coalesce", self.values(depth, 3)),
            1 => Expr::Call("nullif", vec![self.value(depth), self.value(depth)]),
            2 => {
                let pairs = 1 + self.rng.index(2);
                Expr::Call("case", (0..pairs).flat_map(|_| [self.condition(depth), self.value(depth)]).collect())
            }
            _ => Expr::Call("if", vec![self.condition(depth), self.value(depth), self.value(depth)]),
        }
    }

    fn of_text(&mut self, depth: u32) -> Expr {
        let text = self.value(depth);
        match self.rng.below(6) {
            0 => Expr::Call(self.rng.pick(&["lower", "upper", "len"]), vec![text]),
            1 => {
                let mut arguments = vec![text, Expr::Number(self.rng.pick(&["1", "2", "3", "9", "0"]))];
                if self.rng.chance(300) {
                    arguments[1] = Expr::Minus(Box::new(Expr::Number(self.rng.pick(&["1", "2", "9"]))));
                }
                if self.rng.chance(500) {
                    arguments.push(Expr::Number(self.rng.pick(&["0", "1", "2", "9"])));
                }
                Expr::Call("substr", arguments)
            }
            2 => Expr::Call(self.rng.pick(&["trim", "ltrim", "rtrim"]), vec![text]),
            3 => {
                let set = self.rng.pick(&["a", "ab", " 7", "é"]);
                Expr::Call(self.rng.pick(&["trim", "ltrim", "rtrim"]), vec![text, Expr::Text(set.to_owned())])
            }
            _ => {
                let with = self.rng.pick(&["", "<\\0>", "\\1-\\2", "$0", "é"]);
                Expr::Call("replace", vec![text, self.pattern(), Expr::Text(with.to_owned())])
            }
        }
    }

    fn of_several(&mut self, depth: u32) -> Expr {
        let one = self.value(depth);
        let index = |generator: &mut Self| {
            let index = Expr::Number(generator.rng.pick(&["0", "1", "2", "5"]));
            if generator.rng.chance(300) { Expr::Minus(Box::new(index)) } else { index }
        };
        match self.rng.below(11) {
            0 => Expr::Call(self.rng.pick(&["mvcount", "mvdedup", "mvsort"]), vec![one]),
            1 => Expr::Call("mvappend", [vec![one], self.values(depth, 2)].concat()),
            2 => Expr::Call("mvindex", vec![one, index(self)]),
            3 => Expr::Call("mvindex", vec![one, index(self), index(self)]),
            4 => Expr::Call("mvjoin", vec![one, Expr::Text(self.rng.pick(&["", ",", "+"]).to_owned())]),
            5 => Expr::Call("mvfind", vec![one, Expr::Text(PATTERNS[self.rng.index(6)].to_owned())]),
            6 => {
                let field = self.field();
                let condition = match self.rng.below(3) {
                    0 => Expr::Call("match", vec![Expr::Field(field), Expr::Text("^[a5]".to_owned())]),
                    1 => Expr::Not(Box::new(Expr::In(Box::new(Expr::Field(field)), vec![Expr::Text(self.text())]))),
                    _ => Expr::Binary("<", Box::new(Expr::Field(field)), Box::new(Expr::Number("6"))),
                };
                Expr::Call("mvfilter", vec![condition])
            }
            7 => {
                let mut arguments = vec![one, self.value(depth)];
                if self.rng.chance(500) {
                    arguments.push(Expr::Text(self.rng.pick(&["", "-", ", "]).to_owned()));
                }
                Expr::Call("mvzip", arguments)
            }
            8 => {
                let field = Expr::Field(self.field());
                let each = match self.rng.below(4) {
                    0 => Expr::Call("upper", vec![field.clone()]),
                    1 => Expr::Binary("+", Box::new(field.clone()), Box::new(Expr::Number("1"))),
                    2 => Expr::Call("split", vec![field.clone(), Expr::Text("a".to_owned())]),
                    _ => Expr::Binary(".", Box::new(field.clone()), Box::new(Expr::Text("x".to_owned()))),
                };
                Expr::Call("mvmap", vec![field, each])
            }
            _ => Expr::Call("split", vec![one, Expr::Text(self.rng.pick(&["", ",", "a", ":"]).to_owned())]),
        }
    }

    fn of_number(&mut self, depth: u32) -> Expr {
        let one = self.value(depth);
        match self.rng.below(5) {
            0 => Expr::Call("round", vec![one, Expr::Number(self.rng.pick(&["0", "1", "2"]))]),
            1 => Expr::Call("pow", vec![one, Expr::Number(self.rng.pick(&["0", "1", "2", "3"]))]),
            2 => Expr::Call(self.rng.pick(&["min", "max"]), [vec![one], self.values(depth, 2)].concat()),
            _ => Expr::Call(self.rng.pick(&["round", "floor", "ceil", "ceiling", "abs", "sqrt"]), vec![one]),
        }
    }

    fn conversion(&mut self, depth: u32) -> Expr {
        let text = |text: &str| Expr::Text(text.to_owned());
        match self.rng.below(9) {
            0 => Expr::Call("tonumber", vec![self.value(depth)]),
            1 => Expr::Call("tonumber", vec![self.value(depth), Expr::Number(self.rng.pick(&["2", "10", "16", "36"]))]),
            2 => Expr::Call("tostring", vec![self.condition(depth)]),
            3 => {
                let format = self.rng.pick(&["hex", "commas", "duration"]);
                Expr::Call("tostring", vec![self.value(depth), text(format)])
            }
            4 => Expr::Call("now", Vec::new()),
            5 => Expr::Call("strptime", vec![Expr::Field("when".to_owned()), text(FORMATS[self.rng.index(2)])]),
            6 => {
                let time = if self.rng.chance(500) { Expr::Field("_time".to_owned()) } else { self.value(depth) };
                Expr::Call("strftime", vec![time, text(self.rng.pick(&FORMATS))])
            }
            7 => {
                let time = if self.rng.chance(500) { Expr::Field("_time".to_owned()) } else { self.value(depth) };
                let specifier = self.rng.pick(&["-1d@d", "@h", "-90m", "@w", "+2h@m", "-1w", "@d-1s"]);
                Expr::Call("relative_time", vec![time, text(specifier)])
            }
            _ => Expr::Call("tostring", vec![self.value(depth)]),
        }
    }
}
