//! A status as HTML and as JSON. One template a section, so that what changes can be sent section by section.
//!
//! Everything that is printed is escaped, and characters that act on the order or the visibility of others are written
//! out: names come from files, values of risk events from an attacker.

mod chart;
#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, escape_formatter};

use super::words;
use super::{Health, Index, Status};
use crate::config::LogFormat;
use crate::telemetry::{HarmlessLines, visible};
use chart::Charts;

/// The sections in their order, with their templates.
const SECTIONS: [(&str, &str); 7] = [
    ("headline", include_str!("page/headline.html.j2")),
    ("overview", include_str!("page/overview.html.j2")),
    ("shards", include_str!("page/shards.html.j2")),
    ("sinks", include_str!("page/sinks.html.j2")),
    ("detections", include_str!("page/detections.html.j2")),
    ("events", include_str!("page/events.html.j2")),
    ("about", include_str!("page/about.html.j2")),
];
const DOCUMENT: &str = include_str!("page/document.html.j2");
const INDEX: &str = include_str!("page/index.html.j2");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(templates);

/// A part of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The `id` of its element.
    pub id: &'static str,
    /// The element.
    pub html: String,
}

/// The page of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    title: String,
    at: String,
    /// Of several.
    source: Option<String>,
    sections: Vec<Section>,
}

impl Page {
    /// Writes every section.
    pub fn of(status: &Status) -> Self {
        let context = context! {
            s => Value::from(Serde(status)),
            headline => status.headline(),
            charts => Value::from(Serde(Charts::of(&status.snapshot))),
            scale => scale(status),
        };
        let sections = SECTIONS.map(|(id, _)| Section { id, html: render(id, &context) });
        let title = format!("{} {} · trailrisk", mark(status.health), status.headline());
        let source = status.snapshot.stream.source.clone();
        Self { title, at: status.snapshot.at.clone(), source, sections: sections.into() }
    }

    /// The whole document.
    pub fn document(&self) -> String {
        let html: String = self.sections.iter().map(|section| section.html.as_str()).collect();
        render(
            "document",
            &context! {
                title => self.title.as_str(),
                at => self.at.as_str(),
                source => self.source.as_deref(),
                main => Value::from_safe_string(html),
            },
        )
    }

    /// What differs from an earlier page, as one line of JSON: `title`, `at`, and the sections by id.
    pub fn changes(&self, earlier: Option<&Self>) -> Option<String> {
        let is_new = |section: &&Section| earlier.is_none_or(|earlier| !earlier.sections.contains(section));
        let changed: serde_json::Map<_, _> = self
            .sections
            .iter()
            .filter(is_new)
            .map(|section| (section.id.to_owned(), section.html.clone().into()))
            .collect();
        if changed.is_empty() && earlier.is_some_and(|earlier| earlier.at == self.at) {
            return None;
        }
        let changes = serde_json::json!({"title": visible(&self.title), "at": self.at, "sections": changed});
        Some(harmless(changes.to_string()))
    }
}

/// `/api/status`, with its newline. Nothing in it acts on a terminal, and it means the same.
pub fn json(status: &Status) -> String {
    let text = serde_json::to_string_pretty(status).expect("a status is texts, numbers, lists and structs of them");
    harmless(text) + "\n"
}

/// The page of several sources.
pub(super) fn render_index(index: &Index) -> String {
    render("index", &context! { index => Value::from(Serde(index)), mark => mark(index.health) })
}

pub(super) fn harmless(json: String) -> String {
    let mut bytes = Vec::with_capacity(json.len());
    let written = HarmlessLines::new(LogFormat::Json, &mut bytes).write_all(json.as_bytes());
    written.expect("memory takes everything");
    String::from_utf8(bytes).expect("an escape leaves UTF-8")
}

fn render(name: &str, context: &Value) -> String {
    let template = TEMPLATES.get_template(name).expect("it is compiled in");
    template.render(context).expect("every field that it names is one of a status")
}

fn templates() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(visible(text).into_owned())),
        _ => escape_formatter(out, state, value),
    });
    environment.add_filter("duration", words::duration);
    environment.add_filter("exact", words::exact);
    environment.add_filter("bytes", words::bytes);
    environment.add_filter("number", words::count);
    environment.add_filter("rate", words::rate);
    environment.add_filter("clock", |instant: &str| words::clock(instant).to_owned());
    environment.add_filter("share", |part: f64, whole: f64| {
        (part / whole.max(f64::EPSILON) * 100.0).clamp(0.0, 100.0).round()
    });
    environment.add_filter("prefix", |text: &str, length: usize| text.chars().take(length).collect::<String>());
    environment.add_filter("mark", |health: &str| mark_of(health));
    for (name, source) in SECTIONS.into_iter().chain([("document", DOCUMENT), ("index", INDEX)]) {
        environment.add_template(name, source).expect("the templates are right, as a test shows");
    }
    environment
}

/// What the bars of the shards are measured by: the largest lag, but never less than what would be called behind.
fn scale(status: &Status) -> f64 {
    let lags = status.snapshot.shards.iter().filter_map(|shard| shard.lag_seconds);
    lags.fold(status.snapshot.watermark.expected_lag_seconds + 60.0, f64::max)
}

/// Says the verdict without a colour.
fn mark(health: Health) -> &'static str {
    match health {
        Health::Healthy => "✓",
        Health::Transition => "…",
        Health::Attention => "!",
        Health::Failing => "✕",
    }
}

fn mark_of(health: &str) -> &'static str {
    match health {
        "healthy" => mark(Health::Healthy),
        "transition" => mark(Health::Transition),
        "attention" => mark(Health::Attention),
        _ => mark(Health::Failing),
    }
}
