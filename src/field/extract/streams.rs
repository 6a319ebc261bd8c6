//! What is followed from frame to frame as Wireshark follows it: relative numbers, times, the scale of windows.
//!
//! It is kept apart from what the engine thinks of a flow on purpose: the fields with Wireshark's names say what
//! Wireshark says, also where a capture begins in the middle.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::dissect::Protocol;
use crate::engine::PacketView;
use crate::flow::{FlowKey, Transport};
use crate::time::{Span, Timestamp};
use crate::wire::{Payload, Segment, TcpFlags, TcpOption};

/// The most pairs of endpoints that are remembered in each of two generations: 16 MiB of them.
const LIMIT: usize = 65_536;

/// The largest shift of a window scale (RFC 7323, section 2.3).
const LARGEST_SHIFT: u8 = 14;

/// The first byte of a CONNECT (MQTT 5.0, section 3.1.1).
const CONNECT: u8 = 0x10;

type Table = HashMap<FlowKey, Stream, foldhash::fast::RandomState>;

/// What is remembered of all streams. Of too many, those of which nothing was seen for the longest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Streams {
    recent: Table,
    earlier: Table,
}

/// What is known of the packet at hand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// The first numbers of the packet's direction and of the other.
    pub(super) base: u32,
    pub(super) peer_base: u32,
    /// How the window of its sender is scaled: -1 unknown, -2 not at all, else the shift.
    pub(super) scale: i8,
    /// What was seen of the connection before.
    pub(super) completeness: u8,
    /// Since the first packet, and since the last one.
    pub(super) since_first: Span,
    pub(super) since_last: Span,
    /// Whether its payload may be a part of a CONNECT that goes on, and so of a password.
    pub(super) hidden: bool,
    /// Whether its sender was the first to send a FIN.
    pub(super) closes: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Side {
    base: Option<u32>,
    scale: Option<Scale>,
    /// Whether it has sent data, and whether that began as a CONNECT which is not complete yet.
    spoken: bool,
    connects: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Unused,
    Shift(u8),
}

#[derive(Debug, Clone, Copy, Default)]
struct Stream {
    sides: [Side; 2],
    times: Option<(Timestamp, Timestamp)>,
    completeness: u8,
    closer: Option<usize>,
}

impl Streams {
    /// Follows a frame.
    pub(super) fn on_packet(&mut self, view: &PacketView<'_>) -> Option<Facts> {
        let ip = view.packet.ip?;
        let (transport, source, destination) = match &view.packet.payload {
            Payload::Tcp(segment) => (Transport::Tcp, segment.source, segment.destination),
            Payload::Udp(datagram) => (Transport::Udp, datagram.source, datagram.destination),
            _ => return None,
        };
        let (source, destination) = (SocketAddr::new(ip.source, source), SocketAddr::new(ip.destination, destination));
        let key = FlowKey::new(transport, source, destination);
        let from = usize::from(source > destination);
        if !self.recent.contains_key(&key) {
            if self.recent.len() >= LIMIT {
                self.earlier = std::mem::take(&mut self.recent);
            }
            let stream = self.earlier.remove(&key).unwrap_or_default();
            self.recent.insert(key, stream);
        }
        let stream = self.recent.get_mut(&key)?;
        if let Payload::Tcp(segment) = &view.packet.payload {
            stream.begin(segment, from);
        }
        Some(stream.on_packet(view, from))
    }
}

impl Stream {
    fn on_packet(&mut self, view: &PacketView<'_>, from: usize) -> Facts {
        let segment = match &view.packet.payload {
            Payload::Tcp(segment) => Some(segment),
            _ => None,
        };
        let now = view.frame.header.time;
        let begins = self.times.is_none();
        let (first, last) = self.times.unwrap_or((now, now));
        self.times = Some((first, now));
        let mut facts = Facts { since_first: now.since(first), since_last: now.since(last), ..Facts::default() };
        if let Some(segment) = segment {
            self.on_segment(segment, from, &mut facts);
            self.complete(segment, begins);
            facts.hidden = self.sides[from].hides(view, segment);
        }
        facts
    }

    /// Lets a new connection begin where a SYN opens one on the same ports.
    fn begin(&mut self, segment: &Segment<'_>, from: usize) {
        let own = &mut self.sides[from];
        if !segment.flags.has(TcpFlags::SYN) || own.base.is_none_or(|base| base == segment.seq.0) {
            return;
        }
        if segment.flags.has(TcpFlags::ACK) {
            own.base = Some(segment.seq.0);
        } else {
            // Of a connection that follows another, the SYN is counted before it is told.
            *self = Self { completeness: 1, ..Self::default() };
        }
    }

    fn on_segment(&mut self, segment: &Segment<'_>, from: usize, facts: &mut Facts) {
        let has = |flag| segment.flags.has(flag);
        let (syn, ack) = (has(TcpFlags::SYN), has(TcpFlags::ACK));
        let [low, high] = &mut self.sides;
        let (own, peer) = if from == 0 { (low, high) } else { (high, low) };
        // Where the SYN was not seen, the first byte has number 1, as it would have behind a SYN.
        facts.base = *own.base.get_or_insert(segment.seq.0.wrapping_sub(u32::from(!syn)));
        if ack {
            peer.base.get_or_insert(segment.ack.0.wrapping_sub(1));
        }
        facts.peer_base = peer.base.unwrap_or(0);
        facts.scale = match own.scale {
            None => -1,
            Some(Scale::Unused) => -2,
            Some(Scale::Shift(shift)) => shift as i8,
        };
        facts.completeness = self.completeness;

        let shift = segment.options.iter().find_map(|option| match option {
            TcpOption::WindowScale(shift) => Some(shift.min(LARGEST_SHIFT)),
            _ => None,
        });
        if let Some(shift) = shift {
            own.scale = Some(Scale::Shift(shift));
        }
        if syn {
            // Windows are scaled only if both SYNs said so.
            if own.scale.is_none() {
                own.scale = Some(Scale::Unused);
                peer.scale = Some(Scale::Unused);
            } else if ack && peer.scale == Some(Scale::Unused) {
                own.scale = Some(Scale::Unused);
            }
        }
        if has(TcpFlags::FIN) {
            facts.closes = *self.closer.get_or_insert(from) == from;
        }
    }

    /// Notes what the segment adds to the connection. The first is counted only if it is a SYN, and a SYN only if it is
    /// the first.
    fn complete(&mut self, segment: &Segment<'_>, begins: bool) {
        let has = |flag| segment.flags.has(flag);
        let (syn, ack) = (has(TcpFlags::SYN), has(TcpFlags::ACK));
        self.completeness |= if begins {
            // A SYN of Fast Open may have data.
            u8::from(syn && !ack) | u8::from(syn && !ack && segment.payload_length > 0) << 3
        } else {
            u8::from(syn && ack) << 1
                | u8::from(ack && !syn && segment.payload_length == 0) << 2
                | u8::from(ack && !syn && segment.payload_length > 0) << 3
                | u8::from(ack && has(TcpFlags::FIN)) << 4
                | u8::from(has(TcpFlags::RST)) << 5
        };
    }
}

impl Side {
    /// Whether a segment may hold a part of a password that is not known as such before its CONNECT is complete.
    fn hides(&mut self, view: &PacketView<'_>, segment: &Segment<'_>) -> bool {
        let Some(first) = segment.payload.first() else { return false };
        if !std::mem::replace(&mut self.spoken, true) {
            self.connects = *first == CONNECT;
        }
        self.connects &= view.messages.is_empty() && matches!(view.protocol, None | Some(Protocol::Mqtt));
        self.connects
    }
}
