//! The classic pcap file: a header of 24 bytes, then one record per frame.
//!
//! Both byte orders, micro- and nanoseconds, and the variant with longer record headers. It reads
//! bytes that are already in a [`Batch`]; fetching them is the work of [`super::file`].

use super::bytes::{Order, Parsed, take};
use super::grammar::{Scan, longest_capture};
use super::{Batch, FrameHeader, LinkType};
use crate::time::Timestamp;

/// The length of the file header in bytes.
const FILE_HEADER: usize = 24;
/// The length of an ordinary record header in bytes.
const RECORD_HEADER: usize = 16;

/// What the first four bytes tell of a pcap file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Magic {
    order: Order,
    nanoseconds: bool,
    /// Bytes between a record's header and its data: 8 in the "modified" format of a patch to libpcap
    /// from the nineties (interface index, protocol, packet type), which some devices still write.
    extra: usize,
}

impl Magic {
    pub(super) fn read(bytes: [u8; 4]) -> Option<Self> {
        [Order::Little, Order::Big].into_iter().find_map(|order| {
            let (nanoseconds, extra) = match order.of_u32(bytes) {
                0xa1b2_c3d4 => (false, 0),
                0xa1b2_3c4d => (true, 0),
                0xa1b2_cd34 => (false, 8),
                _ => return None,
            };
            Some(Self { order, nanoseconds, extra })
        })
    }
}

/// The header of a pcap file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    magic: Magic,
    /// Version 2.4 and later; before, a record's two lengths stood in the other order.
    lengths_in_order: bool,
    link: LinkType,
    fcs_length: u8,
    /// The captured length beyond which a record is damaged.
    longest: u32,
}

/// Reads the file header; `None` for a value where the magic is not one of pcap's.
fn file_header(input: &[u8]) -> Parsed<'_, Option<FileHeader>> {
    let (input, magic) = take(input)?;
    let Some(magic) = Magic::read(magic) else { return Ok((input, None)) };
    let order = magic.order;
    let (input, major) = order.u16(input)?;
    let (input, minor) = order.u16(input)?;
    // The zone and the accuracy of the times: always 0, and ignored by every reader.
    let (input, _) = take::<8>(input)?;
    let (input, snaplen) = order.u32(input)?;
    let (input, link_word) = order.u32(input)?;
    let (link, fcs_length) = split_link_word(link_word);
    let longest = longest_capture(link, snaplen);
    let lengths_in_order = (major, minor) >= (2, 4) && major != 543;
    Ok((input, Some(FileHeader { magic, lengths_in_order, link, fcs_length, longest })))
}

/// Splits the link type word: the type in the lower 16 bits; if bit 26 is set, the upper four bits are
/// the length of the frame check sequence in units of 16 bits.
fn split_link_word(word: u32) -> (LinkType, u8) {
    const FCS_LENGTH_PRESENT: u32 = 0x0400_0000;
    let fcs_length = if word & FCS_LENGTH_PRESENT == 0 { 0 } else { (word >> 28) as u8 * 2 };
    (LinkType(word as u16), fcs_length)
}

/// The pcap grammar: where in the file it is, which is only whether the header was read.
#[derive(Debug, Default)]
pub(super) struct Pcap {
    header: Option<FileHeader>,
}

impl Pcap {
    /// Whether the file header was read.
    pub(super) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Pushes every complete record from `at` on.
    pub(super) fn scan(&mut self, batch: &mut Batch, mut at: usize) -> Scan {
        let header = match self.header {
            Some(header) => header,
            None => match file_header(batch.bytes().get(at..).unwrap_or_default()) {
                Ok((_, Some(header))) => {
                    at += FILE_HEADER;
                    *self.header.insert(header)
                }
                Ok((_, None)) => return Scan::damaged(at, "no pcap file header"),
                Err(_) => return Scan::need(at, FILE_HEADER as u64),
            },
        };
        // Two copies of the loop, so that the byte order costs nothing per record.
        match header.magic.order {
            Order::Little => records::<true>(header, batch, at),
            Order::Big => records::<false>(header, batch, at),
        }
    }
}

/// The loop over records: the hot path of reading. No allocation, one slot written per record.
fn records<const LITTLE: bool>(header: FileHeader, batch: &mut Batch, mut at: usize) -> Scan {
    let order = if LITTLE { Order::Little } else { Order::Big };
    let header_length = RECORD_HEADER + header.magic.extra;
    let nanos_per_unit = if header.magic.nanoseconds { 1 } else { 1000 };
    loop {
        let rest = batch.bytes().get(at..).unwrap_or_default();
        let Some(&[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]) = rest.first_chunk::<RECORD_HEADER>() else {
            return Scan::need(at, header_length as u64);
        };
        let seconds = order.of_u32([a, b, c, d]);
        let fraction = order.of_u32([e, f, g, h]);
        let (mut captured, mut length) = (order.of_u32([i, j, k, l]), order.of_u32([m, n, o, p]));
        if !header.lengths_in_order && captured > length {
            std::mem::swap(&mut captured, &mut length);
        }
        if captured > header.longest {
            return Scan::damaged(at, format!("a record claims {captured} captured bytes"));
        }
        let start = at + header_length;
        let end = start + captured as usize;
        if end > batch.bytes_held() {
            return Scan::need(at, (end - at) as u64);
        }
        // A fraction beyond one second is written by careless tools; it is added, as others do.
        let time = Timestamp::from_nanos(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * nanos_per_unit);
        let frame = FrameHeader {
            time,
            link: header.link,
            length: length.max(captured),
            interface: 0,
            fcs_length: header.fcs_length,
        };
        batch.push_range(frame, start..end);
        at = end;
    }
}

#[cfg(test)]
#[path = "pcap_tests.rs"]
mod tests;
