//! What a session shows when its connection has ended: pings, acknowledgements, subscriptions that were not granted.

use std::collections::BTreeMap;

use super::told::{ByFlow, Hits, Lint, NAME, Told, seconds, shown};
use crate::capture::Origin;
use crate::check::{Certainty, Finding, Limits, Rule, Severity};
use crate::dissect::{Conversation, Message};
use crate::engine::Event;
use crate::flow::{Direction, Flow};
use crate::mqtt::{Body, PacketType};
use crate::session::{EndKind, Session};
use crate::time::Span;

/// The most SUBSCRIBE packets without an answer, and the most filters of each that are compared.
const REQUESTS: usize = 32;
const FILTERS: usize = 64;

/// The most such packets of all connections.
const HELD: usize = 4096;

const MISMATCH: Lint = Lint::note(
    "lint.keepalive-mismatch",
    Certainty::Likely,
    "ping at about a half to three quarters of the keep alive, so that a lost ping does no harm",
);
const PINGS: Lint = Lint::note(
    "lint.keepalive-short",
    Certainty::Certain,
    "a longer keep alive would do, for nothing else passes for a long time",
);
const UNACKED: Lint = Lint::warning(
    "lint.unacked-at-end",
    Certainty::Likely,
    "wait for acknowledgements before the connection is closed, or keep the session and send again",
);
const SLOW: Lint = Lint::note(
    "lint.slow-ack",
    Certainty::Certain,
    "see whether the network, the receiver's program or its window of open messages holds it up",
);
const FULL: Lint = Lint::note(
    "lint.receive-maximum",
    Certainty::Likely,
    "the sender has to wait whenever that many are open: allow more, or acknowledge sooner",
);
const FAILED: Lint = Lint::warning(
    "lint.subscribe-failed-ignored",
    Certainty::Likely,
    "look at the codes of SUBACK: a filter with 0x80 or above is not subscribed",
);
const DOWNGRADE: Lint = Lint::note(
    "lint.qos-downgrade",
    Certainty::Certain,
    "the server grants less than was asked for, so that messages may get lost",
);

/// Filters, and the QoS that was asked for each.
type Filters = Vec<(Box<[u8]>, u8)>;

/// What is known of a connection.
#[derive(Debug, Default)]
struct Line {
    last: Option<Origin>,
    pings: u64,
    /// How long the client had been silent before its pings, in all.
    silence: f64,
    first_ping: Option<Origin>,
    requests: BTreeMap<u16, Filters>,
    failed: Option<(Hits, Box<[u8]>, u8)>,
    /// What the client sent since, as if nothing had happened.
    after: u64,
    downgraded: Option<(Hits, Box<[u8]>, u8, u8)>,
}

/// Judges sessions.
pub(super) struct SessionRule {
    limits: Limits,
    told: Told,
    lines: ByFlow<Line>,
    /// SUBSCRIBE packets of all connections that wait for their answer.
    held: usize,
}

