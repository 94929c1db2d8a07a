//! Events: every field may be absent, null, empty, a number, a truth value, a text, or hold several of them.

use serde_json::{Value as Json, json};

use super::TEXTS;
use crate::rng::Rng;

/// The events of a seed: within one hour, some of them twice.
pub fn events(seed: u64) -> Vec<Json> {
    let mut rng = Rng::new(seed, 22);
    let mut events: Vec<Json> = (0..=rng.below(7)).map(|number| event(&mut rng, number)).collect();
    if rng.chance(300) {
        let copy = events[rng.index(events.len())].clone();
        events.push(copy);
    }
    events
}

fn event(rng: &mut Rng, number: i64) -> Json {
    let (hour, minute, second) = (rng.pick(&[23, 23, 23, 22]), rng.below(60), rng.pick(&[0, 0, 30]));
    let mut event = json!({
        "eventVersion": "1.08",
        "eventID": format!("00000000-0000-0000-0000-{:012}", (number * 7 + 3) % 10),
        "eventTime": format!("2023-04-24T{hour:02}:{minute:02}:{second:02}Z"),
        "eventName": rng.pick(&["GetUser", "PutUser", "getuser", "DeleteBucket"]),
        "eventSource": "iam.amazonaws.com",
        "userAgent": "Console x",
    });
    for name in ["a", "b", "n", "m", "s", "u", "ip", "when", "flag", "doc"] {
        if let Some(value) = value(rng, name) {
            event[name] = value;
        }
    }
    for (name, most) in [("list", 4), ("nums", 4)] {
        if rng.chance(700) {
            event[name] = (0..rng.below(most)).map(|_| leaf(rng, name)).collect();
        }
    }
    if rng.chance(700) {
        event["req"] = json!({"x": leaf(rng, "a"), "n": leaf(rng, "n"), "list": [leaf(rng, "s"), leaf(rng, "n")]});
    }
    if rng.chance(400) {
        event["mat"] = json!([[leaf(rng, "n"), leaf(rng, "s")], [], leaf(rng, "a"), [null, leaf(rng, "n")]]);
        event["o"] = json!({"x.y": leaf(rng, "a"), "z": {"_time": 7}});
    }
    if rng.chance(600) {
        event["items"] = (0..rng.below(3)).map(|_| json!({"k": leaf(rng, "s"), "v": leaf(rng, "n")})).collect();
    }
    event
}

fn value(rng: &mut Rng, name: &str) -> Option<Json> {
    match rng.below(10) {
        0 => None,
        1 => Some(json!(null)),
        2 => Some(json!("")),
        3 if name != "doc" => Some(json!(rng.pick(&TEXTS))),
        _ => Some(leaf(rng, name)),
    }
}

fn leaf(rng: &mut Rng, name: &str) -> Json {
    match name {
        "n" | "m" | "nums" => match rng.below(6) {
            0 => json!(rng.pick(&[0.5, -2.25, 1.5, 3.75])),
            1 => json!(rng.below(100).to_string()),
            _ => json!(rng.below(12) - 3),
        },
        "ip" => json!(rng.pick(&["10.0.0.1", "10.0.0.10", "10.0.0.9", "192.168.7.7", "AWS Internal", "300.1.1.1"])),
        "when" => json!(rng.pick(&["2023-04-24", "2024-02-29T23:59:59", "2023-02-29", "1682380277", "1969-12-31"])),
        "flag" => json!(rng.chance(500)),
        "doc" => json!(rng.pick(&[
            r#"{"k":[1,2],"o":{"p":"q"},"t":true,"z":null,"e":[]}"#,
            r#"{"S":[{"A":"x","B":["u","v"]},{"A":"y","B":"w"}],"k":"one"}"#,
            r#"{"S":{"A":"x","B":["u"]},"k":{"k":1.5}}"#,
            r#"[1,{"k":2}]"#,
            "no document",
            "{}",
        ])),
        _ => json!(rng.pick(&TEXTS)),
    }
}
