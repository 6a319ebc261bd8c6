//! The front door: a frame in, a [`Packet`] out.
//!
//! It keeps the buffers and counters; each layer is read in a file of its own.

use super::fragments::{FragmentStats, Fragments};
use super::usual;
use super::view::View;
use super::{FragmentLimits, Layer, Packet, Payload, Placed, Stop, Trace};
use crate::capture::{Frame, LinkType};
use crate::time::{Steady, Timestamp};

/// How many datagrams may be put together one inside the other (fragments of a tunnel whose packets are
/// fragments themselves). Two occur in practice.
const NESTED_DATAGRAMS: usize = 3;

/// How many link types that can't be decoded are told apart; a file can name 65536.
const LINK_TYPES_COUNTED: usize = 32;

/// Decodes frames, one after the other, in the order of the capture.
///
/// Call [`Decoder::decode`] for each frame, use the [`Packet`], and ask for [`Decoder::stats`] at any time.
/// What it keeps from frame to frame is fragments of IP datagrams and counters.
#[derive(Debug)]
pub struct Decoder {
    fragments: Fragments,
    finished: [Vec<u8>; NESTED_DATAGRAMS],
    counters: Counters,
    verify: bool,
    /// Fragments expire by it.
    clock: Steady,
}

/// What was not decoded, and why.
#[derive(Debug, Clone, Default)]
pub struct DecodeStats {
    /// Frames of link types that are not decoded, by type, in the order of their first frame.
    pub unsupported_link_types: Vec<(LinkType, u64)>,
    /// Frames of further such types, beyond the first 32.
    pub other_unsupported: u64,
    /// Frames whose decoding stopped before the innermost layer, because they are wrong there.
    pub stopped: StopCounts,
    /// Frames whose decoding stopped where the snap length cut them.
    pub cut: StopCounts,
    /// What became of IP fragments.
    pub fragments: FragmentStats,
}

/// Numbers of frames by the layer where decoding stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopCounts([u64; Layer::COUNT]);

impl Default for StopCounts {
    fn default() -> Self {
        Self([0; Layer::COUNT])
    }
}

impl StopCounts {
    /// Frames that stopped at this layer.
    pub fn at(&self, layer: Layer) -> u64 {
        self.0.get(layer as usize).copied().unwrap_or(0)
    }

    /// Frames that stopped anywhere.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    fn count(&mut self, layer: Layer) {
        if let Some(count) = self.0.get_mut(layer as usize) {
            *count += 1;
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    unsupported_link_types: Vec<(LinkType, u64)>,
    other_unsupported: u64,
    stopped: StopCounts,
    cut: StopCounts,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(FragmentLimits::default())
    }
}

impl Decoder {
    /// A decoder that keeps fragments within these limits.
    pub fn new(limits: FragmentLimits) -> Self {
        Self {
            fragments: Fragments::new(limits),
            clock: Steady::default(),
            finished: Default::default(),
            counters: Counters::default(),
            verify: true,
        }
    }

    /// Whether checksums are verified (they are unless told otherwise); if not, all are
    /// [`Checksum::Unknown`](super::Checksum::Unknown).
    pub fn verify_checksums(&mut self, on: bool) {
        self.verify = on;
    }

    /// What was counted so far.
    pub fn stats(&self) -> DecodeStats {
        let Counters { unsupported_link_types, other_unsupported, stopped, cut } = &self.counters;
        DecodeStats {
            unsupported_link_types: unsupported_link_types.clone(),
            other_unsupported: *other_unsupported,
            stopped: *stopped,
            cut: *cut,
            fragments: self.fragments.stats(),
        }
    }

    /// What became of fragments so far, and what waits for the rest of a datagram.
    pub fn fragments(&self) -> FragmentStats {
        self.fragments.stats()
    }

    /// How many fragmented datagrams were given up because a limit was reached.
    pub const fn fragments_evicted(&self) -> u64 {
        self.fragments.evicted()
    }

