//! CP-3: whatever is cut short, what is read back is one whole checkpoint: the last that was stored, or the one that was
//! being stored.

use super::fake::Fault;
use super::*;

fn drained() -> ShardCheckpoint {
    ShardCheckpoint { resume_after: Position::End, processed: Position::End, drained: true, ..row(1) }
}

/// Checkpoints in which everything changes that may: rows, shards that come and go, plans, and one row that stays.
fn history() -> Vec<Checkpoint> {
    let mut history = Vec::new();
    for (step, rows) in [[20, 20, 20], [21, 20, 25], [30, 20, 25], [31, 20, 26], [32, 20, 40]].into_iter().enumerate() {
        let mut next = checkpoint(100 * (step as i64 + 1), &rows);
        if step < 3 {
            next.shards.insert(shard(9), drained());
        }
        if step > 1 {
            next.shards.insert(shard(3), row(step as u64));
            next.plans.push(plan("b"));
        }
        history.push(next);
    }
    history
}

/// Stores as many as it can; says which was stored last, and which was being stored.
async fn store_all(store: &mut TableStore<FakeTable>, history: &[Checkpoint]) -> Option<usize> {
    let mut stored = None;
    for (index, checkpoint) in history.iter().enumerate() {
        // Whether it came to nothing is what the next start shows.
        if store.save(checkpoint).await.is_ok() {
            stored = Some(index);
        }
    }
    stored
}

/// A process that dies at its write number `at`: returns the last checkpoint of which it heard that it was stored.
async fn live_until(table: &FakeTable, owner: &str, at: usize, history: &[Checkpoint]) -> Option<usize> {
    let stored = Arc::new(std::sync::Mutex::new(None));
    let (heard, history) = (Arc::clone(&stored), history.to_vec());
    let life = table.life().at(at, Fault::Dies);
    let (claim, stop) = (claim(owner), CancellationToken::new());
    let process = tokio::spawn(async move {
        let mut store = TableStore::open(life, claim, metrics(), |_| {}, &stop).await.expect("it is whole");
        for (index, checkpoint) in history.iter().enumerate() {
            store.save(checkpoint).await.expect("nothing but the end fails");
            *heard.lock().unwrap() = Some(index);
        }
        store.release().await;
    });
    // A process that is dead hangs; the others have long ended by then.
    let _ = tokio::time::timeout(Duration::from_secs(3600), process).await;
    let stored = *stored.lock().unwrap();
    stored
}

