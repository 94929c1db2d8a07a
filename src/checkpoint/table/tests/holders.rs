//! What belongs to a holder beside the checkpoint: the notes of isolation, the reset, and what an older holder leaves.

use tokio::time::sleep;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn po_2_notes_outlive_the_process_and_an_earlier_one_cannot_overwrite_them() {
    let table = FakeTable::default();
    let mut first = open(&table, "first").await.unwrap();
    let notes = first.notes().expect("there is a place");
    assert_eq!(notes.read().unwrap(), None);
    notes.write(b"one").unwrap();
    notes.write(b"two").unwrap();
    first.save(&checkpoint(1, &[20])).await.unwrap();
    first.release().await;
    let second = open(&table, "second").await.unwrap();
    let later = second.notes().expect("there is a place");
    assert_eq!(later.read().unwrap().as_deref(), Some(&b"two"[..]));
    later.write(b"three").unwrap();
    assert!(matches!(notes.write(b"late"), Err(StoreError::Lost { .. })));
    assert_eq!(later.read().unwrap().as_deref(), Some(&b"three"[..]));
    let stored = inspect(table.life(), SCOPE).await.unwrap().expect("it is there");
    assert_eq!(stored, (checkpoint(1, &[20]), Some(b"three".to_vec())));
}

#[tokio::test(start_paused = true)]
async fn a_reset_removes_what_is_stored_and_no_epoch_comes_again() {
    let table = FakeTable::default();
    let mut first = open(&table, "first").await.unwrap();
    first.save(&checkpoint(500, &[90, 90])).await.unwrap();
    let stop = CancellationToken::new();
    let soon = async {
        sleep(LEASE * 3).await;
        stop.cancel();
        std::future::pending::<()>().await;
    };
    let person = claim("person");
    let refused = tokio::select! {
        refused = reset(table.life(), &person, &stop) => refused,
        () = soon => panic!("it never ends"),
    };
    assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
    first.save(&checkpoint(501, &[91, 90])).await.expect("it goes on");
    first.release().await;
    assert!(reset(table.life(), &claim("person"), &CancellationToken::new()).await.unwrap());
    assert_eq!(table.items().len(), 1, "the lease alone stays");
    assert_eq!(inspect(table.life(), SCOPE).await.unwrap(), None);
    // From the beginning, with positions that would have gone back.
    let mut next = open(&table, "next").await.unwrap();
    assert_eq!(next.load().await.unwrap(), None);
    next.save(&checkpoint(1, &[20])).await.unwrap();
    next.release().await;
    assert_eq!(loaded(&table, "last").await, Some(checkpoint(1, &[20])));
    assert!(reset(table.life(), &claim("person"), &CancellationToken::new()).await.unwrap());
    assert!(!reset(table.life(), &claim("person"), &CancellationToken::new()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn cp_3_what_would_go_back_is_refused_and_what_stood_stands() {
    let table = FakeTable::default();
    let mut store = open(&table, "a").await.unwrap();
    store.save(&checkpoint(100, &[20, 20])).await.unwrap();
    for older in [checkpoint(99, &[20, 20]), checkpoint(100, &[19, 20]), checkpoint(100, &[20])] {
        assert!(matches!(store.save(&older).await, Err(StoreError::Newer { .. })));
    }
    store.release().await;
    assert_eq!(loaded(&table, "b").await, Some(checkpoint(100, &[20, 20])));
}

#[tokio::test(start_paused = true)]
async fn two_scopes_of_one_table_know_nothing_of_each_other() {
    let table = FakeTable::default();
    let other = Claim { scope: "trail-eu".to_owned(), ..claim("other") };
    let stop = CancellationToken::new();
    let mut first = open(&table, "first").await.unwrap();
    let mut second = TableStore::open(table.life(), other, metrics(), |_| {}, &stop).await.unwrap();
    first.save(&checkpoint(100, &[20, 20])).await.unwrap();
    second.save(&checkpoint(7, &[50])).await.unwrap();
    first.release().await;
    assert_eq!(loaded(&table, "again").await, Some(checkpoint(100, &[20, 20])));
    let found = inspect(table.life(), "trail-eu").await.unwrap().map(|(found, _)| found);
    assert_eq!(found, Some(checkpoint(7, &[50])));
}
