//! How a session's connection ended: by whom, in which way, and what TCP and the other messages say about why.

use super::connection::{Closed, NEVER, Session};
use super::delivery::DeliveryOutcome;
use super::incident::{Certainty, IncidentKind};
use super::judge::Judge;
use super::will::{Sighting, WillFate};
use crate::capture::{FrameNo, Origin};
use crate::dissect::{Conversation, QuicEnd};
use crate::engine::FlowRef;
use crate::flow::{Close, CloseKind, Connection, Direction, Flow, Outcome, Role};
use crate::mqtt::PacketType;
use crate::time::{Span, Timestamp};

/// In which way a session's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndKind {
    /// With a DISCONNECT.
    Disconnect,
    /// The server refused it with its CONNACK.
    Refused,
    /// With a FIN, without DISCONNECT; over QUIC with the end of its stream.
    Fin,
    /// With a RST, without DISCONNECT; over QUIC by giving up its stream, or with a stateless reset.
    Rst,
    /// With a CONNECTION_CLOSE of QUIC, without DISCONNECT.
    Close,
    /// Without a word: an end was not heard of any more, and the capture shows that it was given up.
    Silence,
    /// Not within the capture.
    Open,
}

impl EndKind {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::Refused => "refused",
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Close => "close",
            Self::Silence => "silence",
            Self::Open => "open",
        }
    }
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CauseKind {
    /// Another connection with the same client identifier took its place.
    TakenOver,
    /// The client was silent for longer than its keep alive allows.
    KeepAlive,
    /// The client broke the protocol, and the server closed.
    ProtocolError,
    /// The server broke the protocol, and the client closed.
    ServerProtocolError,
    /// The server did not let the client in.
    NotAccepted,
    /// The server never answered the CONNECT.
    NoConnAck,
    /// The server closed all its connections at that time.
    ServerStopped,
    /// The client did not answer any more: what was sent to it was sent again and again in vain.
    ClientUnreachable,
    /// The server did not answer any more.
    ServerUnreachable,
    /// The client's program went away with unread bytes or without closing, so that its system sent a RST.
    ClientGone,
    /// The server's program went away, so that its system sent a RST.
    ServerGone,
}

impl CauseKind {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TakenOver => "taken_over",
            Self::KeepAlive => "keep_alive",
            Self::ProtocolError => "protocol_error",
            Self::ServerProtocolError => "server_protocol_error",
            Self::NotAccepted => "not_accepted",
            Self::NoConnAck => "no_connack",
            Self::ServerStopped => "server_stopped",
            Self::ClientUnreachable => "client_unreachable",
            Self::ServerUnreachable => "server_unreachable",
            Self::ClientGone => "client_gone",
            Self::ServerGone => "server_gone",
        }
    }
}

/// Why it ended, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// What.
    pub kind: CauseKind,
    /// How sure that is.
    pub certainty: Certainty,
    /// The frame that shows it.
    pub frame: Option<FrameNo>,
    /// The other flow that has to do with it.
    pub flow: Option<FrameNo>,
}

/// How a session's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// In which way.
    pub kind: EndKind,
    /// Who ended it.
    pub by: Option<Role>,
    /// The reason or return code, with the type of packet that carries it.
    pub code: Option<(PacketType, u8)>,
    /// The frame that shows it.
    pub at: Option<Origin>,
    /// Why.
    pub cause: Option<Cause>,
}

impl End {
    pub(super) const OPEN: Self = Self { kind: EndKind::Open, by: None, code: None, at: None, cause: None };

    /// What TCP or QUIC alone shows.
    pub(super) fn of_flow(flow: &Flow<Conversation>) -> Self {
        let Some(quic) = flow.app.quic() else { return Self::of_connection(&flow.connection) };
        quic.end().map_or(Self::OPEN, |(end, by, at)| {
            let kind = match end {
                QuicEnd::Fin => EndKind::Fin,
                QuicEnd::Reset => EndKind::Rst,
                QuicEnd::Close => EndKind::Close,
            };
            Self { kind, by: Some(by), at: Some(at), ..Self::OPEN }
        })
    }

