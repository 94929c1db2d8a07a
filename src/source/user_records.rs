//! Records as Kinesis holds them to user records: aggregates are taken apart, each user record at a position of its own.
//! Pure; the format is `crate::kpl`'s.

use super::{Record, Refusal};
use crate::cloudtrail::RejectReason;
use crate::engine::Position;
use crate::kpl::{self, BadAggregate, HashRange, UserRecord};

/// The user records of an answer, and how many aggregates they came out of.
#[derive(Debug, Default)]
pub struct UserRecords {
    /// In shard order.
    pub records: Vec<Record>,
    /// Aggregates that were taken apart.
    pub split: u64,
    /// Aggregates that cannot be. Each is among the records as it came, and decoding rejects it (PO-1).
    pub bad: u64,
}

/// Takes aggregates apart. A user record whose hash key lies outside `range`, where there is one, is refused; its producer
/// finds that out and sends it again, to the shard where it belongs.
pub fn user_records(records: Vec<Record>, range: Option<&HashRange>) -> UserRecords {
    let mut out = UserRecords::default();
    for record in records {
        if !kpl::is_aggregate(&record.data) {
            out.records.push(record);
            continue;
        }
        match kpl::split(&record.data) {
            Ok(parts) => {
                out.split += 1;
                out.records.extend((0..).zip(parts).map(|(sub, part)| user_record(&record, sub, part, range)));
            }
            Err(_) => {
                out.bad += 1;
                out.records.push(record);
            }
        }
    }
    out
}

fn user_record(aggregate: &Record, sub: u32, part: UserRecord, range: Option<&HashRange>) -> Record {
    let position = match &aggregate.position {
        Position::After(number, _) => Position::After(number.clone(), sub),
        // A record has a number.
        Position::Start | Position::End => aggregate.position.clone(),
    };
    let elsewhere = range.zip(part.hash_key).is_some_and(|(range, key)| !range.contains(key));
    let refusal = if elsewhere {
        let detail = "a user record of a KPL aggregate whose hash key belongs to another shard";
        Some(Refusal { reason: RejectReason::WrongShard, detail })
    } else if kpl::is_aggregate(&part.data) {
        Some(Refusal { reason: RejectReason::BadKpl, detail: BadAggregate::Nested.detail() })
    } else {
        None
    };
    Record { position, arrival: aggregate.arrival, data: part.data, refusal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SequenceNumber;
    use crate::kpl::testing::aggregate;
    use crate::time::Arrival;

    fn at(number: u32, sub: u32) -> Position {
        Position::After(SequenceNumber::try_new(&number.to_string()).unwrap(), sub)
    }

    fn record(number: u32, data: &[u8]) -> Record {
        Record { position: at(number, 0), arrival: Arrival(7), data: data.to_vec(), refusal: None }
    }

    fn shown(records: &[Record]) -> Vec<(Position, &[u8], Option<RejectReason>)> {
        let show = |record: &Record| record.refusal.as_ref().map(|refusal| refusal.reason);
        records.iter().map(|record| (record.position.clone(), &record.data[..], show(record))).collect()
    }

    #[test]
    fn user_records_have_the_position_of_their_aggregate_and_their_own_place_in_it() {
        let records = vec![
            record(1, b"plain"),
            record(2, &aggregate(&[("a", None, b"x"), ("b", None, b"y")])),
            record(3, &aggregate(&[("a", None, b"z")])),
        ];
        let out = user_records(records, None);
        assert_eq!((out.split, out.bad), (2, 0));
        let expected: [(Position, &[u8], _); 4] =
            [(at(1, 0), b"plain", None), (at(2, 0), b"x", None), (at(2, 1), b"y", None), (at(3, 0), b"z", None)];
        assert_eq!(shown(&out.records), expected);
        assert!(out.records.iter().all(|record| record.arrival == Arrival(7)));
        assert!(out.records.is_sorted_by(|a, b| a.position < b.position), "strictly ascending");
    }

    #[test]
    fn po_1_a_bad_aggregate_stays_one_record_between_its_neighbours() {
        let mut bad = aggregate(&[("a", None, b"x"), ("b", None, b"y")]);
        *bad.last_mut().unwrap() ^= 1;
        let out = user_records(vec![record(1, b"plain"), record(2, &bad), record(3, b"plain")], None);
        assert_eq!((out.split, out.bad), (0, 1));
        assert_eq!(shown(&out.records)[1], (at(2, 0), &bad[..], None), "decoding says what is wrong with it");
        assert_eq!(out.records.len(), 3);
    }

    /// A whole aggregate must not be lost for one key of it (the producer sends again only what is outside).
    #[test]
    fn only_the_user_records_of_another_shard_are_refused_and_each_has_its_position() {
        let keys = [9, 10, 20, 21].map(Some);
        let puts: Vec<_> = keys.into_iter().map(|key| ("k", key, &b"x"[..])).collect();
        let out = user_records(vec![record(1, &aggregate(&puts))], Some(&HashRange { from: 10, to: 20 }));
        let refused = Some(RejectReason::WrongShard);
        let expected = [refused, None, None, refused];
        let expected: Vec<_> = (0..).zip(expected).map(|(sub, refusal)| (at(1, sub), &b"x"[..], refusal)).collect();
        assert_eq!(shown(&out.records), expected);
    }

    #[test]
    fn a_plain_record_is_never_checked() {
        let out = user_records(vec![record(1, b"plain")], Some(&HashRange { from: 0, to: 0 }));
        assert_eq!(shown(&out.records), [(at(1, 0), &b"plain"[..], None)]);
    }

    #[test]
    fn a_user_record_whose_key_is_not_named_is_kept() {
        let mut nameless = vec![0x1a, 7, 0x08, 0x05, 0x1a, 3];
        nameless.extend(b"abc");
        let out =
            user_records(vec![record(1, &crate::kpl::testing::sealed(&nameless))], Some(&HashRange { from: 0, to: 0 }));
        assert_eq!(shown(&out.records), [(at(1, 0), &b"abc"[..], None)]);
    }

    #[test]
    fn an_aggregate_in_an_aggregate_is_refused_and_its_neighbour_is_not() {
        let inner = aggregate(&[("a", None, b"x")]);
        let out = user_records(vec![record(1, &aggregate(&[("a", None, &inner), ("a", None, b"y")]))], None);
        let expected = [(at(1, 0), &inner[..], Some(RejectReason::BadKpl)), (at(1, 1), &b"y"[..], None)];
        assert_eq!(shown(&out.records), expected);
    }
}
