//! The table on aws-sdk-dynamodb.
//!
//! Owns: the client, time-outs, the conditions as expressions. Deliberately absent: retries. The SDK tries once; who
//! uses the table tries again.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::items::NAMES;
use super::port::{Attribute, COUNTER, EPOCH, GENERATION, Guard, Item, KEY, Table, TableError, Trouble, Written};
use crate::aws;
use crate::checkpoint::StoreError;
use crate::config::TableConfig;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const LONGEST_REQUEST: Duration = Duration::from_secs(5);
const SHORTEST_REQUEST: Duration = Duration::from_secs(1);

/// The attributes of an item as the SDK has them.
type Values = HashMap<String, AttributeValue>;

/// A table as aws-sdk-dynamodb reaches it.
pub struct DynamoTable {
    client: Client,
    table: String,
}

impl DynamoTable {
    /// Resolves region and credentials by the SDK's standard chain. DynamoDB is not asked yet.
    ///
    /// # Errors
    /// No region, no credentials.
    pub async fn connect(config: &TableConfig) -> Result<Self, StoreError> {
        let place = || format!("the table {}", config.table);
        let sdk = aws::connect(config.region.as_deref(), config.endpoint_url.as_deref(), None).await?;
        let sdk = sdk.ok_or_else(|| StoreError::NoRegion { place: place() })?;
        let credentials = aws::check_credentials(&sdk).await;
        credentials.map_err(|detail| StoreError::NoCredentials { place: place(), detail })?;
        // A renewal that does not answer leaves time for others.
        let request = (config.lease_duration / 4).clamp(SHORTEST_REQUEST, LONGEST_REQUEST);
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(request).build();
        let settings = Builder::from(&sdk).retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        Ok(Self { client: Client::from_conf(settings), table: config.table.clone() })
    }

    /// What stands where a condition did not hold.
    async fn refused(&self, key: &str, item: Option<Values>) -> Result<Written, TableError> {
        match item {
            Some(item) => Ok(Written::Refused(Some(read(item)))),
            // An emulator that does not return it.
            None => Ok(Written::Refused(self.get(key).await?)),
        }
    }
}

impl Table for DynamoTable {
    fn name(&self) -> &str {
        &self.table
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, TableError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.key(KEY, AttributeValue::S(key.to_owned())).send().await;
        Ok(answer.map_err(|error| sorted("GetItem", &error))?.item.map(read))
    }

    async fn put(&self, item: Item, guard: Guard) -> Result<Written, TableError> {
        let key = super::items::key(&item).to_owned();
        let (condition, values) = condition(guard);
        let request = self.client.put_item().table_name(&self.table).set_item(Some(written(item)));
        let request = request.condition_expression(condition).set_expression_attribute_values(values);
        let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else { return Ok(Written::Done) };
        if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            return self.refused(&key, refused.item.clone()).await;
        }
        Err(sorted("PutItem", &error))
    }

    async fn delete(&self, key: &str, guard: Guard) -> Result<Written, TableError> {
        let (condition, values) = condition(guard);
        let request = self.client.delete_item().table_name(&self.table).key(KEY, AttributeValue::S(key.to_owned()));
        let request = request.condition_expression(condition).set_expression_attribute_values(values);
        let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else { return Ok(Written::Done) };
        if let Some(DeleteItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
            return self.refused(key, refused.item.clone()).await;
        }
        Err(sorted("DeleteItem", &error))
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<Item>, TableError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let request = self.client.scan().table_name(&self.table).consistent_read(true);
            let request = request.filter_expression(format!("begins_with({KEY}, :prefix)"));
            let request = request.expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()));
            let answer = request.set_exclusive_start_key(start).send().await;
            let page = answer.map_err(|error| sorted("Scan", &error))?;
            items.extend(page.items.into_iter().flatten().map(read));
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