    fn of_connection(connection: &Connection) -> Self {
        let closing = &connection.closing;
        match (connection.outcome(), connection.close()) {
            (Outcome::Open, None) if closing.first_fin.is_none() => Self::OPEN,
            (_, Some(Close { kind: CloseKind::Reset, .. })) if closing.first_fin.is_none() => {
                let (by, at) = closing.reset.unzip();
                Self { kind: EndKind::Rst, by, at, ..Self::OPEN }
            }
            (_, close) => {
                let by = close.and_then(|close| close.initiator);
                let at = closing.first_fin.map(|(_, at)| at);
                let kind = if at.is_some() { EndKind::Fin } else { EndKind::Open };
                Self { kind, by, at, ..Self::OPEN }
            }
        }
    }
}

// Reason codes of DISCONNECT (MQTT 5.0, section 3.14.2.1).
const TAKEN_OVER: u8 = 0x8e;
const KEEP_ALIVE: u8 = 0x8d;
const SHUTTING_DOWN: u8 = 0x8b;

impl Session {
    /// When the connection was closed, or its end announced.
    pub(super) fn closed_at(&self) -> Option<Timestamp> {
        let announced = self.disconnect.as_ref().map(|disconnect| disconnect.2.time);
        let closed = self.closed.map(|closed| closed.at.time);
        match (announced, closed) {
            (Some(a), Some(b)) => Some(if a < b { a } else { b }),
            (a, b) => a.or(b),
        }
    }

    /// Settles how it ended, at the end of the flow or of the capture, `now`. `server_stopped` tells whether the
    /// server closed others of its connections at that time.
    pub(super) fn settle_end(&mut self, flow: &Flow<Conversation>, now: Timestamp, server_stopped: bool) {
        let connection = &flow.connection;
        let mut end = End::of_flow(flow);
        // Of the other end nothing was captured, so that it may have been the first to close.
        end.by = end.by.filter(|by| connection.sides[by.sends().reverse()].counters().packets > 0);
        if let Some((by, code, at)) = self.disconnect.as_deref().copied() {
            let code = code.map(|code| (PacketType::Disconnect, code));
            end = End { kind: EndKind::Disconnect, by: Some(by), code, at: Some(at), cause: None };
        } else if let Some((at, code, _)) = self.connack
            && code != 0
        {
            let code = Some((PacketType::ConnAck, code));
            end = End { kind: EndKind::Refused, by: Some(Role::Server), code, at: Some(at), cause: None };
        }
        if end.kind == EndKind::Open {
            self.judge_silence(&mut end, connection, now);
        } else {
            end.cause = self.cause(&end, connection, server_stopped);
        }
        // What would change nothing makes nothing.
        if end != self.end {
            self.end = end;
        }
        if let Some(fate) = self.settle_will(now) {
            self.will_fate = Some(fate);
        }
    }

    /// Tells what shows only at the end of a connection, or of the capture, `now`.
    pub(super) fn tell_end(&self, now: Timestamp, judge: &mut Judge<'_>) {
        let until = self.closed_at().unwrap_or(now);
        if let Some(too_long) = self.keep_alive.until(until)
            && !self.lacks(Direction::ToServer)
            // A server that says why it closes does not excuse the client.
            && self.disconnect.as_deref().is_none_or(|(by, ..)| *by == Role::Server)
            && self.is_accepted()
        {
            let kind = IncidentKind::KeepAliveExceeded(too_long.silence, too_long.seconds);
            judge.tell(kind, Role::Client, &[too_long.since.frame], Certainty::Likely);
        }
        if let (Some((Role::Client, None | Some(0), at)), Some(will)) = (self.disconnect.as_deref(), &self.will)
            && let Some(sighting) = will.sightings.iter().find(|seen| seen.alone && seen.place.at.time > at.time)
        {
            let frames = [at.frame, sighting.place.at.frame];
            let prompt = sighting.place.at.time.since(at.time) < Span::from_secs(2) && !self.lossy.to_server;
            judge.tell(IncidentKind::WillAfterDisconnect, Role::Server, &frames, Certainty::if_so(prompt));
        }
    }

    /// The first FIN or RST was sent, which may show what is missing before it.
    pub(super) fn on_closing(&mut self, flow: &FlowRef, by: Role, at: Origin) {
        self.name(flow);
        self.closed.get_or_insert(Closed { by, at });
    }

    /// Notes what TCP knows to be missing of the connection.
    pub(super) fn note_missing(&mut self, connection: &Connection) {
        for direction in Direction::BOTH {
            let side = &connection.sides[direction];
            let missing = side.counters().packets == 0 || side.missing_bytes() > 0;
            self.lossy[direction] |= missing;
            self.flow.lacks[direction] |= side.lacks();
            self.holes |= missing || side.unseen_tail_bytes() > 0;
        }
        // The client's next connection takes it from here.
        self.state.known &= !self.lacks_any();
    }

