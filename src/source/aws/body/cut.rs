//! An answer of `GetRecords`, taken apart as it comes.

use base64_simd::STANDARD;
use memchr::{memchr, memmem};

use super::answer::Answer;
use crate::source::api::ReadAnswer;

const KEY: &[u8] = br#""Data":""#;

/// A body of which the data, nearly all of it, are cut out, so that only the rest need be read as JSON. They are decoded
/// at once, while the processor's cache still holds them from the socket, and a body is never in memory as a whole.
pub(super) struct Cut {
    finder: memmem::Finder<'static>,
    /// What is no data.
    rest: Vec<u8>,
    /// Where in the rest each was, and what it stands for.
    data: Vec<(usize, Vec<u8>)>,
    /// The text of data of which the end has not come yet; none between them.
    open: Option<Vec<u8>>,
}

impl Default for Cut {
    fn default() -> Self {
        Self { finder: memmem::Finder::new(KEY), rest: Vec::new(), data: Vec::new(), open: None }
    }
}

impl Cut {
    /// The next bytes of the body.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match self.open.take() {
                Some(text) => self.push_text(text, bytes),
                None => self.push_rest(bytes),
            };
            bytes = &bytes[taken..];
        }
    }

    /// Up to the quote that ends the text. What is no base64 stays where it was.
    fn push_text(&mut self, mut begun: Vec<u8>, bytes: &[u8]) -> usize {
        let end = memchr(b'"', bytes);
        let bytes = &bytes[..end.unwrap_or(bytes.len())];
        match (end, begun.is_empty()) {
            (Some(_), true) => self.keep(bytes),
            (Some(_), false) => {
                begun.extend_from_slice(bytes);
                self.keep(&begun);
            }
            (None, _) => {
                begun.extend_from_slice(bytes);
                self.open = Some(begun);
            }
        }
        bytes.len()
    }

    fn keep(&mut self, text: &[u8]) {
        match STANDARD.decode_to_vec(text) {
            Ok(data) => self.data.push((self.rest.len(), data)),
            Err(_) => self.rest.extend_from_slice(text),
        }
    }

    /// Up to where the next data begin, if they do in these bytes.
    fn push_rest(&mut self, bytes: &[u8]) -> usize {
        let found = || self.finder.find(bytes).map(|at| at + KEY.len());
        let begun = self.key_end(bytes).or_else(found);
        let taken = begun.unwrap_or(bytes.len());
        self.rest.extend_from_slice(&bytes[..taken]);
        self.open = begun.map(|_| Vec::new());
        taken
    }

    /// Where a key ends of which the rest holds the beginning.
    fn key_end(&self, bytes: &[u8]) -> Option<usize> {
        let is_cut = |at: &usize| self.rest.ends_with(&KEY[..*at]) && bytes.starts_with(&KEY[*at..]);
        (1..KEY.len()).rev().find(is_cut).map(|at| KEY.len() - at)
    }

    /// The answer, or the body as it came, which the SDK is to read.
    ///
    /// The body where it has no data, where it ends within them, where what was cut is not the data of each record, and
    /// where there is a backslash, which base64 has not: without any, every quote begins or ends a text, so that the key
    /// is one and its value ends at the next quote.
    pub fn end(mut self) -> Result<ReadAnswer, Vec<u8>> {
        let is_cut = !self.data.is_empty() && self.open.is_none() && memchr(b'\\', &self.rest).is_none();
        let answer = is_cut.then(|| Answer::read(&self.rest)).flatten();
        let cut_at = self.data.iter().map(|(cut_at, _)| *cut_at);
        match answer.filter(|answer| answer.places(&self.rest).eq(cut_at)) {
            Some(answer) => Ok(answer.with(self.data.drain(..).map(|(_, data)| data))),
            None => Err(self.body()),
        }
    }

    /// Byte for byte: the decoder takes nothing but what encoding gives.
    fn body(mut self) -> Vec<u8> {
        if self.data.is_empty() && self.open.is_none() {
            return self.rest;
        }
        let (mut body, mut copied) = (Vec::new(), 0);
        for (cut_at, data) in &self.data {
            body.extend_from_slice(&self.rest[copied..*cut_at]);
            body.extend_from_slice(STANDARD.encode_to_string(data).as_bytes());
            copied = *cut_at;
        }
        body.extend_from_slice(&self.rest[copied..]);
        body.extend(self.open.take().unwrap_or_default());
        body
    }
}
