//! What integration tests and the demo share.

pub mod kinesis;

use std::future::Future;
use std::time::Duration;

/// Waits until `look` sees something, at most 30 s of the test's time: a level, not an edge, so that nothing is missed.
///
/// # Panics
/// When it does not come to pass.
pub async fn wait_until<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let looking = async {
        loop {
            match look().await {
                Some(seen) => return seen,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(30), looking).await;
    seen.unwrap_or_else(|_| panic!("waited 30 s in vain: {what}"))
}
