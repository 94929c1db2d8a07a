//! Failures on demand, in the order in which they were asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;

/// How a request fails.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Kinesis answers with this status and error code.
    Error(u16, &'static str),
    /// No answer, ever.
    Hang,
    /// The connection is cut instead of an answer.
    Reset,
    /// The answer comes that much later.
    Latency(Duration),
}

impl Fault {
    /// The limits of the shard are reached.
    pub const THROTTLE: Self = Self::Error(400, "ProvisionedThroughputExceededException");
    /// The iterator is older than five minutes.
    pub const EXPIRED_ITERATOR: Self = Self::Error(400, "ExpiredIteratorException");
    /// Kinesis itself fails.
    pub const INTERNAL: Self = Self::Error(500, "InternalFailure");
    /// IAM refuses.
    pub const ACCESS_DENIED: Self = Self::Error(400, "AccessDeniedException");
    /// There is no such stream or shard.
    pub const NOT_FOUND: Self = Self::Error(400, "ResourceNotFoundException");
    /// The key of the stream is disabled.
    pub const KMS_DISABLED: Self = Self::Error(400, "KMSDisabledException");
}

/// What shall go wrong, what was asked, and which repairs are off.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Plan>);

#[derive(Debug, Default)]
struct Plan {
    rules: Vec<Rule>,
    calls: BTreeMap<String, usize>,
    page_size: Option<u32>,
    hide_children: bool,
}

#[derive(Debug)]
struct Rule {
    operation: &'static str,
    fault: Fault,
    left: usize,
}

impl Faults {
    /// The next `times` calls of `operation` fail so.
    pub fn inject(&self, operation: &'static str, fault: Fault, times: usize) {
        self.plan(|plan| plan.rules.push(Rule { operation, fault, left: times }));
    }

    /// Every call of `operation` fails so, until [`Self::clear`].
    pub fn inject_always(&self, operation: &'static str, fault: Fault) {
        self.inject(operation, fault, usize::MAX);
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.plan(|plan| plan.rules.clear());
    }

    /// How often `operation` was called, faults included.
    pub fn calls(&self, operation: &str) -> usize {
        self.plan(|plan| plan.calls.get(operation).copied().unwrap_or(0))
    }

    /// `ListShards` answers in pages of so many shards.
    pub fn set_page_size(&self, shards: u32) {
        self.plan(|plan| plan.page_size = Some(shards));
    }

    /// `GetRecords` does not name the children at the end of a shard.
    pub fn hide_children(&self) {
        self.plan(|plan| plan.hide_children = true);
    }

    pub(super) fn page_size(&self) -> Option<u32> {
        self.plan(|plan| plan.page_size)
    }

    pub(super) fn children_hidden(&self) -> bool {
        self.plan(|plan| plan.hide_children)
    }

    fn next(&self, operation: &str) -> Option<Fault> {
        self.plan(|plan| {
            *plan.calls.entry(operation.to_owned()).or_default() += 1;
            let rule = plan.rules.iter_mut().find(|rule| rule.operation == operation && rule.left > 0)?;
            rule.left -= 1;
            Some(rule.fault.clone())
        })
    }

    fn plan<T>(&self, work: impl FnOnce(&mut Plan) -> T) -> T {
        work(&mut self.0.lock().expect("no test panics while it holds the plan"))
    }
}

/// Puts the faults in front of `app`.
pub(super) fn layer(app: Router, faults: Arc<Faults>) -> Router {
    app.layer(middleware::from_fn_with_state(faults, fail_or_pass))
}

/// The operation of a request: what follows the dot of `X-Amz-Target`.
pub(super) fn operation(request: &Request) -> String {
    let target = request.headers().get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

async fn fail_or_pass(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    match faults.next(&operation(&request)) {
        None => next.run(request).await,
        Some(Fault::Error(status, code)) => error(status, code),
        Some(Fault::Hang) => std::future::pending().await,
        // Ends the task of this connection without a word on standard error.
        Some(Fault::Reset) => std::panic::resume_unwind(Box::new("the connection is cut")),
        Some(Fault::Latency(delay)) => {
            tokio::time::sleep(delay).await;
            next.run(request).await
        }
    }
}

fn error(status: u16, code: &str) -> Response {
    let body = format!(r#"{{"__type":"{code}","message":"injected by the test"}}"#);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("injected"));
    response
}
