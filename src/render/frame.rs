//! A frame in a line: its addresses, the names of its layers, and what it holds.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::ser::{Serialize, Serializer};

use super::buffer::Buffer;
use super::compact::Name;
use super::named::{self, Called};
use super::width::columns;
use crate::capture::FrameNo;
use crate::dissect::Protocol;
use crate::engine::PacketView;
use crate::neighbour::Names;
use crate::text::Escaped;
use crate::wire::{self, Layer, Packet, Payload};

/// An end of a frame: the innermost address there is, if there is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    Ip(IpAddr),
    Mac([u8; 6]),
    None,
}

/// Source and destination.
pub(super) fn addresses(packet: &Packet<'_>) -> (Address, Address) {
    if let Some(ip) = packet.ip {
        return (Address::Ip(ip.source), Address::Ip(ip.destination));
    }
    match packet.link {
        Some(link) => (Address::Mac(link.source), link.destination.map_or(Address::None, Address::Mac)),
        None => (Address::None, Address::None),
    }
}

/// The frame from which on it counts what the ends of a frame are called: the first of its flow, so that they keep their
/// names until that ends.
pub(super) fn began(view: &PacketView<'_>) -> FrameNo {
    view.flow.map_or(view.frame.number, |flow| flow.id)
}

/// The longest text of an address: eight groups of IPv6.
const LONGEST: usize = 39;

/// The text of an address, put together where it stands, with blanks behind it.
pub(super) struct AddressText {
    /// With room for an octet and its dot behind the longest.
    bytes: [u8; LONGEST + 5],
    length: usize,
}

/// The digits of each octet with a dot behind them, and how many bytes that is.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (hundreds, tens, ones) =
            (b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8);
        octets[octet] = match octet {
            0..10 => ([ones, b'.', b'.', b'.'], 2),
            10..100 => ([tens, ones, b'.', b'.'], 3),
            _ => ([hundreds, tens, ones, b'.'], 4),
        };
        octet += 1;
    }
    octets
};

impl AddressText {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn hex(&mut self, digit: u8) {
        self.push(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }

    fn v4(&mut self, address: Ipv4Addr) {
        for octet in address.octets() {
            let (digits, length) = OCTETS[usize::from(octet)];
            if let Some(place) = self.bytes.get_mut(self.length..self.length + 4) {
                place.copy_from_slice(&digits);
                self.length += usize::from(length);
            }
        }
        // There is no dot behind the last.
        self.length -= 1;
        if let Some(place) = self.bytes.get_mut(self.length..self.length + 4) {
            place.copy_from_slice(b"    ");
        }
    }

    /// RFC 5952, as the standard library has it.
    fn v6(&mut self, address: Ipv6Addr) {
        if let Some(mapped) = address.to_ipv4_mapped() {
            b"::ffff:".iter().for_each(|byte| self.push(*byte));
            return self.v4(mapped);
        }
        let groups = address.segments();
        // The first of the longest runs of zeros, of two at least.
        let (mut start, mut length, mut run) = (0, 1, 0);
        for (at, group) in groups.into_iter().enumerate() {
            run = if group == 0 { run + 1 } else { 0 };
            if run > length {
                (start, length) = (at + 1 - run, run);
            }
        }
        let zeros = if length > 1 { start..start + length } else { 8..8 };
        for (at, group) in groups.into_iter().enumerate() {
            if zeros.contains(&at) {
                if at == zeros.start {
                    self.push(b':');
                    self.push(b':');
                }
                continue;
            }
            if at > 0 && at != zeros.end {
                self.push(b':');
            }
            let digits = (16 - group.leading_zeros()).div_ceil(4).max(1);
            for digit in (0..digits).rev() {
                self.hex((group >> (4 * digit) & 0xf) as u8);
            }
        }
    }
}

impl Address {
    pub(super) fn text(self) -> AddressText {
        let mut text = AddressText { bytes: [b' '; LONGEST + 5], length: 0 };
        match self {
            Self::Ip(IpAddr::V4(address)) => text.v4(address),
            Self::Ip(IpAddr::V6(address)) => text.v6(address),
            Self::Mac(address) => {
                for (at, octet) in address.into_iter().enumerate() {
                    if at > 0 {
                        text.push(b':');
                    }
                    text.hex(octet >> 4);
                    text.hex(octet & 0xf);
                }
            }
            Self::None => {}
        }
        text
    }
}

impl Address {
    /// What it is called in a flow that began with this frame.
    pub(super) fn called(self, names: &Names, since: FrameNo) -> Called {
        match self {
            Self::Ip(address) => Called::of(names, address, since),
            Self::Mac(_) | Self::None => Called::NONE,
        }
    }

