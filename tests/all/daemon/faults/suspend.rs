//! SIGSTOP and SIGCONT: the clock goes on, the process does not.

use std::time::Duration;

use super::PATIENCE;
use crate::daemon::STREAM;
use crate::daemon::chaos::{Setting, Stop, assert_what_the_stream_holds, run};

const ITERATOR_TTL_SECONDS: u64 = 2;

/// `TRAILRISK_SUSPENDS` times, each for longer than an iterator lives.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_a_process_that_is_suspended_goes_on_behind_its_last_record() {
    let run = run(Setting {
        stops: "TRAILRISK_SUSPENDS",
        iterator_ttl_seconds: ITERATOR_TTL_SECONDS,
        ..Setting::new(Stop::Suspend(Duration::from_secs(2 * ITERATOR_TTL_SECONDS)))
    })
    .await;
    let labels = format!(r#"operation="GetRecords",outcome="expired_iterator",stream="{STREAM}""#);
    let expired = format!("trailrisk_kinesis_requests_total{{{labels}}}");
    let outlasted = || async { Some(run.daemon.metric(&expired).await).filter(|count| *count > 0.0) };
    let expired = run.daemon.until(PATIENCE, "the suspensions outlasted the iterators", outlasted).await;
    println!("{expired} iterators were found expired");
    let outcome = assert_what_the_stream_holds(run).await;
    outcome.assert_announced();
    outcome.assert_once();
}
