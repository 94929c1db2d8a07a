//! A file's annotations: what it says, and what Splunk derives where it says nothing.

use super::attack;
use super::reader::Reader;
use crate::yaml::Node;

/// The annotations of a risk event.
pub(super) struct Annotations {
    pub(super) mitre_attack: Vec<String>,
    pub(super) kill_chain_phases: Vec<String>,
    pub(super) nist: Vec<String>,
    pub(super) cis20: Vec<String>,
    pub(super) analytic_story: Vec<String>,
}

/// Reads the annotations of a file of type `kind`. They stand at its top (2026) or under `tags` (before).
pub(super) fn annotations<'t>(reader: &mut Reader<'t>, root: Node<'t>, kind: &str) -> Annotations {
    let mut texts = |key: &str| {
        let place = [Some(root), root.get("tags")].into_iter().flatten().find(|parent| parent.get(key).is_some());
        place.map(|parent| reader.texts(parent, key)).unwrap_or_default()
    };
    let mitre_attack = texts("mitre_attack_id");
    Annotations {
        kill_chain_phases: or_else(texts("kill_chain_phases"), || attack::kill_chain_phases(&mitre_attack)),
        nist: or_else(texts("nist"), || vec![nist(kind).to_owned()]),
        cis20: or_else(texts("cis20"), || vec![cis20(root).to_owned()]),
        analytic_story: texts("analytic_story"),
        mitre_attack,
    }
}

fn or_else(given: Vec<String>, derived: impl FnOnce() -> Vec<String>) -> Vec<String> {
    if given.is_empty() { derived() } else { given }
}

/// Continuous monitoring for what stands alone, adverse event analysis for what adds to a picture.
fn nist(kind: &str) -> &'static str {
    if kind == "TTP" { "DE.CM" } else { "DE.AE" }
}

/// Network monitoring and defence, or malware defences.
fn cis20(root: Node<'_>) -> &'static str {
    let domain = [Some(root), root.get("tags")].into_iter().flatten().find_map(|parent| parent.get("security_domain"));
    if domain.and_then(Node::text) == Some("network") { "CIS 13" } else { "CIS 10" }
}
