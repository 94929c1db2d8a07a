//! What a tail has come to: events by envelope, how late they were, what could not be decoded.

use std::collections::BTreeMap;

use super::line::{delay, seconds};
use crate::cloudtrail::{Decoded, Envelope, RejectReason};
use crate::time::Arrival;

/// The totals of a tail. Its size does not grow with the events.
#[derive(Debug, Default)]
pub struct Tally {
    /// Records that came.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Events that were shown.
    pub shown: u64,
    envelopes: BTreeMap<Envelope, u64>,
    rejected: BTreeMap<RejectReason, u64>,
    /// Events by delay in milliseconds, rounded to three digits.
    delays: BTreeMap<i64, u64>,
}

/// The shares of events whose delay is told, in thousandths.
const SHARES: [(&str, u64); 5] = [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999), ("max", 1000)];

impl Tally {
    /// Adds a record.
    pub fn record(&mut self, arrival: Arrival, decoded: &Decoded) {
        self.records += 1;
        self.events += decoded.events.len() as u64;
        for (envelope, events) in &decoded.envelopes {
            *self.envelopes.entry(*envelope).or_default() += u64::from(*events);
        }
        for rejected in &decoded.rejected {
            *self.rejected.entry(rejected.reason).or_default() += 1;
        }
        // Without a stamp nothing is known of the delay.
        for event in decoded.events.iter().filter(|_| arrival != Arrival::MIN) {
            *self.delays.entry(rounded(delay(arrival, event.time))).or_default() += 1;
        }
    }

    /// The delay in milliseconds that this share of the events, in thousandths, does not exceed; none if there are no
    /// events.
    pub fn delay(&self, thousandths: u64) -> Option<i64> {
        let total: u64 = self.delays.values().sum();
        let wanted = (total * thousandths).div_ceil(1000).max(1);
        let mut seen = 0;
        self.delays.iter().find_map(|(delay, count)| {
            seen += count;
            (seen >= wanted).then_some(*delay)
        })
    }

    /// Lines for people.
    pub fn lines(&self) -> Vec<String> {
        let Self { records, events, shown, .. } = self;
        let rejected: u64 = self.rejected.values().sum();
        let mut lines = vec![format!("{records} records, {events} events, {shown} shown, {rejected} rejected")];
        let held = self.envelopes.iter().filter(|(_, count)| **count > 0);
        lines.extend(held.map(|(envelope, count)| format!("  {}: {count}", envelope.as_str())));
        lines.extend(self.rejected.iter().map(|(reason, count)| format!("  rejected as {}: {count}", reason.as_str())));
        let delays = SHARES.iter().filter_map(|(name, share)| Some(format!("{name} {}", seconds(self.delay(*share)?))));
        let delays: Vec<String> = delays.collect();
        if !delays.is_empty() {
            let early: u64 = self.delays.range(..0).map(|(_, count)| count).sum();
            lines.push(format!("  arrival after eventTime: {}; {early} dated after their arrival", delays.join(", ")));
        }
        lines.extend(self.advice().map(str::to_owned));
        lines
    }

    /// What somebody who sets the stream up may want to look at.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self { records: 0, .. } => Some(
                "nothing arrived: `--since 1h` shows what came before; if there is nothing either, look at what puts events \
                 into the stream (the EventBridge rule and its role, the subscription filter)",
            ),
            Self { events: 0, rejected, .. } if !rejected.is_empty() => {
                Some("what arrives is no CloudTrail event in an envelope that is known (docs/fields.md#records)")
            }
            _ => None,
        }
    }
}

/// To three digits: the error stays below half a percent, and the number of different delays below some thousands.
fn rounded(millis: i64) -> i64 {
    let mut unit = 1;
    while millis.unsigned_abs() / unit >= 1000 {
        unit *= 10;
    }
    let unit = i64::try_from(unit).unwrap_or(i64::MAX);
    (millis.saturating_add(millis.signum() * (unit / 2))) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::{DecodeLimits, decode};

    fn record(tally: &mut Tally, text: &str, arrival: i64) {
        let decoded = decode(text.as_bytes(), &DecodeLimits::default());
        tally.record(Arrival(arrival), &decoded);
    }

    const EVENT: &str =
        r#"{"eventVersion":"1.08","eventName":"A","eventSource":"b.amazonaws.com","eventTime":"1970-01-01T00:00:00Z"}"#;

    #[test]
    fn delays_are_told_by_share_to_three_digits() {
        let mut tally = Tally::default();
        (1..=1000).for_each(|second| record(&mut tally, EVENT, second * 1000));
        let shares = [500, 900, 990, 999, 1000].map(|share| tally.delay(share));
        assert_eq!(shares, [500_000, 900_000, 990_000, 999_000, 1_000_000].map(Some));
        assert_eq!(Tally::default().delay(500), None);
        assert_eq!([0, 999, 1004, 1005, -1005, 123_456].map(rounded), [0, 999, 1000, 1010, -1010, 123_000]);
    }

    #[test]
    fn what_came_is_counted_by_envelope_and_what_could_not_be_read_by_reason() {
        let mut tally = Tally::default();
        record(&mut tally, EVENT, 1000);
        record(&mut tally, &format!(r#"{{"Records":[{EVENT},{EVENT}]}}"#), -1000);
        record(&mut tally, "{oops", 0);
        let lines = tally.lines().join("\n");
        for wanted in [
            "3 records, 3 events, 0 shown, 1 rejected",
            "bare: 1",
            "file: 2",
            "rejected as bad_json: 1",
            "2 dated after",
        ] {
            assert!(lines.contains(wanted), "{wanted:?} is not in {lines}");
        }
    }

    #[test]
    fn who_sets_it_up_is_told_where_to_look() {
        let mut tally = Tally::default();
        assert!(tally.lines().concat().contains("nothing arrived"));
        record(&mut tally, r#"{"some":"thing else"}"#, 0);
        assert!(tally.lines().concat().contains("no CloudTrail event in an envelope"));
        record(&mut tally, EVENT, 0);
        assert!(!tally.lines().concat().contains("envelope that"));
    }
}
