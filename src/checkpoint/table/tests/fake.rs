//! A table in memory that all processes of a test share. Each process has a handle of its own, which fails as it is
//! told: at a given write it dies, loses the answer, never sends the request, or sends it so late that somebody else
//! lets it land.

use std::sync::{Mutex, MutexGuard};

use super::super::port::{number, tag_of, text};
use super::super::{Attribute, COUNTER, Guard, Item, KEY, Table, TableError, Trouble, Written};
use super::*;

/// What happens at a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before it: nothing of it is heard any more.
    Dies,
    /// It is done, but the answer is lost.
    AnswerLost,
    /// It is not done.
    RequestLost,
    /// It is not done yet: [`FakeTable::land`] does it.
    Late,
}

/// See the module.
#[derive(Clone, Default)]
pub struct FakeTable {
    shared: Arc<Mutex<Shared>>,
    life: Arc<Mutex<Life>>,
}

#[derive(Default)]
struct Shared {
    items: BTreeMap<String, Item>,
    late: Vec<(Item, Guard)>,
}

#[derive(Default)]
struct Life {
    writes: usize,
    faults: BTreeMap<usize, Fault>,
    down: Option<Trouble>,
    broken: Option<String>,
    dead: bool,
}

impl FakeTable {
    /// The same table for another process.
    pub fn life(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), life: Arc::default() }
    }

    /// For this process: what happens at its write number `at`, counted from 0 on.
    pub fn at(self, at: usize, fault: Fault) -> Self {
        self.my().faults.insert(at, fault);
        self
    }

    /// For this process: every request fails from now on; none: it works again.
    pub fn set_down(&self, trouble: Option<Trouble>) {
        self.my().down = trouble;
    }

    /// For this process: writes of this key fail.
    pub fn set_broken(&self, key: Option<String>) {
        self.my().broken = key;
    }

    /// How many writes this process has sent.
    pub fn writes(&self) -> usize {
        self.my().writes
    }

    /// This process is gone: its requests never end.
    pub fn kill(&self) {
        self.my().dead = true;
    }

    /// What was late lands now.
    pub fn land(&self) {
        let late = std::mem::take(&mut self.shared.lock().unwrap().late);
        for (item, guard) in late {
            self.apply(item, guard);
        }
    }

    pub fn items(&self) -> BTreeMap<String, Item> {
        self.shared.lock().unwrap().items.clone()
    }

    pub fn edit(&self, edit: impl FnOnce(&mut BTreeMap<String, Item>)) {
        edit(&mut self.shared.lock().unwrap().items);
    }

    fn my(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap()
    }

    fn holds(item: Option<&Item>, guard: Guard) -> bool {
        match guard {
            Guard::Absent => item.is_none(),
            Guard::Counter(counter) => item.is_some_and(|item| number(item, COUNTER) == Some(counter)),
            Guard::Older(tag) => item.is_none_or(|item| tag_of(item).is_some_and(|old| old < tag)),
        }
    }

    fn apply(&self, item: Item, guard: Guard) -> Written {
        let mut shared = self.shared.lock().unwrap();
        let key = text(&item, KEY).expect("every item has a key").to_owned();
        let stands = shared.items.get(&key);
        if !Self::holds(stands, guard) {
            return Written::Refused(stands.cloned());
        }
        shared.items.insert(key, item);
        Written::Done
    }

    /// Nothing is ever heard of a dead process.
    async fn lives(&self) -> Result<(), TableError> {
        tokio::task::yield_now().await;
        if self.my().dead {
            std::future::pending::<()>().await;
        }
        self.my().down.map_or(Ok(()), |trouble| Err(error(trouble)))
    }

    async fn fault(&self) -> Result<Option<Fault>, TableError> {
        self.lives().await?;
        let fault = {
            let mut life = self.my();
            life.writes += 1;
            let at = life.writes - 1;
            let fault = life.faults.get(&at).copied();
            life.dead |= fault == Some(Fault::Dies);
            fault
        };
        self.lives().await?;
        Ok(fault)
    }
}

fn error(trouble: Trouble) -> TableError {
    TableError { trouble, detail: "the table of the tests".to_owned(), request_id: None }
}

impl Table for FakeTable {
    fn name(&self) -> &str {
        "leases"
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, TableError> {
        self.lives().await?;
        Ok(self.shared.lock().unwrap().items.get(key).cloned())
    }

    async fn put(&self, item: Item, guard: Guard) -> Result<Written, TableError> {
        if self.my().broken.as_deref() == text(&item, KEY) {
            return Err(error(Trouble::Passing));
        }
        match self.fault().await? {
            None | Some(Fault::Dies) => Ok(self.apply(item, guard)),
            Some(Fault::AnswerLost) => {
                self.apply(item, guard);
                Err(error(Trouble::Passing))
            }
            Some(Fault::RequestLost) => Err(error(Trouble::Passing)),
            Some(Fault::Late) => {
                self.shared.lock().unwrap().late.push((item, guard));
                Err(error(Trouble::Passing))
            }
        }
    }

    async fn delete(&self, key: &str, guard: Guard) -> Result<Written, TableError> {
        let fault = self.fault().await?;
        if matches!(fault, Some(Fault::RequestLost | Fault::Late)) {
            return Err(error(Trouble::Passing));
        }
        let mut shared = self.shared.lock().unwrap();
        let stands = shared.items.get(key);
        if !Self::holds(stands, guard) {
            return Ok(Written::Refused(stands.cloned()));
        }
        shared.items.remove(key);
        Ok(Written::Done)
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<Item>, TableError> {
        self.lives().await?;
        // One by one, as a scan comes by them: others write meanwhile.
        let keys: Vec<String> = self.items().into_keys().filter(|key| key.starts_with(prefix)).collect();
        let mut found = Vec::new();
        for key in keys {
            tokio::task::yield_now().await;
            found.extend(self.shared.lock().unwrap().items.get(&key).cloned());
        }
        Ok(found)
    }
}

/// The bytes that DynamoDB counts of an item: names and values.
pub fn size(item: &Item) -> usize {
    let value = |attribute: &Attribute| match attribute {
        Attribute::Text(text) => text.len(),
        Attribute::Bytes(bytes) => bytes.len(),
        // At most, of a number with so many digits.
        Attribute::Number(number) => number.to_string().len() / 2 + 2,
    };
    item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
}
