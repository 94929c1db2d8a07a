use serde_json::json;

use super::*;
use crate::config::Secret;
use crate::plan::Scalar;
use crate::risk_event::{RiskEvent, RiskObject, ThreatObject};
use crate::sink::format::{native, schema};
use crate::sink::testing::{meta, seed_event};

const SLACK: &str = include_str!("../../../../config/templates/slack.json.j2");
const PAGERDUTY: &str = include_str!("../../../../config/templates/pagerduty.json.j2");
const TEAMS: &str = include_str!("../../../../config/templates/teams.json.j2");
const HOSTILE: &str =
    "\"},{\"x\":1}\n\r\\ <!channel> <https://evil|click> & [a](https://evil) \u{1b}[2J\u{202e}{{ id }}";

fn template(source: &str) -> Result<Template, String> {
    let values = vec![("routing_key".to_owned(), Secret("r0uting".to_owned()))];
    Template::new(source.to_owned(), &TemplateConfig { path: "t".into(), values })
}

fn rendered(source: &str, event: &RiskEvent) -> Json {
    let body = template(source).unwrap().body(&native::line(event, &meta())).unwrap();
    assert!(!body.iter().any(|byte| byte.is_ascii_control()), "one line, and safe for a terminal");
    assert!(!String::from_utf8_lossy(&body).contains('\u{202e}'));
    serde_json::from_slice(&body).unwrap()
}

/// Hostile and long text in every place, and more objects than fit.
fn hostile_event(text: &str) -> RiskEvent {
    let value = || Scalar::text(text);
    let risk = RiskObject { value: value(), ..seed_event().risk_objects[0].clone() };
    let threat = ThreatObject { value: value(), ..seed_event().threat_objects[0].clone() };
    RiskEvent {
        risk_message: text.to_owned(),
        risk_objects: vec![risk; 12],
        threat_objects: vec![threat; 12],
        ..seed_event()
    }
}

/// Bytes of a request.
fn size(source: &str, event: &RiskEvent) -> usize {
    template(source).unwrap().body(&native::line(event, &meta())).unwrap().len()
}

/// Of characters of four bytes, and of those that JSON writes in six: as much as an event of CloudTrail may hold.
fn costly_texts() -> [String; 2] {
    [("🦀", 4), ("\u{1}", 6)].map(|(character, bytes)| character.repeat(256 * 1024 / bytes))
}

