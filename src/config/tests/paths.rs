//! Files that are two things at once.

use super::*;

/// The keys that are refused, and the message of the first.
fn refused(text: &str) -> (Vec<String>, String) {
    let error = read_with(text, &[], &[]).expect_err(text);
    let keys = error.problems.iter().map(|problem| problem.key.clone()).collect();
    (keys, error.problems[0].message.clone())
}

/// What is appended to such a file, or put in its place, would be read as part of it or destroy it.
#[test]
fn a_file_that_is_read_is_not_written_to() {
    let sink = |path: &str| LEAST.replace("type: stdout", &format!("type: file, path: {path}"));
    let letters = |path: &str| format!("{LEAST}dead_letter: {{path: {path}}}\n");
    let state = |path: &str| format!("{LEAST}checkpoint: {{path: {path}}}\n");
    let with_macros = |text: String| text.replace("paths: [d]", "paths: [d], macros: [m.yaml, macros]");
    let with_lookup = |text: String| text.replace("paths: [d]", "paths: [d], lookups: {known: known.csv}");
    let templated = "{name: t, type: webhook, url: 'https://a.example', format: template, template: t.j2}";
    let with_template = |text: String| text.replace("sinks: [", &format!("sinks: [{templated}, "));
    for (key, text, what) in [
        ("dead_letter.path", letters("t.yaml"), "the configuration"),
        ("dead_letter.path", letters("../conf/./t.yaml"), "the configuration"),
        ("dead_letter.path", letters("d"), "detections.paths"),
        ("dead_letter.path", letters("d/a.yml"), "detections.paths"),
        ("dead_letter.path", letters("d/b/a.YAML"), "detections.paths"),
        ("dead_letter.path", with_macros(letters("m.yaml")), "detections.macros"),
        ("dead_letter.path", with_macros(letters("macros/letters.yaml")), "detections.macros"),
        ("dead_letter.path", with_lookup(letters("known.csv")), "detections.lookups"),
        ("dead_letter.path", with_template(letters("t.j2")), "sinks[0].template"),
        ("checkpoint.path", with_lookup(state("known.csv")), "detections.lookups"),
        ("checkpoint.path", state("t.yaml"), "the configuration"),
        ("sinks[0].path", sink("t.yaml"), "the configuration"),
        ("sinks[0].path", with_macros(sink("m.yaml")), "detections.macros"),
    ] {
        let (keys, message) = refused(&text);
        assert_eq!(keys, [key], "{text}");
        assert_eq!(message, format!("is a file of {what}, which is only read: another path is expected"), "{text}");
    }
    let place = problems(read_with(&letters("t.yaml"), &[], &[]));
    assert!(place[0].starts_with("conf/t.yaml:4:"), "{place:?}");
}

/// A folder of detections may hold other files: only some are read.
#[test]
fn what_is_beside_the_files_that_are_read_may_be_written_to() {
    for path in ["d.ndjson", "d/letters.ndjson", "d/../letters.yml", "d/.letters.yml", "d/.git/letters.yml"] {
        valid(&format!("{LEAST}dead_letter: {{path: {path}}}\n"));
    }
    valid(&LEAST.replace("paths: [d]", "paths: [d, d], macros: [m.yaml, m.yaml]"));
}

/// The files of a checkpoint lie where its path leads to, and so do not meet what lies beside a link.
#[test]
fn the_files_of_a_checkpoint_lie_beside_what_a_link_leads_to() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let write = |name: &str, target: &str| std::os::unix::fs::symlink(target, folder.path().join(name));
    std::fs::create_dir(folder.path().join("volume")).expect("it is writable");
    write("state", "volume/kept").expect("it is writable");
    let with_sink = |path: &str| {
        let text = LEAST.replace("type: stdout", &format!("type: file, path: {path}")) + "checkpoint: {path: state}\n";
        read_text(&text, &folder.path().join("t.yaml"), &Environment::of([]), &Overrides::default()).0
    };
    for path in ["state", "volume/kept", "volume/kept.lock", "volume/kept.starts"] {
        assert_eq!(problems(with_sink(path)).len(), 1, "{path}");
    }
    with_sink("state.lock").expect("the lock is on the volume");
}
