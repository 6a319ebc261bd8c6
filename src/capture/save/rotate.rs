//! When one file ends and the next begins, and which of them are kept.
//!
//! Time comes with what is written. For the time in which nothing is, whoever writes says what the clock shows.

use std::collections::VecDeque;

use crate::time::{Span, Timestamp};

/// When to begin another file, and how many to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most bytes of a file.
    pub bytes: Option<u64>,
    /// Files end at the multiples of this, counted from 1970: with an hour at each full hour (UTC).
    pub period: Option<Span>,
    /// The most frames (or whatever is written) of a file.
    pub items: Option<u64>,
    /// How many files there are at once, the one that grows among them.
    pub keep: Option<usize>,
}

impl Limits {
    /// Whether there is ever more than one file.
    pub const fn rotates(&self) -> bool {
        self.bytes.is_some() || self.period.is_some() || self.items.is_some()
    }
}

/// How long a file waits after the end of its period for frames that come late: a card hands them on within a tenth of
/// a second, but several interfaces are not in step.
const LATE: Span = Span::from_secs(2);
/// How far time may go back before it is believed that the clock was set: less is disorder.
const DISORDER: Span = Span::from_secs(60);

/// Follows the file that grows, and remembers the others.
///
/// For each frame ask [`Rotation::cuts`]. If it does, or no file is open, the old one is [`ended`](Rotation::end),
/// [`Rotation::surplus`] tells what has to go before the next one [`begins`](Rotation::begin). Then the frame is
/// [`counted`](Rotation::count). All of this takes the same time however many files there are.
#[derive(Debug)]
pub struct Rotation<T> {
    limits: Limits,
    growing: Option<Growing>,
    kept: VecDeque<T>,
}

/// The file that grows.
#[derive(Debug, Clone, Copy)]
struct Growing {
    /// When what is first in it was captured.
    first: Timestamp,
    /// Which period that is in.
    period: i64,
    items: u64,
    /// What the clock showed first since it is open.
    seen: Option<Timestamp>,
}

impl<T> Rotation<T> {
    /// Nothing has begun.
    pub const fn new(limits: Limits) -> Self {
        Self { limits, growing: None, kept: VecDeque::new() }
    }

    /// What it goes by.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether a file is open.
    pub const fn is_open(&self) -> bool {
        self.growing.is_some()
    }

    fn period_of(&self, time: Timestamp) -> Option<i64> {
        let period = self.limits.period?.as_nanos();
        (period > 0).then(|| time.as_nanos().div_euclid(period))
    }

    /// Whether the open file ends before a frame of this time, with which it would have so many bytes.
    pub fn cuts(&self, time: Timestamp, bytes: u64) -> bool {
        let Some(growing) = &self.growing else { return false };
        // A file holds one frame at least, however small it is to be.
        if growing.items == 0 {
            return false;
        }
        let is_full = self.limits.items.is_some_and(|most| growing.items >= most)
            || self.limits.bytes.is_some_and(|most| bytes > most);
        is_full
            || self.period_of(time).is_some_and(|period| {
                period > growing.period || (period < growing.period && self.is_set_back(time, growing.first))
            })
    }

    /// Whether the clock was set back, so that the end of the period is further away than a period.
    fn is_set_back(&self, time: Timestamp, first: Timestamp) -> bool {
        let period = self.limits.period.unwrap_or(Span::ZERO);
        first.since(time) > period.max(DISORDER)
    }

    /// Whether the open file's period is over though nothing more came. `now` is what the clock shows; only the time that
    /// passes counts, as frames may be stamped by another clock.
    pub fn is_over(&mut self, now: Timestamp) -> bool {
        let Some(period) = self.limits.period else { return false };
        let Some(growing) = &mut self.growing else { return false };
        let seen = *growing.seen.get_or_insert(now);
        let into = growing.first.as_nanos().rem_euclid(period.as_nanos().max(1));
        let left = period - Span::from_nanos(into);
        now.since(seen) > left + LATE
    }

