use super::*;
use crate::status::{LastError, RecentEvent};

const EXAMPLE: &str = include_str!("../../../docs/status.example.json");
/// Markup, quotes, escape sequences, directions, invisible characters.
const HOSTILE: &str =
    "\"'></td><script>alert(1)</script><img src=x onerror=alert(1)>{{ s }}\u{1b}[2J\u{9b}\u{202e}txt\u{2066}\u{200b}\0";

fn example() -> Status {
    serde_json::from_str(EXAMPLE).expect("the documented example is a status")
}

/// The example with the hostile text wherever a text can come from outside.
fn hostile() -> Status {
    let mut status = example();
    let text = || HOSTILE.to_owned();
    let snapshot = &mut status.snapshot;
    status.findings[0].text = text();
    status.findings[1].name = Some(text());
    snapshot.stream.name = text();
    snapshot.about.worker = text();
    snapshot.shards[0].id = text();
    (snapshot.shards[0].failure, snapshot.shards[0].request_id) = (Some(text()), Some(text()));
    snapshot.sinks[0].name = text();
    snapshot.sinks[0].last_error = Some(LastError { at: text(), text: text() });
    let detection = &mut snapshot.detections[0];
    (detection.id, detection.name, detection.file, detection.reason) = (text(), text(), Some(text()), Some(text()));
    detection.mitre_attack = vec![text()];
    let event = snapshot.risk_events.as_mut().expect("shown").first_mut().expect("one");
    (event.detection, event.pane, event.mitre_attack) = (text(), text(), vec![text()]);
    event.group = vec![(text(), text())];
    status
}

fn assert_harmless(text: &str) {
    let acts = |c: char| {
        c.is_control() && c != '\n' || matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.chars().any(acts), "{text}");
}

/// Every field is written and read under its documented name: nothing is missing from the example, nothing is left over.
#[test]
fn the_documented_example_is_the_whole_shape() {
    let written: serde_json::Value = serde_json::from_str(&json(&example())).expect("JSON");
    let documented: serde_json::Value = serde_json::from_str(EXAMPLE).expect("JSON");
    assert_eq!(written, documented);
    let page = include_str!("../../../docs/status.md");
    let mut names = std::collections::BTreeSet::new();
    fields(&documented, &mut names);
    let missing: Vec<_> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/status.md does not explain {missing:?}");
}

fn fields(value: &serde_json::Value, names: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            fields(value, names);
        }),
        serde_json::Value::Array(items) => items.iter().for_each(|item| fields(item, names)),
        _ => {}
    }
}

#[test]
fn threat_1_hostile_text_is_text_on_the_page_and_in_json() {
    let status = hostile();
    let page = Page::of(&status);
    let html = page.document();
    assert_harmless(&html);
    let own = Page::of(&example()).document();
    for (tag, count) in [("<script", 1), ("<img", 1), ("</td>", own.matches("</td>").count())] {
        assert_eq!(html.matches(tag).count(), count, "{tag} only where the page has its own");
    }
    assert!(!html.contains(" onerror=alert(1)>"), "no attribute either");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"), "it is shown");
    assert!(html.contains("\\u{202e}txt"), "what acts is written out");
    assert_harmless(&json(&status));
    assert_eq!(serde_json::from_str::<Status>(&json(&status)).expect("JSON"), status, "and means the same");
    let changes = page.changes(None).expect("everything is new");
    assert_harmless(&changes);
    assert!(!changes.contains('\n'), "a line of a stream");
}

#[test]
fn nothing_on_the_page_needs_what_its_policy_forbids() {
    let html = Page::of(&example()).document();
    for forbidden in [" style=", "<style", " onclick", "javascript:", "src=\"http", "href=\"//"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert_eq!(html.matches("<script ").count(), 1);
    assert!(html.contains("<script src=\"status.js\" defer></script>"));
}

#[test]
fn the_page_says_what_is_at_fault_and_what_to_do() {
    let html = Page::of(&example()).document();
    for shown in [
        "Behind by 3 min: shardId-...02 is stalled since 12:01 UTC",
        "runbook.md#trailriskshardstalled",
        "holds the watermark",
        "best effort",
        "circuit open",
        "1,834,112 records",
        "T1119",
        "the command `eventstats` is not supported",
    ] {
        assert!(html.contains(shown), "{shown}\n{html}");
    }
    assert!(html.contains("<title>✕ Behind by 3 min"), "the tab says it too");
}

/// What comes below the shards must be found, however many there are.
#[test]
fn hundreds_of_shards_are_folded_behind_those_that_are_at_fault() {
    let mut status = example();
    let shards = &mut status.snapshot.shards;
    let open = shards[2].clone();
    shards.truncate(1);
    shards.extend((1..20).map(|_| open.clone()));
    assert!(!Page::of(&status).document().contains("more shard"), "twenty are shown");
    status.snapshot.shards.push(crate::status::Shard { id: "shardId-000000000999".to_owned(), ..open });
    let html = Page::of(&status).document();
    let (shown, folded) = html.split_once("<summary>1 more shard</summary>").expect("the rest is folded");
    assert!(shown.contains("shardId-000000000002") && !shown.contains("shardId-000000000999"), "{html}");
    assert!(folded.contains("shardId-000000000999"), "{html}");
    assert_eq!(html.matches("<details").count(), html.matches("</details>").count());
}

#[test]
fn without_risk_events_the_page_says_why() {
    let mut status = example();
    status.snapshot.risk_events = None;
    let html = Page::of(&status).document();
    assert!(html.contains("admin.status_events") && !html.contains("198.51.100.23"));
    status.snapshot.risk_events = Some(Vec::<RecentEvent>::new());
    assert!(Page::of(&status).document().contains("None since the process began."));
}

#[test]
fn a_daemon_that_has_read_nothing_has_a_page() {
    let mut status = example();
    (status.findings, status.health) = (Vec::new(), Health::Healthy);
    status.snapshot = crate::status::Snapshot::default();
    assert!(Page::of(&status).document().contains("not every shard was read"));
}

#[test]
fn only_the_sections_that_changed_are_sent() {
    let mut status = example();
    let first = Page::of(&status);
    let ids = |changes: Option<String>| -> Vec<String> {
        let changes: serde_json::Value = serde_json::from_str(&changes.expect("changes")).expect("JSON");
        changes["sections"].as_object().expect("by id").keys().cloned().collect()
    };
    assert_eq!(ids(first.changes(None)).len(), SECTIONS.len());
    assert_eq!(Page::of(&status).changes(Some(&first)), None, "the same moment");
    status.snapshot.sinks[0].acknowledged += 1;
    assert_eq!(ids(Page::of(&status).changes(Some(&first))), ["sinks"]);
    status.snapshot.sinks[0].acknowledged -= 1;
    status.snapshot.at = "2026-11-24T12:04:25.118Z".to_owned();
    assert_eq!(ids(Page::of(&status).changes(Some(&first))), [""; 0], "a sign of life");
}
