//! A backtest against the live engine over the same records: what closes in the range has the same ids and bytes.

use super::*;
use crate::engine::{Position, SequenceNumber};
use crate::plan::PlanText;
use crate::plan::tests::text;
use crate::sink::format::native::compared;

/// Window 10 s, grace 2 s, skew 5 s.
fn plan(search: &str) -> Arc<Plan> {
    let text = PlanText { window_ms: 10_000, grace_ms: 2_000, max_future_skew_ms: 5_000, ..text(search) };
    Arc::new(Plan::compile(&text).expect("it compiles"))
}

fn by_user() -> Arc<Plan> {
    plan("eventName=E | stats count by user")
}

fn record(number: u64, arrival: i64, time: i64, user: &str) -> Record {
    let at = Arrival(time).to_string();
    let data = format!(
        r#"{{"eventVersion":"1.08","eventSource":"x.amazonaws.com","eventName":"E","eventID":"e{number}","eventTime":"{at}","userIdentity":{{"userName":"{user}"}}}}"#
    );
    let position = Position::After(SequenceNumber::try_new(&number.to_string()).expect("digits"), 0);
    Record { position, arrival: Arrival(arrival), data: data.into_bytes(), refusal: None }
}

fn shard(name: &str, parents: &[&str]) -> ShardRef {
    ShardRef { shard: ShardId::new(name), parents: parents.iter().map(|parent| ShardId::new(parent)).collect() }
}

fn setup(plans: Vec<Arc<Plan>>, from: i64, to: i64) -> Setup {
    Setup {
        source_name: "source".to_owned(),
        stream: StreamIdentity { name: "stream".to_owned(), created_at: 0 },
        plans,
        bounds: Bounds::default(),
        max_state_bytes: usize::MAX,
        limits: DecodeLimits::default(),
        decode_all: false,
        range: Range::new(Arrival(from), Arrival(to)).expect("not empty"),
        seen: None,
    }
}

/// What a driver has seen: compared bytes of the range in order, and the shards that it was told to read.
#[derive(Default)]
struct Driven {
    printed: Vec<String>,
    read: Vec<String>,
    rejected: usize,
}

impl Driven {
    fn take(&mut self, want: Want) -> Result<(), std::convert::Infallible> {
        match want {
            Want::Read(request) => self.read.push(request.shard.to_string()),
            Want::Print(event) => self.printed.push(String::from_utf8(compared(&event)).expect("JSON")),
            Want::Rejected(_) => self.rejected += 1,
        }
        Ok(())
    }

    fn settle(&mut self, backtest: &mut Backtest) {
        let Ok(()) = backtest.settle(&mut |want| self.take(want));
    }

    fn records(&mut self, backtest: &mut Backtest, shard: &str, records: &[Record]) {
        let Ok(()) = backtest.take(&ShardId::new(shard), records, &mut |want| self.take(want));
    }
}

/// All finals that the live engine gives over these records of one shard, with their closing, from the first record on.
fn live(plans: Vec<Arc<Plan>>, records: &[Record]) -> Vec<(i64, String)> {
    let config = EngineConfig {
        source_name: "source".into(),
        stream: StreamIdentity { name: "stream".to_owned(), created_at: 0 },
        bounds: Bounds::default(),
        max_state_bytes: usize::MAX,
        timing: Timing::Live,
        start: StartPosition::TrimHorizon,
        started_at: Arrival::MIN,
        unseen_from: Arrival::MIN,
    };
    let mut engine = Engine::new(config, plans);
    let evaluator = Evaluator::new(engine.plans(), DecodeLimits::default(), false);
    engine.handle_input(Input::ShardsListed(vec![shard("s", &[])]));
    let evaluation = evaluator.evaluate(records.iter().map(raw));
    engine.handle_input(Input::Records { shard: ShardId::new("s"), records: evaluation.records });
    engine.handle_input(Input::AtTip { shard: ShardId::new("s"), read_through: Arrival(i64::MAX) });
    let outputs = std::iter::from_fn(|| engine.poll_output());
    let finals = outputs.filter_map(|output| match output {
        Output::Emit(event) if event.stage == Stage::Final => {
            Some((close_at(&event).0, String::from_utf8(compared(&event)).expect("JSON")))
        }
        _ => None,
    });
    finals.collect()
}

/// On time, late by one and by many windows, dated in the future; arrivals out of order.
fn traffic() -> Vec<Record> {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut records = Vec::new();
    for number in 1..=3000_u64 {
        let arrival = 1_000_000 + number as i64 * 50 + rng.i64(-300..300);
        let age = match rng.u32(..10) {
            0 => rng.i64(10_000..40_000),
            1 => rng.i64(-40_000..-5_000),
            _ => rng.i64(-4_000..3_000),
        };
        records.push(record(number, arrival, arrival - age, ["alice", "bob", "carol"][rng.usize(..3)]));
    }
    records
}