    /// Reads a frame from the outside in.
    ///
    /// The packet borrows the frame's bytes, or those of the datagram that this frame completed.
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Packet<'a> {
        self.clock.tick(frame.header.time);
        match usual::read(frame, self.verify) {
            Some(packet) => packet,
            None => self.walk(frame, None),
        }
    }

    /// The same, with the places of all layers.
    pub fn decode_traced<'a>(&'a mut self, frame: &Frame<'a>, trace: &mut Trace) -> Packet<'a> {
        trace.clear();
        self.clock.tick(frame.header.time);
        self.walk(frame, Some(trace))
    }

    fn walk<'a>(&'a mut self, frame: &Frame<'a>, trace: Option<&mut Trace>) -> Packet<'a> {
        let mut packet = Packet::default();
        let mut walk = Walk {
            packet: &mut packet,
            origin: frame.data.as_ptr().addr(),
            fragments: &mut self.fragments,
            finished: &mut self.finished,
            now: self.clock.now(),
            frame_length: frame.header.length,
            verify: self.verify,
            overlong: false,
            addresses: 0,
            scope: 0,
            trace,
        };
        let wire_length = (frame.header.length as usize).max(frame.data.len());
        let mut view = View { data: frame.data, length: wire_length };
        if frame.header.fcs_length > 0 {
            view = view.bound(wire_length.saturating_sub(usize::from(frame.header.fcs_length)));
        }
        if !walk.link_type(frame.header.link, view) {
            self.counters.count_unsupported(frame.header.link);
        } else if let Some(stop) = &packet.stop {
            let counts = if stop.cut { &mut self.counters.cut } else { &mut self.counters.stopped };
            counts.count(stop.layer);
        }
        packet
    }
}

impl Counters {
    fn count_unsupported(&mut self, link: LinkType) {
        if let Some((_, count)) = self.unsupported_link_types.iter_mut().find(|(known, _)| *known == link) {
            *count += 1;
        } else if self.unsupported_link_types.len() < LINK_TYPES_COUNTED {
            self.unsupported_link_types.push((link, 1));
        } else {
            self.other_unsupported += 1;
        }
    }
}

/// One frame on its way from the outside in.
///
/// Each layer's method reads its header from the start of a [`View`], calls [`Walk::enter`], and hands the
/// rest on. Every method that can call itself through others enters a layer, so that [`super::Layers::LIMIT`]
/// bounds how deep this goes.
#[derive(Debug)]
pub(super) struct Walk<'a, 'p> {
    pub(super) packet: &'p mut Packet<'a>,
    /// The address of the first byte of the frame or of the reassembled datagram.
    pub(super) origin: usize,
    pub(super) fragments: &'a mut Fragments,
    /// Buffers for datagrams that become whole within this frame.
    pub(super) finished: &'a mut [Vec<u8>],
    pub(super) now: Timestamp,
    pub(super) frame_length: u32,
    pub(super) verify: bool,
    /// Whether a length field promises more than the frame had, so that missing bytes are not the snap length's
    /// doing.
    pub(super) overlong: bool,
    /// The sum of the addresses of the innermost IP header, for the pseudo-header.
    pub(super) addresses: u64,
    /// A number that differs between tunnels.
    pub(super) scope: u64,
    /// Takes the places of the layers, where they are asked for.
    pub(super) trace: Option<&'p mut Trace>,
}

impl<'a> Walk<'a, '_> {
    /// Notes a layer whose header was read; `false` when the frame is nested too deep to go on.
    #[inline]
    pub(super) fn enter(&mut self, layer: Layer, view: View<'a>) -> bool {
        let entered = self.packet.layers.push(layer);
        if !entered {
            self.stop(layer, view, "nested deeper than is followed", false);
        } else if self.trace.is_some() {
            self.place(layer, view);
        }
        entered
    }

    #[cold]
    fn place(&mut self, layer: Layer, view: View<'a>) {
        let start = view.data.as_ptr().addr().saturating_sub(self.origin);
        if let Some(trace) = &mut self.trace {
            let (captured, length) = (view.data.len(), view.length);
            trace.layers.push(Placed { layer, buffer: trace.buffer, start, captured, length });
        }
    }

    /// Ends the walk: this layer can't be read.
    #[cold]
    pub(super) fn stop(&mut self, layer: Layer, view: View<'a>, reason: &'static str, cut: bool) {
        self.note(layer, view, reason, cut);
        self.packet.payload = if view.data.is_empty() { Payload::Nothing } else { Payload::Other(view.data) };
    }

    /// Notes that something can't be read, while the walk goes on.
    #[cold]
    pub(super) fn note(&mut self, layer: Layer, view: View<'a>, reason: &'static str, cut: bool) {
        let offset = view.data.as_ptr().addr().saturating_sub(self.origin);
        self.packet.stop = Some(Stop { layer, offset: u32::try_from(offset).unwrap_or(u32::MAX), reason, cut });
    }

    /// Ends the walk: the header of this layer needs `needed` bytes, which are not there.
    #[cold]
    pub(super) fn short(&mut self, layer: Layer, view: View<'a>, needed: usize) {
        if needed <= view.length && !self.overlong {
            self.stop(layer, view, "header is cut short by the snap length", true);
        } else {
            self.stop(layer, view, "too few bytes for the header", false);
        }
    }

    /// Ends the walk: what is inside is not looked into.
    pub(super) fn other(&mut self, view: View<'a>) {
        if view.data.is_empty() {
            self.packet.payload = Payload::Nothing;
        } else {
            self.packet.layers.push(Layer::Data);
            self.packet.payload = Payload::Other(view.data);
        }
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
