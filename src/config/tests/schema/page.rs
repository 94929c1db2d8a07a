//! `docs/configuration.md`: its entries are made from the schema. `UPDATE_DOCS=1` in the environment writes them anew.

use super::keys::{NAMED_SOURCE, Variant};
use super::*;
use crate::app::Exit;
use crate::config::environment::variable_of;

const PAGE: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- Below: made from configuration.schema.json by a test. -->\n";

/// The headings, each with what the keys below it begin with.
const SECTIONS: [(&str, &str); 11] = [
    ("source", "source."),
    ("detections", "detections."),
    ("detections.lookups", "detections.lookups.*."),
    ("detections.settings", "detections.settings[]."),
    ("sinks", "sinks[]."),
    ("dead_letter", "dead_letter."),
    ("checkpoint", "checkpoint."),
    ("limits", "limits."),
    ("admin", "admin."),
    ("log", "log."),
    ("shutdown", "shutdown."),
];

/// A key, and of sinks and dead letters the types that have it.
struct Entry {
    key: Key,
    types: Vec<&'static str>,
}

fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // The keys of one of several sources stand below `source`.
    let variants = VARIANTS.iter().filter(|variant| variant.prefix != NAMED_SOURCE);
    for (variant, key) in variants.flat_map(|variant| variant.keys().into_iter().map(move |key| (variant, key))) {
        match entries.iter_mut().find(|entry| entry.key.path == key.path) {
            Some(entry) => entry.types.push(variant.name),
            None => entries.push(Entry { types: types(variant), key }),
        }
    }
    entries.sort_by(|a, b| a.key.path.cmp(&b.key.path));
    entries
}

fn types(variant: &Variant) -> Vec<&'static str> {
    if variant.prefix.is_empty() { Vec::new() } else { vec![variant.name] }
}

fn kind(key: &Key) -> String {
    let kind = key.schema["type"][0].as_str().or(key.schema["type"].as_str());
    match (key.definition.as_str(), kind) {
        ("path" | "one_path", _) => "Path".to_owned(),
        ("duration" | "size", _) => {
            let mut kind = key.definition.clone();
            kind[..1].make_ascii_uppercase();
            kind
        }
        ("flag", _) => "`true` or `false`".to_owned(),
        _ if !key.words().is_empty() && key.path != "source.start" => {
            let words: Vec<String> = key.words().into_iter().map(|word| format!("`{word}`")).collect();
            format!("One of {}", words.join(", "))
        }
        (_, Some("integer")) => "Number".to_owned(),
        (_, Some("array")) => "List".to_owned(),
        (_, Some("object")) => "Mapping".to_owned(),
        _ if key.path == "detections.reload_interval" => "Duration or `off`".to_owned(),
        _ if key.path == "detections.macros" => "Path or list of paths".to_owned(),
        _ if key.path == "source.start" => "`latest`, `trim_horizon` or a mapping".to_owned(),
        _ => "Text".to_owned(),
    }
}

fn default(key: &Key) -> String {
    match key.schema.get("default") {
        None => "required".to_owned(),
        Some(Value::Null) => "optional".to_owned(),
        Some(Value::String(text)) => format!("default `{text}`"),
        Some(other) => format!("default `{}`", other.to_string().replace('"', "").replace(',', ", ")),
    }
}

fn entry(entry: &Entry) -> String {
    let key = &entry.key;
    let description = key.schema["description"].as_str().expect("it has one");
    let (range, description) = match key.range() {
        Some((least, most)) => {
            let range = format!("{least} to {most}");
            (format!(", {range}"), description.trim_end_matches('.').trim_end_matches(&range).trim_end())
        }
        None => (String::new(), description),
    };
    let variable =
        if key.path.contains(['[', '*']) { String::new() } else { format!(" `{}`.", variable_of(&key.path)) };
    let all = VARIANTS.iter().filter(|variant| variant.has(&key.path)).count();
    let of = if entry.types.len() == all || entry.types.is_empty() {
        String::new()
    } else {
        format!(" Of type `{}`.", entry.types.join("`, `"))
    };
    format!("### `{}`\n\n{}{range}; {}.{variable}{of}\n\n{description}\n", key.path, kind(key), default(key))
}

fn rendered() -> String {
    let entries = entries();
    let mut text = String::new();
    for (heading, prefix) in SECTIONS {
        let reload =
            if prefix.starts_with("detections.") { "A reload takes these keys." } else { "A change needs a restart." };
        let several =
            if heading == "source" { "Each item of [`sources`](#several-streams) has these keys. " } else { "" };
        text += &format!("\n## {heading}\n\n{several}{reload}\n");
        let is_deeper =
            |path: &str| SECTIONS.iter().any(|(_, other)| other.len() > prefix.len() && path.starts_with(other));
        for of_section in entries.iter().filter(|entry| entry.key.path.starts_with(prefix)) {
            if !is_deeper(&of_section.key.path) {
                text += &format!("\n{}", entry(of_section));
            }
        }
    }
    text
}

#[test]
fn the_page_has_an_entry_for_every_key_that_says_what_the_schema_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page");
    let (above, below) = page.split_once(BEGIN).expect("the line that says what is made");
    let rendered = rendered();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{above}{BEGIN}{rendered}")).expect("the page is writable");
        return;
    }
    assert!(below == rendered, "{PAGE} is out of date: UPDATE_DOCS=1 cargo test --lib the_page_has_an_entry writes it");
    for entry in entries().iter().filter(|entry| entry.key.path.contains('.')) {
        assert!(rendered.contains(&format!("### `{}`\n", entry.key.path)), "{} is in no section", entry.key.path);
    }
}

#[test]
fn the_page_says_every_exit_code_and_every_variable_beside_the_keys() {
    let page = include_str!("../../../../docs/configuration.md");
    for exit in [Exit::Ok, Exit::Failed, Exit::Usage, Exit::Internal, Exit::DeadlineMissed, Exit::Config] {
        assert!(page.contains(&format!("\n| {} | ", exit as u8)), "{exit:?}");
    }
    for variable in
        ["TRAILRISK_CONFIG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "HOSTNAME", "NO_COLOR", "CLICOLOR_FORCE"]
    {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}
