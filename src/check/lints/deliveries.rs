//! What becomes of messages on their way through the broker: copies, resends, and those that wait.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use super::told::{ClientKey, FOLLOWED, Hits, Lint, Told, seconds, shown};
use crate::capture::FrameNo;
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::engine::{Event, NoticeKind};
use crate::flow::Direction;
use crate::mqtt::{Body, PropertyId, Version};
use crate::session::{Delivery, Fault, MissedWhy, PublishedAs};

const DUPLICATE: Lint = Lint::warning(
    "lint.duplicate-delivery",
    Certainty::Likely,
    "overlapping filters, a second subscription or a bridge in both directions bring a message twice",
);
const TIMER: Lint = Lint::warning(
    "lint.resend-timer",
    Certainty::Likely,
    "TCP repeats what is lost by itself: send again only after a new connection (MQTT 5.0, section 4.4)",
);
const NO_DUP: Lint = Lint::warning(
    "lint.dup-not-set",
    Certainty::Likely,
    "without DUP a receiver can't tell a message that comes again from another one",
);
const NO_EXPIRY: Lint = Lint::note(
    "lint.expiry-absent",
    Certainty::Likely,
    "give messages an expiry, so that a client that comes back is not flooded with old ones",
);

/// Judges deliveries.
pub(super) struct DeliveryRule {
    limits: Limits,
    told: Told,
    /// Copies by client.
    copies: HashMap<(SocketAddr, u64), Hits>,
    /// The frames of messages without expiry, the last ones.
    endless: (HashSet<FrameNo>, VecDeque<FrameNo>),
    /// Messages that wait for a client.
    queued: HashMap<ClientKey, Hits>,
    /// The first frame behind the latest loss of frames.
    lost: Option<FrameNo>,
}

impl DeliveryRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            told: Told::default(),
            copies: HashMap::new(),
            endless: (HashSet::new(), VecDeque::new()),
            queued: HashMap::new(),
            lost: None,
        }
    }

    fn copy(&mut self, delivery: &Delivery, findings: &mut Vec<Finding>) {
        let Some(published) = &delivery.published else { return };
        let again = published.kind == PublishedAs::Message && published.copy > 1;
        if !again || published.after > seconds(self.limits.duplicate_window_s) {
            return;
        }
        // What looks like a copy may be of another message, which was lost.
        if self.lost.is_some_and(|lost| published.place.at.frame < lost) {
            return;
        }
        let (flow, at) = (delivery.flow, delivery.first.place.at);
        let who = self.told.number((delivery.client_id.as_deref(), flow.client.ip()));
        if self.copies.len() >= FOLLOWED {
            self.copies.clear();
        }
        let hits = self.copies.entry((flow.server, who)).or_insert_with(|| Hits { count: 0, ..Hits::new(at) });
        hits.again(at);
        if hits.count >= self.limits.duplicates && self.told.first(("copy", flow.server, who)) {
            let name = delivery.topic.as_deref().unwrap_or_default();
            let text = format!(
                "the client gets a message to {} {} times within {:.3} s",
                shown(name),
                published.copy,
                published.after.as_secs_f64()
            );
            let frames = [published.place.at.frame, at.frame];
            findings.push(DUPLICATE.at(Some(flow), at, &frames, text));
        }
    }

    fn resent(&mut self, delivery: &Delivery, findings: &mut Vec<Finding>) {
        let (flow, first) = (delivery.flow, delivery.first);
        let who = self.told.number((delivery.client_id.as_deref(), flow.client.ip(), delivery.direction as u8));
        let sender = delivery.direction.sender().name();
        let all: Vec<_> = std::iter::once(&first).chain(&delivery.again).collect();
        let pauses: Vec<_> = all
            .windows(2)
            .filter(|pair| pair[0].place.flow == pair[1].place.flow)
            .map(|pair| pair[1].place.at.time.since(pair[0].place.at.time).as_secs_f64())
            .collect();
        let mean = pauses.iter().sum::<f64>() / pauses.len().max(1) as f64;
        let most = pauses.iter().copied().fold(0.0, f64::max);
        let least = pauses.iter().copied().fold(f64::MAX, f64::min);
        let timed = pauses.len() as u64 >= self.limits.resends.max(1)
            && most - least <= mean * self.limits.resend_vary_percent / 100.0;
        let frames: Vec<_> = all.iter().map(|sending| sending.place.at.frame).collect();
        if timed && self.told.first(("timer", flow.server, who)) {
            let text = format!("the {sender} sends a message again every {mean:.1} s on the same connection");
            findings.push(TIMER.at(Some(flow), first.place.at, &frames, text));
        }
        let reconnected = delivery.again.iter().any(|again| again.place.flow != first.place.flow && !again.dup);
        if reconnected && delivery.faults.has(Fault::ResentWithoutDup) && self.told.first(("dup", flow.server, who)) {
            let text = format!("the {sender} sends open messages again on a new connection, and leaves DUP out");
            findings.push(NO_DUP.at(Some(flow), first.place.at, &frames, text));
        }
    }

    /// Messages that are kept for a client that is away, for as long as that may be.
    fn queued(&mut self, delivery: &Delivery, findings: &mut Vec<Finding>) {
        let Some(receipts) = &delivery.receipts else { return };
        let (flow, at) = (delivery.flow, delivery.first.place.at);
        if delivery.version != Version::V5 || !self.endless.0.contains(&at.frame) {
            return;
        }
        for missed in receipts.missed.iter().filter(|missed| missed.why == MissedWhy::Queued) {
            let Some(client) = missed.client_id.clone() else { continue };
            let key = (flow.server, client);
            if self.queued.len() >= FOLLOWED && !self.queued.contains_key(&key) {
                continue;
            }
            let hits = self.queued.entry(key.clone()).or_insert_with(|| Hits { count: 0, ..Hits::new(at) });
            hits.again(at);
            if hits.count >= self.limits.queued_messages && self.told.first(("queued", &key)) {
                let text =
                    format!("{} messages without expiry wait for client {}, which is away", hits.count, shown(&key.1));
                findings.push(NO_EXPIRY.at(Some(flow), at, &hits.frames, text));
            }
        }
    }
}

impl Rule for DeliveryRule {
    fn on_event(&mut self, event: &Event<'_>, _findings: &mut Vec<Finding>) {
        /// Messages that may wait until it is known who got them.
        const WAITING: usize = 65_536;
        if let Event::Notice(notice) = event
            && matches!(notice.kind, NoticeKind::FramesLost(_))
        {
            self.lost = Some(notice.origin.frame);
        }
        if let Event::Message(_, message) = event
            && let Body::Publish(publish) = &message.packet.body
            && message.direction == Direction::ToServer
            && message.packet.version == Version::V5
            && publish.properties.get(PropertyId::MessageExpiryInterval).is_none()
        {
            let (known, order) = &mut self.endless;
            if known.insert(message.origin.frame) {
                order.push_back(message.origin.frame);
            }
            if order.len() > WAITING
                && let Some(oldest) = order.pop_front()
            {
                known.remove(&oldest);
            }
        }
    }

    fn on_delivery(&mut self, delivery: &Delivery, findings: &mut Vec<Finding>) {
        match delivery.direction {
            Direction::ToClient => self.copy(delivery, findings),
            Direction::ToServer => self.queued(delivery, findings),
        }
        if delivery.resends > 0 {
            self.resent(delivery, findings);
        }
    }
}
