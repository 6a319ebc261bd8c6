//! The steady time beside what clocks show.

use proptest::prelude::*;

use super::*;

const YEAR: i64 = 365 * 86_400;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_nanos(0) + Span::from_secs(secs)
}

/// What becomes of these seconds, one after the other.
fn told(times: &[i64]) -> Vec<i64> {
    let mut steady = Steady::default();
    times.iter().map(|secs| steady.tick(at(*secs)).since(at(0)).as_nanos() / 1_000_000_000).collect()
}

#[test]
fn a_clock_that_goes_on_is_left_as_it_is() {
    let times = [5, 5, 6, 4, 66, 10, 3700, 3650, 90_000];
    assert_eq!(told(&times), times);
}

#[test]
fn one_frame_with_a_wild_time_changes_nothing() {
    assert_eq!(told(&[100, YEAR, 101, 0, 102, 60, YEAR, 103]), [100, 100, 101, 101, 102, 60, 102, 103]);
    assert_eq!(told(&[1_000_000, 0, 1_000_001]), [1_000_000, 1_000_000, 1_000_001]);
}

#[test]
fn a_clock_that_is_set_back_goes_on_from_where_it_was() {
    assert_eq!(told(&[YEAR, YEAR + 1, 10, 11, 13]), [YEAR, YEAR + 1, YEAR + 1, YEAR + 1, YEAR + 3]);
    assert_eq!(told(&[5000, 4000, 4010, 4070]), [5000, 5000, 5000, 5060]);
}

#[test]
fn a_long_pause_is_believed_with_the_second_frame() {
    assert_eq!(told(&[0, YEAR, YEAR + 5, YEAR + 6]), [0, 0, YEAR + 5, YEAR + 6]);
}

#[test]
fn clocks_that_take_turns_do_not_make_time_go_faster() {
    let mut times = Vec::new();
    for second in 0..100 {
        for clock in [0, 7200, 10 * YEAR] {
            times.extend([clock + second, clock + second]);
        }
    }
    let told = told(&times);
    // The first turns are taken for pauses, since they may be.
    let gone = told[599] - told[12];
    assert!((96..=98).contains(&gone), "{gone} s in 97: {:?}", &told[..20]);
}

proptest! {
    #[test]
    fn it_never_goes_back_by_more_than_a_little(
        times in proptest::collection::vec(prop_oneof![0..i64::from(u32::MAX), 0..1000i64, 1_000_000..1_001_000i64], 0..50)
    ) {
        let mut steady = Steady::default();
        let mut latest: Option<Timestamp> = None;
        for time in times {
            let now = steady.tick(Timestamp::from_secs_nanos(time, 0));
            let before = latest.unwrap_or(now);
            prop_assert!(now.since(before) >= Span::ZERO - NEAR, "{now} after {before}");
            prop_assert!(steady.of(Timestamp::from_nanos(i64::MAX)) <= now.max(before));
            latest = Some(now.max(before));
        }
    }

    #[test]
    fn no_time_is_too_wild(times in proptest::collection::vec(any::<i64>(), 0..50)) {
        let mut steady = Steady::default();
        for time in times {
            steady.tick(Timestamp::from_nanos(time));
            steady.of(Timestamp::from_nanos(time));
        }
    }
}