/// Every text in a JSON.
fn texts(json: &Json) -> Vec<&str> {
    match json {
        Json::String(text) => vec![text],
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        Json::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_sample_is_a_risk_event() {
    schema::check_risk_event(SAMPLE.as_bytes());
}

#[test]
fn values_are_json_wherever_they_are_printed() {
    let source = r#"{"a": {{ risk_message }}, "b": {{ risk_score }}, "c": {{ impact }}, "d": {{ "x" ~ risk_message }}, "e": {{ delivery_key }}}"#;
    let json = rendered(source, &hostile_event(HOSTILE));
    assert_eq!((&json["a"], &json["d"]), (&json!(HOSTILE), &json!(format!("x{HOSTILE}"))));
    assert_eq!((&json["b"], &json["c"]), (&json!(64.0), &json!(80)));
    assert_eq!(json["e"], "0123456789abcdef0123456789abcdef-final");
}

#[test]
fn a_template_that_is_wrong_is_refused_when_it_is_loaded_with_its_line() {
    for (source, expected) in [
        ("{\n\"a\": {{ nothing }}\n}", ":2: "),
        ("{\n\"a\": {{ row.nothing }}\n}", ":2: "),
        ("{\n\n\"a\": {% if %}\n}", ":3: "),
        ("{\n\"a\": {{ id | safe }}\n}", ":2: "),
        ("{\n\"a\": 1,\n}", ": line 3 of what it renders to is no JSON"),
        ("", ": line 1 of what it renders to is no JSON: it ends too early"),
        ("{% for i in range(9000) %}{% for j in range(9000) %}{% endfor %}{% endfor %}1", ""),
    ] {
        let problem = template(source).expect_err(source);
        assert!(
            problem.starts_with(expected) && problem.contains("sample") || problem.starts_with(expected),
            "{problem}"
        );
        assert!(!problem.contains("r0uting"), "{problem}");
    }
    assert!(template(r#"{"a": {{ row.nothing | default("-") }}}"#).is_ok(), "what may be absent has a default");
}

/// `docs/security.md`, 2.
#[test]
fn threat_2_no_template_turns_the_escape_off() {
    for mode in ["false", "'none'", "'html'"] {
        let source = format!("{{\"a\":\n\"{{% autoescape {mode} %}}{{{{ id }}}}{{% endautoescape %}}\"}}");
        let problem = template(&source).expect_err(&source);
        assert!(problem.starts_with(":2: a template prints as JSON alone"), "{problem}");
    }
    let json =
        rendered(r#"{"a": {% autoescape 'json' %}{{ risk_message }}{% endautoescape %}}"#, &hostile_event(HOSTILE));
    assert_eq!(json["a"], HOSTILE, "what changes nothing is nothing wrong");
}

#[test]
fn an_event_that_a_template_does_not_fit_is_an_error_without_its_text() {
    let template = template(r#"{"a": {{ row.count }}}"#).unwrap();
    let event = RiskEvent { row: Vec::new(), ..hostile_event("s3cret") };
    let problem = template.body(&native::line(&event, &meta())).unwrap_err();
    assert!(problem.contains(":1: ") && !problem.contains("s3cret"), "{problem}");
}

#[test]
fn a_member_that_does_not_exist_is_an_error_behind_every_filter() {
    for filter in ["limit(3)", "slack(3)"] {
        let problem = template(&format!(r#"{{"a": {{{{ risk_mesage | {filter} }}}}}}"#)).err();
        assert!(problem.as_ref().is_some_and(|problem| problem.contains("undefined")), "{filter}: {problem:?}");
    }
}

#[test]
fn slacks_filter_escapes_and_never_cuts_an_escape() {
    let filtered = |text: &str, characters| slack(&Value::from(text), characters).expect("it is there");
    assert_eq!(filtered("<!channel> & x", 100), "&lt;!channel&gt; &amp; x");
    assert_eq!(filtered("ab<cd", 5), "ab…", "`&lt;` does not fit");
    assert_eq!([filtered("ab", 2), filtered("a<", 5), filtered("abc", 2)], ["ab", "a&lt;", "a…"]);
    for characters in 1..40 {
        assert!(filtered(&"é<&>".repeat(20), characters).chars().count() <= characters);
    }
}

#[test]
fn the_slack_template_keeps_slacks_limits_and_mentions_nobody() {
    for event in [seed_event(), hostile_event(HOSTILE), hostile_event(&"<&".repeat(1 << 14)), hostile_event("")] {
        let message = rendered(SLACK, &event);
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
        let section = blocks[1]["text"]["text"].as_str().unwrap();
        assert!((1..=3000).contains(&section.chars().count()));
        let fields = blocks[2]["fields"].as_array().unwrap();
        assert!(fields.len() <= 10 && fields.iter().all(|f| f["text"].as_str().unwrap().chars().count() <= 2000));
        assert!(texts(&message).iter().all(|text| !text.contains('<') && !text.contains('>')), "{message}");
    }
}

#[test]
fn the_pagerduty_template_triggers_one_alert_an_id() {
    let event = rendered(PAGERDUTY, &seed_event());
    assert_eq!((&event["routing_key"], &event["event_action"]), (&json!("r0uting"), &json!("trigger")));
    assert_eq!(event["dedup_key"], "0123456789abcdef0123456789abcdef");
    let payload = &event["payload"];
    assert_eq!((&payload["severity"], &payload["source"]), (&json!("error"), &json!("111111111111")));
    assert_eq!(payload["timestamp"], "2023-04-24T23:51:17Z");
    let hostile = rendered(PAGERDUTY, &hostile_event(&"x".repeat(5000)));
    assert!(hostile["payload"]["summary"].as_str().unwrap().chars().count() <= 1024);
    let nobody = RiskEvent { risk_objects: Vec::new(), ..seed_event() };
    assert_eq!(rendered(PAGERDUTY, &nobody)["payload"]["source"], "AWS");
}

/// 512 KB an event; a larger one is refused with 400, and would page nobody.
#[test]
fn threat_2_no_value_makes_the_pagerduty_event_too_large() {
    for text in costly_texts() {
        let evidence = vec![seed_event().evidence[0].clone(); 1000];
        let event = RiskEvent { evidence, ..hostile_event(&text) };
        let bytes = size(PAGERDUTY, &event);
        assert!(bytes <= 512 * 1000, "{bytes}");
    }
}

#[test]
fn threat_2_no_value_makes_the_teams_card_too_large() {
    for text in costly_texts() {
        let bytes = size(TEAMS, &hostile_event(&text));
        assert!(bytes <= 28 * 1000, "{bytes}");
    }
}

#[test]
fn the_teams_template_is_a_card_without_markdown() {
    for event in [seed_event(), hostile_event(HOSTILE), hostile_event(&"é".repeat(1 << 15))] {
        let message = rendered(TEAMS, &event);
        assert!(message.to_string().len() <= 28 * 1024, "{}", message.to_string().len());
        let card = &message["attachments"][0]["content"];
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        assert!(card["body"].as_array().unwrap().iter().all(|block| block["type"] == "RichTextBlock"));
    }
}
