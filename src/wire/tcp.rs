//! The TCP segment as it stands on the wire (RFC 9293, section 3.1) and its options.

use super::{Checksum, SeqNum};

/// The control bits, in the layout of the wire: FIN is bit 0, NS/AE is bit 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x001);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x020);
    /// ECN echo.
    pub const ECE: Self = Self(0x040);
    /// Congestion window reduced.
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (once the nonce sum).
    pub const AE: Self = Self(0x100);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[inline]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The names of the bits that are set, the lowest first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [&str; 9] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
        NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| name)
    }

    /// The bits of both.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A TCP segment. Numbers are as on the wire; `payload` is what was captured of `payload_length` bytes.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Sequence number of the first byte (of the SYN where it has one).
    pub seq: SeqNum,
    /// Acknowledgement number; meaningless without [`TcpFlags::ACK`].
    pub ack: SeqNum,
    /// Control bits.
    pub flags: TcpFlags,
    /// The window field, not scaled.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The checksum field.
    pub checksum_field: u16,
    /// What the checksum says.
    pub checksum: Checksum,
    /// Length of the header with its options, in bytes (the data offset times four).
    pub header_length: u8,
    /// The options.
    pub options: TcpOptions<'a>,
    /// The captured bytes of the payload, without Ethernet padding.
    pub payload: &'a [u8],
    /// The length of the payload on the wire in bytes, by the IP length (not by what was captured).
    pub payload_length: u32,
}

impl Segment<'_> {
    /// The length in sequence space (RFC 9293, SEG.LEN): payload, and one each for SYN and FIN.
    ///
    /// This is the only place that counts SYN and FIN into a length.
    #[inline]
    pub fn seq_len(&self) -> u32 {
        self.payload_length + u32::from(self.flags.has(TcpFlags::SYN)) + u32::from(self.flags.has(TcpFlags::FIN))
    }

    /// Whether the header has options beyond those that were captured.
    pub fn lacks_options(&self) -> bool {
        /// The length of a header without options.
        const FIXED: usize = 20;
        usize::from(self.header_length) > FIXED + self.options.0.len()
    }

    /// The sequence number after the segment.
    #[inline]
    pub fn seq_end(&self) -> SeqNum {
        self.seq.plus(self.seq_len())
    }
}

/// The option bytes of a segment; read them with [`TcpOptions::iter`] or one of the getters.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpOptions<'a>(pub &'a [u8]);

