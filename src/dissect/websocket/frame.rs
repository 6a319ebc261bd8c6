//! The header of a WebSocket frame (RFC 6455, section 5.2).

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(
    /// Its four bits.
    pub u8,
);

impl Opcode {
    /// Goes on with a message.
    pub const CONTINUATION: Self = Self(0);
    /// Begins a message of text.
    pub const TEXT: Self = Self(1);
    /// Begins a message of bytes.
    pub const BINARY: Self = Self(2);
    /// Says that no more will be sent.
    pub const CLOSE: Self = Self(8);
    /// Asks for a pong.
    pub const PING: Self = Self(9);
    /// Answers a ping.
    pub const PONG: Self = Self(10);

    /// Whether it may stand between the fragments of a message (section 5.5).
    pub const fn is_control(self) -> bool {
        self.0 >= 8
    }

    /// Whether the specification leaves it without a meaning.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 3..=7 | 11..=15)
    }
}

/// The longest header: two bytes, eight of length, four of the mask.
pub(super) const LONGEST: usize = 14;

/// The most bytes that a control frame may carry (section 5.5).
pub(super) const CONTROL: u64 = 125;

/// A whole header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The last frame of its message.
    pub fin: bool,
    /// The three bits that extensions give a meaning to: 4 is RSV1, 1 is RSV3.
    pub reserved: u8,
    /// What it is for.
    pub opcode: Opcode,
    /// What its payload is masked with, if it is.
    pub key: Option<[u8; 4]>,
    /// Bytes of its payload.
    pub payload_length: u64,
    /// Bytes of the header itself.
    pub length: u8,
}

impl FrameHeader {
    /// The header at the front of these bytes; `None` as long as they are not all of it.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, behind @ ..] = bytes else { return None };
        let short = second & 0x7f;
        let (payload_length, behind) = match short {
            126 => {
                let (length, behind) = behind.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), behind)
            }
            127 => {
                let (length, behind) = behind.split_first_chunk()?;
                (u64::from_be_bytes(*length), behind)
            }
            short => (u64::from(short), behind),
        };
        let (key, behind) = if second & 0x80 == 0 {
            (None, behind)
        } else {
            let (key, behind) = behind.split_first_chunk()?;
            (Some(*key), behind)
        };
        Some(Self {
            fin: first & 0x80 != 0,
            reserved: first >> 4 & 7,
            opcode: Opcode(first & 15),
            key,
            payload_length,
            length: (bytes.len() - behind.len()) as u8,
        })
    }

    /// Whether its length has the shortest form, as it must (section 5.2).
    pub const fn is_minimal(&self) -> bool {
        let mask = if self.key.is_some() { 4 } else { 0 };
        let shortest = match self.payload_length {
            0..126 => 2,
            126..0x1_0000 => 4,
            _ => 10,
        };
        self.length == shortest + mask
    }

    /// Whether the highest bit of a long length is set, which no frame can have.
    pub const fn is_too_long(&self) -> bool {
        self.payload_length >> 63 != 0
    }

    /// Bytes of the whole frame.
    pub const fn frame_length(&self) -> u64 {
        self.payload_length.saturating_add(self.length as u64)
    }
}

/// Takes the mask away from bytes that stand so many behind the first of their payload, or puts it on (section 5.3).
pub fn unmask(bytes: &mut [u8], key: [u8; 4], passed: u64) {
    let key = rotated(key, passed);
    let mut words = bytes.chunks_exact_mut(4);
    for word in &mut words {
        word.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    }
    words.into_remainder().iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
}

/// The key as it counts for the byte that stands so many behind the first.
pub(super) const fn rotated(key: [u8; 4], passed: u64) -> [u8; 4] {
    u32::from_be_bytes(key).rotate_left(8 * (passed % 4) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_each_length_are_read_and_none_that_is_cut() {
        let cases: [(&[u8], u64, u8); 6] = [
            (&[0x82, 5], 5, 2),
            (&[0x82, 0x85, 1, 2, 3, 4], 5, 6),
            (&[0x82, 126, 1, 0], 256, 4),
            (&[0x82, 0xfe, 1, 0, 1, 2, 3, 4], 256, 8),
            (&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65536, 10),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], 65536, 14),
        ];
        for (bytes, payload_length, length) in cases {
            let header = FrameHeader::read(bytes).expect("whole");
            assert_eq!((header.payload_length, header.length), (payload_length, length));
            assert!(header.fin && header.is_minimal() && header.opcode == Opcode::BINARY);
            for cut in 0..bytes.len() {
                assert_eq!(FrameHeader::read(&bytes[..cut]), None);
            }
        }
        let long = FrameHeader::read(&[0x82, 126, 0, 5]).expect("whole");
        assert!(!long.is_minimal());
        let huge = FrameHeader::read(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]).expect("whole");
        assert!(huge.is_too_long());
    }

    #[test]
    fn a_mask_can_be_taken_away_piece_by_piece() {
        // RFC 6455, section 5.7: a masked "Hello".
        let masked = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        for cut in 0..masked.len() {
            let mut bytes = masked;
            let (front, back) = bytes.split_at_mut(cut);
            unmask(front, [0x37, 0xfa, 0x21, 0x3d], 0);
            unmask(back, [0x37, 0xfa, 0x21, 0x3d], cut as u64);
            assert_eq!(&bytes, b"Hello");
        }
    }
}
