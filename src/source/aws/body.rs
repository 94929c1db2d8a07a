//! The body of an answer of `GetRecords`, which is nearly all that ever comes in, read while the SDK receives it.
//!
//! The SDK by itself receives a body as a whole, copies it into one piece, looks at every byte of a record's text, and
//! copies that before it is decoded. Here the texts are found by their quotes and decoded as they come. Whatever is
//! unusual about an answer (the end of a shard, a time stamp that is a text, anything that is no such answer) is left to
//! the SDK, and so is everything else: time-outs, and its watch over a body's length and pace, stay around the bytes.

mod answer;
mod cut;

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use aws_sdk_kinesis::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_kinesis::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kinesis::error::BoxError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame};

use self::cut::Cut;
use crate::source::api::ReadAnswer;

/// What the SDK is given in place of a body that was read.
const NOTHING: &[u8] = b"{}";

/// Reads the body of one request for records.
#[derive(Clone, Debug, Default)]
pub(super) struct BodyReader(Arc<Mutex<Option<ReadAnswer>>>);

impl BodyReader {
    /// What was read; none where the SDK was to read it.
    pub fn take(&self) -> Option<ReadAnswer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, answer: ReadAnswer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    fn read(&self, response: &mut Response) {
        let body = CutBody { body: response.take_body(), cut: Some(Cut::default()), reader: self.clone() };
        *response.body_mut() = SdkBody::from_body_1_x(body);
    }
}

impl Intercept for BodyReader {
    fn name(&self) -> &'static str {
        "BodyReader"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What an error says stands in its body.
        if context.response().status().is_success() {
            self.read(context.response_mut());
        }
        Ok(())
    }
}

/// Comes in one piece once its end has come.
struct CutBody {
    body: SdkBody,
    /// None behind the end.
    cut: Option<Cut>,
    reader: BodyReader,
}

impl Body for CutBody {
    type Data = <SdkBody as Body>::Data;
    type Error = <SdkBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        while let Some(cut) = &mut this.cut {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| cut.push(data)),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => break,
            }
        }
        let left = this.cut.take().map(|cut| match cut.end() {
            Ok(answer) => {
                this.reader.set(answer);
                NOTHING.to_vec()
            }
            Err(body) => body,
        });
        Poll::Ready(left.map(|left| Ok(Frame::data(left.into()))))
    }
}

#[cfg(test)]
mod tests;
