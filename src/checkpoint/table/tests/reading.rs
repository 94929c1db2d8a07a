//! What is found in a table that somebody else has touched, or is at work on.

use super::*;

/// What somebody does to the items, one of which is this row.
type Edit = fn(&mut BTreeMap<String, Item>, &str);

async fn stored() -> FakeTable {
    let table = FakeTable::default();
    let mut store = open(&table, "first").await.unwrap();
    store.save(&checkpoint(100, &[20, 20])).await.unwrap();
    store.release().await;
    table
}

async fn failure(table: &FakeTable) -> String {
    match open(table, "next").await {
        Err(error @ StoreError::Unreadable { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it must not start"),
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_were_deleted_or_edited_are_an_error_and_never_another_position() {
    let row_key = || format!("{SCOPE}:{}", shard(1));
    let edits: [(&str, Edit); 5] = [
        ("its digest does not fit", |items, row| drop(items.remove(row))),
        ("its digest does not fit", |items, row| {
            let text = Attribute::Text(serde_json::to_string(&super::row(5)).unwrap());
            items.get_mut(row).unwrap().insert("trNext", text);
        }),
        ("its digest does not fit", |items, _| {
            items.get_mut(SCOPE).unwrap().insert("trHorizon", Attribute::Number(99));
        }),
        ("is damaged", |items, row| {
            items.get_mut(row).unwrap().insert("trNext", Attribute::Bytes(vec![1, 2]));
        }),
        ("is missing or damaged", |items, _| items.retain(|key, _| !key.contains(":plans:"))),
    ];
    for (words, edit) in edits {
        let table = stored().await;
        table.edit(|items| edit(items, &row_key()));
        let error = failure(&table).await;
        assert!(error.contains(words) && error.contains("trailrisk checkpoint reset"), "{error}");
        assert!(inspect(table.life(), SCOPE).await.is_err());
        // A refused start does not keep the lease.
        assert!(reset(table.life(), &claim("person"), &CancellationToken::new()).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_newer_build_has_stored_and_what_is_not_ours_is_refused() {
    let table = stored().await;
    table.edit(|items| {
        items.get_mut(SCOPE).unwrap().insert("trVersion", Attribute::Number(99));
    });
    assert!(failure(&table).await.contains("it was written by a newer build (version 99"));
    let table = FakeTable::default();
    table.edit(|items| {
        let lease = Item::from([(KEY, SCOPE.into()), (COUNTER, 4_u64.into()), ("checkpoint", "LATEST".into())]);
        items.insert(SCOPE.to_owned(), lease);
    });
    assert!(failure(&table).await.contains("choose another checkpoint.scope"));
}

/// Somebody has deleted the scope's item alone: no tag may come again, or what is left would count.
#[tokio::test(start_paused = true)]
async fn parts_without_their_scope_count_for_nothing() {
    let table = stored().await;
    table.edit(|items| drop(items.remove(SCOPE)));
    let mut store = open(&table, "next").await.unwrap();
    assert_eq!(store.load().await.unwrap(), None);
    assert_eq!(store.epoch, 2);
    store.save(&checkpoint(3, &[11])).await.unwrap();
    store.release().await;
    assert_eq!(loaded(&table, "last").await, Some(checkpoint(3, &[11])));
}

#[tokio::test(start_paused = true)]
async fn a_reader_beside_the_holder_sees_whole_checkpoints_only() {
    let table = FakeTable::default();
    let mut store = open(&table, "holder").await.unwrap();
    store.save(&checkpoint(0, &[100; 8])).await.unwrap();
    let reading = tokio::spawn({
        let table = table.life();
        async move {
            let mut seen = BTreeSet::new();
            for _ in 0..60 {
                let (found, _) = inspect(table.clone(), SCOPE).await.expect("it is whole").expect("it is there");
                let horizon = found.horizon.0;
                assert_eq!(found, checkpoint(horizon, &[100 + horizon as u64; 8]));
                seen.insert(horizon);
            }
            seen
        }
    });
    for step in 1..40 {
        store.save(&checkpoint(step, &[100 + step as u64; 8])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(reading.await.unwrap().len() > 1, "it read beside the holder");
}

/// A request that takes too long, or a table at its capacity, is no answer: it is asked again, as a start asks.
#[tokio::test(start_paused = true)]
async fn a_reader_outlasts_a_table_that_fails_for_a_moment_and_no_longer() {
    let table = stored().await;
    let life = table.life();
    life.set_down(Some(Trouble::Passing));
    let reading = tokio::spawn({
        let life = life.clone();
        async move { inspect(life, SCOPE).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    life.set_down(None);
    let found = reading.await.unwrap().expect("it works again").expect("it is there");
    assert_eq!(found.0, checkpoint(100, &[20, 20]));
    life.set_down(Some(Trouble::Passing));
    let given_up = tokio::time::timeout(Duration::from_secs(30), inspect(life, SCOPE)).await;
    assert!(matches!(given_up, Ok(Err(StoreError::Table { .. }))), "{given_up:?}");
}
