//! What the network says of itself: packets that it could not deliver, addresses that two hosts claim, fragments that
//! never became whole; and the clock of the capture.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::{Basis, counted, finding};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Rule, Severity, Wanted};
use crate::engine::{Event, FlowRef, NoticeKind, Undelivered};
use crate::flow::Transport;
use crate::time::Span;

/// The most addresses whose owners are kept.
const ADDRESSES: usize = 65_536;

/// The most flows of which it is kept what was not delivered.
const FLOWS: usize = 65_536;

/// The most kinds of ICMP errors that are told apart on a flow.
const KINDS: usize = 8;

/// The most frames that are kept of one kind.
const FRAMES: usize = 4;

/// Who claims an address.
#[derive(Debug)]
struct Owner {
    mac: [u8; 6],
    /// Who had it before.
    before: Option<[u8; 6]>,
    since: Origin,
    told: bool,
}

/// Packets that were not delivered for one reason.
#[derive(Debug)]
struct Failure {
    what: Undelivered,
    flow: FlowRef,
    first: Origin,
    frames: Vec<FrameNo>,
    count: u64,
}

/// A clock that went back.
#[derive(Debug, Clone, Copy)]
struct Back {
    first: Origin,
    worst: (Span, Origin),
    count: u64,
}

/// Judges what the network says.
pub(super) struct NetworkRule {
    owners: HashMap<Ipv4Addr, Owner>,
    failures: HashMap<FrameNo, Vec<Failure>>,
    back: Option<Back>,
}

impl NetworkRule {
    pub(super) fn new() -> Self {
        Self { owners: HashMap::new(), failures: HashMap::new(), back: None }
    }

    fn claimed(&mut self, address: Ipv4Addr, mac: [u8; 6], at: Origin, findings: &mut Vec<Finding>) {
        let Some(owner) = self.owners.get_mut(&address) else {
            if self.owners.len() < ADDRESSES {
                self.owners.insert(address, Owner { mac, before: None, since: at, told: false });
            }
            return;
        };
        if owner.mac == mac {
            return;
        }
        // An address moves when a host is replaced, or a stand-by takes over; two hosts that have it take turns.
        let back = owner.before == Some(mac);
        let frames = Basis::at(&[Some(owner.since), Some(at)]);
        let old = std::mem::replace(&mut owner.mac, mac);
        owner.before = Some(old);
        owner.since = at;
        if owner.told && !back {
            return;
        }
        if back && std::mem::replace(&mut owner.told, true) {
            return;
        }
        let (severity, certainty, message) = if back {
            let message = format!("two hosts claim {address} in turns: {} and {}", hex(old), hex(mac));
            (Severity::Warning, Certainty::Likely, message)
        } else {
            let message = format!("{address} moves from {} to {}", hex(old), hex(mac));
            (Severity::Note, Certainty::Hint, message)
        };
        findings.push(finding("net.address-conflict", severity, certainty, None, at, frames, message));
    }

    fn undelivered(&mut self, what: Undelivered, flow: FlowRef, at: Origin) {
        if self.failures.len() >= FLOWS && !self.failures.contains_key(&flow.id) {
            return;
        }
        let all = self.failures.entry(flow.id).or_default();
        let same = |failure: &&mut Failure| {
            (failure.what.kind, failure.what.code, failure.what.direction) == (what.kind, what.code, what.direction)
        };
        if let Some(failure) = all.iter_mut().find(same) {
            failure.count += 1;
            if failure.frames.len() < FRAMES {
                failure.frames.push(at.frame);
            }
        } else if all.len() < KINDS {
            all.push(Failure { what, flow, first: at, frames: vec![at.frame], count: 1 });
        }
    }

