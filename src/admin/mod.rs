//! The admin port: the status page, `/metrics`, `/livez` (and `/healthz`), `/readyz`, and the client behind
//! `trailrisk healthcheck`.
//!
//! Deliberately absent: anything that changes the daemon. The port only answers GET and HEAD, has no authentication,
//! and therefore listens on loopback unless the configuration says otherwise.

mod client;
mod liveness;
mod readiness;
mod routes;
mod server;
mod status;
#[cfg(test)]
mod tests;
mod view;

pub use client::{HealthcheckError, healthcheck};
pub use liveness::{Heartbeat, Liveness};
pub use readiness::{Check, Readiness};
pub use server::{AdminError, AdminServer};
pub use view::View;

use std::sync::Arc;

use crate::metrics::Registries;

/// What the admin port shows. Cloning shares it.
#[derive(Clone)]
pub struct AdminState {
    /// What `/metrics` gathers.
    pub registries: Registries,
    /// One a source, at least one.
    pub views: Arc<[View]>,
}
