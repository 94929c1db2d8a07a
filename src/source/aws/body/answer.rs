//! An answer of `GetRecords`, without its data.

use aws_sdk_kinesis::primitives::DateTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::engine::{Position, SequenceNumber};
use crate::source::Record;
use crate::source::api::{ReadAnswer, ShardIterator};
use crate::source::aws::{UNKNOWN_BEHIND, arrival};
use crate::time::Arrival;

/// What most answers of `GetRecords` are, where no text has an escape. Nothing else is in here, so that what generated code
/// would make of anything else is never guessed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    records: Vec<Entry<'a>>,
    next_shard_iterator: Option<&'a str>,
    millis_behind_latest: Option<i64>,
    #[serde(borrow)]
    child_shards: Option<&'a RawValue>,
}

/// A record. Also what of it nobody asks for: where that is no text, the SDK refuses the answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(deserialize_with = "sequence_number")]
    sequence_number: SequenceNumber,
    data: &'a str,
    #[serde(default, deserialize_with = "epoch_seconds")]
    approximate_arrival_timestamp: Option<DateTime>,
    #[serde(rename = "PartitionKey")]
    _partition_key: Option<&'a str>,
    #[serde(rename = "EncryptionType")]
    _encryption_type: Option<&'a str>,
}

fn sequence_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SequenceNumber, D::Error> {
    SequenceNumber::try_new(<&str>::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// From here on a double holds whole numbers only, also those that are none of 64 bits and that the SDK refuses.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// As the SDK reads it: a whole number as it is, any other by way of a double.
fn epoch_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime>, D::Error> {
    let Some(number) = <Option<serde_json::Number>>::deserialize(deserializer)? else { return Ok(None) };
    match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => Ok(Some(DateTime::from_secs(seconds))),
        (None, Some(seconds)) if number.is_f64() && seconds.abs() < WHOLE => Ok(Some(DateTime::from_secs_f64(seconds))),
        (None, _) => Err(D::Error::custom("beyond the seconds that a time stamp can have")),
    }
}

impl<'a> Answer<'a> {
    /// None where it is the SDK's to read.
    pub fn read(rest: &'a [u8]) -> Option<Self> {
        let answer: Self = serde_json::from_slice(rest).ok()?;
        let goes_on = answer.next_shard_iterator.is_some() || answer.millis_behind_latest.is_some();
        (answer.child_shards.is_none() && goes_on).then_some(answer)
    }

    /// Where in the rest the data of each record stood.
    pub fn places(&self, rest: &[u8]) -> impl Iterator<Item = usize> {
        self.records.iter().map(|record| record.data.as_ptr().addr().wrapping_sub(rest.as_ptr().addr()))
    }

    /// With the data of its records.
    pub fn with(self, data: impl Iterator<Item = Vec<u8>>) -> ReadAnswer {
        let records = self.records.into_iter().zip(data).map(|(record, data)| {
            let arrival = record.approximate_arrival_timestamp.map_or(Arrival::MIN, |at| arrival(&at));
            Record { position: Position::After(record.sequence_number, 0), arrival, data, refusal: None }
        });
        ReadAnswer {
            records: records.collect(),
            next: self.next_shard_iterator.map(|iterator| ShardIterator(iterator.to_owned())),
            millis_behind_latest: self.millis_behind_latest.unwrap_or(UNKNOWN_BEHIND),
            children: Vec::new(),
        }
    }
}
