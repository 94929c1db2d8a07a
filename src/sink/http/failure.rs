//! Why a request got no answer, without a word of the receiver.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::address::RefusedAddress;
use crate::sink::health::FailureKind;
use crate::sink::transport::Failure;

/// What a request failed of. Who trusts whom does not mend itself, so it is a matter of the configuration.
pub(super) fn of(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if let Some(refused) = inner_causes(&error).find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return Failure::new(FailureKind::Misconfigured, format!("the host resolves to {refused}"));
    }
    let tls = inner_causes(&error).find_map(|cause| cause.downcast_ref::<TlsError>());
    if let Some(detail) = tls.and_then(distrust) {
        return Failure::new(FailureKind::Misconfigured, detail);
    }
    Failure::new(FailureKind::Unavailable, detail(&error))
}

/// Before there is a connection the causes are the system's own words (DNS, TCP, TLS); afterwards they could be the
/// receiver's, and only the kind of an I/O error is told.
fn detail(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    if error.is_timeout() {
        return "time-out".to_owned();
    }
    if error.is_connect() {
        return causes.fold("cannot connect".to_owned(), |detail, cause| format!("{detail}: {cause}"));
    }
    let kind = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind);
    format!("the connection broke{}", kind.map_or_else(String::new, |kind| format!(": {kind}")))
}

/// All causes, also what an I/O error is made of, which does not call it its source.
fn inner_causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| match cause.downcast_ref::<io::Error>() {
        Some(outer) => outer.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => cause.source(),
    })
}

/// None for what may pass, such as a handshake that broke off.
fn distrust(error: &TlsError) -> Option<String> {
    match error {
        TlsError::InvalidCertificate(fault) => Some(format!("the receiver's certificate {}", certificate_fault(fault))),
        TlsError::AlertReceived(alert) if is_of_certificates(*alert) => {
            Some(format!("the receiver refuses us in the TLS handshake ({alert:?}): see tls.client_certificate"))
        }
        _ => None,
    }
}

fn certificate_fault(fault: &CertificateError) -> &'static str {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    match fault {
        UnknownIssuer => "is from no authority that is trusted: see tls.ca_certificate",
        NotValidForName | NotValidForNameContext { .. } => "is for other names than that of the URL",
        Expired | ExpiredContext { .. } => "has expired",
        NotValidYet | NotValidYetContext { .. } => "is not valid yet",
        _ => "cannot be accepted",
    }
}

fn is_of_certificates(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError
            | Alert::CertificateRequired
    )
}
