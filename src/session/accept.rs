//! Who connects, and what becomes of the session and the connection that the client had before.

use super::broker::Sessions;
use super::connection::Session;
use super::delivery::{DeliveryOutcome, Name, PacketRef};
use super::incident::{Certainty, IncidentKind};
use super::judge::Judge;
use super::route::Party;
use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::flow::{PerDirection, Role};
use crate::mqtt::Version;
use crate::time::Span;

impl Sessions {
    /// A client asks for a connection: it may have another.
    pub(super) fn on_connect(&mut self, flow: FlowRef, origin: Origin) {
        let Some(session) = self.open.get_mut(flow.id) else { return };
        if let Some(will) = &session.will {
            self.wills.add(flow, will.digest);
        }
        // Whether there was a session to go on with is told by the CONNACK.
        session.state.known = session.from_start && session.clean_start == Some(true);
        let Some(key) = session.client_key() else { return };
        let previous = self.clients.get_mut(&key).and_then(|client| client.flow);
        session.previous = previous.filter(|previous| *previous != flow.id);
        if let Some(old) = previous.and_then(|previous| self.open.get_mut(previous))
            && old.closed_at().is_none()
        {
            old.taken_over = Some(PacketRef { flow: flow.id, at: origin });
        }
    }

    /// The server lets a client in, or does not.
    pub(super) fn on_connack(&mut self, flow: FrameNo, origin: Origin) {
        let Some(mut session) = self.open.lend(flow) else { return };
        self.accept(&mut session, origin);
        self.open.give_back(flow, session);
    }

    fn accept(&mut self, session: &mut Session, origin: Origin) {
        let Some((_, code, present)) = session.connack else { return };
        let previous = session.previous;
        let id = session.flow.id;
        if code != 0 {
            // It took nobody's place.
            if let Some(old) = previous.and_then(|previous| self.open.get_mut(previous))
                && old.taken_over.is_some_and(|over| over.flow == id)
            {
                old.taken_over = None;
            }
            return;
        }
        let Some(key) = session.client_key() else {
            if let Some(router) = &mut self.router {
                router.connected(session.flow.server, &Party::Flow(id), false, origin.time);
            }
            return;
        };
        let waiting = self.clients.take_state(&key);
        let client = self.clients.entry(&key);
        let was_kept = client.is_kept(origin.time);
        let mut ended_with_connection = client.expiry == 0;
        let was_sure = !std::mem::take(&mut client.unsure);
        let was_elsewhere = std::mem::take(&mut client.elsewhere);
        let holder = client.flow.filter(|_| session.client_id_assigned);
        client.flow = Some(id);
        client.left = None;
        client.expiry = session.expiry.unwrap_or(0);
        let mut old_state = waiting.map(|state| *state);
        let mut kept = was_kept;
        let mut accepted_before = old_state.is_some() && was_sure;
        let clean = session.clean_start == Some(true);
        // Who is let in by another port of the same broker may have ended the session, or begun another.
        self.clients.let_in_elsewhere(&key);
        if !clean {
            self.wills.call_off(key.broker, &key.id);
        }
        let came = session.connect.map_or(origin.time, |at| at.time);
        if let Some(old) = previous.and_then(|previous| self.open.get_mut(previous)) {
            old.freeze(&mut self.allowance);
            // All is weighed, if need be, with the message at hand.
            self.budget.add(old.listed_bytes());
            if self.lost.is_some_and(|lost| old.last.frame < lost) {
                // Nobody knows what it, or another connection of the client, said meanwhile.
                old.lossy = PerDirection { to_server: true, to_client: true };
            }
            let seen = !old.lacks_any();
            kept = old.expiry.is_some_and(|seconds| {
                let left = old.closed_at().unwrap_or(origin.time);
                seconds > 0 && origin.time.since(left) < Span::from_secs(i64::from(seconds))
            });
            ended_with_connection = old.expiry == Some(0);
            old.replaced = true;
            if let Some(will) = &mut old.will {
                // Beginning anew ends the session and so the delay; going on calls the will off (MQTT-3.1.3-9).
                let what = if clean { &mut will.over } else { &mut will.back };
                what.get_or_insert(came);
            }
            accepted_before = old.is_accepted() && seen;
            let mut state = old.state.hand_over();
            state.known &= seen;
            old_state = Some(state);
        }
        let frames: Vec<_> = session.connect.map(|at| at.frame).into_iter().chain([origin.frame]).collect();
        let lacks_any = session.lacks_any();
        let mut judge = Judge {
            incidents: &mut self.incidents,
            told: &mut session.incidents_told,
            flow: &session.flow,
            version: session.version,
            at: origin,
            known: true,
            whole: true,
            receiver: None,
        };
        // 3.1 does not say whether there was a session.
        let is_31 = session.version == Version::V31;
        let resumes = if is_31 { !clean && kept && old_state.is_some() } else { present };
        if clean && present {
            judge.tell(IncidentKind::SessionPresentAfterCleanStart, Role::Server, &frames, Certainty::Certain);
        } else if !clean && session.version != Version::V31 && accepted_before {
            let ended = ended_with_connection && old_state.as_ref().is_some_and(|state| state.known);
            let lost = Certainty::if_so(!was_elsewhere);
            let unexpected = Certainty::if_so(ended && !was_elsewhere);
            let kind = IncidentKind::SessionUnexpected(!ended_with_connection);
            match (present, kept) {
                (false, true) => judge.tell(IncidentKind::SessionLost, Role::Server, &frames, lost),
                (true, false) => judge.tell(kind, Role::Server, &frames, unexpected),
                (true, true) | (false, false) => {}
            }
        }
        // Two that are connected at once can't have the same one.
        if let Some(holder) = holder.and_then(|holder| self.open.get(holder))
            && holder.flow.id != id
            && holder.closed_at().is_none()
            && !holder.lacks_any()
        {
            let frames = [holder.first.frame, origin.frame];
            judge.tell(IncidentKind::ClientIdTaken, Role::Server, &frames, Certainty::Likely);
        }
        let party = Party::Client(Name::clone(&key.id));
        if resumes && !clean {
            session.details.resumes = true;
            if let Some(mut state) = old_state {
                judge.known = state.known && !lacks_any;
                let begun = std::mem::take(&mut session.state);
                let over = self.router.is_some().then_some(&mut self.over);
                state.absorb(begun, &mut session.deliveries, over, &mut judge);
                session.state = state;
            }
        } else {
            // Only 3.1 does not say that a session from before the capture goes on, and who breaks the rule may do so.
            let is_new = if is_31 { clean || accepted_before } else { !present };
            session.state.known = is_new && session.from_start && session.connect.is_some();
            if let Some(state) = old_state {
                self.discard(key.broker, &party, state, DeliveryOutcome::SessionOver);
            }
            if let Some(router) = &mut self.router {
                router.begins_anew(key.broker, &party);
            }
        }
        if let Some(router) = &mut self.router {
            router.connected(key.broker, &party, session.is_kept(), origin.time);
            if session.lossy.to_client {
                router.lossy(key.broker, &party);
            }
        }
    }
}
