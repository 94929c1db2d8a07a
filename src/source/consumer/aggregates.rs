//! What was read, as user records that were not sent before.

use super::{Consumer, Halt};
use crate::kpl::{self, HashRange};
use crate::source::api::KinesisApi;
use crate::source::{Record, user_records};

impl<A: KinesisApi> Consumer<A> {
    /// Takes aggregates apart, and leaves out what lies up to the position that was begun behind: of the first record that
    /// is read from a checkpoint, some or all.
    pub(super) async fn user_records(&mut self, records: Vec<Record>) -> Result<Vec<Record>, Halt> {
        let bytes = records.iter().map(|record| record.data.len()).sum();
        let range = self.range_for(&records).await?;
        let mut read = user_records(records, range.as_ref());
        read.records.retain(|record| record.position > self.cursor.position);
        self.shared.count_records(&self.shard, &read, bytes);
        Ok(read.records)
    }

    /// The hash keys that user records are held against; none where they are not, or where no listing knows the shard.
    async fn range_for(&mut self, records: &[Record]) -> Result<Option<HashRange>, Halt> {
        let has_aggregate = records.iter().any(|record| kpl::is_aggregate(&record.data));
        if !has_aggregate || !self.shared.checks_hash_range() {
            return Ok(None);
        }
        loop {
            // A child may be read before it is listed.
            if let Some(range) = self.shared.hash_range(&self.shard) {
                return Ok(Some(range));
            }
            match self.list().await? {
                Ok(listing) => {
                    self.shared.learn_hash_ranges(&listing);
                    return Ok(self.shared.hash_range(&self.shard));
                }
                Err(error) => self.hold(&error).await?,
            }
        }
    }
}
