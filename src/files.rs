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

impl Unreadable {
    fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// That there is something at a path, which a command line names: said before it is used.
///
/// # Errors
/// When there is not.
pub fn exists(path: &Path) -> Result<(), Unreadable> {
    std::fs::metadata(path).map(drop).map_err(|error| Unreadable::new(path, error))
}

/// So many links in a row are followed, as by Linux.
const MOST_LINKS: usize = 40;

/// The path of what a symbolic link in this place leads to, be it there or not; the path itself where there is no link.
/// Links among its folders stay: the system follows them.
///
/// # Errors
/// When a link cannot be read, or links lead in a circle.
pub fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..=MOST_LINKS {
        if !path.is_symlink() {
            return Ok(path);
        }
        // What a link says is relative to its own folder.
        path = path.parent().unwrap_or(Path::new("")).join(std::fs::read_link(&path)?);
    }
    Err(io::Error::other("the links in its place lead in a circle"))
}

/// Whether a file is YAML by its name: `.yml` or `.yaml`, whatever the case. Nobody means such a file to be passed over.
pub fn is_yaml(path: &Path) -> bool {
    let is = |extension: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(extension));
    is("yml") || is("yaml")
}

/// A file is taken as it is; of a folder, and the folders in it, every file for which `wanted` says so, in order of
/// path. Names that begin with a dot are passed over: a mounted ConfigMap shows each of its files three times, twice
/// of these below such a folder.
///
/// # Errors
/// When the path does not exist, or something below it cannot be read.
pub fn under(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Unreadable> {
    each_under(path, wanted)?.into_iter().collect()
}

/// As [`under`], with what cannot be read below a folder in its place among the files.
///
/// # Errors
/// When the path does not exist, or is a folder that cannot be read.
pub fn each_under(path: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<Result<PathBuf, Unreadable>>, Unreadable> {
    let metadata = std::fs::metadata(path).map_err(|error| Unreadable::new(path, error))?;
    if !metadata.is_dir() {
        return Ok(vec![Ok(path.to_owned())]);
    }
    let mut walk = Walk { wanted, above: Vec::new(), found: Vec::new() };
    walk.folder(path)?;
    Ok(walk.found)
}

struct Walk<'w> {
    wanted: &'w dyn Fn(&Path) -> bool,
    /// The folders that it is in. A link to one of them would be walked without an end.
    above: Vec<PathBuf>,
    found: Vec<Result<PathBuf, Unreadable>>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), Unreadable> {
        let failed = |error| Unreadable::new(folder, error);
        let itself = folder.canonicalize().map_err(failed)?;
        if self.above.contains(&itself) {
            return Err(failed(io::Error::other("it leads back to a folder above it")));
        }
        let entries = entries(folder).map_err(failed)?;
        self.above.push(itself);
        entries.iter().for_each(|entry| self.entry(entry));
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, entry: &Path) {
        if entry.is_dir() {
            let walked = self.folder(entry);
            self.found.extend(walked.err().map(Err));
        } else if (self.wanted)(entry) {
            self.found.push(regular(entry).map(|()| entry.to_owned()));
        }
    }
}

/// What a folder shows, in order.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.retain(|entry| !is_hidden(entry));
    entries.sort();
    Ok(entries)
}

/// A pipe or a socket that nobody writes to would be waited for without an end. Who wants one names it.
fn regular(path: &Path) -> Result<(), Unreadable> {
    let metadata = std::fs::metadata(path).map_err(|error| Unreadable::new(path, error))?;
    if metadata.is_file() {
        return Ok(());
    }
    Err(Unreadable::new(path, io::Error::other("it is neither a file nor a folder")))
}

/// Whether a name begins with a dot.
pub fn is_hidden(path: &Path) -> bool {
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
