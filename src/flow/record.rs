//! What can be concluded of a connection when it is over, or when the capture is.

use super::endpoint::{Direction, Role};
use super::state::TcpState;
use super::tcp::Connection;

/// By what it is known which end is the client. Later ones are weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KnownBy {
    /// It sent a SYN.
    Syn,
    /// It sent the first packet of a QUIC connection, which opens with the keys of a client.
    Initial,
    /// The other end sent a SYN-ACK.
    SynAck,
    /// It sent an MQTT CONNECT, or what only a client may send.
    Connect,
    /// The other end's port is a service's.
    Port,
    /// It sent the first frame.
    FirstFrame,
}

impl KnownBy {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::Initial => "initial",
            Self::SynAck => "syn_ack",
            Self::Connect => "connect",
            Self::Port => "port",
            Self::FirstFrame => "first_frame",
        }
    }
}

/// How a connection ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Both ends sent FIN and had it acknowledged.
    Closed,
    /// A RST ended it.
    Reset,
    /// The SYN was answered by a RST.
    Refused,
    /// The SYN was not answered.
    Unanswered,
    /// Nothing in the capture ended it.
    Open,
}

impl Outcome {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::Open => "open",
        }
    }
}

/// In which way the two ends closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseKind {
    /// FIN, its acknowledgement, the other FIN, its acknowledgement.
    FourSegment,
    /// The second FIN is also the first acknowledgement of the first one.
    ThreeSegment,
    /// The two FINs crossed.
    Simultaneous,
    /// Only one end closed.
    HalfOpen,
    /// A RST cut it short.
    Reset,
}

impl CloseKind {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FourSegment => "four_segment",
            Self::ThreeSegment => "three_segment",
            Self::Simultaneous => "simultaneous",
            Self::HalfOpen => "half_open",
            Self::Reset => "reset",
        }
    }
}

/// How the ends closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Close {
    /// In which way.
    pub kind: CloseKind,
    /// Who began, with a FIN or a RST; absent where the other end may have been first, because not all of it was captured.
    pub initiator: Option<Role>,
    /// Who sent the RST that cut it short.
    pub reset_by: Option<Role>,
}

impl Connection {
    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        let (client, server) = (&self.sides.to_server, &self.sides.to_client);
        if self.closing.reset.is_some() && !self.closing.reset_after_close {
            let by_server = self.closing.reset.is_some_and(|(role, _)| role == Role::Server);
            let only_syn = self.handshake.syn.is_some() && self.handshake.syn_ack.is_none();
            return if by_server && only_syn { Outcome::Refused } else { Outcome::Reset };
        }
        let through = |fin: Option<crate::wire::SeqNum>, acked: Option<crate::wire::SeqNum>| {
            fin.is_some_and(|fin| acked.is_some_and(|acked| !acked.is_before(fin)))
        };
        if through(client.fin, server.acked) && through(server.fin, client.acked) {
            return Outcome::Closed;
        }
        if self.is_unanswered_syn() {
            return Outcome::Unanswered;
        }
        Outcome::Open
    }

    /// In which way it closed, who began and who sent the RST, if anybody did.
    pub fn close(&self) -> Option<Close> {
        let closing = &self.closing;
        let reset_by = closing.reset.filter(|_| !closing.reset_after_close).map(|(role, _)| role);
        let first = closing.first_fin.map(|(role, _)| role).or(reset_by)?;
        let kind = match (reset_by, closing.second_fin) {
            (Some(_), _) => CloseKind::Reset,
            (None, None) => CloseKind::HalfOpen,
            (None, Some(second)) if !second.covers_first => CloseKind::Simultaneous,
            (None, Some(second)) if second.acknowledged_before => CloseKind::FourSegment,
            (None, Some(_)) => CloseKind::ThreeSegment,
        };
        Some(Close {
            kind,
            initiator: Some(first).filter(|_| !self.may_have_begun(first.sends().receiver())),
            reset_by,
        })
    }

    /// Whether an end of which no FIN was captured may have sent the first: nothing was captured of it, or its peer
    /// acknowledges more than was.
    fn may_have_begun(&self, role: Role) -> bool {
        let side = &self.sides[role.sends()];
        side.counters().packets == 0 || (side.fin.is_none() && side.sent_unseen())
    }

    /// Whether what was sent in this direction has been sent again and again, and was never acknowledged.
    pub fn is_unanswered(&self, direction: Direction) -> bool {
        /// With two time-outs in a row the receiver may still be there; each further one makes that less likely.
        const TIMEOUTS: u8 = 3;
        let (sender, receiver) = (&self.sides[direction], &self.sides[direction.reverse()]);
        let outstanding = sender.next.is_some_and(|next| receiver.acked.is_none_or(|acked| acked.is_before(next)));
        outstanding && sender.timeouts >= TIMEOUTS
    }

    /// Whether an end had sent again and again, or probed, what its peer never answered: its RST gives the peer up.
    pub fn gave_up(&self, role: Role) -> bool {
        /// Two may be lost; Linux sends nine, and applications that are in a hurry ask for three.
        const PROBES: u32 = 3;
        let probes = self.sides[role.sends()].unanswered_probes().map_or(0, |probes| probes.count);
        probes >= PROBES || self.is_unanswered(role.sends())
    }

    /// Whether nothing was seen but the client's SYN.
    pub(super) fn is_unanswered_syn(&self) -> bool {
        self.sides.to_server.state() == TcpState::SynSent && !self.sides.to_client.was_seen()
    }

    /// Whether both ends are through, so that nothing more is to be expected.
    pub fn is_over(&self) -> bool {
        self.sides.to_server.state().is_over() && self.sides.to_client.state().is_over()
    }
}
