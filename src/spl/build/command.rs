//! Commands, one function each.

use super::{Pair, Rule, Spanned, SplError, expr, inner, search, span, spanned_text, text};
use crate::spl::ast::{Aggregate, AggregateArgument, BinSpan, Command, Conversion, StatsCommand};
use crate::spl::build::option::{bin_span, no_options, option};
use crate::spl::build::{lookup, rewritten, rows, subsearch};
use crate::spl::error::nearest;
use crate::spl::parser::SUPPORTED_COMMANDS;

type Result<T> = std::result::Result<T, SplError>;

/// The command of a pair of one of the rules of `known`.
pub(super) fn command(pair: Pair<'_>) -> Result<Spanned<Command>> {
    let span = trimmed_span(&pair);
    let node = match pair.as_rule() {
        Rule::search_command => Command::Search(search::expr(inner(pair, Rule::search_expr))?),
        Rule::where_command => Command::Where(expr::expr(inner(pair, Rule::expr))?),
        Rule::eval_command => Command::Eval(children(pair, Rule::assignment, assignment)?),
        Rule::rename_command => Command::Rename(children(pair, Rule::rename_pair, rename)?),
        Rule::fields_command => fields(pair),
        Rule::table_command => Command::Table(names(inner(pair, Rule::name_list))),
        Rule::fillnull_command => fillnull(pair)?,
        Rule::bin_command => bin(pair)?,
        Rule::stats_command => Command::Stats(stats(pair)?),
        Rule::convert_command => convert(pair)?,
        Rule::eventstats_command => Command::EventStats(stats(pair)?),
        Rule::spath_command => rows::spath(&pair)?,
        Rule::mvexpand_command => rows::mvexpand(&pair)?,
        Rule::rex_command => rows::rex(&pair)?,
        Rule::regex_command => rewritten::regex(&pair)?,
        Rule::makemv_command => rewritten::makemv(&pair)?,
        Rule::dedup_command => rows::dedup(&pair)?,
        Rule::sort_command => rows::sort(pair)?,
        Rule::head_command => rows::head(&pair)?,
        Rule::append_command => subsearch::append(&pair)?,
        Rule::join_command => subsearch::join(&pair)?,
        Rule::lookup_command => Command::Lookup(lookup::lookup(&pair)?),
        _ => return Err(unsupported(inner(pair, Rule::command_name))),
    };
    Ok(Spanned { node, span })
}

/// Pest's span of a rule that ends in an optional part includes the blanks before it.
pub(super) fn trimmed_span(pair: &Pair<'_>) -> super::Span {
    let start = pair.as_span().start();
    start..start + pair.as_str().trim_end().len()
}

pub(super) fn children<T>(pair: Pair<'_>, rule: Rule, build: fn(Pair<'_>) -> Result<T>) -> Result<Vec<T>> {
    pair.into_inner().filter(|part| part.as_rule() == rule).map(build).collect()
}

pub(super) fn names(list: Pair<'_>) -> Vec<Spanned<String>> {
    list.into_inner().filter(|part| part.as_rule() == Rule::name).map(|name| spanned_text(&name)).collect()
}

fn assignment(pair: Pair<'_>) -> Result<(Spanned<String>, Spanned<crate::spl::ast::Expr>)> {
    let mut parts = pair.into_inner();
    let target = spanned_text(&parts.next().expect("an assignment begins with its field"));
    let value = parts.next_back().expect("an assignment ends with its expression");
    Ok((target, expr::expr(value)?))
}

fn rename(pair: Pair<'_>) -> Result<(Spanned<String>, Spanned<String>)> {
    let place = span(&pair);
    let mut both = names(pair).into_iter();
    let mut next = || both.next().expect("a pair has two names");
    let (from, to) = (next(), next());
    let wildcards = |name: &Spanned<String>| name.node.matches('*').count();
    if wildcards(&from) != wildcards(&to) {
        let message = format!("`{}` and `{}` have different numbers of wildcards", from.node, to.node);
        return Err(
            SplError::syntax(message, place).with_help("each `*` of the new name is filled by one of the old name")
        );
    }
    Ok((from, to))
}

fn fields(pair: Pair<'_>) -> Command {
    let keep = !pair.clone().into_inner().any(|part| part.as_rule() == Rule::sign && part.as_str() == "-");
    Command::Fields { keep, fields: names(inner(pair, Rule::name_list)) }
}

