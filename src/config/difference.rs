//! What a reload cannot change: the keys outside `detections` that differ between two configurations.

use serde_json::Value;

use super::Config;

impl Config {
    /// The keys outside `detections` in which `other` differs, in order; of values that are never shown, such as headers,
    /// the list or mapping that holds them.
    pub fn differences_beyond_detections(&self, other: &Self) -> Vec<String> {
        let mut keys = Vec::new();
        let (mut mine, mut others) = (self.canonical(), other.canonical());
        for canonical in [&mut mine, &mut others] {
            let keys = canonical.as_object_mut().expect("a configuration is a mapping");
            keys.remove("detections");
            // Only one of them is there.
            for key in ["source", "sources"] {
                keys.entry(key).or_insert(Value::Null);
            }
        }
        compare("", &mine, &others, &mut keys);
        let hidden = [("sinks", self.sinks != other.sinks), ("limits.sampling_key", self.limits != other.limits)];
        for (key, differs) in hidden {
            let section = key.split('.').next().unwrap_or(key);
            if differs && !keys.iter().any(|known| known.starts_with(section)) {
                keys.push(key.to_owned());
            }
        }
        keys.sort();
        keys
    }
}

fn compare(path: &str, mine: &Value, other: &Value, keys: &mut Vec<String>) {
    match (mine, other) {
        (Value::Object(mine), Value::Object(other)) if mine.keys().eq(other.keys()) => {
            for (key, value) in mine {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, value, &other[key], keys);
            }
        }
        (Value::Array(mine), Value::Array(other)) if mine.len() == other.len() => {
            for (index, pair) in mine.iter().zip(other).enumerate() {
                compare(&format!("{path}[{index}]"), pair.0, pair.1, keys);
            }
        }
        _ if mine != other => keys.push(path.to_owned()),
        _ => {}
    }
}
