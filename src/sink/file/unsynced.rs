//! Files that lines were written to since the last sync. They stay open until then: what rotates them may have moved them
//! away, and their path may be another file's.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, MutexGuard};

use super::blocking;
use crate::telemetry::{Alarm, Recovered};

/// See the module.
#[derive(Default)]
pub(super) struct Unsynced {
    /// Each once; more than one where the path changed hands.
    files: Mutex<Vec<File>>,
    failing: Alarm,
}

impl Unsynced {
    /// Returns whether it is the first since the last sync.
    pub(super) fn add(&self, file: File) -> bool {
        let mut files = self.lock();
        let is_first = files.is_empty();
        if !files.iter().any(|known| are_one(known, &file)) {
            files.push(file);
        }
        is_first
    }

    /// Syncs them. `path` is where they were written.
    pub(super) async fn sync(&self, path: String) {
        let files = std::mem::take(&mut *self.lock());
        match blocking(move || files.iter().map(File::sync_all).fold(Ok(()), Result::and)).await {
            Err(error) => {
                if let Some(repeats) = self.failing.raise() {
                    tracing::error!(
                        %error, path, repeats,
                        "cannot sync the file of a sink; a crash of the host may lose its last second"
                    );
                }
            }
            Ok(()) => {
                if let Some(Recovered { times, seconds }) = self.failing.clear() {
                    tracing::info!(path, attempts = times, seconds, "the file of a sink is synced again");
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<File>> {
        self.files.lock().expect("no holder of this lock can panic")
    }
}

fn are_one(known: &File, file: &File) -> bool {
    let identity = |file: &File| file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(known).is_some_and(|known| identity(file) == Some(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_file_is_synced_once_also_where_two_had_the_same_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ndjson");
        let open = || File::options().append(true).create(true).open(&path).unwrap();
        let unsynced = Unsynced::default();
        assert!(unsynced.add(open()) && !unsynced.add(open()));
        assert_eq!(unsynced.lock().len(), 1);
        std::fs::rename(&path, folder.path().join("moved.ndjson")).unwrap();
        assert!(!unsynced.add(open()), "a sync is due already");
        assert_eq!(unsynced.lock().len(), 2);
        unsynced.sync("out.ndjson".to_owned()).await;
        assert!(unsynced.lock().is_empty() && unsynced.add(open()), "the next one begins anew");
    }
}
