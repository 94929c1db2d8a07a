//! The parts of a syntax tree, for whoever looks at all of them alike.

use super::ast::{AggregateArgument, Command, Expr, Pipeline, SearchExpr, SearchTerm, Spanned};

impl Command {
    /// The expressions that stand in this command, in its order: those of `where`, of `eval`, and of `eval(...)` within
    /// an aggregate. Those of a subsearch are in the commands of that.
    pub fn expressions(&self) -> Vec<&Spanned<Expr>> {
        match self {
            Self::Where(condition) => vec![condition],
            Self::Eval(assignments) => assignments.iter().map(|(_, expr)| expr).collect(),
            Self::Stats(stats) | Self::EventStats(stats) => {
                let arguments = stats.aggregates.iter().filter_map(|aggregate| aggregate.node.argument.as_ref());
                arguments.filter_map(AggregateArgument::expression).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The search in brackets that this command runs beside its own.
    pub fn subsearch(&self) -> Option<&Pipeline> {
        match self {
            Self::Append(subsearch) => Some(subsearch),
            Self::Join(join) => Some(&join.subsearch),
            _ => None,
        }
    }
}

impl AggregateArgument {
    fn expression(&self) -> Option<&Spanned<Expr>> {
        match self {
            Self::Eval(expr) => Some(expr),
            Self::Field(_) => None,
        }
    }
}

impl Expr {
    /// What this is computed from, in the order written.
    pub fn operands(&self) -> impl Iterator<Item = &Spanned<Self>> {
        let (first, second, rest) = match self {
            Self::Number(_) | Self::Text(_) | Self::Field(_) => (None, None, [].as_slice()),
            Self::Unary(_, inner) => (Some(&**inner), None, [].as_slice()),
            Self::Binary(_, left, right) => (Some(&**left), Some(&**right), [].as_slice()),
            Self::Call(_, arguments) => (None, None, arguments.as_slice()),
            Self::In(value, items) => (Some(&**value), None, items.as_slice()),
        };
        first.into_iter().chain(second).chain(rest)
    }
}

impl Spanned<Expr> {
    /// This expression and all within it, the outer ones before the inner ones.
    pub fn nodes(&self) -> Vec<&Self> {
        let mut nodes = vec![self];
        nodes.extend(self.node.operands().flat_map(Self::nodes));
        nodes
    }
}

impl SearchExpr {
    /// All terms, in the order written.
    pub fn terms(&self) -> Vec<&Spanned<SearchTerm>> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::terms).collect(),
            Self::Not(inner) => inner.terms(),
            Self::Term(term) => vec![term],
        }
    }
}
