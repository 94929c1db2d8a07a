//! All integration tests in one binary: linked once, and one place for what they share.

mod alerts;
mod bridge;
mod daemon;
mod dashboard;
mod dependencies;
mod deploy;
mod dynamodb;
mod kinesis_local;
mod metrics_page;
mod mistakes;
mod source;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod tidy;
mod troubleshooting;
