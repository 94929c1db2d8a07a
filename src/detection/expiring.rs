//! The filters of a detection that expire, for whoever has to renew them.
//!
//! Deliberately absent: what an expiry does to a result (the plan's, by the end of the window), and what day it is.

use jiff::{SignedDuration, Timestamp};

use crate::plan::Plan;
use crate::spl::Macros;

/// How long before its end an expiry is worth a warning.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A filter that expires, in one detection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiringFilter {
    /// The detection's name.
    pub detection: String,
    /// The filter macro.
    pub filter: String,
    /// The end of the last window in which it applies (AG-5).
    pub expires: Timestamp,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why it is there.
    pub reason: Option<String>,
    /// Where the expiry stands: macros file, line and column.
    pub place: String,
}

impl ExpiringFilter {
    /// Those of a plan, in the order of its search, each name once.
    pub(super) fn of(plan: &Plan, macros: &Macros) -> Vec<Self> {
        let mut filters: Vec<Self> = Vec::new();
        for place in &plan.text().filters {
            let Some(expires_ms) = place.expires_ms else { continue };
            let facts = macros.facts(place).cloned().unwrap_or_default();
            let filter = Self {
                detection: plan.text().name.clone(),
                filter: place.name.clone(),
                expires: Timestamp::from_millisecond(expires_ms).unwrap_or(Timestamp::MAX),
                owner: facts.owner,
                reason: facts.reason,
                place: format!("{}:{}:{}", facts.file, facts.line, facts.column),
            };
            if !filters.iter().any(|known| known.filter == filter.filter) {
                filters.push(filter);
            }
        }
        filters
    }

    /// Whether it has expired by now.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now > self.expires
    }

    /// What to say of it now; nothing while its end is far.
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        let (filter, detection, expires) = (&self.filter, &self.detection, self.expires);
        let facts = self.facts();
        if self.is_expired(now) {
            return Some(format!(
                "the filter {filter} of {detection:?} expired at {expires}{facts}: in windows that end later it hides \
                 nothing; renew it or remove it"
            ));
        }
        let soon = expires.duration_since(now) <= SOON;
        soon.then(|| format!("the filter {filter} of {detection:?} expires at {expires}{facts}: renew it in time"))
    }

    fn facts(&self) -> String {
        let named = [("owner", &self.owner), ("reason", &self.reason)];
        let facts: Vec<_> =
            named.iter().filter_map(|(name, fact)| fact.as_ref().map(|fact| format!("{name}: {fact}"))).collect();
        if facts.is_empty() { String::new() } else { format!(" ({})", facts.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::{PlanSettings, compile};
    use crate::plan::Lookups;

    const FILE: &str = include_str!("../../config/detections/aws_exfiltration_via_batch_service.yml");
    const SETTINGS: PlanSettings =
        PlanSettings { window_ms: 3_600_000, grace_ms: 900_000, max_future_skew_ms: 300_000 };

    fn filters(macros: &str) -> Vec<ExpiringFilter> {
        let text = macros;
        let mut macros = Macros::built_in();
        macros.add_file("m.yaml", text).expect("a macros file");
        compile(FILE, "d.yml", &macros, &Lookups::new(), &|_, _| SETTINGS).expect("it compiles").filters
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    const MACROS: &str = "aws_exfiltration_via_batch_service_filter:\n  definition: search NOT src_ip=a\n  \
                          owner: soc\n  reason: 'CHG-17: nightly'\n  expires: 2026-06-30\n";

    #[test]
    fn a_filter_warns_when_its_end_is_near_and_from_then_on() {
        let [filter] = &filters(MACROS)[..] else { panic!("one filter expires") };
        assert_eq!(filter.filter, "aws_exfiltration_via_batch_service_filter");
        assert_eq!(filter.place, "m.yaml:5:12");
        for quiet in ["2026-01-01T00:00:00Z", "2026-06-16T23:59:59Z"] {
            assert_eq!(filter.warning(instant(quiet)), None, "{quiet}");
        }
        for soon in ["2026-06-17T00:00:00Z", "2026-07-01T00:00:00Z"] {
            let warning = filter.warning(instant(soon)).unwrap_or_else(|| panic!("{soon}"));
            assert!(
                warning.contains("expires at 2026-07-01T00:00:00Z (owner: soc; reason: CHG-17: nightly)"),
                "{warning}"
            );
        }
        let expired = instant("2026-07-01T00:00:00.001Z");
        assert!(filter.is_expired(expired));
        let warning = filter.warning(expired).expect("a warning");
        assert!(warning.contains("of \"AWS Exfiltration via Batch Service\" expired at"), "{warning}");
    }

    #[test]
    fn each_filter_is_there_once_in_the_order_of_the_search() {
        let expiring = |name: &str, day: &str| {
            format!("{name}:\n  definition: search NOT src_ip={name}\n  expires: 2026-06-{day}\n")
        };
        // The detection's own filter, which calls another one twice.
        let macros = expiring("nightly_filter", "01")
            + &expiring("unused_filter", "02")
            + "aws_exfiltration_via_batch_service_filter:\n  definition: '`nightly_filter` | `release_filter` | \
               `nightly_filter`'\n  expires: 2026-06-04\n"
            + &expiring("release_filter", "03");
        let found: Vec<_> = filters(&macros).into_iter().map(|filter| filter.filter).collect();
        assert_eq!(found, ["nightly_filter", "release_filter", "aws_exfiltration_via_batch_service_filter"]);
    }

    #[test]
    fn a_filter_without_an_expiry_is_none_of_these() {
        assert_eq!(filters(&MACROS.replace("  expires: 2026-06-30\n", "")), []);
        assert_eq!(filters(""), []);
    }
}
