//! Functions that give true, false or null.

use std::net::IpAddr;

use super::{numeric, text};
use crate::plan::Value;

pub(super) fn is_null(arguments: &[Value]) -> Option<bool> {
    Some(arguments[0].is_null())
}

pub(super) fn is_not_null(arguments: &[Value]) -> Option<bool> {
    Some(!arguments[0].is_null())
}

pub(super) fn is_num(arguments: &[Value]) -> Option<bool> {
    Some(numeric::of(&arguments[0]).is_some())
}

pub(super) fn is_int(arguments: &[Value]) -> Option<bool> {
    Some(numeric::of(&arguments[0]).is_some_and(|number| number.fract() == 0.0))
}

pub(super) fn is_str(arguments: &[Value]) -> Option<bool> {
    Some(!arguments[0].is_null() && numeric::of(&arguments[0]).is_none())
}

/// `cidrmatch("10.0.0.0/8", address)`; an address that is none (a service name) is in no network.
pub(super) fn cidrmatch(arguments: &[Value]) -> Option<bool> {
    let network = Network::parse(&text::of(&arguments[0])?)?;
    let address = &arguments[1];
    (!address.is_null()).then(|| address.scalars().iter().any(|scalar| network.contains(&scalar.to_text())))
}

/// An IPv4 or IPv6 network.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `address/prefix`, or an address alone.
    pub(in crate::plan) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok()).filter(|prefix| *prefix <= bits)?;
        Some(Self { address, prefix })
    }

    /// Whether an address is in the network; a text that is no address never is.
    pub(in crate::plan) fn contains(self, text: &str) -> bool {
        let Ok(address) = text.parse::<IpAddr>() else { return false };
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same_prefix(a.to_bits().into(), b.to_bits().into(), 32 - self.prefix),
            (IpAddr::V6(a), IpAddr::V6(b)) => same_prefix(a.to_bits(), b.to_bits(), 128 - self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, host_bits: u32) -> bool {
    (a ^ b).checked_shr(host_bits).unwrap_or(0) == 0
}
