//! The checkpoint store in a table: the daemon's own, over a simulated table. It is slow, it fails, requests and answers
//! are lost, and a life may end between any two of its writes; what it holds is the world's.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use trailrisk::checkpoint::table::{
    Attribute, COUNTER, Claim, EPOCH, GENERATION, Guard, Item, KEY, Table, TableError, Trouble, Written, inspect,
};
use trailrisk::checkpoint::{StoreError, TableStore};
use trailrisk::metrics::Metrics;

use crate::bugs::Bug;
use crate::world::World;

const SCOPE: &str = "simulation";
const LEASE: Duration = Duration::from_secs(4);

/// All items by key.
pub type Items = BTreeMap<String, Item>;

/// One process's way to the table.
pub struct SimTable(Arc<World>);

/// The store of a life, once the lease of the one before is over. A start that ends because the table has failed for longer
/// than a start waits for it is followed by the next one, as a supervisor does.
pub async fn open(world: &Arc<World>, metrics: &Metrics) -> TableStore<SimTable> {
    loop {
        let owner = format!("life {}", world.below(i64::MAX));
        let claim = Claim { scope: SCOPE.to_owned(), owner, duration: LEASE };
        let (table, stop) = (SimTable(Arc::clone(world)), CancellationToken::new());
        match TableStore::open(table, claim, metrics.clone(), |_| {}, &stop).await {
            Ok(store) => return store,
            Err(StoreError::Table { source, .. }) if source.is_passing() => {}
            // It was suspended while it started, and replaced.
            Err(StoreError::Lost { .. }) if world.state().zombie => {}
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string)),
        }
    }
}

fn failed() -> TableError {
    TableError { trouble: Trouble::Passing, detail: "the simulated table".to_owned(), request_id: None }
}

fn number(item: &Item, name: &str) -> Option<i64> {
    match item.get(name)? {
        Attribute::Number(number) => Some(*number),
        Attribute::Text(_) | Attribute::Bytes(_) => None,
    }
}

fn key(item: &Item) -> String {
    let Some(Attribute::Text(key)) = item.get(KEY) else { panic!("every item has a key") };
    key.clone()
}

fn holds(item: Option<&Item>, guard: Guard) -> bool {
    match guard {
        Guard::Absent => item.is_none(),
        Guard::Counter(counter) => item.is_some_and(|item| number(item, COUNTER) == Some(counter as i64)),
        Guard::Older(tag) => item.is_none_or(|item| {
            let stands = number(item, EPOCH).zip(number(item, GENERATION));
            stands.is_some_and(|stands| stands < (tag.epoch as i64, tag.generation as i64))
        }),
    }
}

impl SimTable {
    /// On its way there.
    async fn request(&self) -> Result<(), TableError> {
        let world = &self.0;
        world.pause(30).await;
        if world.mishap(world.habits.store / 60) {
            let until = world.now() + world.below(20_000);
            world.state().store_down_until = until;
        }
        if world.is_down(|state| state.store_down_until) || world.mishap(world.habits.store / 8) {
            return Err(failed());
        }
        Ok(())
    }

    /// On its way back.
    async fn answer(&self) -> Result<(), TableError> {
        self.0.pause(10).await;
        if self.0.mishap(self.0.habits.store / 8) { Err(failed()) } else { Ok(()) }
    }

    async fn written(&self, at: &str, item: Option<Item>, guard: Guard) -> Result<Written, TableError> {
        self.request().await?;
        let stands = self.0.state().items.get(at).cloned();
        let written = if holds(stands.as_ref(), guard) || self.0.has(Bug::GuardIgnored) {
            self.apply(at, item);
            Written::Done
        } else {
            Written::Refused(stands)
        };
        self.answer().await?;
        Ok(written)
    }

    fn apply(&self, at: &str, item: Option<Item>) {
        let world = &self.0;
        world.note(|| format!("table {at} {}", if item.is_some() { "put" } else { "deleted" }));
        let before = world.state().items.get(at).and_then(|item| number(item, GENERATION));
        let now = item.as_ref().and_then(|item| number(item, GENERATION));
        match item {
            Some(item) => drop(world.state().items.insert(at.to_owned(), item)),
            None => drop(world.state().items.remove(at)),
        }
        if at != SCOPE {
            world.state().saving = Some("a crash between two writes of a checkpoint");
        } else if before != now && now > Some(0) {
            // A new generation counts.
            let items = world.state().items.clone();
            let stored = at_once(inspect(Frozen(items), SCOPE)).expect("CP-3: it is whole").expect("it is there").0;
            world.stored(&stored);
            world.state().saving = Some("a crash behind the write of a checkpoint");
        } else {
            world.state().saving = None;
        }
    }
}

impl Table for SimTable {
    fn name(&self) -> &str {
        "leases"
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, TableError> {
        let get = async {
            self.request().await?;
            let item = self.0.state().items.get(key).cloned();
            self.answer().await?;
            Ok(item)
        };
        self.0.counted(get).await
    }

    async fn put(&self, item: Item, guard: Guard) -> Result<Written, TableError> {
        let at = key(&item);
        self.0.counted(self.written(&at, Some(item), guard)).await
    }

    async fn delete(&self, key: &str, guard: Guard) -> Result<Written, TableError> {
        self.0.counted(self.written(key, None, guard)).await
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<Item>, TableError> {
        let scan = async {
            self.request().await?;
            Ok(below(&self.0.state().items, prefix))
        };
        self.0.counted(scan).await
    }
}

fn below(items: &Items, prefix: &str) -> Vec<Item> {
    items.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, item)| item.clone()).collect()
}

/// The table as it stands at one moment.
struct Frozen(Items);

impl Table for Frozen {
    fn name(&self) -> &str {
        "leases"
    }

    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Item>, TableError>> + Send {
        ready(Ok(self.0.get(key).cloned()))
    }

    fn put(&self, _: Item, _: Guard) -> impl Future<Output = Result<Written, TableError>> + Send {
        ready(Err(failed()))
    }

    fn delete(&self, _: &str, _: Guard) -> impl Future<Output = Result<Written, TableError>> + Send {
        ready(Err(failed()))
    }

    fn scan(&self, prefix: &str) -> impl Future<Output = Result<Vec<Item>, TableError>> + Send {
        ready(Ok(below(&self.0, prefix)))
    }
}

/// What needs nobody to wait.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}