fn fillnull(pair: Pair<'_>) -> Result<Command> {
    let value = option(&pair, "value")?.map_or_else(|| "0".to_owned(), |value| value.node);
    no_options(&pair, &["value"])?;
    let fields = pair.into_inner().find(|part| part.as_rule() == Rule::name_list).map(names).unwrap_or_default();
    Ok(Command::FillNull { value, fields })
}

fn bin(pair: Pair<'_>) -> Result<Command> {
    no_options(&pair, &["span"])?;
    let place = trimmed_span(&pair);
    let size = option(&pair, "span")?;
    let output = pair.clone().into_inner().find(|part| part.as_rule() == Rule::bin_output);
    let output = output.map(|output| spanned_text(&inner(output, Rule::name)));
    let field = spanned_text(&inner(inner(pair, Rule::bin_field), Rule::name));
    let Some(size) = size else {
        return Err(SplError::syntax("bin needs a span", place)
            .with_help("for example `bin _time span=5m`; choosing the size of bins by the data is not supported"));
    };
    let span: BinSpan = bin_span(&size, field.node == "_time")?;
    Ok(Command::Bin { field, span, output })
}

fn stats(pair: Pair<'_>) -> Result<StatsCommand> {
    no_options(&pair, &[])?;
    let by = pair.clone().into_inner().find(|part| part.as_rule() == Rule::by_clause);
    let by = by.map(|clause| names(inner(clause, Rule::name_list))).unwrap_or_default();
    Ok(StatsCommand { aggregates: children(pair, Rule::aggregate, aggregate)?, by })
}

fn aggregate(pair: Pair<'_>) -> Result<Spanned<Aggregate>> {
    let span = trimmed_span(&pair);
    let (mut written, mut argument, mut output, mut text_of_argument) = ("", None, None, None);
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::aggregate_name => written = part.as_str(),
            Rule::aggregate_args => (argument, text_of_argument) = aggregate_argument(part)?,
            Rule::name => output = Some(text(&part)),
            _ => {}
        }
    }
    let (function, parameter) = aggregate_function(written);
    let output = output.unwrap_or_else(|| match text_of_argument {
        Some(argument) => format!("{written}({argument})"),
        None => written.to_owned(),
    });
    Ok(Spanned { node: Aggregate { function, parameter, argument, output }, span })
}

/// The argument, and its text for the column's default name.
fn aggregate_argument(pair: Pair<'_>) -> Result<(Option<AggregateArgument>, Option<String>)> {
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::name => return Ok((Some(AggregateArgument::Field(text(&part))), Some(text(&part)))),
            Rule::aggregate_eval => {
                let written = part.as_str().trim_end().to_owned();
                let argument = expr::expr(inner(part, Rule::expr))?;
                return Ok((Some(AggregateArgument::Eval(argument)), Some(written)));
            }
            _ => {}
        }
    }
    Ok((None, None))
}

/// `perc95` is `perc` with 95; the synonyms that Splunk documents become the one name that it shows.
fn aggregate_function(written: &str) -> (String, Option<f64>) {
    let lower = written.to_ascii_lowercase();
    let name = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let parameter = lower[name.len()..].parse::<f64>().ok();
    match (name, parameter) {
        ("p" | "perc" | "percentile", Some(percent)) => ("perc".to_owned(), Some(percent)),
        ("exactperc" | "upperperc", Some(percent)) => (name.to_owned(), Some(percent)),
        _ => (synonym(&lower).to_owned(), None),
    }
}

fn synonym(function: &str) -> &str {
    match function {
        "c" => "count",
        "distinct_count" => "dc",
        "mean" => "avg",
        other => other,
    }
}

/// What `convert` uses where the search sets no `timeformat`.
const DEFAULT_TIMEFORMAT: &str = "%m/%d/%Y %H:%M:%S";

fn convert(pair: Pair<'_>) -> Result<Command> {
    no_options(&pair, &["timeformat"])?;
    let timeformat = option(&pair, "timeformat")?.map_or_else(|| DEFAULT_TIMEFORMAT.to_owned(), |format| format.node);
    Ok(Command::Convert { timeformat, conversions: children(pair, Rule::conversion, conversion)? })
}

