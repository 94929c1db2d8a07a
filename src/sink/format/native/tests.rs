use std::sync::Arc;

use serde_json::Value as Json;

use super::*;
use crate::plan::Value;
use crate::risk_event::{RiskEventId, Stage};
use crate::sink::testing::{meta, seed_event};
use crate::time::{Arrival, EventTime};

/// The page of the outputs, for the seed's golden row.
const SEED: &str = concat!(
    r#"{"schema":"trailrisk.risk_event/v1","#,
    r#""id":"0123456789abcdef0123456789abcdef","stage":"final","pane":"on_time","#,
    r#""detection":{"id":"04455dd3-ced7-480f-b8e6-5469b99e98e2","name":"AWS Exfiltration via Batch Service","version":1,"type":"TTP"},"#,
    r#""severity":"high","risk_score":64.0,"impact":80,"confidence":80,"#,
    r#""risk_message":"AWS Batch Job is created on account id - 111111111111 from src_ip s3.amazonaws.com","#,
    r#""risk_objects":[{"field":"aws_account_id","type":"other","value":"111111111111","score":64.0}],"#,
    r#""threat_objects":[{"field":"src_ip","type":"ip_address","value":"s3.amazonaws.com"}],"#,
    r#""annotations":{"mitre_attack":["T1119"],"kill_chain_phases":["Exploitation"],"nist":["DE.CM"],"cis20":["CIS 10"],"analytic_story":["Data Exfiltration"]},"#,
    r#""group":{"src_ip":"s3.amazonaws.com","aws_account_id":"111111111111","eventName":"JobCreated","errorCode":"success","userAgent":"s3.amazonaws.com"},"#,
    r#""row":{"src_ip":"s3.amazonaws.com","aws_account_id":"111111111111","eventName":"JobCreated","errorCode":"success","userAgent":"s3.amazonaws.com","#,
    r#""count":1,"firstTime":"2023-04-24T23:51:17","lastTime":"2023-04-24T23:51:17","#,
    r#""job_arn":"arn:aws:s3:us-west-2:111111111111:job/bb54efd8-937d-4f0c-967d-aa8443998dac","status":"New"},"#,
    r#""window":{"start":"2023-04-24T23:00:00Z","end":"2023-04-25T00:00:00Z"},"#,
    r#""event_count":1,"first_event":"2023-04-24T23:51:17Z","last_event":"2023-04-24T23:51:17Z","#,
    r#""evidence":[{"event_id":"894153ad-ed86-4719-bb66-6c52ef7dc767","event_time":"2023-04-24T23:51:17Z"}],"evidence_truncated":false"#,
);

fn text(event: &RiskEvent) -> String {
    String::from_utf8(compared(event)).unwrap()
}

fn parsed(event: &RiskEvent) -> Json {
    serde_json::from_slice(&compared(event)).unwrap()
}

fn with_row(columns: &[(&str, Value)]) -> RiskEvent {
    let row = columns.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect();
    RiskEvent { row, ..seed_event() }
}

#[test]
fn em_4_the_compared_bytes_of_the_seed() {
    assert_eq!(text(&seed_event()), format!("{SEED}}}"));
}

/// Detections take turns, and one is replaced by its next version (WN-7).
#[test]
fn em_4_a_line_among_others_is_the_line_by_itself() {
    let first = seed_event();
    let (mut other, mut next) = (seed_event(), seed_event());
    Arc::make_mut(&mut other.detection).risk.nist = vec!["DE.AE".into()];
    Arc::make_mut(&mut next.detection).version += 1;
    let mut lines = Lines::default();
    for event in [&first, &first, &other, &first, &next, &seed_event(), &next, &other] {
        assert_eq!(String::from_utf8(lines.line(event, &meta()).to_vec()), String::from_utf8(line(event, &meta())));
    }
    assert_ne!(line(&first, &meta()), line(&other, &meta()));
    assert_ne!(line(&first, &meta()), line(&next, &meta()));
}

#[test]
fn the_line_is_the_compared_bytes_then_meta_then_a_newline() {
    let expected = format!(
        "{SEED}{}\n",
        concat!(
            r#","meta":{"emitted_at":"2023-04-24T23:51:18.500Z","producer":"trailrisk/0.1.0","worker":"w1","stream":"trail","#,
            r#""source_positions":[{"shard":"shardId-000000000000","sequence_number":"4957"}]}}"#
        )
    );
    assert_eq!(String::from_utf8(line(&seed_event(), &meta())).unwrap(), expected);
}

#[test]
fn em_4_positions_and_emission_time_do_not_reach_the_compared_bytes() {
    let elsewhere = RiskEvent { positions: Vec::new(), newest_arrival: Arrival(1), ..seed_event() };
    assert_eq!(compared(&elsewhere), compared(&seed_event()));
}

