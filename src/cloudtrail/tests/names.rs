//! Names: of reasons and envelopes as people see them, of fields, and of events (AG-2).

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::cloudtrail::testing::{event, event_with};
use crate::cloudtrail::{Envelope, Event, FieldPath, RejectReason, field, is_known, known};

#[test]
fn po_1_reasons_and_envelopes_have_the_names_of_the_users_tables() {
    let fields = include_str!("../../../docs/fields.md");
    let metrics = include_str!("../../../docs/metrics.md");
    let mut reasons = RejectReason::ALL.map(RejectReason::as_str);
    for reason in reasons {
        assert!(fields.contains(&format!("\n| `{reason}` | ")), "{reason}");
    }
    reasons.sort_unstable();
    assert!(metrics.contains(&format!("`reason` ({})", reasons.join(", "))));
    let mut envelopes = Envelope::ALL.map(Envelope::as_str);
    envelopes.sort_unstable();
    assert!(metrics.contains(&format!("`envelope` ({})", envelopes.join(", "))));
}

fn of_id(id: &str) -> Event<'static> {
    event(json!({"eventID": id, "eventName": "A", "eventTime": "2024-01-01T00:00:00Z"}).to_string())
}

/// Ids of risk events are made of them (EM-3): another build must come to the same.
#[test]
fn em_3_the_key_of_an_event_is_the_same_in_every_build() {
    // What `printf 'event-bytes\0...' | sha256sum` prints first, and the same with `event-id`.
    let bytes = event(r#"{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"}"#);
    assert_eq!(bytes.key.0, 0x63fb_3bc1_d069_8d1b_b31d_0029_98c9_c570);
    assert_eq!(of_id("not a UUID").key.0, 0x4d74_4cd5_db1f_8449_9ab0_a2f1_0f30_f50f);
}

#[test]
fn ag_2_what_is_written_like_a_uuid_but_is_none_is_hashed() {
    let digits = "894153aded864719bb666c52ef7dc767";
    let uuid = "894153ad-ed86-4719-bb66-6c52ef7dc767";
    let value = 0x894153ad_ed86_4719_bb66_6c52ef7dc767;
    assert_eq!(of_id(uuid).key.0, value);
    for other in [
        digits,
        "{894153ad-ed86-4719-bb66-6c52ef7dc767}",
        "894153ad-ed86-4719-bb66-6c52ef7dc76",
        "894153ad-ed86-4719-bb66-6c52ef7dc7670",
        "894153ad-ed86-4719-bb66-6c52ef7dc76g",
        "894153ad-ed86-4719-bb666-c52ef7dc767",
        "894153ad0ed86-4719-bb66-6c52ef7dc767",
        "894153ad0ed8604719-bb66-6c52ef7dc76-",
        "-894153ad-ed86-4719-bb666c52ef7dc767",
        "894153ad-ed86-4719-bb66-6c52ef7dc76-",
    ] {
        let digest = Sha256::digest(format!("event-id\0{other}"));
        let hashed = digest[..16].iter().fold(0, |key, &byte| key << 8 | u128::from(byte));
        assert_eq!(of_id(other).key.0, hashed, "{other}");
        assert_eq!(of_id(other).id(), other);
    }
}

#[test]
fn fields_that_are_documented_are_known() {
    for name in ["eventName", "userIdentity", "sharedEventID", "src", "user", "_time", "errorCode"] {
        assert!(is_known(name) && known().any(|known| known == name), "{name}");
    }
    for name in ["", "eventname", "source_ip", "userIdentity.arn", "xyzzy"] {
        assert!(!is_known(name) && known().all(|known| known != name), "{name}");
    }
}

/// Only of a member can the prefilter ask for the value where it stands (PO-3).
#[test]
fn po_3_a_field_that_is_one_member_says_which() {
    for (name, member) in [
        ("eventName", Some("eventName")),
        ("anything", Some("anything")),
        ("signature", Some("eventName")),
        ("src_ip", Some("sourceIPAddress")),
        ("userIdentity.arn", None),
        ("resources{}", None),
        ("user_group_id", None),
        ("awsRegion", None),
        ("errorCode", None),
        ("action", None),
        ("vendor_product", None),
        ("_time", None),
        ("user", None),
    ] {
        assert_eq!(FieldPath::compile(name).sole_member(), member, "{name}");
    }
}

/// What is told without a copy is what reading the field tells.
#[test]
fn a_value_of_a_field_passes_where_one_that_is_read_does() {
    let event = event_with(&json!({
        "eventName": "A", "sourceIPAddress": "1.2.3.4", "list": ["x", "y", {"z": "in"}, null], "number": 1.5,
        "empty": "", "userIdentity": {"accountId": "7"},
    }));
    for (name, wanted, passes) in [
        ("eventName", "A", Some(true)),
        ("eventName", "B", Some(false)),
        ("signature", "A", Some(true)),
        ("src", "1.2.3.4", Some(true)),
        ("list{}", "x", Some(true)),
        ("list{}", "y", Some(true)),
        ("list{}.z", "in", Some(true)),
        ("list", "x", Some(false)),
        ("list{}", "in", Some(false)),
        ("number", "1.5", Some(true)),
        ("empty", "", Some(true)),
        ("absent", "", Some(false)),
        ("user_group_id", "7", Some(true)),
        ("vendor_product", "AWS CloudTrail", Some(true)),
        ("vendor_product", "A", Some(false)),
        ("errorCode", "success", None),
        ("action", "read", None),
    ] {
        let path = FieldPath::compile(name);
        assert_eq!(path.any(&event, &mut |text| text == wanted), passes, "{name} {wanted}");
        if let Some(passes) = passes {
            let read = field(&event, name);
            assert_eq!(read.scalars().iter().any(|scalar| scalar.to_string() == wanted), passes, "{name} {wanted}");
        }
    }
}
