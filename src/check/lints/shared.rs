//! Shared subscriptions: whether their members share the work.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::told::{ByFlow, Lint, NAME, shown};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::dissect::Message;
use crate::engine::{Event, FlowRef};
use crate::flow::Direction;
use crate::mqtt::{Body, topic};
use crate::session::Name;

/// The most groups, members of a group, and filters of a connection that are followed.
const GROUPS: usize = 4096;
const MEMBERS: usize = 1024;
const FILTERS: usize = 64;

/// The most filters of all connections.
const HELD: usize = 65_536;

const IMBALANCE: Lint = Lint::note(
    "lint.shared-imbalance",
    Certainty::Likely,
    "see how the server chooses a member, and whether the others have room for open messages",
);

/// A group: who is in it, and how many messages each got while it was not alone.
#[derive(Debug)]
struct Group {
    flow: FlowRef,
    first: Origin,
    members: BTreeMap<FrameNo, u64>,
    here: u64,
}

/// The filters of a connection.
#[derive(Debug, Default)]
struct Line {
    shared: Vec<Name>,
    own: Vec<Name>,
    too_many: bool,
}

/// Judges groups.
pub(super) struct SharedRule {
    limits: Limits,
    lines: ByFlow<Line>,
    groups: HashMap<(SocketAddr, Name), Group>,
    /// Filters of all connections.
    held: usize,
}

impl SharedRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), lines: ByFlow::default(), groups: HashMap::new(), held: 0 }
    }

    fn subscribe(&mut self, flow: FlowRef, message: &Message<'_>) {
        let Body::Subscribe(subscribe) = &message.packet.body else { return };
        let Some(line) = self.lines.entry(flow.id) else { return };
        for wanted in subscribe.filters {
            if line.shared.len() + line.own.len() >= FILTERS || self.held >= HELD || wanted.filter.len() > NAME {
                line.too_many = true;
                return;
            }
            self.held += 1;
            let filter = Name::from(wanted.filter);
            if topic::shared(&filter).is_none() {
                line.own.push(filter);
                continue;
            }
            if line.shared.contains(&filter) {
                self.held -= 1;
                continue;
            }
            line.shared.push(Name::clone(&filter));
            let key = (flow.server, filter);
            if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
                continue;
            }
            let fresh = || Group { flow, first: message.origin, members: BTreeMap::new(), here: 0 };
            let group = self.groups.entry(key).or_insert_with(fresh);
            if group.members.len() < MEMBERS && group.members.insert(flow.id, 0).is_none() {
                group.here += 1;
            }
        }
    }

    fn received(&mut self, flow: FlowRef, name: &[u8]) {
        let Some(line) = self.lines.get_mut(flow.id).filter(|line| !line.too_many) else { return };
        // By which subscription it came can't be told where two match.
        if line.own.iter().any(|filter| topic::matches(filter, name)) {
            return;
        }
        let mut matching = line.shared.iter().filter(|filter| topic::matches(filter, name));
        let (Some(filter), None) = (matching.next(), matching.next()) else { return };
        if let Some(group) = self.groups.get_mut(&(flow.server, Name::clone(filter)))
            && group.here > 1
            && let Some(count) = group.members.get_mut(&flow.id)
        {
            *count += 1;
        }
    }

    fn leave(&mut self, flow: FrameNo, server: SocketAddr) {
        let Some(line) = self.lines.remove(flow) else { return };
        self.held = self.held.saturating_sub(line.shared.len() + line.own.len());
        for filter in line.shared {
            if let Some(group) = self.groups.get_mut(&(server, filter))
                && group.members.contains_key(&flow)
            {
                group.here = group.here.saturating_sub(1);
            }
        }
    }
}

impl Rule for SharedRule {
    fn on_event(&mut self, event: &Event<'_>, _findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) => match &message.packet.body {
                Body::Subscribe(_) => self.subscribe(*flow, message),
                Body::Publish(_) if message.direction == Direction::ToClient => {
                    if let Some(name) = message.topic {
                        self.received(*flow, name);
                    }
                }
                Body::Publish(_)
                | Body::Connect(_)
                | Body::ConnAck(_)
                | Body::Ack(_)
                | Body::SubAck(_)
                | Body::Unsubscribe(_)
                | Body::UnsubAck(_)
                | Body::Ping
                | Body::Disconnect(_)
                | Body::Auth(_)
                | Body::Reserved(_) => {}
            },
            Event::Closing(flow, ..) => self.leave(flow.id, flow.server),
            Event::Flow(flow, _) => self.leave(flow.id, flow.server),
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Notice(_) => {}
        }
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        let mut groups: Vec<_> = self.groups.drain().collect();
        groups.sort_by_key(|(_, group)| group.first.frame);
        for ((_, filter), group) in groups {
            let total: u64 = group.members.values().sum();
            let Some((member, most)) = group.members.iter().max_by_key(|(_, count)| **count) else { continue };
            let percent = *most as f64 * 100.0 / total.max(1) as f64;
            if group.members.len() < 2 || total < self.limits.shared_minimum || percent <= self.limits.shared_percent {
                continue;
            }
            let text = format!(
                "of {} members of {}, the one on flow {member} gets {percent:.0} % of {total} messages",
                group.members.len(),
                shown(&filter)
            );
            let frames = [group.first.frame, *member];
            findings.push(IMBALANCE.at(Some(group.flow), group.first, &frames, text));
        }
    }
}
