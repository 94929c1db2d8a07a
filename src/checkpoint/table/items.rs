//! The items of a scope, and how they are written. Names that the KCL's lease table has mean what they mean there; all
//! others begin with `tr`, and `entityType` tells the KCL to pass ours over.
//!
//! | key | item |
//! |---|---|
//! | `<scope>` | the lease, `H`, the stream, which generation counts: [`Scope`] |
//! | `<scope>:<shard>` | one shard's part, as it counts and as it is about to: [`Row`] |
//! | `<scope>:plans:<epoch>.<generation>.<part>` | the plans, compressed, in parts below the size limit; never rewritten |
//! | `<scope>:starts` | what isolation keeps (PO-2) |

use std::io::{Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::port::{Attribute, COUNTER, EPOCH, GENERATION, Item, KEY, Tag, integer, number, tag_of, text};
use crate::engine::StreamIdentity;
use crate::time::Arrival;

const ENTITY: &str = "entityType";
const OWNER: &str = "leaseOwner";
const LEASE_MILLIS: &str = "trLeaseMillis";
const COMMITTED_EPOCH: &str = "trCommittedEpoch";
const VERSION: &str = "trVersion";
const STREAM: &str = "trStream";
const STREAM_CREATED_AT: &str = "trStreamCreatedAt";
const HORIZON: &str = "trHorizon";
const STARTED_AT: &str = "trStartedAt";
const PLANS_EPOCH: &str = "trPlansEpoch";
const PLANS_GENERATION: &str = "trPlansGeneration";
const PLANS_PARTS: &str = "trPlansParts";
const SHARDS: &str = "trShards";
const DIGEST: &str = "trDigest";
const NEXT: &str = "trNext";
const COUNTS: [&str; 3] = ["trCountsEpoch", "trCountsGeneration", "trCounts"];
const PART: &str = "trPart";
pub(super) const ROW: &str = "TRAILRISK_SHARD";
const SCOPE: &str = "TRAILRISK_SCOPE";
pub(super) const PLANS: &str = "TRAILRISK_PLANS";
pub(super) const STARTS: &str = "TRAILRISK_STARTS";
/// Texts from here on are stored compressed: a usual row stays readable, an unusual one below the size limit.
const COMPRESSED_FROM: usize = 4096;
/// Of one item at most, below DynamoDB's 400 KB with all attributes.
pub(super) const PART_BYTES: usize = 350_000;

/// The attributes that an item may have.
pub(super) const NAMES: [&str; 23] = [
    KEY,
    ENTITY,
    OWNER,
    COUNTER,
    EPOCH,
    GENERATION,
    LEASE_MILLIS,
    COMMITTED_EPOCH,
    VERSION,
    STREAM,
    STREAM_CREATED_AT,
    HORIZON,
    STARTED_AT,
    PLANS_EPOCH,
    PLANS_GENERATION,
    PLANS_PARTS,
    SHARDS,
    DIGEST,
    NEXT,
    COUNTS[0],
    COUNTS[1],
    COUNTS[2],
    PART,
];

/// The scope's own item: who holds it, and what of the others counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub key: String,
    /// None: released.
    pub owner: Option<String>,
    /// +1 with every write of this item.
    pub counter: u64,
    /// How long the holder asks others to watch the counter stand still.
    pub lease: Duration,
    /// +1 with every holder.
    pub epoch: u64,
    /// None before the first checkpoint, and after a reset.
    pub committed: Option<Committed>,
}

/// What makes the parts a checkpoint: until this is written, nothing of a new one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Committed {
    pub tag: Tag,
    pub version: u32,
    pub stream: StreamIdentity,
    pub horizon: Arrival,
    pub started_at: Arrival,
    pub plans: Plans,
    /// How many shards there are, for people; the digest holds them too.
    pub shards: u64,
    /// SHA-256 over everything that counts.
    pub digest: String,
}

/// Where the plans are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plans {
    pub tag: Tag,
    pub parts: u32,
}

/// One shard's item: the part that is about to count, and the one that counts until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub next: Slot,
    pub counts: Option<Slot>,
}

/// A shard's part of one checkpoint; no text: the shard has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub tag: Tag,
    pub text: Option<String>,
}

impl Scope {
    pub fn item(&self) -> Item {
        let mut item = Item::from([
            (KEY, Attribute::from(self.key.as_str())),
            (ENTITY, SCOPE.into()),
            (COUNTER, self.counter.into()),
            (LEASE_MILLIS, (self.lease.as_millis() as u64).into()),
            (EPOCH, self.epoch.into()),
            (GENERATION, self.committed.as_ref().map_or(0, |committed| committed.tag.generation).into()),
        ]);
        item.extend(self.owner.as_deref().map(|owner| (OWNER, owner.into())));
        let Some(committed) = &self.committed else { return item };
        item.extend([
            (COMMITTED_EPOCH, committed.tag.epoch.into()),
            (VERSION, u64::from(committed.version).into()),
            (STREAM, committed.stream.name.as_str().into()),
            (STREAM_CREATED_AT, Attribute::Number(committed.stream.created_at)),
            (HORIZON, Attribute::Number(committed.horizon.0)),
            (STARTED_AT, Attribute::Number(committed.started_at.0)),
            (PLANS_EPOCH, committed.plans.tag.epoch.into()),
            (PLANS_GENERATION, committed.plans.tag.generation.into()),
            (PLANS_PARTS, u64::from(committed.plans.parts).into()),
            (SHARDS, committed.shards.into()),
            (DIGEST, committed.digest.as_str().into()),
        ]);
        item
    }

