//! What is wrong with the connections of a capture: each is judged when it has ended, with all that is known of it then.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::{Basis, connection, counted, finding, seconds, transfer};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Limits, Rule, Severity, Wanted};
use crate::dissect::Conversation;
use crate::engine::{Event, FlowRef, NoticeKind};
use crate::flow::{Direction, Ended, Flow, Outcome, Transport};
use crate::mqtt::{Body, PacketType};
use crate::time::{Span, Timestamp};

/// The most hosts that are watched for scans, floods and their checksums.
const HOSTS: usize = 4096;

/// The most connections whose DISCONNECT is remembered until they end.
const LEAVING: usize = 1 << 20;

/// How long a flow was silent at least when it is let go as idle, by the defaults for what is not answered.
const IDLE: Span = Span::from_secs(180);

/// What one flow is judged with.
pub(super) struct Case<'a> {
    pub(super) flow: &'a Flow<Conversation>,
    pub(super) name: FlowRef,
    pub(super) limits: &'a Limits,
    /// Until when the capture shows that nothing more came.
    pub(super) until: Timestamp,
    /// An end said with DISCONNECT that it would leave.
    pub(super) left: bool,
    /// The capture has connections of which it lacks one direction.
    pub(super) one_way: bool,
    /// The latest loss of frames was right before this one.
    pub(super) lost: Option<FrameNo>,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Case<'_> {
    pub(super) fn tell(
        &mut self,
        id: &'static str,
        severity: Severity,
        certainty: Certainty,
        at: Origin,
        basis: Basis,
        message: String,
    ) {
        self.findings.push(finding(id, severity, certainty, Some(self.name), at, basis, message));
    }

    /// Whether the capture has all that came after this, so that what it does not show was not there.
    pub(super) fn is_seen_since(&self, at: Origin) -> bool {
        self.lost.is_none_or(|lost| lost < at.frame)
    }

    /// The name of the end that sends in this direction.
    pub(super) const fn who(direction: Direction) -> &'static str {
        direction.sender().name()
    }
}

/// Ends that a host tried, or handshakes that a server was left with, within a time.
#[derive(Debug)]
struct Watched {
    since: Timestamp,
    targets: HashSet<SocketAddr>,
    count: u64,
    frames: Vec<FrameNo>,
    told: bool,
}

/// Which targets count.
#[derive(Clone, Copy)]
struct Threshold {
    window: Span,
    count: u64,
}

/// Hosts that may be scanning or flooded.
#[derive(Debug, Default)]
struct Watch {
    hosts: HashMap<IpAddr, Watched>,
    /// Before this no host is to be let go, however full it is: looking for one costs as much as there are.
    full_until: Option<Timestamp>,
}

enum Seen {
    /// Nothing out of the usual.
    Usual,
    /// The threshold is reached now: with so many, on these frames.
    Reached(u64, Vec<FrameNo>),
    /// It was told before.
    Known,
}

impl Watch {
    fn see(&mut self, host: IpAddr, target: SocketAddr, at: Origin, threshold: Threshold) -> Seen {
        if self.hosts.len() >= HOSTS && !self.hosts.contains_key(&host) && !self.make_room(at.time, threshold.window) {
            return Seen::Usual;
        }
        let fresh = || Watched { since: at.time, targets: HashSet::new(), count: 0, frames: Vec::new(), told: false };
        let watched = self.hosts.entry(host).or_insert_with(fresh);
        if watched.told {
            return Seen::Known;
        }
        if at.time.since(watched.since) > threshold.window {
            *watched = fresh();
        }
        if watched.targets.insert(target) {
            watched.count += 1;
            if watched.frames.len() < 8 {
                watched.frames.push(at.frame);
            }
        }
        if watched.count < threshold.count.max(1) {
            return Seen::Usual;
        }
        watched.told = true;
        watched.targets = HashSet::new();
        Seen::Reached(watched.count, std::mem::take(&mut watched.frames))
    }

    /// Lets go the hosts that were watched for long enough, and says whether there were any.
    fn make_room(&mut self, now: Timestamp, window: Span) -> bool {
        if self.full_until.is_some_and(|until| now < until) {
            return false;
        }
        self.hosts.retain(|_, watched| watched.told || now.since(watched.since) < window);
        let has_room = self.hosts.len() < HOSTS;
        // Those of which it was told stay.
        let first = self.hosts.values().filter(|watched| !watched.told).map(|watched| watched.since).min();
        let until = first.map_or(Timestamp::from_nanos(i64::MAX), |first| first + window);
        self.full_until = (!has_room).then_some(until);
        has_room
    }
}

