//! Where a webhook may connect to: not into the host, the network or the cloud's metadata service behind it, unless
//! `allow_private` says so.
//!
//! The check is on the address that is connected to, after resolution, so that a name cannot be turned around between
//! check and connection. What a proxy connects to is the proxy's business: its own name is the operator's choice and not
//! checked, and that of the receiver is never resolved here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// An address that a webhook must not connect to; the text says which kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefusedAddress(&'static str);

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} address, which is refused unless allow_private is set", self.0)
    }
}

impl std::error::Error for RefusedAddress {}

/// Resolves a name to the addresses that may be connected to.
pub(super) struct GuardedResolver {
    allow_private: bool,
    /// Proxies, which usually stand inside.
    trusted: Vec<String>,
}

impl GuardedResolver {
    pub(super) fn new(allow_private: bool, trusted: impl Iterator<Item = String>) -> Self {
        Self { allow_private, trusted: trusted.collect() }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private || self.trusted.iter().any(|host| host == name.as_str());
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = if allow_private { found } else { permitted(found)? };
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Refuses a URL whose host is a forbidden address itself: no resolver is asked then.
pub(super) fn check_literal(url: &Url) -> Result<(), RefusedAddress> {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse().map_or(Ok(()), check)
}

/// Those that may be connected to; an error where all are forbidden.
fn permitted(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, RefusedAddress> {
    let refused = found.iter().find_map(|address| check(address.ip()).err());
    let allowed: Vec<_> = found.into_iter().filter(|address| check(address.ip()).is_ok()).collect();
    match refused {
        Some(refused) if allowed.is_empty() => Err(refused),
        _ => Ok(allowed),
    }
}

fn check(ip: IpAddr) -> Result<(), RefusedAddress> {
    let kind = match ip {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| forbidden_v6(v6), forbidden_v4),
    };
    kind.map_or(Ok(()), |kind| Err(RefusedAddress(kind)))
}

fn forbidden_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let [a, b, ..] = ip.octets();
    match () {
        () if ip.is_loopback() => Some("loopback"),
        () if ip.is_link_local() => Some("link-local or metadata"),
        () if ip.is_private() => Some("private"),
        // 100.64.0.0/10: carriers, pods, and a metadata service.
        () if a == 100 && (64..128).contains(&b) => Some("shared"),
        // 198.18.0.0/15: benchmarks.
        () if a == 198 && (b == 18 || b == 19) => Some("benchmark"),
        () if a == 0 || ip.is_broadcast() || ip.is_multicast() || a >= 240 => Some("special"),
        () => None,
    }
}

fn forbidden_v6(ip: Ipv6Addr) -> Option<&'static str> {
    match () {
        () if ip.is_loopback() => Some("loopback"),
        () if ip.is_unicast_link_local() => Some("link-local"),
        // fc00::/7 holds fd00:ec2::254, a metadata service.
        () if ip.is_unique_local() => Some("private or metadata"),
        () if ip.is_unspecified() || ip.is_multicast() => Some("special"),
        () => None,
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, NAT64 (64:ff9b::/96), 6to4 (2002::/16).
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = ip.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(joined(high, low)),
        [0, 0, 0, 0, 0, 0] if high != 0 => Some(joined(high, low)),
        [0x2002, ..] => Some(joined(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(ip: &str) -> bool {
        check(ip.parse().unwrap()).is_err()
    }

    #[test]
    fn addresses_inside_are_refused_in_every_spelling() {
        let inside = "127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 169.254.169.254 \
            169.254.170.2 100.64.0.1 100.100.100.200 255.255.255.255 224.0.0.1 ::1 :: fe80::1 fc00::1 fd00:ec2::254 ff02::1 \
            ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::a9fe:a9fe 2002:7f00:1::";
        for ip in inside.split_whitespace() {
            assert!(refused(ip), "{ip} is let through");
        }
    }

    #[test]
    fn public_addresses_are_let_through() {
        for ip in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "169.253.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(!refused(ip), "{ip} is refused");
        }
    }

    #[test]
    fn a_literal_in_the_url_is_refused_however_it_is_written() {
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:169.254.169.254]"] {
            let url = Url::parse(&format!("https://{host}/hook")).unwrap();
            assert!(check_literal(&url).is_err(), "{host} is let through");
        }
        check_literal(&Url::parse("https://hooks.example.com/").unwrap()).unwrap();
    }

    #[test]
    fn a_name_keeps_only_what_may_be_connected_to() {
        let addresses = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = addresses(&["127.0.0.1:0", "1.1.1.1:0"]);
        assert_eq!(permitted(mixed), Ok(addresses(&["1.1.1.1:0"])));
        assert!(permitted(addresses(&["127.0.0.1:0", "[fd00:ec2::254]:0"])).is_err());
    }
}
