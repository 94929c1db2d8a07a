//! The detections of a configuration, and whether they fit the sinks and the stream.

use std::sync::Arc;

use crate::catalog::{self, CatalogError, Detections};
use crate::config::{DetectionsConfig, SinkConfig, SourceConfig};
use crate::plan::Plan;

/// CP-8: an outage would outlast the stream's memory.
#[derive(Debug, thiserror::Error)]
#[error(
    "{detection:?} needs {needed} h of the stream (window + grace + source.outage_budget), which retains only \
     {retention} h; raise the stream's retention, or lower one of the three"
)]
pub struct RetentionError {
    /// The detection.
    pub detection: String,
    /// Hours needed, rounded up.
    pub needed: i64,
    /// Hours retained.
    pub retention: u32,
}

/// Loads the detections, all or nothing; every detection that a sink names is there, and every sink that
/// a detection names.
pub(super) fn load(detections: &DetectionsConfig, sinks: &[SinkConfig]) -> Result<Detections, CatalogError> {
    let detections = catalog::load(detections)?.ready()?;
    catalog::check_subscriptions(&detections.plans, sinks)?;
    // At a reload the settings may name a sink that only a restart will bring.
    if let Some((id, sink)) = detections.routes.unknown_sink(sinks) {
        let message =
            format!("\nthe settings of {id} name the sink {sink:?}, which does not run: a new sink needs a restart");
        return Err(CatalogError::Problems(message));
    }
    Ok(detections)
}

/// Says what is to be said of detections that are taken.
pub(super) fn log(detections: &Detections, sinks: &[SinkConfig]) {
    detections.log();
    for warning in catalog::undelivered(&detections.plans, &detections.routes, sinks) {
        tracing::warn!("{warning}");
    }
}

/// CP-8.
pub(super) fn check_retention(
    plans: &[Arc<Plan>],
    source: &SourceConfig,
    retention_hours: u32,
) -> Result<(), RetentionError> {
    let budget = i64::try_from(source.outage_budget.as_millis()).unwrap_or(i64::MAX);
    let needs = |plan: &Plan| plan.window_ms().saturating_add(plan.text().grace_ms).saturating_add(budget);
    let Some(neediest) = plans.iter().max_by_key(|plan| needs(plan)) else { return Ok(()) };
    let hour = 3_600_000;
    if needs(neediest) <= i64::from(retention_hours) * hour {
        return Ok(());
    }
    Err(RetentionError {
        detection: neediest.text().name.clone(),
        needed: needs(neediest).saturating_add(hour - 1).div_euclid(hour),
        retention: retention_hours,
    })
}
