//! Sessions of MQTT-SN clients: what each client and its gateway know of each other, from CONNECT to the end.
//!
//! A client is known by its conversation, and behind a forwarder by its node; one that comes from another address goes
//! on by its client identifier. It judges nothing but facts: what breaks a rule is told as an [`SnIncident`].

mod exchange;
mod facts;
mod incident;
mod listing;
mod session;
mod will;

pub use facts::{SnCounts, SnEnd, SnEndKind, SnState, SnSubscription, SnTopicName};
pub use incident::{Asked, SnIncident, SnIncidentKind};
pub use session::SnSession;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::delivery::Name;
use crate::capture::FrameNo;
use crate::dissect::SnMessage;
use crate::engine::FlowRef;
use crate::mqttsn::{Body, Kind};
use crate::time::{Span, Timestamp};

/// How many clients are followed at one time.
const CLIENTS: usize = 65_536;

/// Longer identifiers are not remembered: 23 characters are allowed (section 5.3.1).
pub(super) const LONGEST_ID: usize = 128;

/// Where a client is.
type Place = (FrameNo, Box<[u8]>);

/// All sessions that are open.
#[derive(Debug, Default)]
pub struct SnSessions {
    open: BTreeMap<Place, Box<SnSession>>,
    /// Where each client of a gateway was seen last.
    places: BTreeMap<(SocketAddr, Name), Place>,
    incidents: Vec<SnIncident>,
    ended: Vec<SnSession>,
    /// Frames were lost, so that what did not come proves nothing.
    lost: bool,
}

impl SnSessions {
    /// Frames were lost.
    pub fn frames_lost(&mut self) {
        self.lost = true;
        for session in self.open.values_mut() {
            session.holes = true;
        }
    }

    /// Takes a message into account.
    pub fn on_message(&mut self, flow: FlowRef, message: &SnMessage<'_>) {
        let packet = message.packet();
        let kind = packet.header.kind;
        // Gateways are looked for without a session, and what can't be read belongs to none that is known.
        if matches!(kind, Kind::Advertise | Kind::SearchGw | Kind::GwInfo | Kind::Reserved | Kind::Encapsulated) {
            return;
        }
        let node = message.node();
        let place: Place = (flow.id, node.get(..LONGEST_ID.min(node.len())).unwrap_or_default().into());
        let client_id = match packet.body {
            Body::Connect { client_id, .. } | Body::PingReq(Some(client_id)) if packet.missing == 0 => Some(client_id),
            _ => None,
        };
        let client_id: Option<Name> = client_id.filter(|id| id.len() <= LONGEST_ID).map(Name::from);
        if let Some(id) = &client_id {
            self.comes_from(&place, flow, id);
        }
        if let (Body::Connect { .. }, Some(session)) = (packet.body, self.open.get(&place))
            && session.is_over_with(client_id.as_ref())
            && let Some(mut session) = self.open.remove(&place)
        {
            session.replaced(message.origin, &mut self.incidents);
            self.ended.push(*session);
        }
        if self.open.len() >= CLIENTS
            && !self.open.contains_key(&place)
            && let Some((_, mut oldest)) = self.open.pop_first()
        {
            let last = oldest.last.time;
            oldest.finish(last, &mut self.incidents);
            self.ended.push(*oldest);
        }
        let session =
            self.open.entry(place.clone()).or_insert_with(|| Box::new(SnSession::new(flow, message, self.lost)));
        session.flow = flow;
        session.take(message, &mut self.incidents);
        if let Some(id) = client_id
            && self.places.len() < CLIENTS
        {
            self.places.insert((flow.server, id), place);
        }
    }

    /// A client that was elsewhere before keeps its session.
    fn comes_from(&mut self, place: &Place, flow: FlowRef, id: &Name) {
        let Some(old) = self.places.get(&(flow.server, id.clone())).filter(|old| *old != place) else { return };
        if self.open.contains_key(place) {
            return;
        }
        if let Some(mut session) = self.open.remove(old) {
            session.previous_flow = Some(session.flow.id);
            session.moves += 1;
            self.open.insert(place.clone(), session);
        }
    }

    /// The conversation is over: so are the sessions in it. `now` is the time until which nothing came.
    pub fn end(&mut self, flow: FrameNo, now: Timestamp) {
        let first: Place = (flow, Box::default());
        while let Some((place, _)) = self.open.range(&first..).next().filter(|(place, _)| place.0 == flow) {
            let place = place.clone();
            let Some(mut session) = self.open.remove(&place) else { return };
            session.finish(now, &mut self.incidents);
            if let Some(id) = &session.client_id {
                self.places.remove(&(session.flow.server, id.clone()));
            }
            self.ended.push(*session);
        }
    }

    /// Whether there is something to be taken.
    pub const fn has_news(&self) -> bool {
        !self.incidents.is_empty() || !self.ended.is_empty()
    }

    /// What happened since this was asked last.
    pub fn take_incidents(&mut self) -> Vec<SnIncident> {
        std::mem::take(&mut self.incidents)
    }

    /// The sessions that have ended since this was asked last.
    pub fn take_ended(&mut self) -> Vec<SnSession> {
        std::mem::take(&mut self.ended)
    }
}

/// How long somebody may be silent who has promised to be heard within so many seconds: a tenth more, and up to a minute
/// half as much more (section 7.2).
pub(super) const fn allowed(seconds: u16) -> Span {
    let nanos = seconds as i64 * 1_000_000_000;
    Span::from_nanos(if seconds > 60 { nanos + nanos / 10 } else { nanos + nanos / 2 })
}

#[cfg(test)]
mod tests;
