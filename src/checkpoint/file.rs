//! A checkpoint in one file: `<path>`, replaced whole, beside `<path>.lock`, which one process holds for its life, and
//! `<path>.tmp`, which is there only while the next document is written. `<path>.starts` is the isolation's. A link in the
//! file's place stays: all of them lie beside what it leads to, where one rename replaces the document.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{CheckpointStore, FileNotes, Notes, StoreError, document, progress};
use crate::engine::Checkpoint;
use crate::files;

/// Readable by the daemon's user alone: the document holds detections and positions.
const MODE: u32 = 0o600;

/// What `isolation` keeps beside the checkpoint: it belongs to it, and leaves with it.
pub(super) const STARTS_SUFFIX: &str = ".starts";

/// Keeps the checkpoint in a file, which no other process may use meanwhile.
#[derive(Debug)]
pub struct FileStore {
    // The lock is taken on the thread that does the I/O: a save whose caller went away is finished before the next
    // begins, and is known to it.
    open: Arc<Mutex<OpenFile>>,
    path: PathBuf,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    /// What the file holds; none before it was read, and after a write that failed half-way.
    known: Option<Option<Checkpoint>>,
    /// Held until the store is dropped.
    _lock: File,
}

impl FileStore {
    /// Takes the file for this process. Its folder must exist; the file need not.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process holds it, [`StoreError::Io`] when the folder is missing or cannot be
    /// written, or links in the file's place lead in a circle.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Once: the lock is held of the file that is written, even if the link is changed meanwhile.
        let path = real(path)?;
        let lock = lock(&path)?;
        remove_if_there(&beside(&path, ".tmp")).map_err(|source| io_error("write", &path, source))?;
        let open = OpenFile { path: path.clone(), known: None, _lock: lock };
        Ok(Self { open: Arc::new(Mutex::new(open)), path })
    }

    /// Runs `work` where blocking is allowed, alone.
    async fn with_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut OpenFile) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let open = Arc::clone(&self.open);
        let job = move || work(&mut open.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(job).await.expect("the work does not panic, and the runtime outlives it")
    }
}

impl CheckpointStore for FileStore {
    async fn load(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        self.with_file(|file| file.read().cloned()).await
    }

    async fn save(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let checkpoint = checkpoint.clone();
        self.with_file(move |file| file.replace(checkpoint)).await
    }

    fn notes(&self) -> Option<Box<dyn Notes>> {
        Some(Box::new(FileNotes::beside(&self.path)))
    }
}

impl OpenFile {
    fn read(&mut self) -> Result<&Option<Checkpoint>, StoreError> {
        let known = match self.known.take() {
            Some(known) => known,
            None => inspect(&self.path)?,
        };
        Ok(self.known.insert(known))
    }

    fn replace(&mut self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        let stored = self.read()?;
        if let Some(detail) = stored.as_ref().and_then(|stored| progress::step_back(stored, &checkpoint)) {
            return Err(StoreError::Newer { place: self.path.display().to_string(), detail });
        }
        // After a failure, what the file holds is read again before anything is compared with it.
        self.known = None;
        write_whole(&self.path, document::encode(&checkpoint).as_bytes())
            .map_err(|source| io_error("write", &self.path, source))?;
        self.known = Some(Some(checkpoint));
        Ok(())
    }
}

/// What the file holds, without taking it: another process may be at work on it, and replaces it whole.
///
/// # Errors
/// When it cannot be read or understood. Only a file that does not exist is none.
pub fn inspect(path: &Path) -> Result<Option<Checkpoint>, StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read", path, source)),
    };
    let unreadable = |detail| StoreError::Unreadable { place: path.display().to_string(), detail };
    document::decode(&bytes).map(Some).map_err(unreadable)
}

/// Removes what is stored, readable or not; says whether there was something. The next start begins where the
/// configuration says.
///
/// # Errors
/// When a process uses the file, or it cannot be removed.
pub fn reset(path: &Path) -> Result<bool, StoreError> {
    let path = real(path)?;
    let _lock = lock(&path)?;
    let removed = remove_if_there(&path).and_then(|was_there| {
        remove_if_there(&beside(&path, ".tmp"))?;
        remove_if_there(&beside(&path, STARTS_SUFFIX))?;
        sync_folder(&path)?;
        Ok(was_there)
    });
    removed.map_err(|source| io_error("remove", &path, source))
}

/// The file itself, where the path is that of a link.
pub(super) fn real(path: &Path) -> Result<PathBuf, StoreError> {
    files::behind_links(path).map_err(|source| io_error("read", path, source))
}

/// The lock file stays when the process ends: removing it could let two processes lock two files of one name.
fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = beside(path, ".lock");
    let failed = |source| io_error("lock", &lock_path, source);
    let file = OpenOptions::new().create(true).append(true).mode(MODE).open(&lock_path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { place: path.display().to_string() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Replaces the file so that a crash at any moment leaves the old bytes or the new ones, and returns once the new ones
/// are durable.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    // A leftover could have another mode, or be a link.
    remove_if_there(&temporary)?;
    let mut file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// Makes the folder's entry of the file durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, place: path.display().to_string(), source }
}
