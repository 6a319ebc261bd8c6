//! When what was written is handed to the system.

use mqttsniff::time::{Span, Timestamp};

/// How long what was written may wait: whoever follows the file, and whoever reads it after a crash, sees that much less.
const HELD: Span = Span::from_millis(100);
/// The same of a packed file, which each such point makes larger.
const HELD_PACKED: Span = Span::from_secs(1);

/// Whether something waits, and for how long.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    waits: bool,
    flushed: Option<Timestamp>,
}

impl Waiting {
    /// Something was written.
    pub(super) const fn wrote(&mut self) {
        self.waits = true;
    }

    /// Nothing waits any more.
    pub(super) const fn ended(&mut self) {
        self.waits = false;
    }

    /// Whether something waits, and goes at once.
    pub(super) const fn take(&mut self, at_once: bool) -> bool {
        at_once && std::mem::replace(&mut self.waits, false)
    }

    /// Whether to flush now.
    pub(super) fn is_due(&mut self, now: Timestamp, is_packed: bool) -> bool {
        if !self.waits {
            return false;
        }
        let held = if is_packed { HELD_PACKED } else { HELD };
        // A clock that was set back must not hold anything for longer.
        let since = self.flushed.map(|flushed| now.since(flushed));
        let is_due = since.is_none_or(|since| since < Span::ZERO || since >= held);
        if is_due {
            self.waits = false;
            self.flushed = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_waits_no_longer_than_it_may() {
        let at = Timestamp::from_nanos;
        let millis = |millis: i64| at(millis * 1_000_000);
        let mut waiting = Waiting::default();
        assert!(!waiting.is_due(millis(0), false), "nothing waits");
        waiting.wrote();
        assert!(waiting.is_due(millis(0), false));
        waiting.wrote();
        assert!(!waiting.is_due(millis(99), false));
        assert!(waiting.is_due(millis(100), false));
        waiting.wrote();
        assert!(!waiting.is_due(millis(1099), true));
        assert!(waiting.is_due(millis(50), true), "the clock was set back");
        waiting.wrote();
        waiting.ended();
        assert!(!waiting.is_due(millis(9000), true));
    }
}
