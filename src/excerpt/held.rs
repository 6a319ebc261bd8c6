//! Frames that wait until it is known whether they are part of an excerpt.

use std::collections::VecDeque;

use super::ExcerptLimits;
use crate::capture::{Frame, FrameHeader, FrameNo};
use crate::engine::PacketView;
use crate::time::{Steady, Timestamp};

/// A frame of an excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptFrame {
    number: FrameNo,
    header: FrameHeader,
    data: Vec<u8>,
    comments: Vec<String>,
}

impl ExcerptFrame {
    /// It as a frame.
    pub fn as_frame(&self) -> Frame<'_> {
        Frame { number: self.number, header: self.header, data: &self.data }
    }

    /// The comments that its file holds on it.
    pub fn comments(&self) -> impl Iterator<Item = &str> {
        self.comments.iter().map(String::as_str)
    }
}

#[derive(Debug)]
struct Waiting {
    frame: ExcerptFrame,
    /// When it came, in the steady time.
    since: Timestamp,
    /// Whether it is part of the excerpt, as far as that is known.
    taken: bool,
    /// For how many things it waits.
    claims: u32,
}

/// What a frame costs beside its bytes: its slot, its places in lists, the allocator's overhead.
const FRAME_COST: usize = 256;

/// The frames, in their order.
#[derive(Debug, Default)]
pub(super) struct Held {
    frames: VecDeque<Waiting>,
    bytes: usize,
    /// By it a frame waits no longer than it may.
    pub(super) clock: Steady,
    /// Frames up to this one wait no longer, whatever they wait for.
    over: Option<FrameNo>,
}

impl Held {
    pub(super) fn push(&mut self, view: &PacketView<'_>, taken: bool) {
        let frame = ExcerptFrame {
            number: view.frame.number,
            header: view.frame.header,
            data: view.frame.data.to_vec(),
            comments: view.comments.iter().map(|comment| (*comment).to_owned()).collect(),
        };
        self.bytes += cost(&frame);
        // A fragment waits for its datagram. It is claimed here, as nothing else is known of it.
        let fragments = view.trace.map_or(0, |trace| trace.fragments.iter().filter(|part| !part.completes).count());
        self.frames.push_back(Waiting {
            frame,
            since: self.clock.now(),
            taken,
            claims: u32::try_from(fragments).unwrap_or(u32::MAX),
        });
    }

    fn get(&mut self, number: FrameNo) -> Option<&mut Waiting> {
        let at = self.frames.binary_search_by_key(&number, |waiting| waiting.frame.number).ok()?;
        self.frames.get_mut(at)
    }

    pub(super) fn first(&self) -> Option<FrameNo> {
        self.frames.front().map(|waiting| waiting.frame.number)
    }

    pub(super) fn has(&self, number: FrameNo) -> bool {
        self.frames.binary_search_by_key(&number, |waiting| waiting.frame.number).is_ok()
    }

    /// One thing more that it waits for.
    pub(super) fn claim(&mut self, number: FrameNo) {
        if let Some(waiting) = self.get(number) {
            waiting.claims += 1;
        }
    }

    /// One thing less.
    pub(super) fn release(&mut self, number: FrameNo) {
        if let Some(waiting) = self.get(number) {
            waiting.claims = waiting.claims.saturating_sub(1);
        }
    }

    /// It is part of the excerpt; says whether it is still there.
    pub(super) fn take(&mut self, number: FrameNo) -> bool {
        let waiting = self.get(number);
        waiting.is_some_and(|waiting| {
            waiting.taken = true;
            true
        })
    }

    /// Lets go what is too much, or too old.
    pub(super) fn limit(&mut self, limits: ExcerptLimits) {
        let mut bytes = self.bytes;
        for waiting in &self.frames {
            let age = self.clock.now().since(waiting.since);
            if bytes <= limits.bytes && limits.age.is_none_or(|limit| age <= limit) {
                break;
            }
            bytes -= cost(&waiting.frame);
            self.over = Some(waiting.frame.number);
        }
    }

    /// Nothing waits any longer.
    pub(super) fn let_go(&mut self) {
        self.over = Some(FrameNo(u64::MAX));
    }

    pub(super) fn next_done(&mut self) -> Option<ExcerptFrame> {
        loop {
            let first = self.frames.front()?;
            let waits = first.claims > 0 && self.over.is_none_or(|over| over < first.frame.number);
            if waits {
                return None;
            }
            let waiting = self.frames.pop_front()?;
            self.bytes -= cost(&waiting.frame);
            if waiting.taken {
                return Some(waiting.frame);
            }
        }
    }
}

fn cost(frame: &ExcerptFrame) -> usize {
    let comments: usize = frame.comments.iter().map(String::len).sum();
    frame.data.len() + comments + FRAME_COST
}
