//! What a command says, made harmless line by line: names of files and detections, and text of events, are others'.

use std::io::{self, Write};

use super::writer::harmless;
use crate::config::LogFormat;

/// Hands on whole lines in which nothing acts on a terminal; in JSON their meaning stays the same.
pub struct HarmlessLines<W: Write> {
    format: LogFormat,
    inner: W,
    line: Vec<u8>,
}

impl<W: Write> HarmlessLines<W> {
    /// Lines of text or of JSON for `inner`.
    pub fn new(format: LogFormat, inner: W) -> Self {
        Self { format, inner, line: Vec::new() }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.inner.write_all(&harmless(self.format, &line))
    }
}

impl<W: Write> Write for HarmlessLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.hand_on()?;
            }
        }
        Ok(bytes.len())
    }

    /// Also hands on a line that has no end yet, such as a question.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for HarmlessLines<W> {
    fn drop(&mut self) {
        // What cannot be written has no reader.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: LogFormat, texts: &[&str]) -> String {
        let mut bytes = Vec::new();
        let mut lines = HarmlessLines::new(format, &mut bytes);
        texts.iter().for_each(|text| lines.write_all(text.as_bytes()).unwrap());
        drop(lines);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn threat_1_lines_keep_their_ends_and_their_tabs_and_nothing_else_that_acts() {
        assert_eq!(written(LogFormat::Text, &["a\u{1b}[2J\u{202e}\r\n", "\tb"]), "a\\u{1b}[2J\\u{202e}\\u{d}\n\tb");
        assert_eq!(written(LogFormat::Json, &["{\"a\":\"\u{9b}", "\"}\n"]), "{\"a\":\"\\u009b\"}\n");
    }
}
