//! The pcapng file: sections of blocks, each block framed by its length on both sides.
//!
//! It walks the blocks and keeps what later blocks depend on (byte order, interfaces). Like
//! [`super::pcap`] it reads bytes that are already in a [`Batch`]. Names, journal entries and private
//! blocks are passed over by their length.

mod interface;
mod option;
mod packet;
#[cfg(test)]
mod tests;

use super::bytes::Order;
use super::grammar::Scan;
use super::{Batch, Secrets};
use crate::time::Timestamp;
use interface::Interfaces;

/// Block type of the section header; it reads the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;

/// Type, total length, and the total length again at the end.
const FRAMING: usize = 12;
/// The longest block that is read whole: the longest frame (128 MiB) and as much again in options as
/// 256 of the longest comments take.
const LONGEST_BLOCK: u32 = (128 + 16) << 20;
/// How many bytes of secrets are kept of a file: thousands of TLS sessions.
const SECRETS_CAP: usize = 16 << 20;

/// Something odd in one block that did not hinder reading on; told once, with its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// A packet names an interface that was not described.
    UnknownInterface,
    /// A packet's captured length goes beyond its block.
    PacketBeyondBlock,
    /// A block is too short for its own fields.
    BlockTooShort,
    /// More secrets than are kept.
    TooManySecrets,
    /// More interfaces than are told apart.
    TooManyInterfaces,
}

impl Oddity {
    /// In words, for "`count` … first at byte …".
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::UnknownInterface => "packets name an interface that the file does not describe and are left out",
            Self::PacketBeyondBlock => "packets claim more bytes than their block holds and are left out",
            Self::BlockTooShort => "blocks are too short for their own fields and are left out",
            Self::TooManySecrets => "blocks of decryption secrets are beyond the 16 MiB that are kept",
            Self::TooManyInterfaces => "interfaces are beyond the 65536 that are told apart",
        }
    }
}

/// How often an oddity was met, and where first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Oddities {
    pub(super) what: Oddity,
    pub(super) count: u64,
    pub(super) first_offset: u64,
}

/// A block that is passed over without being held in memory.
#[derive(Debug, Clone, Copy)]
struct Passing {
    /// Bytes still to pass, the closing length included.
    left: u64,
    total: u32,
}

/// The pcapng grammar and what it must remember between blocks.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Interfaces,
    /// The time of the packet before: the only time there is for a Simple Packet Block.
    last_time: Timestamp,
    passing: Option<Passing>,
    oddities: Vec<Oddities>,
    secrets: Vec<Secrets>,
    secret_bytes: usize,
}

impl Default for Pcapng {
    fn default() -> Self {
        Self {
            order: Order::Little,
            interfaces: Interfaces::default(),
            last_time: Timestamp::default(),
            passing: None,
            oddities: Vec::new(),
            secrets: Vec::new(),
            secret_bytes: 0,
        }
    }
}

impl Pcapng {
    /// What was odd so far.
    pub(super) fn oddities(&self) -> &[Oddities] {
        &self.oddities
    }

    /// The decryption secrets so far.
    pub(super) fn secrets(&self) -> &[Secrets] {
        &self.secrets
    }

    /// The name of an interface, by its number in the file.
    pub(super) fn interface_name(&self, number: u32) -> Option<&str> {
        self.interfaces.name(number)
    }

    /// Frames dropped by the kernel and by the interfaces, by the last statistics of each interface.
    pub(super) fn drops(&self) -> (Option<u64>, Option<u64>) {
        self.interfaces.drops()
    }

    /// Whether it is in the middle of a block that it passes over.
    pub(super) fn is_passing(&self) -> bool {
        self.passing.is_some()
    }

    fn note(&mut self, what: Oddity, offset: u64) {
        match self.oddities.iter_mut().find(|seen| seen.what == what) {
            Some(seen) => seen.count += 1,
            None => self.oddities.push(Oddities { what, count: 1, first_offset: offset }),
        }
    }

