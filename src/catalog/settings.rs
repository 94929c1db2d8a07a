//! `detections.settings` against the detections that were found.

use super::{FileReport, Outcome, names};
use crate::config::DetectionSettings;
use crate::plan::Plan;
use crate::sink::Routes;
use crate::spl::did_you_mean;

/// Settings that name no detection, and several entries for one. One that is refused may have settings, too; of a file
/// that is wrong not even the name is certain, and then its own problem comes first.
pub(super) fn conflicts(files: &[FileReport], settings: &[DetectionSettings]) -> Vec<String> {
    let broken = files.iter().any(|file| matches!(file.outcome, Outcome::Invalid));
    let named = |own: &DetectionSettings| files.iter().any(|file| [&file.id, &file.name].contains(&&own.detection));
    let is_loaded = |own: &&DetectionSettings| broken || named(own);
    let known = || files.iter().flat_map(|file| [file.id.as_str(), file.name.as_str()]);
    let stray = settings.iter().filter(|own| !is_loaded(own)).map(|own| {
        let near = did_you_mean(&own.detection, known());
        let (place, detection) = (&own.place, &own.detection);
        format!("{place}: detections.settings: {detection:?} is the id or name of no detection loaded{near}")
    });
    stray.chain(plans(files).filter_map(|plan| repeated(plan, settings))).collect()
}

/// A detection with one entry by its id and another by its name.
fn repeated(plan: &Plan, settings: &[DetectionSettings]) -> Option<String> {
    let mut entries = settings.iter().filter(|own| names(plan, &own.detection));
    let (first, second) = (entries.next()?, entries.next()?);
    let name = &plan.text().name;
    Some(format!(
        "{}: detections.settings: {:?} is the same detection as {:?} at {}: {name:?}; one entry is expected",
        second.place, second.detection, first.detection, first.place
    ))
}

/// Disabled detections keep their routes: windows of an earlier plan of theirs may still close.
pub(super) fn routes(files: &[FileReport], settings: &[DetectionSettings]) -> Routes {
    let route = |plan: &Plan| {
        let own = settings.iter().find(|own| names(plan, &own.detection))?;
        Some((plan.text().id.clone(), own.delivery.clone()))
    };
    Routes::new(plans(files).filter_map(route))
}

