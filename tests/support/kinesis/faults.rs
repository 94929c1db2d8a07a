//! Failures on demand, in the order in which they were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, DATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio_util::sync::CancellationToken;

use super::arrivals::now_millis;
use super::endpoint::TESTS;
use super::torn::Torn;

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
    /// The answer comes once this is cancelled.
    Until(CancellationToken),
    /// The answer is a success with this body.
    Body(&'static str),
    /// The connection is cut in the middle of the true answer.
    Torn,
}

impl Fault {
    /// The limits of the shard are reached.
    pub const THROTTLE: Self = Self::Error(400, "ProvisionedThroughputExceededException");
    /// The iterator is older than five minutes.
    pub const EXPIRED_ITERATOR: Self = Self::Error(400, "ExpiredIteratorException");
    /// Kinesis itself fails.
    pub const INTERNAL: Self = Self::Error(500, "InternalFailure");
    /// The temporary credentials are too old.
    pub const EXPIRED_TOKEN: Self = Self::Error(400, "ExpiredTokenException");
    /// IAM refuses.
    pub const ACCESS_DENIED: Self = Self::Error(400, "AccessDeniedException");
    /// There is no such stream or shard.
    pub const NOT_FOUND: Self = Self::Error(400, "ResourceNotFoundException");
    /// The key of the stream is disabled.
    pub const KMS_DISABLED: Self = Self::Error(400, "KMSDisabledException");
}

/// How a subscription of enhanced fan-out breaks.
#[derive(Clone, Copy, Debug)]
pub enum PushFault {
    /// An event that says this error.
    Exception(&'static str),
    /// The connection is cut.
    Cut,
    /// Nothing is pushed any more, on a connection that stays.
    Mute,
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
    clock_behind: Duration,
    /// How many hold the clock, and where it stands then.
    clock_held: (usize, u64),
    forgotten: BTreeSet<String>,
    pushes: Vec<PushFault>,
    session: Option<Duration>,
    access_keys: BTreeSet<String>,
    arns: BTreeSet<(String, String)>,
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

    /// The next subscriptions that push, one for each, break so.
    pub fn break_subscriptions(&self, faults: impl IntoIterator<Item = PushFault>) {
        self.plan(|plan| plan.pushes.extend(faults));
    }

    /// Subscriptions end after so long; otherwise after five minutes.
    pub fn set_session(&self, session: Duration) {
        self.plan(|plan| plan.session = Some(session));
    }

    pub(super) fn next_push(&self) -> Option<PushFault> {
        self.plan(|plan| plan.pushes.pop())
    }

    pub(super) fn session(&self) -> Duration {
        self.plan(|plan| plan.session.unwrap_or(Duration::from_secs(300)))
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.plan(|plan| plan.rules.clear());
    }

    /// Whether every fault that was asked for has happened.
    pub fn is_clear(&self) -> bool {
        self.plan(|plan| plan.rules.iter().all(|rule| rule.left == 0))
    }

    /// How often `operation` was called, faults included.
    pub fn calls(&self, operation: &str) -> usize {
        self.plan(|plan| plan.calls.get(operation).copied().unwrap_or(0))
    }

    /// The operations that were called, faults included.
    pub fn operations(&self) -> BTreeSet<String> {
        self.plan(|plan| plan.calls.keys().cloned().collect())
    }

    /// `ListShards` answers in pages of so many shards.
    pub fn set_page_size(&self, shards: u32) {
        self.plan(|plan| plan.page_size = Some(shards));
    }

    /// `GetRecords` does not name the children at the end of a shard.
    pub fn hide_children(&self) {
        self.plan(|plan| plan.hide_children = true);
    }

    /// From now on its clock, which stamps records and answers, is that far behind the host's.
    pub fn set_clock_behind(&self, behind: Duration) {
        self.plan(|plan| plan.clock_behind = behind);
    }

    /// Its clock stands still until the last one who holds it lets go.
    pub(super) fn hold_clock(&self) -> HeldClock<'_> {
        let now = self.now_millis();
        self.plan(|plan| {
            let (holders, at) = plan.clock_held;
            plan.clock_held = (holders + 1, if holders == 0 { now } else { at });
        });
        HeldClock(self)
    }

