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

pub use client::{HealthcheckError, healthcheck};
pub use liveness::{Heartbeat, Liveness};
pub use readiness::{Check, Readiness};
pub use server::{AdminError, AdminServer};

use crate::status::Board;

/// What the admin port shows. Cloning shares it.
#[derive(Clone)]
pub struct AdminState {
    /// What `/metrics` gathers.
    pub registry: prometheus::Registry,
    /// What `/livez` asks.
    pub liveness: Liveness,
    /// What `/readyz` asks.
    pub readiness: Readiness,
    /// What the status page shows.
    pub board: Board,
}
