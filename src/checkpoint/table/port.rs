//! What the store asks of a DynamoDB table: whole items, conditional writes, a consistent scan. The fake of the tests
//! stands behind it as the SDK does.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

/// An item: its attributes by name, [`KEY`] among them.
pub type Item = BTreeMap<&'static str, Attribute>;

/// The partition key of the table, as the KCL names it. There is no sort key.
pub const KEY: &str = "leaseKey";
/// Counts the writes of an item that is held by a lease, as the KCL names it.
pub const COUNTER: &str = "leaseCounter";
/// The epoch of a [`Tag`].
pub const EPOCH: &str = "trEpoch";
/// The generation of a [`Tag`].
pub const GENERATION: &str = "trGeneration";

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// S.
    Text(String),
    /// N, as far as ours go.
    Number(i64),
    /// B.
    Bytes(Vec<u8>),
}

/// Which write an item is of: the holder's epoch, and its attempts to store a checkpoint counted. Ordered in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Counts the holders of the lease: one more with each that takes it.
    pub epoch: u64,
    /// Counts the attempts of one holder.
    pub generation: u64,
}

/// Under which condition an item may be written or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// There is none with this key.
    Absent,
    /// Its [`COUNTER`] is this.
    Counter(u64),
    /// There is none, or its tag is older than this one.
    Older(Tag),
}

/// What came of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is done, and durable.
    Done,
    /// The condition did not hold: the item that stands there, if any.
    Refused(Option<Item>),
}

/// What a failure of the table asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may be over soon: no answer, a time-out, a failure of the service. Whether a write was done is not known.
    Passing,
    /// The table or the account has too little capacity at the moment.
    Throttled,
    /// The credentials or the rights do not do.
    Denied,
    /// There is no such table.
    Missing,
    /// The request cannot be understood: another key schema, an item that is too large, an answer that makes no sense.
    Invalid,
}

/// Why the table could not be used.
#[derive(Debug)]
pub struct TableError {
    /// What to do about it.
    pub trouble: Trouble,
    /// Operation, status and code; not the service's own words, which name accounts and roles.
    pub detail: String,
    /// Which AWS support asks for. Apart, since it is another one each time.
    pub request_id: Option<String>,
}

impl TableError {
    /// Whether the same request may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self.trouble, Trouble::Passing | Trouble::Throttled)
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.trouble {
            Trouble::Passing => "",
            Trouble::Throttled => {
                "; the table has too little capacity: use on-demand, raise it, or raise checkpoint.interval"
            }
            Trouble::Denied => {
                "; allow dynamodb:GetItem, PutItem, DeleteItem and Scan on the table (deploy/aws/lease-table-policy.json), \
                 and its key if it is encrypted with one of yours"
            }
            Trouble::Missing => {
                "; there is no such table in this region and account: it is never created by the daemon. Create one with \
                 the partition key leaseKey (String), or correct checkpoint.table and checkpoint.region"
            }
            Trouble::Invalid => "; is its partition key leaseKey (String), without a sort key?",
        };
        write!(f, "{}{advice}", self.detail)
    }
}

impl std::error::Error for TableError {}

/// A table.
pub trait Table: Send + Sync + 'static {
    /// Its name, for people.
    fn name(&self) -> &str;

    /// The item with this key, read consistently.
    ///
    /// # Errors
    /// When the table cannot be read.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Item>, TableError>> + Send;

    /// Replaces an item, if the guard allows. Returns once it is durable.
    ///
    /// # Errors
    /// When the table cannot be written, or did not answer: then it may have been done all the same.
    fn put(&self, item: Item, guard: Guard) -> impl Future<Output = Result<Written, TableError>> + Send;

    /// Deletes an item, if the guard allows.
    ///
    /// # Errors
    /// As [`Self::put`].
    fn delete(&self, key: &str, guard: Guard) -> impl Future<Output = Result<Written, TableError>> + Send;

    /// All items whose key begins with this, read consistently one by one, in any order.
    ///
    /// # Errors
    /// When the table cannot be read.
    fn scan(&self, prefix: &str) -> impl Future<Output = Result<Vec<Item>, TableError>> + Send;
}

/// The tag of an item; none for one that is not ours.
pub(super) fn tag_of(item: &Item) -> Option<Tag> {
    Some(Tag { epoch: number(item, EPOCH)?, generation: number(item, GENERATION)? })
}

pub(super) fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    match item.get(name)? {
        Attribute::Text(text) => Some(text),
        Attribute::Number(_) | Attribute::Bytes(_) => None,
    }
}

pub(super) fn integer(item: &Item, name: &str) -> Option<i64> {
    match item.get(name)? {
        Attribute::Number(number) => Some(*number),
        Attribute::Text(_) | Attribute::Bytes(_) => None,
    }
}

pub(super) fn number(item: &Item, name: &str) -> Option<u64> {
    integer(item, name)?.try_into().ok()
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Attribute {
    /// Counters; none comes near the bound.
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