fn conversion(pair: Pair<'_>) -> Result<Spanned<Conversion>> {
    let span = trimmed_span(&pair);
    let function = inner(pair.clone(), Rule::conversion_name).as_str().to_ascii_lowercase();
    let mut both = names(pair).into_iter().map(|name| name.node);
    let field = both.next().expect("a conversion has a field");
    Ok(Spanned { node: Conversion { function, field, output: both.next() }, span })
}

/// Commands that Splunk has: refused as what they are.
const OTHER_COMMANDS: [&str; 57] = [
    "abstract",
    "accum",
    "addcoltotals",
    "addinfo",
    "addtotals",
    "anomalies",
    "anomalydetection",
    "appendcols",
    "appendpipe",
    "autoregress",
    "chart",
    "cluster",
    "collect",
    "contingency",
    "datamodel",
    "delta",
    "eventcount",
    "extract",
    "fieldformat",
    "fieldsummary",
    "foreach",
    "format",
    "from",
    "fromjson",
    "geostats",
    "inputcsv",
    "inputlookup",
    "iplocation",
    "kmeans",
    "loadjob",
    "makeresults",
    "map",
    "metadata",
    "mstats",
    "mvcombine",
    "nomv",
    "outputcsv",
    "outputlookup",
    "predict",
    "rangemap",
    "rare",
    "replace",
    "rest",
    "reverse",
    "savedsearch",
    "selfjoin",
    "sendemail",
    "streamstats",
    "strcat",
    "tail",
    "timechart",
    "tojson",
    "top",
    "transaction",
    "tstats",
    "untable",
    "xyseries",
];

/// Why a stream does not have them, or what to write instead; the others are merely missing.
const REASONS: [(&str, &str); 23] = [
    ("chart", COUNT_BY),
    ("fieldformat", "it changes only what Splunk shows; leave it out, or write `eval`"),
    ("iplocation", "it needs a database of places; a lookup with match_type CIDR may do"),
    ("nomv", "write `eval x=mvjoin(x, \" \")`"),
    ("rare", COUNT_BY),
    ("timechart", "write `bin _time span=<span> | stats <aggregates> by _time`"),
    ("top", COUNT_BY),
    ("addinfo", "it tells the time range of a search, and a stream has none; now() is the end of the window"),
    ("anomalies", HISTORY),
    ("anomalydetection", HISTORY),
    ("collect", HISTORY),
    ("loadjob", HISTORY),
    ("outputcsv", HISTORY),
    ("outputlookup", HISTORY),
    ("predict", HISTORY),
    ("transaction", HISTORY),
    (
        "inputlookup",
        "rows come from events alone, and what other searches keep in a table is a history longer than a window; \
                     fields of a table come with `lookup`",
    ),
    ("appendcols", "it pairs the rows of two searches by their place alone"),
    ("streamstats", ORDER),
    ("accum", ORDER),
    ("autoregress", ORDER),
    ("delta", ORDER),
    ("tstats", "it reads Splunk's accelerated data models; events come from the stream"),
];
const COUNT_BY: &str = "write `stats count by <fields> | sort 10 -count`";
const ORDER: &str = "it depends on the order in which events arrive";
const HISTORY: &str = "it needs a history longer than a window";

fn unsupported(name: Pair<'_>) -> SplError {
    let word = name.as_str();
    let supported = format!("supported are {}", SUPPORTED_COMMANDS.join(", "));
    if OTHER_COMMANDS.contains(&word.to_ascii_lowercase().as_str()) {
        let reason = REASONS.iter().find(|(command, _)| word.eq_ignore_ascii_case(command));
        let reason = reason.map_or_else(String::new, |(_, reason)| format!(": {reason}"));
        return SplError::unsupported(format!("the command `{word}` is not supported{reason}"), span(&name))
            .with_help(supported);
    }
    let help = match nearest(word, SUPPORTED_COMMANDS.into_iter().chain(OTHER_COMMANDS)) {
        Some(near) if OTHER_COMMANDS.contains(&near) => {
            format!("did you mean `{near}`? it is not supported; {supported}")
        }
        Some(near) => format!("did you mean `{near}`? {supported}"),
        None => supported,
    };
    SplError::unsupported(format!("`{word}` is not a known command"), span(&name)).with_help(help)
}
