//! `/`, `/api/status` and `/api/status/events`: the status page, the same as JSON, and its changes as they come; of several
//! sources each has its own, by `?source=NAME`, and without that there is a line of each.

mod host;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;

use super::AdminState;
use super::view::Asked;
use crate::status::{self, Index, Page};

/// Nothing but what this port serves itself: no inline script or style, no frame, no form, no other host.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Streams at a time; a browser's tab has one.
const MAX_STREAMS: usize = 8;

/// The paths of the status page. Each answers GET and HEAD.
pub(super) fn router() -> Router<AdminState> {
    let streams = Arc::new(Semaphore::new(MAX_STREAMS));
    Router::new()
        .route("/", get(page))
        .route("/api/status", get(json))
        .route("/api/status/events", get(move |state, query| events(state, query, streams)))
        .route("/status.css", asset("text/css; charset=utf-8", include_str!("../status/page/status.css")))
        .route("/status.js", asset("text/javascript; charset=utf-8", include_str!("../status/page/status.js")))
        .route("/status.svg", asset("image/svg+xml", include_str!("../status/page/status.svg")))
        .layer(middleware::map_response(protect))
        .layer(middleware::from_fn(host::check))
}

async fn page(State(state): State<AdminState>, RawQuery(query): RawQuery) -> Response {
    match state.asked(query.as_deref()) {
        Asked::One(view) => answer("text/html; charset=utf-8", Page::of(&view.status()).document()),
        Asked::All => answer("text/html; charset=utf-8", index(&state).document()),
        Asked::Unknown => unknown(&state),
    }
}

async fn json(State(state): State<AdminState>, RawQuery(query): RawQuery) -> Response {
    match state.asked(query.as_deref()) {
        Asked::One(view) => answer("application/json", status::json(&view.status())),
        Asked::All => answer("application/json", index(&state).json()),
        Asked::Unknown => unknown(&state),
    }
}

fn index(state: &AdminState) -> Index {
    Index::of(state.views.iter().map(|view| (view.source.clone().unwrap_or_default(), view.status())))
}

fn unknown(state: &AdminState) -> Response {
    let names: Vec<&str> = state.views.iter().filter_map(|view| view.source.as_deref()).collect();
    let message = match names[..] {
        [] => "there is one source, which is asked without ?source=NAME\n".to_owned(),
        _ => format!("say which source with ?source=NAME: {}\n", names.join(", ")),
    };
    (StatusCode::NOT_FOUND, message).into_response()
}

async fn events(State(state): State<AdminState>, RawQuery(query): RawQuery, streams: Arc<Semaphore>) -> Response {
    let Asked::One(view) = state.asked(query.as_deref()) else { return unknown(&state) };
    match streams.try_acquire_owned() {
        Ok(slot) => answer("text/event-stream", Body::new(stream::open(view.clone(), slot))),
        Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")], "too many readers\n").into_response()
        }
    }
}

fn asset(content_type: &'static str, text: &'static str) -> axum::routing::MethodRouter<AdminState> {
    get(move || async move { answer(content_type, text) })
}

fn answer(content_type: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], body.into()).into_response()
}

async fn protect(mut response: Response) -> Response {
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    set(response.headers_mut(), headers);
    response
}

fn set<const N: usize>(headers: &mut HeaderMap, values: [(HeaderName, &'static str); N]) {
    headers.extend(values.map(|(name, value)| (name, HeaderValue::from_static(value))));
}