#[test]
fn em_4_what_closes_in_a_range_has_the_ids_and_bytes_that_live_gives() {
    let records = traffic();
    let all = live(vec![by_user()], &records);
    let kinds: Vec<usize> = ["on_time", "late", "future"]
        .map(|pane| all.iter().filter(|(_, body)| body.contains(&format!("\"pane\":\"{pane}\""))).count())
        .to_vec();
    assert!(kinds.iter().all(|count| *count > 10), "{kinds:?}");
    for (from, to) in [(1_050_000, 1_090_000), (1_062_000, 1_062_001), (1_040_123, 1_131_999), (900_000, 1_149_000)] {
        let mut backtest = Backtest::new(setup(vec![by_user()], from, to)).expect("it begins");
        let mut driven = Driven::default();
        backtest.shards_listed(vec![shard("s", &[])]);
        driven.settle(&mut backtest);
        // As Kinesis answers `AT_TIMESTAMP`: from the first record on that arrived then or later.
        let first = records.iter().position(|record| record.arrival >= backtest.read_from()).expect("there is one");
        driven.records(&mut backtest, "s", &records[first..]);
        assert!(backtest.is_complete() && backtest.is_done_with(&ShardId::new("s")));
        let wanted = all.iter().filter(|(close, _)| from < *close && *close <= to).map(|(_, body)| body.clone());
        assert_eq!(driven.printed, wanted.collect::<Vec<_>>(), "({from}, {to}]");
    }
}

#[test]
fn a_shard_is_done_with_the_first_record_at_the_end_of_the_range() {
    let mut backtest = Backtest::new(setup(vec![by_user()], 100_000, 200_000)).expect("it begins");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("s", &[])]);
    driven.settle(&mut backtest);
    driven.records(&mut backtest, "s", &[record(1, 199_999, 199_000, "alice")]);
    assert!(!backtest.is_done_with(&ShardId::new("s")) && !backtest.is_complete());
    let large = "x".repeat(PIECE_BYTES);
    driven.records(&mut backtest, "s", &[record(2, 200_000, 199_000, "alice"), record(3, 200_001, 1, &large)]);
    assert!(backtest.is_complete());
    assert_eq!(backtest.records().0, 2, "what follows is not looked at");
}

#[test]
fn rd_3_an_idle_shard_is_done_with_once_its_tip_is_behind_the_range() {
    let mut backtest = Backtest::new(setup(vec![by_user()], 100_000, 200_000)).expect("it begins");
    backtest.shards_listed(vec![shard("s", &[])]);
    backtest.at_tip(ShardId::new("s"), Arrival(199_999));
    assert!(!backtest.is_complete());
    backtest.at_tip(ShardId::new("s"), Arrival(200_000));
    assert!(backtest.is_complete());
}

#[test]
fn rd_1_children_are_read_after_their_parents_and_not_at_all_behind_the_range() {
    let mut backtest = Backtest::new(setup(vec![by_user()], 100_000, 200_000)).expect("it begins");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("a", &[]), shard("b", &[]), shard("c", &["a"]), shard("d", &["b"])]);
    driven.settle(&mut backtest);
    assert_eq!(driven.read, ["a", "b"]);
    driven.records(&mut backtest, "a", &[record(1, 150_000, 149_000, "alice")]);
    driven.records(&mut backtest, "b", &[record(1, 200_000, 199_000, "alice")]);
    backtest.drained(ShardId::new("a"), vec![shard("c", &["a"])]);
    backtest.drained(ShardId::new("b"), vec![shard("d", &["b"])]);
    driven.settle(&mut backtest);
    assert_eq!(driven.read, ["a", "b", "c"], "d begins behind the range");
    assert!(!backtest.is_complete());
    backtest.at_tip(ShardId::new("c"), Arrival(300_000));
    assert!(backtest.is_complete());
}

#[test]
fn bd_2_a_shard_far_ahead_of_the_others_waits_for_them() {
    let mut backtest = Backtest::new(setup(vec![by_user()], 100_000, 900_000)).expect("it begins");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("a", &[]), shard("b", &[])]);
    driven.settle(&mut backtest);
    driven.records(&mut backtest, "a", &[record(1, 150_000, 149_000, "alice")]);
    assert!(!backtest.may_read_on(&ShardId::new("a")), "b was never read");
    driven.records(&mut backtest, "b", &[record(1, 138_000, 137_000, "alice")]);
    assert!(backtest.may_read_on(&ShardId::new("a")), "a window and its grace");
    driven.records(&mut backtest, "a", &[record(2, 150_001, 149_000, "alice")]);
    assert!(!backtest.may_read_on(&ShardId::new("a")) && backtest.may_read_on(&ShardId::new("b")));
}

