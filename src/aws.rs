//! The way to AWS that all clients take: the SDK's standard chain of region and credentials.
//!
//! Deliberately absent: clients, retries and time-outs, which belong to who uses the service.

use aws_config::{BehaviorVersion, Region, SdkConfig};

/// Region, endpoint and credentials; what is not given comes from the environment, the profile or the instance. None
/// where no region is known.
pub(crate) async fn connect(region: Option<&str>, endpoint_url: Option<&str>) -> Option<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(url) = endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let sdk = loader.load().await;
    sdk.region().is_some().then_some(sdk)
}