    /// None where it is no scope of ours.
    pub fn read(item: &Item) -> Option<Self> {
        if text(item, ENTITY)? != SCOPE {
            return None;
        }
        Some(Self {
            key: text(item, KEY)?.to_owned(),
            owner: text(item, OWNER).map(str::to_owned),
            counter: number(item, COUNTER)?,
            lease: Duration::from_millis(number(item, LEASE_MILLIS)?),
            epoch: number(item, EPOCH)?,
            committed: if item.contains_key(COMMITTED_EPOCH) { Some(Committed::read(item)?) } else { None },
        })
    }
}

impl Committed {
    fn read(item: &Item) -> Option<Self> {
        let small = |name| u32::try_from(number(item, name)?).ok();
        Some(Self {
            tag: Tag { epoch: number(item, COMMITTED_EPOCH)?, generation: number(item, GENERATION)? },
            version: small(VERSION)?,
            stream: StreamIdentity {
                name: text(item, STREAM)?.to_owned(),
                created_at: integer(item, STREAM_CREATED_AT)?,
            },
            horizon: Arrival(integer(item, HORIZON)?),
            started_at: Arrival(integer(item, STARTED_AT)?),
            plans: Plans {
                tag: Tag { epoch: number(item, PLANS_EPOCH)?, generation: number(item, PLANS_GENERATION)? },
                parts: small(PLANS_PARTS)?,
            },
            shards: number(item, SHARDS)?,
            digest: text(item, DIGEST)?.to_owned(),
        })
    }

    /// Whether what was written with this tag is part of the checkpoint.
    pub fn counts(&self, tag: Tag) -> bool {
        tag.epoch == self.tag.epoch && tag.generation <= self.tag.generation
    }
}

impl Row {
    pub fn item(&self, key: String) -> Item {
        let mut item = Item::from([(KEY, Attribute::Text(key)), (ENTITY, ROW.into())]);
        item.extend(self.next.attributes([EPOCH, GENERATION, NEXT]));
        item.extend(self.counts.iter().flat_map(|slot| slot.attributes(COUNTS)));
        item
    }

    pub fn read(item: &Item) -> Option<Self> {
        let next = Slot { tag: tag_of(item)?, text: read_text(item.get(NEXT))? };
        let before = number(item, COUNTS[0]).zip(number(item, COUNTS[1]));
        let counts = before.map(|(epoch, generation)| {
            let tag = Tag { epoch, generation };
            Some(Slot { tag, text: read_text(item.get(COUNTS[2]))? })
        });
        Some(Self { next, counts: counts.map_or(Some(None), |slot| slot.map(Some))? })
    }

    /// The slot that is part of this checkpoint.
    pub fn counted(self, committed: &Committed) -> Option<Slot> {
        [Some(self.next), self.counts].into_iter().flatten().find(|slot| committed.counts(slot.tag))
    }
}

impl Slot {
    fn attributes(
        &self,
        [epoch, generation, value]: [&'static str; 3],
    ) -> impl Iterator<Item = (&'static str, Attribute)> {
        let tag = [(epoch, self.tag.epoch.into()), (generation, self.tag.generation.into())];
        tag.into_iter().chain(self.text.iter().map(move |text| (value, write_text(text))))
    }
}

/// One part of the plans.
pub(super) fn plans_item(scope: &str, tag: Tag, part: usize, bytes: &[u8]) -> Item {
    Item::from([
        (KEY, Attribute::Text(plans_key(scope, tag, part))),
        (ENTITY, PLANS.into()),
        (EPOCH, tag.epoch.into()),
        (GENERATION, tag.generation.into()),
        (PART, Attribute::Bytes(bytes.to_vec())),
    ])
}

pub(super) fn plans_key(scope: &str, tag: Tag, part: usize) -> String {
    format!("{scope}:plans:{}.{}.{part}", tag.epoch, tag.generation)
}

pub(super) fn row_key(scope: &str, shard: &str) -> String {
    format!("{scope}:{shard}")
}

/// What isolation keeps, compressed.
pub(super) fn starts_item(scope: &str, tag: Tag, bytes: &[u8]) -> Item {
    Item::from([
        (KEY, Attribute::Text(starts_key(scope))),
        (ENTITY, STARTS.into()),
        (EPOCH, tag.epoch.into()),
        (GENERATION, tag.generation.into()),
        (PART, Attribute::Bytes(compressed(bytes))),
    ])
}

pub(super) fn starts_key(scope: &str) -> String {
    format!("{scope}:starts")
}

pub(super) fn entity(item: &Item) -> &str {
    text(item, ENTITY).unwrap_or_default()
}

pub(super) fn key(item: &Item) -> &str {
    text(item, KEY).unwrap_or_default()
}

/// The bytes of a part.
pub(super) fn part(item: &Item) -> Option<&[u8]> {
    match item.get(PART)? {
        Attribute::Bytes(bytes) => Some(bytes),
        Attribute::Text(_) | Attribute::Number(_) => None,
    }
}

fn write_text(text: &str) -> Attribute {
    if text.len() < COMPRESSED_FROM { text.into() } else { Attribute::Bytes(compressed(text.as_bytes())) }
}

/// None where it is damaged; no attribute is no text.
fn read_text(attribute: Option<&Attribute>) -> Option<Option<String>> {
    match attribute {
        None => Some(None),
        Some(Attribute::Text(text)) => Some(Some(text.clone())),
        Some(Attribute::Bytes(bytes)) => Some(Some(String::from_utf8(inflated(bytes).ok()?).ok()?)),
        Some(Attribute::Number(_)) => None,
    }
}

pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

/// # Errors
/// When it is damaged.
pub(super) fn inflated(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut whole)?;
    Ok(whole)
}
