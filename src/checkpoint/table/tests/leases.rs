//! Two processes on one scope: one works, the other waits, and takes over in the time that it says.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;

use tokio::task::JoinHandle;
use tokio::time::{Instant, advance, sleep};

use super::fake::Fault;
use super::*;

/// A process that waits for the lease, and what it says meanwhile.
struct Waiting {
    opened: JoinHandle<Result<TableStore<FakeTable>, StoreError>>,
    said: Arc<Mutex<Vec<Option<String>>>>,
    stop: CancellationToken,
}

fn wait(table: &FakeTable, owner: &str) -> Waiting {
    let (said, stop) = (Arc::<Mutex<Vec<_>>>::default(), CancellationToken::new());
    let (table, claim, heard, stopped) = (table.life(), claim(owner), Arc::clone(&said), stop.clone());
    let waiting = move |why| heard.lock().unwrap().push(why);
    let opened = tokio::spawn(async move { TableStore::open(table, claim, metrics(), waiting, &stopped).await });
    Waiting { opened, said, stop }
}

#[tokio::test(start_paused = true)]
async fn while_one_process_holds_the_lease_the_other_waits_and_says_so() {
    let table = FakeTable::default();
    let first = open(&table, "first").await.unwrap();
    let second = wait(&table, "second");
    sleep(LEASE * 50).await;
    assert!(!second.opened.is_finished());
    let said = second.said.lock().unwrap().last().cloned().flatten().expect("it says why");
    assert!(said.contains("held by first") && said.contains("after 20 s"), "{said}");
    assert!(first.lease().is_held());
    second.stop.cancel();
    assert!(matches!(second.opened.await.unwrap(), Err(StoreError::Stopped { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_died_is_replaced_within_its_lease_and_one_look() {
    let table = FakeTable::default();
    let life = table.life();
    let stop = CancellationToken::new();
    let first = TableStore::open(life.clone(), claim("first"), metrics(), |_| {}, &stop).await.unwrap();
    let second = wait(&table, "second");
    sleep(LEASE * 3).await;
    life.kill();
    let died = Instant::now();
    let store = second.opened.await.unwrap().expect("it takes over");
    let took = died.elapsed();
    assert!(took > LEASE / 2 && took <= LEASE + LEASE / 10 + Duration::from_millis(200), "{took:?}");
    assert!(store.lease().is_held() && !first.lease().is_held());
    assert_eq!(second.said.lock().unwrap().last(), Some(&None), "ready again");
}

#[tokio::test(start_paused = true)]
async fn cp_6_a_process_that_waits_goes_on_at_its_next_look_after_the_other_has_stopped() {
    let table = FakeTable::default();
    let mut first = open(&table, "first").await.unwrap();
    let second = wait(&table, "second");
    sleep(LEASE * 3).await;
    first.release().await;
    let stopped = Instant::now();
    assert!(second.opened.await.unwrap().expect("the lease is free").lease().is_held());
    let took = stopped.elapsed();
    assert!(took <= LEASE / 10 + Duration::from_millis(200), "{took:?}");
}

/// The observer's own clock decides: however often it looks, a counter that moves is never taken.
#[tokio::test(start_paused = true)]
async fn a_counter_that_moves_at_the_last_moment_is_not_taken() {
    let table = FakeTable::default();
    let life = table.life();
    let stop = CancellationToken::new();
    let slow = TableStore::open(life.clone(), claim("slow"), metrics(), |_| {}, &stop).await.unwrap();
    let second = wait(&table, "second");
    for _ in 0..5 {
        // Renewals fail for most of the lease.
        life.set_down(Some(Trouble::Passing));
        sleep(LEASE - Duration::from_secs(4)).await;
        life.set_down(None);
        sleep(Duration::from_secs(3)).await;
        assert!(slow.lease().is_held() && !second.opened.is_finished());
    }
    second.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn after_a_clean_stop_the_next_process_starts_at_once() {
    let table = FakeTable::default();
    let mut first = open(&table, "first").await.unwrap();
    first.save(&checkpoint(100, &[20])).await.unwrap();
    first.release().await;
    let begun = Instant::now();
    let mut second = open(&table, "second").await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
    assert_eq!(second.load().await.unwrap(), Some(checkpoint(100, &[20])));
}

/// The longer of the two durations counts: a process with another configuration takes nothing early.
#[tokio::test(start_paused = true)]
async fn the_holders_duration_counts_where_it_is_the_longer_one() {
    let table = FakeTable::default();
    let life = table.life();
    let stop = CancellationToken::new();
    let _first = TableStore::open(life.clone(), claim("first"), metrics(), |_| {}, &stop).await.unwrap();
    life.kill();
    let hasty = Claim { duration: Duration::from_secs(1), ..claim("hasty") };
    let begun = Instant::now();
    TableStore::open(table.life(), hasty, metrics(), |_| {}, &stop).await.unwrap();
    assert!(begun.elapsed() >= LEASE, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_replaced_stores_nothing_and_hears_that_it_must_end() {
    let table = FakeTable::default();
    let registry = prometheus::Registry::new();
    let (life, stop) = (table.life(), CancellationToken::new());
    let metrics = Metrics::new(&registry).unwrap();
    let mut zombie = TableStore::open(life.clone(), claim("zombie"), metrics.clone(), |_| {}, &stop).await.unwrap();
    zombie.save(&checkpoint(100, &[20, 20])).await.unwrap();
    // It is suspended: its clock goes on, it does not.
    life.set_down(Some(Trouble::Passing));
    let mut next = open(&table, "next").await.unwrap();
    life.set_down(None);
    next.save(&checkpoint(300, &[30, 20])).await.unwrap();
    let refused = zombie.save(&checkpoint(400, &[40, 40])).await;
    assert!(matches!(&refused, Err(StoreError::Lost { detail, .. }) if detail.contains("next")), "{refused:?}");
    assert!(zombie.lease().lost().await.contains("next has taken it over (epoch 2)"));
    assert!(!zombie.lease().is_held());
    assert_eq!(metrics.lease_events_total.with_label_values(&["lost"]).get(), 1);
    assert_eq!(metrics.leases_held.get(), 0);
    zombie.release().await;
    next.save(&checkpoint(500, &[50, 20])).await.expect("nobody has touched it");
    next.release().await;
    assert_eq!(loaded(&table, "last").await, Some(checkpoint(500, &[50, 20])));
}

/// What it reads then is a mixture: the next holder has stored twice meanwhile.
#[tokio::test(start_paused = true)]
async fn a_process_that_is_replaced_while_it_starts_hears_that_and_finds_no_damage() {
    let table = FakeTable::default();
    let mut first = open(&table, "first").await.unwrap();
    first.save(&checkpoint(100, &[20, 20])).await.unwrap();
    first.release().await;
    let (life, stop) = (table.life(), CancellationToken::new());
    let mut zombie = pin!(TableStore::open(life.clone(), claim("zombie"), metrics(), |_| {}, &stop));
    let owner = || Scope::read(&table.items()[SCOPE]).and_then(|scope| scope.owner);
    while owner().as_deref() != Some("zombie") {
        assert!(poll_fn(|cx| Poll::Ready(zombie.as_mut().poll(cx).is_pending())).await);
    }
    // It is suspended: its clock goes on, it does not.
    life.set_down(Some(Trouble::Passing));
    let mut next = open(&table, "next").await.unwrap();
    for number in [30, 40] {
        next.save(&checkpoint(300, &[number, 20])).await.unwrap();
    }
    life.set_down(None);
    let found = zombie.await.err();
    let is_lost = |detail: &str| detail.contains("next has taken it over (epoch 3)");
    assert!(matches!(&found, Some(StoreError::Lost { detail, .. }) if is_lost(detail)), "{found:?}");
    next.save(&checkpoint(500, &[50, 20])).await.expect("nobody has touched it");
}

/// A DynamoDB that is away takes no lease from anybody: the process holds still, and goes on.
#[tokio::test(start_paused = true)]
async fn without_the_table_the_lease_is_doubtful_and_held_again_afterwards() {
    let table = FakeTable::default();
    let (life, stop) = (table.life(), CancellationToken::new());
    let mut store = TableStore::open(life.clone(), claim("only"), metrics(), |_| {}, &stop).await.unwrap();
    let watch = store.lease();
    life.set_down(Some(Trouble::Throttled));
    advance(LEASE - Duration::from_secs(1)).await;
    assert!(watch.is_held(), "nobody can have taken it yet");
    sleep(Duration::from_secs(2)).await;
    assert!(!watch.is_held());
    let doubt = watch.doubt().flatten().expect("it says why");
    assert!(doubt.contains("too little capacity") && doubt.contains("nothing is read or told"), "{doubt}");
    let error = store.save(&checkpoint(100, &[20])).await.unwrap_err();
    assert!(matches!(error, StoreError::Table { .. }), "{error}");
    life.set_down(None);
    sleep(Duration::from_secs(3)).await;
    assert!(watch.is_held() && watch.doubt() == Some(None));
    store.save(&checkpoint(100, &[20])).await.expect("it goes on");
}

#[tokio::test(start_paused = true)]
async fn an_own_write_is_recognised_when_its_answer_was_lost() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::Late] {
        for at in 0..12 {
            let table = FakeTable::default();
            let life = table.life().at(at, fault);
            let stop = CancellationToken::new();
            let mut store = TableStore::open(life.clone(), claim("a"), metrics(), |_| {}, &stop).await.unwrap();
            for horizon in 1..4 {
                let stored = checkpoint(horizon, &[20 + horizon as u64, 20]);
                store.save(&stored).await.unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
                table.land();
                let found = inspect(table.life(), SCOPE).await.unwrap().map(|(found, _)| found);
                assert_eq!(found, Some(stored), "{fault:?} at {at}");
            }
            sleep(LEASE * 5).await;
            table.land();
            sleep(LEASE * 5).await;
            assert!(store.lease().is_held(), "{fault:?} at {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_item_that_is_gone_or_foreign_is_a_lost_lease() {
    let table = FakeTable::default();
    let store = open(&table, "a").await.unwrap();
    table.edit(|items| items.clear());
    assert!(store.lease().lost().await.contains("gone from the table"));
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_by_itself_ends_the_start_with_what_to_do() {
    for (trouble, words) in [
        (Trouble::Missing, "Create one with the partition key leaseKey (String)"),
        (Trouble::Denied, "allow dynamodb:GetItem, PutItem, DeleteItem and Scan"),
        (Trouble::Invalid, "is its partition key leaseKey (String)"),
    ] {
        let table = FakeTable::default();
        table.set_down(Some(trouble));
        let opened = TableStore::open(table, claim("a"), metrics(), |_| {}, &CancellationToken::new()).await;
        let Err(error) = opened else { panic!("{trouble:?}: it cannot start") };
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(error.to_string().contains("trail in the table leases") && cause.contains(words), "{error}: {cause}");
    }
    // A throttled table, or one that cannot be reached, is waited for.
    let table = FakeTable::default();
    let life = table.life();
    life.set_down(Some(Trouble::Throttled));
    let (opening, stop) = (life.clone(), CancellationToken::new());
    let opened = tokio::spawn(async move { TableStore::open(opening, claim("a"), metrics(), |_| {}, &stop).await });
    sleep(LEASE * 10).await;
    assert!(!opened.is_finished());
    life.set_down(None);
    assert!(opened.await.unwrap().is_ok());
}
