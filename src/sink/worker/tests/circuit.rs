//! What an operator is told of the circuit.

use super::*;
use crate::telemetry::testing::Log;

fn once(level: &str) -> Vec<Vec<String>> {
    vec![vec![level.to_owned(), "s".to_owned()]]
}

#[tokio::test(start_paused = true)]
async fn each_change_of_the_circuit_is_told_once_and_the_gauge_says_how_it_is() {
    let log = Log::default();
    let _guard = log.start();
    let down = std::iter::repeat_n(Answer::Fail(FailureKind::Unavailable), 30);
    let script = Script::new(down.chain([Answer::Ok]));
    let mut rig = Rig::start(true, vec![script.clone(); 4]).await;
    let gauge = |rig: &Rig| rig.sink.metrics.circuit_open.get();
    assert_eq!(gauge(&rig), 0);
    for id in 0..8 {
        rig.push(final_of(id));
    }
    wait_until("a few failures", || script.asked() >= 4).await;
    assert_eq!((gauge(&rig), log.said("the circuit is open", &["sink"])), (0, vec![]), "four in a row are not enough");
    while script.asked() < 20 {
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!((gauge(&rig), log.said("the circuit is open", &["sink"])), (1, once("WARN")), "probes change nothing");
    assert!(log.said("the circuit is closed", &["sink"]).is_empty());
    for _ in 0..8 {
        rig.done.next().await.unwrap();
    }
    assert_eq!((gauge(&rig), log.said("the circuit is closed", &["sink"])), (0, once("INFO")));
    assert_eq!(log.said("the circuit is open", &["sink"]), Vec::<Vec<String>>::new(), "it was said once");
}
