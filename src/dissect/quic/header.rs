//! The headers of QUIC packets, as far as nothing protects them (RFC 9000, section 17; RFC 8999), and the numbers of
//! variable length that they are made of (section 16).

use crate::flow::ConnectionId;

/// QUIC version 1 (RFC 9000).
pub(super) const V1: u32 = 1;
/// QUIC version 2 (RFC 9369).
pub(super) const V2: u32 = 0x6b33_43cf;

/// The least bytes of a datagram that holds a client's Initial packet (RFC 9000, section 14.1).
pub(super) const LEAST_INITIAL: u32 = 1200;

/// The bit that tells a long header from a short one.
const LONG: u8 = 0x80;
/// The bit that is always set, unless both ends have agreed on chance (RFC 9287).
const FIXED: u8 = 0x40;

/// The name of a version.
pub const fn quic_version_name(version: u32) -> Option<&'static str> {
    Some(match version {
        V1 => "1",
        V2 => "2",
        _ => return None,
    })
}

/// Whether packets of a version are read here.
pub(super) const fn is_read(version: u32) -> bool {
    matches!(version, V1 | V2)
}

/// Whether a number in the place of a version is one that ends may well say: drafts, and those that are there to be refused
/// (RFC 9000, section 15).
const fn is_plausible(version: u32) -> bool {
    is_read(version) || version & 0xffff_ff00 == 0xff00_0000 || version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// Whether a datagram may begin with a long header of QUIC, by a few comparisons: it is asked of each datagram there is.
#[inline]
pub fn may_be_quic(bytes: &[u8], length: u32) -> bool {
    let [first, a, b, c, d, ..] = *bytes else { return false };
    if first & LONG == 0 {
        return false;
    }
    let version = u32::from_be_bytes([a, b, c, d]);
    match version {
        0 => length >= 7,
        V1 | V2 => first & FIXED != 0,
        other => length >= LEAST_INITIAL && is_plausible(other),
    }
}

/// Fields one after the other, with numbers of variable length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    /// The place of the next so many bytes, which are passed over.
    pub(super) fn range(&mut self, length: u64) -> Option<std::ops::Range<u32>> {
        let start = self.at as u32;
        self.take(usize::try_from(length).ok()?)?;
        Some(start..self.at as u32)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A number of one, two, four or eight bytes, as its first two bits say (RFC 9000, section 16).
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = *self.bytes.get(self.at)?;
        let bytes = self.take(1 << (first >> 6))?;
        let number = bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        Some(number & (u64::MAX >> (66 - 8 * bytes.len())))
    }

    /// A connection id behind its length.
    pub(super) fn connection_id(&mut self) -> Option<ConnectionId> {
        let length = usize::from(self.u8()?);
        ConnectionId::new(self.take(length)?)
    }
}

/// What kind of packet (RFC 9000, section 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuicPacketType {
    /// The first of both ends: their hellos.
    Initial,
    /// Data that a client sends before the server has answered.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// The server wants the client to show that it has its address.
    Retry,
    /// The server does not speak the client's version.
    VersionNegotiation,
    /// Data, with a short header.
    OneRtt,
    /// Of a version that is not read here.
    Unknown,
}

impl QuicPacketType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Initial,
        Self::ZeroRtt,
        Self::Handshake,
        Self::Retry,
        Self::VersionNegotiation,
        Self::OneRtt,
        Self::Unknown,
    ];

    /// Its name, as Wireshark's list of packets has it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Initial => "Initial",
            Self::ZeroRtt => "0-RTT",
            Self::Handshake => "Handshake",
            Self::Retry => "Retry",
            Self::VersionNegotiation => "Version Negotiation",
            Self::OneRtt => "Protected Payload",
            Self::Unknown => "Payload of an unknown version",
        }
    }

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::ZeroRtt => "zero_rtt",
            Self::Handshake => "handshake",
            Self::Retry => "retry",
            Self::VersionNegotiation => "version_negotiation",
            Self::OneRtt => "one_rtt",
            Self::Unknown => "unknown",
        }
    }

    /// Version 2 has exchanged the numbers of the types (RFC 9369, section 3.2).
    const fn of(version: u32, first: u8) -> Self {
        let number = first >> 4 & 3;
        let number = if version == V2 { (number + 3) & 3 } else { number };
        match number {
            0 => Self::Initial,
            1 => Self::ZeroRtt,
            2 => Self::Handshake,
            _ => Self::Retry,
        }
    }
}

/// A packet, with what its header says before its protection is taken off.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawPacket<'a> {
    pub(super) kind: QuicPacketType,
    /// Zero in short headers.
    pub(super) version: u32,
    pub(super) destination: ConnectionId,
    pub(super) source: ConnectionId,
    /// The token of an Initial or a Retry packet; of a Version Negotiation the versions.
    pub(super) token: &'a [u8],
    /// What the header says of its length; of a packet that goes on to the end of its datagram how much there is.
    pub(super) length: u64,
    /// From its first byte to its end, as far as it was captured.
    pub(super) bytes: &'a [u8],
    /// Where its number begins.
    pub(super) number_at: usize,
    /// Whether all of its bytes were captured.
    pub(super) is_whole: bool,
}

