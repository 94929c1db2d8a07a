//! Words of Kinesis that the engine knows: shards, sequence numbers, positions.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::packing::{Reader, put_number};

/// A Kinesis shard's id, such as `shardId-000000000000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub Arc<str>);

/// A Kinesis sequence number: a decimal of up to 128 digits, without leading zeros. Ordered as a number, which for
/// such texts is: by length, then by bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SequenceNumber(Arc<str>);

/// A text that is no sequence number.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a sequence number: it must be 1 to 128 decimal digits")]
pub struct InvalidSequenceNumber(pub String);

/// How far a shard is read. Half-open thinking: a position stands *after* the record that it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Before the first record that the shard's starting point admits.
    Start,
    /// After the record with this sequence number and sub-sequence number (of a KPL aggregate; 0 otherwise).
    After(SequenceNumber, u32),
    /// After the last record of a closed shard.
    End,
}

impl SequenceNumber {
    /// Reads a sequence number.
    ///
    /// # Errors
    /// When the text is empty, longer than 128 characters, or holds anything but digits.
    pub fn try_new(text: &str) -> Result<Self, InvalidSequenceNumber> {
        let valid = !text.is_empty() && text.len() <= MOST_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        if !valid {
            return Err(InvalidSequenceNumber(text.chars().take(160).collect()));
        }
        let digits = text.trim_start_matches('0');
        Ok(Self(if digits.is_empty() { "0" } else { digits }.into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A packed position begins with what it is, or with the number of digits and this.
const START: u64 = 0;
const END: u64 = 1;
const AFTER: u64 = 1;
/// A sequence number has no more.
const MOST_DIGITS: usize = 128;
/// So many decimal digits fit into 64 bits.
const CHUNK: usize = 19;

impl Position {
    /// In about half of the bytes of its text.
    pub(super) fn pack(&self, out: &mut Vec<u8>) {
        let (number, sub) = match self {
            Self::Start => return put_number(out, START),
            Self::End => return put_number(out, END),
            Self::After(SequenceNumber(number), sub) => (number, sub),
        };
        put_number(out, number.len() as u64 + AFTER);
        put_number(out, u64::from(*sub));
        let (first, chunks) = number.split_at(first_chunk(number.len()));
        let value = |digits: &[u8]| digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        put_number(out, value(first.as_bytes()));
        chunks.as_bytes().chunks(CHUNK).for_each(|chunk| out.extend_from_slice(&value(chunk).to_le_bytes()));
    }

    /// What was packed.
    pub(super) fn unpack(packed: &mut Reader<'_>) -> Self {
        let digits = match packed.number() {
            START => return Self::Start,
            END => return Self::End,
            more => usize::try_from(more - AFTER).expect("a number of digits"),
        };
        let (sub, first) = (packed.small(), packed.number());
        let mut text = [0; MOST_DIGITS];
        let (head, chunks) = text[..digits].split_at_mut(first_chunk(digits));
        write_digits(head, first);
        chunks.chunks_mut(CHUNK).for_each(|chunk| write_digits(chunk, u64::from_le_bytes(packed.array())));
        let text = std::str::from_utf8(&text[..digits]).expect("digits");
        Self::After(SequenceNumber(text.into()), sub)
    }

    /// Passes over what was packed.
    pub(super) fn skip(packed: &mut Reader<'_>) {
        let head = packed.number();
        if head > END {
            let digits = usize::try_from(head - AFTER).expect("a number of digits");
            packed.number();
            packed.number();
            packed.bytes((digits - first_chunk(digits)) / CHUNK * size_of::<u64>());
        }
    }
}

/// A number of at most as many digits as there is room for, with zeros in front.
fn write_digits(digits: &mut [u8], mut value: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10).to_le_bytes()[0];
        value /= 10;
    }
}

/// How many digits stand before the full chunks: at least one.
fn first_chunk(digits: usize) -> usize {
    (digits - 1) % CHUNK + 1
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for SequenceNumber {
    type Error = InvalidSequenceNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::try_new(&text)
    }
}

impl From<SequenceNumber> for String {
    fn from(number: SequenceNumber) -> Self {
        number.0.to_string()
    }
}

impl ShardId {
    /// A shard id.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::After(number, 0) => write!(f, "{number}"),
            Self::After(number, sub) => write!(f, "{number}.{sub}"),
            Self::End => f.write_str("end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_is_up_to_128_digits() {
        let longest = "9".repeat(128);
        for (text, digits) in [("0", "0"), ("000", "0"), ("007", "7"), ("10", "10"), (&longest, &longest)] {
            let number = SequenceNumber::try_new(text).unwrap();
            assert_eq!((number.as_str(), number.to_string().as_str()), (digits, digits));
        }
        for text in ["", "12a", "-1", " 1", "\u{664}", &format!("{longest}9"), &format!("{longest}x")] {
            assert!(SequenceNumber::try_new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn rd_1_positions_are_ordered_as_numbers() {
        let after = |number: &str, sub| Position::After(SequenceNumber::try_new(number).unwrap(), sub);
        let ascending = [
            Position::Start,
            after("9", 0),
            after("9", 2),
            after("9", 10),
            after("10", 0),
            after("11", 0),
            Position::End,
        ];
        assert!(ascending.is_sorted() && ascending[1] < ascending[4]);
    }

    #[test]
    fn a_shard_is_shown_by_its_name() {
        let shard = ShardId::new("shardId-000000000001");
        assert_eq!((shard.as_str(), shard.to_string().as_str()), ("shardId-000000000001", "shardId-000000000001"));
    }

    /// As `checkpoint show`, dead letters, and log lines show it.
    #[test]
    fn a_position_is_shown_by_its_numbers_or_as_the_start_or_the_end() {
        let after = |sub| Position::After(SequenceNumber::try_new("4959").unwrap(), sub);
        let shown = [Position::Start, after(0), after(12), Position::End].map(|position| position.to_string());
        assert_eq!(shown, ["start", "4959", "4959.12", "end"]);
    }

    #[test]
    fn a_packed_position_comes_back() {
        let numbers = ["0", "7", "49590338271490256608559692538361571095921575989136588898"];
        let lengths = [18, 19, 20, 38, 39, 57, 128].map(|digits| "9".repeat(digits));
        let zeros = [19, 20, 39, 128].map(|digits| format!("1{}", "0".repeat(digits - 1)));
        let numbers = numbers.map(str::to_owned).into_iter().chain(lengths).chain(zeros);
        let after = numbers.flat_map(|number| {
            let number = SequenceNumber::try_new(&number).unwrap();
            [0, 3, u32::MAX].map(|sub| Position::After(number.clone(), sub))
        });
        for position in after.chain([Position::Start, Position::End]) {
            let mut packed = Vec::new();
            position.pack(&mut packed);
            packed.push(99);
            let (mut read, mut skipped) = (Reader(&packed), Reader(&packed));
            assert_eq!(Position::unpack(&mut read), position);
            Position::skip(&mut skipped);
            assert_eq!((read.0, skipped.0), (&[99][..], &[99][..]), "{position}");
        }
    }
}