/// One TCP option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Kind 1.
    NoOperation,
    /// Kind 2: maximum segment size in bytes.
    MaximumSegmentSize(u16),
    /// Kind 3: the shift count of the window scale (RFC 7323); not limited to 14 here.
    WindowScale(u8),
    /// Kind 4.
    SackPermitted,
    /// Kind 5: the blocks as (left edge, right edge), at most four.
    Sack(SackBlocks),
    /// Kind 8: TSval and TSecr.
    Timestamps(u32, u32),
    /// Kind 19: the MD5 digest (RFC 2385).
    Md5(&'a [u8]),
    /// Kind 30: the bytes after kind and length (RFC 8684).
    Multipath(&'a [u8]),
    /// Kind 34, and 254 with the magic 0xF989: the Fast Open cookie, empty when it is asked for (RFC 7413).
    FastOpen(&'a [u8]),
    /// Any other kind with the bytes after its length.
    Other(u8, &'a [u8]),
}

/// The blocks of a SACK option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SackBlocks {
    blocks: [(SeqNum, SeqNum); 4],
    count: u8,
}

impl SackBlocks {
    /// The blocks in the order of the option; the first may be a DSACK (RFC 2883).
    pub fn as_slice(&self) -> &[(SeqNum, SeqNum)] {
        &self.blocks[..usize::from(self.count).min(self.blocks.len())]
    }
}

impl<'a> TcpOptions<'a> {
    /// The options in order, up to the end-of-list or the first that does not fit.
    pub fn iter(self) -> impl Iterator<Item = TcpOption<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (&kind, after_kind) = rest.split_first()?;
            if kind == 0 {
                return None;
            }
            if kind == 1 {
                rest = after_kind;
                return Some(TcpOption::NoOperation);
            }
            let (&length, _) = after_kind.split_first()?;
            // A length that does not cover itself, or that runs past the header, ends the list.
            let body = rest.get(2..usize::from(length))?;
            rest = rest.get(usize::from(length)..)?;
            Some(option(kind, body))
        })
    }

    /// TSval and TSecr (RFC 7323).
    #[inline]
    pub fn timestamps(self) -> Option<(u32, u32)> {
        match *self.0 {
            [] => None,
            // The layout nearly every segment has: two no-operations, then the option, and nothing else.
            [1, 1, 8, 10, a, b, c, d, e, f, g, h] => {
                Some((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
            }
            _ => self.find_timestamps(),
        }
    }

    fn find_timestamps(self) -> Option<(u32, u32)> {
        self.iter().find_map(|option| match option {
            TcpOption::Timestamps(value, echo) => Some((value, echo)),
            _ => None,
        })
    }

    /// The SACK blocks, if the option is there.
    #[inline]
    pub fn sack(self) -> Option<SackBlocks> {
        // A SACK option with its padding does not fit beside the timestamps in 12 bytes.
        if self.0.len() < 10 || (self.0.len() <= 12 && matches!(self.0, [1, 1, 8, 10, ..])) {
            return None;
        }
        self.find_sack()
    }

    fn find_sack(self) -> Option<SackBlocks> {
        self.iter().find_map(|option| match option {
            TcpOption::Sack(blocks) => Some(blocks),
            _ => None,
        })
    }
}

fn option(kind: u8, body: &[u8]) -> TcpOption<'_> {
    match (kind, body) {
        (2, &[a, b]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([a, b])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackPermitted,
        (5, body) if !body.is_empty() && body.len() % 8 == 0 => {
            let mut sack = SackBlocks::default();
            for (slot, block) in sack.blocks.iter_mut().zip(body.chunks_exact(8)) {
                if let [a, b, c, d, e, f, g, h] = *block {
                    *slot = (SeqNum(u32::from_be_bytes([a, b, c, d])), SeqNum(u32::from_be_bytes([e, f, g, h])));
                    sack.count += 1;
                }
            }
            TcpOption::Sack(sack)
        }
        (8, &[a, b, c, d, e, f, g, h]) => {
            TcpOption::Timestamps(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
        }
        (19, digest) => TcpOption::Md5(digest),
        (30, body) => TcpOption::Multipath(body),
        (34, cookie) | (254, [0xf9, 0x89, cookie @ ..]) => TcpOption::FastOpen(cookie),
        (kind, body) => TcpOption::Other(kind, body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_a_linux_syn_are_read_in_order() {
        let bytes = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7];
        let options: Vec<_> = TcpOptions(&bytes).iter().collect();
        assert_eq!(
            options,
            [
                TcpOption::MaximumSegmentSize(1460),
                TcpOption::SackPermitted,
                TcpOption::Timestamps(7, 0),
                TcpOption::NoOperation,
                TcpOption::WindowScale(7),
            ]
        );
    }

    #[test]
    fn an_option_that_runs_past_the_header_ends_the_list() {
        for bytes in [&[8u8, 10, 1][..], &[5, 1], &[5, 0], &[2], &[0, 2, 4, 1, 1]] {
            assert_eq!(TcpOptions(bytes).iter().count(), 0, "{bytes:?}");
        }
    }

    #[test]
    fn sack_blocks_are_found_behind_timestamps() {
        let mut bytes = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1, 5, 10];
        bytes.extend([0, 0, 0, 5, 0, 0, 0, 9]);
        let options = TcpOptions(&bytes);
        assert_eq!(options.timestamps(), Some((1, 2)));
        assert_eq!(options.sack().expect("a SACK option").as_slice(), [(SeqNum(5), SeqNum(9))]);
    }
}
