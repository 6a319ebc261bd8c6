//! What is sent while a connection has nothing to say.

use crate::capture::Origin;
use crate::dissect::{Conversation, Idle, LONGEST_BEAT};
use crate::flow::{Connection, Direction, Flow, Marks, Verdict};
use crate::time::Span;
use crate::wire::Segment;

/// How long neither end had sent data before this segment, if it may be a heartbeat of an idle connection.
#[inline]
pub(super) fn silence(connection: &Connection, segment: &Segment<'_>, origin: Origin) -> Option<Span> {
    if !matches!(segment.payload_length, 1..=LONGEST_BEAT) {
        return None;
    }
    let last = |direction| connection.sides[direction].counters().traffic.last_data();
    let silence = origin.time.since(last(Direction::ToServer).max(last(Direction::ToClient))?);
    Idle::is_long(silence).then_some(silence)
}

/// Takes down what a segment was good for that came after such a silence.
#[inline]
pub(super) fn note(
    flow: &mut Flow<Conversation>,
    direction: Direction,
    segment: &Segment<'_>,
    (verdict, silence): (&Verdict, Option<Span>),
    origin: Origin,
) {
    if verdict.marks.has(Marks::KEEP_ALIVE) {
        flow.app.idle_mut().on_keep_alive(direction, origin.time);
    } else if let (Some(silence), None) = (silence, verdict.retransmission.as_ref()) {
        flow.app.idle_mut().on_data(direction, segment.payload_length, silence, origin.time);
    }
}
