//! A segment as the rules look at it.

use crate::capture::Origin;
use crate::wire::{Segment, TcpFlags, TcpOption};

/// The largest shift of a window scale (RFC 7323, 2.3).
const LARGEST_SHIFT: u8 = 14;

/// Blocks of a SACK option, as (left edge, right edge).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Blocks {
    edges: [(u32, u32); 4],
    count: u8,
}

impl Blocks {
    /// How many blocks fit.
    pub(super) const LIMIT: usize = 4;

    pub(super) fn new(edges: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut blocks = Self::default();
        for (slot, edge) in blocks.edges.iter_mut().zip(edges) {
            *slot = edge;
            blocks.count += 1;
        }
        blocks
    }

    pub(super) fn as_slice(&self) -> &[(u32, u32)] {
        self.edges.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The first of them, at most `count`.
    pub(super) fn first(mut self, count: usize) -> Self {
        self.count = self.count.min(count as u8);
        self
    }

    /// How many bytes they report.
    pub(super) fn total(&self) -> u32 {
        self.as_slice().iter().fold(0, |sum, (left, right)| sum.wrapping_add(right.wrapping_sub(*left)))
    }
}

/// A segment as the rules look at it: absolute numbers, the window as it stands in the header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) seq: u32,
    /// The field, whether or not the segment has ACK.
    pub(super) ack: u32,
    pub(super) length: u32,
    pub(super) window: u32,
    pub(super) flags: TcpFlags,
    pub(super) origin: Origin,
    pub(super) ipv6: bool,
    pub(super) sack: Option<Blocks>,
    pub(super) scale: Option<u8>,
    pub(super) mss: Option<u16>,
    /// Whether it carries a Fast Open cookie.
    pub(super) cookie: bool,
    /// The kinds of its Multipath TCP options (RFC 8684, 3) as bits, and whether one of them names the connection.
    pub(super) multipath: (u8, bool),
}

impl Seen {
    pub(super) fn new(segment: &Segment<'_>, ipv6: bool, origin: Origin) -> Self {
        let mut seen = Self {
            seq: segment.seq.0,
            ack: segment.ack.0,
            length: segment.payload_length,
            window: u32::from(segment.window),
            flags: segment.flags,
            origin,
            ipv6,
            sack: segment
                .options
                .sack()
                .map(|blocks| Blocks::new(blocks.as_slice().iter().map(|(left, right)| (left.0, right.0)))),
            scale: None,
            mss: None,
            cookie: false,
            multipath: (0, false),
        };
        // A scale is believed outside of SYN as well, which only a strange stack sends; a few segments have
        // options other than timestamps.
        if !matches!(segment.options.0, [] | [1, 1, 8, 10, _, _, _, _, _, _, _, _]) {
            for option in segment.options.iter() {
                match option {
                    TcpOption::WindowScale(shift) => seen.scale = Some(shift.min(LARGEST_SHIFT)),
                    TcpOption::MaximumSegmentSize(size) => seen.mss = Some(size),
                    TcpOption::FastOpen(cookie) => seen.cookie |= !cookie.is_empty(),
                    TcpOption::Multipath([first, rest @ ..]) => {
                        let kind = first >> 4;
                        seen.multipath.0 |= 1_u8.checked_shl(u32::from(kind)).unwrap_or(0);
                        // MP_CAPABLE of version 1 has no key in the SYN.
                        seen.multipath.1 |= kind != 0 || matches!(rest.len() + 3, 12 | 20 | 22 | 24);
                    }
                    _ => {}
                }
            }
        }
        seen
    }

    pub(super) const fn has(&self, flag: TcpFlags) -> bool {
        self.flags.has(flag)
    }

    /// Whether it has any of SYN, FIN and RST.
    pub(super) const fn controls(&self) -> bool {
        self.flags.any(TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST))
    }

    /// 1 if it has SYN or FIN: here both together count once.
    pub(super) const fn extra(&self) -> u32 {
        self.flags.any(TcpFlags::SYN.with(TcpFlags::FIN)) as u32
    }

    /// The number after its data.
    pub(super) const fn data_end(&self) -> u32 {
        self.seq.wrapping_add(self.length)
    }
}

/// Whether `a` comes after `b` in sequence space.
pub(super) const fn after(a: u32, b: u32) -> bool {
    (b.wrapping_sub(a) as i32) < 0
}

/// Whether `a` comes before `b` in sequence space.
pub(super) const fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
