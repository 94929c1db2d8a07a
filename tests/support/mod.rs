//! What integration tests and the demo share.

pub mod daemon;
pub mod kinesis;
pub mod measured;
pub mod prometheus;
mod schema;

use std::future::Future;
use std::time::{Duration, UNIX_EPOCH};

/// How long anything may take on a busy machine, a replay of a large run included. A test that passes never waits for it.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Waits until `look` sees something, [`PATIENCE`] at most: a level, not an edge, so that nothing is missed.
///
/// # Panics
/// When it does not come to pass.
pub async fn wait_until<T, F>(what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(PATIENCE, what, look).await
}

/// [`wait_until`] with another limit.
///
/// # Panics
/// When it does not come to pass.
pub async fn within<T, F>(limit: Duration, what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let seen = tokio::time::timeout(limit, looking(look)).await;
    seen.unwrap_or_else(|_| panic!("waited {} s in vain: {what}", limit.as_secs()))
}

/// Looks again and again until there is something to see, for as long as it takes.
pub async fn looking<T, F>(mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    loop {
        match look().await {
            Some(seen) => return seen,
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Milliseconds since 1970 by this machine's clock, which is also the in-process Kinesis's.
pub fn wall_millis() -> i64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
