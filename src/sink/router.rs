//! Where a risk event goes: the sinks' own filters, and what the configuration says of single detections.
//!
//! Owns: every decision about who gets what. Deliberately absent: queues and acknowledgements. What is not sent was
//! evaluated all the same: routing changes no id, no byte and no window.

use std::collections::BTreeMap;

use super::subscription::Subscription;
use crate::config::{DeliverySettings, SinkConfig};
use crate::plan::PlanText;
use crate::risk_event::Stage;

/// What the configuration says of the delivery of single detections, by their ids. A detection that is not named here
/// goes to every sink whose own filter admits it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(BTreeMap<String, DeliverySettings>);

/// Decides for each risk event which sinks get it.
#[derive(Debug)]
pub struct Router {
    subscriptions: Vec<(String, Subscription)>,
    routes: Routes,
}

/// Why a risk event goes to no sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The detection is staged.
    Staged,
    /// The detection does not send this stage.
    Stage,
    /// The detection's severity is below its own floor.
    Severity,
    /// No sink admits it: by the sinks' own filters, or none of those that the detection names.
    NoSink,
}

impl Withheld {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Staged, Self::Stage, Self::Severity, Self::NoSink];

    /// The value of the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Stage => "stage",
            Self::Severity => "severity",
            Self::NoSink => "no_sink",
        }
    }
}

impl Routes {
    /// Settings by detection id.
    pub fn new(settings: impl IntoIterator<Item = (String, DeliverySettings)>) -> Self {
        Self(settings.into_iter().collect())
    }

    /// The first sink that they name and that is not among these, with the detection's id.
    pub fn unknown_sink(&self, sinks: &[SinkConfig]) -> Option<(&str, &str)> {
        let is_unknown = |name: &&String| sinks.iter().all(|sink| sink.name != **name);
        self.0.iter().find_map(|(id, own)| Some((id.as_str(), own.sinks.iter().find(is_unknown)?.as_str())))
    }

    /// The settings of a detection, where it has its own.
    pub fn of(&self, detection_id: &str) -> Option<&DeliverySettings> {
        self.0.get(detection_id)
    }
}

impl Router {
    /// Over these sinks.
    pub fn new(sinks: &[SinkConfig], routes: Routes) -> Self {
        let subscriptions = sinks.iter().map(|sink| (sink.name.clone(), Subscription::of(sink)));
        Self { subscriptions: subscriptions.collect(), routes }
    }

    /// Over the same sinks, with nothing that holds for single detections.
    pub fn without_routes(&self) -> Self {
        Self { subscriptions: self.subscriptions.clone(), routes: Routes::default() }
    }

    /// Replaces what holds for single detections, from the next risk event on. Returns whether that was something else.
    pub fn set_routes(&mut self, routes: Routes) -> bool {
        let is_other = self.routes != routes;
        self.routes = routes;
        is_other
    }

    /// The sinks, by their place in the configuration, that get this stage of a detection's risk events; at least one.
    ///
    /// # Errors
    /// With the first reason why none does.
    pub fn sinks_of(&self, detection: &PlanText, stage: Stage) -> Result<Vec<usize>, Withheld> {
        let own = self.routes.of(&detection.id);
        if let Some(own) = own {
            check(own, detection, stage)?;
        }
        let names = own.map_or(&[][..], |own| &own.sinks);
        let gets = |(name, subscription): &(String, Subscription)| {
            (names.is_empty() || names.contains(name)) && subscription.wants(detection, stage)
        };
        let sinks = self.subscriptions.iter().enumerate().filter(|(_, sink)| gets(sink));
        let sinks: Vec<usize> = sinks.map(|(index, _)| index).collect();
        if sinks.is_empty() { Err(Withheld::NoSink) } else { Ok(sinks) }
    }
}

