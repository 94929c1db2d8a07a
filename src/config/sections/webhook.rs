//! `type: webhook`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::format::format;
use super::http::{header_value, http};
use super::one_line;
use super::sinks::delivery;
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{AuthConfig, DeliveryConfig, FormatConfig, Secret, SigningKey, SinkKind, WebhookConfig};

/// One in force, its successor, and what else a rotation leaves for a while.
const MOST_SIGNING_SECRETS: usize = 4;

pub(super) fn webhook(section: &mut Section<'_>) -> (SinkKind, FormatConfig, DeliveryConfig) {
    let (http, format, delivery) = (http(section), format(section), delivery(section, 1));
    if matches!(format, FormatConfig::CloudEventsBinary(_)) && delivery.batch.events > 1 {
        section.problem("batch_max_events", "is above 1, but `cloudevents_binary` has headers for one event only");
    }
    let (signing_keys, auth) = (signing_keys(section), auth(section));
    if auth.is_some() && http.has_authorization() {
        section.problem("auth", "sets the header Authorization, which `headers` sets as well: one of them is expected");
    }
    (SinkKind::Webhook(WebhookConfig { http, signing_keys, auth }), format, delivery)
}

fn auth(section: &mut Section<'_>) -> Option<AuthConfig> {
    let field = section.take("auth");
    field.node.as_ref()?;
    let mut keys = field.section();
    let (bearer, basic) = (keys.take("bearer").never_shown(), keys.take("basic"));
    keys.finish();
    if bearer.node.is_some() == basic.node.is_some() && !bearer.is_broken {
        section.problem("auth", "is expected to hold either `bearer` or `basic`");
    }
    if basic.node.is_some() {
        return self::basic(basic.section());
    }
    Some(AuthConfig::Bearer(secret(bearer, header_value)?))
}

fn basic(mut section: Section<'_>) -> Option<AuthConfig> {
    let (user, password) = (section.take("user").never_shown(), section.take("password").never_shown());
    section.finish();
    user.require("the user's name");
    password.require("the password");
    let (user, password) = (secret(user, user_name), secret(password, |text| one_line(text, 1024)));
    Some(AuthConfig::Basic { user: user?, password: password? })
}

fn secret(field: Field<'_>, check: impl FnOnce(&str) -> Result<(), String>) -> Option<Secret> {
    field.read(|text| check(text).map(|()| Secret(text.to_owned())))
}

/// A colon would end it.
fn user_name(text: &str) -> Result<(), String> {
    one_line(text, 256)?;
    if text.contains(':') { Err("holds a colon, which no user's name may".to_owned()) } else { Ok(()) }
}

fn signing_keys(section: &mut Section<'_>) -> Vec<SigningKey> {
    let field = section.take("signing_secrets").never_shown();
    let secrets = field.some_items("names no secret, so nothing would be signed; leave the key out if that is meant");
    if secrets.len() > MOST_SIGNING_SECRETS {
        section.problem("signing_secrets", format!("are more than {MOST_SIGNING_SECRETS}: remove those that retired"));
    }
    secrets.into_iter().filter_map(signing_key).collect()
}

fn signing_key(field: Field<'_>) -> Option<SigningKey> {
    field.require("whsec_ and the key in base64");
    field.read(decode)
}

/// As Standard Webhooks writes them.
fn decode(text: &str) -> Result<SigningKey, String> {
    let encoded =
        text.strip_prefix("whsec_").ok_or("is no signing secret: whsec_ and the key in base64 are expected")?;
    // The decoder's own error would repeat a character of the secret.
    let key = STANDARD.decode(encoded).map_err(|_| "is no signing secret: what follows whsec_ is no base64")?;
    match key.len() {
        24..=64 => Ok(SigningKey(key)),
        bytes => Err(format!("holds a key of {bytes} bytes: 24 to 64 are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_secret_is_whsec_and_24_to_64_bytes_in_base64() {
        for bytes in [24, 25, 32, 64] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(decode(&text), Ok(SigningKey(vec![7; bytes])), "{bytes}");
        }
        for bytes in [0, 23, 65] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert!(decode(&text).is_err_and(|error| error.contains("24 to 64")), "{bytes}");
        }
        let encoded = STANDARD.encode([7; 32]);
        for text in ["", "whsec_!", &encoded, &format!("WHSEC_{encoded}"), &format!("whsec_{encoded}\n")] {
            assert!(decode(text).is_err_and(|error| error.starts_with("is no signing secret")), "{text:?}");
        }
    }
}