impl<'a> RawPacket<'a> {
    /// The first byte, as it stands there.
    pub(super) fn first(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    /// Takes the first packet of what is left of a datagram, of which `length` bytes were sent. Short headers do not say how
    /// long their connection id is: the caller has to know.
    pub(super) fn read(bytes: &'a [u8], length: u32, id_length: usize) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let first = cursor.u8()?;
        let empty = ConnectionId::default();
        if first & LONG == 0 {
            let destination = ConnectionId::new(cursor.take(id_length)?)?;
            return Some(Self {
                kind: QuicPacketType::OneRtt,
                version: 0,
                destination,
                source: empty,
                token: &[],
                length: u64::from(length),
                bytes,
                number_at: cursor.at(),
                is_whole: bytes.len() >= length as usize,
            });
        }
        let version = cursor.u32()?;
        let (destination, source) = (cursor.connection_id()?, cursor.connection_id()?);
        let header = cursor.at();
        let to_end = Self {
            kind: QuicPacketType::Unknown,
            version,
            destination,
            source,
            token: bytes.get(header..).unwrap_or_default(),
            length: u64::from(length),
            bytes,
            number_at: header,
            is_whole: bytes.len() >= length as usize,
        };
        if version == 0 {
            return Some(Self { kind: QuicPacketType::VersionNegotiation, ..to_end });
        }
        if !is_read(version) {
            return Some(to_end);
        }
        let kind = QuicPacketType::of(version, first);
        if kind == QuicPacketType::Retry {
            // The tag has 16 bytes (RFC 9001, section 5.8).
            let token = to_end.token.split_last_chunk::<16>().map_or(&[][..], |(token, _)| token);
            return Some(Self { kind, token, ..to_end });
        }
        let token = if kind == QuicPacketType::Initial {
            let length = cursor.varint()?;
            cursor.take(usize::try_from(length).ok()?)?
        } else {
            &[]
        };
        let said = cursor.varint()?;
        let number_at = cursor.at();
        let end = u64::try_from(number_at).ok()?.checked_add(said)?;
        // What was not captured may be there; what was not sent can't be.
        if end > u64::from(length) {
            return None;
        }
        let is_whole = end <= bytes.len() as u64;
        let bytes = bytes.get(..end as usize).unwrap_or(bytes);
        Some(Self { kind, token, length: said, bytes, number_at, is_whole, ..to_end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        // RFC 9000, A.1.
        for (bytes, number) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d][..], 494_878_333),
            (&[0x7b, 0xbd][..], 15_293),
            (&[0x25][..], 37),
            (&[0x40, 0x25][..], 37),
        ] {
            assert_eq!(Cursor::new(bytes).varint(), Some(number));
            assert_eq!(Cursor::new(&bytes[..bytes.len() - 1]).varint(), None);
        }
    }

    #[test]
    fn only_a_few_first_bytes_are_looked_at_further() {
        assert!(may_be_quic(&[0xc0, 0, 0, 0, 1, 8], 1200));
        assert!(may_be_quic(&[0xd3, 0x6b, 0x33, 0x43, 0xcf, 8], 1200));
        assert!(may_be_quic(&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8], 1200));
        assert!(!may_be_quic(&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8], 1199));
        // A name's question, a time server's, a short header, RTP.
        assert!(!may_be_quic(&[0x12, 0x34, 1, 0, 0, 1], 30));
        assert!(!may_be_quic(&[0x23, 0, 0, 0, 1, 0], 48));
        assert!(!may_be_quic(&[0x40, 0, 0, 0, 1, 0], 48));
        assert!(!may_be_quic(&[0x80, 0x60, 0x12, 0x34, 0x56, 0], 1300));
    }

    #[test]
    fn a_packet_ends_where_its_length_says() {
        let mut bytes = vec![0xe0, 0, 0, 0, 1, 2, 7, 7, 1, 9, 3, 0xaa, 0xbb, 0xcc];
        bytes.extend([0x40, 7, 7, 1]);
        let length = bytes.len() as u32;
        let first = RawPacket::read(&bytes, length, 2).expect("a packet");
        assert_eq!((first.kind, first.bytes.len(), first.is_whole), (QuicPacketType::Handshake, 14, true));
        let second = RawPacket::read(&bytes[14..], length - 14, 2).expect("a packet");
        assert_eq!((second.kind, second.destination), (QuicPacketType::OneRtt, first.destination));
        assert!(RawPacket::read(&bytes[..13], length, 2).is_some_and(|cut| !cut.is_whole));
        assert!(RawPacket::read(&bytes[..13], 13, 2).is_none(), "longer than what was sent");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), length in 0u32..100, id in 0usize..30) {
            let _ = (may_be_quic(&bytes, length), RawPacket::read(&bytes, length, id));
            let mut long = vec![0xc1, 0, 0, 0, 1];
            long.extend(&bytes);
            let _ = RawPacket::read(&long, length, id);
        }
    }
}