    /// The shard outlived the retention: it is listed no more, and asking for it is an error.
    pub fn forget_shard(&self, shard: &str) {
        self.plan(|plan| plan.forgotten.insert(shard.to_owned()));
    }

    /// The access keys that requests were signed with, but for the tests' own.
    pub fn access_keys(&self) -> BTreeSet<String> {
        self.plan(|plan| plan.access_keys.clone())
    }

    /// The stream ARNs that were asked for, each with its operation.
    pub fn arns(&self) -> BTreeSet<(String, String)> {
        self.plan(|plan| plan.arns.clone())
    }

    pub(super) fn note_arn(&self, operation: &str, arn: &str) {
        self.plan(|plan| plan.arns.insert((operation.to_owned(), arn.to_owned())));
    }

    pub(super) fn is_forgotten(&self, shard: &str) -> bool {
        self.plan(|plan| plan.forgotten.contains(shard))
    }

    /// Its clock, in milliseconds since the epoch.
    pub(super) fn now_millis(&self) -> u64 {
        let (behind, held) = self.plan(|plan| (plan.clock_behind, plan.clock_held));
        match held {
            (0, _) => now_millis() - u64::try_from(behind.as_millis()).expect("less than the time since 1970"),
            (_, at) => at,
        }
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

/// A clock that stands still until this is dropped.
pub(super) struct HeldClock<'a>(&'a Faults);

impl Drop for HeldClock<'_> {
    fn drop(&mut self) {
        self.0.plan(|plan| plan.clock_held.0 -= 1);
    }
}

/// Puts the faults in front of `app`.
pub fn layer(app: Router, faults: Arc<Faults>) -> Router {
    app.layer(middleware::from_fn_with_state(faults, fail_or_pass))
}

/// The operation of a request: what follows the dot of `X-Amz-Target`.
pub(super) fn operation(request: &Request) -> String {
    let target = request.headers().get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

async fn fail_or_pass(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    let key = access_key(&request);
    let fault = if key == TESTS { None } else { faults.next(&operation(&request)) };
    if key != TESTS {
        faults.plan(|plan| plan.access_keys.insert(key));
    }
    let mut response = match fault {
        None => next.run(request).await,
        Some(Fault::Error(status, code)) => error(status, code),
        Some(Fault::Hang) => std::future::pending().await,
        // Ends the task of this connection without a word on standard error.
        Some(Fault::Reset) => std::panic::resume_unwind(Box::new("the connection is cut")),
        Some(Fault::Latency(delay)) => {
            tokio::time::sleep(delay).await;
            next.run(request).await
        }
        Some(Fault::Until(then)) => {
            then.cancelled().await;
            next.run(request).await
        }
        Some(Fault::Body(body)) => answer(StatusCode::OK, body.to_owned()),
        Some(Fault::Torn) => torn(next.run(request).await).await,
    };
    let second = jiff::Timestamp::from_millisecond(i64::try_from(faults.now_millis()).expect("in range"));
    let date = second.expect("in range").strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    response.headers_mut().insert(DATE, HeaderValue::try_from(date).expect("ASCII"));
    response
}

/// Who has signed a request; nobody is empty.
fn access_key(request: &Request) -> String {
    let signed = request.headers().get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let credential = signed.split_once("Credential=").and_then(|(_, rest)| rest.split_once('/'));
    credential.map(|(key, _)| key.to_owned()).unwrap_or_default()
}

/// The first half of the body under the length of the whole.
async fn torn(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("an in-process body");
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::new(Torn::new(body.slice(..body.len() / 2))))
}

pub(super) fn error(status: u16, code: &str) -> Response {
    let body = format!(r#"{{"__type":"{code}","message":"injected by the test"}}"#);
    answer(StatusCode::from_u16(status).expect("a status"), body)
}

fn answer(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("injected"));
    response
}
