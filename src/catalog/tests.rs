//! Which files are read, and what is said beside them.

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

/// Of the macros in this file: what is warned of once the detection is loaded.
fn warnings_of(macros: &str) -> Vec<String> {
    let folder = folder();
    write(&folder, "d/a.yml", SHIPPED);
    write(&folder, "m/own.yaml", macros);
    let detections = loaded(&folder).ready().expect("it runs");
    let own = detections.warnings.iter().filter(|problem| problem.file.ends_with("own.yaml"));
    own.map(|problem| format!("{}:{}: {}", problem.line, problem.column, problem.message)).collect()
}

#[test]
fn a_misspelt_filter_is_warned_of_at_its_definition() {
    assert_eq!(
        warnings_of("# ours\naws_exfiltration_via_batch_servcie_filter: search NOT user=backup\n"),
        [
            "2:1: the filter `aws_exfiltration_via_batch_servcie_filter` is defined, but no detection that is loaded uses \
          it; did you mean \"aws_exfiltration_via_batch_service_filter\"?"
        ]
    );
    let in_splunks_form = "name: aws_exfiltration_via_batch_services_filter\ndefinition: search NOT user=backup\n";
    assert_eq!(warnings_of(in_splunks_form).len(), 1);
}

/// ESCU defines a filter for each of its detections, of which few are loaded.
#[test]
fn an_unused_macro_that_nobody_can_have_misspelt_is_passed_over() {
    let right = "aws_exfiltration_via_batch_service_filter: search NOT user=backup\n";
    for quiet in [
        right,
        "aws_exfiltration_via_batch_servcie_filter: search *\n",
        "o365_added_service_principal_filter: search NOT user=backup\n",
        "aws_exfiltration_via_ec2_snapshot_filter: search NOT user=backup\n",
        "aws_exfiltration_via_batch_servcie: search NOT user=backup\n",
        "aws_exfiltration_via_batch_servcie_filter: {args: [a], definition: search NOT user=$a$}\n",
        &format!("{right}aws_exfiltration_via_batch_servcie_filter: search NOT user=backup\n"),
    ] {
        assert_eq!(warnings_of(quiet), [""; 0], "{quiet}");
    }
}

/// It is meant for the other one, even while that does not run.
#[test]
fn the_filter_of_a_detection_that_is_refused_is_not_misspelt() {
    let folder = folder();
    write(&folder, "d/a.yml", SHIPPED);
    let other = SHIPPED.replace("AWS Exfiltration via Batch Service", "AWS Exfiltration via Batch Servers");
    let other = other.replace("04455dd3-ced7-480f-b8e6-5469b99e98e2", "another-id");
    write(&folder, "d/b.yml", &other.replace("|  stats count", "| transaction src_ip | stats count"));
    write(&folder, "m/own.yaml", "aws_exfiltration_via_batch_servers_filter: search NOT user=backup\n");
    let detections = loaded(&folder).ready().expect("one runs");
    assert_eq!(detections.refused.len(), 1);
    assert!(detections.warnings.iter().all(|problem| !problem.file.ends_with("own.yaml")), "{:?}", detections.warnings);
}
