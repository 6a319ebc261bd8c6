//! Expectations: what they are read as, and what is made of values.

use proptest::prelude::*;

use super::*;
use crate::capture::FrameNo;
use crate::render::RecordKind;

const DELIVERIES: Over = Over::Records(RecordKind::Delivery);

fn at(frame: u32) -> Origin {
    Origin { frame: FrameNo(frame.into()), time: Timestamp::from_nanos(0) }
}

fn wrong(text: &str) -> (String, String) {
    let (range, message, hint) = Expectation::parse(text, DELIVERIES).unwrap_err();
    (text[range].to_owned(), format!("{message}|{}", hint.unwrap_or_default()))
}

#[test]
fn limits_have_the_units_of_what_they_limit() {
    let limit = |text: &str| Expectation::parse(text, DELIVERIES).unwrap().limit as u64;
    assert_eq!(limit("count == 4"), 4);
    assert_eq!(limit("count() <= 4"), 4);
    assert_eq!(limit("p99(delivery.latency_s) < 500ms"), 500_000_000);
    assert_eq!(limit("p99.9( delivery.latency_s )<0.5"), 500_000_000);
    assert_eq!(limit("max(delivery.latency_s) != 2 min"), 120_000_000_000);
    assert_eq!(limit("max(delivery.latency_s) != 2m"), 120_000_000_000);
    assert_eq!(limit("max(delivery.latency_s) != 1d"), 86_400_000_000_000);
    assert_eq!(limit("sum(delivery.payload_length) >= 1.5 KiB"), 1536);
    let keep_alive = Expectation::parse("max(session.keep_alive_s) <= 2 min", Over::Records(RecordKind::Session));
    assert_eq!(keep_alive.unwrap().limit as u64, 120);
    assert_eq!(
        Expectation::parse("p99(delivery.latency_s) < 1s", DELIVERIES).unwrap().show(641_815_000.0),
        "641.815 ms"
    );
}

#[test]
fn what_makes_no_sense_is_refused_at_its_place() {
    assert_eq!(wrong("avg(delivery.latency_s) < 1").0, "avg");
    assert_eq!(
        wrong("mea(delivery.latency_s) < 1"),
        ("mea".into(), "\"mea\" is no function|did you mean \"mean\"?".into())
    );
    assert_eq!(
        wrong("delivery.qos < 1").1,
        "\"delivery.qos\" is no function|a field stands in a function: max(delivery.qos)"
    );
    assert_eq!(wrong("max(delivery.latency) < 1").0, "delivery.latency");
    assert!(wrong("max(delivery.latency) < 1").1.contains("nearest: delivery.latency_s"));
    assert!(wrong("max(flow.duration_s) < 1").1.contains("over = \"flows\""));
    assert_eq!(wrong("max(delivery.topic) < 1").0, "delivery.topic");
    assert_eq!(wrong("max(delivery.qos").1.split('|').next(), Some("an expectation compares a number with a limit"));
    assert_eq!(wrong("max(delivery.qos < 1").0, "max(delivery.qos");
    assert_eq!(wrong("count(delivery.qos) < 1").0, "delivery.qos");
    assert_eq!(wrong("count < many").0, "many");
    assert_eq!(wrong("count < 3 ms").1, "\"ms\" is no unit of this|units are B, kB, MB, GB, KiB, MiB, GiB");
    assert_eq!(wrong("sum < 3").0, "sum");
    assert_eq!(wrong("p101(delivery.qos) < 3").0, "p101");
    assert_eq!(wrong(" count < ").0, "");
}

#[test]
fn a_percentile_is_the_nearest_rank_and_exact_up_to_a_thousand_values() {
    let mut cell = Cell::default();
    for value in (1..=1000).rev() {
        cell.number(f64::from(value), true, at(value));
    }
    assert_eq!(cell.value(Function::Percentile(50_000)), Some(500.0));
    assert_eq!(cell.value(Function::Percentile(99_900)), Some(999.0));
    assert_eq!(cell.value(Function::Percentile(100_000)), Some(1000.0));
    assert_eq!(cell.value(Function::Percentile(0)), Some(1.0));
    assert_eq!(Cell::default().value(Function::Percentile(50_000)), None);
    assert_eq!(cell.place(Function::Percentile(99_000)), Some(at(1000)));
    assert_eq!(cell.place(Function::Min), Some(at(1)));
}

#[test]
fn a_window_tells_once_that_there_are_too_many() {
    let mut window = Window::default();
    let at = |millis: i64| Timestamp::from_nanos(millis * 1_000_000);
    let told: Vec<_> =
        [0, 100, 200, 300, 1500, 1600, 1700].map(|millis| window.take(at(millis), 1_000_000_000, 2)).into();
    assert_eq!(told, [false, false, true, false, false, false, true]);
    // A moment a second after another is outside its second.
    let mut edge = Window::default();
    assert!(!edge.take(at(0), 1_000_000_000, 1) && !edge.take(at(1000), 1_000_000_000, 1));
    assert!(edge.times.len() <= 2);
}

proptest! {
    #[test]
    fn many_values_are_right_to_a_hundredth(values in proptest::collection::vec(-1e12f64..1e12, 1100..1500), p in 0u64..=100) {
        let mut cell = Cell::default();
        for value in &values {
            cell.number(*value, true, at(0));
        }
        let mut sorted = values;
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (sorted.len() as u64 * p).div_ceil(100).max(1) as usize;
        let (exact, found) = (sorted[rank - 1], cell.value(Function::Percentile(p * 1000)).unwrap());
        prop_assert!((found - exact).abs() <= exact.abs() / 100.0, "{found} for {exact}");
    }

    #[test]
    fn no_text_makes_the_parser_fail_otherwise_than_with_a_place(text in "[a-z0-9().<>=! é_]{0,40}") {
        if let Err((range, ..)) = Expectation::parse(&text, DELIVERIES) {
            prop_assert!(text.get(range).is_some(), "{text:?}");
        }
    }
}
