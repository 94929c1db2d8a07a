//! Options of commands (`span=5m`, `value=0`, `timeformat="..."`).

use super::{Pair, Rule, Spanned, SplError, inner, span, text};
use crate::spl::ast::BinSpan;
use crate::spl::error::nearest;

/// The value of the command's option of that name, which may stand before or after the fields, once.
pub(super) fn option(command: &Pair<'_>, name: &str) -> Result<Option<Spanned<String>>, SplError> {
    let mut found = None;
    for option in options(command).filter(|option| key(option).as_str().eq_ignore_ascii_case(name)) {
        if found.is_some() {
            return Err(SplError::syntax(format!("`{name}` is given twice"), span(&option)));
        }
        let value = inner(option, Rule::option_value);
        found = Some(Spanned { node: text(&value), span: span(&value) });
    }
    Ok(found)
}

/// The value of an option that is a whole number.
pub(super) fn number_option(command: &Pair<'_>, name: &str) -> Result<Option<u64>, SplError> {
    let Some(value) = option(command, name)? else { return Ok(None) };
    let number = value.node.parse();
    number.map(Some).map_err(|_| SplError::syntax(format!("`{name}` is a whole number"), value.span))
}

/// The value of an option that is true or false, however Splunk lets that be written.
pub(super) fn bool_option(command: &Pair<'_>, name: &str) -> Result<Option<bool>, SplError> {
    let Some(value) = option(command, name)? else { return Ok(None) };
    match value.node.to_ascii_lowercase().as_str() {
        "t" | "true" | "1" => Ok(Some(true)),
        "f" | "false" | "0" => Ok(Some(false)),
        _ => Err(SplError::syntax(format!("`{name}` is true or false"), value.span)),
    }
}

/// Refuses every option that is not one of `known`.
pub(super) fn no_options(command: &Pair<'_>, known: &[&str]) -> Result<(), SplError> {
    let unknown =
        options(command).find(|option| !known.iter().any(|name| key(option).as_str().eq_ignore_ascii_case(name)));
    let Some(unknown) = unknown else { return Ok(()) };
    let key = key(&unknown);
    let message = format!("the option `{}` is not supported here", key.as_str());
    let help = match nearest(key.as_str(), known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "leave it out".to_owned(),
        None => format!("supported is `{}=`", known.join("=`, `")),
    };
    Err(SplError::unsupported(message, span(&key)).with_help(help))
}

fn options<'t>(command: &Pair<'t>) -> impl Iterator<Item = Pair<'t>> {
    command.clone().into_inner().filter(|part| part.as_rule() == Rule::option)
}

fn key<'t>(option: &Pair<'t>) -> Pair<'t> {
    inner(option.clone(), Rule::option_key)
}

/// The span of `bin`. A plain number is seconds where the field is `_time`.
pub(super) fn bin_span(written: &Spanned<String>, is_time: bool) -> Result<BinSpan, SplError> {
    let text = written.node.as_str();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let size = number.parse::<f64>().ok().filter(|size| *size > 0.0 && *size <= MAX_SPAN);
    let span = match (size, unit, is_time) {
        (Some(size), "", false) => Some(BinSpan::Number(size)),
        (Some(size), "", true) => whole_millis(size, 1000.0),
        (Some(size), unit, _) => unit_millis(unit).and_then(|millis| whole_millis(size, millis)),
        (None, ..) => None,
    };
    span.ok_or_else(|| {
        let message = format!("`{text}` is not a span");
        let help = "a span is a number with a unit of fixed length, at least 1 ms: ms, s, m, h, d or w (months and snapping are not supported)";
        SplError::syntax(message, written.span.clone()).with_help(help)
    })
}

/// Beyond any use, and far from overflow.
const MAX_SPAN: f64 = 1e12;

fn whole_millis(size: f64, unit: f64) -> Option<BinSpan> {
    let millis = size * unit;
    ((1.0..=MAX_SPAN).contains(&millis) && millis.fract() == 0.0).then_some(BinSpan::Time(millis as i64))
}

fn unit_millis(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 1.0,
        "cs" => 10.0,
        "ds" => 100.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        "w" | "week" | "weeks" => 604_800_000.0,
        _ => return None,
    })
}
