//! The way to AWS that all clients take: the SDK's standard chain of region and credentials, and a role assumed with them.
//!
//! Deliberately absent: clients, retries and time-outs, which belong to who uses the service.

use std::error::Error;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kinesis::config::{ProvideCredentials, SharedCredentialsProvider};

use crate::config::RoleConfig;

/// What CloudTrail shows of who has assumed a role.
const SESSION_NAME: &str = "trailrisk";

/// Without certificate authorities the SDK's client panics when it is built, whatever it is to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "this host has no certificate authorities to trust, without which AWS cannot be asked: install ca-certificates, or \
     name a file of them in SSL_CERT_FILE"
)]
pub struct NoAuthorities;

/// Region, endpoint and credentials; what is not given comes from the environment, the profile or the instance. With a
/// role the credentials are those of its sessions, which are renewed as they run out. None where no region is known, which
/// is so as well where a variable or the profile sets it to nothing.
///
/// # Errors
/// No certificate authorities.
pub(crate) async fn connect(
    region: Option<&str>,
    endpoint_url: Option<&str>,
    role: Option<&RoleConfig>,
) -> Result<Option<SdkConfig>, NoAuthorities> {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(NoAuthorities);
    }
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let mut sdk = loader.load().await;
    if let Some(role) = role {
        // Before the endpoint is set: that is the stream's, not the one of STS.
        let mut session = AssumeRoleProvider::builder(&role.arn).configure(&sdk).session_name(SESSION_NAME);
        if let Some(id) = &role.external_id {
            session = session.external_id(id);
        }
        let provider = SharedCredentialsProvider::new(session.build().await);
        sdk = sdk.into_builder().credentials_provider(provider).build();
    }
    if let Some(url) = endpoint_url {
        sdk = sdk.into_builder().endpoint_url(url).build();
    }
    let has_region = sdk.region().is_some_and(|region| !region.as_ref().trim().is_empty());
    Ok(has_region.then_some(sdk))
}

/// Asks the chain for credentials once.
///
/// # Errors
/// What it tried, where it has none.
pub(crate) async fn check_credentials(sdk: &SdkConfig) -> Result<(), String> {
    let provider = sdk.credentials_provider().ok_or_else(|| "the SDK has no provider".to_owned())?;
    provider.provide_credentials().await.map(drop).map_err(|error| chain(&error))
}

/// The error and its causes, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
