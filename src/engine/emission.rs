//! A row becomes a risk event.

use std::sync::Arc;

use super::identity::Subject;
use crate::plan::PlanText;
use crate::plan::{Partial, Row, Value};
use crate::risk_event::{Marks, Pane, RiskEvent, RiskObject, Stage, ThreatObject};
use crate::time::Arrival;

/// What all rows of one group have in common.
pub(super) struct GroupContext<'a> {
    pub subject: Subject<'a>,
    pub stage: Stage,
    pub newest_arrival: Arrival,
    pub whole: &'a Partial,
    pub partial: bool,
    pub truncated: bool,
    /// Not all rows that there would be are made (BD-4).
    pub rows_cut: bool,
}

/// The risk event of one row; `ordinal` counts the rows of the group.
pub(super) fn risk_event(context: &GroupContext<'_>, ordinal: usize, row: Row) -> RiskEvent {
    let subject = &context.subject;
    let (plan, slot, whole) = (subject.plan, subject.slot, context.whole);
    let text = plan.text();
    let names = plan.group_fields(subject.group).iter().cloned();
    RiskEvent {
        id: subject.id(ordinal, context.truncated && context.stage == Stage::Final),
        stage: context.stage,
        pane: slot.pane,
        supplements: matches!(slot.pane, Pane::Late(_) | Pane::Future(_)).then(|| subject.on_time_id(ordinal)),
        detection: Arc::clone(text),
        risk_message: fill_message(&text.risk.message, &row),
        risk_objects: risk_objects(text, &row),
        threat_objects: threat_objects(text, &row),
        group: names.zip(subject.group.values.iter().cloned().map(Value::One)).collect(),
        row,
        window_start: slot.window_start,
        window_end: super::assign::WindowSpec::of(plan).end_of(slot.window_start),
        event_count: whole.event_count(),
        first_event: whole.first_event(),
        last_event: whole.last_event(),
        evidence: whole.evidence(),
        evidence_truncated: whole.evidence_truncated(),
        marks: Marks {
            partial: context.partial,
            truncated: context.truncated,
            count_is_upper_bound: whole.count_is_upper_bound(),
            values_truncated: whole.values_truncated(),
            rows_cut: context.rows_cut,
        },
        positions: Vec::new(),
        newest_arrival: context.newest_arrival,
    }
}

fn column<'a>(row: &'a Row, name: &str) -> &'a Value {
    row.iter().find(|(column, _)| &**column == name).map_or(&Value::Null, |(_, value)| value)
}

/// A multivalue column makes one object a value (spl.md, file schema).
fn risk_objects(text: &PlanText, row: &Row) -> Vec<RiskObject> {
    let objects = text.risk.risk_objects.iter().flat_map(|spec| {
        column(row, &spec.field).scalars().iter().map(|value| RiskObject {
            field: spec.field.clone(),
            kind: spec.kind.clone(),
            value: value.clone(),
            score: spec.score,
        })
    });
    objects.collect()
}

fn threat_objects(text: &PlanText, row: &Row) -> Vec<ThreatObject> {
    let objects = text.risk.threat_objects.iter().flat_map(|spec| {
        column(row, &spec.field).scalars().iter().map(|value| ThreatObject {
            field: spec.field.clone(),
            kind: spec.kind.clone(),
            value: value.clone(),
        })
    });
    objects.collect()
}

/// Fills the `$field$` tokens from the row: several values are joined with a comma, an absent one reads `null`.
fn fill_message(template: &str, row: &Row) -> String {
    let mut message = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, token, after)) = next_token(rest) {
        message.push_str(before);
        push_values(&mut message, column(row, token));
        rest = after;
    }
    message + rest
}

/// Splits at the first `$name$`; a name holds no white space and no second dollar sign.
fn next_token(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('$')?;
        let close = open + 1 + text[open + 1..].find('$')?;
        let name = &text[open + 1..close];
        if !name.is_empty() && !name.contains(char::is_whitespace) {
            return Some((&text[..open], name, &text[close + 1..]));
        }
        from = close;
    }
}

fn push_values(message: &mut String, value: &Value) {
    for (index, scalar) in value.scalars().iter().enumerate() {
        message.push_str(if index == 0 { "" } else { ", " });
        message.push_str(&scalar.to_text());
    }
    if value.is_null() {
        message.push_str("null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::support::plan;
    use crate::plan::{RiskObjectSpec, Scalar, ThreatObjectSpec};

    fn filled(template: &str) -> String {
        let row = vec![
            ("user".into(), Value::text("alice")),
            ("ip".into(), Value::Many(vec![Scalar::text("10.0.0.1"), Scalar::text("10.0.0.2")])),
        ];
        fill_message(template, &row)
    }

    #[test]
    fn tokens_come_from_the_row() {
        assert_eq!(filled("$user$ from $ip$."), "alice from 10.0.0.1, 10.0.0.2.");
        assert_eq!(filled("$absent$ costs $5 or $ 6"), "null costs $5 or $ 6");
        assert_eq!(filled("pays $ 5, $user$"), "pays $ 5, alice", "the sign that ends no token may begin one");
        assert_eq!(filled("no token"), "no token");
    }

    /// Each value of a column is one object; an absent column is none.
    #[test]
    fn objects_are_the_values_of_their_columns() {
        let mut text = (**plan("a", "* | stats count by user").text()).clone();
        let (field, kind): (Arc<str>, Arc<str>) = ("ip".into(), "system".into());
        text.risk.risk_objects = vec![
            RiskObjectSpec { field: field.clone(), kind: kind.clone(), score: 64.0 },
            RiskObjectSpec { field: "absent".into(), kind, score: 1.0 },
        ];
        text.risk.threat_objects = vec![ThreatObjectSpec { field, kind: "ip_address".into() }];
        let many = Value::Many(vec![Scalar::text("10.0.0.1"), Scalar::text("10.0.0.2")]);
        let row = vec![("user".into(), Value::text("alice")), ("ip".into(), many)];
        let risk: Vec<_> = risk_objects(&text, &row).into_iter().map(|object| (object.value, object.score)).collect();
        assert_eq!(risk, [(Scalar::text("10.0.0.1"), 64.0), (Scalar::text("10.0.0.2"), 64.0)]);
        let threats: Vec<_> =
            threat_objects(&text, &row).into_iter().map(|object| (object.value, object.kind)).collect();
        let address = |text: &str| (Scalar::text(text), "ip_address".into());
        assert_eq!(threats, [address("10.0.0.1"), address("10.0.0.2")]);
    }

    #[test]
    fn a_token_in_a_value_is_not_filled_again() {
        let row = vec![("a".into(), Value::text("$b$")), ("b".into(), Value::text("secret"))];
        assert_eq!(fill_message("$a$", &row), "$b$");
    }
}