/// Judges flows.
pub(super) struct FlowRule {
    limits: Limits,
    end: Option<Timestamp>,
    leaving: HashSet<FrameNo>,
    scans: Watch,
    floods: Watch,
    /// Hosts of which it was told that their checksums are left to the card.
    unsummed: HashSet<IpAddr>,
    one_way: bool,
    /// The first frame behind the latest loss of frames.
    lost: Option<FrameNo>,
}

impl FlowRule {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            end: None,
            leaving: HashSet::new(),
            scans: Watch::default(),
            floods: Watch::default(),
            unsummed: HashSet::new(),
            one_way: false,
            lost: None,
        }
    }

    fn judge(&mut self, flow: &Flow<Conversation>, why: Ended, findings: &mut Vec<Finding>) {
        let sides = &flow.connection.sides;
        let until = match why {
            Ended::CaptureEnd => self.end.unwrap_or(flow.last.time),
            Ended::Idle => flow.last.time + IDLE,
            Ended::Over | Ended::Replaced | Ended::Evicted => flow.last.time,
        };
        let packets = |direction: Direction| sides[direction].counters().packets;
        let went_on = |direction: Direction| sides[direction].counters().traffic.data_packets > 0;
        self.one_way |= Direction::BOTH
            .into_iter()
            .any(|direction| packets(direction.reverse()) == 0 && went_on(direction) && packets(direction) > 1);
        let in_vain = self.scan(flow, findings);
        let flooded = self.flood(flow, findings);
        let case = &mut Case {
            flow,
            name: FlowRef::of(flow),
            limits: &self.limits,
            until,
            left: self.leaving.remove(&flow.id),
            one_way: self.one_way,
            lost: self.lost,
            findings,
        };
        if !in_vain && !flooded {
            connection::beginning(case);
        }
        connection::end(case);
        transfer::judge(case);
        self.checksums(flow, findings);
    }

    /// Whether its client tries one end after the other, so that this connection is one of many.
    fn scan(&mut self, flow: &Flow<Conversation>, findings: &mut Vec<Finding>) -> bool {
        let connection = &flow.connection;
        let in_vain = match connection.outcome() {
            Outcome::Refused | Outcome::Unanswered => true,
            // It was answered, and the client wanted to know no more.
            Outcome::Reset => {
                let data = Direction::BOTH.iter().any(|side| connection.sides[*side].counters().payload_bytes > 0);
                connection.handshake.syn_ack.is_some() && !data
            }
            Outcome::Closed | Outcome::Open => false,
        };
        if !in_vain {
            return false;
        }
        let window = seconds(self.limits.scan_window_s);
        let threshold = Threshold { window, count: self.limits.scan_targets };
        match self.scans.see(flow.client.ip(), flow.server, flow.first, threshold) {
            Seen::Usual => false,
            Seen::Known => true,
            Seen::Reached(count, frames) => {
                let message = format!(
                    "{} tries one end after the other in vain: {count} within {} s; further ones are not told",
                    flow.client.ip(),
                    self.limits.scan_window_s
                );
                let basis = Basis { frames };
                let name = FlowRef::of(flow);
                findings.push(finding(
                    "net.port-scan",
                    Severity::Warning,
                    Certainty::Likely,
                    Some(name),
                    flow.first,
                    basis,
                    message,
                ));
                true
            }
        }
    }

    /// Whether its server is left with so many open handshakes that this one tells nothing.
    fn flood(&mut self, flow: &Flow<Conversation>, findings: &mut Vec<Finding>) -> bool {
        let handshake = &flow.connection.handshake;
        let sides = &flow.connection.sides;
        let open = handshake.syn.is_some()
            && !handshake.complete
            && sides.to_server.counters().traffic.data_packets == 0
            && flow.connection.closing.reset.is_none();
        if !open {
            return false;
        }
        let window = seconds(self.limits.syn_flood_window_s);
        let threshold = Threshold { window, count: self.limits.syn_flood };
        // Each client is one, however often it tries.
        match self.floods.see(flow.server.ip(), flow.client, flow.first, threshold) {
            Seen::Usual => false,
            Seen::Known => true,
            Seen::Reached(count, frames) => {
                let message = format!(
                    "{} is left with open handshakes: {count} within {} s; further ones are not told",
                    flow.server.ip(),
                    self.limits.syn_flood_window_s
                );
                let basis = Basis { frames };
                let name = FlowRef::of(flow);
                findings.push(finding(
                    "net.syn-flood",
                    Severity::Warning,
                    Certainty::Hint,
                    Some(name),
                    flow.first,
                    basis,
                    message,
                ));
                true
            }
        }
    }

    /// Checksums that a card fills in after the capture: once for each host.
    fn checksums(&mut self, flow: &Flow<Conversation>, findings: &mut Vec<Finding>) {
        let sides = &flow.connection.sides;
        for direction in Direction::BOTH {
            let side = &sides[direction];
            let Some(at) = side.first_unsummed() else { continue };
            let (good, bad) = side.checksums();
            // Where they are right as a rule, a wrong one is damage, and told as that.
            if bad > 0 && good > bad.saturating_mul(2) {
                continue;
            }
            let host = match direction {
                Direction::ToServer => flow.client.ip(),
                Direction::ToClient => flow.server.ip(),
            };
            if self.unsummed.len() >= HOSTS || !self.unsummed.insert(host) {
                continue;
            }
            let peer = &sides[direction.reverse()];
            let (peer_good, _) = peer.checksums();
            let certainty = if peer_good > 0 || bad == 0 { Certainty::Certain } else { Certainty::Likely };
            let message = if bad == 0 {
                format!("{host} leaves TCP checksums to its network card, and was captured before that")
            } else {
                format!(
                    "TCP checksums of {host} are wrong as a rule ({}): its network card fills them in after the \
                     capture, or the capture was rewritten",
                    counted(u64::from(bad), "segment of this flow", "segments of this flow")
                )
            };
            let basis = Basis::at(&[Some(at)]);
            let name = FlowRef::of(flow);
            let severity = Severity::Note;
            findings.push(finding("capture.checksum-offload", severity, certainty, Some(name), at, basis, message));
        }
    }
}

