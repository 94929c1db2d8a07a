//! The final risk events of a file of live output: NDJSON as the sinks of standard output and of files write it.
//!
//! Deliberately absent: judging what they say (`super::difference`).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// How every risk event begins.
const HEAD: &[u8] = br#"{"schema":"trailrisk.risk_event/v1","#;
/// How every line of trailrisk's begins, dead letters included.
const OURS: &[u8] = br#"{"schema":"trailrisk."#;
/// What stands before the only part that may differ between two emissions (EM-4).
const META: &str = ",\"meta\":{";
/// A line is held whole; this bounds it. No risk event comes near.
const MAX_LINE_BYTES: u64 = 256 * 1024 * 1024;

/// A file that cannot be compared with.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the live events in {path}", path = path.display())]
pub struct LiveFileError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// What the lines of a file are, beside the final risk events that were handed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFile {
    /// Lines that are no final risk event: other stages, dead letters, anything else. They are passed over.
    pub others: u64,
    /// Lines that begin as trailrisk writes them: risk events of any stage, and dead letters.
    pub ours: u64,
    /// Numbers of the lines that hold a piece of a risk event: what a crash tore, or a disk that was full.
    pub torn: Vec<u64>,
}

impl LiveFile {
    /// Whether it holds lines, and none that trailrisk writes: then it is another file than was meant.
    pub fn is_foreign(&self) -> bool {
        self.ours == 0 && self.others > 0
    }

    /// Reads a file, plain or gzipped, and hands on each final risk event with the number of its line: its compared bytes
    /// (EM-4), a complete JSON object. Those that name another source than `source` are others; of several in one daemon,
    /// each names its own.
    ///
    /// # Errors
    /// When the file cannot be opened, read or inflated.
    pub fn read(path: &Path, source: Option<&str>, take: &mut dyn FnMut(u64, &str)) -> Result<Self, LiveFileError> {
        let failed = |source| LiveFileError { path: path.to_owned(), source };
        let mut plain = BufReader::new(File::open(path).map_err(failed)?);
        let is_gzip = plain.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        if is_gzip {
            Self::read_lines(&mut BufReader::new(MultiGzDecoder::new(plain)), source, take).map_err(failed)
        } else {
            Self::read_lines(&mut plain, source, take).map_err(failed)
        }
    }

    fn read_lines(input: &mut dyn BufRead, source: Option<&str>, take: &mut dyn FnMut(u64, &str)) -> io::Result<Self> {
        let mut file = Self::default();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if input.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            file.line(number, line.trim_ascii(), source, take);
        }
        Ok(file)
    }

    fn line(&mut self, number: u64, line: &[u8], source: Option<&str>, take: &mut dyn FnMut(u64, &str)) {
        self.ours += u64::from(line.starts_with(OURS));
        if !line.starts_with(HEAD) {
            self.others += u64::from(!line.is_empty());
            return;
        }
        // A process that is killed in the middle of a line leaves a piece of it, and the next one writes on behind it.
        let whole = memchr::memmem::rfind(line, HEAD).unwrap_or(0);
        let (piece, line) = line.split_at(whole);
        if !piece.is_empty() {
            self.torn.push(number);
        }
        match Stage::of(line, source) {
            Some(Stage::Final(body)) => take(number, &body),
            Some(Stage::Other) => self.others += 1,
            None => self.torn.push(number),
        }
    }
}

enum Stage {
    /// With its compared bytes.
    Final(String),
    Other,
}

impl Stage {
    /// None if the line is no complete risk event.
    fn of(line: &[u8], source: Option<&str>) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Head {
            stage: String,
            #[serde(default)]
            meta: Meta,
        }
        #[derive(Default, serde::Deserialize)]
        struct Meta {
            source: Option<String>,
        }
        let line = std::str::from_utf8(line).ok()?;
        let head: Head = serde_json::from_str(line).ok()?;
        let is_of_another = source.zip(head.meta.source.as_deref()).is_some_and(|(wanted, source)| wanted != source);
        if head.stage != "final" || is_of_another {
            return Some(Self::Other);
        }
        // Quotes inside a text are escaped, so the last of these is the one that the sink wrote.
        let body = line.rfind(META).map_or_else(|| line.to_owned(), |at| format!("{}}}", &line[..at]));
        Some(Self::Final(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(stage: &str, rest: &str) -> String {
        format!(
            r#"{{"schema":"trailrisk.risk_event/v1","id":"a","stage":"{stage}",{rest}"meta":{{"emitted_at":"x"}}}}"#
        )
    }

    fn read(text: &str) -> (LiveFile, Vec<(u64, String)>) {
        read_of(None, text)
    }

    fn read_of(source: Option<&str>, text: &str) -> (LiveFile, Vec<(u64, String)>) {
        let mut taken = Vec::new();
        let mut take = |number, body: &str| taken.push((number, body.to_owned()));
        let file = LiveFile::read_lines(&mut text.as_bytes(), source, &mut take).expect("memory can be read");
        (file, taken)
    }

    #[test]
    fn em_4_meta_is_left_out_and_nothing_else() {
        let (_, taken) = read(&line("final", r#""row":{"meta":{"a":1},"b":"\",\"meta\":{"},"#));
        let body = r#"{"schema":"trailrisk.risk_event/v1","id":"a","stage":"final","row":{"meta":{"a":1},"b":"\",\"meta\":{"}}"#;
        assert_eq!(taken, [(1, body.to_owned())]);
    }

    #[test]
    fn other_stages_dead_letters_and_noise_are_passed_over() {
        let text = [&line("early", ""), "", r#"{"schema":"trailrisk.dead_letter/v1"}"#, "oops", &line("final", "")];
        let (file, taken) = read(&text.join("\n"));
        assert_eq!((file.others, file.torn.len(), taken.len()), (3, 0, 1));
        assert_eq!(taken[0].0, 5, "lines are counted as an editor does");
    }

    #[test]
    fn a_file_of_anything_else_is_told_from_one_without_final_risk_events() {
        for text in ["\u{0}\u{1}", "{\"class_uid\":2004}\n\n", "{\"schema\":\"other/v1\"}"] {
            assert!(read(text).0.is_foreign(), "{text:?}");
        }
        let early = format!("noise\n{}", line("early", ""));
        for text in ["", "\n \n", &early, r#"{"schema":"trailrisk.dead_letter/v1"}"#, &line("final", "")[..60]] {
            assert!(!read(text).0.is_foreign(), "{text:?}");
        }
    }

    #[test]
    fn of_several_sources_only_what_names_another_is_passed_over() {
        let of = |source: &str| line("final", "").replace(r#""emitted_at":"x""#, &format!(r#""source":"{source}""#));
        let text = [of("east"), of("west"), line("final", "")].join("\n");
        let (file, taken) = read_of(Some("west"), &text);
        assert_eq!(taken.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((file.others, file.torn.len()), (1, 0));
        assert_eq!(read(&text).1.len(), 3, "of one source alone nothing is passed over");
    }

    #[test]
    fn cp_6_what_a_crash_tore_is_told_and_what_follows_on_its_line_is_taken() {
        let whole = line("final", "");
        let (file, taken) = read(&format!("{}{whole}\n{whole}\n{}", &whole[..60], &whole[..70]));
        assert_eq!(file.torn, [1, 3]);
        assert_eq!(taken.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
    }
}