    /// The name that is shown in its place.
    pub(super) fn shown(self, names: &Names, since: FrameNo) -> Option<Arc<str>> {
        match self {
            Self::Ip(address) => named::shown(names, address, since),
            Self::Mac(_) | Self::None => None,
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(self.text().bytes()).unwrap_or_default())
    }
}

/// The names of a frame's layers, with what its stream carries where it brought some of it.
pub(super) struct Protocols<'a>(pub(super) &'a PacketView<'a>);

impl Serialize for Protocols<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let carries = match &view.packet.payload {
            Payload::Tcp(segment) => segment.payload_length > 0,
            Payload::Udp(_) => view.protocol.is_some_and(|protocol| protocol != Protocol::Unknown),
            _ => false,
        };
        let carried = view.brought().filter(|_| carries);
        let layers = view.packet.layers.iter().map(Layer::name);
        serializer.collect_seq(layers.chain(carried.map(Protocol::name)).map(Name))
    }
}

/// One line about a frame: its messages where it completes some, else what its innermost layer says.
pub(super) struct Info<'a>(pub(super) &'a PacketView<'a>);

impl Info<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> fmt::Result {
        let view = self.0;
        for (at, line) in view.messages.iter().enumerate() {
            if at > 0 {
                out.write_str(", ")?;
            }
            out.write_str(line.name)?;
            if let Some(id) = line.packet_id {
                out.write_str(" id=")?;
                out.write_str(itoa::Buffer::new().format(id))?;
            }
            if let Some(topic) = &line.topic {
                out.write_char(' ')?;
                Escaped(topic).write(out)?;
            }
        }
        for (at, reading) in view.readings.iter().enumerate() {
            if at > 0 || !view.messages.is_empty() {
                out.write_str(", ")?;
            }
            let info = if reading.info.is_empty() { reading.protocol.name() } else { &reading.info };
            Escaped(info.as_bytes()).write(out)?;
        }
        if !(view.messages.is_empty() && view.readings.is_empty()) {
            return Ok(());
        }
        if super::quic::write_packets(out, view.carried)? {
            return Ok(());
        }
        match (&view.packet.payload, view.verdict) {
            (Payload::Tcp(segment), Some(verdict)) => {
                let ack = verdict.relative_ack.unwrap_or(0);
                wire::write_tcp_info(out, segment, verdict.relative_seq, ack, verdict.window)
            }
            _ => wire::write_info(out, view.packet),
        }
    }
}

impl Serialize for Info<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Buffer::with_room(240);
        // Writing to memory can't fail.
        let _ = self.write(&mut text);
        serializer.serialize_str(text.text())
    }
}

/// Appends an address or its name, in a column that is so wide, of at most 44.
pub(super) fn address(out: &mut Buffer, address: Address, name: Option<&str>, width: usize) {
    if let Some(name) = name {
        out.put(name.as_bytes());
        (columns(name)..width).for_each(|_| out.put(b" "));
        return;
    }
    let text = address.text();
    // Behind it are blanks, of which no column needs more.
    let padded = text.length.max(width).min(text.bytes.len());
    out.put(text.bytes.get(..padded).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    fn text(address: Address) -> String {
        String::from_utf8(address.text().bytes().to_vec()).expect("ASCII")
    }

    proptest! {
        #[test]
        fn addresses_are_written_as_the_standard_library_does(
            v4 in any::<u32>(),
            groups in prop::array::uniform8(prop::sample::select(vec![0, 0, 0, 1, 0x1a, 0x2b3, 0xffff, 0xfe80])),
        ) {
            let v4 = Ipv4Addr::from(v4);
            prop_assert_eq!(text(Address::Ip(v4.into())), v4.to_string());
            for v6 in [groups.into(), v4.to_ipv6_mapped(), v4.to_ipv6_compatible()] {
                prop_assert_eq!(text(Address::Ip(Ipv6Addr::into(v6))), Ipv6Addr::to_string(&v6));
            }
        }
    }

    #[test]
    fn the_longest_addresses_have_room() {
        assert_eq!(text(Address::Ip(Ipv6Addr::from([0xffff; 8]).into())).len(), LONGEST);
        assert_eq!(text(Address::Mac([2, 0, 0xab, 0, 0, 0xf1])), "02:00:ab:00:00:f1");
        assert_eq!(text(Address::None), "");
    }
}
