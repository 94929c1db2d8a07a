//! What a URL in the configuration may be. Its text is never repeated: a path or a query may be a secret.
//!
//! Only addresses written in the URL are judged here; what a name resolves to is judged when it is connected to.

use std::net::{IpAddr, Ipv6Addr};

use reqwest::Url;

use crate::config::field::Field;

/// The metadata service's address over IPv6; over IPv4 it is link-local anyway.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// `endpoint_url`.
pub(super) fn endpoint_url(field: Field<'_>) -> Option<String> {
    field.never_shown().read(|text| endpoint(text).map(|()| text.to_owned()))
}

/// An endpoint of AWS: http is for emulators, and chosen knowingly.
fn endpoint(text: &str) -> Result<(), String> {
    let url = parse(text, "which no endpoint takes: leave them out")?;
    let has_more = url.query().is_some();
    if has_more { Err("is no endpoint: it has a query".to_owned()) } else { Ok(()) }
}

/// A webhook's URL.
pub(super) fn webhook(text: &str, allow_http: bool, allow_private: bool) -> Result<(), String> {
    let url = parse(text, "which belong into `auth`")?;
    if url.scheme() == "http" && !allow_http {
        return Err("is plain http: https is expected, or `allow_http: true` beside it".to_owned());
    }
    if is_private(&url) && !allow_private {
        return Err("is a loopback, link-local or metadata address, which an event must not be sent to by mistake; \
                    if it is meant, `allow_private: true` beside it is expected"
            .to_owned());
    }
    Ok(())
}

/// `instead` says where a user name and a password belong.
fn parse(text: &str, instead: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("is no http or https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("holds a user name or a password, {instead}"));
    }
    if url.fragment().is_some() { Err("has a fragment, which is never sent".to_owned()) } else { Ok(url) }
}

fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    match literal.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().map_or_else(|| is_private_v6(ip), |ip| is_private_v4(ip.octets())),
        Ok(IpAddr::V4(ip)) => is_private_v4(ip.octets()),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn is_private_v4(octets: [u8; 4]) -> bool {
    matches!(octets, [0 | 127, ..] | [169, 254, ..])
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local() || ip == METADATA_V6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_https_to_somewhere_else() {
        for text in ["https://soc.example.com/hook?x=1", "https://10.0.0.5:8443/", "https://[2001:db8::1]/"] {
            assert_eq!(webhook(text, false, false), Ok(()), "{text}");
        }
        for text in ["soc.example.com/hook", "ftp://x/", "https://", "https://u:p@x/", "https://x/#f", "http://x/", ""]
        {
            assert!(webhook(text, false, false).is_err(), "{text}");
        }
        assert_eq!(webhook("http://soc.example.com/", true, false), Ok(()));
    }

    #[test]
    fn private_addresses_are_found_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0.0.0.0",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[::ffff:169.254.169.254]",
            "[fe80::1]",
            "[fd00:ec2::254]",
        ] {
            let text = format!("https://{host}/");
            assert!(webhook(&text, false, false).is_err_and(|e| e.contains("allow_private")), "{text}");
            assert_eq!(webhook(&text, false, true), Ok(()), "{text}");
        }
    }

    #[test]
    fn an_endpoint_may_be_an_emulator() {
        assert_eq!(endpoint("http://localhost:4567"), Ok(()));
        for text in ["localhost:4567", "https://x/?y", "https://u@x/"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_never_repeats_the_url() {
        for text in
            ["https://u:hunter2@x/", "http://x/hunter2", "https://localhost/hunter2", "hunter2", "https://[hunter2"]
        {
            assert!(webhook(text, false, false).is_err_and(|error| !error.contains("hunter2")), "{text}");
        }
    }
}
