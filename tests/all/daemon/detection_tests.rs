//! `trailrisk test`, as a detection engineer uses it.

use super::home;
use crate::support::daemon::{Daemon, package};

#[tokio::test]
async fn the_shipped_detection_passes_its_tests() {
    let shipped = package("config/detections");
    let ended = home().run(&["test", &shipped.to_string_lossy()]).await;
    assert_eq!(ended.code, Some(0), "{:?} {}", ended.lines, ended.log);
    let (summary, cases) = ended.lines.split_last().expect("it says something");
    assert!(cases.iter().all(|line| line.starts_with("ok ")), "{cases:?}");
    assert_eq!(summary, &format!("{} passed, 0 failed", cases.len()));
    for kind in ["created", "passed over", "no group", "comes twice", "grace"] {
        assert!(cases.iter().any(|line| line.contains(kind)), "a test of {kind:?} is shipped");
    }
}

#[tokio::test]
async fn the_configuration_says_where_and_with_which_macros() {
    let home = home();
    let shipped = package("config/detections");
    let yaml = format!(
        "source: {{stream: s}}\nsinks: [{{name: stdout, type: stdout}}]\ndetections: {{paths: [{shipped:?}], macros: m.yaml}}\n"
    );
    home.configure(yaml);
    home.write("m.yaml", "aws_exfiltration_via_batch_service_filter: search aws_account_id=333333333333\n");
    let ended = home.with_config(&["test"]);
    let ended = crate::support::daemon::Daemon::spawn(ended).ended().await;
    assert_eq!(ended.code, Some(1), "the filter hides every row: {:?} {}", ended.lines, ended.log);
    assert!(ended.lines.join("\n").contains("did not come"), "{:?}", ended.lines);
}

#[tokio::test]
async fn a_test_that_fails_shows_what_differs_and_a_file_that_is_wrong_where() {
    let home = home();
    let detection = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let sample = package("tests/data/cloudtrail/jobcreated.json");
    let test = format!(
        "detection: {detection:?}\ntests:\n- name: twice\n  events: [{{file: {sample:?}}}]\n  expect: [{{row: {{count: 2}}}}]\n"
    );
    home.write("a.test.yml", test);
    let failed = home.run(&["test", "a.test.yml"]).await;
    assert_eq!(failed.code, Some(1), "{:?} {}", failed.lines, failed.log);
    let said = failed.lines.join("\n");
    for part in ["FAILED  a.test.yml:3: twice", "count\n        - 2\n        + 1", "0 passed, 1 failed"] {
        assert!(said.contains(part), "{part:?} in {said}");
    }

    home.write("b.test.yml", "tests:\n- {name: a, evnts: []}\n");
    let wrong = home.run(&["test", "."]).await;
    assert_eq!(wrong.code, Some(78), "{:?} {}", wrong.lines, wrong.log);
    assert!(
        wrong.log.contains("b.test.yml:2:13: `evnts` is not a key of a test; did you mean `events`?"),
        "{}",
        wrong.log
    );
    assert!(wrong.lines.join("\n").contains("FAILED  ./a.test.yml"), "the others run all the same: {:?}", wrong.lines);

    home.write("c.test.yml", "tests: [{name: a, events: [{event: {}}], expect: []}]\n");
    let lonely = home.run(&["test", "c.test.yml"]).await;
    assert_eq!(lonely.code, Some(78));
    let words = "c.test.yml: its detection: cannot read c.yml: No such file";
    assert!(lonely.log.contains(words) && lonely.log.contains("`detection` names another file"), "{}", lonely.log);
    assert!(!lonely.log.contains("detections.paths"), "there is no configuration: {}", lonely.log);
}

#[tokio::test]
async fn nothing_to_test_is_an_error_of_usage() {
    let home = home();
    let nowhere = home.run(&["test", "nowhere"]).await;
    assert_eq!(nowhere.code, Some(64), "{}", nowhere.log);
    assert!(nowhere.log.contains("cannot read nowhere"), "{}", nowhere.log);
    std::fs::create_dir(home.path("empty")).expect("the folder is writable");
    let empty = home.run(&["test", "empty"]).await;
    assert_eq!(empty.code, Some(64), "{}", empty.log);
    assert!(empty.log.contains("no test file"), "{}", empty.log);
    home.configure("source: {stream: s}\ndetections: {paths: [absent]}\nsinks: [{name: a, type: stdout}]\n");
    let configured = Daemon::spawn(home.with_config(&["test"])).ended().await;
    assert_eq!(configured.code, Some(78), "no path of the command line: {}", configured.log);
    assert!(configured.log.contains("detections.paths: cannot read "), "{}", configured.log);
}
