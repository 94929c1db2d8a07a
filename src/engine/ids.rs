//! Words of Kinesis that the engine knows: shards, sequence numbers, positions.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A Kinesis shard's id, such as `shardId-000000000000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub Arc<str>);

/// A Kinesis sequence number: a decimal of up to 128 digits, without leading zeros. Ordered as a number, which for
/// such texts is: by length, then by bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SequenceNumber(Arc<str>);

/// A text that is no sequence number.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a sequence number: it must be 1 to 128 decimal digits")]
pub struct InvalidSequenceNumber(pub String);

/// How far a shard is read. Half-open thinking: a position stands *after* the record that it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Before the first record that the shard's starting point admits.
    Start,
    /// After the record with this sequence number and sub-sequence number (of a KPL aggregate; 0 otherwise).
    After(SequenceNumber, u32),
    /// After the last record of a closed shard.
    End,
}

impl SequenceNumber {
    /// Reads a sequence number.
    ///
    /// # Errors
    /// When the text is empty, longer than 128 characters, or holds anything but digits.
    pub fn try_new(text: &str) -> Result<Self, InvalidSequenceNumber> {
        let valid = !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_digit());
        if !valid {
            return Err(InvalidSequenceNumber(text.chars().take(160).collect()));
        }
        let digits = text.trim_start_matches('0');
        Ok(Self(if digits.is_empty() { "0" } else { digits }.into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for SequenceNumber {
    type Error = InvalidSequenceNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::try_new(&text)
    }
}

impl From<SequenceNumber> for String {
    fn from(number: SequenceNumber) -> Self {
        number.0.to_string()
    }
}

impl ShardId {
    /// A shard id.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::After(number, 0) => write!(f, "{number}"),
            Self::After(number, sub) => write!(f, "{number}.{sub}"),
            Self::End => f.write_str("end"),
        }
    }
}