#[tokio::test(start_paused = true)]
async fn cp_3_a_crash_between_any_two_writes_leaves_one_whole_checkpoint_the_old_or_the_new() {
    let history = history();
    let mut crashes = 0;
    for at in 0.. {
        let table = FakeTable::default();
        let stored = live_until(&table, "first", at, &history).await;
        let next = stored.map_or(0, |index| index + 1);
        let found = loaded(&table, "second").await;
        let old = stored.map(|index| history[index].clone());
        let is_whole = found == old || found.is_some() && found.as_ref() == history.get(next);
        assert!(is_whole, "after a crash at write {at}, with {stored:?} stored: {found:?}");
        // And the next process goes on from there to the end, whatever the first one left behind.
        let mut store = open(&table, "third").await.expect("it is whole");
        let rest = history.iter().skip_while(|checkpoint| Some(*checkpoint) != found.as_ref()).skip(1);
        for checkpoint in if found.is_some() { rest.collect::<Vec<_>>() } else { history.iter().collect() } {
            store.save(checkpoint).await.expect("nothing fails");
        }
        store.release().await;
        assert_eq!(loaded(&table, "fourth").await.as_ref(), history.last(), "after a crash at write {at}");
        if stored == Some(history.len() - 1) && next == history.len() && at > 40 {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 25, "{crashes}");
}

/// The next process dies as well, at any of its writes: taking the lease, removing what was left, storing.
#[tokio::test(start_paused = true)]
async fn cp_3_crashes_of_two_processes_in_a_row_leave_one_whole_checkpoint() {
    let history = history();
    for first in (0..24).step_by(2) {
        for second in 0..12 {
            let table = FakeTable::default();
            let stored = live_until(&table, "first", first, &history).await;
            let found = loaded(&table, "look").await;
            let from = history.iter().position(|it| Some(it) == found.as_ref());
            assert!(from >= stored, "{first}: nothing stored is lost");
            let rest = &history[from.map_or(0, |index| index + 1)..];
            let stored = live_until(&table, "second", second, rest).await.map(|index| rest[index].clone());
            let found_then = loaded(&table, "third").await;
            let old = stored.clone().or(found);
            let at = rest.iter().position(|it| Some(it) == stored.as_ref()).map_or(0, |index| index + 1);
            let is_whole = found_then == old || found_then.is_some() && found_then.as_ref() == rest.get(at);
            assert!(is_whole, "crashes at {first} and {second}: {found_then:?}");
        }
    }
}

/// Answers and requests are lost, and some land late, also while the next process is at work.
#[tokio::test(start_paused = true)]
async fn cp_3_lost_answers_and_late_writes_never_mix_two_checkpoints() {
    let history = history();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut late = 0;
    for round in 0..400 {
        let table = FakeTable::default();
        let mut life = table.life();
        for _ in 0..rng.usize(1..6) {
            let fault = [Fault::AnswerLost, Fault::RequestLost, Fault::Late][rng.usize(..3)];
            life = life.at(rng.usize(..50), fault);
        }
        let stop = CancellationToken::new();
        let mut store =
            TableStore::open(life.clone(), claim("first"), metrics(), |_| {}, &stop).await.expect("it is whole");
        let until = rng.usize(..=history.len());
        let stored = store_all(&mut store, &history[..until]).await;
        life.kill();
        let mut next = open(&table, "second").await.expect("it is whole");
        let found = next.load().await.expect("it was read");
        let from = history.iter().position(|it| Some(it) == found.as_ref());
        assert!(from.is_some() == found.is_some(), "round {round}: {found:?}");
        // What failed last may have landed all the same.
        assert!(from >= stored, "round {round}: {stored:?} was stored, {from:?} is found");
        late += table.items().len();
        table.land();
        let rest = &history[from.map_or(0, |index| index + 1)..];
        for (index, checkpoint) in rest.iter().enumerate() {
            next.save(checkpoint).await.expect("nothing fails");
            if index == 0 {
                table.land();
            }
            let stored = inspect(table.life(), SCOPE).await.expect("it is whole").map(|(stored, _)| stored);
            assert_eq!(stored.as_ref(), Some(checkpoint), "round {round}");
        }
        next.release().await;
        let expected = rest.last().cloned().or(found);
        assert_eq!(loaded(&table, "third").await, expected, "round {round}");
    }
    assert!(late > 0);
}

#[tokio::test(start_paused = true)]
async fn cp_3_an_attempt_that_failed_half_way_leaves_nothing_in_the_next_one() {
    let (table, stop) = (FakeTable::default(), CancellationToken::new());
    let life = table.life();
    let mut store = TableStore::open(life.clone(), claim("a"), metrics(), |_| {}, &stop).await.unwrap();
    store.save(&checkpoint(100, &[20, 20])).await.unwrap();
    life.set_broken(Some(format!("{SCOPE}:{}", shard(1))));
    let mut with_third = checkpoint(200, &[30, 30]);
    with_third.shards.insert(shard(3), row(5));
    store.save(&with_third).await.expect_err("a part of it cannot be written");
    life.set_broken(None);
    // The first shard is where it was at first, and the third is not there: what that attempt wrote of them must go.
    let next = checkpoint(150, &[20, 40]);
    store.save(&next).await.expect("nothing fails any more");
    assert_eq!(inspect(table.life(), SCOPE).await.unwrap().map(|(stored, _)| stored), Some(next.clone()));
    store.release().await;
    assert_eq!(loaded(&table, "b").await, Some(next));
}

/// What is deleted has no tag to refuse a late write by.
#[tokio::test(start_paused = true)]
async fn cp_3_a_write_that_lands_after_its_shard_has_left_does_not_bring_it_back() {
    let (table, stop) = (FakeTable::default(), CancellationToken::new());
    // The lease and the plans are written before them.
    let life = (2..4).fold(table.life(), |life, at| life.at(at, Fault::Late));
    let mut store = TableStore::open(life.clone(), claim("a"), metrics(), |_| {}, &stop).await.unwrap();
    let mut before = checkpoint(100, &[20]);
    before.shards.insert(shard(9), drained());
    store.save(&before).await.expect("it is tried again");
    let after = checkpoint(200, &[30]);
    store.save(&after).await.unwrap();
    table.land();
    assert_eq!(inspect(table.life(), SCOPE).await.unwrap().map(|(stored, _)| stored), Some(after.clone()));
    life.kill();
    let mut next = open(&table, "b").await.expect("it is whole");
    let later = checkpoint(300, &[40]);
    next.save(&later).await.unwrap();
    assert!(!table.items().contains_key(&format!("{SCOPE}:{}", shard(9))), "it is deleted once a later epoch counts");
    next.release().await;
    assert_eq!(loaded(&table, "c").await, Some(later));
}
