//! One detection through three generations of the schema.

use super::*;

macro_rules! history {
    ($file:literal) => {
        include_str!(concat!("../../../../tests/data/escu-history/", $file))
    };
}

/// The search of the seed after expansion, as Splunk would run it.
const SEED_SEARCH: &str = "sourcetype=aws:cloudtrail eventName = JobCreated |  stats count min(_time) as firstTime \
    max(_time) as lastTime values(serviceEventDetails.jobArn) as job_arn values(serviceEventDetails.status) as status \
    by src_ip  aws_account_id eventName errorCode userAgent| convert timeformat=\"%Y-%m-%dT%H:%M:%S\" ctime(firstTime) \
    | convert timeformat=\"%Y-%m-%dT%H:%M:%S\" ctime(lastTime) | search *";

#[test]
fn the_seed_has_every_fact_of_its_page() {
    let text = loaded(history!("v1-seed.yml")).text;
    assert_eq!((text.id.as_str(), text.version), ("04455dd3-ced7-480f-b8e6-5469b99e98e2", 1));
    assert_eq!((text.name.as_str(), text.kind.as_str()), ("AWS Exfiltration via Batch Service", "TTP"));
    assert_eq!(text.search, SEED_SEARCH);
    assert_eq!((text.window_ms, text.grace_ms, text.max_future_skew_ms), (3_600_000, 900_000, 300_000));
    let risk = &text.risk;
    assert_eq!(risk.message, "AWS Batch Job is created on account id - $aws_account_id$ from src_ip $src_ip$");
    assert_eq!((risk.score, risk.impact, risk.confidence), (64.0, Some(80), Some(80)));
    assert_eq!(risk.severity(), Severity::High);
    assert_eq!(risk.risk_objects, [risk_object("aws_account_id", "other", 64.0)]);
    assert_eq!(risk.threat_objects, [threat_object("src_ip", "ip_address")]);
    assert_eq!(
        (&*risk.mitre_attack, &*risk.analytic_story),
        (&["T1119".into()][..], &["Data Exfiltration".into()][..])
    );
    assert_eq!(risk.kill_chain_phases, ["Exploitation"]);
    assert_eq!((&*risk.nist, &*risk.cis20), (&["DE.CM".into()][..], &["CIS 10".into()][..]));
}

#[test]
fn the_seeds_other_filter_is_a_warning() {
    let Loaded { text, warnings, .. } = loaded(history!("v1-seed.yml"));
    assert_eq!(text.filters.len(), 1);
    assert_eq!(text.filters[0].name, "aws_exfiltration_via_datasync_task_filter");
    assert_eq!(&text.search[text.filters[0].start..text.filters[0].end], "search *");
    assert_eq!(warnings.len(), 1, "{}", shown(&warnings));
    let warning = &warnings[0];
    assert_eq!((warning.severity, warning.line), (ProblemSeverity::Warning, 10));
    assert!(warning.message.contains("aws_exfiltration_via_batch_service_filter"), "{warning}");
    let line = history!("v1-seed.yml").lines().nth(9).expect("line 10");
    let rest: String = line.chars().skip(warning.column - 1).collect();
    assert!(rest.starts_with("`aws_exfiltration_via_datasync_task_filter`"), "{warning}");
}

#[test]
fn later_versions_use_their_own_filter_and_load_without_warnings() {
    for yaml in [history!("v2.yml"), history!("v4-rba.yml"), history!("v6.yml"), history!("v10-finding.yml")] {
        let Loaded { text, warnings, .. } = loaded(yaml);
        assert!(warnings.is_empty(), "{}", shown(&warnings));
        let names: Vec<_> = text.filters.iter().map(|filter| filter.name.as_str()).collect();
        assert_eq!(names, ["aws_exfiltration_via_batch_service_filter"]);
        assert_eq!(text.risk.kill_chain_phases, ["Exploitation"]);
    }
}

#[test]
fn rba_has_scores_of_its_own() {
    let text = loaded(history!("v4-rba.yml")).text;
    assert_eq!(text.version, 4);
    assert_eq!((text.risk.score, text.risk.impact, text.risk.confidence), (64.0, None, None));
    assert_eq!(text.risk.risk_objects, [risk_object("aws_account_id", "other", 64.0)]);
    assert_eq!(text.risk.threat_objects, [threat_object("src_ip", "ip_address")]);
    assert_eq!(text.risk.mitre_attack, ["T1119"]);
}

#[test]
fn a_finding_keeps_everything_at_the_top() {
    let text = loaded(history!("v10-finding.yml")).text;
    assert_eq!(text.version, 10);
    assert_eq!(text.risk.message, "AWS Batch Job is created on account id - $vendor_account$ from src_ip $src$");
    assert_eq!(text.risk.score, 50.0);
    assert_eq!(text.risk.risk_objects, [risk_object("user", "other", 50.0)]);
    assert_eq!(text.risk.threat_objects, [threat_object("src", "ip_address")]);
    assert_eq!(
        (&*text.risk.mitre_attack, &*text.risk.analytic_story),
        (&["T1119".into()][..], &["Data Exfiltration".into()][..])
    );
    assert_eq!((&*text.risk.nist, &*text.risk.cis20), (&["DE.CM".into()][..], &["CIS 10".into()][..]));
}

/// The filters that the expanded search applies, in order.
fn applied(macros: &str) -> Vec<(String, String)> {
    let macros = Macros::from_yaml(macros).expect("macros");
    let text = loaded_with(history!("v1-seed.yml"), &macros).text;
    text.filters.iter().map(|filter| (filter.name.clone(), text.search[filter.start..filter.end].to_owned())).collect()
}

#[test]
fn the_seed_is_tuned_by_either_filter_or_both() {
    let (datasync, batch) = ("aws_exfiltration_via_datasync_task_filter", "aws_exfiltration_via_batch_service_filter");
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(applied(&format!("{datasync}: search a=1")), [pair(datasync, "search a=1")]);
    assert_eq!(applied(&format!("{batch}: search b=1")), [pair(datasync, "search *"), pair(batch, "search b=1")]);
    assert_eq!(
        applied(&format!("{batch}: search b=1\n{datasync}: search a=1")),
        [pair(datasync, "search a=1"), pair(batch, "search b=1")]
    );
}

#[test]
fn places_of_the_search_are_exact_in_every_version() {
    for yaml in [
        history!("v1-seed.yml"),
        history!("v2.yml"),
        history!("v4-rba.yml"),
        history!("v6.yml"),
        history!("v10-finding.yml"),
    ] {
        let Loaded { text, place, .. } = loaded(yaml);
        for word in ["eventName = JobCreated", "stats", "min(_time)", "lastTime"] {
            let at = text.search.find(word).expect("in the search");
            let bytes = place.bytes(at..at + word.len());
            assert_eq!(&yaml[bytes], word, "version {}", text.version);
        }
        let in_macro = text.search.find("timeformat").expect("from a macro");
        assert_eq!(&yaml[place.bytes(in_macro..in_macro + 3)], "`security_content_ctime(firstTime)`");
    }
}
