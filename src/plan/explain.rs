//! A plan in words, for `trailrisk explain`. Stable: a function of the plan's text.

use std::fmt::Write;

use super::branch::bin_cuts_windows;
use super::compile::Plan;
use super::conclude::Stage;
use super::early::Early;
use super::expiry;
use super::leg::Leg;
use super::parts::filter_of;
use crate::spl::ast::Span;

impl Plan {
    /// The compiled plan, readable: what is matched, computed, grouped, announced, and what it is worth. Several lines
    /// of text, ended by a line feed.
    pub fn explain(&self) -> String {
        let (main, subsearches) = self.legs.split_first().expect("a plan has a search");
        let mut text = self.explain_head() + &line("filter", &main.base) + &self.explain_prefilter();
        text += &self.explain_lookups();
        text += &self.explain_leg(main);
        for leg in subsearches {
            text += &line(&format!("subsearch {}", leg.number), &leg.base);
            text += &self.explain_leg(leg);
        }
        text + &self.explain_emission() + &self.explain_risk() + &self.explain_warnings()
    }

    fn explain_head(&self) -> String {
        let text = &self.text;
        let name = format!("{} (id {}, version {}, {})", text.name, text.id, text.version, text.kind);
        line("detection", name) + &line("fingerprint", self.fingerprint())
    }

    fn explain_prefilter(&self) -> String {
        let literals = match self.required_literals() {
            Some(literals) => {
                format!("a record is parsed only if it holds {}, in any case", quoted(&literals).join(" or "))
            }
            None => "none: every record is parsed".into(),
        };
        line("prefilter", literals)
    }

    fn explain_lookups(&self) -> String {
        let lookups = self.text.lookups.iter().map(|table| table.describe());
        if self.text.lookups.is_empty() { String::new() } else { list("lookups", lookups) }
    }

    fn explain_leg(&self, leg: &Leg) -> String {
        let groups = match (leg.has_stats, leg.by.is_empty()) {
            (false, _) => "every event by itself".into(),
            (true, true) => "all events of a window together".into(),
            (true, false) => leg.by.join(", "),
        };
        let columns = leg.aggregates.iter().map(|aggregate| match &aggregate.span {
            Some(span) => self.source(span),
            None => aggregate.output.to_string(),
        });
        let window = if leg.number == 0 { self.explain_window(leg) } else { String::new() };
        list("per event", leg.event_commands.iter().map(|span| self.command_text(span)))
            + &window
            + &line("group by", groups)
            + &list(if leg.has_stats { "aggregates" } else { "columns" }, columns)
            + &list("per row", leg.row_steps.iter().map(|step| self.command_text(&step.span)))
            + &self.explain_stages(leg)
    }

    fn explain_window(&self, leg: &Leg) -> String {
        let source = if bin_cuts_windows(&leg.branches, &leg.by) { "bin _time" } else { "the settings" };
        let (window, grace) = (duration(self.window_ms), duration(self.text.grace_ms));
        line("window", format!("{window} from {source}; complete {grace} after its end"))
    }

    fn explain_stages(&self, leg: &Leg) -> String {
        let over_all = leg.stages.iter().flat_map(|stage| match stage {
            Stage::Rows(steps) => steps.iter().map(|step| self.command_text(&step.span)).collect(),
            Stage::All(_, span) => vec![self.source(span)],
            Stage::Append(subsearch, span) => vec![self.with_subsearch(span, *subsearch)],
            Stage::Join(join, span) => vec![self.with_subsearch(span, join.leg)],
        });
        if leg.stages.is_empty() { String::new() } else { list("over all rows", over_all) }
    }

    /// `join user [subsearch 1]`
    fn with_subsearch(&self, span: &Span, subsearch: u32) -> String {
        let text = self.source(span);
        let command = text.split_once('[').map_or(text.as_str(), |(command, _)| command);
        format!("{} [subsearch {subsearch}]", command.trim_end())
    }

    fn explain_emission(&self) -> String {
        let early = match self.early() {
            Early::FirstMatch => "at the first match".into(),
            Early::Threshold => "as soon as a group's row passes; more events cannot take it back".into(),
            Early::AtClose(reason) => format!("not before the window is complete: {reason}"),
        };
        line("early", early) + &line("final", "when the window is complete, for every row that passes")
    }

    fn explain_risk(&self) -> String {
        let risk = &self.text.risk;
        let objects = risk.risk_objects.iter().map(|o| format!("{} ({}), score {}", o.field, o.kind, o.score));
        let threats = risk.threat_objects.iter().map(|o| format!("{} ({})", o.field, o.kind));
        line("risk", format!("score {}, {}", risk.score, risk.severity().as_str()))
            + &line("message", &risk.message)
            + &list("risk objects", objects)
            + &list("threat objects", threats)
    }

    fn explain_warnings(&self) -> String {
        let warnings = self.warnings().iter().map(|warning| warning.message.clone());
        if self.warnings().is_empty() { String::new() } else { list("warnings", warnings) }
    }

    fn command_text(&self, span: &Span) -> String {
        let text = self.source(span);
        match filter_of(&self.text, span).and_then(|filter| self.text.filters.get(filter)) {
            Some(filter) => match expiry::of(&self.text, span) {
                Some(expires) => format!("{text}  ({}, in windows that end by {expires})", filter.name),
                // What a filter that nobody defines stands for.
                None if text == "search *" => format!("{text}  ({}, which hides nothing)", filter.name),
                None => format!("{text}  ({})", filter.name),
            },
            None => text,
        }
    }

    /// What is written there. A subsearch alone is one that `multisearch` or `union` merges, as `append` does.
    fn source(&self, span: &Span) -> String {
        let text = one_line(self.text.search.get(span.clone()).unwrap_or_default());
        if text.starts_with('[') { format!("append {text}") } else { text }
    }
}

const INDENT: usize = 16;

/// One line, whatever the text holds: a name with a line break must not pass for the next one.
fn line(title: &str, text: impl std::fmt::Display) -> String {
    format!("{title:<INDENT$}{}\n", text.to_string().replace(['\n', '\r'], " "))
}

fn list(title: &str, items: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for (index, item) in items.enumerate() {
        let title = if index == 0 { title } else { "" };
        writeln!(text, "{title:<INDENT$}{item}").expect("writing to a string does not fail");
    }
    if text.is_empty() { line(title, "-") } else { text }
}

fn quoted(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| format!("\"{text}\"")).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Milliseconds in the largest unit that divides them: `1h`, `5m`, `90s`.
pub(super) fn duration(millis: i64) -> String {
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis != 0 && millis % size == 0 {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}
