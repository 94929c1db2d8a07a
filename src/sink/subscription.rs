//! Which risk events a sink wants: its stages, detections and least severity.

use crate::config::SinkConfig;
use crate::plan::{PlanText, Severity};
use crate::risk_event::Stage;

/// A sink's filter.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    stages: Vec<Stage>,
    min_severity: Severity,
    detections: Vec<String>,
}

impl Subscription {
    pub(super) fn of(config: &SinkConfig) -> Self {
        Self { stages: config.stages.clone(), min_severity: config.min_severity, detections: config.detections.clone() }
    }

    pub(super) fn wants(&self, plan: &PlanText, stage: Stage) -> bool {
        self.stages.contains(&stage)
            && plan.risk.severity() >= self.min_severity
            && (self.detections.is_empty() || self.detections.iter().any(|d| *d == plan.id || *d == plan.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk_event::RiskEvent;
    use crate::sink::testing::{seed_event, sink_config};

    fn wants(change: impl FnOnce(&mut SinkConfig), event: &RiskEvent) -> bool {
        let mut config = sink_config("s");
        change(&mut config);
        Subscription::of(&config).wants(&event.detection, event.stage)
    }

    #[test]
    fn by_default_everything_is_wanted() {
        for stage in Stage::ALL {
            assert!(wants(|_| {}, &RiskEvent { stage, ..seed_event() }));
        }
    }

    #[test]
    fn a_stage_that_is_not_listed_is_not_wanted() {
        let early = RiskEvent { stage: Stage::Early, ..seed_event() };
        assert!(!wants(|c| c.stages = vec![Stage::Final], &early));
        assert!(wants(|c| c.stages = vec![Stage::Final], &seed_event()));
    }

    #[test]
    fn the_seed_with_its_score_of_64_is_high() {
        assert!(wants(|c| c.min_severity = Severity::High, &seed_event()));
        assert!(!wants(|c| c.min_severity = Severity::Critical, &seed_event()));
    }

    #[test]
    fn detections_are_named_by_id_or_name() {
        let named = |name: &str| wants(|c| c.detections = vec!["other".into(), name.into()], &seed_event());
        assert!(named("04455dd3-ced7-480f-b8e6-5469b99e98e2"));
        assert!(named("AWS Exfiltration via Batch Service"));
        assert!(!named("AWS Exfiltration"));
    }
}
