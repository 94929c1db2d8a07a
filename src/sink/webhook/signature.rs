//! Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::SigningKey;

/// The value of `webhook-signature`: one signature a key, so that a receiver may know any of them. `timestamp` is in
/// seconds since 1970.
pub(super) fn signatures(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| format!("v1,{}", signature(key, id, timestamp, body)));
    signatures.collect::<Vec<_>>().join(" ")
}

fn signature(key: &SigningKey, id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn the_published_example_has_the_published_signature() {
        let key = SigningKey(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let signed = |keys: &[SigningKey], id, timestamp, body: &str| signatures(keys, id, timestamp, body.as_bytes());
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        let published = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let keys = [key.clone()];
        assert_eq!(signed(&keys, id, timestamp, body), published);
        for other in [
            signed(&keys, "msg_p5jXN8AQM9LWM0D4loKWxJel", timestamp, body),
            signed(&keys, id, timestamp + 1, body),
            signed(&keys, id, timestamp, r#"{"test": 2432232315}"#),
            signed(&[SigningKey(vec![7; 24])], id, timestamp, body),
        ] {
            assert!(other.starts_with("v1,") && other != published, "{other}");
        }
    }
}
