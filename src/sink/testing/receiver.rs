//! A webhook receiver on a free port of this host, whose answers are scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, Response, header};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::config::{Compression, DeliveryConfig, HttpConfig, SinkConfig, SinkKind, TlsConfig, WebhookConfig};
use crate::sink::testing::sink_config;

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub(in crate::sink) enum Answer {
    /// Answers this status.
    Status(u16),
    /// Answers this status with a `Retry-After`.
    RetryAfter(u16, &'static str),
    /// Answers 302 to this place.
    Redirect(&'static str),
    /// Answers 200 with this body.
    Body(&'static str),
    /// Answers 200 with a body of 16 MiB.
    LargeBody,
    /// Never answers.
    Hang,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(in crate::sink) struct Request {
    pub(in crate::sink) path: String,
    pub(in crate::sink) headers: HeaderMap,
    pub(in crate::sink) body: Bytes,
}

/// See the module.
#[derive(Clone)]
pub(in crate::sink) struct Receiver {
    pub(in crate::sink) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    gate: Arc<Semaphore>,
}

impl Receiver {
    /// Answers as scripted, in the order of the requests, then 200.
    pub(in crate::sink) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let receiver = Self::start_shut(answers).await;
        receiver.open();
        receiver
    }

    /// The same, but every request waits until [`Receiver::open`].
    pub(in crate::sink) async fn start_shut(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            gate: Arc::new(Semaphore::new(0)),
        };
        let state = receiver.clone();
        let app = axum::Router::new().fallback(move |request: HttpRequest| async move { state.answer(request).await });
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    pub(in crate::sink) fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub(in crate::sink) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// A required sink named `hook` that posts here, with back-offs of milliseconds.
    pub(in crate::sink) fn sink(&self, change: impl FnOnce(&mut WebhookConfig)) -> SinkConfig {
        let mut webhook = webhook_config(&format!("http://127.0.0.1:{}/hook", self.port));
        change(&mut webhook);
        SinkConfig { kind: SinkKind::Webhook(webhook), delivery: quick(), ..sink_config("hook") }
    }

    async fn answer(self, request: HttpRequest) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let path = parts.uri.path().to_owned();
        self.requests.lock().unwrap().push(Request { path, headers: parts.headers, body: body.clone() });
        self.gate.acquire().await.unwrap().forget();
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(200));
        let response = Response::builder();
        match answer {
            // The request comes back in the body, as careless receivers do.
            Answer::Status(status) => response.status(status).body(body.into()),
            Answer::RetryAfter(status, value) => {
                response.status(status).header(header::RETRY_AFTER, value).body(Body::empty())
            }
            Answer::Redirect(to) => response.status(302).header(header::LOCATION, to).body(Body::empty()),
            Answer::Body(body) => response.body(body.into()),
            Answer::LargeBody => response.body(vec![b'x'; 16 << 20].into()),
            Answer::Hang => std::future::pending().await,
        }
        .unwrap()
    }
}

/// A webhook to `url` with limits for tests: everything in milliseconds.
pub(in crate::sink) fn webhook_config(url: &str) -> WebhookConfig {
    WebhookConfig { http: http_config(url), signing_keys: Vec::new(), auth: None }
}

/// Back-offs of milliseconds.
pub(in crate::sink) fn quick() -> DeliveryConfig {
    DeliveryConfig {
        retry_min: Duration::from_millis(1),
        retry_max: Duration::from_millis(4),
        concurrency: 4,
        ..DeliveryConfig::default()
    }
}

fn http_config(url: &str) -> HttpConfig {
    HttpConfig {
        url: url.to_owned(),
        allow_http: true,
        allow_private: true,
        headers: Vec::new(),
        timeout: Duration::from_secs(5),
        compression: Compression::None,
        tls: TlsConfig::default(),
        proxy: None,
    }
}