#[test]
fn wn_7_with_a_checkpoint_windows_are_cut_where_the_daemon_began_to_read() {
    let records = traffic();
    let began = 1_077_000;
    let seen = Seen { started_at: Arrival(began), plans: Vec::new() };
    let setup = Setup { seen: Some(seen), ..setup(vec![by_user()], 1_060_000, 1_120_000) };
    let mut backtest = Backtest::new(setup).expect("it begins");
    assert_eq!(backtest.read_from(), Arrival(began), "what it has not read counts nowhere");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("s", &[])]);
    driven.settle(&mut backtest);
    let first = records.iter().position(|record| record.arrival.0 >= began).expect("there is one");
    driven.records(&mut backtest, "s", &records[first..]);
    let is_partial = |body: &&String| body.contains("\"partial\":true");
    let on_time = |body: &&String| body.contains("\"pane\":\"on_time\"");
    let start = |body: &String| body.split_once(r#""window":{"start":""#).expect("it has one").1[..20].to_owned();
    let began = Arrival(began).to_string();
    assert!(driven.printed.iter().filter(on_time).any(|body| is_partial(&body)));
    for body in driven.printed.iter().filter(on_time) {
        assert_eq!(is_partial(&body), start(body) < began, "{body}");
    }
}

#[test]
fn wn_7_a_plan_counts_where_the_checkpoint_says() {
    let (plan, cut) = (by_user(), 1_080_000);
    let spans = vec![PlanSpan { activated: Some(Arrival(cut)), retired: None }];
    let plans = vec![PlanCheckpoint { text: (**plan.text()).clone(), spans }];
    let seen = Seen { started_at: Arrival(0), plans };
    let setup = Setup { seen: Some(seen), ..setup(vec![plan], 1_060_000, 1_120_000) };
    let mut backtest = Backtest::new(setup).expect("it begins");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("s", &[])]);
    driven.settle(&mut backtest);
    driven.records(&mut backtest, "s", &traffic());
    assert!(backtest.is_complete() && !driven.printed.is_empty());
    assert!(backtest.counters().plans[0].outside_activation > 0);
    let cut_ones = driven.printed.iter().filter(|body| body.contains("\"partial\":true")).count();
    assert!(cut_ones > 0 && cut_ones < driven.printed.len(), "{cut_ones} of {}", driven.printed.len());
}

#[test]
fn po_1_what_cannot_be_decoded_is_told_and_stops_nothing() {
    let mut backtest = Backtest::new(setup(vec![by_user()], 100_000, 200_000)).expect("it begins");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("s", &[])]);
    driven.settle(&mut backtest);
    let bad = Record { data: b"{\"eventName\":\"E\", oops"[..].to_vec(), ..record(1, 150_000, 0, "") };
    driven.records(&mut backtest, "s", &[bad, record(2, 200_000, 199_000, "alice")]);
    assert_eq!(driven.rejected, 1);
    assert!(backtest.is_complete());
}

#[test]
fn a_stream_whose_every_shard_has_ended_is_stuck() {
    let mut backtest = Backtest::new(setup(vec![by_user()], 100_000, 200_000)).expect("it begins");
    let mut driven = Driven::default();
    backtest.shards_listed(vec![shard("s", &[])]);
    driven.settle(&mut backtest);
    assert!(!backtest.is_stuck());
    backtest.drained(ShardId::new("s"), vec![]);
    assert!(backtest.is_stuck());
}

#[test]
fn progress_is_none_where_the_daemon_began_to_read_behind_the_range() {
    let seen = Seen { started_at: Arrival(300_000), plans: Vec::new() };
    let mut backtest =
        Backtest::new(Setup { seen: Some(seen), ..setup(vec![by_user()], 100_000, 200_000) }).expect("it begins");
    backtest.shards_listed(vec![shard("s", &[])]);
    Driven::default().settle(&mut backtest);
    assert_eq!(backtest.thousandths(&backtest.shards()[0]), 0);
}

#[test]
fn wn_7_for_a_plan_that_still_drained_is_read_as_far_back_as_it_reaches() {
    let (new, cut) = (by_user(), Arrival(1_100_000));
    let plan =
        |text: PlanText, activated, retired| PlanCheckpoint { text, spans: vec![PlanSpan { activated, retired }] };
    let long = PlanText { window_ms: 100_000, ..(**new.text()).clone() };
    let plans = vec![plan(long, None, Some(cut)), plan((**new.text()).clone(), Some(cut), None)];
    let records = traffic();
    let told = |reads_all: bool| {
        let seen = Seen { started_at: Arrival(0), plans: plans.clone() };
        let setup = Setup { seen: Some(seen), ..setup(vec![Arc::clone(&new)], 1_095_000, 1_120_000) };
        let mut backtest = Backtest::new(setup).expect("it begins");
        let mut driven = Driven::default();
        backtest.shards_listed(vec![shard("s", &[])]);
        driven.settle(&mut backtest);
        let is_read = |record: &Record| reads_all || record.arrival >= backtest.read_from();
        let first = records.iter().position(is_read).expect("there is one");
        driven.records(&mut backtest, "s", &records[first..]);
        assert!(backtest.is_complete() && !driven.printed.is_empty());
        driven.printed
    };
    assert_eq!(told(false), told(true));
}
