//! Whether the files of the detections have changed.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{is_detection, is_yaml};
use crate::config::DetectionsConfig;
use crate::files;

/// SHA-256 over the names and contents of all files that [`super::load`] reads. What cannot be read counts with the
/// reason, so that a file that comes or goes is a change as well. Contents, not time stamps: those of a mounted folder
/// may stand still, or move for nothing.
pub fn digest(config: &DetectionsConfig) -> [u8; 32] {
    let mut digest = Sha256::new();
    config.paths.iter().for_each(|path| add_path(&mut digest, path, &is_detection));
    config.macros.iter().for_each(|path| add_path(&mut digest, path, &is_yaml));
    config.lookups.iter().for_each(|lookup| add_file(&mut digest, &lookup.path));
    digest.finalize().into()
}

/// The same over a single file.
pub fn file_digest(file: &Path) -> [u8; 32] {
    let mut digest = Sha256::new();
    add_file(&mut digest, file);
    digest.finalize().into()
}

fn add_path(digest: &mut Sha256, path: &Path, wanted: &dyn Fn(&Path) -> bool) {
    match files::under(path, wanted) {
        Ok(files) => files.iter().for_each(|file| add_file(digest, file)),
        Err(error) => add(digest, b'!', path, error.source.kind().to_string().as_bytes()),
    }
}

fn add_file(digest: &mut Sha256, file: &Path) {
    match std::fs::read(file) {
        Ok(content) => add(digest, b'=', file, &content),
        Err(error) => add(digest, b'!', file, error.kind().to_string().as_bytes()),
    }
}

/// Lengths go first, so that no two lists of files are one sequence of bytes.
fn add(digest: &mut Sha256, tag: u8, file: &Path, content: &[u8]) {
    let name = file.as_os_str().as_encoded_bytes();
    digest.update([tag]);
    for part in [name, content] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::LookupConfig;

    #[test]
    fn contents_and_names_count_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (detections, macros) = (folder.path().join("detections"), folder.path().join("macros.yaml"));
        std::fs::create_dir(&detections).unwrap();
        let lookup = LookupConfig {
            name: "l".to_owned(),
            path: folder.path().join("l.csv"),
            case_sensitive: true,
            match_types: BTreeMap::new(),
            max_matches: 1,
            default_match: None,
        };
        let config = DetectionsConfig {
            paths: vec![detections.clone()],
            lookups: vec![lookup],
            macros: vec![macros.clone()],
            ..DetectionsConfig::default()
        };
        let mut seen = vec![digest(&config)];
        let mut changed = |what: &str| {
            let now = digest(&config);
            assert!(!seen.contains(&now), "{what} is a change");
            seen.push(now);
        };
        std::fs::write(&macros, "a").unwrap();
        changed("a macros file that comes");
        std::fs::write(folder.path().join("l.csv"), "a").unwrap();
        changed("a lookup");
        std::fs::write(detections.join("one.yml"), "ab").unwrap();
        changed("a detection that comes");
        std::fs::write(detections.join("one.yml"), "abc").unwrap();
        changed("another content");
        std::fs::rename(detections.join("one.yml"), detections.join("two.yml")).unwrap();
        changed("another name");
        std::fs::write(detections.join("three.yml"), "").unwrap();
        changed("an empty file");
        std::fs::remove_dir_all(&detections).unwrap();
        changed("a folder that goes");
        let before = digest(&config);
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        std::fs::write(&macros, "a").unwrap();
        assert_eq!(digest(&config), before, "another time stamp, another file");
    }
}
