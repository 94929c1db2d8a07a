//! An append-only file of lines, which only its owner reads, and its rotation by size. Blocking.
//!
//! It is opened for each append: what else rotates it may move it away at any time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct AppendFile {
    path: PathBuf,
    rotation: Option<Rotation>,
}

/// When the file is moved to `<path>.1`, that to `<path>.2`, and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    /// Before an append would make it larger than this.
    pub(super) bytes: u64,
    /// How many moved files are kept; at least one.
    pub(super) keep: usize,
}

impl AppendFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, rotation: None }
    }

    pub(super) fn rotated(path: PathBuf, rotation: Option<Rotation>) -> Self {
        Self { path, rotation }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines, and where `durable` syncs them; returns the file that has them, which may be moved away at any
    /// time. After an error nothing of them counts: what was written of them is taken back, or where even that fails, cut
    /// off from the next append by a line break.
    pub(super) fn append(&self, lines: &[u8], durable: bool) -> io::Result<File> {
        let mut file = self.open_for(lines.len())?;
        let length = file.metadata()?.len();
        let written = end_torn_line(&mut file, length)
            .and_then(|()| file.write_all(lines))
            .and_then(|()| if durable { file.sync_all() } else { Ok(()) });
        if written.is_err() {
            // The first error is the one to report.
            let _ = file.set_len(length);
        }
        written.map(|()| file)
    }

    fn open_for(&self, more: usize) -> io::Result<File> {
        let file = self.open()?;
        let length = file.metadata()?.len();
        let is_full = |rotation: &Rotation| length > 0 && length.saturating_add(more as u64) > rotation.bytes;
        let Some(rotation) = self.rotation.filter(is_full) else { return Ok(file) };
        file.sync_all()?;
        self.rotate(rotation.keep)?;
        self.open()
    }

    /// The oldest first, and none beyond the first number that is free, so that nothing that is kept is overwritten whenever
    /// this breaks off, however often it is tried again.
    fn rotate(&self, keep: usize) -> io::Result<()> {
        let is_free = |number: &usize| fs::symlink_metadata(self.numbered(*number)).is_err();
        let last = (1..keep.max(1)).find(is_free).unwrap_or(keep.max(1));
        for number in (0..last).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        sync_folder(&self.path)
    }

    fn numbered(&self, number: usize) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(0o600);
        let file = match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = options.create(true).open(&self.path)?;
                sync_folder(&self.path)?;
                file
            }
            opened => opened?,
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
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
mod tests;
