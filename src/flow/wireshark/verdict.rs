//! What Wireshark says of one segment.

use crate::capture::FrameNo;
use crate::time::Span;

/// Whose rules: they have changed between the releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WiresharkRules {
    /// Those of the development branch.
    #[default]
    Master,
    /// Those of release 4.0.
    V4_0,
}

macro_rules! flags {
    ($($(#[$doc:meta])* $constant:ident = $bit:literal, $name:literal;)*) => {
        impl WiresharkFlags {
            $($(#[$doc])* pub const $constant: Self = Self(1 << $bit);)*

            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

/// A set of Wireshark's `tcp.analysis` flags. The names are those of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WiresharkFlags(u32);

flags! {
    /// A retransmission of any kind.
    RETRANSMISSION = 0, "retransmission";
    /// Soon after duplicate acknowledgements that ask for it.
    FAST_RETRANSMISSION = 1, "fast_retransmission";
    /// All of it had been acknowledged before.
    SPURIOUS_RETRANSMISSION = 2, "spurious_retransmission";
    /// Not in order, and too soon for a retransmission.
    OUT_OF_ORDER = 3, "out_of_order";
    /// Something before it was not captured.
    LOST_SEGMENT = 4, "lost_segment";
    /// It acknowledges what was not captured.
    ACK_LOST_SEGMENT = 5, "ack_lost_segment";
    /// A repeated acknowledgement.
    DUPLICATE_ACK = 6, "duplicate_ack";
    /// A keep-alive probe.
    KEEP_ALIVE = 7, "keep_alive";
    /// The answer to a keep-alive probe.
    KEEP_ALIVE_ACK = 8, "keep_alive_ack";
    /// It advertises no window.
    ZERO_WINDOW = 9, "zero_window";
    /// It probes a window that is closed.
    ZERO_WINDOW_PROBE = 10, "zero_window_probe";
    /// The answer to such a probe.
    ZERO_WINDOW_PROBE_ACK = 11, "zero_window_probe_ack";
    /// It tells only that the window is another.
    WINDOW_UPDATE = 12, "window_update";
    /// It fills the peer's window to the last byte.
    WINDOW_FULL = 13, "window_full";
    /// It opens another connection on the same addresses and ports.
    REUSED_PORTS = 14, "reused_ports";
    /// A SYN with a Fast Open cookie.
    TFO_SYN = 15, "tfo_syn";
    /// A SYN-ACK that accepts the data of the SYN.
    TFO_ACK = 16, "tfo_ack";
    /// A SYN-ACK that does not.
    TFO_IGNORED = 17, "tfo_ignored";
}

impl WiresharkFlags {
    /// Adds those of `other`.
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes those of `other` away.
    pub(super) const fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Those of Fast Open, which Wireshark does not count among the flags of its analysis.
    pub const FAST_OPEN: Self = Self(Self::TFO_SYN.0 | Self::TFO_ACK.0 | Self::TFO_IGNORED.0);

    /// All but those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether those of `other` are all in.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| *name)
    }
}

/// A frame, and the time since it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The frame.
    pub frame: FrameNo,
    /// The time since it.
    pub time: Span,
}

/// What Wireshark says of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WiresharkVerdict {
    /// Its flags.
    pub flags: WiresharkFlags,
    /// Which of the duplicates of an acknowledgement this is, from 1, and the frame of the first of them all.
    pub duplicate_ack: Option<(u32, FrameNo)>,
    /// The segment whose end it acknowledges, and the round trip.
    pub acks: Option<Since>,
    /// The segment that a retransmission repeats, as far as that is known, and the time since.
    pub rto: Option<Since>,
    /// Bytes that its sender has sent and not seen acknowledged, this segment included.
    pub bytes_in_flight: Option<u32>,
    /// Payload that its sender has sent since its last PSH, this segment included.
    pub push_bytes: Option<u32>,
    /// From the SYN to the first segment that acknowledges without SYN; only where something else is said.
    pub initial_rtt: Option<Span>,
}
