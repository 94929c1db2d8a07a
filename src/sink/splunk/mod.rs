//! Splunk's HTTP Event Collector: batches of concatenated objects, indexer acknowledgement, health.
//!
//! Without acknowledgement a collector's success means that Splunk has queued the events; with it the batch is delivered
//! once Splunk says that they are indexed, and sent again if it does not say so in time. That is at least once, as Splunk
//! documents it.

mod answer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::json;
use tokio::time::Instant;

use self::answer::{Reply, Success, meaning};
use super::error::SinkError;
use super::format;
use super::health::FailureKind;
use super::http::{self, Answer, HttpClient};
use super::queue::Delivery;
use super::sinks::WallClock;
use super::transport::{Failure, Outcome, Transport};
use crate::config::SplunkHecConfig;

const CHANNEL: &str = "x-splunk-request-channel";

/// Pauses between two questions for an acknowledgement: the first, and the longest.
const FIRST_POLL: Duration = Duration::from_millis(100);
const LONGEST_POLL: Duration = Duration::from_secs(2);

/// What the cookies of one answer may come to.
const SESSION_BYTES: usize = 4096;

/// The transport to one collector. Clones share connections, channel and what is known of the health.
#[derive(Clone)]
pub(super) struct SplunkHec {
    http: HttpClient,
    events: Url,
    acknowledgements: Url,
    health: Url,
    authorization: HeaderValue,
    channel: Option<String>,
    acknowledgement_timeout: Duration,
    /// The last attempt found it unavailable.
    is_ailing: Arc<AtomicBool>,
}

impl SplunkHec {
    pub(super) fn new(
        sink: &str,
        config: &SplunkHecConfig,
        producer: &str,
        clock: &WallClock,
    ) -> Result<Self, SinkError> {
        let http = HttpClient::new(sink, &config.http, producer, clock)?;
        let channel = config.acknowledgement.then(guid);
        let mut acknowledgements = endpoint(http.url(), "ack");
        acknowledgements.set_query(channel.as_ref().map(|guid| format!("channel={guid}")).as_deref());
        Ok(Self {
            events: endpoint(http.url(), "event"),
            health: endpoint(http.url(), "health"),
            acknowledgements,
            authorization: http::authorization(sink, format!("Splunk {}", config.token.0))?,
            channel,
            acknowledgement_timeout: config.acknowledgement_timeout,
            is_ailing: Arc::default(),
            http,
        })
    }
}

impl Transport for SplunkHec {
    /// A collector that was unavailable is asked for its health first, so that no batch is spent on looking.
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let body = format::lines_of_some(batch);
        if body.is_empty() {
            return Outcome::Delivered;
        }
        if self.is_ailing.load(Ordering::Relaxed)
            && let Some(failure) = self.unhealthy().await
        {
            return Outcome::Failed(failure);
        }
        let outcome = self.send(batch, body).await;
        let is_ailing = matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable);
        self.is_ailing.store(is_ailing, Ordering::Relaxed);
        outcome
    }
}

impl SplunkHec {
    /// See [`HttpClient::last_status`].
    pub(super) fn last_status(&self) -> Option<u16> {
        self.http.last_status()
    }

    async fn send(&self, batch: &[Delivery], body: Vec<u8>) -> Outcome {
        let request = self.request(Method::POST, &self.events).header(CONTENT_TYPE, "application/json");
        let answer = match self.http.exchange(self.http.with_body(request, body.into())).await {
            Ok(answer) => answer,
            Err(failure) => return Outcome::Failed(failure),
        };
        let reply = Reply::of(&answer.body);
        match self.judge(&answer, &reply) {
            Outcome::Failed(failure) => Outcome::Failed(Failure { refused: refused(batch, &reply), ..failure }),
            Outcome::Delivered => self.succeeded(&answer, &reply).await,
            Outcome::Closed => Outcome::Closed,
        }
    }

    /// A success of something else would be a loss in silence, were it taken for a delivery.
    async fn succeeded(&self, answer: &Answer, reply: &Reply) -> Outcome {
        let failure = match (Success::of(&answer.body), reply.ack_id) {
            (Success::Taken, Some(id)) if self.channel.is_some() => {
                return self.indexed(id, session(&answer.headers)).await;
            }
            (Success::Taken, None) if self.channel.is_some() => {
                Failure::new(FailureKind::Misconfigured, meaning_of(14))
            }
            (Success::Taken, _) => return Outcome::Delivered,
            (Success::Unreadable, _) => Failure::new(
                FailureKind::Unavailable,
                "the success of the collector is not readable; events are sent again",
            ),
            (Success::Foreign, _) => Failure::new(FailureKind::Misconfigured, foreign(answer.status)),
        };
        Outcome::Failed(failure)
    }

