//! The bounds of partials, from the configuration.

use std::hash::{BuildHasher as _, RandomState};

use sha2::{Digest, Sha256};

use crate::config::LimitsConfig;
use crate::plan::Bounds;

/// BD-3: without a key of its own, which values are shown is keyed by the source's name, so that replay agrees with
/// live.
pub fn bounds(limits: &LimitsConfig, source_name: &str) -> Bounds {
    let key = limits.sampling_key.as_ref().map_or(source_name, |key| key.0.as_str());
    let digest = Sha256::new().chain_update("trailrisk.sampling_key/v1:").chain_update(key).finalize();
    let mut sampling_key = [0; 16];
    sampling_key.copy_from_slice(&digest[..16]);
    Bounds {
        max_ids_per_group: limits.max_ids_per_group,
        max_values: limits.max_values,
        max_distinct_values: limits.max_distinct_values,
        max_evidence: limits.max_evidence,
        sampling_key,
        table_key: random_key(),
    }
}

/// The standard library seeds its hash tables from the operating system; so are ours.
fn random_key() -> [u8; 16] {
    let state = RandomState::new();
    let [low, high] = [0_u8, 1].map(|half| state.hash_one(half).to_le_bytes());
    let mut key = [0; 16];
    key[..8].copy_from_slice(&low);
    key[8..].copy_from_slice(&high);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bd_4_every_process_has_a_key_of_its_own_for_its_tables() {
        let limits = LimitsConfig::default();
        let [one, other] = [bounds(&limits, "trail"), bounds(&limits, "trail")];
        assert_ne!(one.table_key, other.table_key);
        assert_ne!(one.table_key[..8], one.table_key[8..]);
        assert_eq!(one.sampling_key, other.sampling_key, "which decides results");
    }
}
