//! The risk model of a file, whichever of the three generations of the schema it is in.

use super::annotations::annotations;
use super::problem::ProblemSeverity;
use super::reader::{Reader, first_line};
use super::{RiskModel, RiskObjectSpec, ThreatObjectSpec};
use crate::yaml::Node;

/// For who writes a first detection; the fields are columns of its rows.
const EXAMPLE: &str = r#"rba: {message: "$user$ did it from $src$", risk_objects: [{field: user, type: user, score: 50}], threat_objects: [{field: src, type: ip_address}]}"#;

/// A risk model with the nodes that its problems point at.
pub(super) struct Risk<'t> {
    pub(super) model: RiskModel,
    /// The node that holds the message; none where the detection's name stands in for one.
    pub(super) message: Option<Node<'t>>,
    /// Each field that names an object, as the file writes it.
    pub(super) fields: Vec<Node<'t>>,
}

/// What the generations differ in.
#[derive(Default)]
struct Parts<'t> {
    message: Option<Node<'t>>,
    score: Option<f64>,
    impact: Option<u32>,
    confidence: Option<u32>,
    risk_objects: Vec<RiskObjectSpec>,
    threat_objects: Vec<ThreatObjectSpec>,
    fields: Vec<Node<'t>>,
}

/// Reads the risk model of a file of type `kind`. Problems are noted in `reader`.
pub(super) fn risk<'t>(reader: &mut Reader<'t>, root: Node<'t>, name: &str, kind: &str) -> Risk<'t> {
    let parts = parts(reader, root, kind);
    let text = parts.message.and_then(Node::text);
    let largest = parts.risk_objects.iter().map(|object| object.score).fold(0.0, f64::max);
    let annotations = annotations(reader, root, kind);
    let model = RiskModel {
        message: text.map_or_else(|| name.to_owned(), |text| text.trim().to_owned()),
        score: parts.score.unwrap_or(largest),
        impact: parts.impact,
        confidence: parts.confidence,
        risk_objects: parts.risk_objects,
        threat_objects: parts.threat_objects,
        mitre_attack: annotations.mitre_attack,
        kill_chain_phases: annotations.kill_chain_phases,
        nist: annotations.nist,
        cis20: annotations.cis20,
        analytic_story: annotations.analytic_story,
    };
    Risk { model, message: parts.message, fields: parts.fields }
}

fn parts<'t>(reader: &mut Reader<'t>, root: Node<'t>, kind: &str) -> Parts<'t> {
    let of_tags = ["impact", "confidence", "message", "observable"];
    let tags = root.get("tags").filter(|tags| of_tags.iter().any(|key| tags.get(key).is_some()));
    if root.get("finding").is_some() || root.get("intermediate_findings").is_some() {
        findings(reader, root)
    } else if let Some(rba) = root.get("rba") {
        risk_based_alerting(reader, rba)
    } else if let Some(tags) = tags {
        observables(reader, tags)
    } else {
        if kind != "Hunting" {
            let message = format!(
                "a detection of type {kind} needs its risk: `finding`, `rba`, or `tags` with impact, confidence, message and observable"
            );
            let help = format!("for example: {EXAMPLE}");
            reader.problem(0..0, ProblemSeverity::Error, message, Some(help));
        }
        Parts::default()
    }
}

