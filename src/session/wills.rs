//! The wills of all connections, found among what servers send.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::connection::Session;
use super::delivery::{Name, PacketRef};
use super::details::Details;
use super::digest::Digest;
use super::open::Open;
use super::will::Sighting;
use crate::capture::FrameNo;
use crate::dissect::Message;
use crate::engine::FlowRef;
use crate::flow::Direction;
use crate::time::{Span, Timestamp};

/// Connections with a will of the same topic that are told apart.
const EQUAL_WILLS: usize = 64;

/// What somebody published explains equal messages for so long, so that they are not taken for a will.
const SHADOW: Span = Span::from_secs(10);

/// How much later than it is due a will of a connection that is not followed any more may come.
const PROMPT: Span = Span::from_secs(5);

/// The most wills of such connections.
const KEPT: usize = 4096;

/// A will that a server sends.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The CONNECT that holds it.
    pub(super) connect: PacketRef,
    /// Whose it is.
    pub(super) client_id: Option<Name>,
    /// It is to be retained.
    pub(super) retain: bool,
}

type ByTopic<T> = HashMap<(SocketAddr, u64), T, foldhash::fast::RandomState>;

/// All wills by the server and their topic.
#[derive(Debug, Default)]
pub(super) struct Wills {
    /// Of connections that are followed.
    open: ByTopic<Vec<FrameNo>>,
    /// Of those that are not any more, whose delay is not over; with the time until when they are expected.
    kept: ByTopic<(Digest, Seen, Timestamp)>,
}

impl Wills {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.kept.is_empty()
    }

    /// A connection has a will.
    pub(super) fn add(&mut self, flow: FlowRef, will: Digest) {
        let Some(topic) = will.topic() else { return };
        let flows = self.open.entry((flow.server, topic)).or_default();
        if flows.len() < EQUAL_WILLS {
            flows.push(flow.id);
        }
    }

    /// A connection that has a will is not followed any more.
    pub(super) fn remove(&mut self, flow: FlowRef, will: Digest) {
        let Some(topic) = will.topic() else { return };
        let key = (flow.server, topic);
        let Some(flows) = self.open.get_mut(&key) else { return };
        flows.retain(|id| *id != flow.id);
        if flows.is_empty() {
            self.open.remove(&key);
        }
    }

    /// A connection is not followed any more, and its will is `due` later.
    pub(super) fn keep(&mut self, server: SocketAddr, will: Digest, seen: Seen, due: Timestamp, now: Timestamp) {
        if self.kept.len() == KEPT {
            self.kept.retain(|_, (.., until)| *until > now);
        }
        if let (Some(topic), true) = (will.topic(), self.kept.len() < KEPT) {
            self.kept.insert((server, topic), (will, seen, due + PROMPT));
        }
    }

    /// A client goes on with its session: a will of it that is not due yet is not published.
    pub(super) fn call_off(&mut self, server: SocketAddr, client_id: &Name) {
        self.kept.retain(|(of, _), (_, seen, _)| *of != server || seen.client_id.as_ref() != Some(client_id));
    }

    /// Whether a message on its way to a client is the will of another; or notes that what a client publishes looks
    /// like one.
    pub(super) fn look_for(
        &self,
        open: &mut Open<Session>,
        flow: FlowRef,
        message: &Message<'_>,
        digest: Digest,
    ) -> Option<Seen> {
        if self.is_empty() {
            return None;
        }
        let key = (flow.server, digest.topic()?);
        let flows = self.open.get(&key).map_or(&[][..], Vec::as_slice);
        let receiver = open.get(flow.id)?;
        let (client_id, bridge) = (receiver.client_id.clone(), receiver.bridge);
        let place = PacketRef { flow: flow.id, at: message.origin };
        let header = message.packet.header;
        // A will that was retained goes to later subscribers as well, with RETAIN.
        let live = (!header.retain() || bridge) && !header.dup();
        // So it is with RETAIN where the subscription wants it as published; of one that stood before no old message is sent.
        let as_published = receiver.subscribed_as_published(message).filter(|_| header.retain() && !header.dup());
        // What waited for this client was published before it came back.
        let came = receiver.connect.filter(|_| receiver.resumes);
        let equal = |id: &&FrameNo| {
            let will = open.get(**id).and_then(|owner| owner.will.as_ref());
            will.is_some_and(|will| will.digest.may_equal(digest))
        };
        let equal: Vec<FrameNo> = flows.iter().filter(equal).copied().collect();
        let may_be_sent = |id: &&FrameNo| open.get(**id).is_some_and(|owner| !owner.has_no_will());
        let candidates: Vec<FrameNo> = equal.iter().filter(may_be_sent).copied().collect();
        let mut found: Option<(Seen, bool)> = None;
        for id in &equal {
            let Some(owner) = open.get_mut(*id) else { continue };
            let closed = owner.closed_at().is_some() && !owner.has_no_will();
            let Details { will: Some(will), connect, client_id: owner_id, .. } = &mut *owner.details else { continue };
            let shadowed = will.shadowed.is_some_and(|since| {
                message.origin.time.since(since) < SHADOW || came.is_some_and(|came| since < came.time)
            });
            let live = live || as_published.zip(*connect).is_some_and(|(asked, connect)| asked < connect.frame);
            match message.direction {
                Direction::ToServer => will.shadowed = Some(message.origin.time),
                Direction::ToClient if live && !shadowed => {
                    let alone = candidates.iter().all(|other| other == id);
                    will.on_sighting(Sighting { place, client_id: client_id.clone(), alone });
                    let connect = connect.map(|at| PacketRef { flow: *id, at });
                    // Of several with the same will it is of one that has ended.
                    if let Some(connect) = connect
                        && found.as_ref().is_none_or(|(_, other_closed)| closed >= *other_closed)
                    {
                        let seen = Seen { connect, client_id: owner_id.clone(), retain: will.retain };
                        found = Some((seen, closed));
                    }
                }
                Direction::ToClient => {}
            }
        }
        let kept = || {
            let (will, seen, until) = self.kept.get(&key)?;
            let is_it = live && message.direction == Direction::ToClient && message.origin.time < *until;
            (is_it && will.may_equal(digest)).then(|| seen.clone())
        };
        found.map(|(seen, _)| seen).or_else(kept)
    }
}
