use super::*;
use crate::config::Secret;
use crate::sink::testing::{Authority, Leaf, TlsReceiver};

const VALID: i32 = 2200;

fn to(receiver: &TlsReceiver, tls: TlsConfig) -> HttpConfig {
    let url = format!("https://localhost:{}/hook", receiver.port);
    HttpConfig { allow_http: false, tls, ..config(&url) }
}

fn trusting(authority: &Authority) -> TlsConfig {
    TlsConfig { ca_certificate: Some(authority.pem.clone()), identity: None }
}

fn identity(leaf: &Leaf) -> Option<Secret> {
    Some(Secret(format!("{}\n{}", leaf.certificate, leaf.key)))
}

async fn assert_distrusted(receiver: &TlsReceiver, config: HttpConfig, words: &str) {
    let failure = failure(&config).await;
    assert!(failure.detail.contains(words), "{}", failure.detail);
    assert_eq!((failure.kind, receiver.count()), (FailureKind::Misconfigured, 0), "{}", failure.detail);
}

#[tokio::test]
async fn threat_9_a_private_authority_is_the_only_one_that_is_trusted() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let receiver = TlsReceiver::start(&ours.issue("localhost", VALID), None).await;
    assert_eq!(post(&to(&receiver, trusting(&ours))).await, Outcome::Delivered);
    assert_eq!(receiver.count(), 1);
    let receiver = TlsReceiver::start(&ours.issue("localhost", VALID), None).await;
    for tls in [trusting(&other), TlsConfig::default()] {
        assert_distrusted(&receiver, to(&receiver, tls), "from no authority that is trusted").await;
    }
}

#[tokio::test]
async fn several_authorities_may_stand_in_one_text() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let receiver = TlsReceiver::start(&new.issue("localhost", VALID), None).await;
    let tls = TlsConfig { ca_certificate: Some(format!("# both\n{}{}", old.pem, new.pem)), identity: None };
    assert_eq!(post(&to(&receiver, tls)).await, Outcome::Delivered);
}

#[tokio::test]
async fn threat_9_a_certificate_for_another_name_or_of_another_time_is_refused() {
    let authority = Authority::new("ours");
    for (name, until, words) in
        [("elsewhere.example", VALID, "for other names than that of the URL"), ("localhost", 2020, "has expired")]
    {
        let receiver = TlsReceiver::start(&authority.issue(name, until), None).await;
        assert_distrusted(&receiver, to(&receiver, trusting(&authority)), words).await;
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_client_certificate_lets_in_who_has_one_of_its_authority() {
    let (authority, clients, other) = (Authority::new("ours"), Authority::new("clients"), Authority::new("other"));
    let receiver = TlsReceiver::start(&authority.issue("localhost", VALID), Some(&clients)).await;
    let tls = |identity| TlsConfig { identity, ..trusting(&authority) };
    let without = to(&receiver, tls(None));
    assert_distrusted(&receiver, without, "(CertificateRequired): see tls.client_certificate").await;
    let strange = identity(&other.issue("trailrisk", VALID));
    assert_distrusted(&receiver, to(&receiver, tls(strange)), "refuses us in the TLS handshake").await;
    let expired = identity(&clients.issue("trailrisk", 2020));
    assert_distrusted(&receiver, to(&receiver, tls(expired)), "CertificateExpired").await;
    let ours = identity(&clients.issue("trailrisk", VALID));
    assert_eq!(post(&to(&receiver, tls(ours))).await, Outcome::Delivered);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn what_speaks_no_tls_is_unavailable() {
    let receiver = crate::sink::testing::Receiver::start([]).await;
    let failure = failure(&config(&format!("https://localhost:{}/", receiver.port))).await;
    assert_eq!(failure.kind, FailureKind::Unavailable);
    assert!(failure.detail.starts_with("cannot connect"), "{}", failure.detail);
}
