//! A receiver that misbehaves at every other request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::hostile::{Hostile, Request};
use super::{PATIENCE, Scene};
use crate::daemon::dead_letter::dead_letters;
use crate::daemon::line::{Line, finals, read_all, text};
use crate::daemon::size;
use crate::support::measured::measured;

/// CP-7: refusals after which an event becomes a dead letter.
const REFUSALS: usize = 3;

/// `TRAILRISK_WEBHOOK_FAULTS` of them, from `TRAILRISK_WEBHOOK_SEED`.
#[tokio::test(flavor = "multi_thread")]
async fn cp_7_whatever_a_receiver_does_every_delivery_arrives_the_early_one_first_and_none_is_invented() {
    let seed = size("TRAILRISK_WEBHOOK_SEED", usize::try_from(fastrand::u32(..)).expect("64 bits")) as u64;
    let receiver = Hostile::start(seed, size("TRAILRISK_WEBHOOK_FAULTS", 20)).await;
    println!("TRAILRISK_WEBHOOK_SEED={seed}");
    let mut scene = Scene::new(2, |config| config["sinks"] = receiver.sink()).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    while receiver.left() > 0 {
        scene.put(2).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("faults {:?}", receiver.struck());
    measured(&json!({ "faults": receiver.struck().values().sum::<usize>(), "events": scene.events.len() }));
    // Of a delivery in the dead letters, the final is no less due.
    let settled = || async {
        let letters = letters(&scene).len();
        (taken(&receiver.requests()).len() + letters >= 2 * scene.events.len()).then_some(())
    };
    daemon.until(PATIENCE, "every delivery is taken or a dead letter", settled).await;
    daemon.ready().await;
    scene.stop(daemon).await;
    let replayed = scene.replayed(&scene.events).await;
    assert_eq!(replayed.len(), scene.events.len());
    assert_delivered(&receiver.requests(), &letters(&scene), &replayed);
    assert_eq!(receiver.astray(), 0, "no redirect is followed");
}

/// The keys that were answered by a success.
fn taken(requests: &[Request]) -> BTreeSet<&str> {
    requests.iter().filter(|request| request.taken).map(|request| request.key.as_str()).collect()
}

/// The keys of the dead letters.
fn letters(scene: &Scene) -> BTreeSet<String> {
    let letters = dead_letters(&scene.home).into_iter();
    let key = |letter: crate::daemon::dead_letter::DeadLetter| {
        assert_eq!(letter.reason, "refused");
        text(&letter.json["delivery_key"]).to_owned()
    };
    letters.map(key).collect()
}

fn assert_delivered(requests: &[Request], letters: &BTreeSet<String>, replayed: &BTreeMap<String, String>) {
    let due: BTreeSet<String> = replayed.keys().flat_map(|id| [format!("{id}-early"), format!("{id}-final")]).collect();
    let (taken, mut asked) = (taken(requests), BTreeMap::<&str, Vec<usize>>::new());
    for (at, request) in requests.iter().enumerate() {
        assert!(due.contains(&request.key), "{} is invented", request.key);
        assert_eq!(Line::read(&request.body).key, request.key);
        asked.entry(&request.key).or_default().push(at);
    }
    for key in &due {
        let refused = requests.iter().filter(|request| request.key == *key && request.refused).count();
        assert_eq!(letters.contains(key), refused == REFUSALS, "{key} was refused {refused} times");
        assert!(taken.contains(key.as_str()) || letters.contains(key), "{key} is lost");
    }
    for id in replayed.keys() {
        let (early, last) = (&asked[&*format!("{id}-early")], &asked[&*format!("{id}-final")]);
        assert!(early.last() < last.first(), "{id}: the final came before the early one was settled");
    }
    let bodies = finals(&read_all(requests.iter().map(|request| &request.body)));
    assert_eq!(bodies, *replayed, "EM-4");
}
