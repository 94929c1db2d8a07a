//! `type: webhook`.

use super::{HttpConfig, Secret};

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Where to, and how to get there.
    pub http: HttpConfig,
    /// `signing_secrets`: each makes a signature of every delivery; at most 4, none by default.
    pub signing_keys: Vec<SigningKey>,
    /// `auth`: how the receiver knows us; beside it no header `Authorization` is configured.
    pub auth: Option<AuthConfig>,
}

/// `auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthConfig {
    /// `bearer`: a token, in visible ASCII.
    Bearer(Secret),
    /// `basic`.
    Basic {
        /// `user`, without a colon.
        user: Secret,
        /// `password`.
        password: Secret,
    },
}

/// A decoded signing secret, 24 to 64 bytes. It is never shown: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(pub Vec<u8>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}