impl SessionRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), told: Told::default(), lines: ByFlow::default(), held: 0 }
    }

    fn from_client(line: &mut Line, held: &mut usize, message: &Message<'_>) {
        let packet_type = message.packet.header.packet_type;
        let at = message.origin;
        if let (PacketType::PingReq, Some(last)) = (packet_type, line.last) {
            line.pings += 1;
            line.silence += message.started.time.since(last.time).as_secs_f64();
            line.first_ping.get_or_insert(at);
        }
        line.last = Some(at);
        match &message.packet.body {
            Body::Subscribe(subscribe) => {
                // It tries again, so that it has taken notice.
                line.failed = None;
                line.after = 0;
                if let Some(id) = subscribe.packet_id.filter(|_| line.requests.len() < REQUESTS && *held < HELD) {
                    let filters = subscribe.filters.iter().take(FILTERS);
                    let filters = filters.map(|wanted| (cut(wanted.filter).into(), wanted.qos())).collect();
                    *held += usize::from(line.requests.insert(id, filters).is_none());
                }
            }
            Body::Disconnect(_) | Body::Unsubscribe(_) => {}
            Body::Publish(_)
            | Body::Connect(_)
            | Body::ConnAck(_)
            | Body::Ack(_)
            | Body::SubAck(_)
            | Body::UnsubAck(_)
            | Body::Ping
            | Body::Auth(_)
            | Body::Reserved(_) => line.after += u64::from(line.failed.is_some()),
        }
    }

    fn granted(line: &mut Line, held: &mut usize, id: u16, codes: &[u8], at: Origin) {
        let Some(filters) = line.requests.remove(&id) else { return };
        *held = held.saturating_sub(1);
        for ((filter, asked), code) in filters.into_iter().zip(codes) {
            if *code >= 0x80 {
                match &mut line.failed {
                    Some((hits, ..)) => hits.again(at),
                    None => line.failed = Some((Hits::new(at), filter, *code)),
                }
            } else if *code < asked {
                match &mut line.downgraded {
                    Some((hits, ..)) => hits.again(at),
                    None => line.downgraded = Some((Hits::new(at), filter, asked, *code)),
                }
            }
        }
    }

    fn pings(&mut self, session: &Session, line: &Line, findings: &mut Vec<Finding>) {
        let (Some(seconds), Some(first)) = (session.keep_alive.seconds.filter(|seconds| *seconds > 0), line.first_ping)
        else {
            return;
        };
        if line.pings < self.limits.ping_minimum.max(1) {
            return;
        }
        let flow = session.flow;
        let who = (flow.server, session.client_id.as_deref(), flow.client.ip());
        let mean = line.silence / line.pings as f64;
        let percent = mean * 100.0 / f64::from(seconds);
        let what = if percent > self.limits.ping_late_percent {
            "just before its keep alive is over"
        } else if percent < self.limits.ping_early_percent {
            "far more often than its keep alive asks for"
        } else {
            ""
        };
        if !what.is_empty() && self.told.first(("mismatch", who)) {
            let text = format!(
                "the client pings {what}: after {mean:.1} s of silence in the mean, {percent:.0} % of {seconds} s"
            );
            findings.push(MISMATCH.at(Some(flow), first, &[first.frame], text));
        }
        let total = session.counts.to_server.total() + session.counts.to_client.total();
        let answers = session.counts.to_client.of(PacketType::PingResp);
        let others = total.saturating_sub(line.pings + answers);
        if line.pings > others.max(1) * self.limits.ping_share && self.told.first(("pings", who)) {
            let text = format!("{} pings, and {others} other packets", line.pings);
            findings.push(PINGS.at(Some(flow), first, &[first.frame], text));
        }
    }

    fn acknowledgements(&mut self, session: &Session, findings: &mut Vec<Finding>) {
        let flow = session.flow;
        let who = (flow.server, session.client_id.as_deref(), flow.client.ip());
        let lossy = session.lossy.to_server || session.lossy.to_client;
        for direction in Direction::BOTH {
            let sender = direction.sender().name();
            let deliveries = &session.deliveries[direction];
            let open = deliveries.counts.open;
            let over = !matches!(session.end.kind, EndKind::Open);
            if open > 0 && over && !lossy {
                let kept = session.expiry.is_some_and(|seconds| seconds > 0);
                let fate = if kept { "the session is kept" } else { "gone with the session" };
                let at = session.end.at.unwrap_or(session.last);
                let messages = if open == 1 { "message" } else { "messages" };
                let text = format!("{open} {messages} of the {sender} not acknowledged at the end; {fate}");
                // What the session keeps comes again.
                let severity = if kept { Severity::Note } else { UNACKED.severity };
                findings.push(Finding { severity, ..UNACKED.at(Some(flow), at, &[at.frame], text) });
            }
            let median = deliveries.latency.percentile(50).unwrap_or(Span::ZERO);
            if deliveries.latency.count() >= self.limits.slow_ack_minimum
                && median > seconds(self.limits.slow_ack_s)
                && self.told.first(("slow", direction as u8, who))
            {
                let text = format!(
                    "half of the {sender}'s {} messages took more than {:.3} s to be acknowledged",
                    deliveries.latency.count(),
                    median.as_secs_f64()
                );
                findings.push(SLOW.at(Some(flow), session.last, &[session.last.frame], text));
            }
            // A maximum of one is chosen to keep the order.
            let maximum = session.limits[direction].receive_maximum.map_or(u32::MAX, u32::from);
            if maximum > 1
                && deliveries.most_open == maximum
                && deliveries.counts.complete > u64::from(maximum)
                && self.told.first(("full", direction as u8, who))
            {
                let text = format!("the {sender} had {maximum} messages open, all that its peer allows");
                findings.push(FULL.at(Some(flow), session.last, &[session.last.frame], text));
            }
        }
    }
}

impl Rule for SessionRule {
    fn on_event(&mut self, event: &Event<'_>, _findings: &mut Vec<Finding>) {
        let (flow, message) = match event {
            Event::Message(flow, message) if !message.incomplete => (flow, message),
            Event::Flow(flow, _) => {
                let line = self.lines.remove(flow.id).unwrap_or_default();
                self.held = self.held.saturating_sub(line.requests.len());
                return;
            }
            Event::Message(..)
            | Event::Packet(_)
            | Event::SnMessage(..)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::Closing(..)
            | Event::Notice(_) => return,
        };
        let Some(line) = self.lines.entry(flow.id) else { return };
        match message.direction {
            Direction::ToServer => Self::from_client(line, &mut self.held, message),
            Direction::ToClient => {
                if let Body::SubAck(suback) = &message.packet.body
                    && let Some(id) = suback.packet_id
                {
                    Self::granted(line, &mut self.held, id, suback.codes, message.origin);
                }
            }
        }
    }

    fn on_session(&mut self, session: &Session, _flow: &Flow<Conversation>, findings: &mut Vec<Finding>) {
        let flow = session.flow;
        let line = self.lines.remove(flow.id).unwrap_or_default();
        self.held = self.held.saturating_sub(line.requests.len());
        let who = (flow.server, flow.client.ip());
        self.pings(session, &line, findings);
        self.acknowledgements(session, findings);
        if let Some((hits, filter, code)) =
            line.failed.filter(|_| line.after >= self.limits.failed_subscription_packets)
            && self.told.first(("failed", who, &filter))
        {
            let text = format!(
                "the server refuses to subscribe {} ({code:#04x}), and the client goes on as if it had not",
                shown(&filter)
            );
            findings.push(FAILED.at(Some(flow), hits.first, &hits.frames, text));
        }
        if let Some((hits, filter, asked, granted)) = line.downgraded
            && self.told.first(("downgrade", who, &filter))
        {
            let text = format!("the server grants QoS {granted} for {}, and {asked} was asked for", shown(&filter));
            findings.push(DOWNGRADE.at(Some(flow), hits.first, &hits.frames, text));
        }
    }
}

/// The beginning of a filter, which is enough to name it.
fn cut(filter: &[u8]) -> &[u8] {
    filter.get(..NAME).unwrap_or(filter)
}
