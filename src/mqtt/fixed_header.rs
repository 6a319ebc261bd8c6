//! The fixed header: type, flags and remaining length, the two to five bytes that every packet begins
//! with. Whether they fit the rest of the packet is not judged here.

use super::primitive::{Stop, u8, variable_integer};
use super::{PacketType, Version};

/// A whole fixed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    /// The type of the packet.
    pub packet_type: PacketType,
    /// The low four bits of the first byte.
    pub flags: u8,
    /// Bytes of the packet behind the fixed header, 0 to 268,435,455.
    pub remaining_length: u32,
    /// Bytes of the fixed header itself, 2 to 5.
    pub length: u8,
}

/// What the first bytes of a packet tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderRead {
    /// The whole header.
    Complete(FixedHeader),
    /// A header, as far as the bytes go.
    Partial,
    /// A remaining length that does not end with its fourth byte: the packet's end is not known.
    Malformed,
}

impl FixedHeader {
    /// Reads the header at the front of `bytes`.
    #[inline]
    pub fn read(bytes: &[u8]) -> HeaderRead {
        let Ok((behind, first)) = u8(bytes) else { return HeaderRead::Partial };
        match variable_integer(behind) {
            Ok((rest, remaining)) => HeaderRead::Complete(Self {
                packet_type: PacketType::from_bits(first >> 4),
                flags: first & 0x0f,
                remaining_length: remaining.value,
                length: (bytes.len() - rest.len()) as u8,
            }),
            Err(error) => match Stop::from(error) {
                Stop::Short(_) => HeaderRead::Partial,
                Stop::Malformed => HeaderRead::Malformed,
            },
        }
    }

    /// Bytes of the whole packet.
    pub const fn packet_length(self) -> u64 {
        self.length as u64 + self.remaining_length as u64
    }

    /// Its bytes, as they stood on the wire: a remaining length may be longer than it has to be.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        let digits = self.length.saturating_sub(1);
        let digit = move |at: u8| {
            let more = u8::from(at + 1 < digits) << 7;
            (self.remaining_length.checked_shr(7 * u32::from(at)).unwrap_or(0) & 0x7f) as u8 | more
        };
        std::iter::once((self.packet_type as u8) << 4 | self.flags).chain((0..digits).map(digit))
    }

    /// PUBLISH: sent before.
    pub const fn dup(self) -> bool {
        self.flags & 0b1000 != 0
    }

    /// PUBLISH: quality of service, 0 to 2, or the forbidden 3.
    pub const fn qos(self) -> u8 {
        self.flags >> 1 & 0b11
    }

    /// PUBLISH: retained, or to be retained.
    pub const fn retain(self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the remaining length has its shortest form.
    pub const fn is_minimal(self) -> bool {
        let shortest = match self.remaining_length {
            0..0x80 => 1,
            0x80..0x4000 => 2,
            0x4000..0x20_0000 => 3,
            _ => 4,
        };
        self.length == 1 + shortest
    }

    /// Whether no version allows such a header.
    #[inline]
    pub(super) fn breaks_every_version(self) -> bool {
        // 5.0 has every type but 0, and 3.1 the loosest flags.
        !self.packet_type.exists_in(Version::V5) || !self.flags_fit(Version::V31)
    }

    /// Whether the low four bits are legal for the type in `version`.
    ///
    /// Before 3.1.1 the bits were unused for most types, and requests carried DUP when sent again.
    pub const fn flags_fit(self, version: Version) -> bool {
        match self.packet_type.fixed_flags() {
            None => true,
            Some(0b0010) if matches!(version, Version::V31) => self.flags & 0b0111 == 0b0010,
            Some(flags) => self.flags == flags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cut_anywhere_is_partial() {
        let whole = [0x3b, 0xff, 0xff, 0xff, 0x7f];
        for cut in 0..whole.len() {
            assert_eq!(FixedHeader::read(&whole[..cut]), HeaderRead::Partial, "{cut}");
        }
        let HeaderRead::Complete(header) = FixedHeader::read(&whole) else { panic!("whole") };
        assert_eq!((header.dup(), header.qos(), header.retain()), (true, 1, true));
        assert_eq!(header.packet_length(), 268_435_460);
        assert!(header.is_minimal());
    }

    #[test]
    fn a_header_gives_back_the_bytes_that_it_was_read_from() {
        for bytes in [&[0x3b, 0xff, 0xff, 0xff, 0x7f][..], &[0xc0, 0x80, 0x00], &[0x10, 0x05], &[0xff, 0x80, 0x01]] {
            let HeaderRead::Complete(header) = FixedHeader::read(bytes) else { panic!("whole") };
            assert_eq!(header.bytes().collect::<Vec<_>>(), bytes);
        }
    }

    #[test]
    fn a_fifth_length_byte_is_malformed() {
        assert_eq!(FixedHeader::read(&[0x30, 0x80, 0x80, 0x80, 0x80, 0x01]), HeaderRead::Malformed);
    }

    #[test]
    fn a_padded_length_is_read_but_not_minimal() {
        let HeaderRead::Complete(header) = FixedHeader::read(&[0xc0, 0x80, 0x00]) else { panic!("whole") };
        assert_eq!((header.remaining_length, header.length, header.is_minimal()), (0, 3, false));
    }

    #[test]
    fn requests_may_carry_dup_in_3_1_only() {
        let HeaderRead::Complete(header) = FixedHeader::read(&[0x8a, 0]) else { panic!("whole") };
        assert!(header.flags_fit(Version::V31));
        assert!(!header.flags_fit(Version::V311));
    }
}
