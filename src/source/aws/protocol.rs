//! awsJson1.1 as the SDK speaks it, but for the answers of `GetRecords`, which are nearly all bytes that ever come in.
//!
//! The SDK's reader looks at every byte of a record's text by itself and copies it before it is decoded. Here the text is
//! found by its quotes and decoded where it lies. Whatever is unusual about an answer (the end of a shard, a time stamp
//! that is a text, anything that is no such answer) is left to the SDK, and so is everything else of the protocol.

mod answer;

use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_smithy_json::protocol::aws_json_rpc::AwsJsonRpcProtocol;
use aws_smithy_runtime_api::http::{Request, Response};
use aws_smithy_schema::codec::DynCodec;
use aws_smithy_schema::protocol::ClientProtocolInner;
use aws_smithy_schema::serde::{SerdeError, SerializableStruct, ShapeDeserializer};
use aws_smithy_schema::{Schema, ShapeId};
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::endpoint::Endpoint;
use aws_smithy_types::error::metadata::Builder as ErrorMetadataBuilder;
use aws_smithy_types::{BigDecimal, BigInteger, Document, base64};

use answer::{Answer, Record};

/// For `Config::builder().protocol(..)`.
#[derive(Debug)]
pub(super) struct Protocol(AwsJsonRpcProtocol);

impl Default for Protocol {
    /// With the namespace of the generated client.
    fn default() -> Self {
        Self(AwsJsonRpcProtocol::aws_json_1_1().with_default_namespace("com.amazonaws.kinesis"))
    }
}

impl ClientProtocolInner for Protocol {
    type Request = Request;
    type Response = Response;

    fn protocol_id(&self) -> &ShapeId<'static> {
        self.0.protocol_id()
    }

    fn serialize_request(
        &self,
        input: &dyn SerializableStruct,
        input_schema: &Schema<'_>,
        endpoint: &str,
        cfg: &ConfigBag,
    ) -> Result<Request, SerdeError> {
        self.0.serialize_request(input, input_schema, endpoint, cfg)
    }

    fn deserialize_response<'a>(
        &self,
        response: &'a Response,
        output_schema: &Schema<'_>,
        cfg: &'a ConfigBag,
    ) -> Result<Box<dyn ShapeDeserializer + 'a>, SerdeError> {
        let is_records = output_schema.shape_id() == GetRecordsOutput::SCHEMA.shape_id();
        let answer = response.body().bytes().filter(|_| is_records).and_then(Answer::read);
        match answer {
            Some(answer) => Ok(Box::new(Value::Answer(answer))),
            None => self.0.deserialize_response(response, output_schema, cfg),
        }
    }

    fn parse_error_metadata(&self, response: &Response, cfg: &ConfigBag) -> Result<ErrorMetadataBuilder, SerdeError> {
        self.0.parse_error_metadata(response, cfg)
    }

    fn update_endpoint(&self, request: &mut Request, endpoint: &Endpoint, cfg: &ConfigBag) -> Result<(), SerdeError> {
        self.0.update_endpoint(request, endpoint, cfg)
    }

    fn payload_codec(&self) -> Option<&dyn DynCodec> {
        self.0.payload_codec()
    }

    fn event_stream_media_type(&self) -> Option<&str> {
        self.0.event_stream_media_type()
    }

    fn parse_event_stream_error_metadata(&self, payload: &[u8]) -> Result<ErrorMetadataBuilder, SerdeError> {
        self.0.parse_event_stream_error_metadata(payload)
    }
}

/// A part of an answer, as generated code asks for it. `'a` is the body, `'v` what was read of it. Texts are taken.
enum Value<'v, 'a> {
    Answer(Answer<'a>),
    Records(&'v mut [Record<'a>]),
    Record(&'v mut Record<'a>),
    Text(&'v mut String),
    Data(&'v mut Record<'a>),
    Time(DateTime),
    Long(i64),
}

/// Takes the next member of a structure.
type TakeMember<'t> = &'t mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>;

/// Hands a member over, if there is one. What the schema does not have is unknown to generated code, too.
fn give(schema: &Schema<'_>, take: TakeMember<'_>, name: &str, value: Option<Value<'_, '_>>) -> Result<(), SerdeError> {
    match (schema.member_schema(name), value) {
        (Some(member), Some(mut value)) => take(member, &mut value),
        _ => Ok(()),
    }
}

/// Generated code asks for something else than the model says: another version of the SDK.
fn other<T>(asked: &str) -> Result<T, SerdeError> {
    Err(SerdeError::unsupported(format!("an answer of GetRecords has no {asked} here")))
}

impl ShapeDeserializer for Value<'_, '_> {
    fn read_struct(&mut self, schema: &Schema<'_>, take: TakeMember<'_>) -> Result<(), SerdeError> {
        match self {
            Self::Answer(answer) => {
                give(schema, take, "Records", Some(Value::Records(&mut answer.records)))?;
                give(schema, take, "NextShardIterator", answer.next_shard_iterator.as_mut().map(Value::Text))?;
                give(schema, take, "MillisBehindLatest", answer.millis_behind_latest.map(Value::Long))
            }
            Self::Record(record) => {
                let arrival = record.approximate_arrival_timestamp;
                give(schema, take, "SequenceNumber", Some(Value::Text(&mut record.sequence_number)))?;
                give(schema, take, "ApproximateArrivalTimestamp", arrival.map(Value::Time))?;
                give(schema, take, "Data", Some(Value::Data(record)))?;
                give(schema, take, "PartitionKey", record.partition_key.as_mut().map(Value::Text))?;
                give(schema, take, "EncryptionType", record.encryption_type.as_mut().map(Value::Text))
            }
            _ => other("structure"),
        }
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        take: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let Self::Records(records) = self else { return other("list") };
        records.iter_mut().try_for_each(|record| take(&mut Value::Record(record)))
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        let Self::Text(text) = self else { return other("text") };
        Ok(std::mem::take(*text))
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        let Self::Data(record) = self else { return other("data") };
        let decode = || base64::decode(&record.data).map_err(|error| SerdeError::invalid_input(error.to_string()));
        record.decoded.take().map_or_else(decode, Ok).map(Blob::new)
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        let Self::Time(time) = self else { return other("time") };
        Ok(*time)
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        let Self::Long(number) = self else { return other("number") };
        Ok(*number)
    }

    fn is_null(&self) -> bool {
        false
    }

    fn skip_value(&mut self) -> Result<(), SerdeError> {
        Ok(())
    }

    fn container_size(&self) -> Option<usize> {
        if let Self::Records(records) = self { Some(records.len()) } else { None }
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        _: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        other("map")
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        other("boolean")
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        other("byte")
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        other("short number")
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        other("integer")
    }

    fn read_float(&mut self, _: &Schema<'_>) -> Result<f32, SerdeError> {
        other("short fraction")
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        other("fraction")
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        other("large integer")
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        other("large fraction")
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        other("document")
    }
}

#[cfg(test)]
mod tests;
