//! How a stream is read: from where, by polling or enhanced fan-out, and what is done with aggregates.

use crate::time::Arrival;

/// `reader`: how records are taken from a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderConfig {
    /// `GetRecords`, whose limits all polling readers of the stream share.
    Polling,
    /// `SubscribeToShard`, as a registered consumer with limits of its own.
    FanOut {
        /// `consumer`.
        consumer: ConsumerRef,
        /// `register_consumer`: register the name if it is not.
        register: bool,
    },
}

/// A registered consumer of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerRef {
    /// By its name at the stream.
    Name(String),
    /// By its ARN.
    Arn(String),
}

/// `hash_range_check`: whether a user record of an aggregate is rejected whose hash key belongs to another shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashRangeCheck {
    /// Where producers' keys place records.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// `protocol`: who reads the answers of `GetRecords`. The records are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolConfig {
    /// Ourselves, and the SDK what is unusual.
    Own,
    /// The SDK.
    Sdk,
}

/// A role that is assumed with the credentials of the SDK's standard chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleConfig {
    /// `role_arn`.
    pub arn: String,
    /// `external_id`, which the role's trust policy may ask for.
    pub external_id: Option<String>,
}

/// Where a stream without a checkpoint is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartConfig {
    /// Now, resolved once (RD-4).
    Latest,
    /// The oldest record.
    TrimHorizon,
    /// The first record at or after this instant.
    AtTimestamp(Arrival),
}

impl ReaderConfig {
    /// As the configuration spells it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::FanOut { .. } => "fan_out",
        }
    }
}

impl ProtocolConfig {
    /// As the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Sdk => "sdk",
        }
    }
}

impl ConsumerRef {
    /// Name or ARN, as configured.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(text) | Self::Arn(text) => text,
        }
    }
}

impl HashRangeCheck {
    /// As the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }

    /// Whether to check on a stream whose records are placed by producers' keys, or are not.
    pub fn applies(self, placed_by_key: bool) -> bool {
        match self {
            Self::Auto => placed_by_key,
            Self::On => true,
            Self::Off => false,
        }
    }
}