/// 2021 to 2024: `tags`.
fn observables<'t>(reader: &mut Reader<'t>, tags: Node<'t>) -> Parts<'t> {
    let impact = reader.percentage(tags, "impact");
    let confidence = reader.percentage(tags, "confidence");
    let score = impact.zip(confidence).map(|(impact, confidence)| impact * confidence / 100.0);
    warn_of_other_score(reader, tags, score);
    let mut parts = Parts {
        message: message(reader, tags, "message"),
        score,
        impact: impact.map(|impact| impact as u32),
        confidence: confidence.map(|confidence| confidence as u32),
        ..Parts::default()
    };
    for observable in reader.list(tags, "observable") {
        let roles = reader.texts(observable, "role");
        let (Some(field), Some(written)) =
            (reader.required_text(observable, "name"), reader.required_text(observable, "type"))
        else {
            continue;
        };
        let (field, kind) = (field.into(), object_type(written).into());
        parts.fields.extend(observable.get("name"));
        if roles.iter().any(|role| role == "Victim") {
            parts.risk_objects.push(RiskObjectSpec { field, kind, score: score.unwrap_or_default() });
        } else if roles.iter().any(|role| role == "Attacker") {
            parts.threat_objects.push(ThreatObjectSpec { field, kind });
        }
    }
    parts
}

/// Splunk computes the score; one that the file gives beside it is a copy that may be stale.
fn warn_of_other_score(reader: &mut Reader<'_>, tags: Node<'_>, score: Option<f64>) {
    let Some((node, score)) = tags.get("risk_score").zip(score) else { return };
    if node.number().is_none_or(|written| (written - score).abs() > 0.5) {
        let message = format!("`risk_score` is not impact * confidence / 100, which is {score}");
        let help = Some("the computed score is used".to_owned());
        reader.problem(first_line(reader.source, &node), ProblemSeverity::Warning, message, help);
    }
}

/// The types of the first generation's observables in the words of the later ones.
fn object_type(observable: &str) -> &'static str {
    match observable {
        "IP Address" => "ip_address",
        "User" | "User Name" => "user",
        "Hostname" | "Endpoint" => "system",
        _ => "other",
    }
}

/// From November 2024: `rba`.
fn risk_based_alerting<'t>(reader: &mut Reader<'t>, rba: Node<'t>) -> Parts<'t> {
    let mut parts = Parts { message: message(reader, rba, "message"), ..Parts::default() };
    for object in reader.list(rba, "risk_objects") {
        risk_object(reader, object, &mut parts);
    }
    threat_objects(reader, rba, &mut parts);
    parts
}

/// From May 2026: `finding` and `intermediate_findings`, of which a file has either or both.
fn findings<'t>(reader: &mut Reader<'t>, root: Node<'t>) -> Parts<'t> {
    let mut parts = Parts::default();
    if let Some(finding) = root.get("finding") {
        parts.message = message(reader, finding, "title");
        if let Some(entity) = reader.required(finding, "entity") {
            risk_object(reader, entity, &mut parts);
        }
    }
    if let Some(findings) = root.get("intermediate_findings") {
        for entity in reader.list(findings, "entities") {
            risk_object(reader, entity, &mut parts);
            parts.message = parts.message.or_else(|| entity.get("message"));
        }
    }
    threat_objects(reader, root, &mut parts);
    parts
}

fn message<'t>(reader: &mut Reader<'t>, parent: Node<'t>, key: &str) -> Option<Node<'t>> {
    reader.required_text(parent, key).and_then(|_| parent.get(key))
}

fn risk_object<'t>(reader: &mut Reader<'t>, object: Node<'t>, parts: &mut Parts<'t>) {
    let (field, kind) = (reader.required_text(object, "field"), reader.required_text(object, "type"));
    let score = reader.percentage(object, "score");
    if let (Some(field), Some(kind), Some(score)) = (field, kind, score) {
        parts.risk_objects.push(RiskObjectSpec { field: field.into(), kind: kind.into(), score });
        parts.fields.extend(object.get("field"));
    }
}

fn threat_objects<'t>(reader: &mut Reader<'t>, parent: Node<'t>, parts: &mut Parts<'t>) {
    for object in reader.list(parent, "threat_objects") {
        let (field, kind) = (reader.required_text(object, "field"), reader.required_text(object, "type"));
        if let (Some(field), Some(kind)) = (field, kind) {
            parts.threat_objects.push(ThreatObjectSpec { field: field.into(), kind: kind.into() });
            parts.fields.extend(object.get("field"));
        }
    }
}
