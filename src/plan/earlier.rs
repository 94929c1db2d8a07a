//! Times before a window begins, which searches with a longer range compare with (AG-5).

use super::error::PlanWarning;
use super::explain::duration;
use super::expr::relative_to;
use crate::spl::ast::{AggregateArgument, Command, Expr, Pipeline, Spanned};

/// A time within some window, an hour like others. (Seconds since 1970)
const SAMPLE: i64 = 1_715_778_000;

/// Warns of `relative_time(now(), "-7d")` and the like: `now()` is the end of the window.
pub(super) fn of(pipeline: &Pipeline, window_ms: i64) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    for command in &pipeline.commands {
        match &command.node {
            Command::Where(condition) => collect(condition, window_ms, &mut warnings),
            Command::Eval(assignments) => {
                assignments.iter().for_each(|(_, expr)| collect(expr, window_ms, &mut warnings));
            }
            Command::Stats(stats) | Command::EventStats(stats) => {
                for aggregate in &stats.aggregates {
                    if let Some(AggregateArgument::Eval(expr)) = &aggregate.node.argument {
                        collect(expr, window_ms, &mut warnings);
                    }
                }
            }
            Command::Append(subsearch) => warnings.extend(of(subsearch, window_ms)),
            Command::Join(join) => warnings.extend(of(&join.subsearch, window_ms)),
            _ => {}
        }
    }
    warnings
}

fn collect(expr: &Spanned<Expr>, window_ms: i64, warnings: &mut Vec<PlanWarning>) {
    match &expr.node {
        Expr::Number(_) | Expr::Text(_) | Expr::Field(_) => {}
        Expr::Unary(_, inner) => collect(inner, window_ms, warnings),
        Expr::Binary(_, left, right) => [left, right].iter().for_each(|side| collect(side, window_ms, warnings)),
        Expr::In(value, items) => {
            std::iter::once(&**value).chain(items).for_each(|item| collect(item, window_ms, warnings));
        }
        Expr::Call(name, arguments) => {
            if name == "relative_time" && is_too_early(arguments, window_ms) {
                let message = format!(
                    "this lies before the window of {} begins, and no event here is as old: now() is the end of the \
                     window; `window` in the detection's settings makes it longer",
                    duration(window_ms)
                );
                warnings.push(PlanWarning { message, span: expr.span.clone() });
            }
            arguments.iter().for_each(|argument| collect(argument, window_ms, warnings));
        }
    }
}

fn is_too_early(arguments: &[Spanned<Expr>], window_ms: i64) -> bool {
    let [Spanned { node: Expr::Call(now, _), .. }, Spanned { node: Expr::Text(specifier), .. }] = arguments else {
        return false;
    };
    let start_ms = SAMPLE * 1000 - (SAMPLE * 1000).rem_euclid(window_ms);
    let end = (start_ms + window_ms) as f64 / 1000.0;
    now == "now" && relative_to(end, specifier).is_some_and(|time| time * 1000.0 < start_ms as f64)
}
