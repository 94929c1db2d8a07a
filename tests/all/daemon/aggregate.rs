//! Aggregates as the Kinesis Producer Library makes them, written from its format.

use md5::{Digest as _, Md5};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct AggregatedRecord {
    #[prost(string, repeated, tag = "1")]
    partition_key_table: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_key_table: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<UserRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct UserRecord {
    #[prost(uint64, required, tag = "1")]
    partition_key_index: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key_index: Option<u64>,
    #[prost(bytes = "vec", required, tag = "3")]
    data: Vec<u8>,
}

/// One record of user records that all have the partition key `key`; some have an explicit hash key, too.
pub fn aggregate(key: &str, user_records: impl IntoIterator<Item = (Option<u128>, Vec<u8>)>) -> Vec<u8> {
    let mut whole = AggregatedRecord { partition_key_table: vec![key.to_owned()], ..AggregatedRecord::default() };
    for (explicit, data) in user_records {
        let explicit_hash_key_index = explicit.map(|explicit| {
            whole.explicit_hash_key_table.push(explicit.to_string());
            whole.explicit_hash_key_table.len() as u64 - 1
        });
        whole.records.push(UserRecord { partition_key_index: 0, explicit_hash_key_index, data });
    }
    let message = whole.encode_to_vec();
    [&[0xF3, 0x89, 0x9A, 0xC2][..], &message, &Md5::digest(&message)[..]].concat()
}
