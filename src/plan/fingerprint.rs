//! What tells one plan from another (WN-7).

use std::fmt;

use sha2::{Digest, Sha256};

use crate::plan::PlanText;

/// SHA-256 over the canonical JSON of a plan's text, never over anything compiled from it (WN-7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of this text: of its JSON without blanks, fields in the order of their declaration.
    pub fn of(text: &PlanText) -> Self {
        let canonical = serde_json::to_vec(text).expect("a plan text is strings, numbers and lists of them");
        Self(Sha256::digest(canonical).into())
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
