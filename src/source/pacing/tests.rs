//! When a shard is read again, on given moments.

use super::*;
use crate::source::fake;

fn ms(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

/// Polls every second, an idle shard every five.
fn pacing() -> Pacing {
    let settings = SourceConfig { idle_poll_interval: Duration::from_secs(5), ..fake::settings() };
    Pacing::new(&settings, Duration::ZERO)
}

/// The pauses after empty reads at the tip, from now on, in milliseconds.
fn idle_pauses(pacing: &mut Pacing, reads: usize) -> Vec<u128> {
    let pause = |_| {
        let sent = pacing.next_read();
        pacing.on_read(sent, 0, false);
        (pacing.next_read() - sent).as_millis()
    };
    (0..reads).map(pause).collect()
}

#[test]
fn at_the_tip_reads_are_a_poll_interval_apart() {
    let mut pacing = pacing();
    assert_eq!(pacing.next_read(), ms(0));
    pacing.on_read(ms(100), 10, false);
    assert_eq!(pacing.next_read(), ms(1100));
}

#[test]
fn the_lag_that_is_expected_counts_the_reads_that_prove_the_tip() {
    let lag = |poll, idle| {
        let [poll_interval, idle_poll_interval] = [ms(poll), ms(idle)];
        expected_lag(&SourceConfig { poll_interval, idle_poll_interval, ..fake::settings() }).as_millis()
    };
    assert_eq!(lag(200, 400), 7000, "reads prove a second apart at the least");
    assert_eq!(lag(1000, 2000), 7000);
    assert_eq!(lag(1000, 5000), 10_000);
    assert_eq!(lag(3000, 3000), 11_000);
}

#[test]
fn an_idle_shard_is_asked_less_and_less_often_up_to_the_idle_interval() {
    let mut pacing = pacing();
    let pauses = idle_pauses(&mut pacing, 60);
    assert!(
        pauses[..9].iter().all(|pause| *pause == 1000),
        "what waits for eight seconds may wait for one: {pauses:?}"
    );
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert!(pauses.iter().any(|pause| (1001..5000).contains(pause)), "by degrees: {pauses:?}");
    assert_eq!(pauses[50..], [5000; 10]);
}

#[test]
fn a_record_waits_for_an_eighth_of_the_time_for_which_it_was_awaited() {
    let mut pacing = pacing();
    while pacing.next_read() < ms(300_000) {
        let sent = pacing.next_read();
        pacing.on_read(sent, 0, false);
        let pause = (pacing.next_read() - sent).as_millis();
        assert!(pause <= 1000.max(sent.as_millis() / 8), "{pause} ms after {sent:?}");
    }
}

#[test]
fn the_first_record_and_any_lag_bring_an_idle_shard_back_to_its_pace() {
    for (bytes, more, pause) in [(1, false, 1000), (1, true, 250), (0, true, 250)] {
        let mut pacing = pacing();
        idle_pauses(&mut pacing, 60);
        let sent = pacing.next_read();
        pacing.on_read(sent, bytes, more);
        assert_eq!((pacing.next_read() - sent).as_millis(), pause, "{bytes} bytes, more: {more}");
        assert_eq!(idle_pauses(&mut pacing, 3), [1000; 3], "it is not idle at once");
    }
}

#[test]
fn rd_3_a_shard_that_was_frozen_is_not_idle() {
    let mut pacing = pacing();
    pacing.on_read(ms(0), 10, false);
    pacing.frozen(ms(3_600_000));
    pacing.on_read(ms(3_600_000), 0, false);
    assert_eq!(pacing.next_read(), ms(3_601_000));
}

#[test]
fn whatever_comes_of_them_no_second_holds_more_than_five_reads() {
    use ErrorKind::{NewIterator, Refused, Retry, Throttled};
    let mut random = fastrand::Rng::with_seed(7);
    for kinds in [&[NewIterator][..], &[Retry], &[Throttled], &[NewIterator, Retry, Throttled, Refused]] {
        let (mut pacing, mut sent) = (pacing(), Vec::new());
        for _ in 0..2000 {
            let now = pacing.next_read();
            sent.push(now);
            pacing.on_send(now);
            if random.u8(..3) > 0 {
                pacing.on_read(now, 100, true);
                pacing.recover(now);
            } else {
                pacing.on_error(now, kinds[random.usize(..kinds.len())], random.f64());
            }
        }
        let sixth_comes_late = |reads: &[Moment]| reads[5] - reads[0] >= ms(1000);
        assert!(sent.windows(6).all(sixth_comes_late), "{kinds:?}");
    }
}

#[test]
fn throttles_leave_other_readers_room_behind_the_tip_and_are_forgotten_when_they_end() {
    let mut pacing = pacing();
    let read = |pacing: &mut Pacing| {
        let sent = pacing.next_read();
        pacing.recover(sent);
        pacing.on_read(sent, 10, true);
        (pacing.next_read() - sent).as_millis()
    };
    pacing.on_error(ms(0), ErrorKind::Throttled, 0.0);
    assert_eq!(read(&mut pacing), 500);
    for _ in 0..5 {
        pacing.on_error(pacing.next_read(), ErrorKind::Throttled, 0.0);
    }
    assert_eq!(read(&mut pacing), 2000, "at most");
    let pauses: Vec<u128> = (0..20).map(|_| read(&mut pacing)).collect();
    assert!(pauses.is_sorted_by(|a, b| a >= b), "{pauses:?}");
    assert_eq!(pauses.last(), Some(&250));
}

#[test]
fn behind_the_tip_reads_stay_below_five_a_second() {
    let mut pacing = pacing();
    pacing.on_read(ms(100), 10, true);
    assert_eq!(pacing.next_read(), ms(350));
}

#[test]
fn a_large_answer_is_followed_by_the_pause_that_kinesis_asks_for() {
    let mut pacing = pacing();
    pacing.on_read(ms(0), 10 * 1024 * 1024, true);
    assert_eq!(pacing.next_read(), ms(5000));
    pacing.on_read(ms(6000), 1024 * 1024, true);
    assert_eq!(pacing.next_read(), ms(6500));
}

#[test]
fn throttles_pause_at_least_a_second() {
    for jitter in [0.0, 0.5, 0.999] {
        let mut pacing = pacing();
        pacing.on_error(ms(10), ErrorKind::Throttled, jitter);
        assert!(pacing.next_read() >= ms(1010) && pacing.next_read() <= ms(1510), "{:?}", pacing.next_read());
    }
}

#[test]
fn retries_back_off_to_five_seconds_and_begin_anew_after_a_success() {
    let mut pacing = pacing();
    let mut pauses = Vec::new();
    for _ in 0..7 {
        pacing.on_error(ms(0), ErrorKind::Retry, 1.0);
        pauses.push(pacing.next_read().as_millis());
    }
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
    pacing.recover(ms(9000));
    pacing.on_error(ms(9100), ErrorKind::Retry, 0.0);
    assert_eq!(pacing.next_read(), ms(9225));
}

#[test]
fn an_expired_iterator_costs_no_pause_but_two_in_a_row_do() {
    let mut pacing = pacing();
    pacing.on_error(ms(10), ErrorKind::NewIterator, 0.5);
    assert_eq!(pacing.next_read(), ms(10));
    pacing.on_error(ms(20), ErrorKind::NewIterator, 0.5);
    assert!(pacing.next_read() >= ms(270), "{:?}", pacing.next_read());
}

#[test]
fn refusals_are_tried_again_slowly() {
    let mut pacing = pacing();
    pacing.on_error(ms(0), ErrorKind::Refused, 0.0);
    assert_eq!(pacing.next_read(), ms(10_000));
}

#[test]
fn rd_3_time_frozen_does_not_count_towards_stalled() {
    let mut pacing = pacing();
    pacing.recover(ms(1000));
    assert_eq!(pacing.stalls_at(), Some(ms(61_000)));
    pacing.frozen(ms(30_000));
    assert_eq!(pacing.stalls_at(), Some(ms(91_000)));
    pacing.on_error(ms(2000), ErrorKind::Throttled, 0.0);
    assert_eq!(pacing.stalls_at(), Some(ms(91_000)), "a failure is no progress");
}

#[test]
fn rd_3_stalled_lasts_until_a_read_succeeds() {
    let mut pacing = pacing();
    pacing.stall();
    pacing.on_error(ms(70_000), ErrorKind::Retry, 0.0);
    assert!(pacing.is_stalled());
    assert_eq!(pacing.stalls_at(), None);
    pacing.recover(ms(80_000));
    assert!(!pacing.is_stalled());
}

#[test]
fn rd_3_one_empty_read_proves_nothing_and_a_second_one_does_after_a_second() {
    let mut tip = TipEvidence::default();
    assert!(!tip.on_read(ms(0), true, 0));
    assert!(!tip.on_read(ms(999), true, 0), "less than 1 s after the first");
    assert!(tip.on_read(ms(1000), true, 0));
}

#[test]
fn rd_3_further_empty_reads_prove_again_a_second_apart() {
    let mut tip = TipEvidence::default();
    let proofs: Vec<u64> = (0..=20).map(|i| i * 200).filter(|at| tip.on_read(ms(*at), true, 0)).collect();
    assert_eq!(proofs, [1000, 2000, 3000, 4000]);
}

#[test]
fn rd_3_records_and_lag_begin_the_count_anew() {
    for (empty, behind) in [(false, 0), (true, 1), (false, 5000)] {
        let mut tip = TipEvidence::default();
        tip.on_read(ms(0), true, 0);
        assert!(!tip.on_read(ms(2000), empty, behind), "empty: {empty}, behind: {behind}");
        assert!(!tip.on_read(ms(4000), true, 0), "the run before does not count");
        assert!(tip.on_read(ms(5000), true, 0));
    }
}
