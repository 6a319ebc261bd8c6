//! Time for what waits: what the frames' clocks show, without their leaps.

use super::{Span, Timestamp};

/// Times that differ by no more than this are of one clock, and of one moment: frames of several interfaces, or of
/// several threads of a capture, are not quite in the order of time. Whatever is in a queue by time waits no more than
/// this too long for it. Nothing that is waited for with a queue has more patience.
const NEAR: Span = Span::from_secs(60);

/// A frame that is later than all before by more than this is not believed alone. Nobody's patience is longer, so that
/// after such a pause nothing is to be told apart by how long it was.
const PAUSE: Span = Span::from_secs(86_400);

/// Clocks that are told apart: as many as a capture may have interfaces with clocks of their own, in most cases.
const CLOCKS: usize = 4;

/// A time that goes on as the frames' times do, but neither back, except by a little, nor ahead by more than a day because of
/// one frame: less may be a pause, which is far more common than a damaged time.
///
/// Give it the time of each frame in turn, by [`Steady::tick`]. It is for what has to wait for a while and no longer:
/// a clock that is set back would make that wait for long, and a frame with a wild time would end the waiting of
/// everything. What is told of frames has their own times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steady {
    /// The latest time of the clock that goes now, as frames have it; none before the first of them.
    latest: Option<Timestamp>,
    /// How much the steady time is ahead of the clocks of the capture: first of the one that goes now, then of those that
    /// went before.
    ahead: [Span; CLOCKS],
    /// A time that was not believed, of the frame before.
    doubted: Option<Timestamp>,
    now: Timestamp,
}

impl Steady {
    /// The next frame has this time: what it is.
    #[inline]
    pub(crate) fn tick(&mut self, time: Timestamp) -> Timestamp {
        let latest = *self.latest.get_or_insert(time);
        self.now = if is_near(time.since(latest)) {
            self.latest = Some(time.max(latest));
            self.doubted = None;
            time + self.ahead[0]
        } else {
            self.leap(time, latest)
        };
        self.now
    }

    /// What it is at the frame of the last [`Steady::tick`].
    #[inline]
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// What it was at a time that a frame had before; not later than now.
    pub(crate) fn of(&self, time: Timestamp) -> Timestamp {
        (time + self.ahead[0]).min(self.farthest())
    }

    /// How far it has come.
    fn farthest(&self) -> Timestamp {
        self.latest.unwrap_or_default() + self.ahead[0]
    }

    #[cold]
    fn leap(&mut self, time: Timestamp, latest: Timestamp) -> Timestamp {
        let farthest = self.farthest();
        // It is of the clock by which it leaps least.
        let leaps = self.ahead.iter().map(|ahead| (time + *ahead).since(farthest)).enumerate();
        let (at, leap) =
            leaps.min_by_key(|(_, leap)| leap.as_nanos().saturating_abs()).unwrap_or((0, time.since(latest)));
        let likely = Span::ZERO - NEAR..=PAUSE;
        if !likely.contains(&leap) {
            let doubted = self.doubted.replace(time);
            if !doubted.is_some_and(|doubted| likely.contains(&time.since(doubted))) {
                return farthest;
            }
        }
        self.doubted = None;
        if leap < *likely.start() {
            // The clock was set back, or another has begun: the steady time goes on from where it is.
            self.ahead.rotate_right(1);
            self.ahead[0] = farthest.since(time);
        } else {
            self.ahead[..=at].rotate_right(1);
        }
        self.latest = Some(time.max(farthest + (Span::ZERO - self.ahead[0])));
        time + self.ahead[0]
    }
}

fn is_near(apart: Span) -> bool {
    (Span::ZERO - NEAR..=NEAR).contains(&apart)
}

#[cfg(test)]
#[path = "steady_tests.rs"]
mod tests;
