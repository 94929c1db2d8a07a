use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn file(folder: &tempfile::TempDir) -> AppendFile {
    AppendFile::new(folder.path().join("dead.ndjson"))
}

#[test]
fn lines_are_appended_to_what_is_there_and_only_the_owner_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    file(&folder).append(b"a\n", true).unwrap();
    file(&folder).append(b"b\nc\n", true).unwrap();
    assert_eq!(std::fs::read(folder.path().join("dead.ndjson")).unwrap(), b"a\nb\nc\n");
    let mode = std::fs::metadata(folder.path().join("dead.ndjson")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_torn_line_is_not_glued_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dead.ndjson"), b"a\n{\"torn").unwrap();
    file(&folder).append(b"b\n", true).unwrap();
    assert_eq!(std::fs::read(folder.path().join("dead.ndjson")).unwrap(), b"a\n{\"torn\nb\n");
}

#[test]
fn a_file_that_was_rotated_away_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let appended = file(&folder);
    appended.append(b"a\n", true).unwrap();
    std::fs::rename(folder.path().join("dead.ndjson"), folder.path().join("dead.1")).unwrap();
    appended.append(b"b\n", true).unwrap();
    assert_eq!(std::fs::read(folder.path().join("dead.ndjson")).unwrap(), b"b\n");
}

#[test]
fn a_missing_folder_is_an_error_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let lost = AppendFile::new(folder.path().join("absent/dead.ndjson"));
    assert_eq!(lost.append(b"a\n", true).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!folder.path().join("absent").exists());
}

#[test]
fn a_full_file_is_moved_away_and_only_so_many_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    let rotated = AppendFile::rotated(path.clone(), Some(Rotation { bytes: 4, keep: 2 }));
    for line in [b"1\n", b"2\n", b"3\n", b"4\n", b"5\n", b"6\n", b"7\n"] {
        rotated.append(line, false).unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!([read("out.ndjson"), read("out.ndjson.1"), read("out.ndjson.2")], ["7\n", "5\n6\n", "3\n4\n"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// As a crash leaves it, or a rename that fails each time it is tried: moved so far, all but the file itself.
#[test]
fn a_rotation_that_broke_off_goes_on_and_overwrites_nothing_that_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    for (name, line) in [("out.ndjson", "newest\n"), ("out.ndjson.2", "older\n"), ("out.ndjson.3", "oldest\n")] {
        std::fs::write(folder.path().join(name), line).unwrap();
    }
    AppendFile::rotated(path, Some(Rotation { bytes: 4, keep: 3 })).append(b"next\n", false).unwrap();
    let kept =
        ["", ".1", ".2", ".3"].map(|end| std::fs::read_to_string(folder.path().join(format!("out.ndjson{end}"))));
    assert_eq!(kept.map(|kept| kept.unwrap_or_default()), ["next\n", "newest\n", "older\n", "oldest\n"]);
}

#[test]
fn a_batch_larger_than_a_file_may_be_stays_whole_in_one_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.ndjson");
    let rotated = AppendFile::rotated(path.clone(), Some(Rotation { bytes: 4, keep: 1 }));
    rotated.append(b"1\n", false).unwrap();
    rotated.append(b"2345\n678\n", false).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"2345\n678\n");
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let error = AppendFile::new("/dev/null".into()).append(b"a\n", false).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}
