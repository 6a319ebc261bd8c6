//! Where incidents go, with what they rest on.

use super::incident::{Certainty, Incident, IncidentKind};
use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::flow::Role;
use crate::mqtt::Version;

/// The most incidents of one session that are told: a client that breaks a rule with each packet shall not fill the
/// memory of whoever reads about it.
const LIMIT: u32 = 1000;

/// Takes the incidents of a session while a message is at hand.
pub(super) struct Judge<'a> {
    pub(super) incidents: &'a mut Vec<Incident>,
    pub(super) told: &'a mut u32,
    pub(super) flow: &'a FlowRef,
    pub(super) version: Version,
    pub(super) at: Origin,
    /// Whether the session is known from its beginning, and nothing of the connection is missing: only then does it
    /// say something that a packet was not seen.
    pub(super) known: bool,
    /// Whether both directions of the connection are there, with nothing missing in them.
    pub(super) whole: bool,
    /// Who receives in the direction that is looked at.
    pub(super) receiver: Option<Role>,
}

impl Judge<'_> {
    /// How sure that is which rests on the session being known: no more than a hint where it is not.
    pub(super) const fn if_known(&self, certainty: Certainty) -> Certainty {
        if self.known { certainty } else { Certainty::Hint }
    }

    /// How sure that is which rests on nothing of the connection being missing.
    pub(super) const fn if_whole(&self, certainty: Certainty) -> Certainty {
        if self.known || self.whole { certainty } else { Certainty::Hint }
    }

    /// Tells an incident that shows now.
    pub(super) fn tell(&mut self, kind: IncidentKind, by: Role, frames: &[FrameNo], certainty: Certainty) {
        self.tell_at(kind, by, frames, self.at, certainty);
    }

    /// Tells an incident that showed at another time.
    pub(super) fn tell_at(
        &mut self,
        kind: IncidentKind,
        by: Role,
        frames: &[FrameNo],
        at: Origin,
        certainty: Certainty,
    ) {
        if *self.told >= LIMIT {
            return;
        }
        *self.told += 1;
        let mut frames = frames.to_vec();
        frames.sort_unstable();
        frames.dedup();
        self.incidents.push(Incident { kind, by, flow: *self.flow, frames, at, version: self.version, certainty });
    }
}
