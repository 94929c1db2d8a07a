//! The files of a replay: folders walked in order of name, gzip inflated, NDJSON taken line by line.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::dead_letter;
use crate::files::{self, Unreadable};
use crate::kpl;

/// How gzip begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// What some editors and exports put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Compressed bytes are read so many at a time.
const COMPRESSED_BYTES: usize = 64 * 1024;
/// The first block, if the first line is no longer.
const FIRST_BYTES: usize = 1024 * 1024;
/// Every further block has about this size: what is read stays in the processor's cache until it is looked through.
const BLOCK_BYTES: usize = 256 * 1024;
/// A file that is one document, pretty-printed over several lines, is held whole; this bounds it.
const MAX_DOCUMENT_BYTES: usize = 1024 * 1024 * 1024;

/// The files under these paths: folders recursively, in order of path, with what cannot be read in its place; `-` stands
/// for standard input.
///
/// # Errors
/// When a path does not exist, or is a folder that cannot be read.
pub fn files_of(paths: &[PathBuf]) -> Result<Vec<Result<PathBuf, Unreadable>>, Unreadable> {
    let mut files = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            files.push(Ok(path.clone()));
        } else {
            files.extend(files::each_under(path, &|_| true)?);
        }
    }
    Ok(files)
}

/// A piece of a file: whole lines of NDJSON, or a file that is one document. Hands out its documents: the line that each
/// begins at, counted from 1 over the file, and where its bytes are. Blank lines are none.
#[derive(Debug)]
pub struct Block<'a> {
    bytes: &'a [u8],
    /// Up to here it was handed out.
    taken: usize,
    next_line: u64,
    is_document: bool,
}

impl<'a> Block<'a> {
    /// All of it.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl Iterator for Block<'_> {
    type Item = (u64, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.taken < self.bytes.len() {
            let rest = &self.bytes[self.taken..];
            let length = if self.is_document { None } else { memchr::memchr(b'\n', rest) };
            let (line, end) = (self.next_line, self.taken + length.unwrap_or(rest.len()));
            let text = &self.bytes[self.taken..end];
            (self.next_line, self.taken) = (line + 1, end + 1);
            // Files that were put one behind the other have it in the middle.
            let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
            if self.is_document || !text.trim_ascii().is_empty() {
                return Some((line, end - text.len()..end));
            }
        }
        None
    }
}

/// Reads a file and hands it on in blocks of documents: each line of NDJSON is one; any other file is one as a whole.
/// `read_bytes` is told how much of the file itself was read.
///
/// # Errors
/// When the file cannot be opened, read or inflated. The whole lines before the damage were handed on then.
pub fn read_blocks(
    path: &Path,
    read_bytes: &mut dyn FnMut(u64),
    take: &mut dyn FnMut(&mut Block<'_>),
) -> Result<(), Unreadable> {
    let failed = |source| Unreadable { path: path.to_owned(), source };
    let raw: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path).map_err(failed)?) };
    let mut counted = Counted { inner: raw, read_bytes };
    let mut buffer = Buffer::default();
    let at_end = buffer.fill(&mut counted, GZIP.len()).map_err(failed)?;
    if buffer.filled() == GZIP {
        let compressed = BufReader::with_capacity(COMPRESSED_BYTES, GZIP.chain(counted));
        hand_on(&mut MultiGzDecoder::new(compressed), Buffer::default(), take).map_err(failed)
    } else if at_end {
        hand_on(&mut io::empty(), buffer, take).map_err(failed)
    } else {
        hand_on(&mut counted, buffer, take).map_err(failed)
    }
}

fn hand_on(input: &mut dyn Read, mut buffer: Buffer, take: &mut dyn FnMut(&mut Block<'_>)) -> io::Result<()> {
    let mut filled = buffer.fill(input, FIRST_BYTES);
    if buffer.filled().starts_with(BYTE_ORDER_MARK) {
        buffer.consume(BYTE_ORDER_MARK.len());
    }
    // Only a whole line shows whether the document is over with it.
    while matches!(filled, Ok(false)) && !has_whole_line(buffer.filled()) {
        filled = buffer.fill(input, buffer.filled);
    }
    if kpl::is_aggregate(buffer.filled()) || is_one_document(buffer.filled(), matches!(filled, Ok(true))) {
        while !filled? {
            filled = buffer.fill(input, buffer.filled);
        }
        take(&mut Block { bytes: buffer.filled(), taken: 0, next_line: 1, is_document: true });
        return Ok(());
    }
    let mut next_line = 1;
    loop {
        let (bytes, at_end) = (buffer.filled(), matches!(filled, Ok(true)));
        let whole = if at_end { bytes.len() } else { memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1) };
        if whole > 0 {
            let mut block = Block { bytes: &bytes[..whole], taken: 0, next_line, is_document: false };
            take(&mut block);
            // Who takes the documents counts the lines; what is left is counted here.
            block.by_ref().for_each(drop);
            next_line = block.next_line;
        }
        if filled? {
            return Ok(());
        }
        buffer.consume(whole);
        // A line that is longer than a block costs no more than twice its bytes.
        filled = buffer.fill(input, BLOCK_BYTES.max(buffer.filled));
    }
}