/// A guard as an expression with its values.
fn condition(guard: Guard) -> (String, Option<Values>) {
    let number = |number: u64| AttributeValue::N(number.to_string());
    match guard {
        Guard::Absent => (format!("attribute_not_exists({KEY})"), None),
        Guard::Counter(counter) => {
            (format!("{COUNTER} = :counter"), Some([(":counter".to_owned(), number(counter))].into()))
        }
        Guard::Older(tag) => {
            let expression = format!(
                "attribute_not_exists({KEY}) OR {EPOCH} < :epoch OR ({EPOCH} = :epoch AND {GENERATION} < :generation)"
            );
            let values = [(":epoch", number(tag.epoch)), (":generation", number(tag.generation))];
            (expression, Some(values.map(|(name, value)| (name.to_owned(), value)).into()))
        }
    }
}

fn written(item: Item) -> Values {
    let value = |attribute| match attribute {
        Attribute::Text(text) => AttributeValue::S(text),
        Attribute::Number(number) => AttributeValue::N(number.to_string()),
        Attribute::Bytes(bytes) => AttributeValue::B(Blob::new(bytes)),
    };
    item.into_iter().map(|(name, attribute)| (name.to_owned(), value(attribute))).collect()
}

/// Attributes of other names or types are not ours.
fn read(mut item: Values) -> Item {
    let attribute = |value| match value {
        AttributeValue::S(text) => Some(Attribute::Text(text)),
        AttributeValue::N(number) => number.parse().ok().map(Attribute::Number),
        AttributeValue::B(bytes) => Some(Attribute::Bytes(bytes.into_inner())),
        _ => None,
    };
    NAMES.into_iter().filter_map(|name| Some((name, attribute(item.remove(name)?)?))).collect()
}

fn sorted<E>(operation: &'static str, error: &SdkError<E>) -> TableError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let (trouble, what) = match error {
        SdkError::ServiceError(answer) => {
            let (code, status) = (answer.err().code().unwrap_or("UnknownError"), answer.raw().status().as_u16());
            (trouble_of(code, status), format!("answers {status} {code}"))
        }
        SdkError::ConstructionFailure(_) => (Trouble::Invalid, aws::chain(error)),
        SdkError::TimeoutError(_) => (Trouble::Passing, "timed out".to_owned()),
        _ => (Trouble::Passing, aws::chain(error)),
    };
    TableError {
        trouble,
        detail: format!("DynamoDB {operation}: {what}"),
        request_id: error.request_id().map(str::to_owned),
    }
}

/// What an error code asks for; by the HTTP status where the code is unknown.
fn trouble_of(code: &str, status: u16) -> Trouble {
    match code {
        "ResourceNotFoundException" | "TableNotFoundException" => Trouble::Missing,
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "LimitExceededException" => Trouble::Throttled,
        "ResourceInUseException" | "TransactionConflictException" | "TransactionInProgressException" => {
            Trouble::Passing
        }
        "ValidationException" | "SerializationException" | "ItemCollectionSizeLimitExceededException" => {
            Trouble::Invalid
        }
        _ if status == 429 => Trouble::Throttled,
        _ if status >= 500 => Trouble::Passing,
        // Access, signature, token and key errors, and whatever else DynamoDB holds against the request.
        _ => Trouble::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_the_caller_must_do() {
        let cases = [
            ("ResourceNotFoundException", 400, Trouble::Missing),
            ("ProvisionedThroughputExceededException", 400, Trouble::Throttled),
            ("ThrottlingException", 400, Trouble::Throttled),
            ("SomethingNew", 429, Trouble::Throttled),
            ("InternalServerError", 500, Trouble::Passing),
            ("TransactionConflictException", 400, Trouble::Passing),
            ("ValidationException", 400, Trouble::Invalid),
            ("AccessDeniedException", 400, Trouble::Denied),
            ("UnrecognizedClientException", 400, Trouble::Denied),
            ("ExpiredTokenException", 400, Trouble::Denied),
        ];
        for (code, status, trouble) in cases {
            assert_eq!(trouble_of(code, status), trouble, "{code} {status}");
        }
    }
}
