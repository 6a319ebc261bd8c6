//! The states of a TCP endpoint (RFC 9293, section 3.3.2) and the whole table of how signals move it.
//!
//! The table says what RFC 9293 has an arrow for; whether a signal really reached the endpoint is
//! decided in [`super::tcp`].

/// The state of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(missing_docs)]
pub enum TcpState {
    /// Nothing is proved of this endpoint yet.
    #[default]
    Unknown,
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl TcpState {
    /// All states.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// RFC 9293's name, with underscores: `FIN_WAIT_1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
        }
    }

    /// Whether the connection is over for this endpoint: it will send nothing new.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::TimeWait)
    }
}

/// What happens to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// It sent a SYN without ACK.
    SynSent,
    /// It sent a SYN with ACK.
    SynAckSent,
    /// It sent a segment that only a synchronized endpoint sends: no SYN, no RST.
    SegmentSent,
    /// It sent a FIN.
    FinSent,
    /// It sent a RST.
    RstSent,
    /// A SYN without ACK reached it.
    SynReceived,
    /// A SYN with an ACK of its own SYN reached it.
    SynAckReceived,
    /// An acknowledgement of its SYN reached it, without a SYN.
    SynAcknowledged,
    /// A FIN reached it, and all that came before it.
    FinReceived,
    /// An acknowledgement of its FIN reached it.
    FinAcknowledged,
    /// A RST that it accepts reached it.
    RstReceived,
    /// Two maximum segment lifetimes went by in TIME-WAIT, or the pair of ports was used again.
    TimeWaitOver,
}

impl Signal {
    /// All signals.
    pub const ALL: [Self; 12] = [
        Self::SynSent,
        Self::SynAckSent,
        Self::SegmentSent,
        Self::FinSent,
        Self::RstSent,
        Self::SynReceived,
        Self::SynAckReceived,
        Self::SynAcknowledged,
        Self::FinReceived,
        Self::FinAcknowledged,
        Self::RstReceived,
        Self::TimeWaitOver,
    ];

    /// A name for output: `fin_received`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynSent => "syn_sent",
            Self::SynAckSent => "syn_ack_sent",
            Self::SegmentSent => "segment_sent",
            Self::FinSent => "fin_sent",
            Self::RstSent => "rst_sent",
            Self::SynReceived => "syn_received",
            Self::SynAckReceived => "syn_ack_received",
            Self::SynAcknowledged => "syn_acknowledged",
            Self::FinReceived => "fin_received",
            Self::FinAcknowledged => "fin_acknowledged",
            Self::RstReceived => "rst_received",
            Self::TimeWaitOver => "time_wait_over",
        }
    }
}

/// Where a signal leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To another state, along an arrow of RFC 9293.
    To(TcpState),
    /// Nowhere: a repetition, or something that changes no state.
    Stay,
    /// RFC 9293 has no arrow for it: the endpoint, or somebody in its name, did something odd.
    Odd,
}

