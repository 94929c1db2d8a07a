//! Refuses what reaches the page by a name that anybody could have given to this address (DNS rebinding): a web site
//! could otherwise read it through the browser of somebody who can reach the port.
//!
//! The port is asked by its address, as `localhost`, or by a name inside a cluster or a network, none of which a stranger
//! can own. `/metrics` and the probes are not checked: they show nothing that is worth it, and are asked by many names.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv6Addr};

/// Suffixes of names that are not given to anybody on the internet.
const PRIVATE: [&str; 5] = [".localhost", ".local", ".internal", ".home.arpa", ".svc"];

pub(super) async fn check(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(is_ours) {
        return next.run(request).await;
    }
    let message = "this page is asked for by an IP address, localhost or a name without a public suffix; a proxy before it \
                   must send such a Host\n";
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

fn is_ours(host: &str) -> bool {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || (!name.is_empty() && !name.contains('.'))
        || PRIVATE.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threat_13_only_names_that_no_stranger_can_own_are_answered() {
        for host in [
            "127.0.0.1:9464",
            "10.0.3.7",
            "[::1]:9464",
            "[fd00::7]",
            "localhost:9464",
            "LOCALHOST",
            "trailrisk:9464",
            "trailrisk.soc.svc",
            "ip-10-0-3-7.ec2.internal",
        ] {
            assert!(is_ours(host), "{host}");
        }
        for host in [
            "evil.example.com",
            "127.0.0.1.evil.example:9464",
            "localhost.evil.example",
            "",
            ":9464",
            "[evil.example]",
            "x.svc.example",
            "evil.example.",
        ] {
            assert!(!is_ours(host), "{host}");
        }
    }
}
