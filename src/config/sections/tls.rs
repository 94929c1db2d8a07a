//! `tls` of a sink: PEM texts, which come from `${file:PATH}` or `${NAME}`. That they can be used is known before
//! anything is connected.

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};

use crate::config::reader::Section;
use crate::config::{Secret, TlsConfig};

const NO_CERTIFICATE: &str = "holds no certificate in PEM: `-----BEGIN CERTIFICATE-----` is expected";
const NO_KEY: &str = "holds no private key in PEM: RSA, ECDSA or Ed25519 in PKCS #8, PKCS #1 or SEC1 is expected, \
                      without a password";

pub(super) fn tls(mut section: Section<'_>) -> TlsConfig {
    let ca_certificate = section.take("ca_certificate").never_shown();
    let certificate = section.take("client_certificate").never_shown();
    let key = section.take("client_key").never_shown();
    if certificate.node.is_some() && key.node.is_none() {
        section.problem("client_certificate", "is of no use without client_key");
    }
    if key.node.is_some() && certificate.node.is_none() {
        section.problem("client_key", "is of no use without client_certificate");
    }
    let ca_certificate = ca_certificate.read(|pem| check_roots(pem).map(|()| pem.to_owned()));
    let certificate = certificate.read(|pem| chain(pem).map(|chain| (pem.to_owned(), chain)));
    let key = key.read(|pem| private_key(pem).map(|key| (pem.to_owned(), key)));
    let identity = certificate.zip(key).map(|((certificate_pem, chain), (key_pem, key))| {
        if let Err(message) = check_pair(chain, key) {
            section.problem("client_key", message);
        }
        Secret(format!("{certificate_pem}\n{key_pem}"))
    });
    section.finish();
    TlsConfig { ca_certificate, identity }
}

fn check_roots(pem: &str) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    let mut certificates = chain(pem)?.into_iter();
    certificates.try_for_each(|certificate| roots.add(certificate)).map_err(|_| NO_CERTIFICATE.to_owned())
}

fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| NO_CERTIFICATE.to_owned())
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| NO_KEY.to_owned())
}

/// Says nothing of what the key holds.
fn check_pair(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<(), &'static str> {
    match CertifiedKey::from_der(chain, key, &default_provider()) {
        Ok(_) => Ok(()),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err("does not belong to the first certificate of client_certificate")
        }
        Err(Error::InvalidCertificate(_)) => Err("cannot be compared: client_certificate holds no certificate"),
        Err(_) => Err("is no private key that can be used: RSA, ECDSA or Ed25519 is expected"),
    }
}
