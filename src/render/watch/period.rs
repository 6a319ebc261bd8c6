//! A summary of a period: a line for people, or a record.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::record::{FindingCounts, Time};
use super::super::width::{Bytes, Count, Duration};
use super::moment::{Counted, Moment};
use crate::time::{Span, Timestamp};

/// What happened between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: Timestamp,
    now: Moment,
    counted: Counted,
}

impl Period {
    /// What happened since then.
    pub fn between(before: &Moment, now: Moment) -> Self {
        Self { from: before.at, counted: now.so_far.since(&before.so_far), now }
    }

    /// How long it lasted.
    pub const fn lasted(&self) -> Span {
        self.now.at.since(self.from)
    }

    /// What was counted in it.
    pub const fn counted(&self) -> &Counted {
        &self.counted
    }

    /// At what moment it ended, and what there was then.
    pub const fn end(&self) -> &Moment {
        &self.now
    }

    /// So many of a number in a second.
    pub fn per_second(&self, number: u64) -> f64 {
        let seconds = self.lasted().as_secs_f64();
        if seconds > 0.0 { number as f64 / seconds } else { 0.0 }
    }
}

/// A number a second for people: three digits are enough.
pub(in super::super) fn rate(per_second: f64) -> String {
    match per_second {
        number if number > 0.0 && number < 0.05 => "<0.1".to_owned(),
        number if number < 9.95 && number > 0.0 => format!("{number:.1}"),
        number => format!("{number:.0}"),
    }
}

/// Bytes a second for people.
pub(in super::super) fn throughput(per_second: f64) -> String {
    match per_second {
        number if number > 0.0 && number < 0.5 => "<1 B/s".to_owned(),
        number => format!("{}/s", Bytes(number.round() as u64)),
    }
}

/// The findings of a period, those that there were: `1 error, 2 warnings`.
pub(in super::super) fn findings_text([notes, warnings, errors]: [u64; 3]) -> String {
    let kinds = [(errors, "error"), (warnings, "warning"), (notes, "note")];
    let some: Vec<_> = kinds.into_iter().filter(|(count, _)| *count > 0).collect();
    if some.is_empty() {
        return "no findings".to_owned();
    }
    some.into_iter().map(|(count, name)| Count(count, name).to_string()).collect::<Vec<_>>().join(", ")
}

/// A period in a line: two blanks between its parts, where the line may be broken.
pub(in super::super) fn period_text(period: &Period) -> String {
    let counted = period.counted();
    let mut text = format!("in {}", Duration(period.lasted()));
    let frames = rate(period.per_second(counted.frames));
    let bytes = throughput(period.per_second(counted.bytes));
    let _ = write!(text, "  {frames} frames/s  {bytes}");
    // Drops are never passed over in silence; where nobody counts them, that is said.
    let _ = match counted.dropped() {
        Some(dropped) => write!(text, "  {dropped} dropped"),
        None => write!(text, "  drops not counted"),
    };
    if counted.capped > 0 {
        let _ = write!(text, "  {} capped", counted.capped);
    }
    let end = period.end();
    let _ = write!(text, "  {}  {}", Count(end.open_flows, "flow"), Count(end.open_sessions, "session"));
    let of = |messages: u64| rate(period.per_second(messages));
    let (client, server) = (of(counted.messages.to_server), of(counted.messages.to_client));
    let _ = write!(text, "  {client} messages/s from clients  {server} from servers");
    if let Some(percent) = counted.again_percent() {
        let _ = write!(text, "  {percent:.1} % again");
    }
    let _ = write!(text, "  {}", findings_text(counted.findings));
    let so_far = &end.so_far;
    let _ = write!(text, "  ({} so far, {})", Count(so_far.frames, "frame"), Bytes(so_far.bytes));
    text
}

/// A period as a line of JSON.
#[derive(Serialize)]
pub(in super::super) struct PeriodRecord {
    record: &'static str,
    time: Time,
    start: Time,
    duration_s: f64,
    open_flows: u64,
    open_sessions: u64,
    #[serde(flatten)]
    counted: CountedRecord,
    total: CountedRecord,
}

