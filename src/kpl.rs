//! Aggregates of the Kinesis Producer Library: one Kinesis record that holds many user records. Pure.
//!
//! Owns: the format (`magic | protobuf | MD5 of the protobuf`) and hash keys. Deliberately absent: what becomes of a user
//! record whose key belongs to another shard (the source's), and what is in one (`cloudtrail`'s).

use md5::{Digest, Md5};
use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, decode_key, skip_field};

/// The first bytes of an aggregate.
const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
const DIGEST_BYTES: usize = 16;
/// An aggregate may have so many fields, and one more for every [`BYTES_A_FIELD`]: in memory a field costs a hundred bytes,
/// so many empty ones would cost fifty times the record. One that carries events has at most three for each.
const FIELDS: usize = 1024;
const BYTES_A_FIELD: usize = 64;

/// The hash keys of a shard, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashRange {
    /// `StartingHashKey`.
    pub from: u128,
    /// `EndingHashKey`.
    pub to: u128,
}

/// One user record of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Its data, as the producer put it.
    pub data: Vec<u8>,
    /// Its explicit hash key, else the MD5 of its partition key, by which Kinesis would have placed it alone. None where
    /// the aggregate does not hold the key that it names.
    pub hash_key: Option<u128>,
}

/// What begins like an aggregate and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAggregate {
    /// Cut off, or changed on its way.
    Digest,
    /// Not the message that the format prescribes.
    Protobuf,
    /// Nothing in it.
    Empty,
    /// Made to cost memory.
    TooManyFields,
    /// Found by whoever looks into its user records: nothing makes such, and nothing would end it.
    Nested,
}

impl BadAggregate {
    /// For the dead letter.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Digest => "the digest of the KPL aggregate does not match",
            Self::Protobuf => "the protobuf of the KPL aggregate does not hold",
            Self::Empty => "the KPL aggregate holds no user record",
            Self::TooManyFields => "the KPL aggregate has more fields than records of its size could need",
            Self::Nested => "a KPL aggregate inside a KPL aggregate",
        }
    }
}

/// `AggregatedRecord` of the aggregation format. `Tag`s, which nothing writes, are not read.
#[derive(Clone, PartialEq, Message)]
struct Aggregate {
    #[prost(string, repeated, tag = "1")]
    partition_keys: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<Entry>,
}

/// `Record` of the aggregation format.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint64, required, tag = "1")]
    partition_key_index: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key_index: Option<u64>,
    #[prost(bytes = "vec", required, tag = "3")]
    data: Vec<u8>,
}

impl HashRange {
    /// Whether the key belongs to the shard.
    pub fn contains(&self, key: u128) -> bool {
        (self.from..=self.to).contains(&key)
    }
}

/// Whether a record says that it is an aggregate.
pub fn is_aggregate(data: &[u8]) -> bool {
    data.starts_with(&MAGIC)
}

/// The user records of an aggregate, in its order; at least one.
///
/// # Errors
/// [`BadAggregate`], for the whole of it.
pub fn split(data: &[u8]) -> Result<Vec<UserRecord>, BadAggregate> {
    let body = data.strip_prefix(&MAGIC).ok_or(BadAggregate::Protobuf)?;
    let (message, digest) = body.split_last_chunk::<DIGEST_BYTES>().ok_or(BadAggregate::Digest)?;
    if Md5::digest(message)[..] != digest[..] {
        return Err(BadAggregate::Digest);
    }
    if fields(message)? > FIELDS + message.len() / BYTES_A_FIELD {
        return Err(BadAggregate::TooManyFields);
    }
    let aggregate = Aggregate::decode(message).map_err(|_| BadAggregate::Protobuf)?;
    if aggregate.records.is_empty() {
        return Err(BadAggregate::Empty);
    }
    Ok(aggregate.user_records())
}

impl Aggregate {
    fn user_records(self) -> Vec<UserRecord> {
        let hashed: Vec<u128> = self.partition_keys.iter().map(|key| hash_key(key)).collect();
        let explicit: Vec<Option<u128>> = self.explicit_hash_keys.iter().map(|key| key.parse().ok()).collect();
        let key = |entry: &Entry| match entry.explicit_hash_key_index {
            Some(index) => explicit.get(usize::try_from(index).ok()?).copied()?,
            None => hashed.get(usize::try_from(entry.partition_key_index).ok()?).copied(),
        };
        let user_record = |entry: Entry| UserRecord { hash_key: key(&entry), data: entry.data };
        self.records.into_iter().map(user_record).collect()
    }
}

/// Where Kinesis places a partition key: its MD5, as a number.
fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

/// How many fields a message has, without making anything of them.
fn fields(mut message: &[u8]) -> Result<usize, BadAggregate> {
    let mut fields = 0;
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message).map_err(|_| BadAggregate::Protobuf)?;
        skip_field(wire_type, tag, &mut message, DecodeContext::default()).map_err(|_| BadAggregate::Protobuf)?;
        fields += 1;
    }
    Ok(fields)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
