//! The last step of every log line. The formatters escape some hostile characters in some places (tracing-subscriber
//! leaves newlines in messages and bidirectional controls everywhere); here, all of them, wherever they came from.

use std::fmt::Write as _;
use std::io::{self, Write};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::visible::acts;
use crate::config::LogFormat;

/// Makes writers whose lines are harmless.
pub(super) struct Harmless<W> {
    format: LogFormat,
    inner: W,
}

impl<W> Harmless<W> {
    pub(super) fn new(format: LogFormat, inner: W) -> Self {
        Self { format, inner }
    }
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Harmless<W> {
    type Writer = HarmlessWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        HarmlessWriter { format: self.format, inner: self.inner.make_writer() }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        HarmlessWriter { format: self.format, inner: self.inner.make_writer_for(metadata) }
    }
}

/// Takes one whole line a write, which is how the subscriber writes. A line that cannot be written is gone, and nobody
/// hears of it: the subscriber would say so on standard error, which mostly is what cannot be written, and panic.
pub(super) struct HarmlessWriter<W> {
    format: LogFormat,
    inner: W,
}

impl<W: Write> Write for HarmlessWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.inner.write_all(&harmless(self.format, line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.inner.flush();
        Ok(())
    }
}

/// The line with every character that acts written out; only the newline at its end stays.
pub(super) fn harmless(format: LogFormat, line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let (body, end) = text.strip_suffix('\n').map_or((&*text, ""), |body| (body, "\n"));
    let mut out = String::with_capacity(text.len());
    for character in body.chars() {
        match format {
            _ if !acts(character) => out.push(character),
            // Searches are indented with it, and it neither acts nor hides.
            LogFormat::Text if character == '\t' => out.push(character),
            LogFormat::Text => out.extend(character.escape_unicode()),
            LogFormat::Json => push_json_escape(&mut out, character),
        }
    }
    out.push_str(end);
    out.into_bytes()
}

/// In JSON such characters can only stand inside a string, where `\uXXXX` means the same.
fn push_json_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("writing to a String cannot fail");
    }
}
