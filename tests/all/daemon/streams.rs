//! Every setting that a Kinesis stream may have: whose account it is in, who may read it, how its records are
//! distributed, how long it keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::process::Command;

use super::event::JobCreated;
use super::line::{finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::{CannedStream, Endpoint, LocalKinesis, StreamSettings};
use crate::support::{PATIENCE, wall_millis};

const ARN: &str = "arn:aws:kinesis:us-east-1:222222222222:stream/trail";
const ROLE: &str = "arn:aws:iam::222222222222:role/trailrisk-reader";

fn configured(endpoint: &Endpoint, change: impl FnOnce(&mut Value)) -> Home {
    let home = home();
    let mut config = config(endpoint);
    change(&mut config);
    home.configure(config.to_string());
    home
}

fn in_other_account(config: &mut Value) {
    config["source"]["stream"] = json!(ARN);
    config["source"].as_object_mut().expect("a section").remove("region");
}

async fn put(kinesis: &LocalKinesis, numbers: std::ops::Range<u64>) {
    let event = |number: u64| JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number));
    let records = numbers.map(|number| (format!("key-{number}"), event(number).text().into_bytes()));
    kinesis.put(STREAM, records.collect::<Vec<_>>()).await;
}

async fn until_final(daemon: &Daemon, count: usize) {
    let came = || async { (finals(&read_all(&daemon.lines())).len() >= count).then_some(()) };
    daemon.until(PATIENCE, &format!("{count} finals"), came).await;
}

/// With a resource policy of the stream: the ARN says where it is, and every request names it so.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_account_is_read_by_its_arn() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    // More than one page: a token stands alone.
    kinesis.faults().set_page_size(1);
    let home = configured(&kinesis, in_other_account);
    let daemon = home.start();
    daemon.ready().await;
    put(&kinesis, 0..6).await;
    until_final(&daemon, 6).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let asked = kinesis.faults().arns();
    for operation in ["DescribeStreamSummary", "ListShards", "GetShardIterator", "GetRecords"] {
        assert!(asked.contains(&(operation.to_owned(), ARN.to_owned())), "{operation}: {asked:?}");
    }
    assert!(asked.iter().all(|(_, arn)| arn == ARN), "{asked:?}");
    // The name alone is the logical source, so that ids are those of a stream read by name.
    assert!(read_all(&ended.lines).iter().all(|line| line.json["meta"]["stream"] == STREAM));
}

/// A stand-in for STS: who may assume the role, and what was asked.
#[derive(Default)]
struct Sts {
    asked: Mutex<Vec<BTreeMap<String, String>>>,
}

async fn assume(State(sts): State<Arc<Sts>>, form: String) -> Response {
    let form = reqwest::Url::parse(&format!("http://sts/?{form}")).expect("a form is a query");
    let asked: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
    let count = {
        let mut all = sts.asked.lock().expect("nobody panics while holding it");
        all.push(asked.clone());
        all.len()
    };
    let of = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    if of("ExternalId") != "customer-7" {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>is not authorized to \
                    perform: sts:AssumeRole</Message></Error></ErrorResponse>";
        return (StatusCode::FORBIDDEN, [("content-type", "text/xml")], body).into_response();
    }
    // Two seconds more than the SDK takes for too little.
    let until = jiff::Timestamp::from_millisecond(wall_millis() + 12_000).expect("in range");
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>session{count}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>{until:.0}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>A:trailrisk</AssumedRoleId>\
         <Arn>arn:aws:sts::222222222222:assumed-role/trailrisk-reader/trailrisk</Arn></AssumedRoleUser>\
         </AssumeRoleResult></AssumeRoleResponse>"
    );
    ([("content-type", "text/xml")], body).into_response()
}

async fn sts() -> (Arc<Sts>, String) {
    let sts = Arc::new(Sts::default());
    let app = Router::new().route("/", post(assume)).with_state(Arc::clone(&sts));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
    (sts, url)
}

fn with_sts(mut command: Command, url: &str) -> Command {
    command.env("AWS_ENDPOINT_URL_STS", url);
    command
}

