//! An append-only file that is opened for each append: what rotates it may move it away at any time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::writer::DeadLetterStore;

/// See the module.
#[derive(Clone)]
pub(super) struct AppendFile {
    path: PathBuf,
}

impl AppendFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends whole lines and syncs them; blocks. After an error nothing of them counts: what was written of them is
    /// taken back, or where even that fails, cut off from the next append by a line break.
    pub(super) fn append_now(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let length = file.metadata()?.len();
        let written =
            end_torn_line(&mut file, length).and_then(|()| file.write_all(lines)).and_then(|()| file.sync_all());
        if written.is_err() {
            // The first error is the one to report.
            let _ = file.set_len(length);
        }
        written
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(0o600);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = options.create(true).open(&self.path)?;
                sync_folder(&self.path)?;
                Ok(file)
            }
            opened => opened,
        }
    }
}

impl DeadLetterStore for AppendFile {
    async fn append(&self, lines: Arc<[u8]>) -> io::Result<()> {
        let file = self.clone();
        let appended = tokio::task::spawn_blocking(move || file.append_now(&lines)).await;
        appended.unwrap_or_else(|panic| Err(io::Error::other(panic)))
    }
}

/// A crash in the middle of a line leaves it torn; the next line must not be glued to it.
fn end_torn_line(file: &mut File, length: u64) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// A new file is durable once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(folder: &tempfile::TempDir) -> AppendFile {
        AppendFile::new(folder.path().join("dead.ndjson"))
    }

    #[test]
    fn lines_are_appended_to_what_is_there_and_only_the_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        file(&folder).append_now(b"a\n").unwrap();
        file(&folder).append_now(b"b\nc\n").unwrap();
        assert_eq!(std::fs::read(folder.path().join("dead.ndjson")).unwrap(), b"a\nb\nc\n");
        let mode = std::fs::metadata(folder.path().join("dead.ndjson")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_torn_line_is_not_glued_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dead.ndjson"), b"a\n{\"torn").unwrap();
        file(&folder).append_now(b"b\n").unwrap();
        assert_eq!(std::fs::read(folder.path().join("dead.ndjson")).unwrap(), b"a\n{\"torn\nb\n");
    }

    #[test]
    fn a_file_that_was_rotated_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let appended = file(&folder);
        appended.append_now(b"a\n").unwrap();
        std::fs::rename(folder.path().join("dead.ndjson"), folder.path().join("dead.1")).unwrap();
        appended.append_now(b"b\n").unwrap();
        assert_eq!(std::fs::read(folder.path().join("dead.ndjson")).unwrap(), b"b\n");
    }

    #[test]
    fn a_missing_folder_is_an_error_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let lost = AppendFile::new(folder.path().join("absent/dead.ndjson"));
        assert_eq!(lost.append_now(b"a\n").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!folder.path().join("absent").exists());
    }
}
