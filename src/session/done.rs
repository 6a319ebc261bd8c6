//! Exchanges that are over, for what comes again.

use std::collections::VecDeque;

use super::digest::Digest;
use crate::capture::{FrameNo, Origin};

/// Exchanges that are over and still known by their identifier, so that what comes again is recognised: as many as
/// clients usually have open at once, since all of these may come again after a reconnect.
const LIMIT: usize = 20;

/// An exchange that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) digest: Digest,
    pub(super) first: FrameNo,
    /// The packet by which it was over.
    pub(super) end: Origin,
    pub(super) packet_id: u16,
    /// Further acknowledgements that its receiver owes, because something was sent to it again; saturates.
    pub(super) owed: u16,
    pub(super) refused: bool,
    /// Whether that was on the connection at hand, and whether it was sent there, as far as that was seen.
    pub(super) ended_here: bool,
    pub(super) sent_here: bool,
}

/// The last exchanges of a direction that are over, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct DoneOnes(VecDeque<Done>);

impl DoneOnes {
    /// Takes another one; the oldest makes room for it.
    pub(super) fn push(&mut self, done: Done) {
        match self.0.len() {
            LIMIT => drop(self.0.pop_front()),
            // No more room than that, and little where little happens.
            0 => self.0.reserve_exact(1),
            16 => self.0.reserve_exact(LIMIT - 16),
            _ => {}
        }
        self.0.push_back(done);
    }

    /// Takes over those of a later connection.
    pub(super) fn append(&mut self, newer: Self) {
        newer.0.into_iter().for_each(|done| self.push(done));
    }

    /// The last one with this identifier.
    pub(super) fn last(&self, packet_id: u16) -> Option<&Done> {
        self.0.iter().rev().find(|done| done.packet_id == packet_id)
    }

    /// The same, to be changed.
    pub(super) fn last_mut(&mut self, packet_id: u16) -> Option<&mut Done> {
        self.0.iter_mut().rev().find(|done| done.packet_id == packet_id)
    }

    /// Whether earlier ones may have been forgotten.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() == LIMIT
    }

    /// A new connection goes on with the session.
    pub(super) fn reconnect(&mut self) {
        for done in &mut self.0 {
            (done.ended_here, done.sent_here) = (false, false);
        }
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