#[derive(Serialize)]
struct CountedRecord {
    frames: u64,
    bytes: u64,
    tcp_segments: u64,
    retransmissions: u64,
    messages: MessageCounts,
    flows_ended: u64,
    sessions_ended: u64,
    findings: FindingCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis_dropped: Option<u64>,
    capped: u64,
}

#[derive(Serialize)]
struct MessageCounts {
    from_client: u64,
    from_server: u64,
}

impl From<&Counted> for CountedRecord {
    fn from(counted: &Counted) -> Self {
        let [note, warning, error] = counted.findings;
        Self {
            frames: counted.frames,
            bytes: counted.bytes,
            tcp_segments: counted.segments,
            retransmissions: counted.retransmissions,
            messages: MessageCounts {
                from_client: counted.messages.to_server,
                from_server: counted.messages.to_client,
            },
            flows_ended: counted.flows,
            sessions_ended: counted.sessions,
            findings: FindingCounts { error, warning, note },
            kernel_dropped: counted.kernel_dropped,
            interface_dropped: counted.interface_dropped,
            analysis_dropped: counted.analysis_dropped,
            capped: counted.capped,
        }
    }
}

impl PeriodRecord {
    pub(in super::super) fn new(period: &Period) -> Self {
        Self {
            record: "period",
            time: Time(period.now.at),
            start: Time(period.from),
            duration_s: period.lasted().as_secs_f64(),
            open_flows: period.now.open_flows,
            open_sessions: period.now.open_sessions,
            counted: (&period.counted).into(),
            total: (&period.now.so_far).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::PerDirection;

    fn moment(seconds: i64, so_far: Counted) -> Moment {
        Moment { at: Timestamp::from_secs_nanos(seconds, 0), so_far, open_flows: 12, open_sessions: 1 }
    }

    fn counted(times: u64) -> Counted {
        Counted {
            frames: 1203 * times,
            bytes: 140_000 * times,
            segments: 1000 * times,
            retransmissions: times,
            messages: PerDirection { to_server: 330 * times, to_client: 20 * times },
            findings: [0, 2 * times, times],
            flows: times,
            sessions: times,
            kernel_dropped: Some(5 * times),
            interface_dropped: Some(2 * times),
            analysis_dropped: Some(0),
            capped: 0,
        }
    }

    #[test]
    fn a_period_has_what_was_counted_in_it_and_what_there_is_now() {
        let period = Period::between(&moment(100, counted(3)), moment(110, counted(4)));
        assert_eq!(*period.counted(), counted(1));
        assert_eq!(
            period_text(&period),
            "in 10.0 s  120 frames/s  14.0 kB/s  7 dropped  12 flows  1 session  33 messages/s from clients  \
             2.0 from servers  0.1 % again  1 error, 2 warnings  (4812 frames so far, 560.0 kB)"
        );
    }

    #[test]
    fn a_quiet_period_says_so_and_guesses_nothing() {
        let nothing = Counted::default();
        let period = Period::between(&moment(100, nothing), moment(160, nothing));
        assert_eq!(
            period_text(&period),
            "in 60.0 s  0 frames/s  0 B/s  drops not counted  12 flows  1 session  0 messages/s from clients  \
             0 from servers  no findings  (0 frames so far, 0 B)"
        );
    }

    #[test]
    fn a_count_that_was_set_back_makes_no_gigantic_difference() {
        let before = Counted { interface_dropped: Some(9), ..counted(2) };
        let now = Counted { interface_dropped: Some(1), ..counted(2) };
        assert_eq!(now.since(&before).interface_dropped, Some(0));
    }

    #[test]
    fn what_is_little_is_not_nothing() {
        assert_eq!([0.0, 0.4, 0.9, 1499.6].map(throughput), ["0 B/s", "<1 B/s", "1 B/s", "1.5 kB/s"]);
    }

    #[test]
    fn rates_have_three_digits() {
        assert_eq!([0.0, 0.04, 9.94, 9.96, 12_345.6].map(rate), ["0", "<0.1", "9.9", "10", "12346"]);
    }
}
