//! Splunk's own detections, as published.

use std::collections::BTreeMap;

use super::*;

fn files() -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/escu");
    let files = std::fs::read_dir(folder).expect("the folder is part of the project");
    let files = files.map(|file| file.expect("a file").path());
    files
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).expect("readable"))
        })
        .collect()
}

/// The files that do not load yet, with the reason that each must give.
const REFUSED: [(&str, ProblemSeverity, &str); 2] = [
    (
        "aws_exfiltration_via_anomalous_getobject_api_activity",
        ProblemSeverity::Unsupported,
        "the command `anomalydetection`",
    ),
    ("detect_spike_in_s3_bucket_deletion", ProblemSeverity::Unsupported, "subsearches"),
];

#[test]
fn every_file_loads_or_is_refused_with_the_right_reason() {
    let files = files();
    assert_eq!(files.len(), 37);
    for (name, yaml) in &files {
        let result = load(yaml, name, &Macros::built_in(), &Lookups::new(), &SETTINGS);
        match REFUSED.iter().find(|(refused, ..)| refused == name) {
            None => assert!(result.is_ok(), "{name}: {}", shown(&result.err().unwrap_or_default())),
            Some((_, severity, reason)) => {
                let problems = result.expect_err(name);
                let problem = problems.iter().find(|problem| problem.severity != ProblemSeverity::Warning).expect(name);
                assert_eq!(problem.severity, *severity, "{problem}");
                assert!(problem.message.starts_with(reason), "{problem}");
            }
        }
    }
}

/// The place of a refusal is that of the offending word in the file, whatever the style of the scalar.
#[test]
fn refusals_point_at_the_word() {
    for (name, yaml) in files() {
        let Some((_, _, reason)) = REFUSED.iter().find(|(refused, ..)| *refused == name) else { continue };
        let problems = load(&yaml, &name, &Macros::built_in(), &Lookups::new(), &SETTINGS).expect_err("refused");
        let problem = problems.iter().find(|problem| problem.message.starts_with(reason)).expect("its reason");
        let line = yaml.lines().nth(problem.line - 1).expect("the line");
        let rest: String = line.chars().skip(problem.column - 1).collect();
        let word = reason.split('`').nth(1).unwrap_or("[search");
        assert!(rest.trim_start_matches('`').starts_with(word), "{problem}");
    }
}

/// Two of them rely on nothing: `match(userIdentity.userName, ...)` concatenates two fields that do not exist.
#[test]
fn only_dotted_names_are_warned_of() {
    let mut warned = Vec::new();
    for (name, yaml) in files() {
        let Ok(Loaded { warnings, .. }) = load(&yaml, &name, &Macros::built_in(), &Lookups::new(), &SETTINGS) else {
            continue;
        };
        warned.extend(warnings.iter().map(|warning| format!("{name}: {}", warning.message)));
    }
    assert_eq!(warned.len(), 2, "{warned:#?}");
    for warning in &warned {
        assert!(
            warning.starts_with("aws_updateloginprofile: ") && warning.contains("is the concatenation"),
            "{warning}"
        );
    }
}

#[test]
fn splunks_placeholder_is_replaced_by_the_operators_macro() {
    let yaml = &files()["aws_ecr_container_upload_unknown_user"];
    assert!(loaded(yaml).text.search.contains("NOT userName IN (user)"));
    let macros = Macros::from_yaml("aws_ecr_users: userName IN (ci, cd)").expect("macros");
    let text = loaded_with(yaml, &macros).text;
    assert!(text.search.contains("NOT userName IN (ci, cd)"), "{}", text.search);
}

#[test]
fn hunting_files_have_no_risk_and_their_name_for_a_message() {
    let text = loaded(&files()["aws_iam_delete_policy"]).text;
    assert_eq!((text.kind.as_str(), text.risk.message.as_str()), ("Hunting", "AWS IAM Delete Policy"));
    assert_eq!((text.risk.score, text.risk.risk_objects.len()), (0.0, 0));
    assert_eq!(text.risk.nist, ["DE.AE"]);
}

#[test]
fn annotations_are_derived_as_splunk_does() {
    let anomaly = loaded(&files()["aws_disable_bucket_versioning"]).text.risk;
    assert_eq!(
        (&*anomaly.nist, &*anomaly.kill_chain_phases),
        (&["DE.AE".into()][..], &["Actions on Objectives".into()][..])
    );
    for (name, yaml) in files() {
        let Ok(Loaded { text, .. }) = load(&yaml, &name, &Macros::built_in(), &Lookups::new(), &SETTINGS) else {
            continue;
        };
        assert!(!text.risk.kill_chain_phases.is_empty(), "{name}: {:?} is not in the table", text.risk.mitre_attack);
    }
}

/// Printing what is read and reading it again gives the same search.
#[test]
fn every_search_survives_printing() {
    for (name, yaml) in files() {
        let Ok(Loaded { text, .. }) = load(&yaml, &name, &Macros::built_in(), &Lookups::new(), &SETTINGS) else {
            continue;
        };
        let printed = crate::spl::parse(&text.search).expect(&name).to_string();
        assert_eq!(crate::spl::parse(&printed).expect(&name).to_string(), printed, "{name}");
    }
}
