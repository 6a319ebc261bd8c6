//! What is sent on a connection that has nothing to say, so that it stays: keep-alives of TCP, and heartbeats of the
//! application, which are small messages of one length in a steady rhythm.

use crate::flow::{Direction, PerDirection};
use crate::time::{Span, Timestamp};

/// As many make a rhythm.
const ENOUGH: u64 = 3;

/// Without data for so long a connection is idle.
const IDLE: Span = Span::from_secs(1);

/// The longest payload that a heartbeat has: those of TLS, WebSocket and AMQP have less than a hundred bytes.
pub const LONGEST_BEAT: u32 = 256;

/// Beats, and the time between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// How many there are.
    pub count: u64,
    /// When the first one and the last one came.
    pub first: Option<Timestamp>,
    /// See there.
    pub last: Option<Timestamp>,
}

impl Rhythm {
    /// The next one.
    pub fn beat(&mut self, time: Timestamp) {
        self.count += 1;
        self.first.get_or_insert(time);
        self.last = Some(time);
    }

    /// The time from one to the next, on average, if there are enough of them.
    pub fn interval(&self) -> Option<Span> {
        if self.count < ENOUGH { None } else { self.mean() }
    }

    /// The same of any two.
    pub fn mean(&self) -> Option<Span> {
        let (first, last) = (self.first?, self.last?);
        let between = i64::try_from(self.count).ok().filter(|count| *count > 1)? - 1;
        Some(Span::from_nanos(last.since(first).as_nanos() / between))
    }
}

/// Heartbeats of an end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beats {
    /// How many, and when.
    pub rhythm: Rhythm,
    /// How long the payload of each is.
    pub length: u32,
    /// For how long there had been no data of either end before one, in all.
    pub silence: Span,
}

impl Beats {
    /// How long it was silent before one, on average.
    pub fn mean_silence(&self) -> Span {
        Span::from_nanos(self.silence.as_nanos() / i64::try_from(self.rhythm.count.max(1)).unwrap_or(i64::MAX))
    }

    /// Whether the next one, at this time, fits: it comes after as long as the others have, by a third more or less.
    fn fits(&self, length: u32, time: Timestamp) -> bool {
        let Some(last) = self.rhythm.last else { return true };
        let since = time.since(last).as_nanos();
        let is_steady = |mean: Span| since >= mean.as_nanos() / 3 * 2 && since <= mean.as_nanos() / 3 * 4;
        length == self.length && self.rhythm.mean().is_none_or(is_steady)
    }
}

/// What each end sends while a connection is idle.
#[derive(Debug, Clone, Default)]
pub struct Idle {
    sides: PerDirection<Side>,
}

#[derive(Debug, Clone, Default)]
struct Side {
    keep_alives: Rhythm,
    /// Those that are counted now, and the most that were.
    now: Beats,
    best: Beats,
}

impl Idle {
    /// A segment with data, so long after the last data of either end.
    pub fn on_data(&mut self, direction: Direction, length: u32, silence: Span, time: Timestamp) {
        if silence < IDLE || length > LONGEST_BEAT {
            return;
        }
        let side = &mut self.sides[direction];
        if !side.now.fits(length, time) {
            side.now = Beats::default();
        }
        side.now.length = length;
        side.now.silence = Span::from_nanos(side.now.silence.as_nanos().saturating_add(silence.as_nanos()));
        side.now.rhythm.beat(time);
        if side.now.rhythm.count > side.best.rhythm.count {
            side.best = side.now;
        }
    }

    /// A keep-alive of TCP.
    pub fn on_keep_alive(&mut self, direction: Direction, time: Timestamp) {
        self.sides[direction].keep_alives.beat(time);
    }

    /// The heartbeats of an end, if there are enough for a rhythm.
    pub fn beats(&self, direction: Direction) -> Option<&Beats> {
        Some(&self.sides[direction].best).filter(|beats| beats.rhythm.interval().is_some())
    }

    /// The keep-alives of an end, if there are any.
    pub fn keep_alives(&self, direction: Direction) -> Option<&Rhythm> {
        Some(&self.sides[direction].keep_alives).filter(|rhythm| rhythm.count > 0)
    }

    /// Whether it is so long that a connection is idle.
    pub fn is_long(silence: Span) -> bool {
        silence >= IDLE
    }

    pub(super) fn swap(&mut self) {
        self.sides.swap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs_nanos(seconds, 0)
    }

    #[test]
    fn small_messages_of_one_length_in_a_steady_rhythm_are_heartbeats() {
        let mut idle = Idle::default();
        for beat in 0..5 {
            assert_eq!(idle.beats(Direction::ToServer).is_some(), beat >= 3);
            idle.on_data(Direction::ToServer, 2, Span::from_secs(20), at(beat * 30));
            // Its answer comes at once, so that it stands behind no silence.
            idle.on_data(Direction::ToClient, 2, Span::from_millis(2), at(beat * 30));
        }
        let beats = idle.beats(Direction::ToServer).unwrap();
        assert_eq!((beats.rhythm.count, beats.rhythm.interval()), (5, Some(Span::from_secs(30))));
        assert_eq!((beats.length, beats.mean_silence()), (2, Span::from_secs(20)));
        assert_eq!(idle.beats(Direction::ToClient), None);
    }

    #[test]
    fn other_lengths_and_other_times_are_none() {
        let mut idle = Idle::default();
        for (beat, time) in [0, 30, 33, 90, 95].into_iter().enumerate() {
            idle.on_data(Direction::ToServer, 2, Span::from_secs(2), at(time));
            idle.on_data(Direction::ToClient, beat as u32 + 1, Span::from_secs(2), at(beat as i64 * 30));
        }
        assert_eq!((idle.beats(Direction::ToServer), idle.beats(Direction::ToClient)), (None, None));
    }
}
