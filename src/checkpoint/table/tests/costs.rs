//! What is written, and how large it is: the figures of the operating guide.

use super::fake::size;
use super::*;

/// What DynamoDB counts as one write unit.
const UNIT: usize = 1024;
const LARGEST_ITEM: usize = 400 * 1024;

fn rows(count: usize, to: u64) -> Checkpoint {
    checkpoint(to as i64, &vec![to; count])
}

async fn writes_of(store: &mut TableStore<FakeTable>, life: &FakeTable, checkpoint: &Checkpoint) -> usize {
    let before = life.writes();
    store.save(checkpoint).await.expect("nothing fails");
    life.writes() - before
}

#[tokio::test(start_paused = true)]
async fn a_tick_writes_the_scope_and_the_shards_that_changed() {
    let (table, stop) = (FakeTable::default(), CancellationToken::new());
    let life = table.life();
    let mut store = TableStore::open(life.clone(), claim("a"), metrics(), |_| {}, &stop).await.unwrap();
    let first = writes_of(&mut store, &life, &rows(1000, 20)).await;
    assert_eq!(first, 1000 + 2, "every shard, the plans, the scope");
    assert_eq!(writes_of(&mut store, &life, &rows(1000, 20)).await, 1, "the scope alone");
    assert_eq!(writes_of(&mut store, &life, &rows(1000, 30)).await, 1000 + 1);
    let mut three = rows(1000, 30);
    three.shards.extend((0..3).map(|number| (shard(number), row(40))));
    assert_eq!(writes_of(&mut store, &life, &three).await, 3 + 1);
    three.plans.push(plan("b"));
    assert_eq!(writes_of(&mut store, &life, &three).await, 1 + 1 + 1, "plans, scope, and the old plans are deleted");
}

#[tokio::test(start_paused = true)]
async fn a_usual_shard_and_the_scope_are_one_write_unit_each() {
    let table = FakeTable::default();
    let mut store = open(&table, "worker-0123456789ab-0123456789abcdef").await.unwrap();
    for to in [20, 30] {
        store.save(&rows(2, to)).await.unwrap();
    }
    let items = table.items();
    let sizes: Vec<(&String, usize)> = items.iter().map(|(key, item)| (key, size(item))).collect();
    let units = sizes.iter().filter(|(key, _)| !key.contains(":plans:"));
    assert!(units.clone().all(|(_, size)| *size <= UNIT), "{sizes:?}");
    assert_eq!(units.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn plans_of_any_size_are_kept_in_parts_below_the_limit_of_an_item() {
    let table = FakeTable::default();
    let mut store = open(&table, "a").await.unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut large = rows(1, 20);
    // What does not compress: 59 detections with lookups of 32 KB each.
    large.plans = (0..59).map(|number| plan(&format!("detection {number}"))).collect();
    large.plans.iter_mut().for_each(|plan| plan.text.search = (0..32_000).map(|_| rng.alphanumeric()).collect());
    store.save(&large).await.unwrap();
    let parts = table.items().keys().filter(|key| key.contains(":plans:")).count();
    assert!(parts >= 4, "{parts}");
    assert!(table.items().values().all(|item| size(item) < LARGEST_ITEM));
    let fewer = Checkpoint { plans: vec![plan("a")], ..large.clone() };
    store.save(&fewer).await.unwrap();
    assert_eq!(table.items().keys().filter(|key| key.contains(":plans:")).count(), 1);
    store.save(&large).await.unwrap();
    store.release().await;
    assert_eq!(loaded(&table, "b").await, Some(large));
}

/// CP-4: arrivals that a floor has lifted are kept for every record beyond `C`; there may be many.
#[tokio::test(start_paused = true)]
async fn a_shard_with_many_lifts_stays_below_the_limit_of_an_item() {
    let table = FakeTable::default();
    let mut store = open(&table, "a").await.unwrap();
    let mut lifted = rows(1, 20);
    let lifts = (0..20_000).map(|number| (after(number), Arrival(1_700_000_000_000 + number as i64)));
    lifted.shards.get_mut(&shard(0)).unwrap().lifts = lifts.collect();
    store.save(&lifted).await.unwrap();
    lifted.horizon = Arrival(21);
    lifted.shards.get_mut(&shard(0)).unwrap().processed_arrival = Arrival(1_800_000_000_000);
    store.save(&lifted).await.unwrap();
    assert!(table.items().values().all(|item| size(item) < LARGEST_ITEM));
    store.release().await;
    assert_eq!(loaded(&table, "b").await, Some(lifted));
}
