//! `format`: how a risk event is written for its receiver. Deliberately absent: the writing (`sink::format`).

/// `ocsf_version`: which version of the schema the findings follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OcsfVersion {
    /// 1.1.0, which Amazon Security Lake takes.
    V1_1_0,
    /// 1.5.0.
    V1_5_0,
    /// 1.8.0.
    #[default]
    V1_8_0,
}

impl OcsfVersion {
    /// Every version, descending.
    pub const ALL: [Self; 3] = [Self::V1_8_0, Self::V1_5_0, Self::V1_1_0];

    /// As it is written in `metadata.version`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1_0 => "1.1.0",
            Self::V1_5_0 => "1.5.0",
            Self::V1_8_0 => "1.8.0",
        }
    }
}
