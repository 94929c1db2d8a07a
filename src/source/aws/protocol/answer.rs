//! An answer of `GetRecords`, read.

use std::borrow::Cow;

use aws_sdk_kinesis::primitives::DateTime;
use aws_smithy_types::base64;
use memchr::{memchr, memmem};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What most answers of `GetRecords` are. Nothing else is in here, so that what generated code would make of anything
/// else is never guessed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub records: Vec<Record<'a>>,
    pub next_shard_iterator: Option<String>,
    pub millis_behind_latest: Option<i64>,
    child_shards: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record<'a> {
    pub sequence_number: String,
    /// Base64; of what was cut out nothing.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
    /// What it stands for, if it was cut out.
    #[serde(skip)]
    pub decoded: Option<Vec<u8>>,
    #[serde(default, deserialize_with = "epoch_seconds")]
    pub approximate_arrival_timestamp: Option<DateTime>,
    pub partition_key: Option<String>,
    pub encryption_type: Option<String>,
}

/// From here on a double holds whole numbers only, also those that are none of 64 bits and that the SDK refuses.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// As the SDK reads it: a whole number as it is, any other by way of a double.
fn epoch_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime>, D::Error> {
    let Some(number) = <Option<serde_json::Number>>::deserialize(deserializer)? else { return Ok(None) };
    match (number.as_i64(), number.as_f64()) {
        (Some(seconds), _) => Ok(Some(DateTime::from_secs(seconds))),
        (None, Some(seconds)) if number.is_f64() && seconds.abs() < WHOLE => Ok(Some(DateTime::from_secs_f64(seconds))),
        (None, _) => Err(D::Error::custom("beyond the seconds that a time stamp can have")),
    }
}

impl<'a> Answer<'a> {
    /// None: the SDK is to read it.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let answer = match Cut::of(body) {
            Some(cut) => cut.answer()?,
            None => serde_json::from_slice(body).ok()?,
        };
        answer.child_shards.is_none().then_some(answer)
    }
}

/// A body of which the data, nearly all of it, are cut out, so that only the rest need be read as JSON. They are decoded
/// at once, while the processor's cache still holds them from the search for their end.
pub(super) struct Cut {
    pub rest: Vec<u8>,
    /// Where in the rest each was, and what it stands for.
    data: Vec<(usize, Vec<u8>)>,
}

impl Cut {
    /// None where nothing is to be cut, where something is no base64, and where there is a backslash, which base64 has not:
    /// without any, every quote begins or ends a text, so that the key is one and its value ends at the next quote.
    pub fn of(body: &[u8]) -> Option<Self> {
        const KEY: &str = r#""Data":""#;
        let (mut rest, mut data) = (Vec::new(), Vec::new());
        let (mut copied, finder) = (0, memmem::Finder::new(KEY));
        while let Some(found) = finder.find(&body[copied..]) {
            let start = copied + found + KEY.len();
            let end = start + memchr(b'"', &body[start..])?;
            rest.extend_from_slice(&body[copied..start]);
            let text = std::str::from_utf8(&body[start..end]).ok()?;
            data.push((rest.len(), base64::decode(text).ok()?));
            copied = end;
        }
        rest.extend_from_slice(&body[copied..]);
        let is_cut = !data.is_empty() && memchr(b'\\', &rest).is_none();
        is_cut.then_some(Self { rest, data })
    }

    /// None where what was cut is not the data of each record.
    fn answer(self) -> Option<Answer<'static>> {
        let answer: Answer<'_> = serde_json::from_slice(&self.rest).ok()?;
        let place = |record: &Record<'_>| record.data.as_ptr().addr().wrapping_sub(self.rest.as_ptr().addr());
        let is_own = |(record, (cut_at, _)): (_, &(usize, _))| place(record) == *cut_at;
        if answer.records.len() != self.data.len() || !answer.records.iter().zip(&self.data).all(is_own) {
            return None;
        }
        let records = answer.records.into_iter().zip(self.data);
        let records =
            records.map(|(record, (_, decoded))| Record { data: Cow::Borrowed(""), decoded: Some(decoded), ..record });
        Some(Answer { records: records.collect(), ..answer })
    }
}