fn check(own: &DeliverySettings, detection: &PlanText, stage: Stage) -> Result<(), Withheld> {
    match () {
        () if own.staged => Err(Withheld::Staged),
        () if !own.stages.contains(&stage) => Err(Withheld::Stage),
        () if detection.risk.severity() < own.min_severity => Err(Withheld::Severity),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Severity;
    use crate::sink::testing::{seed_event, sink_config};

    /// Three sinks: one takes everything, one finals alone, one only another detection.
    fn sinks() -> [SinkConfig; 3] {
        [
            sink_config("out"),
            SinkConfig { stages: vec![Stage::Final], ..sink_config("soc") },
            SinkConfig { detections: vec!["other".to_owned()], ..sink_config("other") },
        ]
    }

    /// Of the seed, which is high: what its own settings make of both stages.
    fn routed(change: impl FnOnce(&mut DeliverySettings)) -> [Result<Vec<usize>, Withheld>; 2] {
        let detection = seed_event().detection;
        let mut own = DeliverySettings::default();
        change(&mut own);
        let router = Router::new(&sinks(), Routes::new([(detection.id.clone(), own)]));
        Stage::ALL.map(|stage| router.sinks_of(&detection, stage))
    }

    #[test]
    fn without_settings_of_its_own_the_sinks_own_filters_decide() {
        let detection = seed_event().detection;
        let router = Router::new(&sinks(), Routes::default());
        assert_eq!(Stage::ALL.map(|stage| router.sinks_of(&detection, stage)), [Ok(vec![0]), Ok(vec![0, 1])]);
        assert_eq!(routed(|_| {}), [Ok(vec![0]), Ok(vec![0, 1])], "and empty settings change nothing");
        let finals = Router::new(&sinks()[1..2], Routes::default());
        assert_eq!(finals.sinks_of(&detection, Stage::Early), Err(Withheld::NoSink));
    }

    #[test]
    fn a_staged_detection_goes_nowhere_whatever_else_is_set() {
        let staged = routed(|own| (own.staged, own.stages, own.sinks) = (true, vec![Stage::Final], vec!["out".into()]));
        assert_eq!(staged, [Err(Withheld::Staged), Err(Withheld::Staged)]);
    }

    #[test]
    fn only_the_stages_that_are_set_are_sent() {
        assert_eq!(routed(|own| own.stages = vec![Stage::Final]), [Err(Withheld::Stage), Ok(vec![0, 1])]);
        assert_eq!(routed(|own| own.stages = vec![Stage::Early]), [Ok(vec![0]), Err(Withheld::Stage)]);
    }

    #[test]
    fn the_floor_is_the_least_severity_that_is_sent() {
        assert_eq!(routed(|own| own.min_severity = Severity::High)[1], Ok(vec![0, 1]));
        assert_eq!(routed(|own| own.min_severity = Severity::Critical), [const { Err(Withheld::Severity) }; 2]);
    }

    #[test]
    fn a_named_sink_still_has_its_own_filter() {
        assert_eq!(routed(|own| own.sinks = vec!["soc".into()]), [Err(Withheld::NoSink), Ok(vec![1])]);
        assert_eq!(routed(|own| own.sinks = vec!["soc".into(), "out".into()]), [Ok(vec![0]), Ok(vec![0, 1])]);
        assert_eq!(routed(|own| own.sinks = vec!["other".into()]), [Err(Withheld::NoSink), Err(Withheld::NoSink)]);
    }

    #[test]
    fn every_reason_is_counted_from_zero() {
        let registry = prometheus::Registry::new();
        let metrics = crate::metrics::Metrics::new(&registry).expect("an empty registry");
        metrics.know_detection("d", Severity::High);
        let series = || -> usize {
            let families = registry.gather().into_iter();
            families.filter(|f| f.name() == "trailrisk_risk_events_withheld_total").map(|f| f.get_metric().len()).sum()
        };
        let known = series();
        for (stage, reason) in Stage::ALL.iter().flat_map(|stage| Withheld::ALL.map(|reason| (stage, reason))) {
            metrics.risk_events_withheld_total.with_label_values(&["d", stage.as_str(), reason.as_str()]);
        }
        assert_eq!((known, series()), (8, 8), "known beforehand, and no other");
    }

    #[test]
    fn settings_are_those_of_one_detection_and_can_be_replaced() {
        let detection = seed_event().detection;
        let staged = DeliverySettings { staged: true, ..DeliverySettings::default() };
        let mut router = Router::new(&sinks(), Routes::new([("another".to_owned(), staged.clone())]));
        assert_eq!(router.sinks_of(&detection, Stage::Final), Ok(vec![0, 1]));
        router.set_routes(Routes::new([(detection.id.clone(), staged)]));
        assert_eq!(router.sinks_of(&detection, Stage::Final), Err(Withheld::Staged));
        router.set_routes(Routes::default());
        assert_eq!(router.sinks_of(&detection, Stage::Final), Ok(vec![0, 1]));
    }
}
