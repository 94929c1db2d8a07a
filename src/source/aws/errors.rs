//! Sorts the SDK's errors by what the caller must do.

use std::error::Error;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::RequestId;

use crate::aws::chain;
use crate::engine::ShardId;
use crate::source::api::{ApiError, ErrorKind, IteratorStart};

/// The error of a request.
pub(super) fn api_error<E>(operation: &'static str, shard: Option<&ShardId>, error: &SdkError<E>) -> ApiError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let (kind, code, message) = match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("UnknownError");
            let kind = kind_of(operation, code, answer.raw().status().as_u16());
            (kind, code.to_owned(), answer.err().message().unwrap_or("no message").to_owned())
        }
        SdkError::ConstructionFailure(_) => (ErrorKind::Fatal, "not sent".to_owned(), chain(error)),
        SdkError::TimeoutError(_) => (ErrorKind::Retry, "timed out".to_owned(), chain(error)),
        SdkError::DispatchFailure(_) => (ErrorKind::Retry, "no answer".to_owned(), chain(error)),
        _ => (ErrorKind::Retry, "unreadable answer".to_owned(), chain(error)),
    };
    let request_id = error.request_id().map(str::to_owned);
    ApiError { kind, operation, shard: shard.cloned(), code, message, request_id }
}

/// The error of an event of a subscription.
pub(super) fn of_event<E, R>(operation: &'static str, shard: &ShardId, error: &SdkError<E, R>) -> ApiError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let (kind, code, message, request_id) = match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("UnknownError");
            let kind = match code {
                // Another reader has subscribed as this consumer.
                "ResourceInUseException" => ErrorKind::Retry,
                _ => kind_of(operation, code, 500),
            };
            let message = answer.err().message().unwrap_or("no message").to_owned();
            (kind, code.to_owned(), message, answer.err().meta().request_id().map(str::to_owned))
        }
        // Whatever it is that was pushed, a new connection brings something else.
        _ => (ErrorKind::Retry, "broken subscription".to_owned(), chain(error), None),
    };
    ApiError { kind, operation, shard: Some(shard.clone()), code, message, request_id }
}

/// An answer that lacks what it must have. It would not get better by itself.
pub(super) fn unreadable(operation: &'static str, shard: Option<&ShardId>, message: &str) -> ApiError {
    let code = "unreadable answer".to_owned();
    let message = message.to_owned();
    ApiError { kind: ErrorKind::Refused, operation, shard: shard.cloned(), code, message, request_id: None }
}

/// A timestamp that one of Kinesis's hosts still takes for the future is a matter of seconds, not of the configuration.
pub(super) fn of_iterator(error: ApiError, start: &IteratorStart) -> ApiError {
    match (error.kind, start) {
        (ErrorKind::Fatal, IteratorStart::AtTimestamp(_)) => ApiError { kind: ErrorKind::Refused, ..error },
        _ => error,
    }
}

/// What an error code of an operation asks for; by the HTTP status where the code is unknown.
fn kind_of(operation: &str, code: &str, status: u16) -> ErrorKind {
    match code {
        "ExpiredIteratorException" => ErrorKind::NewIterator,
        // The iterator is not one that this stream gave.
        "InvalidArgumentException" if operation == "GetRecords" => ErrorKind::NewIterator,
        "ProvisionedThroughputExceededException"
        | "LimitExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded" => ErrorKind::Throttled,
        // Of the consumer's last subscription Kinesis does not let go for some seconds.
        "ResourceInUseException" if operation == "SubscribeToShard" => ErrorKind::Throttled,
        "KMSThrottlingException" | "ResourceInUseException" | "ExpiredNextTokenException" => ErrorKind::Retry,
        "ResourceNotFoundException" => ErrorKind::NotFound,
        "InvalidArgumentException" | "ValidationException" => ErrorKind::Fatal,
        _ if status == 429 => ErrorKind::Throttled,
        // Known ones, which the status of an event does not tell from others.
        "AccessDeniedException"
        | "KMSAccessDeniedException"
        | "KMSDisabledException"
        | "KMSInvalidStateException"
        | "KMSNotFoundException"
        | "KMSOptInRequired" => ErrorKind::Refused,
        _ if status >= 500 => ErrorKind::Retry,
        // Access, signature, token and KMS errors, and whatever else Kinesis holds against the request.
        _ => ErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_the_caller_must_do() {
        let cases = [
            ("GetRecords", "ExpiredIteratorException", 400, ErrorKind::NewIterator),
            ("GetRecords", "InvalidArgumentException", 400, ErrorKind::NewIterator),
            ("GetShardIterator", "InvalidArgumentException", 400, ErrorKind::Fatal),
            ("GetRecords", "ProvisionedThroughputExceededException", 400, ErrorKind::Throttled),
            ("ListShards", "LimitExceededException", 400, ErrorKind::Throttled),
            ("GetRecords", "ThrottlingException", 400, ErrorKind::Throttled),
            ("GetRecords", "SomethingNew", 429, ErrorKind::Throttled),
            ("SubscribeToShard", "ResourceInUseException", 400, ErrorKind::Throttled),
            ("SubscribeToShard", "ResourceNotFoundException", 400, ErrorKind::NotFound),
            ("SubscribeToShard", "KMSAccessDeniedException", 500, ErrorKind::Refused),
            ("SubscribeToShard", "InternalFailureException", 500, ErrorKind::Retry),
            ("GetRecords", "KMSThrottlingException", 400, ErrorKind::Retry),
            ("ListShards", "ResourceInUseException", 400, ErrorKind::Retry),
            ("GetRecords", "InternalFailure", 500, ErrorKind::Retry),
            ("GetRecords", "ServiceUnavailable", 503, ErrorKind::Retry),
            ("GetRecords", "AccessDeniedException", 400, ErrorKind::Refused),
            ("GetRecords", "KMSAccessDeniedException", 400, ErrorKind::Refused),
            ("GetRecords", "KMSDisabledException", 400, ErrorKind::Refused),
            ("GetRecords", "KMSInvalidStateException", 400, ErrorKind::Refused),
            ("GetRecords", "KMSNotFoundException", 400, ErrorKind::Refused),
            ("GetRecords", "KMSOptInRequired", 400, ErrorKind::Refused),
            ("DescribeStreamSummary", "UnrecognizedClientException", 400, ErrorKind::Refused),
            ("DescribeStreamSummary", "InvalidSignatureException", 400, ErrorKind::Refused),
            ("GetRecords", "ExpiredTokenException", 400, ErrorKind::Refused),
            ("GetRecords", "ResourceNotFoundException", 400, ErrorKind::NotFound),
        ];
        for (operation, code, status, kind) in cases {
            assert_eq!(kind_of(operation, code, status), kind, "{operation} {code} {status}");
        }
    }

    #[test]
    fn a_refused_timestamp_is_held_and_a_refused_position_ends_the_source() {
        let refused = || ApiError { kind: ErrorKind::Fatal, ..unreadable("GetShardIterator", None, "refused") };
        let at = IteratorStart::AtTimestamp(crate::time::Arrival(1));
        let after = IteratorStart::After(crate::engine::SequenceNumber::try_new("1").unwrap());
        assert_eq!(of_iterator(refused(), &at).kind, ErrorKind::Refused);
        assert_eq!(of_iterator(refused(), &after).kind, ErrorKind::Fatal);
    }
}
