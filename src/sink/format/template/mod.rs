//! Bodies as the operator's template writes them: Slack, PagerDuty, Teams, or anything that takes JSON.
//!
//! Whatever is printed in a template is written as JSON, quotes included, so a value cannot leave its place; a field
//! that does not exist is an error; the result must be JSON. A template is rendered with a sample when it is loaded.

use std::sync::Arc;

use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter};
use serde_json::Value as Json;

use super::to_json;
use crate::config::TemplateConfig;

const NAME: &str = "template";

/// Instructions that one rendering may take: a template must not be able to stop the pipeline.
const FUEL: u64 = 1_000_000;

/// A risk event of the shape that templates get.
const SAMPLE: &str = include_str!("sample.json");

/// A template that rendered its sample to JSON.
#[derive(Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
    values: Json,
}

impl std::fmt::Debug for Template {
    /// Its values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template")
    }
}

impl Template {
    /// Reads and tries a template.
    ///
    /// # Errors
    /// What is wrong, with file and line; it repeats neither values nor secrets.
    pub(super) fn load(config: &TemplateConfig) -> Result<Self, String> {
        let path = config.path.display();
        let source = std::fs::read_to_string(&config.path).map_err(|error| format!("cannot read {path}: {error}"))?;
        Self::new(source, config).map_err(|problem| format!("{path}{problem}"))
    }

    fn new(source: String, config: &TemplateConfig) -> Result<Self, String> {
        let mut environment = environment();
        environment.add_template_owned(NAME, source).map_err(|error| placed(&error))?;
        let values = config.values.iter().map(|(name, value)| (name.clone(), Json::from(value.0.as_str())));
        let template = Self { environment: Arc::new(environment), values: Json::Object(values.collect()) };
        template.render(SAMPLE.as_bytes()).map_err(|problem| format!("{problem} (with the sample risk event)"))?;
        Ok(template)
    }

    /// The body of a native risk event.
    ///
    /// # Errors
    /// Why the template does not fit it; no text of the event.
    pub(super) fn body(&self, native: &[u8]) -> Result<Vec<u8>, String> {
        self.render(native).map_err(|problem| format!("the template cannot write it: template{problem}"))
    }

    fn render(&self, native: &[u8]) -> Result<Vec<u8>, String> {
        let mut event: Json = serde_json::from_slice(native).map_err(|error| format!(": no risk event: {error}"))?;
        event["delivery_key"] = format!("{}-{}", text(&event["id"]), text(&event["stage"])).into();
        event["values"] = self.values.clone();
        let template = self.environment.get_template(NAME).map_err(|error| placed(&error))?;
        let rendered = template.render(Serde(&event)).map_err(|error| placed(&error))?;
        let json: Json = serde_json::from_str(&rendered)
            .map_err(|error| format!(": line {} of what it renders to is no JSON: {}", error.line(), kind(&error)))?;
        Ok(to_json(&json))
    }
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(as_json);
    // It would print an attacker's text outside of its quotes.
    environment.remove_filter("safe");
    environment.add_filter("limit", limit);
    environment.add_filter("slack", slack);
    environment
}

/// `autoescape` would take an attacker's text out of its quotes as well.
fn as_json(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if *state.auto_escape() == AutoEscape::Json {
        return escape_formatter(out, state, value);
    }
    Err(Error::new(ErrorKind::InvalidOperation, "a template prints as JSON alone: take `autoescape` out"))
}

/// `:7: undefined value`. The error's own words only: its debug form would show the values.
fn placed(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(":{line}"));
    format!("{line}: {}", error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
}

fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it ends too early" } else { "the syntax is wrong" }
}

/// `limit(n)`: at most so many characters, cut with an ellipsis.
fn limit(value: &Value, characters: usize) -> Result<String, Error> {
    let text = shown(value)?;
    if text.chars().count() <= characters {
        return Ok(text);
    }
    Ok(text.chars().take(characters.saturating_sub(1)).chain(['…']).collect())
}

/// `slack(n)`: nothing in it is a mention, a link or a command to Slack, and it is at most so many characters.
fn slack(value: &Value, characters: usize) -> Result<String, Error> {
    let text = shown(value)?;
    let escape = |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    };
    let is_cut = text.chars().map(|c| escape(c).map_or(1, str::len)).sum::<usize>() > characters;
    let (mut escaped, mut left) = (String::new(), characters.saturating_sub(usize::from(is_cut)));
    for c in text.chars() {
        let piece = escape(c);
        let Some(rest) = left.checked_sub(piece.map_or(1, str::len)) else { break };
        left = rest;
        match piece {
            Some(piece) => escaped.push_str(piece),
            None => escaped.push(c),
        }
    }
    escaped.extend(is_cut.then_some('…'));
    Ok(escaped)
}

/// Text as it is, lists joined, what is null as nothing. What is not there is an error, as where it is printed as it is.
fn shown(value: &Value) -> Result<String, Error> {
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::None => String::new(),
        ValueKind::Seq => value.try_iter()?.map(|item| shown(&item)).collect::<Result<Vec<_>, _>>()?.join(", "),
        _ => value.to_string(),
    })
}

#[cfg(test)]
mod tests;
