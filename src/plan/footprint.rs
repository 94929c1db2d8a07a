//! What ordered maps and texts take of memory: the estimates behind BD-2.
//!
//! Estimates are upper bounds: a flood of the smallest groups must stay below `max_state_bytes` as well. Deliberately
//! absent: counting what the allocator really gave.

use std::mem::size_of;

use smol_str::SmolStr;

use super::{Scalar, Value};

/// What glibc's allocator adds to an allocation, what it rounds that up to, and the least that it gives.
const ALLOCATION: usize = 8;
const ALLOCATION_UNIT: usize = 16;
const ALLOCATION_LEAST: usize = 32;
/// Entries of a full node of the standard library's B-tree.
const NODE_ENTRIES: usize = 11;
/// Entries that a node keeps where entries come in ascending order, which fills nodes the least.
const NODE_ENTRIES_AT_LEAST: usize = 6;
/// Links of a node, and, spread over its leaves, the nodes above them.
const NODE_OVERHEAD: usize = 48;

/// A `BTreeMap` or `BTreeSet` of so many entries of so many bytes: nodes have a fixed size, and the first entry pays for
/// a whole one.
pub(crate) fn map_bytes(entries: usize, entry_bytes: usize) -> usize {
    let nodes = if entries <= NODE_ENTRIES { entries.min(1) } else { entries.div_ceil(NODE_ENTRIES_AT_LEAST) };
    nodes * boxed_bytes(NODE_ENTRIES * entry_bytes + NODE_OVERHEAD)
}

/// What an entry of a map of many takes, its share of half-full nodes included.
pub(crate) const fn entry_bytes<K, V>() -> usize {
    (NODE_ENTRIES * (size_of::<K>() + size_of::<V>()) + NODE_OVERHEAD + ALLOCATION + ALLOCATION_UNIT)
        .div_ceil(NODE_ENTRIES_AT_LEAST)
}

/// A `Box`, `Vec` or `Arc` of so many bytes.
pub(crate) fn boxed_bytes(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { (bytes + ALLOCATION).next_multiple_of(ALLOCATION_UNIT).max(ALLOCATION_LEAST) }
}

/// An `Arc<str>`: the text behind two counters.
pub(crate) fn text_bytes(length: usize) -> usize {
    boxed_bytes(2 * size_of::<usize>() + length)
}

/// What a text of a value holds beside itself: a short one stands in its place.
pub(crate) fn shared_bytes(text: &SmolStr) -> usize {
    if text.is_heap_allocated() { text_bytes(text.len()) } else { 0 }
}

/// What a scalar holds beside itself.
pub(crate) fn scalar_heap_bytes(scalar: &Scalar) -> usize {
    match scalar {
        Scalar::Number(_) => 0,
        Scalar::Text(text) => shared_bytes(text),
    }
}

/// A value and what it holds.
pub(crate) fn value_bytes(value: &Value) -> usize {
    let scalars = value.scalars();
    let list = if let Value::One(_) = value { 0 } else { boxed_bytes(size_of_val(scalars)) };
    size_of::<Value>() + list + scalars.iter().map(scalar_heap_bytes).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bd_2_a_map_of_one_entry_takes_a_whole_node() {
        assert_eq!(map_bytes(0, 100), 0);
        assert!(map_bytes(1, 100) >= NODE_ENTRIES * 100);
        assert_eq!(map_bytes(1, 100), map_bytes(11, 100));
        assert!(map_bytes(12, 100) >= 2 * NODE_ENTRIES * 100);
    }

    #[test]
    fn bd_2_entries_of_a_large_map_take_no_more_together_than_one_by_one() {
        let cases = [
            (entry_bytes::<u8, ()>(), 1),
            (entry_bytes::<u64, u32>(), 12),
            (entry_bytes::<u128, [u64; 5]>(), 56),
            (entry_bytes::<[u64; 20], [u64; 10]>(), 240),
        ];
        for (entry, bytes) in cases {
            let (together, alone) = (map_bytes(6_000, bytes), 6_000 * entry);
            assert!(together <= alone && alone <= together + together / 5, "{bytes}: {together} {alone}");
        }
    }

    /// As `malloc_usable_size` says on 64-bit Linux, and the eight bytes before it.
    #[test]
    fn bd_2_an_allocation_takes_what_glibc_gives() {
        let cases = [(0, 0), (1, 32), (24, 32), (25, 48), (40, 48), (41, 64), (136, 144), (137, 160)];
        assert_eq!(cases.map(|(bytes, _)| boxed_bytes(bytes)), cases.map(|(_, taken)| taken));
    }

    #[test]
    fn bd_2_a_shared_text_takes_two_counters_beside_its_bytes() {
        let cases = [(0, 32), (8, 32), (9, 48), (120, 144), (121, 160)];
        assert_eq!(cases.map(|(length, _)| text_bytes(length)), cases.map(|(_, taken)| taken));
    }

    #[test]
    fn bd_2_a_value_takes_what_its_texts_take() {
        let text = |length: usize| Value::text("a".repeat(length));
        // glibc gives memory by 16 bytes.
        assert!(value_bytes(&text(1024)).abs_diff(value_bytes(&text(24)) + 1000) < 16);
        assert!(value_bytes(&text(24)) > size_of::<Value>() + 24);
        let in_place = [Value::Null, text(0), text(1), text(23)].map(|value| value_bytes(&value));
        assert_eq!(in_place, [size_of::<Value>(); 4], "no memory of their own");
    }
}
