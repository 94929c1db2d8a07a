//! What a receiver's answer means (CP-7).

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::sink::health::FailureKind;
use crate::sink::retry::parse_retry_after;
use crate::sink::transport::{Failure, Outcome};

/// Judges by the status alone; no text of the receiver gets through.
pub(super) fn judge(status: StatusCode, headers: &HeaderMap, now: jiff::Timestamp) -> Outcome {
    let Some(kind) = failure_kind(status) else { return Outcome::Delivered };
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let hint = if status.is_redirection() { ", and redirects are not followed" } else { "" };
    Outcome::Failed(Failure {
        kind,
        detail: format!("the receiver answers {}{hint}", status.as_u16()),
        refused: None,
        retry_after: retry_after.and_then(|value| parse_retry_after(value, now)),
    })
}

/// None where the receiver has the risk event.
fn failure_kind(status: StatusCode) -> Option<FailureKind> {
    match status.as_u16() {
        200..=299 => None,
        // A redirect is never followed: the URL is wrong, or somebody points us elsewhere. 405, 407 (of a proxy) and 415
        // are about what all requests have in common: their method, credentials, format and compression.
        300..=399 | 401 | 403 | 404 | 405 | 407 | 415 => Some(FailureKind::Misconfigured),
        408 | 429 => Some(FailureKind::Unavailable),
        400..=499 => Some(FailureKind::EventRefused),
        _ => Some(FailureKind::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16) -> Option<FailureKind> {
        failure_kind(StatusCode::from_u16(status).unwrap())
    }

    #[test]
    fn cp_7_answers_are_told_apart_by_what_they_call_for() {
        let groups: [(Option<FailureKind>, &[u16]); 4] = [
            (None, &[200, 201, 202, 204]),
            (Some(FailureKind::Unavailable), &[408, 429, 500, 502, 503, 504, 599]),
            (Some(FailureKind::Misconfigured), &[301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 415]),
            (Some(FailureKind::EventRefused), &[400, 409, 410, 413, 422]),
        ];
        for (expected, statuses) in groups {
            for status in statuses {
                assert_eq!(kind(*status), expected, "{status}");
            }
        }
    }
}
