//! JSON written straight into memory: the bytes that `escape` makes through serde, for the format that is written most.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::Arc;

use wide::u8x16;

use super::to_json;
use super::value::ScalarBody;
use crate::plan::{Scalar, Value};
use crate::time::{EventTime, utc_seconds, whole_second};

/// A JSON text that grows.
pub(super) struct Json(pub(super) Vec<u8>);

impl Json {
    /// JSON as it is.
    pub(super) fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    /// A text: most need no escape.
    pub(super) fn text(&mut self, text: &str) {
        if is_plain(text) {
            self.0.push(b'"');
            self.raw(text);
            self.0.push(b'"');
        } else {
            self.0.extend_from_slice(&to_json(&text));
        }
    }

    /// What is written in digits, letters and marks that JSON leaves as they are, as a text.
    pub(super) fn shown(&mut self, value: impl Display) {
        write!(self.0, "\"{value}\"").expect("memory takes everything");
    }

    /// An instant, as it shows itself, in a text: nearly all are whole seconds.
    pub(super) fn instant(&mut self, instant: EventTime) {
        match whole_second(instant.0) {
            Some(text) => {
                self.0.push(b'"');
                self.0.extend_from_slice(&text);
                self.raw("Z\"");
            }
            None => self.shown(instant),
        }
    }

    /// An instant with its milliseconds, in a text.
    pub(super) fn milliseconds(&mut self, instant: jiff::Timestamp) {
        let millis = instant.as_millisecond();
        match utc_seconds(millis).filter(|_| millis > 0) {
            Some(second) => {
                self.0.push(b'"');
                self.0.extend_from_slice(&second);
                write!(self.0, ".{:03}Z\"", millis % 1000).expect("memory takes everything");
            }
            None => self.shown(format_args!("{instant:.3}")),
        }
    }

    /// 128 bits as 32 hexadecimal digits, in a text.
    pub(super) fn hexadecimal(&mut self, bits: u128) {
        let mut text = [b'"'; 34];
        for (place, byte) in text[1..33].as_chunks_mut().0.iter_mut().zip(bits.to_be_bytes()) {
            *place = [b"0123456789abcdef"[usize::from(byte >> 4)], b"0123456789abcdef"[usize::from(byte & 0xF)]];
        }
        self.0.extend_from_slice(&text);
    }

    /// An integer.
    pub(super) fn integer(&mut self, number: u64) {
        serde_json::to_writer(&mut self.0, &number).expect("memory takes everything");
    }

    /// A double, with decimals also where it is an integer.
    pub(super) fn float(&mut self, number: f64) {
        serde_json::to_writer(&mut self.0, &number).expect("memory takes everything");
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, truth: bool) {
        self.raw(if truth { "true" } else { "false" });
    }

    /// Values with commas between them.
    pub(super) fn list<T>(&mut self, values: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) {
        self.0.push(b'[');
        self.separated(values, &mut each);
        self.0.push(b']');
    }

    /// As [`super::value::Columns`].
    pub(super) fn columns(&mut self, columns: &[(Arc<str>, Value)]) {
        self.0.push(b'{');
        self.separated(columns, &mut |json, (name, value)| {
            json.text(name);
            json.0.push(b':');
            json.value(value);
        });
        self.0.push(b'}');
    }

    /// As [`ScalarBody`].
    pub(super) fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Text(text) => self.text(text),
            Scalar::Number(_) => {
                serde_json::to_writer(&mut self.0, &ScalarBody(scalar)).expect("memory takes everything")
            }
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw("null"),
            Value::One(scalar) => self.scalar(scalar),
            Value::Many(scalars) => self.list(scalars, Self::scalar),
        }
    }

    fn separated<T>(&mut self, values: impl IntoIterator<Item = T>, each: &mut dyn FnMut(&mut Self, T)) {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            each(self, value);
        }
    }
}

/// Whether a text is ASCII that neither JSON nor `escape` escapes.
fn is_plain(text: &str) -> bool {
    let (sixteens, rest) = text.as_bytes().as_chunks();
    // The last sixteen may be among those before.
    let last = text.as_bytes().last_chunk().copied().unwrap_or_else(|| {
        let mut last = [b' '; 16];
        last[..rest.len()].copy_from_slice(rest);
        last
    });
    sixteens.iter().fold(plain(last), |all, sixteen| all & plain(*sixteen)).all()
}

