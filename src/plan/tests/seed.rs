//! The seed's own search over the real event, end to end.

use super::*;
use crate::spl::{Macros, expand};

const SEARCH: &str = "`cloudtrail` eventName = JobCreated |  stats count min(_time) as firstTime max(_time) as lastTime \
     values(serviceEventDetails.jobArn) as job_arn values(serviceEventDetails.status) as status by src_ip  aws_account_id \
     eventName errorCode userAgent| `security_content_ctime(firstTime)` | `security_content_ctime(lastTime)` | \
     `aws_exfiltration_via_datasync_task_filter`";

fn seed() -> Plan {
    let expansion = expand(SEARCH, &Macros::built_in()).expect("the seed expands");
    let mut text = text(&expansion.text);
    text.name = "AWS Exfiltration via Batch Service".into();
    text.filters = expansion.filters;
    Plan::compile(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn jobcreated() -> Event<'static> {
    record(include_str!("../../../tests/data/cloudtrail/jobcreated.json"))
}

#[test]
fn the_golden_row() {
    let rows = rows(&seed(), &[jobcreated()]);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        shown(&rows[0]),
        "src_ip=s3.amazonaws.com aws_account_id=111111111111 eventName=JobCreated errorCode=success \
         userAgent=s3.amazonaws.com count=1 firstTime=2023-04-24T23:51:17 lastTime=2023-04-24T23:51:17 \
         job_arn=arn:aws:s3:us-west-2:111111111111:job/bb54efd8-937d-4f0c-967d-aa8443998dac status=New"
    );
}

#[test]
fn later_generations_of_the_search_match_the_same_event() {
    let search = "sourcetype=aws:cloudtrail eventName = JobCreated | fillnull | rename user_name as user \
        | stats count min(_time) as firstTime max(_time) as lastTime by signature dest user user_agent src \
          vendor_account vendor_region vendor_product";
    let rows = rows(&plan(search), &[jobcreated()]);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        shown(&rows[0]),
        "signature=JobCreated dest=s3.amazonaws.com user=0 user_agent=s3.amazonaws.com src=s3.amazonaws.com \
         vendor_account=111111111111 vendor_region=us-west-2 vendor_product=AWS CloudTrail count=1 \
         firstTime=1682380277 lastTime=1682380277"
    );
}

#[test]
fn without_fillnull_the_by_field_that_cannot_exist_drops_every_event_and_is_warned_of() {
    let plan = plan("eventName=JobCreated | rename user_name as user | stats count by src user");
    assert_eq!(plan.evaluate(&jobcreated()), Some(PlanOutcome::NullBy(1)), "AG-3");
    let [warning] = plan.warnings() else { panic!("{:?}", plan.warnings()) };
    assert_eq!(&plan.text().search[warning.span.clone()], "user");
    assert!(seed().warnings().is_empty());
}

#[test]
fn the_explanation_is_readable() {
    let explanation = seed().explain();
    let fingerprint = seed().fingerprint().to_string();
    assert_eq!(
        explanation.replace(&fingerprint, "<fingerprint>"),
        r#"detection       AWS Exfiltration via Batch Service (id 0-0, version 1, TTP)
fingerprint     <fingerprint>
filter          sourcetype=aws:cloudtrail eventName=JobCreated
prefilter       a record is parsed only if it holds "jobcreated", in any case
per event       -
window          1h from the settings; complete 15m after its end
group by        src_ip, aws_account_id, eventName, errorCode, userAgent
aggregates      count
                min(_time) as firstTime
                max(_time) as lastTime
                values(serviceEventDetails.jobArn) as job_arn
                values(serviceEventDetails.status) as status
per row         convert timeformat="%Y-%m-%dT%H:%M:%S" ctime(firstTime)
                convert timeformat="%Y-%m-%dT%H:%M:%S" ctime(lastTime)
                search *  (aws_exfiltration_via_datasync_task_filter, which hides nothing)
early           at the first match
final           when the window is complete, for every row that passes
risk            score 64, high
message         something happened
risk objects    -
threat objects  -
"#
    );
}

#[test]
fn the_fingerprint_tells_plans_apart_wn_7() {
    let base = text("eventName=A | stats count by src");
    let same = Plan::compile(&base.clone()).expect("it compiles").fingerprint();
    assert_eq!(Plan::compile(&base).expect("it compiles").fingerprint(), same);
    assert_eq!(same.to_string().len(), 64);
    let changes: [fn(&mut PlanText); 6] = [
        |text| text.search = "eventName=B | stats count by src".into(),
        |text| text.window_ms += 1,
        |text| text.grace_ms += 1,
        |text| text.max_future_skew_ms += 1,
        |text| text.risk.score = 65.0,
        |text| text.version += 1,
    ];
    for change in changes {
        let mut changed = base.clone();
        change(&mut changed);
        assert_ne!(Plan::compile(&changed).expect("it compiles").fingerprint(), same);
    }
}