    /// How far deliveries came that are open when the session is over.
    pub(super) const fn outcome_when_over(&self) -> DeliveryOutcome {
        // Their acknowledgements may be among what is missing.
        if self.lossy.to_server || self.lossy.to_client {
            DeliveryOutcome::Unresolved
        } else {
            DeliveryOutcome::SessionOver
        }
    }

    /// How far deliveries came that are open when the flow has ended.
    pub(super) fn outcome_of_open(&self) -> DeliveryOutcome {
        if self.closed_at().is_none() { DeliveryOutcome::Open } else { self.outcome_when_over() }
    }

    /// Whether an end that was not heard of any more was given up.
    fn judge_silence(&self, end: &mut End, connection: &Connection, now: Timestamp) {
        let cause = |kind, certainty| Some(Cause { kind, certainty, frame: None, flow: None });
        let silence = self.keep_alive.silence(now);
        // The server that takes a client for lost sends nothing to it any more.
        let explains = |sighting: &&Sighting| sighting.alone && sighting.place.at.time >= self.last.time;
        let will_seen = self.will.as_ref().and_then(|will| will.sightings.iter().find(explains));
        for direction in Direction::BOTH {
            if connection.is_unanswered(direction) {
                let kind = match direction {
                    Direction::ToServer => CauseKind::ServerUnreachable,
                    Direction::ToClient => CauseKind::ClientUnreachable,
                };
                end.kind = EndKind::Silence;
                end.by = Some(direction.receiver());
                end.cause = cause(kind, Certainty::Likely);
                return;
            }
        }
        if let Some(sighting) = will_seen {
            end.kind = EndKind::Silence;
            end.by = Some(Role::Client);
            let kind = if silence.is_some_and(|(silence, _)| self.keep_alive.ends(silence)) {
                CauseKind::KeepAlive
            } else {
                CauseKind::ClientUnreachable
            };
            let (frame, flow) = (Some(sighting.place.at.frame), Some(sighting.place.flow));
            end.cause = Some(Cause { kind, certainty: Certainty::Likely, frame, flow });
        } else if let Some(over) = self.taken_over {
            end.kind = EndKind::Silence;
            end.by = Some(Role::Client);
            let (frame, flow) = (Some(over.at.frame), Some(over.flow));
            end.cause = Some(Cause { kind: CauseKind::TakenOver, certainty: Certainty::Likely, frame, flow });
        } else if self.keep_alive.until(now).is_some_and(|too_long| too_long.server_should_have_closed)
            && !self.lossy.to_server
            && self.is_accepted()
        {
            end.kind = EndKind::Silence;
            end.by = Some(Role::Client);
            end.cause = cause(CauseKind::KeepAlive, Certainty::Hint);
        }
    }