/// The sessions run out and are renewed; no request is signed by the process's own identity.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_streams_account_is_assumed_and_its_sessions_are_renewed() {
    let ((sts, url), kinesis) = (sts().await, LocalKinesis::start().await);
    kinesis.create_stream(STREAM, 2).await;
    let home = configured(&kinesis, |config| {
        in_other_account(config);
        config["source"]["role_arn"] = json!(ROLE);
        config["source"]["external_id"] = json!("customer-7");
    });
    let daemon = Daemon::spawn(with_sts(home.with_config(&["run"]), &url));
    daemon.ready().await;
    put(&kinesis, 0..6).await;
    until_final(&daemon, 6).await;
    let renewed = || async { (kinesis.faults().access_keys().len() >= 2).then_some(()) };
    daemon.until(PATIENCE, "a second session", renewed).await;
    put(&kinesis, 6..12).await;
    until_final(&daemon, 12).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let keys = kinesis.faults().access_keys();
    assert!(keys.iter().all(|key| key.starts_with("session")), "{keys:?}");
    let asked = sts.asked.lock().expect("nobody panics while holding it").clone();
    for (field, value) in [("RoleArn", ROLE), ("ExternalId", "customer-7"), ("RoleSessionName", "trailrisk")] {
        assert!(asked.iter().all(|form| form.get(field).is_some_and(|found| found == value)), "{field}: {asked:?}");
    }

    // The other commands take the same way.
    let arguments = ["tail", "--since", "trim_horizon", "--no-follow", "--set", "source.tip_slack=1s"];
    let tailed = Daemon::spawn(with_sts(home.with_config(&arguments), &url)).ended().await;
    assert_eq!((tailed.code, tailed.lines.len()), (Some(0), 12), "{}", tailed.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_assumed_is_named_with_what_to_allow() {
    let ((_sts, url), kinesis) = (sts().await, LocalKinesis::start().await);
    kinesis.create_stream(STREAM, 1).await;
    let home = configured(&kinesis, |config| {
        config["source"]["role_arn"] = json!(ROLE);
        config["source"]["external_id"] = json!("customer-8");
    });
    let refused = Daemon::spawn(with_sts(home.with_config(&["run"]), &url)).ended().await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    for words in [ROLE, "cannot be assumed", "sts:AssumeRole", "trust policy", "AccessDenied"] {
        assert!(refused.log.contains(words), "{words:?} is not in {}", refused.log);
    }
    assert_eq!(kinesis.faults().calls("DescribeStreamSummary"), 0);
}

/// With AUTO record distribution the service spreads the records; a partition key is optional, and ignored.
#[tokio::test(flavor = "multi_thread")]
async fn records_without_a_partition_key_are_read_like_others() {
    let now = wall_millis();
    let events = (0..5).map(|number| JobCreated::new(number, now, "111111111111").text().into_bytes());
    let settings = StreamSettings { keyed: false, mode: "ON_DEMAND", encryption: "KMS", ..StreamSettings::default() };
    let canned = CannedStream::start_with(settings, STREAM, now, events).await;
    let home = configured(&canned.endpoint, |_| {});
    let daemon = home.start();
    until_final(&daemon, 1).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let lines = read_all(&ended.lines);
    let last = lines.iter().find(|line| line.stage() == "final").expect("it came");
    assert_eq!(last.json["event_count"], 5);
    let mut command = home.with_config(&["tail", "--since", "trim_horizon", "--no-follow"]);
    command.args(["--set", "source.tip_slack=1s"]);
    let tailed = Daemon::spawn(command).ended().await;
    assert_eq!((tailed.code, tailed.lines.len()), (Some(0), 5), "{}", tailed.log);
    assert!(tailed.log.contains("ON_DEMAND") && tailed.log.contains("encryption KMS"), "{}", tailed.log);
}

/// The longest window and grace, and most of a year of outage: refused over a day of retention, taken over a year, and a
/// range of ten months ago is read back.
#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_retention_of_a_year_is_used_to_its_end() {
    const DAY: i64 = 86_400_000;
    let arrived = wall_millis() - 300 * DAY;
    let event = || [JobCreated::new(1, arrived - 1000, "111111111111").text().into_bytes()];
    let long = |config: &mut Value| {
        config["detections"]["window"] = json!("30d");
        config["detections"]["grace"] = json!("7d");
        config["source"]["outage_budget"] = json!("328d");
    };
    let day = CannedStream::start(STREAM, arrived, event()).await;
    let refused = configured(&day.endpoint, long).start().ended().await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    assert!(refused.log.contains("8760 h") && refused.log.contains("retains only 24 h"), "{}", refused.log);

    let settings = StreamSettings { retention_hours: 8760, ..StreamSettings::default() };
    let year = CannedStream::start_with(settings, STREAM, arrived, event()).await;
    let home = configured(&year.endpoint, long);
    let daemon = home.start();
    until_final(&daemon, 1).await;
    let live = daemon.stop().await;
    assert_eq!(live.code, Some(0), "{}", live.log);
    assert!(!live.log.contains("may be lost"), "{}", live.log);
    home.write("live.ndjson", live.lines.join("\n"));
    let mut command = home.with_config(&["backtest", "--from", "320d", "--to", "200d"]);
    command.args(["--diff", "live.ndjson"]);
    let compared = Daemon::spawn(command).ended().await;
    assert_eq!(compared.code, Some(0), "{}", compared.log);
    assert!(compared.log.contains("no difference: 1 alike"), "{}", compared.log);
}
