//! How an HTTP receiver is reached.

use std::time::Duration;

use super::Secret;

/// An HTTP receiver, whatever is sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// `url`.
    pub url: String,
    /// `allow_http`: plain http is refused otherwise.
    pub allow_http: bool,
    /// `allow_private`: hosts that are loopback, link-local or metadata addresses are refused otherwise.
    pub allow_private: bool,
    /// `headers`: extra headers; values may hold secrets.
    pub headers: Vec<(String, Secret)>,
    /// `timeout` of one attempt, default 10 s.
    pub timeout: Duration,
    /// `compression` of what is sent.
    pub compression: Compression,
    /// `tls`.
    pub tls: TlsConfig,
    /// `proxy`: none, the default, or what the environment says.
    pub proxy: Option<ProxyConfig>,
}

/// `compression`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// `none`, the default.
    #[default]
    None,
    /// `gzip`, named in `Content-Encoding`.
    Gzip,
}

impl Compression {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::None, Self::Gzip];

    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
        }
    }
}

/// `tls`: whom to trust, and who we are. All texts are PEM and have been read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// `ca_certificate`: the only roots that are trusted; without it those of the platform.
    pub ca_certificate: Option<String>,
    /// `client_certificate` with its chain, and then `client_key`, which belongs to it.
    pub identity: Option<Secret>,
}

/// `proxy: environment`. Both URLs may hold a password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyConfig {
    /// `HTTP_PROXY`: what leads to plain http; none: nothing does.
    pub http: Option<Secret>,
    /// `HTTPS_PROXY`: what leads to https; none: nothing does.
    pub https: Option<Secret>,
    /// `NO_PROXY`: what is reached without.
    pub exceptions: String,
}
