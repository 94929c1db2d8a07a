//! Which events are shown: those that a search finds.

use crate::cloudtrail::Event;
use crate::plan::{Plan, PlanText, RiskModel};
use crate::spl::ast::Span;
use crate::spl::{Macros, caret_snippet, expand, lint, parse};

/// A compiled search over single events.
#[derive(Debug)]
pub struct Filter {
    plan: Plan,
    warnings: Vec<String>,
}

/// The search of `--search` cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("--search cannot be run: {message}")]
pub struct FilterError {
    message: String,
}

/// Where the search sets no window itself; `now()` is the end of an event's window.
const WINDOW_MS: i64 = 3_600_000;

impl Filter {
    /// Compiles a search with its macros. Commands from the first `stats` on decide nothing: an event is found if it
    /// would count.
    ///
    /// # Errors
    /// Where the search is wrong or not supported, with the place.
    pub fn compile(search: &str, macros: &Macros) -> Result<Self, FilterError> {
        let failed = |message: &str, snippet: String, help: Option<&String>| FilterError {
            message: described(message, &snippet, help),
        };
        let expansion = expand(search, macros)
            .map_err(|error| failed(&error.message, caret_snippet(search, &error.span), error.help.as_ref()))?;
        let plan = Plan::compile(&text(&expansion.text)).map_err(|error| {
            let place = expansion.origin_of(error.span.clone());
            failed(&error.message, caret_snippet(search, &place), error.help.as_ref())
        })?;
        let lints = parse(&expansion.text).map(|pipeline| lint(&pipeline, &expansion.text)).unwrap_or_default();
        let lints = lints.into_iter().map(|lint| (lint.message, lint.span, Some(lint.help)));
        let of_plan = plan.warnings().iter().map(|warning| (warning.message.clone(), warning.span.clone(), None));
        let shown = |(message, span, help): (String, Span, Option<String>)| {
            described(&message, &caret_snippet(search, &expansion.origin_of(span)), help.as_ref())
        };
        let warnings = lints.chain(of_plan).map(shown).collect();
        Ok(Self { plan, warnings })
    }

    /// What is hardly meant, each with its place: such a search mostly finds nothing.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether the search finds the event.
    pub fn finds(&self, event: &Event) -> bool {
        self.plan.evaluate(event).is_some()
    }
}

fn described(message: &str, snippet: &str, help: Option<&String>) -> String {
    let help = help.map(|help| format!("\n  = help: {help}")).unwrap_or_default();
    format!("{message}\n{snippet}{help}")
}

fn text(search: &str) -> PlanText {
    PlanText {
        id: "tail".to_owned(),
        name: "tail".to_owned(),
        version: 1,
        kind: "Hunting".to_owned(),
        search: search.to_owned(),
        filters: Vec::new(),
        risk: RiskModel {
            message: String::new(),
            score: 0.0,
            impact: None,
            confidence: None,
            risk_objects: Vec::new(),
            threat_objects: Vec::new(),
            mitre_attack: Vec::new(),
            kill_chain_phases: Vec::new(),
            nist: Vec::new(),
            cis20: Vec::new(),
            analytic_story: Vec::new(),
        },
        lookups: Vec::new(),
        window_ms: WINDOW_MS,
        grace_ms: 0,
        max_future_skew_ms: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::{DecodeLimits, decode};

    fn found(search: &str) -> Vec<String> {
        let event = |id: &str, name: &str, user: &str| {
            format!(
                r#"{{"eventVersion":"1.08","eventID":"{id}","eventName":"{name}","eventSource":"x.amazonaws.com","eventTime":"2026-01-31T12:00:00Z","userIdentity":{{"userName":"{user}"}}}}"#
            )
        };
        let lines =
            [event("1", "ConsoleLogin", "alice"), event("2", "ConsoleLogin", "bob"), event("3", "GetObject", "bob")];
        let filter = Filter::compile(search, &Macros::built_in()).unwrap_or_else(|error| panic!("{error}"));
        let decoded = decode(lines.join("\n").as_bytes(), &DecodeLimits::default());
        decoded.events.iter().filter(|event| filter.finds(event)).map(|event| event.id().to_string()).collect()
    }

    #[test]
    fn a_search_of_terms_finds_what_splunk_would() {
        assert_eq!(found("eventName=ConsoleLogin"), ["1", "2"]);
        assert_eq!(found("eventName=consolelogin NOT userIdentity.userName=alice"), ["2"]);
        assert_eq!(found("*"), ["1", "2", "3"]);
        assert_eq!(found("bob"), ["2", "3"]);
    }

    #[test]
    fn commands_over_events_and_macros_count_too() {
        assert_eq!(found("`cloudtrail` eventName=* | where user_name=\"bob\" | search eventName=Get*"), ["3"]);
    }

    #[test]
    fn a_whole_detection_finds_the_events_that_it_counts() {
        assert_eq!(
            found("`cloudtrail` eventName=ConsoleLogin | stats count by user_name | where count > 5"),
            ["1", "2"]
        );
    }

    #[test]
    fn what_is_wrong_is_shown_in_its_place() {
        for (wrong, word) in
            [("eventName=(", "^"), ("* | transaction user", "transaction"), ("`no_such_macro`", "no_such_macro")]
        {
            let error = Filter::compile(wrong, &Macros::built_in()).expect_err(wrong).to_string();
            assert!(error.starts_with("--search cannot be run: ") && error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_hardly_meant_is_shown_in_its_place() {
        let warnings = |search: &str| match Filter::compile(search, &Macros::built_in()) {
            Ok(filter) => filter.warnings().to_vec(),
            Err(error) => panic!("{error}"),
        };
        for (doubtful, word) in [
            ("eventName=ConsoleLogin or eventName=GetObject", "`or` in lower case"),
            ("eventName=ConsoleLogin where user=bob", "`where` among search terms"),
            ("EventName=ConsoleLogin", "did you mean eventName"),
        ] {
            let warnings = warnings(doubtful);
            assert!(
                matches!(&*warnings, [only] if only.contains(word) && only.contains('^')),
                "{doubtful}: {warnings:#?}"
            );
        }
        let sound = warnings("`cloudtrail` eventName=ConsoleLogin | where user_name=\"bob\"");
        assert!(sound.is_empty(), "{sound:#?}");
    }
}
