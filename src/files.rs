//! The files under a path.

use std::io;
use std::path::{Path, PathBuf};

/// A path that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}", path = path.display())]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// A file is taken as it is; of a folder, and the folders in it, every file for which `wanted` says so, in order of
/// path. Names that begin with a dot are passed over: a mounted ConfigMap shows each of its files three times, twice
/// of these below such a folder.
///
/// # Errors
/// When the path does not exist, or something below it cannot be read.
pub fn under(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Unreadable> {
    let failed = |source| Unreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut entries =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.retain(|entry| !is_hidden(entry));
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() || wanted(&entry) {
            files.extend(under(&entry, wanted)?);
        }
    }
    Ok(files)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, found: &[PathBuf]) -> Vec<String> {
        found.iter().map(|path| path.strip_prefix(root).expect("below").display().to_string()).collect()
    }

    #[test]
    fn folders_are_walked_in_order_of_path() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("b")).expect("a folder");
        for name in ["c.yml", "a.yml", "b/z.yml", "b/a.txt"] {
            std::fs::write(folder.path().join(name), "").expect("a file");
        }
        let wanted = |path: &Path| path.extension().is_some_and(|extension| extension == "yml");
        let found = under(folder.path(), &wanted).expect("it exists");
        assert_eq!(names(folder.path(), &found), ["a.yml", "b/z.yml", "c.yml"]);
        let alone = folder.path().join("b/a.txt");
        assert_eq!(under(&alone, &wanted).expect("it exists"), [alone]);
    }

    #[test]
    fn a_mounted_config_map_shows_each_file_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("..2026_01_31");
        std::fs::create_dir(&data).expect("a folder");
        std::fs::write(data.join("a.yml"), "").expect("a file");
        std::os::unix::fs::symlink("..2026_01_31", folder.path().join("..data")).expect("a link");
        std::os::unix::fs::symlink("..data/a.yml", folder.path().join("a.yml")).expect("a link");
        let found = under(folder.path(), &|_| true).expect("it exists");
        assert_eq!(names(folder.path(), &found), ["a.yml"]);
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let error = under(Path::new("/nowhere/at/all"), &|_| true).expect_err("there is nothing");
        assert_eq!(error.path, Path::new("/nowhere/at/all"));
    }
}
