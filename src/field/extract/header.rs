//! One header of a frame, and how plain fields are read from it.

use std::borrow::Cow;

use super::datagrams::DatagramFacts;
use super::streams::Facts;
use super::{FrameRow, number, visible};
use crate::engine::PacketView;
use crate::field::registry::Bits;
use crate::field::value::{Kind, Value};
use crate::wire::{Layer, Payload, Segment};

/// Takes values, one after the other.
pub(in crate::field) type Take<'t, 'a> = &'t mut (dyn FnMut(Value<'a>) + 't);

/// A header with what it carries.
#[derive(Debug, Clone, Copy)]
pub(in crate::field) struct Header<'a> {
    pub(super) layer: Layer,
    /// What tells headers of the layer apart: the type of a VLAN tag, the protocol number of an extension header.
    pub(super) kind: u16,
    /// From its first byte to the end of what holds it, as far as captured.
    pub(super) data: &'a [u8],
    /// How many bytes that is on the wire.
    pub(super) length: usize,
    /// It stands in what an ICMP error quotes.
    pub(super) quoted: bool,
    /// What following its conversation says of it, if it is that of a datagram.
    pub(super) datagram: Option<DatagramFacts>,
    pub(super) row: &'a FrameRow<'a>,
}

impl<'a> Header<'a> {
    /// The bytes at a place, if they are all there.
    pub(super) fn bytes(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.data.get(at..at.checked_add(length)?)
    }

    /// The header with all that follows in what holds it. Of some protocols Wireshark takes that for the header's own.
    pub(super) fn whole(&self) -> Value<'a> {
        let own = match self.layer {
            Layer::Ethernet => 14,
            Layer::Vlan => 4,
            Layer::Ipv4 => self.data.first().map_or(0, |first| usize::from(first & 15) * 4),
            Layer::Ipv6 => 40,
            Layer::Udp => 8,
            _ => usize::MAX,
        };
        Value::Header(visible(self.row, self.data), own.min(self.data.len()))
    }

    /// The number in one to eight bytes at a place.
    pub(super) fn number(&self, at: usize, length: usize) -> Option<u64> {
        Some(self.bytes(at, length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Takes a number.
    pub(super) fn take_number(&self, at: usize, length: usize, take: Take<'_, 'a>) {
        if let Some(number) = self.number(at, length) {
            take(Value::Unsigned(number));
        }
    }

    /// Takes bits of the header as a value of the field's type.
    pub(super) fn bits(&self, bits: Bits, kind: Kind, take: Take<'_, 'a>) {
        let Bits { at, bytes, mask } = bits;
        let Some(raw) = self.bytes(usize::from(at), usize::from(bytes)) else { return };
        match kind {
            Kind::Ipv4 => take_chunk(raw, |raw: [u8; 4]| Value::Ipv4(raw.into()), take),
            Kind::Ipv6 => take_chunk(raw, |raw: [u8; 16]| Value::Ipv6(raw.into()), take),
            Kind::Ethernet => take_chunk(raw, Value::Ethernet, take),
            Kind::Bytes | Kind::Protocol => take(Value::Bytes(Cow::Borrowed(raw))),
            Kind::Text => take(Value::Text(Cow::Borrowed(raw))),
            Kind::Label => take(Value::Label),
            Kind::Boolean
            | Kind::Unsigned(_)
            | Kind::Signed(_)
            | Kind::Float
            | Kind::Time
            | Kind::Duration
            | Kind::FrameNumber => {
                let whole = raw.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
                take(number(kind, (whole & u64::from(mask)) >> mask.trailing_zeros()));
            }
        }
    }

    /// The frame with all that was found in it.
    pub(super) const fn view(&self) -> &'a PacketView<'a> {
        self.row.view
    }

    /// The segment that begins here; a quoted header is none.
    pub(super) const fn segment(&self) -> Option<&'a Segment<'a>> {
        match &self.view().packet.payload {
            Payload::Tcp(segment) if !self.quoted => Some(segment),
            _ => None,
        }
    }

    /// What following the connection says of the segment that begins here.
    pub(super) const fn facts(&self) -> Option<&'a Facts> {
        if self.quoted { None } else { self.row.extractor.facts.as_ref() }
    }
}

/// Takes the beginning of some bytes as a value.
pub(super) fn take_chunk<'a, const N: usize>(raw: &[u8], value: impl FnOnce([u8; N]) -> Value<'a>, take: Take<'_, 'a>) {
    if let Some(chunk) = raw.first_chunk() {
        take(value(*chunk));
    }
}

/// Takes a text that was made.
pub(super) fn take_text(text: &impl ToString, take: Take<'_, '_>) {
    take(Value::Text(Cow::Owned(text.to_string().into_bytes())));
}

/// The number that Wireshark has for what a checksum says: 0 bad, 1 good, 2 not verified.
pub(super) const fn checksum_number(checksum: crate::wire::Checksum) -> u64 {
    match checksum {
        crate::wire::Checksum::Bad => 0,
        crate::wire::Checksum::Good => 1,
        // Offload is no fault of the wire, and proves nothing either.
        crate::wire::Checksum::Offloaded | crate::wire::Checksum::Unknown => 2,
    }
}
