//! Enhanced fan-out: the registered consumer, at the start and where it is replaced, and what a subscription proves.
//!
//! Owns: finding, registering and awaiting the consumer; tip evidence from events. Deliberately absent: the subscriptions
//! themselves (`super::consumer`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::api::{ApiError, ConsumerDescription, ErrorKind, KinesisApi, StreamDescription};
use super::coordinator::patiently;
use super::error::SourceError;
use super::pacing::Moment;
use super::shared::Shared;
use crate::config::{ConsumerRef, ReaderConfig};
use crate::time::Arrival;

/// Kinesis takes seconds to make a consumer.
const CREATING_TRIES: u32 = 120;
const CREATING_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two looks for a consumer that Kinesis does not know any more.
const RENEW_PAUSE: Duration = Duration::from_secs(10);
/// What is on its way when nothing is pending has come after so long.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// The ARN of the consumer to read as, once it is `ACTIVE`; none where the stream is polled.
///
/// # Errors
/// No such consumer and none to be registered, no permission, another stream's, not readable.
pub(super) async fn consumer_arn<A: KinesisApi>(
    api: &A,
    reader: &ReaderConfig,
    stream: &StreamDescription,
) -> Result<Option<String>, SourceError> {
    let ReaderConfig::FanOut { consumer, register } = reader else { return Ok(None) };
    let failed = |error| consumer_error(error, consumer, stream);
    let mut found = find(api, consumer, *register, stream).await.map_err(failed)?;
    let mut tries = 1;
    while found.status == "CREATING" && tries < CREATING_TRIES {
        tokio::time::sleep(CREATING_PAUSE).await;
        let described = patiently(|| api.describe_consumer(&stream.arn, consumer)).await;
        found = described.map_err(failed)?;
        tries += 1;
    }
    if found.stream_arn.as_ref().is_some_and(|arn| *arn != stream.arn) {
        let (consumer, stream) = (consumer.as_str().to_owned(), stream.name.clone());
        return Err(SourceError::ForeignConsumer { consumer, stream });
    }
    if found.status != "ACTIVE" {
        let consumer = consumer.as_str().to_owned();
        return Err(SourceError::ConsumerNotReady { consumer, status: found.status });
    }
    tracing::info!(consumer = %found.arn, "reading by enhanced fan-out");
    Ok(Some(found.arn))
}

/// The registered consumer that shards are read as.
#[derive(Debug)]
pub(super) struct Registration {
    arn: Mutex<Arc<str>>,
    missed: Notify,
}

impl Registration {
    pub(super) fn new(arn: &str) -> Self {
        Self { arn: Mutex::new(arn.into()), missed: Notify::new() }
    }

    /// Its ARN, as of now.
    pub(super) fn arn(&self) -> Arc<str> {
        Arc::clone(&self.arn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Kinesis does not know it.
    pub(super) fn miss(&self) {
        self.missed.notify_one();
    }

    fn renew(&self, arn: &str) {
        let mut known = self.arn.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != *arn {
            tracing::warn!(consumer = arn, before = %known, "the consumer was registered anew; reading goes on as that one");
            *known = arn.into();
        }
    }
}

/// Where Kinesis does not know the consumer any more, looks for the one that has its name by now: registered anew, it has
/// another ARN. One look at a time, whatever the number of shards that miss it.
///
/// # Errors
/// [`SourceError::NoSuchConsumer`] where it is configured by its ARN, which never comes back.
pub(super) async fn stay_registered<A: KinesisApi>(
    shared: Arc<Shared<A>>,
    registration: Arc<Registration>,
) -> Result<(), SourceError> {
    loop {
        registration.missed.notified().await;
        look_again(&shared, &registration).await?;
        tokio::time::sleep(RENEW_PAUSE).await;
    }
}

async fn look_again<A: KinesisApi>(shared: &Shared<A>, registration: &Registration) -> Result<(), SourceError> {
    let ReaderConfig::FanOut { consumer, register } = &shared.settings.reader else { return Ok(()) };
    match find(&shared.api, consumer, *register, &shared.description).await {
        Ok(found) if found.status == "ACTIVE" => registration.renew(&found.arn),
        Err(error) if error.kind == ErrorKind::NotFound && matches!(consumer, ConsumerRef::Arn(_)) => {
            // Without the stream nothing is known of its consumers.
            let now = shared.api.describe().await;
            if now.is_ok_and(|now| now.created_at == shared.description.created_at) {
                return Err(consumer_error(error, consumer, &shared.description));
            }
        }
        // The shards that miss it say so until it is there.
        Ok(_) | Err(_) => {}
    }
    Ok(())
}

async fn find<A: KinesisApi>(
    api: &A,
    consumer: &ConsumerRef,
    register: bool,
    stream: &StreamDescription,
) -> Result<ConsumerDescription, ApiError> {
    let found = patiently(|| api.describe_consumer(&stream.arn, consumer)).await;
    match (found, consumer) {
        (Err(error), ConsumerRef::Name(name)) if error.kind == ErrorKind::NotFound && register => {
            tracing::info!(consumer = %name, stream = %stream.name, "registering the consumer");
            patiently(async || match api.register_consumer(&stream.arn, name).await {
                // Somebody else has just done so.
                Err(error) if error.code == "ResourceInUseException" => {
                    api.describe_consumer(&stream.arn, consumer).await
                }
                answer => answer,
            })
            .await
        }
        (found, _) => found,
    }
}

fn consumer_error(error: ApiError, consumer: &ConsumerRef, stream: &StreamDescription) -> SourceError {
    let (consumer, stream) = (consumer.as_str().to_owned(), stream.name.clone());
    let (kind, source) = (error.kind, Box::new(error));
    match kind {
        ErrorKind::NotFound => SourceError::NoSuchConsumer { consumer, stream, source },
        ErrorKind::Refused => SourceError::ConsumerRefused { consumer, stream, source },
        ErrorKind::Throttled if source.operation == "RegisterStreamConsumer" => {
            SourceError::TooManyConsumers { consumer, stream, source }
        }
        _ => SourceError::NoConsumer { consumer, stream, source },
    }
}

/// RD-3: up to when everything was pushed that had arrived, judged by instants at which nothing was pending on our side.
///
/// An event tells of the moment at which Kinesis made it. It was made after an instant at which nothing was pending, unless
/// it was on its way then: so only instants count that an event follows by a second or more, and an event that is read late
/// from a buffer proves no more than one that was read at once. Pure.
#[derive(Debug, Default)]
pub(super) struct Clearing {
    /// The last instant that counts, by Kinesis's clock.
    settled: Option<Arrival>,
    /// The first instant since an event made the last one count.
    seen: Option<(Moment, Arrival)>,
}

impl Clearing {
    /// The subscription was asked for at this instant: nothing of it can be older.
    pub(super) fn asked(at: Option<Arrival>) -> Self {
        Self { settled: at, seen: None }
    }

    /// Nothing is pending, and the task waits.
    pub(super) fn clear(&mut self, now: Moment, server_time: Option<Arrival>) {
        if self.seen.is_none() {
            self.seen = server_time.map(|at| (now, at));
        }
    }

    /// An event is read. Returns up to when it can speak.
    pub(super) fn on_event(&mut self, now: Moment) -> Option<Arrival> {
        if let Some((_, at)) = self.seen.filter(|(seen, _)| now.saturating_sub(*seen) >= ON_ITS_WAY) {
            self.settled = self.settled.max(Some(at));
            self.seen = None;
        }
        self.settled
    }
}

#[cfg(test)]
mod tests;
