//! Times before a window begins, which searches with a longer range compare with (AG-5).

use super::error::PlanWarning;
use super::explain::duration;
use super::expr::relative_to;
use crate::spl::ast::{Command, Expr, Pipeline, Spanned};

/// A time within some window, an hour like others. (Seconds since 1970)
const SAMPLE: i64 = 1_715_778_000;

/// Warns of `relative_time(now(), "-7d")` and the like: `now()` is the end of the window.
pub(super) fn of(pipeline: &Pipeline, window_ms: i64) -> Vec<PlanWarning> {
    let of_command = |command: &Spanned<Command>| {
        let nodes = command.node.expressions().into_iter().flat_map(Spanned::nodes);
        let mut warnings: Vec<_> = nodes.filter_map(|expr| too_early(expr, window_ms)).collect();
        warnings.extend(command.node.subsearch().iter().flat_map(|subsearch| of(subsearch, window_ms)));
        warnings
    };
    pipeline.commands.iter().flat_map(of_command).collect()
}

fn too_early(expr: &Spanned<Expr>, window_ms: i64) -> Option<PlanWarning> {
    let Expr::Call(name, arguments) = &expr.node else { return None };
    (name == "relative_time" && is_too_early(arguments, window_ms)).then(|| {
        let message = format!(
            "this lies before the window of {} begins, and no event here is as old: now() is the end of the window; \
             `window` in the detection's settings makes it longer",
            duration(window_ms)
        );
        PlanWarning { message, span: expr.span.clone() }
    })
}

fn is_too_early(arguments: &[Spanned<Expr>], window_ms: i64) -> bool {
    let [Spanned { node: Expr::Call(now, _), .. }, Spanned { node: Expr::Text(specifier), .. }] = arguments else {
        return false;
    };
    let start_ms = SAMPLE * 1000 - (SAMPLE * 1000).rem_euclid(window_ms);
    let end = (start_ms + window_ms) as f64 / 1000.0;
    now == "now" && relative_to(end, specifier).is_some_and(|time| time * 1000.0 < start_ms as f64)
}