#[test]
fn wn_3_a_late_pane_carries_its_bucket_and_what_it_supplements() {
    let bucket = Arrival(1_682_380_800_000);
    for (pane, name) in [(Pane::Late(bucket), "late"), (Pane::Future(bucket), "future")] {
        let event = RiskEvent { pane, supplements: Some(RiskEventId(255)), ..seed_event() };
        let expected = format!(
            r#""pane":"{name}","pane_bucket":"2023-04-25T00:00:00Z","supplements":"000000000000000000000000000000ff","detection""#
        );
        assert!(text(&event).contains(&expected), "{}", text(&event));
    }
}

#[test]
fn bd_2_a_forced_pane_carries_its_number_and_no_bucket() {
    let event = RiskEvent { pane: Pane::Forced(1), stage: Stage::Early, ..seed_event() };
    assert!(text(&event).contains(r#""stage":"early","pane":"forced-1","detection""#));
}

#[test]
fn marks_are_written_only_where_they_are_true() {
    let (partial, truncated, count_is_upper_bound, values_truncated, rows_cut) = (true, true, true, true, true);
    let marks = Marks { partial, truncated, count_is_upper_bound, values_truncated, rows_cut };
    let written =
        r#","partial":true,"truncated":true,"count_is_upper_bound":true,"values_truncated":true,"rows_cut":true}"#;
    assert_eq!(text(&RiskEvent { marks, ..seed_event() }), format!("{SEED}{written}"));
}

#[test]
fn impact_and_confidence_are_null_where_the_file_has_none() {
    let mut plan = PlanText::clone(&seed_event().detection);
    (plan.risk.impact, plan.risk.confidence, plan.risk.score) = (None, None, 12.5);
    let event = RiskEvent { detection: plan.into(), ..seed_event() };
    let expected = r#""severity":"informational","risk_score":12.5,"impact":null,"confidence":null,"#;
    assert!(text(&event).contains(expected));
}

#[test]
fn row_values_keep_their_types() {
    let many = Value::from_scalars(vec![Scalar::text("a"), Scalar::Number(2.0)]);
    let event = with_row(&[
        ("whole", Value::number(3.0)),
        ("negative", Value::number(-3.0)),
        ("zero", Value::number(-0.0)),
        ("large", Value::number(9_007_199_254_740_992.0)),
        ("larger", Value::number(1e300)),
        ("fraction", Value::number(0.1)),
        ("infinite", Value::number(f64::NEG_INFINITY)),
        ("digits", Value::text("007")),
        ("many", many),
        ("none", Value::Null),
    ]);
    let expected = concat!(
        r#""row":{"whole":3,"negative":-3,"zero":0,"large":9007199254740992,"larger":1e+300,"fraction":0.1,"#,
        r#""infinite":"-inf","digits":"007","many":["a",2],"none":null},"#
    );
    assert!(text(&event).contains(expected), "{}", text(&event));
}

#[test]
fn instants_have_milliseconds_only_where_there_are_any() {
    let event = RiskEvent { first_event: EventTime(1_682_380_277_250), ..seed_event() };
    assert_eq!(parsed(&event)["first_event"], "2023-04-24T23:51:17.25Z");
}

/// Threat 1 and 2: attacker-chosen text in every place where text can stand.
#[test]
fn hostile_text_neither_breaks_the_line_nor_reaches_a_terminal() {
    let hostile = "\u{1b}]0;x\u{7}\r\n\"\\ \u{7f}\u{9b}31m\u{2028}\u{2029}\u{202e}\u{2066}\0 <!channel> =cmd()";
    let scalar = || Scalar::text(hostile);
    let mut event = seed_event();
    event.risk_message = hostile.to_owned();
    event.risk_objects[0].value = scalar();
    event.threat_objects[0].value = scalar();
    event.group.push((hostile.into(), Value::One(scalar())));
    event.row.push((hostile.into(), Value::Many(vec![scalar(), scalar()])));
    event.evidence[0].event_id = hostile.into();
    let line = String::from_utf8(line(&event, &meta())).unwrap();
    let body = line.strip_suffix('\n').unwrap();
    assert!(!body.contains(|c: char| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}".contains(c)), "{body:?}");
    let json: Json = serde_json::from_str(body).unwrap();
    for place in ["/risk_message", "/risk_objects/0/value", "/threat_objects/0/value", "/evidence/0/event_id"] {
        assert_eq!(json.pointer(place).unwrap(), hostile, "{place}");
    }
    assert_eq!(json["group"][hostile], hostile);
    assert_eq!(json["row"][hostile][1], hostile);
}
