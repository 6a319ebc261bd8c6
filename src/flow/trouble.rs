//! What is kept of an end of a connection only when something goes wrong, or looks like it.

use super::holes::Holes;
use super::oddity::{Oddities, Sighted};
use super::side::Recovery;
use crate::prefetch::prefetch;
use crate::rare::Blank;
use crate::wire::SeqNum;

/// What is kept of an end only when something goes wrong, or looks like it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    pub(super) holes: Holes,
    /// The highest number that it saw acknowledged selectively.
    pub(super) sacked_to: Option<SeqNum>,
    pub(super) recovery: Option<Recovery>,
    /// Numbers at which segments began whose checksum was wrong: the last few.
    pub(super) damaged: Vec<SeqNum>,
    /// It was told by ICMP that its packets are too large; what was sent up to here is sent again in smaller ones.
    pub(super) too_big_before: Option<SeqNum>,
    /// A segment without bytes stood here, beyond all that was captured: what it had sent before is missing.
    pub(super) stood_at: Option<SeqNum>,
    /// The end of a run of segments outside the window, and how many there were.
    pub(super) stray: Option<(SeqNum, u8)>,
    /// The timestamp that the acknowledgement of what was not captured echoes.
    pub(super) unseen_echo: Option<u32>,
    /// The number after the byte of a window probe, which lies beyond all that was taken.
    pub(super) probe_end: Option<SeqNum>,
    /// A RST or SYN came that may not be the peer's, and that is answered by a challenge (RFC 5961).
    pub(super) challenge_due: bool,
    pub(super) oddities: Oddities,
    /// Keep-alives and window probes since the peer was heard of last.
    pub(super) probes: Option<Box<Sighted>>,
}

impl Trouble {
    /// Asks for what each segment looks at.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.recovery);
        prefetch(&self.damaged);
    }
}

impl Blank for Trouble {
    fn blank() -> &'static Self {
        const BLANK: &Trouble = &Trouble {
            holes: Holes::NONE,
            sacked_to: None,
            recovery: None,
            damaged: Vec::new(),
            too_big_before: None,
            stood_at: None,
            stray: None,
            unseen_echo: None,
            challenge_due: false,
            probe_end: None,
            oddities: Oddities::NONE,
            probes: None,
        };
        BLANK
    }
}