    /// A file has begun, for a frame of this time.
    pub fn begin(&mut self, time: Timestamp) {
        let period = self.period_of(time).unwrap_or(0);
        self.growing = Some(Growing { first: time, period, items: 0, seen: None });
    }

    /// A frame was written.
    pub fn count(&mut self) {
        if let Some(growing) = &mut self.growing {
            growing.items += 1;
        }
    }

    /// The file is whole.
    pub fn end(&mut self, file: T) {
        self.growing = None;
        if self.limits.keep.is_some() {
            self.kept.push_back(file);
        }
    }

    /// The oldest file, if it has to go before another begins.
    pub fn surplus(&mut self) -> Option<T> {
        let keep = self.limits.keep?.max(1);
        if self.kept.len() >= keep { self.kept.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs_nanos(secs, 0)
    }

    fn open(limits: Limits, time: i64) -> Rotation<u32> {
        let mut rotation = Rotation::new(limits);
        rotation.begin(at(time));
        rotation.count();
        rotation
    }

    #[test]
    fn a_file_ends_before_it_has_too_many_bytes_or_frames() {
        let mut rotation = open(Limits { bytes: Some(100), items: Some(3), ..Limits::default() }, 0);
        assert!(!rotation.cuts(at(0), 100));
        assert!(rotation.cuts(at(0), 101));
        rotation.count();
        assert!(!rotation.cuts(at(0), 0));
        rotation.count();
        assert!(rotation.cuts(at(0), 0));
        rotation.end(1);
        assert!(!rotation.cuts(at(0), 1000), "nothing is open");
        rotation.begin(at(0));
        assert!(!rotation.cuts(at(0), 1000), "what is too large for any file has one to itself");
    }

    #[test]
    fn files_end_at_full_hours() {
        let rotation = open(Limits { period: Some(Span::from_secs(3600)), ..Limits::default() }, 5 * 3600 + 1800);
        assert!(!rotation.cuts(at(6 * 3600 - 1), 0));
        assert!(rotation.cuts(at(6 * 3600), 0));
        assert!(!rotation.cuts(at(5 * 3600 - 1), 0), "a frame that is late does not end it");
        assert!(!rotation.cuts(at(5 * 3600 - 1700), 0));
        assert!(rotation.cuts(at(4 * 3600), 0), "a clock that was set back does");
        let before_1970 = open(Limits { period: Some(Span::from_secs(3600)), ..Limits::default() }, -1);
        assert!(before_1970.cuts(at(0), 0) && !before_1970.cuts(at(-3600), 0));
    }

    #[test]
    fn a_short_disorder_is_no_clock_that_was_set() {
        let rotation = open(Limits { period: Some(Span::from_secs(1)), ..Limits::default() }, 100);
        assert!(!rotation.cuts(at(40), 0));
        assert!(rotation.cuts(at(39), 0));
    }

    #[test]
    fn a_file_ends_with_its_period_though_nothing_more_comes() {
        let mut rotation = open(Limits { period: Some(Span::from_secs(60)), ..Limits::default() }, 45);
        // Frames are stamped by another clock than the one that is looked at.
        assert!(!rotation.is_over(at(1_000_000)));
        assert!(!rotation.is_over(at(1_000_017)));
        assert!(rotation.is_over(at(1_000_018)));
        rotation.end(1);
        assert!(!rotation.is_over(at(2_000_000)), "nothing is open");
        let mut rotation = open(Limits::default(), 0);
        assert!(!rotation.is_over(at(0)) && !rotation.is_over(at(1_000_000)));
    }

    #[test]
    fn a_ring_counts_the_file_that_grows() {
        let mut rotation = Rotation::new(Limits { keep: Some(2), ..Limits::default() });
        let mut gone = Vec::new();
        for file in 1..=5 {
            gone.extend(std::iter::from_fn(|| rotation.surplus()));
            rotation.begin(at(0));
            rotation.end(file);
        }
        assert_eq!(gone, [1, 2, 3]);
        let mut endless = open(Limits::default(), 0);
        endless.end(1);
        assert_eq!(endless.surplus(), None);
    }
}
