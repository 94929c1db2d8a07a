//! `config/trailrisk.yaml` against the reader.

use std::collections::BTreeSet;

use super::*;
use crate::config::node::{Data, Node};

const SHIPPED: &str = include_str!("../../../config/trailrisk.yaml");

/// The file with its examples in force.
pub(super) fn with_examples() -> String {
    SHIPPED
        .replace("  settings: []\n", "  settings:\n")
        .replace("  lookups: {}\n", "  lookups:\n")
        .replace("#~ ", "")
        .replace("#~", "")
}

fn read_shipped(text: &str) -> (Config, BTreeSet<String>) {
    let environment = Environment::of([("SOC_TOKEN", "t0ken"), ("SPLUNK_TOKEN", "t0ken")]);
    let (config, known) = read_text(text, Path::new("config/trailrisk.yaml"), &environment, &Overrides::default());
    (config.unwrap_or_else(|error| panic!("{error}")), known)
}

/// Every key that stands in a tree, items as `[]`; keys below `headers` and `lookups` are the operator's.
fn keys_of(node: &Node, path: &str, keys: &mut BTreeSet<String>) {
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| keys_of(item, &format!("{path}[]"), keys)),
        Data::Map(entries)
            if !path.ends_with(".headers") && !path.ends_with(".template_values") && !path.ends_with(".lookups") =>
        {
            for entry in entries {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                keys_of(&entry.value, &path, keys);
                keys.insert(path);
            }
        }
        _ => {}
    }
}

#[test]
fn the_shipped_file_is_valid_with_and_without_its_examples() {
    assert_eq!(read_shipped(SHIPPED).0.sinks.len(), 1);
    let (config, _) = read_shipped(&with_examples());
    assert_eq!((config.sinks.len(), config.detections.settings.len()), (4, 1));
    let [plain, offices] = &*config.detections.lookups else { panic!("two lookups") };
    assert_eq!(
        (plain.name.as_str(), plain.path.as_path()),
        ("service_accounts", Path::new("config/lookups/service_accounts.csv"))
    );
    assert_eq!(offices.match_types, [("network".to_owned(), crate::plan::MatchType::Cidr)].into());
    assert_eq!((plain.case_sensitive, plain.max_matches, &plain.default_match), (true, 100, &None));
    assert_eq!((offices.case_sensitive, offices.max_matches, &offices.default_match), (true, 100, &None));
}

/// YAML ends a bare word at a brace where lists and mappings are written in one line, and says so in words that do not help.
#[test]
fn what_is_substituted_in_flow_style_without_quotes_is_said_to_need_them() {
    let hint = "inside [ ] and { } a `${...}` stands in double quotes";
    for sinks in ["[{name: a, type: webhook, url: https://a.example, auth: {bearer: ${TOKEN}}}]", "[${TOKEN}]"] {
        let problems = problems(read_with("", &[("TRAILRISK_SINKS", sinks)], &[]));
        let is_said = |problem: &String| problem.contains("this is not YAML") && problem.ends_with(hint);
        assert!(problems.iter().any(is_said), "{sinks}: {problems:?}");
    }
    let file = "sinks:\n- {name: a, type: webhook,\n   auth: {bearer: ${TOKEN}}}\n";
    assert!(problems(read_with(file, &[], &[]))[0].ends_with(hint));
    assert!(!problems(read_with("sinks: [{a: b}]]\n", &[], &[]))[0].contains(hint));
}

/// What is copied from the pages has to be YAML: inside `[ ]` and `{ }` a bare word ends at a brace.
#[test]
fn whatever_is_substituted_in_flow_style_is_in_quotes() {
    let bare = regex::Regex::new(r"\[\$\{\w|[{,] ?\w+: \$\{\w").expect("a pattern");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).expect("docs").map(|page| page.expect("readable").path());
    let pages = pages.filter(|page| page.extension().is_some_and(|extension| extension == "md"));
    let others = ["README.md", "deploy/README.md", "config/trailrisk.yaml", "deploy/kubernetes/base/trailrisk.yaml"];
    for page in pages.chain(others.iter().map(|page| root.join(page))) {
        let text = std::fs::read_to_string(&page).expect("UTF-8");
        let found: Vec<&str> = bare.find_iter(&text).map(|found| found.as_str()).collect();
        assert!(found.is_empty(), "{}: {found:?}", page.display());
    }
}

#[test]
fn the_shipped_file_has_exactly_the_keys_that_are_read() {
    let text = with_examples();
    let (_, mut known) = read_shipped(&text);
    let root = Node::parse(&text, &|_| Place::Flag(String::new())).expect("the shipped file is YAML");
    let mut written = BTreeSet::new();
    keys_of(&root, "", &mut written);
    // A form of `source.start` that its comment shows.
    known.remove("source.start.at_timestamp");
    // A form of a webhook's `auth` that its comment shows.
    known.remove("sinks[].auth.basic");
    // Another type of `dead_letter`, which its comment shows.
    known.retain(|key| !["dead_letter.url", "dead_letter.region", "dead_letter.endpoint_url"].contains(&key.as_str()));
    known.retain(|key| !key.starts_with("detections.lookups."));
    assert_eq!(written, known);
    assert!(known.len() > 60, "the reader asked for {} keys", known.len());
}

#[test]
fn the_shipped_values_are_the_defaults() {
    let least = LEAST.replace("[d]", "[detections], macros: macros.yaml").replace("name: out", "name: stdout");
    let (shipped, _) = read_shipped(SHIPPED);
    let (least, _) = read_shipped(&least);
    assert_eq!(shipped.canonical(), least.canonical());
    assert_eq!(format!("{shipped:?}"), format!("{least:?}"));
}

#[test]
fn the_shipped_example_of_a_webhook_has_the_defaults() {
    let webhook = "- {name: soc, type: webhook, stages: [final], min_severity: medium, \
                   url: 'https://soc.example.com/hooks/trailrisk', auth: {bearer: '${SOC_TOKEN}'}, headers: {X-Source: trailrisk}}";
    let least = LEAST.replace("[{name: out, type: stdout}]", &format!("\n  {webhook}"));
    let (shipped, least) = (read_shipped(&with_examples()).0, read_shipped(&least).0);
    let webhook = shipped.sinks.iter().find(|sink| sink.name == "soc").expect("the example");
    assert_eq!(format!("{webhook:?}"), format!("{:?}", least.sinks[0]));
}

#[test]
fn the_shipped_example_of_splunk_has_the_defaults() {
    let splunk = "- {name: splunk, type: splunk_hec, stages: [final], url: 'https://splunk.example.com:8088', \
                  token: '${SPLUNK_TOKEN}'}";
    let least = LEAST.replace("[{name: out, type: stdout}]", &format!("\n  {splunk}"));
    let (shipped, least) = (read_shipped(&with_examples()).0, read_shipped(&least).0);
    let example = shipped.sinks.iter().find(|sink| sink.name == "splunk");
    assert_eq!(format!("{example:?}"), format!("{:?}", least.sinks.first()));
}

#[test]
fn splunks_risk_index_gets_finals_alone_unless_stages_are_named() {
    let stages = |more: &str| {
        let splunk = format!("{{name: s, type: splunk_hec, url: 'https://x/', token: t{more}}}");
        read_shipped(&LEAST.replace("{name: out, type: stdout}", &splunk)).0.sinks[0].stages.clone()
    };
    assert_eq!(stages(""), Stage::ALL);
    assert_eq!(stages(", variant: risk"), [Stage::Final]);
    assert_eq!(stages(", variant: risk, stages: [early]"), [Stage::Early]);
}