impl Rule for FlowRule {
    fn wanted(&self) -> Wanted {
        Wanted::FLOWS
            .and(Wanted::NOTICES)
            .and(Wanted::message(PacketType::Disconnect))
            .and(Wanted::message(PacketType::ConnAck))
    }

    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) => {
                let leaves = matches!(message.packet.body, Body::Disconnect(_))
                    || (message.packet.header.packet_type == PacketType::ConnAck && is_refusal(&message.packet.body));
                if leaves && self.leaving.len() < LEAVING {
                    self.leaving.insert(flow.id);
                }
            }
            Event::Flow(flow, why) if flow.transport == Transport::Tcp => self.judge(flow, *why, findings),
            Event::Notice(notice) => {
                if matches!(notice.kind, NoticeKind::FramesLost(_)) {
                    self.lost = Some(notice.origin.frame);
                }
            }
            Event::Flow(..)
            | Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Closing(..) => {}
        }
    }

    fn capture_ends(&mut self, now: Timestamp) {
        self.end = Some(now);
    }
}

fn is_refusal(body: &Body<'_>) -> bool {
    matches!(body, Body::ConnAck(connack) if connack.code.is_some_and(|code| code != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_watch_has_room_again_once_a_host_was_watched_for_long_enough() {
        let threshold = Threshold { window: Span::from_secs(10), count: 3 };
        let target = SocketAddr::from(([10, 0, 0, 1], 1883));
        let host = |number: usize| IpAddr::from([10, 1, (number >> 8) as u8, number as u8]);
        let at = |seconds: i64| Origin { frame: FrameNo(1), time: Timestamp::from_nanos(seconds * 1_000_000_000) };
        let mut watch = Watch::default();
        for number in 0..HOSTS {
            watch.see(host(number), target, at(if number == 7 { 1 } else { 5 }), threshold);
        }
        let knows = |watch: &Watch, number| watch.hosts.contains_key(&host(number));
        for seconds in [6, 10] {
            watch.see(host(HOSTS), target, at(seconds), threshold);
            assert!(!knows(&watch, HOSTS), "at {seconds} s");
        }
        watch.see(host(HOSTS), target, at(11), threshold);
        assert!(knows(&watch, HOSTS) && !knows(&watch, 7));
        watch.see(host(HOSTS + 1), target, at(14), threshold);
        assert!(!knows(&watch, HOSTS + 1));
        watch.see(host(HOSTS + 1), target, at(15), threshold);
        assert!(knows(&watch, HOSTS + 1) && !knows(&watch, 8));
    }
}