/// What was read and not handed on. Its memory is used again.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Appends up to `more` bytes. True at the end of the input.
    fn fill(&mut self, input: &mut dyn Read, more: usize) -> io::Result<bool> {
        if self.filled >= MAX_DOCUMENT_BYTES {
            let message = format!("a line or document is longer than {MAX_DOCUMENT_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let wanted = self.filled + more;
        if self.bytes.len() < wanted {
            self.bytes.resize(wanted, 0);
        }
        while self.filled < wanted {
            match input.read(&mut self.bytes[self.filled..wanted]) {
                Ok(0) => return Ok(true),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Forgets the first bytes.
    fn consume(&mut self, bytes: usize) {
        self.bytes.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}

/// Whether the first line that is not blank has ended.
fn has_whole_line(block: &[u8]) -> bool {
    memchr::memchr(b'\n', block.trim_ascii_start()).is_some()
}

/// A first line that is no complete JSON but begins like one: the document goes on over the next lines, if there are any. Not
/// where it is a dead letter that a crash has torn.
fn is_one_document(block: &[u8], at_end: bool) -> bool {
    let text = block.trim_ascii();
    let first = memchr::memchr(b'\n', text).map_or(text, |end| &text[..end]);
    let goes_on = !at_end || first.len() < text.len();
    goes_on
        && matches!(first.first(), Some(b'{' | b'['))
        && !dead_letter::is_letter(first)
        && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_err()
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
        hand_on(&mut &*text, Buffer::default(), &mut |block| {
            let bytes = block.bytes();
            found.extend(block.map(|(line, range)| (line, bytes[range].to_vec())));
        })
        .unwrap();
        found
    }

    #[test]
    fn each_line_of_ndjson_is_a_document_and_blank_lines_count() {
        let found = documents(b"{\"a\":1}\n\n{\"b\":2}");
        assert_eq!(found, [(1, b"{\"a\":1}".to_vec()), (3, b"{\"b\":2}".to_vec())]);
    }

    #[test]
    fn a_byte_order_mark_before_the_documents_is_none_of_theirs() {
        assert_eq!(documents(b"\xef\xbb\xbf{\"a\":1}\n2"), [(1, b"{\"a\":1}".to_vec()), (2, b"2".to_vec())]);
        let pretty = b"{\n \"a\": 1\n}\n";
        assert_eq!(documents(&[b"\xef\xbb\xbf", &pretty[..]].concat()), [(1, pretty.to_vec())]);
        assert!(documents(b"\xef\xbb\xbf").is_empty());
        let joined = documents(b"{\"a\":1}\n\xef\xbb\xbf{\"a\":2}\n\xef\xbb\xbf\n3");
        assert_eq!(joined, [(1, b"{\"a\":1}".to_vec()), (2, b"{\"a\":2}".to_vec()), (4, b"3".to_vec())]);
    }

    #[test]
    fn a_document_over_several_lines_is_one() {
        let pretty = b"{\n \"a\": 1\n}\n";
        assert_eq!(documents(pretty), [(1, pretty.to_vec())]);
    }

    #[test]
    fn a_line_that_is_alone_is_a_document_by_itself_complete_or_not() {
        for line in ["{\"a\":1}", "[", "{\"a\":"] {
            assert_eq!(documents(format!("\n{line}\n \n").as_bytes()), [(2, line.as_bytes().to_vec())]);
        }
        let cut = b"{\"a\":\n1}\n{\"b\":2}\n";
        assert_eq!(documents(cut), [(1, cut.to_vec())], "it goes on");
    }

    #[test]
    fn a_document_of_which_the_first_line_is_longer_than_the_first_block_is_one() {
        let text = format!("{{\"pad\":\"{}\",\n\"a\":1}}\n", "x".repeat(2 * FIRST_BYTES));
        assert!(documents(text.as_bytes()) == [(1, text.into_bytes())]);
    }

    #[test]
    fn lines_are_documents_also_where_the_first_is_longer_than_the_first_block() {
        let line = format!("{{\"pad\":\"{}\"}}", "x".repeat(2 * FIRST_BYTES));
        let found = documents(format!("\n{line}\n{{\"b\":2}}\n").as_bytes());
        assert!(found == [(2, line.into_bytes()), (3, b"{\"b\":2}".to_vec())]);
    }

    #[test]
    fn po_1_a_torn_dead_letter_takes_none_behind_it_along() {
        let letter = r#"{"schema":"trailrisk.dead_letter/v1","origin":"record","reason":"x","data":"e30="}"#;
        for torn in [10, 40, 70] {
            let found = documents(format!("{}\n{letter}\n", &letter[..torn]).as_bytes());
            assert_eq!(found.len(), 2, "{torn}");
            assert_eq!(found[1], (2, letter.as_bytes().to_vec()));
        }
    }

    /// What looks like line ends in it are bytes of a message.
    #[test]
    fn an_aggregate_of_the_kinesis_producer_library_is_one_document() {
        let aggregate = b"\xf3\x89\x9a\xc2\n\x01k\x1a\n\n";
        assert_eq!(documents(aggregate), [(1, aggregate.to_vec())]);
    }

    #[test]
    fn a_broken_first_line_of_text_is_still_a_line() {
        assert_eq!(documents(b"oops\n{\"b\":2}\n").len(), 2);
    }

    #[test]
    fn lines_across_the_blocks_stay_whole_and_keep_their_numbers() {
        let text: String = (1..=30_000).map(|number| format!("{{\"n\":{number}}}\n\n")).collect();
        let found = documents(text.as_bytes());
        assert_eq!(found.len(), 30_000);
        for (index, (line, bytes)) in found.iter().enumerate() {
            assert_eq!((*line, bytes), (2 * index as u64 + 1, &format!("{{\"n\":{}}}", index + 1).into_bytes()));
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_counted_all_the_same() {
        let text = "{\"a\":1}\n\n".repeat(200_000);
        let (mut before, mut blocks) = (0, 0);
        hand_on(&mut text.as_bytes(), Buffer::default(), &mut |block| {
            let (line, range) = block.next().unwrap();
            assert_eq!(line, 1 + text[..before + range.start].matches('\n').count() as u64);
            (before, blocks) = (before + block.bytes().len(), blocks + 1);
        })
        .unwrap();
        assert!(blocks > 2 && before == text.len(), "{blocks} blocks, {before} bytes");
    }

    #[test]
    fn gzip_of_several_members_and_a_file_of_one_byte_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let member = |text: &str| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        for (bytes, expected) in [
            ([member("{\"a\":1}\n{\"b"), member("\":2}\n")].concat(), vec!["{\"a\":1}", "{\"b\":2}"]),
            (b"1".to_vec(), vec!["1"]),
            (b"{}".to_vec(), vec!["{}"]),
            (Vec::new(), vec![]),
        ] {
            let path = folder.path().join("file");
            std::fs::write(&path, &bytes).unwrap();
            let (mut found, mut read) = (Vec::new(), 0);
            read_blocks(&path, &mut |bytes| read += bytes, &mut |block| {
                let bytes = block.bytes();
                found.extend(block.map(|(_, range)| String::from_utf8(bytes[range].to_vec()).unwrap()));
            })
            .unwrap();
            assert_eq!((found, read), (expected.iter().map(|text| text.to_string()).collect(), bytes.len() as u64));
        }
    }

    #[test]
    fn the_whole_lines_before_the_damage_are_handed_on() {
        struct Damaged;
        impl Read for Damaged {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        let long = "{\"n\":1}\n".repeat(FIRST_BYTES / 8 + 1);
        for (text, lines) in [("{\"n\":1}\n{\"n\":", 1), (&*long, FIRST_BYTES / 8 + 1), ("{\n\"n\":1,\n", 0), ("", 0)] {
            let mut count = 0;
            let mut input = text.as_bytes().chain(Damaged);
            let read = hand_on(&mut input, Buffer::default(), &mut |block| count += block.count());
            assert!(read.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof));
            assert_eq!(count, lines);
        }
    }

    #[test]
    fn long_lines_across_the_blocks_stay_whole() {
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
