//! What the grammars of capture files have in common: how they answer, and how much they believe.
//!
//! Recognising a format is here too; reading the input is not.

use super::bytes::Order;
use super::pcap::Pcap;
use super::pcapng::{self, Pcapng};
use super::{Batch, LinkType};

/// What a grammar found in the bytes that it was given.
#[derive(Debug)]
pub(super) struct Scan {
    /// How far it read: the position in the batch's bytes of the first record that is not complete.
    pub(super) at: usize,
    /// Why it stopped there.
    pub(super) stop: Stop,
}

/// Why a grammar stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The record that begins there needs this many bytes in all, as far as is known yet.
    Need(u64),
    /// The file is damaged there, and nothing after it can be trusted.
    Damaged(String),
}

impl Scan {
    pub(super) fn need(at: usize, bytes: u64) -> Self {
        Self { at, stop: Stop::Need(bytes) }
    }

    pub(super) fn damaged(at: usize, what: impl Into<String>) -> Self {
        Self { at, stop: Stop::Damaged(what.into()) }
    }
}

/// The grammar that a file turned out to have.
#[derive(Debug)]
pub(super) enum Grammar {
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

/// What the first bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pcap,
    Pcapng,
}

/// How many bytes [`recognise`] wants to see.
pub(super) const MAGIC_LENGTH: usize = 4;

/// Tells the format by the first bytes; never by the name, which people change.
pub(super) fn recognise(bytes: &[u8]) -> Option<Format> {
    let magic = *bytes.first_chunk::<MAGIC_LENGTH>()?;
    if super::pcap::Magic::read(magic).is_some() {
        Some(Format::Pcap)
    } else if Order::Big.of_u32(magic) == pcapng::SECTION_HEADER {
        Some(Format::Pcapng)
    } else {
        None
    }
}

impl Grammar {
    pub(super) fn new(format: Format) -> Self {
        match format {
            Format::Pcap => Self::Pcap(Pcap::default()),
            Format::Pcapng => Self::Pcapng(Box::default()),
        }
    }

    /// Pushes every complete record that begins at `at` or later. `offset` is the place of the batch's
    /// first byte in the file.
    pub(super) fn scan(&mut self, batch: &mut Batch, at: usize, offset: u64) -> Scan {
        match self {
            Self::Pcap(pcap) => pcap.scan(batch, at),
            Self::Pcapng(pcapng) => pcapng.scan(batch, at, offset),
        }
    }

    /// What the piece that is being read is called: "file header", "record" or "block".
    pub(super) fn piece(&self) -> &'static str {
        match self {
            Self::Pcap(pcap) if pcap.has_header() => "record",
            Self::Pcap(_) => "file header",
            Self::Pcapng(_) => "block",
        }
    }
}

/// The most that any frame may hold: D-Bus messages reach 128 MiB, as do USB transfers.
const LONGEST_MESSAGE: u32 = 128 << 20;
/// The most that a frame from a network card may hold. Cards and the kernel hand over 64 KiB and, with
/// large receive offload, a few times that; 16 MiB is far beyond and still harmless to buffer.
const LONGEST_FRAME: u32 = 16 << 20;
/// How far beyond the snap length a frame may go: writers are known to note a snap length that they
/// then do not keep; what goes beyond it by more than libpcap's largest frame is a damaged length.
const SNAPLEN_SLACK: u32 = 256 << 10;

/// The captured length beyond which a record is taken for damaged.
pub(super) fn longest_capture(link: LinkType, snaplen: u32) -> u32 {
    // 189, 220, 249, 266: USB with its Linux, mmapped, USBPcap and Darwin headers.
    let most =
        if link == LinkType::DBUS || matches!(link.0, 189 | 220 | 249 | 266) { LONGEST_MESSAGE } else { LONGEST_FRAME };
    // A snap length of 0 means "none was set".
    if snaplen == 0 { most } else { snaplen.saturating_add(SNAPLEN_SLACK).min(most) }
}
