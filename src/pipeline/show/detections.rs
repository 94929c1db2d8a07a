//! The detections: those that the engine has, then those that do not run.

use super::{Show, instant};
use crate::catalog::{DetectionFile, FileState};
use crate::config::DeliverySettings;
use crate::engine::{Engine, OpenWindows, PlanCounters, PlanSpan};
use crate::plan::Plan;
use crate::status::{self, Delivery, Detection, DetectionState, NullField};

impl Show {
    pub(super) fn detections(&self, engine: &Engine) -> Vec<Detection> {
        let spans = engine.plan_spans().map(|(plan, spans)| (plan.as_ref(), spans));
        let figures = engine.counters().plans.iter().zip(engine.open_windows());
        let mut detections: Vec<_> = spans
            .zip(figures)
            .map(|((plan, spans), (counted, open))| self.loaded(plan, spans, counted, &open))
            .collect();
        detections.extend(self.shown.files.iter().filter_map(|file| self.idle(file)));
        detections.sort_by(|a, b| (&a.name, &a.fingerprint).cmp(&(&b.name, &b.fingerprint)));
        detections
    }

    fn loaded(&self, plan: &Plan, spans: &[PlanSpan], counted: &PlanCounters, open: &OpenWindows) -> Detection {
        let text = plan.text();
        let is_active = spans.iter().any(|span| span.retired.is_none());
        let file = self.shown.files.iter().find(|file| is_active && file.id == text.id);
        let null = plan.by_fields().iter().zip(&counted.null_by_field).filter(|(_, events)| **events > 0);
        Detection {
            id: text.id.clone(),
            name: text.name.clone(),
            version: Some(text.version),
            state: if is_active { DetectionState::Active } else { DetectionState::Draining },
            reason: None,
            severity: Some(text.risk.severity().as_str().to_owned()),
            risk_score: Some(text.risk.score),
            mitre_attack: text.risk.mitre_attack.clone(),
            file: file.map(|file| file.path.display().to_string()),
            fingerprint: Some(plan.fingerprint().to_string()),
            window_seconds: Some(plan.window_ms() as f64 / 1000.0),
            grace_seconds: Some(text.grace_ms as f64 / 1000.0),
            delivery: Some(self.delivery(&text.id)),
            matches: counted.counted,
            duplicates: counted.duplicate,
            late: counted.late,
            null_fields: null.map(|(field, events)| NullField { field: field.to_string(), events: *events }).collect(),
            risk_events: self.made.get(&text.id).copied().unwrap_or_default(),
            open: windows(open),
        }
    }

    /// A file that does not run.
    fn idle(&self, file: &DetectionFile) -> Option<Detection> {
        let (state, reason) = match &file.state {
            FileState::Runs => return None,
            FileState::Disabled => (DetectionState::Disabled, None),
            FileState::Refused(reason) => (DetectionState::Refused, Some(reason.clone())),
        };
        Some(Detection {
            id: file.id.clone(),
            name: file.name.clone(),
            version: None,
            state,
            reason,
            severity: None,
            risk_score: None,
            mitre_attack: Vec::new(),
            file: Some(file.path.display().to_string()),
            fingerprint: None,
            window_seconds: None,
            grace_seconds: None,
            delivery: None,
            matches: 0,
            duplicates: 0,
            late: 0,
            null_fields: Vec::new(),
            risk_events: 0,
            open: status::OpenWindows::default(),
        })
    }

    fn delivery(&self, id: &str) -> Delivery {
        let own = self.shown.routes.of(id).cloned().unwrap_or_else(DeliverySettings::default);
        Delivery {
            staged: own.staged,
            stages: own.stages.iter().map(|stage| stage.as_str().to_owned()).collect(),
            min_severity: own.min_severity.as_str().to_owned(),
            sinks: own.sinks,
        }
    }
}

fn windows(open: &OpenWindows) -> status::OpenWindows {
    status::OpenWindows {
        windows: open.instances as u64,
        groups: open.groups as u64,
        bytes: open.bytes as u64,
        next_close: open.next_close.and_then(instant),
    }
}
