//! All integration tests in one binary: linked once, and one place for what they share.

mod alerts;
mod daemon;
mod dashboard;
mod deploy;
mod kinesis_local;
mod metrics_page;
mod source;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod tidy;
mod troubleshooting;