impl TcpState {
    /// Where `signal` leads from this state. Every pair is listed.
    #[allow(clippy::match_same_arms, reason = "an arm is one reason, which others may share the result of")]
    pub const fn on(self, signal: Signal) -> Next {
        use Next::{Odd, Stay, To};
        use Signal as S;
        match self {
            // A capture may begin anywhere: the first thing an endpoint does says the least state it is in.
            Self::Unknown => match signal {
                S::SynSent => To(Self::SynSent),
                S::SynAckSent | S::SynReceived => To(Self::SynReceived),
                S::SegmentSent | S::SynAckReceived | S::SynAcknowledged => To(Self::Established),
                S::FinSent => To(Self::FinWait1),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::FinReceived => To(Self::CloseWait),
                // Its FIN was not captured, so both may have been before it.
                S::FinAcknowledged => To(Self::FinWait2),
                S::TimeWaitOver => Odd,
            },
            Self::Closed => match signal {
                S::SynSent => To(Self::SynSent),
                // A RST is what CLOSED answers (3.10.7.1); late segments change nothing.
                S::RstSent
                | S::RstReceived
                | S::SynReceived
                | S::FinReceived
                | S::FinAcknowledged
                | S::SynAcknowledged
                | S::SynAckReceived
                | S::TimeWaitOver => Stay,
                S::SynAckSent | S::SegmentSent | S::FinSent => Odd,
            },
            Self::Listen => match signal {
                S::SynReceived | S::SynAckSent => To(Self::SynReceived),
                S::SynSent => To(Self::SynSent),
                // LISTEN answers a stray ACK with RST and stays (3.10.7.2).
                S::RstSent | S::RstReceived => Stay,
                S::SegmentSent
                | S::FinSent
                | S::SynAckReceived
                | S::SynAcknowledged
                | S::FinReceived
                | S::FinAcknowledged
                | S::TimeWaitOver => Odd,
            },
            Self::SynSent => match signal {
                S::SynSent => Stay,
                // Simultaneous open: the peer's SYN crossed ours (3.5, figure 7).
                S::SynReceived | S::SynAckSent => To(Self::SynReceived),
                S::SynAckReceived => To(Self::Established),
                S::RstReceived | S::RstSent => To(Self::Closed),
                S::SegmentSent
                | S::FinSent
                | S::SynAcknowledged
                | S::FinReceived
                | S::FinAcknowledged
                | S::TimeWaitOver => Odd,
            },
            Self::SynReceived => match signal {
                S::SynSent | S::SynAckSent | S::SynReceived => Stay,
                S::SynAcknowledged | S::SynAckReceived => To(Self::Established),
                S::FinSent => To(Self::FinWait1),
                // The FIN cannot be taken before the handshake's ACK, which the same segment carries.
                S::FinReceived => To(Self::CloseWait),
                S::RstSent | S::RstReceived => To(Self::Closed),
                // Fast Open lets it send data before the handshake is over (RFC 7413).
                S::SegmentSent => Stay,
                S::FinAcknowledged | S::TimeWaitOver => Odd,
            },
            Self::Established => match signal {
                S::FinSent => To(Self::FinWait1),
                S::FinReceived => To(Self::CloseWait),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::SegmentSent | S::SynAcknowledged | S::SynAckReceived | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent | S::FinAcknowledged | S::TimeWaitOver => Odd,
            },
            Self::FinWait1 => match signal {
                S::FinAcknowledged => To(Self::FinWait2),
                S::FinReceived => To(Self::Closing),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::SegmentSent | S::FinSent | S::SynAcknowledged | S::SynAckReceived | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent | S::TimeWaitOver => Odd,
            },
            Self::FinWait2 => match signal {
                S::FinReceived => To(Self::TimeWait),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::SegmentSent
                | S::FinSent
                | S::FinAcknowledged
                | S::SynAcknowledged
                | S::SynAckReceived
                | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent | S::TimeWaitOver => Odd,
            },
            Self::CloseWait => match signal {
                S::FinSent => To(Self::LastAck),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::SegmentSent | S::FinReceived | S::SynAcknowledged | S::SynAckReceived | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent | S::FinAcknowledged | S::TimeWaitOver => Odd,
            },
            Self::Closing => match signal {
                S::FinAcknowledged => To(Self::TimeWait),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::SegmentSent
                | S::FinSent
                | S::FinReceived
                | S::SynAcknowledged
                | S::SynAckReceived
                | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent | S::TimeWaitOver => Odd,
            },
            Self::LastAck => match signal {
                S::FinAcknowledged => To(Self::Closed),
                S::RstSent | S::RstReceived => To(Self::Closed),
                S::SegmentSent
                | S::FinSent
                | S::FinReceived
                | S::SynAcknowledged
                | S::SynAckReceived
                | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent | S::TimeWaitOver => Odd,
            },
            Self::TimeWait => match signal {
                S::TimeWaitOver => To(Self::Closed),
                // A RST ends TIME-WAIT early (3.10.7.4), though RFC 1337 advises against it.
                S::RstReceived => To(Self::Closed),
                // TIME-WAIT answers what is sent to it, with ACKs, and repeats nothing of its own.
                S::SegmentSent
                | S::FinSent
                | S::RstSent
                | S::FinReceived
                | S::FinAcknowledged
                | S::SynAcknowledged
                | S::SynAckReceived
                | S::SynReceived => Stay,
                S::SynSent | S::SynAckSent => Odd,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows of RFC 9293, figure 5, and nothing else, for the states that a capture can prove.
    #[test]
    fn the_arrows_of_rfc_9293_are_all_there() {
        use Signal as S;
        use TcpState as T;
        let arrows = [
            (T::Closed, S::SynSent, T::SynSent),
            (T::Listen, S::SynReceived, T::SynReceived),
            (T::Listen, S::SynSent, T::SynSent),
            (T::SynSent, S::SynReceived, T::SynReceived),
            (T::SynSent, S::SynAckReceived, T::Established),
            (T::SynReceived, S::SynAcknowledged, T::Established),
            (T::SynReceived, S::FinSent, T::FinWait1),
            (T::Established, S::FinSent, T::FinWait1),
            (T::Established, S::FinReceived, T::CloseWait),
            (T::FinWait1, S::FinAcknowledged, T::FinWait2),
            (T::FinWait1, S::FinReceived, T::Closing),
            (T::FinWait2, S::FinReceived, T::TimeWait),
            (T::CloseWait, S::FinSent, T::LastAck),
            (T::Closing, S::FinAcknowledged, T::TimeWait),
            (T::LastAck, S::FinAcknowledged, T::Closed),
            (T::TimeWait, S::TimeWaitOver, T::Closed),
        ];
        for (from, signal, to) in arrows {
            assert_eq!(from.on(signal), Next::To(to), "{} on {}", from.name(), signal.name());
        }
    }

    /// Guards the whole table: an arrow that is in neither list is a mistake.
    #[test]
    fn no_state_moves_where_rfc_9293_has_no_arrow() {
        use TcpState as T;
        let legal = |from: T, to: T| match from {
            T::Unknown => true,
            T::Closed => matches!(to, T::SynSent),
            T::Listen => matches!(to, T::SynReceived | T::SynSent),
            T::SynSent => matches!(to, T::SynReceived | T::Established | T::Closed),
            T::SynReceived => matches!(to, T::Established | T::FinWait1 | T::CloseWait | T::Closed),
            T::Established => matches!(to, T::FinWait1 | T::CloseWait | T::Closed),
            T::FinWait1 => matches!(to, T::FinWait2 | T::Closing | T::Closed),
            T::FinWait2 => matches!(to, T::TimeWait | T::Closed),
            T::CloseWait => matches!(to, T::LastAck | T::Closed),
            T::Closing => matches!(to, T::TimeWait | T::Closed),
            T::LastAck | T::TimeWait => matches!(to, T::Closed),
        };
        for from in TcpState::ALL {
            for signal in Signal::ALL {
                if let Next::To(to) = from.on(signal) {
                    assert!(legal(from, to), "{} on {} to {}", from.name(), signal.name(), to.name());
                    assert_ne!(from, to);
                }
            }
        }
    }
}
