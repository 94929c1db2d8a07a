//! The answers of the admin port: those for machines as plain text, those of the status page in `super::status`.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::TextEncoder;

use super::{AdminState, status};
use crate::telemetry::visible;

/// Everything that the port answers. Other paths are 404, other methods 405.
pub(super) fn router(state: AdminState) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/healthz", get(livez))
        .route("/readyz", get(readyz))
        .merge(status::router())
        .with_state(state)
}

async fn metrics(State(state): State<AdminState>) -> Response {
    match TextEncoder::new().encode_to_string(&state.registries.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be encoded");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be encoded\n".to_owned())
        }
    }
}

async fn livez(State(state): State<AdminState>) -> Response {
    let silent = state.silent(crate::clock::monotonic());
    if silent.is_empty() {
        return text(StatusCode::OK, "ok\n".to_owned());
    }
    let lines = silent
        .iter()
        .map(|(task, silence)| format!("[-] task {}: no heartbeat for {} s\n", visible(task), silence.as_secs()));
    text(StatusCode::SERVICE_UNAVAILABLE, lines.collect())
}

async fn readyz(State(state): State<AdminState>, RawQuery(query): RawQuery) -> Response {
    let mut checks = state.checks();
    let is_ready = checks.iter().all(|(_, reason)| reason.is_none());
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose = query.is_some_and(|query| query.split('&').any(|part| part == "verbose"));
    checks.retain(|(_, reason)| verbose || reason.is_some());
    let lines: String = checks.iter().map(|(check, reason)| line(check, reason.as_deref())).collect();
    text(status, if lines.is_empty() { "ok\n".to_owned() } else { lines })
}

/// Reasons may carry what a receiver said, so they are made harmless for a terminal.
fn line(check: &str, reason: Option<&str>) -> String {
    match reason {
        None => format!("[+] {check}\n"),
        Some(reason) => format!("[-] {check}: {}\n", visible(reason)),
    }
}

fn text(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}
