//! Which files are read.

use std::path::Path;

use super::{Catalog, load, test_files};
use crate::config::{Environment, Overrides, read};

/// The filter of this detection, by its name, is `aws_exfiltration_via_batch_service_filter`.
const SHIPPED: &str = include_str!("../../config/detections/aws_exfiltration_via_batch_service.yml");

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    for name in ["d", "m"] {
        std::fs::create_dir(folder.path().join(name)).expect("it is writable");
    }
    folder
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).expect("it is writable");
}

/// What is in the folders `d` and `m` of this one.
fn loaded(folder: &tempfile::TempDir) -> Catalog {
    let text = "source: {stream: s}\nsinks: [{name: out, type: stdout}]\ndetections: {paths: [d], macros: m}\n";
    write(folder, "t.yaml", text);
    let config = read(&folder.path().join("t.yaml"), &Environment::default(), &Overrides::default());
    load(&config.expect("it is right").detections).expect("it loads")
}

#[test]
fn the_case_of_an_extension_does_not_matter() {
    let folder = folder();
    write(&folder, "d/A.YML", SHIPPED);
    write(&folder, "d/A.Test.YML", "tests: []\n");
    write(&folder, "m/Own.Yaml", "aws_exfiltration_via_batch_service_filter: search src_ip=own\n");
    let catalog = loaded(&folder);
    assert_eq!(catalog.files.len(), 1, "{:?}", catalog.files);
    assert!(catalog.plans()[0].text().search.contains("src_ip=own"));
    let tests = test_files(&folder.path().join("d")).expect("the folder can be read");
    assert_eq!(tests, [folder.path().join("d/A.Test.YML")]);
    assert_eq!(test_files(Path::new(&tests[0])).expect("it is there"), tests);
}
