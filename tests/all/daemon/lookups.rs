//! Lookups from CSV files, as an operator meets them.

use serde_json::json;

use super::event::JobCreated;
use super::home;
use super::line::read_all;
use crate::support::daemon::{Ended, Home};

/// 2023-04-24T23:00:00Z
const START: i64 = 1_682_377_200_000;

const DETECTION: &str = "\
name: Jobs of teams
id: jobs-of-teams
version: 1
type: TTP
search: >-
  `cloudtrail` eventName=JobCreated | lookup accounts account AS aws_account_id OUTPUT team
  | stats count by team | lookup accounts team OUTPUT account AS accounts
rba:
  message: team $team$
  risk_objects: [{field: team, type: other, score: 50}]
";

async fn run(home: &Home, command: &str, table: &str, more: &[&str]) -> Ended {
    home.write("jobs.yml", DETECTION);
    home.write("accounts.csv", table);
    let config = json!({
        "source": {"stream": "trail"},
        "detections": {"paths": ["jobs.yml"], "lookups": {"accounts": "accounts.csv"}},
        "sinks": [{"name": "out", "type": "stdout"}],
    });
    home.write("lookups.yaml", config.to_string());
    home.run(&[&[command, "--config", "lookups.yaml"], more].concat()).await
}

const TABLE: &str = "team,account\nred,111111111111\nred,333333333333\nblue,222222222222\n";

#[tokio::test]
async fn a_table_gives_groups_their_by_values_and_rows_their_columns() {
    let home = home();
    let accounts = ["111111111111", "222222222222", "333333333333", "444444444444"];
    let events = (0_u64..).zip(accounts).map(|(n, account)| JobCreated::new(n, START + 60_000, account).text());
    home.write("events.ndjson", events.collect::<Vec<_>>().join("\n"));
    let ended = run(&home, "replay", TABLE, &["events.ndjson"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let rows: Vec<_> = read_all(&ended.lines).iter().map(|line| line.json["row"].clone()).collect();
    let (blue, red) = (json!("222222222222"), json!(["111111111111", "333333333333"]));
    assert_eq!(
        rows,
        [json!({"team": "blue", "count": 1, "accounts": blue}), json!({"team": "red", "count": 2, "accounts": red})]
    );
    assert!(ended.log.contains("no team: 1"), "AG-3: an account of no team is counted: {}", ended.log);
    let explained = run(&home, "explain", TABLE, &["jobs.yml"]).await;
    assert!(explained.lines.contains(&"lookups         accounts: 3 rows of team, account".to_owned()), "{explained:?}");
}

#[tokio::test]
async fn a_broken_table_stops_the_start_with_its_line() {
    let home = home();
    let ended = run(&home, "check", "team,account\nred,1\nblue\n", &[]).await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    assert!(ended.log.contains("accounts.csv:3: 1 fields where the first line names 2 columns"), "{}", ended.log);
}
