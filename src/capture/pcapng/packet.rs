//! The three kinds of packet block: Enhanced, Simple, and the obsolete Packet Block.
//!
//! They differ in their fixed part only; what they say becomes a [`FrameHeader`].

use super::super::FrameHeader;
use super::super::bytes::Order;
use super::interface::{Interface, Interfaces};
use super::option::{COMMENT, options};
use super::{ENHANCED_PACKET, OBSOLETE_PACKET, Oddity};
use crate::time::Timestamp;

/// A packet in a block's body.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) header: FrameHeader,
    /// Where its data begins in the body.
    pub(super) start: usize,
    pub(super) captured: usize,
    /// Empty for nearly every packet, and then without an allocation.
    pub(super) comments: Vec<String>,
}

/// Reads the body of a packet block. `before` is the time of the packet before.
pub(super) fn read(
    kind: u32,
    order: Order,
    body: &[u8],
    interfaces: &Interfaces,
    before: Timestamp,
) -> Result<Packet, Oddity> {
    match kind {
        ENHANCED_PACKET | OBSOLETE_PACKET => timed(kind, order, body, interfaces),
        _ => simple(order, body, interfaces, before),
    }
}

/// Enhanced Packet Block and Packet Block: the latter has a 16-bit interface number, and a count of
/// dropped packets beside it.
fn timed(kind: u32, order: Order, body: &[u8], interfaces: &Interfaces) -> Result<Packet, Oddity> {
    const FIXED: usize = 20;
    let Some(&[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]) = body.first_chunk::<FIXED>() else {
        return Err(Oddity::BlockTooShort);
    };
    let id = if kind == ENHANCED_PACKET { order.of_u32([a, b, c, d]) } else { u32::from(order.of_u16([a, b])) };
    let ticks = u64::from(order.of_u32([e, f, g, h])) << 32 | u64::from(order.of_u32([i, j, k, l]));
    let captured = order.of_u32([m, n, o, p]);
    let length = order.of_u32([q, r, s, t]);
    let interface = interfaces.get(id).ok_or(Oddity::UnknownInterface)?;
    let data_end = FIXED.saturating_add(captured as usize);
    if data_end > body.len() || captured > interface.longest {
        return Err(Oddity::PacketBeyondBlock);
    }
    let mut packet = Packet {
        header: header(interface, interface.clock.time(ticks), length.max(captured)),
        start: FIXED,
        captured: captured as usize,
        comments: Vec::new(),
    };
    // The padding after the data is no part of it.
    let rest = body.get(data_end.next_multiple_of(4)..).unwrap_or_default();
    if !rest.is_empty() {
        read_options(order, rest, &mut packet);
    }
    Ok(packet)
}

/// Simple Packet Block: only the length on the wire; it belongs to the section's first interface, and
/// how much was captured follows from that one's snap length.
fn simple(order: Order, body: &[u8], interfaces: &Interfaces, before: Timestamp) -> Result<Packet, Oddity> {
    const FIXED: usize = 4;
    let Ok((data, length)) = order.u32(body) else { return Err(Oddity::BlockTooShort) };
    let interface = interfaces.get(0).ok_or(Oddity::UnknownInterface)?;
    let cut = if interface.snaplen == 0 { length } else { length.min(interface.snaplen) };
    // A block that holds less than the snap length promises is believed.
    let captured = (cut as usize).min(data.len());
    if captured > interface.longest as usize {
        return Err(Oddity::PacketBeyondBlock);
    }
    Ok(Packet { header: header(interface, before, length), start: FIXED, captured, comments: Vec::new() })
}

fn header(interface: &Interface, time: Timestamp, length: u32) -> FrameHeader {
    let Interface { number, link, fcs_length, .. } = *interface;
    FrameHeader { time, link, length, interface: number, fcs_length }
}

fn read_options(order: Order, rest: &[u8], packet: &mut Packet) {
    const FLAGS: u16 = 2;
    for (code, value) in options(order, rest) {
        match code {
            COMMENT => packet.comments.push(String::from_utf8_lossy(value).into_owned()),
            FLAGS => {
                // Bits 5 to 8: the length of this packet's frame check sequence in bytes, 0 if not told.
                let length = order.u32(value).map_or(0, |(_, flags)| (flags >> 5 & 0xf) as u8);
                if length != 0 {
                    packet.header.fcs_length = length;
                }
            }
            _ => {}
        }
    }
}