    /// The flow is over: what was not delivered of it.
    fn ended(&mut self, flow: FrameNo, findings: &mut Vec<Finding>) {
        let Some(failures) = self.failures.remove(&flow) else { return };
        for failure in failures {
            let Undelivered { from, version, kind, code, direction } = failure.what;
            let (reason, usual) = reason(version, kind, code);
            let tcp = failure.flow.transport == Transport::Tcp;
            let severity = if tcp && !usual { Severity::Warning } else { Severity::Note };
            let message = format!(
                "{from} says of {} of the {}: {reason} (type {kind}, code {code})",
                counted(failure.count, "packet", "packets"),
                direction.sender().name()
            );
            let (at, basis) = (failure.first, Basis { frames: failure.frames });
            let flow = Some(failure.flow);
            findings.push(finding("net.undelivered", severity, Certainty::Certain, flow, at, basis, message));
        }
    }
}

impl Rule for NetworkRule {
    fn wanted(&self) -> Wanted {
        Wanted::NOTICES.and(Wanted::FLOWS)
    }

    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let notice = match event {
            Event::Notice(notice) => notice,
            Event::Flow(flow, _) => return self.ended(flow.id, findings),
            Event::Message(..)
            | Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Closing(..) => {
                return;
            }
        };
        let at = notice.origin;
        match notice.kind {
            NoticeKind::AddressClaimed(address, mac) => self.claimed(address, mac, at, findings),
            NoticeKind::Undelivered(what) => {
                if let Some(flow) = notice.flow {
                    self.undelivered(what, flow, at);
                }
            }
            NoticeKind::ClockBack(by) => {
                let back = self.back.get_or_insert(Back { first: at, worst: (by, at), count: 0 });
                back.count += 1;
                if by > back.worst.0 {
                    back.worst = (by, at);
                }
            }
            NoticeKind::FragmentsUnfinished(count) => {
                let message = format!(
                    "{} never became whole, because fragments are missing",
                    counted(count, "datagram", "datagrams")
                );
                let id = "ip.fragments-unfinished";
                let basis = Basis::default();
                findings.push(finding(id, Severity::Note, Certainty::Certain, None, at, basis, message));
            }
            NoticeKind::Fragments(_)
            | NoticeKind::WebSocket(..)
            | NoticeKind::Quic(..)
            | NoticeKind::Tls(..)
            | NoticeKind::LostSync(..)
            | NoticeKind::CutHeader(..)
            | NoticeKind::FramesLost(_)
            | NoticeKind::UnseenSince(_)
            | NoticeKind::ReassemblyCapped(_)
            | NoticeKind::ConflictingOverlap(_)
            | NoticeKind::FlowEvicted(_)
            | NoticeKind::CapReached(..) => {}
        }
    }

    fn finish(&mut self, findings: &mut Vec<Finding>) {
        let Some(Back { first, worst: (by, at), count }) = self.back.take() else { return };
        let message = format!(
            "the clock of the capture goes back {}, by {:.6} s at most: times and round trips there are not to be trusted",
            counted(count, "time", "times"),
            by.as_secs_f64()
        );
        let basis = Basis::at(&[Some(first), Some(at)]);
        findings.push(finding("capture.clock-back", Severity::Note, Certainty::Certain, None, first, basis, message));
    }
}

/// What an ICMP error says (RFC 792, RFC 4443), and whether that is part of how the Internet works.
const fn reason(version: u8, kind: u8, code: u8) -> (&'static str, bool) {
    match (version, kind, code) {
        (4, 3, 0) | (6, 1, 0) => ("no way to the network", false),
        (4, 3, 1) | (6, 1, 3) => ("the host can't be reached", false),
        (4, 3, 2) => ("the host does not know the protocol", false),
        (4, 3, 3) | (6, 1, 4) => ("nobody listens on the port", false),
        (4, 3, 4) | (6, 2, _) => ("too big for the way", true),
        (4, 3, 9 | 10 | 13) | (6, 1, 1) => ("forbidden by an administrator", false),
        (4, 3, _) | (6, 1, _) => ("can't be delivered", false),
        (4, 4, _) => ("the way is congested", true),
        (4, 11, 1) | (6, 3, 1) => ("fragments are missing", false),
        (4, 11, _) | (6, 3, _) => ("too many hops, as in a loop", false),
        _ => ("its header is wrong", false),
    }
}

fn hex(mac: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
