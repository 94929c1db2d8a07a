//! The newest risk events, where the configuration wants them shown. Bounded in number and in size: their values are an
//! attacker's.

use std::collections::VecDeque;

use super::RecentEvent;
use crate::plan::Value;
use crate::risk_event::RiskEvent;
use crate::telemetry::visible;

/// Risk events that are kept.
const EVENTS: usize = 100;
/// Characters of a value that are kept; a group has as many values as its search has by-fields.
const CHARACTERS: usize = 200;

/// A ring of them, the newest first.
#[derive(Debug, Default)]
pub struct RecentEvents(VecDeque<RecentEvent>);

impl RecentEvents {
    /// Takes one, made at this instant of the host's clock.
    pub fn push(&mut self, event: &RiskEvent, at: String) {
        if self.0.len() == EVENTS {
            self.0.pop_back();
        }
        self.0.push_front(recent(event, at));
    }

    /// All of them, the newest first.
    pub fn all(&self) -> Vec<RecentEvent> {
        self.0.iter().cloned().collect()
    }
}

fn recent(event: &RiskEvent, at: String) -> RecentEvent {
    let detection = &event.detection;
    RecentEvent {
        at,
        id: event.id.to_string(),
        stage: event.stage.as_str().to_owned(),
        pane: event.pane.to_string(),
        detection: detection.name.clone(),
        severity: detection.risk.severity().as_str().to_owned(),
        risk_score: detection.risk.score,
        mitre_attack: detection.risk.mitre_attack.clone(),
        group: event.group.iter().map(|(field, value)| (field.to_string(), shown(value))).collect(),
        event_count: event.event_count,
        window_start: event.window_start.to_string(),
    }
}

/// The value's beginning, in which nothing acts.
fn shown(value: &Value) -> String {
    let mut text = String::new();
    for (index, scalar) in value.scalars().iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let left = CHARACTERS.saturating_sub(text.chars().count());
        let whole = scalar.to_text();
        let taken: String = separator.chars().chain(whole.chars()).take(left).collect();
        let is_whole = taken.len() == separator.len() + whole.len();
        text.push_str(&taken);
        if !is_whole {
            text.push('…');
            break;
        }
    }
    visible(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scalar;

    #[test]
    fn threat_1_a_mebibyte_of_user_agent_is_cut_and_nothing_in_it_acts() {
        let hostile = format!("\u{1b}[2J\u{202e}<script>{}", "A".repeat(1 << 20));
        let cut = shown(&Value::text(hostile));
        assert!(cut.starts_with("\\u{1b}[2J\\u{202e}<script>AAA") && cut.ends_with("A…"), "{cut}");
        assert!(cut.chars().count() < CHARACTERS + 20, "{} characters", cut.chars().count());
        assert_eq!(shown(&Value::text("ß".repeat(CHARACTERS))), "ß".repeat(CHARACTERS), "characters, not bytes");
    }

    #[test]
    fn several_values_are_cut_together() {
        let many = |count: usize| Value::Many(vec![Scalar::text("0123456789"); count]);
        assert_eq!(shown(&many(2)), "0123456789, 0123456789");
        assert_eq!(shown(&many(10_000)).chars().count(), CHARACTERS + 1);
        assert_eq!(shown(&Value::Null), "");
    }
}
