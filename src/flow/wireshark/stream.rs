//! One connection as Wireshark sees it: two directions, and when a new connection begins on the same ports.

use super::segment::{Blocks, Seen};
use super::side::{Scale, Side, since};
use super::verdict::{WiresharkFlags, WiresharkRules, WiresharkVerdict};
use crate::time::{Span, Timestamp};
use crate::wire::TcpFlags;

/// The longest time, in nanoseconds, in which a segment counts as out of order while no round trip is known.
const USUAL_THRESHOLD: u64 = 3_000_000;

/// How many more unacknowledged segments may be remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room(usize);

impl Room {
    pub(super) const fn new(segments: usize) -> Self {
        Self(segments)
    }

    /// Takes the place of one; `false` if there is none.
    pub(super) const fn take(&mut self) -> bool {
        let free = self.0 > 0;
        self.0 -= free as usize;
        free
    }

    pub(super) const fn give_back(&mut self, segments: usize) {
        self.0 += segments;
    }
}

/// One connection. By default one of which nothing is known.
#[derive(Debug, Default)]
pub(super) struct Stream {
    sides: [Side; 2],
    /// Whether a segment was seen.
    begun: bool,
    /// When the last SYN came that was no SYN-ACK.
    last_syn: Timestamp,
    /// From then to the first acknowledgement without SYN; zero while it is not known.
    first_rtt: Span,
    /// Whether a RST, or a FIN with ACK, was seen.
    ended: bool,
    /// Whether a SYN had a Fast Open cookie and data.
    open_with_data: bool,
    /// The kinds of Multipath TCP options seen, once the stream is known to be part of such a connection.
    ///
    /// Wireshark keeps them for all streams of the connection together, which is not followed here.
    multipath: Option<u8>,
}

impl Stream {
    /// How many unacknowledged segments it holds.
    pub(super) fn unacked(&self) -> usize {
        self.sides.iter().map(Side::unacked).sum()
    }

    /// The next segment, from one of the two sides.
    pub(super) fn on_segment(
        &mut self,
        from: usize,
        seen: &Seen,
        rules: WiresharkRules,
        room: &mut Room,
    ) -> WiresharkVerdict {
        let mut verdict = WiresharkVerdict::default();
        let mut noted = self.begin(from, seen, rules, room, &mut verdict.flags);
        let first = !std::mem::replace(&mut self.begun, true);
        if first && rules == WiresharkRules::V4_0 {
            self.sides.iter_mut().for_each(|side| side.flight_known = true);
        }
        let [low, high] = &mut self.sides;
        let (own, peer) = if from == 0 { (low, high) } else { (high, low) };

        if rules == WiresharkRules::V4_0 {
            own.sacked = Blocks::default();
        }
        if !own.has_base {
            own.has_base = true;
            own.base = if seen.has(TcpFlags::SYN) { seen.seq } else { seen.seq.wrapping_sub(1) };
        }
        if !peer.has_base && seen.has(TcpFlags::ACK) {
            peer.has_base = true;
            peer.base = seen.ack.wrapping_sub(1);
        }

        if rules == WiresharkRules::Master {
            noted |= seen.length == 0 && seen.window != 0 && seen.ack >= own.last_ack && !seen.controls();
        }
        let threshold = match self.first_rtt.as_nanos() {
            0 => USUAL_THRESHOLD,
            known => known as u64,
        };
        // The development branch has the rule, but has switched off what feeds it.
        let excused = rules == WiresharkRules::V4_0 && self.multipath.is_some_and(|kinds| kinds != own.multipath);
        own.look(peer, seen, rules, excused, &mut verdict);
        noted |= own.look_for_unseen(peer, seen, rules, &mut verdict.flags);
        own.look_for_resent(peer, seen, rules, threshold, &mut verdict);
        own.remember(seen, verdict.flags, room);
        own.multipath = self.multipath.unwrap_or(own.multipath);
        let matched = peer.acknowledged(seen, rules, room);
        verdict.acks = matched.map(|origin| since(origin, seen.origin));
        noted |= matched.is_some();
        if own.flies(seen) {
            verdict.bytes_in_flight = own.bytes_in_flight(peer, seen);
            let pushed = own.push(seen);
            verdict.push_bytes = verdict.bytes_in_flight.map(|_| pushed);
            noted = true;
        }

        self.ended |= seen.has(TcpFlags::RST) || seen.has(TcpFlags::FIN.with(TcpFlags::ACK));
        let (syn, ack) = (seen.has(TcpFlags::SYN), seen.has(TcpFlags::ACK));
        if syn && ack {
            if seen.ack.wrapping_sub(peer.base) > 1 {
                verdict.flags.add(WiresharkFlags::TFO_ACK);
            } else if self.open_with_data {
                verdict.flags.add(WiresharkFlags::TFO_IGNORED);
            }
        } else if syn {
            self.last_syn = seen.origin.time;
        } else if ack {
            own.unscaled = false;
            if self.last_syn.as_nanos() != 0 && self.first_rtt == Span::ZERO {
                self.first_rtt = seen.origin.time.since(self.last_syn);
            }
        }
        own.unscaled |= syn;

        match rules {
            WiresharkRules::Master => own.look_at_sack(seen, peer.base, noted, &mut verdict),
            WiresharkRules::V4_0 => own.sacked = seen.sack.unwrap_or_default().first(Blocks::LIMIT - 1),
        }
        if seen.multipath.1 || self.multipath.is_some() {
            self.multipath = Some(self.multipath.unwrap_or(0) | seen.multipath.0);
        }
        if let Some(shift) = seen.scale {
            own.scale = Scale::Shift(shift);
        }
        if syn {
            own.mss = seen.mss.or(own.mss);
            settle_scales(own, peer, ack);
            if seen.cookie && !ack {
                verdict.flags.add(WiresharkFlags::TFO_SYN);
                self.open_with_data |= seen.length > 0;
            }
        }
        if first && own.mss.is_none() {
            let usual = if seen.ipv6 { 1220 } else { 536 };
            (own.mss, peer.mss) = (Some(usual), Some(usual));
        }
        noted |= !verdict.flags.is_empty();
        verdict.initial_rtt = (noted && self.first_rtt != Span::ZERO).then_some(self.first_rtt);
        verdict
    }

    /// Lets a new connection begin where the segment opens one. Returns whether that was noted of the segment.
    fn begin(
        &mut self,
        from: usize,
        seen: &Seen,
        rules: WiresharkRules,
        room: &mut Room,
        flags: &mut WiresharkFlags,
    ) -> bool {
        let own = &mut self.sides[from];
        if !seen.has(TcpFlags::SYN) || !own.has_base {
            return false;
        }
        let (another, ack) = (seen.seq != own.base, seen.has(TcpFlags::ACK));
        let anew = match rules {
            WiresharkRules::Master => another || self.ended,
            WiresharkRules::V4_0 => another && !ack,
        };
        if anew {
            room.give_back(self.unacked());
            *self = Self::default();
        } else if !ack {
            own.next = own.contiguous;
        } else if another {
            own.base = seen.seq;
        }
        if anew || (another && ack) {
            flags.add(WiresharkFlags::REUSED_PORTS);
        }
        anew || another || !ack
    }
}

/// Windows are scaled only if both SYNs said so.
fn settle_scales(own: &mut Side, peer: &mut Side, ack: bool) {
    if own.scale == Scale::Unknown {
        own.scale = Scale::Unused;
        peer.scale = Scale::Unused;
    } else if ack && peer.scale == Scale::Unused {
        own.scale = Scale::Unused;
    }
}
