//! Certificates made for one test, and a receiver that speaks TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Issues certificates.
pub(in crate::sink) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(in crate::sink) pem: String,
}

/// A certificate and its key, in PEM.
pub(in crate::sink) struct Leaf {
    pub(in crate::sink) certificate: String,
    pub(in crate::sink) key: String,
}

impl Authority {
    pub(in crate::sink) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For this name, valid until the first day of this year.
    pub(in crate::sink) fn issue(&self, name: &str, until: i32) -> Leaf {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Leaf { certificate, key: key.serialize_pem() }
    }
}

/// Answers 204 over TLS on a free port of this host, and counts.
pub(in crate::sink) struct TlsReceiver {
    pub(in crate::sink) port: u16,
    requests: Arc<AtomicUsize>,
}

impl TlsReceiver {
    /// With `clients` it lets in only who has a certificate of theirs.
    pub(in crate::sink) async fn start(leaf: &Leaf, clients: Option<&Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<AtomicUsize>::default();
        let acceptor = TlsAcceptor::from(Arc::new(server(leaf, clients)));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&counter)));
            }
        });
        Self { port, requests }
    }

    pub(in crate::sink) fn count(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn server(leaf: &Leaf, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = match clients {
        None => builder.unwrap().with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.unwrap().with_client_cert_verifier(verifier.unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap()];
    builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap()).unwrap()
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, requests: Arc<AtomicUsize>) {
    let stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((_, mut refused)) => {
            // What is unread when a connection is closed would take the alert away.
            drop(tokio::io::copy(&mut refused, &mut tokio::io::sink()).await);
            return;
        }
    };
    let app = axum::Router::new().fallback(move || {
        requests.fetch_add(1, Ordering::Relaxed);
        async { StatusCode::NO_CONTENT }
    });
    let http = hyper::server::conn::http1::Builder::new();
    drop(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await);
}