    /// By the code, and where there is none by the status.
    fn judge(&self, answer: &Answer, reply: &Reply) -> Outcome {
        let by_status = self.http.judge(answer);
        let Some((code, (kind, text))) = reply.code.and_then(|code| Some((code, meaning(code)?))) else {
            return by_status;
        };
        let failure = Failure::new(kind, format!("Splunk answers code {code}: {text}"));
        Outcome::Failed(match by_status {
            Outcome::Failed(Failure { retry_after, .. }) => Failure { retry_after, ..failure },
            _ => failure,
        })
    }

    /// Asks until Splunk says that the batch is indexed. A question that fails is asked again.
    async fn indexed(&self, id: u64, session: Option<HeaderValue>) -> Outcome {
        let deadline = Instant::now() + self.acknowledgement_timeout;
        let mut pause = FIRST_POLL;
        loop {
            let question = self.request(Method::POST, &self.acknowledgements).header(CONTENT_TYPE, "application/json");
            let question = session.iter().fold(question, |question, session| question.header(COOKIE, session.clone()));
            if let Ok(answer) = self.http.exchange(question.body(json!({"acks": [id]}).to_string())).await {
                match self.judge(&answer, &Reply::of(&answer.body)) {
                    Outcome::Delivered if is_acknowledged(&answer.body, id) => return Outcome::Delivered,
                    Outcome::Failed(failure) if failure.kind == FailureKind::Misconfigured => {
                        return Outcome::Failed(failure);
                    }
                    _ => {}
                }
            }
            if Instant::now() + pause > deadline {
                let detail = "the events were not acknowledged as indexed in time; they are sent again";
                return Outcome::Failed(Failure::new(FailureKind::Unavailable, detail));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_POLL);
        }
    }

    /// How it is unavailable, by its own word. An answer without a code is none of the collector's: of one without this
    /// endpoint, or one that something else lets nobody ask, what it says of events tells.
    async fn unhealthy(&self) -> Option<Failure> {
        let answer = self.http.exchange(self.request(Method::GET, &self.health)).await.ok()?;
        let reply = Reply::of(&answer.body);
        reply.code?;
        match self.judge(&answer, &reply) {
            Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable => Some(failure),
            _ if answer.status == StatusCode::SERVICE_UNAVAILABLE => {
                Some(Failure::new(FailureKind::Unavailable, meaning_of(18)))
            }
            _ => None,
        }
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.http.request(method, url.clone()).header(AUTHORIZATION, self.authorization.clone());
        self.channel.iter().fold(request, |request, channel| request.header(CHANNEL, channel))
    }
}

/// The cookies of a load balancer with sticky sessions, by which the questions reach the indexer that has the batch. Of any
/// other the answer is that the batch is not indexed, and the batch would be sent again without an end.
fn session(headers: &HeaderMap) -> Option<HeaderValue> {
    let pair = |cookie: &HeaderValue| cookie.to_str().ok()?.split(';').next().map(|pair| pair.trim().to_owned());
    let pairs: Vec<String> = headers.get_all(SET_COOKIE).iter().filter_map(pair).collect();
    let mut session = HeaderValue::try_from(pairs.join("; ")).ok().filter(|session| !session.is_empty())?;
    session.set_sensitive(true);
    (session.len() <= SESSION_BYTES).then_some(session)
}

fn foreign(status: StatusCode) -> String {
    format!(
        "the receiver answers {}, but not as a collector does: does the URL lead to Splunk's HTTP Event Collector?",
        status.as_u16()
    )
}

fn meaning_of(code: u32) -> &'static str {
    meaning(code).map_or("", |(_, text)| text)
}

/// The configured URL may name the host alone, a path of a proxy before it, or the collector itself.
fn endpoint(base: &Url, name: &str) -> Url {
    let path = base.path().trim_end_matches('/');
    let before = path.strip_suffix("/event").unwrap_or(path);
    let before = before.strip_suffix("/services/collector").unwrap_or(path);
    let mut url = base.clone();
    url.set_path(&format!("{before}/services/collector/{name}"));
    url
}

/// Names a channel of acknowledgements; chosen at each start, because a process knows only its own batches.
fn guid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The delivery whose object Splunk names as invalid: one may have several, or none.
fn refused(batch: &[Delivery], reply: &Reply) -> Option<usize> {
    let number = reply.invalid_event_number?;
    let mut end = 0;
    batch.iter().position(|delivery| {
        end += format::lines_in(&delivery.body);
        number < end
    })
}

/// `{"acks": {"7": true}}`
fn is_acknowledged(body: &[u8], id: u64) -> bool {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    answer.is_some_and(|answer| answer["acks"][id.to_string()] == true)
}

#[cfg(test)]
mod tests;
