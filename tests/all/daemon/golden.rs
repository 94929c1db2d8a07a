//! The golden row: the real event through every generation of the detection, from a file and live.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::event::utc;
use super::line::Line;
use super::{STREAM, config, home};
use crate::support::daemon::package;
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const SAMPLE: &str = "tests/data/cloudtrail/jobcreated.json";
const SAMPLE_SECOND: &str = "2023-04-24T23:51:17";

/// A detection file and what it makes of the sample.
struct Golden {
    file: &'static str,
    version: u32,
    /// Written by hand from the search; `{second}` stands for the event's time.
    row: &'static str,
    risk_object: (&'static str, &'static str),
    threat_object: &'static str,
    score: f64,
    severity: &'static str,
    facts: Option<u32>,
}

/// `stats ... by src_ip aws_account_id eventName errorCode userAgent`.
const SEED_ROW: &str = r#""row":{"src_ip":"s3.amazonaws.com","aws_account_id":"111111111111","eventName":"JobCreated","errorCode":"success","userAgent":"s3.amazonaws.com","count":1,"firstTime":"{second}","lastTime":"{second}","job_arn":"arn:aws:s3:us-west-2:111111111111:job/bb54efd8-937d-4f0c-967d-aa8443998dac","status":"New"},"window""#;

/// `fillnull | rename user_name as user | stats ... by signature dest user user_agent src vendor_account vendor_region
/// vendor_product`: a service event has no user, which `fillnull` makes 0, and `dest` is the event source.
const FILLED_ROW: &str = r#""row":{"signature":"JobCreated","dest":"s3.amazonaws.com","user":"0","user_agent":"s3.amazonaws.com","src":"s3.amazonaws.com","vendor_account":"111111111111","vendor_region":"us-west-2","vendor_product":"AWS CloudTrail","count":1,"firstTime":"{second}","lastTime":"{second}"},"window""#;

const SEED: Golden = Golden {
    file: "config/detections/aws_exfiltration_via_batch_service.yml",
    version: 1,
    row: SEED_ROW,
    risk_object: ("aws_account_id", "111111111111"),
    threat_object: "src_ip",
    score: 64.0,
    severity: "high",
    facts: Some(80),
};

const GOLDEN: [Golden; 6] = [
    SEED,
    Golden { file: "tests/data/escu-history/v1-seed.yml", ..SEED },
    Golden { file: "tests/data/escu-history/v2.yml", version: 2, ..SEED },
    // From version 4 on the file has a score, but neither impact nor confidence.
    Golden { file: "tests/data/escu-history/v4-rba.yml", version: 4, facts: None, ..SEED },
    Golden {
        file: "tests/data/escu-history/v6.yml",
        version: 6,
        row: FILLED_ROW,
        risk_object: ("user", "0"),
        threat_object: "src",
        facts: None,
        ..SEED
    },
    Golden {
        file: "tests/data/escu-history/v10-finding.yml",
        version: 10,
        row: FILLED_ROW,
        risk_object: ("user", "0"),
        threat_object: "src",
        score: 50.0,
        severity: "medium",
        facts: None,
    },
];

impl Golden {
    fn assert_is(&self, line: &Line, second: &str) {
        let row = self.row.replace("{second}", second);
        assert!(line.body.contains(&row), "{}: {row}\nis not in {}", self.file, line.body);
        let event = &line.json;
        let (field, value) = self.risk_object;
        assert_eq!(event["detection"]["name"], "AWS Exfiltration via Batch Service");
        assert_eq!(event["detection"]["version"], self.version, "{}", self.file);
        assert_eq!(event["risk_score"], self.score);
        assert_eq!(event["severity"], self.severity);
        assert_eq!([&event["impact"], &event["confidence"]], [&json!(self.facts), &json!(self.facts)]);
        let message = "AWS Batch Job is created on account id - 111111111111 from src_ip s3.amazonaws.com";
        assert_eq!(event["risk_message"], message);
        let risk_object = json!([{"field": field, "type": "other", "value": value, "score": self.score}]);
        assert_eq!(event["risk_objects"], risk_object, "{}", self.file);
        let threat = json!([{"field": self.threat_object, "type": "ip_address", "value": "s3.amazonaws.com"}]);
        assert_eq!(event["threat_objects"], threat, "{}", self.file);
        assert_eq!(event["annotations"]["mitre_attack"], json!(["T1119"]));
        assert_eq!(event["annotations"]["analytic_story"], json!(["Data Exfiltration"]));
        assert_eq!((&event["event_count"], &event["pane"]), (&json!(1), &json!("on_time")));
        assert_eq!(event["evidence"][0]["event_id"], "894153ad-ed86-4719-bb66-6c52ef7dc767");
    }
}

#[tokio::test]
async fn the_golden_row_comes_out_of_a_replay_for_every_generation_of_the_file() {
    let (home, macros) = (home(), package("config/macros.yaml"));
    for golden in &GOLDEN {
        let mut command = home.command(&["replay", "--detections"]);
        command.arg(package(golden.file)).arg("--macros").arg(&macros).arg(package(SAMPLE));
        let ended = crate::support::daemon::Daemon::spawn(command).ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let [line] = &ended.lines[..] else { panic!("{}: one risk event, not {:?}", golden.file, ended.lines) };
        let line = Line::read(line);
        assert_eq!(line.stage(), "final");
        assert_eq!(line.json["window"], json!({"start": "2023-04-24T23:00:00Z", "end": "2023-04-25T00:00:00Z"}));
        golden.assert_is(&line, SAMPLE_SECOND);
        assert!(ended.log.contains("1 documents (0 skipped unparsed), 1 events, 0 rejected, 1 risk events"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_golden_row_comes_out_of_the_live_stream_for_every_generation_of_the_file() {
    let mut runs = JoinSet::new();
    for golden in &GOLDEN {
        runs.spawn(live(golden));
    }
    runs.join_all().await;
}

/// The sample, dated now, through a daemon of its own: early and final.
async fn live(golden: &'static Golden) {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let home = home();
    let mut config = config(&kinesis);
    config["detections"]["paths"] = json!([package(golden.file)]);
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let mut event: Value = serde_json::from_slice(&std::fs::read(package(SAMPLE)).expect("it is there")).expect("JSON");
    let second = utc(wall_millis() / 1000 * 1000);
    event["eventTime"] = json!(second);
    kinesis.put(STREAM, [("key".to_owned(), event.to_string().into_bytes())]).await;
    let both = || async { (daemon.lines().len() >= 2).then_some(()) };
    daemon.until(PATIENCE, "the early and the final risk event", both).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let lines = super::line::read_all(&ended.lines);
    assert_eq!(lines.iter().map(Line::stage).collect::<Vec<_>>(), ["early", "final"]);
    assert_eq!(lines[0].id(), lines[1].id(), "EM-3: both stages have one id");
    for line in &lines {
        golden.assert_is(line, second.trim_end_matches('Z'));
    }
}
