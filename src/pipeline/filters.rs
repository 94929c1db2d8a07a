//! Filters that expire while the daemon runs: metrics, and a word about each when its time has come.
//!
//! Deliberately absent: what an expiry does to a result. The engine has no clock; the end of the window decides (AG-5).

use std::collections::BTreeSet;

use crate::detection::ExpiringFilter;
use crate::metrics::Metrics;

/// Watches a set of filters.
pub(super) struct FilterWatch {
    metrics: Metrics,
    filters: Vec<ExpiringFilter>,
    /// What was warned of, with the words: an expiry that is near, then one that has come.
    said: BTreeSet<String>,
}

impl FilterWatch {
    /// Watches these, and no others any more.
    pub(super) fn new(metrics: &Metrics, filters: Vec<ExpiringFilter>) -> Self {
        metrics.filter_expiry_timestamp_seconds.reset();
        for filter in &filters {
            let labels = [filter.detection.as_str(), filter.filter.as_str()];
            let expires = filter.expires.as_millisecond() as f64 / 1000.0;
            metrics.filter_expiry_timestamp_seconds.with_label_values(&labels).set(expires);
        }
        Self { metrics: metrics.clone(), filters, said: BTreeSet::new() }
    }

    /// What time it is now.
    pub(super) fn observe(&mut self, now: jiff::Timestamp) {
        let expired = self.filters.iter().filter(|filter| filter.is_expired(now)).count();
        self.metrics.filters_expired.set(i64::try_from(expired).unwrap_or(i64::MAX));
        for filter in &self.filters {
            let Some(warning) = filter.warning(now) else { continue };
            if self.said.insert(warning.clone()) {
                tracing::warn!(place = filter.place, owner = filter.owner, reason = filter.reason, "{warning}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(name: &str, expires: &str) -> ExpiringFilter {
        ExpiringFilter {
            detection: "d".to_owned(),
            filter: name.to_owned(),
            expires: expires.parse().expect("an instant"),
            owner: None,
            reason: None,
            place: "macros.yaml:1:1".to_owned(),
        }
    }

    fn instant(text: &str) -> jiff::Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_filter_that_expires_while_running_shows_and_is_spoken_of_once() {
        let metrics = Metrics::new(&prometheus::Registry::new()).expect("an empty registry");
        let filters = vec![filter("a", "2026-06-30T12:00:00Z"), filter("b", "2027-06-30T12:00:00Z")];
        let mut watch = FilterWatch::new(&metrics, filters);
        let expiry = |name: &str| metrics.filter_expiry_timestamp_seconds.with_label_values(&["d", name]).get();
        assert_eq!((expiry("a"), expiry("b")), (1_782_820_800.0, 1_814_356_800.0));
        for (now, expired, said) in [
            ("2026-01-01T00:00:00Z", 0, 0),
            ("2026-06-30T12:00:00Z", 0, 1),
            ("2026-06-30T12:00:01Z", 1, 2),
            ("2026-07-01T00:00:00Z", 1, 2),
        ] {
            watch.observe(instant(now));
            assert_eq!((metrics.filters_expired.get(), watch.said.len()), (expired, said), "{now}");
        }
    }

    #[test]
    fn filters_that_are_gone_leave_no_series() {
        let registry = prometheus::Registry::new();
        let metrics = Metrics::new(&registry).expect("an empty registry");
        FilterWatch::new(&metrics, vec![filter("a", "2026-06-30T12:00:00Z")]).observe(instant("2027-01-01T00:00:00Z"));
        assert_eq!(metrics.filters_expired.get(), 1);
        FilterWatch::new(&metrics, Vec::new()).observe(instant("2027-01-01T00:00:00Z"));
        assert_eq!(metrics.filters_expired.get(), 0);
        let families = registry.gather();
        let expiries = families.iter().filter(|family| family.name() == "trailrisk_filter_expiry_timestamp_seconds");
        assert_eq!(expiries.map(|family| family.get_metric().len()).sum::<usize>(), 0);
    }
}