#[inline(always)]
fn plain(bytes: [u8; 16]) -> u8x16 {
    let bytes = u8x16::new(bytes);
    let shown = bytes.max(u8x16::splat(b' ')).min(u8x16::splat(b'~')).simd_eq(bytes);
    shown & bytes.simd_ne(u8x16::splat(b'"')) & bytes.simd_ne(u8x16::splat(b'\\'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::value::{Columns, Text};
    use super::*;
    use crate::risk_event::RiskEventId;

    fn scalars() -> impl Strategy<Value = Scalar> {
        prop_oneof![any::<f64>().prop_filter_map("no NaN", Scalar::number), any::<String>().prop_map(Scalar::text)]
    }

    /// With milliseconds and without, and beyond the years of four digits.
    fn instants() -> impl Strategy<Value = EventTime> {
        let second = prop_oneof![any::<i64>(), -100_000_000_000..300_000_000_000i64];
        (second, prop::sample::select(vec![0, 1, 500]))
            .prop_map(|(second, millis)| EventTime(second.saturating_mul(1000).saturating_add(millis)))
    }

    fn written(write: impl FnOnce(&mut Json)) -> String {
        let mut json = Json(Vec::new());
        write(&mut json);
        String::from_utf8(json.0).expect("UTF-8")
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn em_4_the_bytes_are_those_of_serde(
            columns in prop::collection::vec((any::<String>(), prop::collection::vec(scalars(), 0..4)), 0..4),
            plain in "[ -~]{0,40}", score in -1e3..1e3f64, id in any::<u128>(), instant in instants(), count in any::<u64>(),
        ) {
            let columns = columns.into_iter().map(|(name, scalars)| (Arc::from(name), Value::from_scalars(scalars)));
            let columns: Vec<(Arc<str>, Value)> = columns.collect();
            let serde = String::from_utf8(to_json(&Columns(&columns))).expect("UTF-8");
            prop_assert_eq!(written(|json| json.columns(&columns)), serde);
            prop_assert_eq!(written(|json| json.text(&plain)).into_bytes(), to_json(&plain));
            prop_assert_eq!(written(|json| json.instant(instant)).into_bytes(), to_json(&Text(instant)));
            prop_assert_eq!(written(|json| json.integer(count)), count.to_string());
            prop_assert_eq!(written(|json| json.hexadecimal(id)), written(|json| json.shown(RiskEventId(id))));
            for score in [score, score.round()] {
                prop_assert_eq!(written(|json| json.float(score)).into_bytes(), to_json(&score));
            }
        }

        /// Before 1970 as well, and beyond the years of four digits.
        #[test]
        fn a_millisecond_is_written_as_by_the_machinery_of_a_format(
            second in prop_oneof![-1_000_000_000..300_000_000_000i64, Just(0), Just(-1)], nanosecond in 0..1_000_000_000i32,
        ) {
            for instant in [nanosecond, 999_999_999, 0].map(|nanosecond| jiff::Timestamp::new(second, nanosecond)) {
                let Ok(instant) = instant else { continue };
                prop_assert_eq!(written(|json| json.milliseconds(instant)), written(|json| json.shown(format_args!("{instant:.3}"))));
            }
        }

        /// Wherever it stands in sixteen bytes, or behind them.
        #[test]
        fn a_text_is_plain_where_no_character_is_escaped(
            text in prop_oneof!["[ !#-\\[\\]-~]{0,100}", "[\u{0}\u{1f} !\"#\\[\\\\\\]~\u{7f}\u{80}\u{9f}Ðé]{0,20}"],
            place in 0..100usize, character in prop_oneof![any::<char>(), prop::sample::select(vec!['\u{1f}', '"', '\\', '\u{7f}'])],
        ) {
            let mut text = text;
            prop_assert_eq!(is_plain(&text), to_json(&text) == format!("\"{text}\"").into_bytes() && text.is_ascii());
            text.insert(text.char_indices().nth(place).map_or(0, |(at, _)| at), character);
            prop_assert_eq!(is_plain(&text), to_json(&text) == format!("\"{text}\"").into_bytes() && text.is_ascii());
            prop_assert_eq!(written(|json| json.text(&text)).into_bytes(), to_json(&text));
        }
    }
}
