//! What following a flow says of one segment.

use crate::time::Span;

macro_rules! marks {
    ($($(#[$doc:meta])* $constant:ident = $bit:literal, $name:literal;)*) => {
        impl Marks {
            $($(#[$doc])* pub const $constant: Self = Self(1 << $bit);)*

            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

/// A set of things to be said of a segment. The names are Wireshark's (`tcp.analysis.…`) where it has one
/// for the same thing; the verdicts are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks(u32);

marks! {
    /// Its first byte had been sent before, and the sender sent it again.
    RETRANSMISSION = 0, "retransmission";
    /// It fills a hole, and its IP identification or timestamp shows that it was sent after newer data.
    RETRANSMISSION_OF_UNSEEN = 1, "retransmission_of_unseen";
    /// It was sent before data that was captured earlier.
    OUT_OF_ORDER = 2, "out_of_order";
    /// The network or a mirror port made a copy.
    DUPLICATED_BY_NETWORK = 3, "duplicated_by_network";
    /// Something before it was not captured.
    LOST_SEGMENT = 4, "lost_segment";
    /// It acknowledges what was not captured.
    ACK_OF_UNSEEN = 5, "ack_lost_segment";
    /// A repeated acknowledgement.
    DUPLICATE_ACK = 6, "duplicate_ack";
    /// A keep-alive probe (RFC 9293, 3.8.4).
    KEEP_ALIVE = 7, "keep_alive";
    /// The answer to a keep-alive probe.
    KEEP_ALIVE_ACK = 8, "keep_alive_ack";
    /// It advertises no window.
    ZERO_WINDOW = 9, "zero_window";
    /// It probes a window that is closed (RFC 9293, 3.8.6.1).
    WINDOW_PROBE = 10, "zero_window_probe";
    /// The answer to such a probe, the window still closed.
    WINDOW_PROBE_ACK = 11, "zero_window_probe_ack";
    /// It tells only that the window is larger.
    WINDOW_UPDATE = 12, "window_update";
    /// It fills the peer's window to the last byte.
    WINDOW_FULL = 13, "window_full";
    /// It opens a new connection on a pair of ports that was used before.
    REUSED_PORTS = 14, "reused_ports";
    /// Its checksum is wrong: it counts as not arrived.
    BAD_CHECKSUM = 15, "bad_checksum";
    /// It lies outside of what the peer could accept, and moves nothing.
    OUT_OF_WINDOW = 16, "out_of_window";
    /// A SYN inside a live connection, which no answer has proved to be a new one.
    SYN_INSIDE_CONNECTION = 17, "syn_inside_connection";
    /// RFC 9293 has no arrow for what its sender did, by the states known.
    UNEXPECTED = 18, "unexpected";
    /// It carries data in the SYN (RFC 7413).
    FAST_OPEN = 19, "tfo_syn";
    /// Its SACK option reports data received twice (RFC 2883).
    DSACK = 20, "dsack";
    /// A RST inside of the window, and not where its receiver expects it: it resets nothing, and asks for a challenge
    /// (RFC 9293, 3.10.7.4).
    RESET_CHALLENGED = 21, "reset_challenged";
    /// The answer to a RST or SYN that may not be the peer's.
    CHALLENGE_ACK = 22, "challenge_ack";
}

impl Marks {
    /// Adds those of `other`.
    #[inline]
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether those of `other` are all in.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether its receiver drops it.
    #[inline]
    pub const fn is_dropped(self) -> bool {
        self.has(Self::OUT_OF_WINDOW) || self.has(Self::RESET_CHALLENGED)
    }

    /// Whether there are none.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(mark, _)| self.has(*mark)).map(|(_, name)| *name)
    }
}

/// Why a segment was sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetransmissionKind {
    /// SYN or SYN-ACK without an answer.
    Handshake,
    /// Later data was acknowledged selectively, or by duplicate acknowledgements.
    Fast,
    /// The retransmission timer ran out.
    Timeout,
    /// The tail of a flight, sooner than the timer (RFC 8985, section 7).
    TailLossProbe,
    /// A router said that the packet was too big for the path.
    PathMtu,
    /// The peer took the SYN without its data (RFC 7413, section 4.2.1).
    FastOpenRefused,
}

impl RetransmissionKind {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Handshake, Self::Fast, Self::Timeout, Self::TailLossProbe, Self::PathMtu, Self::FastOpenRefused];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Fast => "fast",
            Self::Timeout => "timeout",
            Self::TailLossProbe => "tail_loss_probe",
            Self::PathMtu => "path_mtu",
            Self::FastOpenRefused => "fast_open_refused",
        }
    }
}

/// On what a verdict about a repeated segment rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Sequence numbers alone.
    Sequence,
    /// The IP identification.
    IpId,
    /// The timestamp option.
    Timestamp,
    /// SACK blocks of the peer.
    Sack,
    /// Duplicate acknowledgements of the peer.
    DuplicateAcks,
    /// An ICMP message to the sender.
    Icmp,
    /// Part of a recovery that had begun before.
    Recovery,
    /// The time since the last transmission, in comparison with the round trip.
    Timing,
}

impl Evidence {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::IpId => "ip_id",
            Self::Timestamp => "timestamp",
            Self::Sack => "sack",
            Self::DuplicateAcks => "duplicate_acks",
            Self::Icmp => "icmp",
            Self::Recovery => "recovery",
            Self::Timing => "timing",
        }
    }
}

/// A segment that its sender sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retransmission {
    /// Why.
    pub kind: RetransmissionKind,
    /// By what this is known.
    pub evidence: Evidence,
    /// Whether the capture shows that the data had been acknowledged before.
    pub spurious: bool,
    /// Time since the same data was sent last, where that was captured and is remembered. Where the timer ran out,
    /// this is the RTO.
    pub after: Option<Span>,
    /// How often in a row the timer had run out by now, if that is why: with each step the RTO doubles (RFC 6298, 5.5).
    pub back_off: Option<u8>,
}

/// What following the flow says of one segment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verdict {
    /// Sequence number relative to the sender's first.
    pub relative_seq: u32,
    /// Acknowledgement number relative to the peer's first, where there is one.
    pub relative_ack: Option<u32>,
    /// The advertised window in bytes, scaled where the scale is known.
    pub window: u64,
    /// Bytes that the sender has sent and not yet seen acknowledged, this segment included.
    pub bytes_in_flight: Option<u32>,
    /// The round trip that this acknowledgement measures.
    pub ack_rtt: Option<Span>,
    /// All that is to be said of it.
    pub marks: Marks,
    /// If it was sent again: why.
    pub retransmission: Option<Retransmission>,
}