fn plans(files: &[FileReport]) -> impl Iterator<Item = &Plan> {
    files.iter().filter_map(|file| match &file.outcome {
        Outcome::Ready(plan) | Outcome::Disabled(plan) => Some(&**plan),
        Outcome::Unsupported | Outcome::OtherData | Outcome::Invalid => None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::catalog::{Catalog, FileState, load, undelivered};
    use crate::config::{Config, Environment, Overrides, read};
    use crate::plan::Plan;

    const NAME: &str = "AWS Exfiltration via Batch Service";
    const ID: &str = "04455dd3-ced7-480f-b8e6-5469b99e98e2";

    /// The shipped detection and one of another name and id, with these settings, which begin in line 5.
    fn loaded(settings: &str) -> (Config, Catalog) {
        loaded_with(settings, &|yaml| yaml)
    }

    /// The same with a change in the other one.
    fn loaded_with(settings: &str, change: &dyn Fn(String) -> String) -> (Config, Catalog) {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let write = |name: &str, text: &str| -> PathBuf {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("it is writable");
            path
        };
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/detections");
        let shipped = std::fs::read_to_string(shipped.join("aws_exfiltration_via_batch_service.yml")).expect("shipped");
        std::fs::create_dir(folder.path().join("d")).expect("it is writable");
        write("d/a.yml", &shipped);
        write("d/b.yml", &change(shipped.replace(NAME, "Another").replace(ID, "another-id")));
        let text = format!(
            "source: {{stream: s}}\nsinks: [{{name: out, type: stdout, stages: [final]}}]\ndetections:\n  paths: [d]\n  \
             settings: {settings}\n"
        );
        let config = write("t.yaml", &text);
        let config = read(&config, &Environment::default(), &Overrides::default()).expect("it is right");
        let catalog = load(&config.detections).expect("the files can be read");
        (config, catalog)
    }

    fn conflicts(settings: &str) -> Vec<String> {
        loaded(settings).1.conflicts
    }

    #[test]
    fn settings_of_no_detection_say_where_they_are() {
        let found = conflicts("[{detection: Anoter, staged: true}, {detection: another-id}]");
        let [conflict] = &found[..] else { panic!("one is stray: {found:?}") };
        assert!(
            conflict.contains("t.yaml:5:26: detections.settings: \"Anoter\" is the id or name of no"),
            "{conflict}"
        );
        let beside_a_disabled_one = conflicts("[{detection: Another, enabled: false}, {detection: Anoter}]");
        assert_eq!(beside_a_disabled_one.len(), 1, "{beside_a_disabled_one:?}");
        assert_eq!(conflicts("[{detection: Another, enabled: false}]"), [""; 0]);
    }

    /// A refused detection is known by its name, and does not hide a name that is wrong.
    #[test]
    fn settings_may_name_a_detection_that_is_refused() {
        let refused = |settings: &str| {
            let change = |yaml: String| yaml.replace("|  stats count", "| transaction src_ip | stats count");
            loaded_with(settings, &change).1.conflicts
        };
        assert_eq!(refused("[{detection: Another, enabled: false}]"), [""; 0]);
        assert_eq!(refused("[{detection: Anoter}]").len(), 1);
    }

    #[test]
    fn what_is_not_supported_is_refused_and_the_others_run() {
        let change = |yaml: String| yaml.replace("|  stats count", "| transaction src_ip | stats count");
        let detections = loaded_with("[]", &change).1.ready().expect("one runs");
        assert_eq!(detections.plans.len(), 1);
        assert_eq!(detections.refused.len(), 1, "{:?}", detections.refused);
        assert!(detections.refused[0].1.message.contains("transaction"), "{:?}", detections.refused);
        let [runs, refused] = &detections.files[..] else { panic!("both are shown: {:?}", detections.files) };
        assert_eq!((runs.name.as_str(), &runs.state), (NAME, &FileState::Runs));
        assert!(matches!(&refused.state, FileState::Refused(why) if why.contains("transaction")), "{refused:?}");
    }

    #[test]
    fn other_data_is_passed_over_and_what_is_wrong_refuses_everything() {
        let other = |yaml: String| yaml.replace("`cloudtrail`", "`sysmon`");
        let detections = loaded_with("[]", &other).1.ready().expect("one runs");
        assert_eq!((detections.plans.len(), detections.refused.len(), detections.other_data), (1, 0, 1));
        let wrong = |yaml: String| yaml.replace("eventName = JobCreated", "eventName = (");
        assert!(loaded_with("[]", &wrong).1.ready().is_err());
    }

    #[test]
    fn one_detection_by_id_and_by_name_is_a_conflict() {
        let found = conflicts("[{detection: another-id}, {detection: Another}]");
        let [conflict] = &found[..] else { panic!("one conflict: {found:?}") };
        assert!(conflict.contains("t.yaml:5:51: ") && conflict.contains("t.yaml:5:26: \"Another\""), "{conflict}");
    }

    #[test]
    fn routes_are_by_id_however_the_detection_is_named_and_kept_for_a_disabled_one() {
        let (_, catalog) = loaded(
            "[{detection: Another, staged: true, enabled: false}, {detection: 'AWS Exfiltration via Batch Service'}]",
        );
        assert!(catalog.routes.of("another-id").is_some_and(|own| own.staged));
        assert!(catalog.routes.of(ID).is_some_and(|own| !own.staged));
        assert_eq!(catalog.plans().len(), 1);
    }

    /// Where risk events go changes nothing of what they are: not the fingerprint, and so no id (EM-3, WN-7).
    #[test]
    fn wn_7_delivery_is_no_part_of_the_plan() {
        let fingerprints = |settings: &str| -> Vec<_> {
            loaded(settings).1.plans().iter().map(|plan| Plan::fingerprint(plan)).collect()
        };
        let delivery = "[{detection: Another, staged: true, stages: [final], min_severity: high, sinks: [out]}]";
        assert_eq!(fingerprints(delivery), fingerprints("[]"));
        assert_ne!(fingerprints("[{detection: Another, grace: 1m}]"), fingerprints("[]"), "which would be seen");
    }

    #[test]
    fn a_detection_of_which_nothing_would_be_sent_is_warned_of() {
        let warnings = |settings: &str| {
            let (config, catalog) = loaded(settings);
            undelivered(&catalog.plans(), &catalog.routes, &config.sinks)
        };
        for silent in ["stages: [early]", "min_severity: critical"] {
            let found = warnings(&format!("[{{detection: Another, {silent}}}]"));
            assert!(found.len() == 1 && found[0].contains("\"Another\""), "{silent}: {found:?}");
        }
        for sent in ["staged: true", "stages: [final]", "min_severity: high", "sinks: [out]"] {
            assert_eq!(warnings(&format!("[{{detection: Another, {sent}}}]")), [""; 0], "{sent}");
        }
    }

    /// Splunk ships one macro a file; the operator's file comes after it.
    #[test]
    fn macros_come_from_folders_and_files_and_a_later_one_wins() {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("it is writable");
        std::fs::create_dir(folder.path().join("macros")).expect("it is writable");
        write("macros/a.yml", "definition: search src_ip=theirs\nname: aws_exfiltration_via_batch_service_filter\n");
        write("own.yaml", "aws_exfiltration_via_batch_service_filter: search src_ip=own\n");
        let search = |macros: &str| {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/detections");
            let text = format!(
                "source: {{stream: s}}\nsinks: [{{name: out, type: stdout}}]\ndetections: {{paths: [{shipped:?}], \
                 macros: {macros}}}\n"
            );
            write("t.yaml", &text);
            let config = read(&folder.path().join("t.yaml"), &Environment::default(), &Overrides::default());
            load(&config.expect("it is right").detections).expect("it loads").plans()[0].text().search.clone()
        };
        assert!(search("macros").contains("src_ip=theirs"));
        assert!(search("[macros, own.yaml]").contains("src_ip=own"));
        assert!(search("[own.yaml, macros]").contains("src_ip=theirs"));
        assert!(!search("[]").contains("src_ip="));
    }
}
