//! Where a flow stands in its life, in a word that both ends have in common.

use crate::flow::{OpenFlow, TcpState};

/// Where a flow stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowPhase {
    /// TCP's handshake has begun and is not complete.
    Opening,
    /// Both ends are established.
    Established,
    /// A FIN or a RST was seen, and not all is over.
    Closing,
    /// All is over; it is kept for a while, for segments that come late.
    Closed,
    /// The capture proves nothing of an end yet.
    Unknown,
    /// It is no TCP: a UDP conversation has no states.
    Udp,
}

impl FlowPhase {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Opening, Self::Established, Self::Closing, Self::Closed, Self::Unknown, Self::Udp];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Established => "established",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Unknown => "unknown",
            Self::Udp => "udp",
        }
    }

    /// That of a flow.
    pub fn of<A>(flow: OpenFlow<'_, A>) -> Self {
        let flow = match flow {
            OpenFlow::Tcp(flow) => flow,
            OpenFlow::Udp(_) => return Self::Udp,
        };
        let connection = &flow.connection;
        if connection.is_over() {
            return Self::Closed;
        }
        if connection.closing.begun().is_some() {
            return Self::Closing;
        }
        let states = [connection.sides.to_server.state(), connection.sides.to_client.state()];
        let any = |wanted: TcpState| states.contains(&wanted);
        if any(TcpState::SynSent) || any(TcpState::SynReceived) || any(TcpState::Listen) {
            Self::Opening
        } else if states == [TcpState::Established; 2] {
            Self::Established
        } else {
            Self::Unknown
        }
    }
}
