//! Aggregates for tests.

use md5::{Digest, Md5};
use prost::Message;

use super::{Aggregate, Entry, MAGIC};

/// A user record to put into an aggregate: partition key, explicit hash key, data.
pub(crate) type Put<'a> = (&'a str, Option<u128>, &'a [u8]);

/// As a producer makes it, but for tables that name a key once.
pub(crate) fn aggregate(puts: &[Put<'_>]) -> Vec<u8> {
    let mut aggregate = Aggregate::default();
    for (index, (partition_key, explicit, data)) in puts.iter().enumerate() {
        aggregate.partition_keys.push((*partition_key).to_owned());
        let explicit_hash_key_index = explicit.map(|key| {
            aggregate.explicit_hash_keys.push(key.to_string());
            aggregate.explicit_hash_keys.len() as u64 - 1
        });
        let entry = Entry { partition_key_index: index as u64, explicit_hash_key_index, data: data.to_vec() };
        aggregate.records.push(entry);
    }
    sealed(&aggregate.encode_to_vec())
}

/// Any bytes as the message of an aggregate whose digest holds.
pub(crate) fn sealed(message: &[u8]) -> Vec<u8> {
    [&MAGIC[..], message, &Md5::digest(message)[..]].concat()
}
