//! What the capture lacks of each flow: without it nothing can be said of what did not come.

use std::collections::{BTreeMap, BTreeSet};

use crate::capture::FrameNo;
use crate::check::Finding;
use crate::dissect::{Conversation, Message};
use crate::engine::FlowRef;
use crate::flow::{Direction, Ended, Flow, KnownBy, Outcome, PerDirection, Transport};
use crate::time::Timestamp;

/// What is known of a flow that is open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FlowFacts {
    /// Messages behind or around bytes that are missing.
    pub(super) gaps: u32,
    /// The messages can't be told apart any more.
    pub(super) lost: bool,
    /// The capture has not its beginning.
    pub(super) joined: bool,
    /// Messages of each direction were seen.
    seen: PerDirection<bool>,
}

/// The most flows that are remembered, once they have ended, as lacking something.
const REMEMBERED: usize = 65_536;

/// A flow that has ended, as far as that matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlowEnd {
    pub(super) flow: FrameNo,
    facts: FlowFacts,
    /// Bytes are missing somewhere.
    missing: bool,
    /// Bytes are missing at its end, or one direction as a whole.
    blind: bool,
    /// Nothing more can come: it was closed.
    pub(super) over: bool,
}

impl FlowEnd {
    /// Whether something may have passed unseen since there were so many gaps.
    pub(super) const fn lacks(&self, gaps: u32) -> bool {
        self.blind || self.facts.lost || self.facts.gaps > gaps || (self.missing && self.facts.gaps == 0)
    }
}

/// All flows that are open.
#[derive(Debug, Default)]
pub(super) struct Flows {
    open: BTreeMap<FrameNo, FlowFacts>,
    /// Flows that have ended and lack something.
    lacking: BTreeSet<FrameNo>,
    /// Whether something is missing anywhere.
    pub(super) any_gap: bool,
    /// Whether a connection of MQTT was under way when the capture began.
    pub(super) any_joined: bool,
    pub(super) first: Option<Timestamp>,
    pub(super) latest: Timestamp,
}

impl Flows {
    pub(super) fn at(&mut self, time: Timestamp) {
        self.latest = if self.first.is_none() { time } else { self.latest.max(time) };
        self.first.get_or_insert(time);
    }

    pub(super) fn of(&self, flow: Option<FlowRef>) -> FlowFacts {
        flow.and_then(|flow| self.open.get(&flow.id)).copied().unwrap_or_default()
    }

    /// Whether what is told of a flow may rest on what was not captured.
    pub(super) fn lacks(&self, flow: FlowRef) -> bool {
        let doubtful =
            |facts: &FlowFacts| facts.gaps > 0 || facts.lost || !facts.seen.to_server || !facts.seen.to_client;
        self.lacking.contains(&flow.id)
            || self.lacking.len() >= REMEMBERED
            || self.open.get(&flow.id).is_some_and(doubtful)
    }

    pub(super) fn on_message(&mut self, flow: FlowRef, message: &Message<'_>) {
        let facts = self.open.entry(flow.id).or_default();
        facts.joined = flow.known_by > KnownBy::SynAck;
        facts.seen[message.direction] = true;
        self.any_joined |= facts.joined;
        if message.missing > 0 || message.resynced || message.incomplete {
            facts.gaps = facts.gaps.saturating_add(1);
            self.any_gap = true;
        }
    }

    pub(super) fn on_finding(&mut self, finding: &Finding) {
        const LOST: [&str; 4] =
            ["mqtt.lost-sync", "mqtt.malformed-length", "mqtt.cut-header", "capture.reassembly-capped"];
        if LOST.contains(&finding.id.as_str())
            && let Some(flow) = finding.flow
        {
            self.any_gap = true;
            if let Some(facts) = self.open.get_mut(&flow.id) {
                facts.lost = true;
            }
        }
    }

    /// A flow is about to end: what is told of it before rests on what it lacks by now.
    pub(super) fn before_end(&mut self, flow: &Flow<Conversation>) {
        if lack(flow) != (false, false) {
            self.remember(flow.id);
        }
    }

    fn remember(&mut self, flow: FrameNo) {
        if self.lacking.len() < REMEMBERED {
            self.lacking.insert(flow);
        }
    }

    pub(super) fn on_end(&mut self, flow: &Flow<Conversation>, why: Ended) -> FlowEnd {
        let facts = self.open.remove(&flow.id).unwrap_or_default();
        let (missing, blind) = lack(flow);
        let is_tcp = flow.transport == Transport::Tcp;
        self.any_gap |= missing || blind || why == Ended::Evicted;
        if facts.gaps > 0 || facts.lost {
            self.remember(flow.id);
        }
        self.before_end(flow);
        FlowEnd {
            flow: flow.id,
            facts,
            missing,
            blind: blind || why == Ended::Evicted,
            over: is_tcp && (why == Ended::Replaced || flow.connection.outcome() != Outcome::Open),
        }
    }
}

/// Whether bytes of a flow are missing somewhere; and at its end, or one direction as a whole.
fn lack(flow: &Flow<Conversation>) -> (bool, bool) {
    let sides = &flow.connection.sides;
    let is_tcp = flow.transport == Transport::Tcp;
    let any = |test: &dyn Fn(Direction) -> bool| is_tcp && Direction::BOTH.iter().any(|direction| test(*direction));
    let missing = any(&|direction| sides[direction].missing_bytes() > 0);
    let blind = any(&|direction| {
        let counters = sides[direction].counters();
        let silent = counters.packets == 0 && sides[direction.reverse()].counters().payload_bytes > 0;
        silent || counters.acks_of_unseen > 0 || sides[direction].unseen_tail_bytes() > 0
    });
    (missing, blind)
}
