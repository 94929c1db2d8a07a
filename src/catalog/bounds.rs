//! The bounds of partials, from the configuration.

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
    }
}
