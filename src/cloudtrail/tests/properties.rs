//! Whatever the bytes, decoding ends without a panic and accounts for what it was given.

use proptest::prelude::*;

use super::JOB_CREATED;
use crate::cloudtrail::testing::{decoded, gzip};
use crate::cloudtrail::{DecodeLimits, decode, field, fields_under};

/// JSON-like text: more of it reaches the inner layers than of arbitrary bytes.
fn fragments() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\n",
        " ",
        "\"eventName\"",
        "\"eventVersion\"",
        "\"eventTime\"",
        "\"Records\"",
        "\"detail\"",
        "\"detail-type\"",
        "\"logEvents\"",
        "\"messageType\"",
        "\"DATA_MESSAGE\"",
        "\"message\"",
        "\"2024-01-01T00:00:00Z\"",
        "\"\\ud800\"",
        "\"\\\\\"",
        "1",
        "-0",
        "1e999",
        "null",
        "true",
        "\"é\"",
        "\\u",
    ]);
    prop::collection::vec(fragment, 0..40).prop_map(|fragments| fragments.concat())
}

fn decode_and_read(data: &[u8]) {
    for event in decode(data, &DecodeLimits { max_inflated_bytes: 1 << 16 }).events {
        for (name, _) in fields_under(&event, "") {
            field(&event, &name);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_and_read(&bytes);
        decode_and_read(&gzip(&bytes));
        decode_and_read(&[&[0x1F, 0x8B, 8, 0], bytes.as_slice()].concat());
    }

    #[test]
    fn json_like_text_never_panics(text in fragments()) {
        decode_and_read(text.as_bytes());
    }

    #[test]
    fn po_1_a_cut_record_is_rejected_whole_and_its_neighbours_stay(cut in 1..JOB_CREATED.len() - 1) {
        let whole = JOB_CREATED.trim();
        let decoded = decoded(format!("{whole}\n{}\n{whole}", &whole[..cut]));
        prop_assert_eq!(decoded.events.len(), 2);
        prop_assert_eq!(decoded.rejected.len(), 1);
        prop_assert_eq!(&*decoded.rejected[0].bytes, whole[..cut].trim_end().as_bytes());
    }

    #[test]
    fn cut_gzip_never_panics_and_never_gives_events(cut in 1..200_usize) {
        let whole = gzip(JOB_CREATED);
        let decoded = decoded(&whole[..whole.len() - cut]);
        prop_assert!(decoded.events.is_empty());
        prop_assert_eq!(decoded.rejected.len(), 1);
    }

    #[test]
    fn ag_4_each_document_is_one_event_or_one_rejection(good in prop::collection::vec(any::<bool>(), 1..20)) {
        let line = |&good: &bool| if good { JOB_CREATED.trim() } else { "{\"cut\":" };
        let text = good.iter().map(line).collect::<Vec<_>>().join("\n");
        let decoded = decoded(text);
        let wanted = good.iter().filter(|&&good| good).count();
        prop_assert_eq!((decoded.events.len(), decoded.rejected.len()), (wanted, good.len() - wanted));
    }
}
