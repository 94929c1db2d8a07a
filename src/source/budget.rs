//! BD-1: how many bytes to reserve before a read, and how many records to ask for so that the answer stays within.
//! Pure arithmetic; the semaphore is the consumer's.
//!
//! The permit is taken before the size of the answer is known. Asking for no more records than fit at the average size
//! seen keeps the answer near the permit; an answer that this limit cuts off doubles the estimate. What a read
//! brings beyond its permit (records larger than the average, at most one answer a shard, at most 10 MiB) is added to
//! the permit where the budget still has room, and exceeds the budget otherwise, until the engine has the batch.

use super::Record;

/// What a record costs besides its data.
const RECORD_OVERHEAD: usize = 128;
/// The estimate of a shard that was never read, and the least: two thousand shards can be asked side by side within the
/// default budget. One that is far behind has as much as Kinesis gives a second and shard after six reads, of 250 ms each.
const LEAST: u32 = 32 * 1024;
/// Kinesis answers no more than this.
const MOST: u32 = 10 * 1024 * 1024;
/// `GetRecords` answers no more records than this.
const MOST_RECORDS: u32 = 10_000;

/// Estimates one shard's answers.
#[derive(Debug)]
pub(super) struct ReadSize {
    /// The whole budget: more is never asked for, which could not be granted.
    budget: u32,
    estimate: u32,
    record: u32,
}

/// What `records` cost while they wait for the engine.
pub(super) fn cost(records: &[Record]) -> usize {
    records.iter().map(|record| record.data.len() + RECORD_OVERHEAD).sum()
}

impl ReadSize {
    /// For a budget of `budget` bytes in all.
    pub(super) fn new(budget: u32) -> Self {
        Self { budget, estimate: LEAST.min(budget), record: 1024 }
    }

    /// Bytes to reserve before the next read.
    pub(super) fn permit(&self) -> u32 {
        self.estimate
    }

    /// A read failed. Who is refused, or waits for an answer that does not come, keeps little from the others.
    pub(super) fn on_failure(&mut self) {
        self.estimate = LEAST.min(self.budget);
    }

    /// Records to ask for.
    pub(super) fn limit(&self) -> u16 {
        let fitting = (self.estimate / self.record).clamp(1, MOST_RECORDS);
        u16::try_from(fitting).expect("clamped to 10,000")
    }

    /// An answer to a request for `limit` records cost `bytes`.
    pub(super) fn on_read(&mut self, bytes: usize, records: usize, limit: u16) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if let Some(average) = u32::try_from(records).ok().and_then(|records| bytes.checked_div(records)) {
            self.record = (self.record / 4 * 3 + average / 4).max(1);
        }
        let cut_off = records >= usize::from(limit);
        let wanted = if cut_off { self.estimate.saturating_mul(2) } else { self.estimate / 2 + bytes / 2 };
        self.estimate = wanted.max(bytes).clamp(LEAST, MOST).min(self.budget);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1024 * 1024;

    #[test]
    fn bd_1_a_permit_never_exceeds_the_whole_budget() {
        let mut size = ReadSize::new(1000);
        assert_eq!(size.permit(), 1000);
        size.on_read(50_000_000, 10, 10);
        assert_eq!(size.permit(), 1000);
        assert!(size.limit() >= 1);
    }

    #[test]
    fn answers_cut_off_by_the_limit_double_the_estimate_up_to_what_kinesis_gives() {
        let mut size = ReadSize::new(64 * MIB);
        for _ in 0..10 {
            let limit = size.limit();
            size.on_read(usize::from(limit) * 1024, usize::from(limit), limit);
        }
        assert_eq!(size.permit(), 10 * MIB);
        assert_eq!(size.limit(), 10_000);
    }

    #[test]
    fn bd_1_a_thousand_shards_begin_and_idle_within_the_default_budget() {
        let mut size = ReadSize::new(64 * MIB);
        for _ in 0..10 {
            assert!(size.permit() <= 64 * MIB / 1000);
            size.on_read(0, 0, size.limit());
        }
    }

    #[test]
    fn a_shard_far_behind_is_read_as_fast_as_kinesis_gives_after_six_reads() {
        let mut size = ReadSize::new(64 * MIB);
        for _ in 0..6 {
            let limit = size.limit();
            size.on_read(usize::from(limit) * 1024, usize::from(limit), limit);
        }
        assert!(size.permit() >= 2 * MIB, "{}", size.permit());
    }

    #[test]
    fn an_idle_shard_reserves_little() {
        let mut size = ReadSize::new(64 * MIB);
        for _ in 0..20 {
            size.on_read(0, 0, 1000);
        }
        assert_eq!(size.permit(), 32 * 1024);
    }

    #[test]
    fn bd_1_a_shard_whose_reads_fail_reserves_little_until_it_brings_much_again() {
        let mut size = ReadSize::new(64 * MIB);
        size.on_read(4 * MIB as usize, 40, 1000);
        size.on_failure();
        assert_eq!(size.permit(), 32 * 1024);
        size.on_read(4 * MIB as usize, 40, 1000);
        assert_eq!(size.permit(), 4 * MIB);
        let mut least = ReadSize::new(1000);
        least.on_failure();
        assert_eq!(least.permit(), 1000, "never more than there is");
    }

    #[test]
    fn a_large_answer_is_expected_again_at_once() {
        let mut size = ReadSize::new(64 * MIB);
        size.on_read(4 * MIB as usize, 40, 1000);
        assert_eq!(size.permit(), 4 * MIB);
    }

    #[test]
    fn large_records_lower_the_number_asked_for() {
        let mut size = ReadSize::new(64 * MIB);
        for _ in 0..20 {
            size.on_read(2 * MIB as usize, 8, 1000);
        }
        assert!((7..=9).contains(&size.limit()), "{}", size.limit());
    }

    #[test]
    fn the_cost_counts_data_and_a_share_for_every_record() {
        use crate::engine::{Position, SequenceNumber};
        let record = Record {
            position: Position::After(SequenceNumber::try_new("1").unwrap(), 0),
            arrival: crate::time::Arrival(0),
            data: vec![0; 72],
            refusal: None,
        };
        assert_eq!(cost(&[record.clone(), record]), 400);
    }
}