    /// Reads every complete block from `at` on; `offset` is where the batch's first byte stands in the file.
    pub(super) fn scan(&mut self, batch: &mut Batch, mut at: usize, offset: u64) -> Scan {
        loop {
            if let Some(passing) = self.passing {
                match self.pass(passing, batch, at) {
                    Ok(next) => at = next,
                    Err(scan) => return scan,
                }
                continue;
            }
            let rest = batch.bytes().get(at..).unwrap_or_default();
            let Some(&[a, b, c, d, e, f, g, h]) = rest.first_chunk::<8>() else {
                return Scan::need(at, FRAMING as u64);
            };
            // The section header sets the byte order, also of its own length.
            let order = if Order::Big.of_u32([a, b, c, d]) == SECTION_HEADER {
                match rest.get(8..).and_then(<[u8]>::first_chunk) {
                    Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
                    Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
                    Some(_) => return Scan::damaged(at, "a section header without a byte-order mark"),
                    None => return Scan::need(at, FRAMING as u64),
                }
            } else {
                self.order
            };
            let kind = order.of_u32([a, b, c, d]);
            let total = order.of_u32([e, f, g, h]);
            // The length counts whole words: bodies are padded to 32 bits.
            if (total as usize) < FRAMING || !total.is_multiple_of(4) {
                return Scan::damaged(at, format!("a block of type {kind:#x} claims a length of {total} bytes"));
            }
            let wanted = matches!(
                kind,
                SECTION_HEADER
                    | INTERFACE_DESCRIPTION
                    | OBSOLETE_PACKET
                    | SIMPLE_PACKET
                    | INTERFACE_STATISTICS
                    | ENHANCED_PACKET
                    | DECRYPTION_SECRETS
            );
            if !wanted {
                self.passing = Some(Passing { left: u64::from(total), total });
                continue;
            }
            if total > LONGEST_BLOCK {
                return Scan::damaged(at, format!("a block of type {kind:#x} claims a length of {total} bytes"));
            }
            let Some(block) = rest.get(..total as usize) else { return Scan::need(at, u64::from(total)) };
            let Some((framed, closing)) = block.split_last_chunk::<4>() else {
                return Scan::need(at, u64::from(total));
            };
            let closing = order.of_u32(*closing);
            if closing != total {
                return Scan::damaged(at, mismatch(total, closing));
            }
            let body = framed.get(8..).unwrap_or_default();
            let place = offset.wrapping_add(at as u64);
            match kind {
                SECTION_HEADER => {
                    let version = body.get(4..).map(|rest| order.u16(rest));
                    match version {
                        Some(Ok((_, 1))) => {}
                        Some(Ok((_, major))) => {
                            return Scan::damaged(at, format!("a section of the unknown version {major}"));
                        }
                        _ => return Scan::damaged(at, "a section header that is too short"),
                    }
                    self.order = order;
                    self.interfaces.begin_section();
                }
                INTERFACE_DESCRIPTION => {
                    if let Err(oddity) = self.interfaces.describe(order, body) {
                        self.note(oddity, place);
                    }
                }
                INTERFACE_STATISTICS => {
                    if let Err(oddity) = self.interfaces.count_drops(order, body) {
                        self.note(oddity, place);
                    }
                }
                DECRYPTION_SECRETS => match keep_secrets(order, body, SECRETS_CAP - self.secret_bytes) {
                    Ok(secrets) => {
                        self.secret_bytes += secrets.bytes.len() + 64;
                        self.secret_bytes = self.secret_bytes.min(SECRETS_CAP);
                        batch.secrets(secrets.clone());
                        self.secrets.push(secrets);
                    }
                    Err(oddity) => self.note(oddity, place),
                },
                _ => match packet::read(kind, order, body, &self.interfaces, self.last_time) {
                    Ok(packet) => {
                        self.last_time = packet.header.time;
                        let start = at + 8 + packet.start;
                        batch.push_range(packet.header, start..start + packet.captured);
                        for comment in packet.comments {
                            batch.comment(comment);
                        }
                    }
                    Err(oddity) => self.note(oddity, place),
                },
            }
            at += total as usize;
        }
    }

    /// Passes over a block that holds nothing for us, then checks the length at its end.
    fn pass(&mut self, passing: Passing, batch: &Batch, at: usize) -> Result<usize, Scan> {
        const CLOSING: u64 = 4;
        let rest = batch.bytes().get(at..).unwrap_or_default();
        let body = passing.left.saturating_sub(CLOSING).min(rest.len() as u64);
        let left = passing.left - body;
        let at = at + body as usize;
        self.passing = Some(Passing { left, ..passing });
        let closing = rest.get(body as usize..).and_then(<[u8]>::first_chunk::<4>);
        match closing {
            Some(&closing) if left == CLOSING => {
                let closing = self.order.of_u32(closing);
                if closing != passing.total {
                    return Err(Scan::damaged(at, mismatch(passing.total, closing)));
                }
                self.passing = None;
                Ok(at + CLOSING as usize)
            }
            _ => Err(Scan::need(at, left)),
        }
    }
}

fn mismatch(total: u32, closing: u32) -> String {
    format!("a block's length is {total} bytes at its begin and {closing} at its end")
}

/// Decryption Secrets Block: type, length, bytes, padding.
fn keep_secrets(order: Order, body: &[u8], room: usize) -> Result<Secrets, Oddity> {
    let parsed = order.u32(body).and_then(|(rest, kind)| {
        let (rest, length) = order.u32(rest)?;
        super::bytes::slice(rest, length as usize).map(|(rest, bytes)| (rest, (kind, bytes)))
    });
    let Ok((_, (kind, bytes))) = parsed else { return Err(Oddity::BlockTooShort) };
    if bytes.len() + 64 > room {
        return Err(Oddity::TooManySecrets);
    }
    Ok(Secrets { kind, bytes: bytes.to_vec() })
}
