//! The files of a replay: folders walked in order of name, gzip inflated, NDJSON taken line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::files::{self, Unreadable};

const BUFFER_BYTES: usize = 256 * 1024;
/// Lines are handed on in batches of about this size.
const BATCH_BYTES: u64 = 1024 * 1024;
/// A file that is one document, pretty-printed over several lines, is held whole; this bounds it.
const MAX_DOCUMENT_BYTES: u64 = 1024 * 1024 * 1024;

/// The files under these paths: folders recursively, in order of path; `-` stands for standard input.
///
/// # Errors
/// When a path does not exist or a folder cannot be read.
pub fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Unreadable> {
    let mut files = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            files.push(path.clone());
        } else {
            files.extend(files::under(path, &|_| true)?);
        }
    }
    Ok(files)
}

/// One document of a file: the line that it begins at, counted from 1, and its bytes.
pub type Document<'a> = (u64, &'a [u8]);

/// Reads a file and hands on its documents in batches: each line of NDJSON is one; any other file is one as a whole.
/// `read_bytes` is told how much of the file itself was read.
///
/// # Errors
/// When the file cannot be opened, read or inflated.
pub fn read_documents(
    path: &Path,
    read_bytes: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(&[Document<'_>]),
) -> Result<(), Unreadable> {
    let failed = |source| Unreadable { path: path.to_owned(), source };
    let raw: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path).map_err(failed)?) };
    let mut counted = BufReader::with_capacity(BUFFER_BYTES, Counted { inner: raw, read_bytes });
    if counted.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]) {
        hand_on(&mut MultiGzDecoder::new(counted), take).map_err(failed)
    } else {
        hand_on(&mut counted, take).map_err(failed)
    }
}

fn hand_on(input: &mut dyn Read, take: &mut dyn FnMut(&[Document<'_>])) -> io::Result<()> {
    let mut block = Vec::new();
    let mut at_end = fill(input, &mut block, BATCH_BYTES)?;
    if is_one_document(&block) {
        while !at_end {
            at_end = fill(input, &mut block, MAX_DOCUMENT_BYTES)?;
        }
        take(&[(1, &block)]);
        return Ok(());
    }
    let mut line = 1;
    loop {
        let whole = if at_end { block.len() } else { memchr::memrchr(b'\n', &block).map_or(0, |at| at + 1) };
        let documents = lines(&block[..whole], &mut line);
        if !documents.is_empty() {
            take(&documents);
        }
        if at_end {
            return Ok(());
        }
        block.drain(..whole);
        at_end = fill(input, &mut block, BATCH_BYTES)?;
    }
}

/// Appends up to `more` bytes. True at the end of the input.
fn fill(input: &mut dyn Read, block: &mut Vec<u8>, more: u64) -> io::Result<bool> {
    if block.len() as u64 >= MAX_DOCUMENT_BYTES {
        let message = format!("a line or document is longer than {MAX_DOCUMENT_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok((input.take(more).read_to_end(block)? as u64) < more)
}

/// The lines that are not blank, with their numbers.
fn lines<'a>(block: &'a [u8], next_line: &mut u64) -> Vec<Document<'a>> {
    let mut documents = Vec::new();
    let mut from = 0;
    while from < block.len() {
        let end = memchr::memchr(b'\n', &block[from..]).map_or(block.len(), |at| from + at);
        let text = &block[from..end];
        if !text.trim_ascii().is_empty() {
            documents.push((*next_line, text));
        }
        *next_line += 1;
        from = end + 1;
    }
    documents
}

/// A first line that is no complete JSON but begins like one: the document goes on over the next lines.
fn is_one_document(block: &[u8]) -> bool {
    let first = block.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let begins = matches!(first.trim_ascii_start().first(), Some(b'{' | b'['));
    begins && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_err()
}
/// Tells how many bytes of the file itself were read, for the progress bar.
struct Counted<'a> {
    inner: Box<dyn Read>,
    read_bytes: &'a mut dyn FnMut(u64),
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.read_bytes)(read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        hand_on(&mut &*text, &mut |batch| found.extend(batch.iter().map(|(line, bytes)| (*line, bytes.to_vec()))))
            .unwrap();
        found
    }

    #[test]
    fn each_line_of_ndjson_is_a_document_and_blank_lines_count() {
        let found = documents(b"{\"a\":1}\n\n{\"b\":2}");
        assert_eq!(found, [(1, b"{\"a\":1}".to_vec()), (3, b"{\"b\":2}".to_vec())]);
    }

    #[test]
    fn a_document_over_several_lines_is_one() {
        let pretty = b"{\n \"a\": 1\n}\n";
        assert_eq!(documents(pretty), [(1, pretty.to_vec())]);
    }

    #[test]
    fn a_broken_first_line_of_text_is_still_a_line() {
        assert_eq!(documents(b"oops\n{\"b\":2}\n").len(), 2);
    }

    #[test]
    fn lines_across_the_batches_stay_whole() {
        let line = format!("{{\"pad\":\"{}\"}}\n", "x".repeat(700_000));
        let found = documents(line.repeat(5).as_bytes());
        assert_eq!(found.len(), 5);
        assert!(found.iter().all(|(_, bytes)| bytes.len() == line.len() - 1));
        assert_eq!(found[4].0, 5);
    }

    #[test]
    fn an_empty_input_has_no_documents() {
        assert!(documents(b"").is_empty());
    }
}
