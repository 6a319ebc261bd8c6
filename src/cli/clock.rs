//! The clock, for what people and other programs wait for. What is told of frames has the times of the capture.

use std::time::{Instant, SystemTime};

use mqttsniff::time::Timestamp;

/// How far time has gone, for measuring it.
#[allow(clippy::disallowed_methods, reason = "deadlines, pauses and what is done every so often are by the clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// What the clock shows. One that stands before 1970 shows that.
#[allow(
    clippy::disallowed_methods,
    reason = "files end by the clock though nothing arrives, and people ask when it was"
)]
pub(super) fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