    fn cause(&self, end: &End, connection: &Connection, server_stopped: bool) -> Option<Cause> {
        let (by, at) = (end.by?, end.at?);
        if self.counts[by.sends().reverse()].is_empty() && self.connack.is_some() {
            // Of the other end nothing was captured, a DISCONNECT of it included.
            return None;
        }
        let cause = |kind, certainty| Cause { kind, certainty, frame: None, flow: None };
        let code = match end.code {
            Some((PacketType::Disconnect, code)) => code,
            _ => 0,
        };
        if end.kind == EndKind::Refused {
            return Some(Cause { frame: Some(at.frame), ..cause(CauseKind::NotAccepted, Certainty::Certain) });
        }
        if end.kind == EndKind::Rst && connection.gave_up(by) {
            let kind = match by {
                Role::Client => CauseKind::ServerUnreachable,
                Role::Server => CauseKind::ClientUnreachable,
            };
            return Some(cause(kind, Certainty::Likely));
        }
        let shortly_before = |origin: Origin| {
            let before = at.time.since(origin.time);
            (Span::from_millis(-100)..Span::from_secs(2)).contains(&before)
        };
        if by == Role::Client {
            return match (self.last_error, end.kind) {
                (Some((Role::Server, error)), _) if shortly_before(error) => {
                    let frame = Some(error.frame);
                    Some(Cause { frame, ..cause(CauseKind::ServerProtocolError, Certainty::Hint) })
                }
                _ if self.connect.is_some() && self.connack.is_none() && !self.lossy.to_client => {
                    Some(cause(CauseKind::NoConnAck, Certainty::Likely))
                }
                (_, EndKind::Rst) => Some(cause(CauseKind::ClientGone, Certainty::Hint)),
                _ => None,
            };
        }
        let sure = |said: u8| if code == said { Certainty::Certain } else { Certainty::Likely };
        if let Some(over) = self.taken_over
            && at.time.since(over.at.time) < Span::from_secs(5)
        {
            let (frame, flow) = (Some(over.at.frame), Some(over.flow));
            return Some(Cause { frame, flow, ..cause(CauseKind::TakenOver, sure(TAKEN_OVER)) });
        }
        let silence = self.keep_alive.silence(at.time);
        if code == KEEP_ALIVE || silence.is_some_and(|(silence, _)| self.keep_alive.ends(silence)) {
            let frame = silence.map(|(_, since)| since.frame);
            return Some(Cause { frame, ..cause(CauseKind::KeepAlive, sure(KEEP_ALIVE)) });
        }
        match self.last_error {
            Some((Role::Client, error)) if shortly_before(error) => {
                let certainty = if code >= 0x80 { Certainty::Certain } else { Certainty::Likely };
                Some(Cause { frame: Some(error.frame), ..cause(CauseKind::ProtocolError, certainty) })
            }
            _ if code == TAKEN_OVER => Some(cause(CauseKind::TakenOver, Certainty::Certain)),
            _ if code == SHUTTING_DOWN => Some(cause(CauseKind::ServerStopped, Certainty::Certain)),
            _ if server_stopped => Some(cause(CauseKind::ServerStopped, Certainty::Likely)),
            _ if self.connect.is_some() && self.connack.is_none() && !self.lossy.to_client => {
                Some(cause(CauseKind::NotAccepted, Certainty::Likely))
            }
            _ if end.kind == EndKind::Rst => Some(cause(CauseKind::ServerGone, Certainty::Hint)),
            _ => None,
        }
    }

    /// The copies of the will that were seen on their way to subscribers, if it was published.
    pub fn will_published(&self) -> impl Iterator<Item = &Sighting> {
        let is_published = self.will_fate == Some(WillFate::Published);
        self.will_explains().filter(move |_| is_published)
    }

    /// The copies of the will that the end of the connection explains.
    fn will_explains(&self) -> impl Iterator<Item = &Sighting> {
        let published = self.will.as_ref().zip(self.will_closed_at());
        published.into_iter().flat_map(|(will, closed)| will.published(closed, self.expiry.unwrap_or(NEVER)))
    }

    /// Whether there is no will any more: only a normal disconnection drops it (MQTT-3.14.4-3), a server's DISCONNECT
    /// never does; and one that was refused was never there.
    pub(super) fn has_no_will(&self) -> bool {
        self.is_refused() || matches!(self.disconnect.as_deref(), Some((Role::Client, None | Some(0), _)))
    }

    /// Whether the server has published the will, as far as that shows, or must have.
    pub(super) fn will_is_out(&self) -> bool {
        matches!(self.will_fate, Some(WillFate::Published | WillFate::NotSeen))
    }

    /// When the connection ended as far as the will is concerned; absent where nothing shows it.
    pub(super) fn will_closed_at(&self) -> Option<Timestamp> {
        match self.end.kind {
            EndKind::Open => None,
            EndKind::Silence => Some(self.last.time),
            EndKind::Disconnect | EndKind::Refused | EndKind::Fin | EndKind::Rst | EndKind::Close => self.closed_at(),
        }
    }

    /// When the will is due, if the connection has ended.
    pub(super) fn will_due(&self) -> Option<Timestamp> {
        let (will, closed) = self.will.as_ref().zip(self.will_closed_at())?;
        Some(will.due(closed, self.expiry.unwrap_or(NEVER)))
    }

    fn settle_will(&self, now: Timestamp) -> Option<WillFate> {
        let will = self.will.as_ref()?;
        if self.is_refused() {
            return Some(WillFate::Refused);
        }
        if self.has_no_will() {
            return Some(WillFate::Discarded);
        }
        let Some(due) = self.will_due() else {
            return Some(WillFate::Armed);
        };
        if self.will_explains().next().is_some() {
            return Some(WillFate::Published);
        }
        Some(match will.back {
            Some(back) if will.delay > 0 && back < due => WillFate::Cancelled,
            _ if now < due => WillFate::Delayed,
            _ => WillFate::NotSeen,
        })
    }
}
