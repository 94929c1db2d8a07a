//! Aggregates of the Kinesis Producer Library on their way to the engine.

use super::*;
use crate::cloudtrail::RejectReason;
use crate::engine::SequenceNumber;
use crate::kpl::HashRange;
use crate::kpl::testing::{Put, aggregate};
use crate::source::ListedShard;

fn sub(number: u64, sub: u32) -> Position {
    let number = SequenceNumber::try_new(&number.to_string()).unwrap();
    Position::After(number, sub)
}

/// One record that holds user records with these explicit hash keys.
fn aggregated(number: u64, keys: &[u128]) -> ReadAnswer {
    let puts: Vec<Put<'_>> = keys.iter().map(|key| ("k", Some(*key), &b"user record"[..])).collect();
    let mut answer = fake::records([number]);
    answer.records[0].data = aggregate(&puts);
    answer
}

fn listed(from: u128, to: u128) -> ListedShard {
    ListedShard { hash_range: Some(HashRange { from, to }), ..fake::listed("s0", &[]) }
}

impl Bench {
    /// The next records: positions, and why they are refused.
    async fn refusals(&mut self) -> Vec<(Position, Option<RejectReason>)> {
        match self.next().await {
            ShardMessage::Records { records, resume, .. } => {
                resume.send(()).unwrap();
                let refusal = |record: &Record| record.refusal.as_ref().map(|refusal| refusal.reason);
                records.iter().map(|record| (record.position.clone(), refusal(record))).collect()
            }
            other => panic!("records expected: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rd_1_a_position_inside_an_aggregate_is_continued_inside_it() {
    let reads = [aggregated(41, &[1, 2, 3]), fake::records([42])];
    let mut bench = read_from(sub(41, 0), StartPosition::TrimHorizon, answers(reads), BUDGET);
    assert_eq!(bench.records().await, [sub(41, 1), sub(41, 2)]);
    assert_eq!(bench.records().await, [sub(42, 0)]);
    assert_eq!(bench.kinesis.iterators(), [IteratorStart::At(fake::sequence(41))]);
}

#[tokio::test(start_paused = true)]
async fn rd_1_a_position_behind_the_last_user_record_repeats_none_of_them() {
    let reads = [aggregated(41, &[1, 2, 3]), fake::records([42])];
    let mut bench = read_from(sub(41, 2), StartPosition::TrimHorizon, answers(reads), BUDGET);
    assert_eq!(bench.records().await, [sub(42, 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_expires_is_replaced_behind_the_whole_aggregate() {
    let reads =
        [Read::Answer(aggregated(7, &[1, 2])), Read::Fails(ErrorKind::NewIterator), Read::Answer(fake::records([8]))];
    let mut bench = read_from(sub(7, 0), StartPosition::TrimHorizon, FakeKinesis::new(reads), BUDGET);
    assert_eq!(bench.records().await, [sub(7, 1)]);
    assert_eq!(bench.records().await, [sub(8, 0)]);
    let expected = [IteratorStart::At(fake::sequence(7)), IteratorStart::After(fake::sequence(7))];
    assert_eq!(bench.kinesis.iterators(), expected);
}

/// The aggregate may be all of an answer, and everything in it known already.
#[tokio::test(start_paused = true)]
async fn rd_3_an_answer_whose_user_records_were_all_sent_is_progress_and_not_empty() {
    let reads = [fake::empty(0), aggregated(41, &[1]), fake::empty(0), fake::empty(0)];
    let mut bench = read_from(sub(41, 0), StartPosition::TrimHorizon, answers(reads), BUDGET);
    assert_eq!(bench.at_tip().await, BEGIN + 3000 - 5000, "of the second empty read behind it");
}

#[tokio::test(start_paused = true)]
async fn user_records_of_another_shard_are_refused_by_the_listed_range() {
    let wrong = Some(RejectReason::WrongShard);
    let kinesis = answers([aggregated(1, &[5, 50, 500])]);
    kinesis.script(|script| script.listings = [Err(ErrorKind::Retry), Ok(vec![listed(10, 100)])].into());
    let mut bench = read(kinesis);
    assert_eq!(bench.refusals().await, [(sub(1, 0), wrong), (sub(1, 1), None), (sub(1, 2), wrong)]);
}

#[tokio::test(start_paused = true)]
async fn a_range_that_is_known_is_not_listed_again() {
    let mut bench = read(answers([fake::empty(1), aggregated(1, &[5])]));
    bench.shared.count_listing(&[listed(0, 9)]);
    assert_eq!(bench.refusals().await, [(sub(1, 0), None)]);
    assert_eq!(bench.kinesis.times_of(&Call::List), [] as [u128; 0]);
}

#[tokio::test(start_paused = true)]
async fn no_user_record_is_refused_where_the_stream_distributes_records_itself_or_nobody_knows_the_range() {
    for (placed_by_key, range) in [(false, Some(listed(10, 100))), (true, None)] {
        let kinesis = answers([aggregated(1, &[5])]);
        let listing: Vec<ListedShard> = range.into_iter().collect();
        kinesis.script(|script| script.listings = [Ok(listing.clone())].into());
        let description = crate::source::StreamDescription { placed_by_key, ..fake::description() };
        let shared = Shared::new(kinesis.clone(), fake::settings(), description, BUDGET, fake::metrics());
        let mut bench = bench(kinesis, shared, Position::Start, StartPosition::TrimHorizon);
        assert_eq!(bench.refusals().await, [(sub(1, 0), None)]);
    }
}

#[tokio::test(start_paused = true)]
async fn no_user_record_is_refused_once_the_stream_is_known_to_distribute_records_itself() {
    let kinesis = answers([aggregated(1, &[5]), aggregated(2, &[5])]);
    kinesis.script(|script| script.listings = [Ok(vec![listed(10, 100)])].into());
    let mut bench = read(kinesis);
    assert_eq!(bench.refusals().await, [(sub(1, 0), Some(RejectReason::WrongShard))]);
    let itself = crate::source::StreamDescription { placed_by_key: false, ..fake::description() };
    bench.kinesis.script(|script| script.description = Ok(itself));
    bench.shared.check_identity().await.unwrap();
    assert_eq!(bench.refusals().await, [(sub(2, 0), None)]);
}

#[tokio::test(start_paused = true)]
async fn bd_1_the_permit_is_for_what_the_user_records_cost() {
    let mut bench = read(answers([aggregated(1, &[1, 2, 3])]));
    let ShardMessage::Records { permit, .. } = bench.next().await else { panic!("records expected") };
    assert_eq!(permit.num_permits(), 3 * (128 + b"user record".len()));
}
