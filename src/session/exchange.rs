//! The exchanges by which messages of QoS 1 and 2 are delivered, in one direction of a session.
//!
//! Packet identifiers are a name space of their own in each direction (MQTT 5.0, section 2.2.1), so there is one of
//! these for each. They belong to the session and outlive a connection (section 4.4).

mod held;
mod order;

use super::delivery::{Delivery, DeliveryOutcome, Fault, PacketRef, Sending, Step};
use super::digest::Digest;
use super::done::{Done, DoneOnes};
use super::early::{Early, EarlyOnes};
use super::ids::Ids;
use super::incident::{Certainty, IncidentKind};
use super::judge::Judge;
use super::tally::Tally;
use super::waiting::Waiting;
use crate::capture::FrameNo;
use crate::flow::Role;
use crate::mqtt::PacketType;
use crate::prefetch::prefetch;
use crate::rare::blank;
use crate::time::Span;

/// How much earlier than its PUBLISH an acknowledgement, or a copy on its way to a subscriber, may be captured, where
/// the two directions are not captured by one clock.
pub(super) const EARLY: Span = Span::from_millis(20);

/// How much later than its answer a PUBLISH, SUBSCRIBE or UNSUBSCRIBE may be told of, because the two directions are not
/// captured by one clock, or because what was lost before it was waited for.
pub(super) const LATE: Span = Span::from_secs(1);

/// The most early acknowledgements kept.
const EARLY_LIMIT: usize = 256;

/// The most identifiers of which a PUBREL came and nothing was known.
const UNKNOWN: usize = 16;

/// Messages that wait for an acknowledgement are looked through for those that do no more, from so many on.
const WAITING: usize = 64;

/// Exchanges that are open at once in one direction of a session. Brokers let a client have some tens, and a few thousand
/// at most; who acknowledges nothing could have 65,535 (MQTT 5.0, section 2.2.1).
const OPEN_LIMIT: usize = 4096;

/// The exchanges of one direction: the PUBLISH goes this way, its acknowledgements the other.
#[derive(Debug, Clone, Default)]
pub struct Exchanges {
    open: Ids<Box<Delivery>>,
    /// Bytes of their topics.
    topic_bytes: usize,
    early: EarlyOnes,
    done: DoneOnes,
    /// Messages that wait for PUBACK or PUBREC, in the order in which they were sent on this connection.
    waiting: [Waiting; 2],
    numbers: u64,
    /// The number of the last resend on this connection, of the order before it.
    last_resent: Option<u64>,
    /// Open ones that were sent on this connection.
    in_flight: u32,
    /// Whether the session went on on another connection.
    resumed: bool,
    /// Identifiers of nothing that was known, of which a PUBREL came: it is answered all the same (MQTT-4.3.3-11).
    unknown: Vec<u16>,
    /// Open ones that were given up because there were too many, and not told yet.
    pub(super) given_up: u64,
}

blank!(Exchanges);

impl Exchanges {
    /// Asks for its memory.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.open);
        prefetch(&self.early);
        prefetch(&self.done);
        prefetch(&self.waiting[1]);
        prefetch(&self.in_flight);
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether acknowledgements wait for their message.
    pub(super) fn has_early(&self) -> bool {
        self.early.len() > 0
    }

    /// The exchange with this identifier, if it is open.
    pub(super) fn get(&self, packet_id: u16) -> Option<&Delivery> {
        self.open.get(packet_id).map(AsRef::as_ref)
    }

    /// Whether an exchange with this identifier is open.
    pub(super) fn is_open(&self, packet_id: u16) -> bool {
        self.open.get(packet_id).is_some()
    }

    /// A new connection goes on with the session.
    pub(super) fn reconnect(&mut self) {
        self.early = EarlyOnes::default();
        self.waiting = Default::default();
        self.last_resent = None;
        self.in_flight = 0;
        self.unknown.clear();
        self.done.reconnect();
    }

    /// The publication of the open message that this one is again, where it is one.
    pub(super) fn publication_of(&self, packet_id: u16, qos: u8, digest: Digest) -> Option<u64> {
        let open = self.open.get(packet_id)?;
        open.publication.filter(|_| open.qos == qos && open.digest.may_equal(digest))
    }

    /// The exchange with this identifier, if it is open.
    pub(super) fn get_mut(&mut self, packet_id: u16) -> Option<&mut Box<Delivery>> {
        self.open.get_mut(packet_id)
    }

    /// Takes over what was begun on a new connection before the session went on.
    pub(super) fn absorb(&mut self, newer: Self, judge: &mut Judge<'_>, tally: &mut Tally<'_>) {
        self.reconnect();
        self.resumed = true;
        // In the order in which they were sent.
        let mut begun: Vec<_> = newer.open.into_iter().collect();
        begun.sort_unstable_by_key(|(_, delivery)| delivery.number);
        for (packet_id, mut delivery) in begun {
            match self.open.get(packet_id) {
                Some(old) if old.is_same(&delivery) => {
                    self.resent(packet_id, delivery.first, delivery.direction.sender(), judge);
                    if let Some(mut open) = self.take(packet_id) {
                        open.merge(*delivery);
                        self.put(packet_id, open);
                    }
                    continue;
                }
                Some(_) => self.supersede(packet_id, &mut delivery, judge, tally),
                None => {}
            }
            self.begin(packet_id, delivery, tally);
        }
        self.done.append(&newer.done);
        // PUBREL goes before its PUBCOMP.
        for ((packet_id, packet_type), early) in newer.early.into_iter() {
            let Some(open) = self.open.get(packet_id) else {
                self.early.insert((packet_id, packet_type), early);
                continue;
            };
            tally.of.counts.unmatched -= 1;
            if packet_type == PacketType::PubRel {
                let by = open.direction.sender();
                self.on_release(packet_id, early.place, by, judge, tally);
            } else {
                self.on_acknowledgement(packet_type, packet_id, early.code, early.place, judge, tally);
            }
        }
    }

    /// A message is sent for the first time.
    fn begin(&mut self, packet_id: u16, mut sent: Box<Delivery>, tally: &mut Tally<'_>) {
        if self.open.len() >= OPEN_LIMIT {
            self.give_up_one(sent.first.place.flow, tally);
            self.given_up += 1;
        }
        self.numbers += 1;
        sent.number = self.numbers;
        self.in_flight += 1;
        self.wait(usize::from(sent.qos == 2), sent.number, packet_id);
        self.put(packet_id, sent);
    }

    /// Too many are open: the oldest goes of those that wait for their first answer, or any.
    fn give_up_one(&mut self, flow: FrameNo, tally: &mut Tally<'_>) {
        let open = &self.open;
        let is_open = |number, id| open.get(id).is_some_and(|delivery| delivery.number == number);
        let mut oldest = None;
        for waiting in &mut self.waiting {
            while oldest.is_none()
                && let Some((number, id)) = waiting.pop_front()
            {
                oldest = is_open(number, id).then_some(id);
            }
        }
        let Some(old) = oldest.or_else(|| self.open.first()).and_then(|id| self.take(id)) else { return };
        self.leave_flight(&old, flow);
        tally.end(old, DeliveryOutcome::Unresolved);
    }

    /// The identifier of an open exchange is taken for another message, `sent`.
    fn supersede(&mut self, packet_id: u16, sent: &mut Delivery, judge: &mut Judge<'_>, tally: &mut Tally<'_>) {
        let Some(old) = self.take(packet_id) else { return };
        let place = sent.first.place;
        self.leave_flight(&old, place.flow);
        // An identifier is free again only when its exchange is over (MQTT-2.2.1-3).
        let outcome = if judge.known {
            let frames = [old.first.place.at.frame, place.at.frame];
            let kind = IncidentKind::IdentifierInUse(packet_id);
            judge.tell(kind, sent.direction.sender(), &frames, Certainty::Likely);
            sent.faults.add(Fault::IdentifierInUse);
            // Its receiver can't tell them apart, and answers each.
            if old.last_flow() == place.flow {
                sent.owed += old.owed + u32::from(old.acknowledged.is_none());
                sent.demanded += old.demanded;
            }
            DeliveryOutcome::Superseded
        } else {
            DeliveryOutcome::Unresolved
        };
        tally.end(old, outcome);
    }

    /// The session is over: what is open is handed out.
    pub(super) fn discard(&mut self) -> impl Iterator<Item = Box<Delivery>> {
        self.done.clear();
        self.reconnect();
        self.topic_bytes = 0;
        std::mem::take(&mut self.open).into_iter().map(|(_, delivery)| delivery)
    }

    /// A PUBLISH with an identifier was sent; `sent` is a delivery that begins with it.
    pub(super) fn on_publish(&mut self, mut sent: Box<Delivery>, judge: &mut Judge<'_>, tally: &mut Tally<'_>) {
        let Some(packet_id) = sent.packet_id else { return };
        let by = sent.direction.sender();
        let sending = sent.first;
        if sending.dup {
            tally.of.counts.duplicate += 1;
        }
        if let Some(open) = self.open.get(packet_id) {
            let elsewhere = open.last_flow() != sending.place.flow;
            if open.is_same(&sent) && (sending.dup || elsewhere) {
                self.resent(packet_id, sending, by, judge);
                return;
            }
            self.supersede(packet_id, &mut sent, judge, tally);
        } else if sending.dup && self.is_late(packet_id, &sent) {
            // It is told already, as complete.
            return;
        } else if sending.dup {
            self.dup_of_none(&mut sent, packet_id, by, judge);
        }
        // Of a message that the capture has not all of it is not known when it was sent.
        let (qos, is_torn) = (sent.qos, !sent.digest.whole);
        self.begin(packet_id, sent, tally);
        for packet_type in [PacketType::PubAck, PacketType::PubRec, PacketType::PubComp] {
            if packet_type == PacketType::PubComp && qos == 2 {
                // It waits for the PUBREL.
                continue;
            }
            let Some(early) = self.early.remove((packet_id, packet_type)) else { continue };
            if is_torn || early.place.at.time.since(sending.place.at.time) >= Span::ZERO - EARLY {
                tally.of.counts.unmatched -= 1;
                self.on_acknowledgement(packet_type, packet_id, early.code, early.place, judge, tally);
            } else if judge.known {
                self.tell_early(early, packet_id, packet_type, judge);
            }
        }
        if self.in_flight > tally.of.most_open {
            tally.of.most_open = self.in_flight;
        }
    }

    /// A message waits for its PUBACK or PUBREC.
    fn wait(&mut self, queue: usize, number: u64, packet_id: u16) {
        let (waiting, open) = (&mut self.waiting[queue], &self.open);
        // Where the capture lacks the acknowledgements, nothing else takes out what is over.
        if waiting.len() >= WAITING && waiting.len() > 2 * open.len() {
            waiting.retain(|(number, id)| open.get(id).is_some_and(|delivery| delivery.number == number));
        }
        waiting.push_back((number, packet_id));
    }

    /// How many messages are open that were sent on this connection.
    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    fn resent(&mut self, packet_id: u16, sending: Sending, by: Role, judge: &mut Judge<'_>) {
        let Some(open) = self.open.get_mut(packet_id) else { return };
        let frames = [open.first.place.at.frame, sending.place.at.frame];
        let on_connection = open.last_flow() == sending.place.flow;
        if !sending.dup {
            open.faults.add(Fault::ResentWithoutDup);
            let certainty = judge.if_known(Certainty::Likely);
            judge.tell(IncidentKind::ResentWithoutDup(packet_id), by, &frames, certainty);
        }
        let released = open.released.is_some();
        if released {
            open.faults.add(Fault::ResentAfterRelease);
            let certainty = judge.if_known(Certainty::Certain);
            judge.tell(IncidentKind::ResentAfterRelease(packet_id), by, &frames, certainty);
        } else if on_connection {
            open.faults.add(Fault::ResentOnConnection);
            let kind = IncidentKind::ResentOnConnection(PacketType::Publish, packet_id);
            judge.tell(kind, by, &frames, judge.if_whole(Certainty::Certain));
        }
        // Each sending is acknowledged; on a lost connection nothing is any more.
        open.owed = if on_connection { open.owed + 1 } else { u32::from(open.acknowledged.is_some()) };
        open.add_sending(sending);
        if !on_connection {
            let (number, qos) = (open.number, open.qos);
            self.in_flight += 1;
            self.wait(usize::from(qos == 2), number, packet_id);
            if !released {
                if self.last_resent.is_some_and(|last| last > number) {
                    let certainty = judge.if_known(Certainty::Likely);
                    judge.tell(IncidentKind::ResentOutOfOrder(packet_id), by, &frames, certainty);
                }
                self.last_resent = Some(number);
            }
        }
    }

    /// Whether a message that is sent again on a new connection was acknowledged there already, because the other
    /// direction is captured a little earlier.
    fn is_late(&self, packet_id: u16, sent: &Delivery) -> bool {
        let now = sent.first.place;
        let done = self.done.last(packet_id);
        done.is_some_and(|done| {
            let is_it = !done.refused && done.digest.may_equal(sent.digest.brief());
            let just_now = |ended| now.at.time.since(ended) <= EARLY;
            is_it && done.ended_here && done.ended.is_some_and(just_now)
        })
    }

    /// DUP is set, and no such exchange is open.
    fn dup_of_none(&self, sent: &mut Delivery, packet_id: u16, by: Role, judge: &mut Judge<'_>) {
        let now = sent.first.place;
        let done = self.done.last(packet_id);
        match done {
            Some(done) if done.digest.may_equal(sent.digest.brief()) => {
                let frames = [done.first, done.end, now.at.frame];
                let kind = if done.refused {
                    IncidentKind::ResentAfterRefusal(packet_id)
                } else {
                    IncidentKind::ResentAfterCompletion(packet_id)
                };
                sent.faults.add(Fault::ResentAfterCompletion);
                // What ended it may not have reached the sender before it lost its connection.
                let certainty = if done.ended_here { Certainty::Likely } else { Certainty::Hint };
                judge.tell(kind, by, &frames, judge.if_known(certainty));
            }
            Some(_) | None => {
                sent.faults.add(Fault::FirstUnseen);
                if judge.known {
                    let certainty = self.never_seen();
                    judge.tell(IncidentKind::DupOnFirst(packet_id, sent.qos), by, &[now.at.frame], certainty);
                }
            }
        }
    }

    /// How sure it is that an exchange that is not known never was, in a session that is known.
    fn never_seen(&self) -> Certainty {
        if self.resumed && self.done.is_full() { Certainty::Hint } else { Certainty::Likely }
    }

    fn leave_flight(&mut self, delivery: &Delivery, flow: FrameNo) {
        if delivery.last_flow() == flow {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// PUBREL was sent in the same direction as the PUBLISH.
    pub(super) fn on_release(
        &mut self,
        packet_id: u16,
        place: PacketRef,
        by: Role,
        judge: &mut Judge<'_>,
        tally: &mut Tally<'_>,
    ) {
        let now = place.at.frame;
        let Some(open) = self.open.get_mut(packet_id) else {
            tally.of.counts.unmatched += 1;
            let never_seen = self.never_seen();
            match self.done.last(packet_id) {
                Some(done) => {
                    // It is answered, whatever came before.
                    self.done.owe(packet_id);
                    let frames = [done.first, done.end, now];
                    if self.done.take_demanded(packet_id) {
                        // It answers a PUBREC that came once too often (MQTT-4.3.3-4).
                    } else if done.refused {
                        let kind = IncidentKind::ResentAfterRefusal(packet_id);
                        judge.tell(kind, by, &frames, judge.if_known(Certainty::Certain));
                    } else if done.ended_here {
                        let kind = IncidentKind::ResentOnConnection(PacketType::PubRel, packet_id);
                        judge.tell(kind, by, &frames, judge.if_known(Certainty::Likely));
                    }
                }
                None if judge.known => {
                    if self.unknown.len() < UNKNOWN {
                        self.unknown.push(packet_id);
                    }
                    judge.tell(IncidentKind::Unsolicited(PacketType::PubRel, packet_id), by, &[now], never_seen);
                }
                // A client may go on with its session before the CONNACK says that there is one.
                None if self.early.len() < EARLY_LIMIT => {
                    let early = Early { code: 0, place, known: false, done: None };
                    self.early.insert((packet_id, PacketType::PubRel), early);
                }
                None => {}
            }
            return;
        };
        let first = open.first.place.at.frame;
        match (open.qos, open.released) {
            // That its PUBREC was not seen yet may be for the order in which the directions were captured.
            (2, None) => {}
            // Each PUBREC is answered (MQTT-4.3.3-4), and each PUBREL (MQTT-4.3.3-11).
            (2, Some(_)) if open.demanded > 0 && open.release_flow == Some(place.flow) => {
                open.demanded -= 1;
                open.owed += 1;
                return;
            }
            (2, Some(before)) => {
                if open.release_flow.replace(place.flow) == Some(place.flow) {
                    open.owed += 1;
                    let kind = IncidentKind::ResentOnConnection(PacketType::PubRel, packet_id);
                    let frames = [before.place.at.frame, now];
                    judge.tell(kind, by, &frames, judge.if_whole(Certainty::Certain));
                }
                return;
            }
            _ if open.demanded > 0 => {
                open.demanded -= 1;
                open.owed += 1;
                return;
            }
            _ => {
                if judge.known {
                    open.faults.add(Fault::WrongAcknowledgement);
                    let kind = IncidentKind::WrongAcknowledgement(PacketType::PubRel, packet_id);
                    judge.tell(kind, by, &[first, now], Certainty::Likely);
                }
                tally.of.counts.unmatched += 1;
                return;
            }
        }
        open.released = Some(Step { packet_type: PacketType::PubRel, place, code: 0 });
        open.release_flow = Some(place.flow);
        if let Some(early) = self.early.remove((packet_id, PacketType::PubComp)) {
            tally.of.counts.unmatched -= 1;
            self.on_acknowledgement(PacketType::PubComp, packet_id, early.code, early.place, judge, tally);
        }
    }

    /// PUBACK, PUBREC or PUBCOMP came back.
    pub(super) fn on_acknowledgement(
        &mut self,
        packet_type: PacketType,
        packet_id: u16,
        code: u8,
        place: PacketRef,
        judge: &mut Judge<'_>,
        tally: &mut Tally<'_>,
    ) {
        let refused = code >= 0x80;
        let step = Step { packet_type, place, code };
        let Some(open) = self.open.get_mut(packet_id) else {
            self.acknowledged_none(step, packet_id, judge, tally);
            return;
        };
        let by = open.direction.receiver();
        match (packet_type, open.qos) {
            (PacketType::PubAck, 1) => {
                open.acknowledged = Some(step);
                self.check_order(step, packet_id, by, judge);
            }
            (PacketType::PubRec, 2) => {
                match open.acknowledged {
                    None => {
                        open.acknowledged = Some(step);
                        // A PUBREL that was sent so long before answers nothing (MQTT-4.3.3-4); this PUBREC wants one.
                        if let Some(released) = open.released
                            && released.place.flow == place.flow
                            && place.at.time.since(released.place.at.time) >= LATE
                        {
                            open.demanded += 1;
                            if judge.known {
                                open.faults.add(Fault::WrongAcknowledgement);
                                let frames = [released.place.at.frame, place.at.frame];
                                let kind = IncidentKind::WrongAcknowledgement(PacketType::PubRel, packet_id);
                                judge.tell(kind, open.direction.sender(), &frames, Certainty::Likely);
                            }
                        }
                        self.check_order(step, packet_id, by, judge);
                    }
                    Some(before) if open.owed == 0 && before.place.flow == place.flow => {
                        tally.of.counts.unmatched += 1;
                        open.demanded += 1;
                        if judge.known {
                            let frames = [before.place.at.frame, place.at.frame];
                            let kind = IncidentKind::AcknowledgedTwice(packet_type, packet_id);
                            judge.tell(kind, by, &frames, Certainty::Likely);
                        }
                        return;
                    }
                    Some(before) => {
                        open.owed = open.owed.saturating_sub(1);
                        open.demanded += u32::from(before.place.flow == place.flow);
                    }
                }
                if !refused || self.open.get(packet_id).is_some_and(|open| open.released.is_some()) {
                    return;
                }
            }
            (PacketType::PubComp, 2) if open.released.is_some() => {
                if open.acknowledged.is_none() && judge.known {
                    let frames = [open.first.place.at.frame, place.at.frame];
                    open.faults.add(Fault::WrongAcknowledgement);
                    let kind = IncidentKind::WrongAcknowledgement(PacketType::PubRel, packet_id);
                    judge.tell(kind, open.direction.sender(), &frames, Certainty::Likely);
                }
                open.completed = Some(step);
            }
            // The PUBREL may be among what the capture lacks.
            (PacketType::PubComp, 2) if open.acknowledged.is_some() && !judge.known => open.completed = Some(step),
            // Or it may be captured later, as the other direction.
            (PacketType::PubComp, 2) if judge.known => {
                self.acknowledged_none(step, packet_id, judge, tally);
                return;
            }
            // Of the message whose identifier this one took, or after a wrong answer that the sender went on from.
            _ if open.owed > 0 => {
                open.owed -= 1;
                return;
            }
            _ => {
                open.faults.add(Fault::WrongAcknowledgement);
                open.demanded += u32::from(packet_type == PacketType::PubRec);
                tally.of.counts.unmatched += 1;
                let frames = [open.first.place.at.frame, place.at.frame];
                if judge.known {
                    let kind = IncidentKind::WrongAcknowledgement(packet_type, packet_id);
                    judge.tell(kind, by, &frames, Certainty::Likely);
                }
                return;
            }
        }
        let Some(delivery) = self.take(packet_id) else { return };
        self.leave_flight(&delivery, place.flow);
        self.done.push(Done {
            digest: delivery.digest.brief(),
            first: delivery.first.place.at.frame,
            end: place.at.frame,
            ended: (delivery.last_flow() != place.flow).then_some(place.at.time),
            packet_id,
            owed: delivery.owed.min(u16::MAX.into()) as u16,
            refused,
            ended_here: true,
            demanded: delivery.demanded > 0,
        });
        tally.end(delivery, if refused { DeliveryOutcome::Refused } else { DeliveryOutcome::Complete });
    }

    fn acknowledged_none(&mut self, step: Step, packet_id: u16, judge: &mut Judge<'_>, tally: &mut Tally<'_>) {
        // A resent PUBLISH or PUBREL explains another acknowledgement.
        if self.done.take_owed(packet_id) {
            return;
        }
        match step.packet_type {
            PacketType::PubComp => {
                if let Some(place) = self.unknown.iter().position(|id| *id == packet_id) {
                    self.unknown.swap_remove(place);
                    return;
                }
            }
            PacketType::PubRec => self.done.demand(packet_id),
            _ => {}
        }
        let done = self.done.last(packet_id).map(|done| done.end);
        tally.of.counts.unmatched += 1;
        if self.early.len() < EARLY_LIMIT {
            let Step { packet_type, place, code } = step;
            let early = Early { code, place, known: judge.known, done };
            if let Some(before) = self.early.insert((packet_id, packet_type), early) {
                self.tell_early(before, packet_id, packet_type, judge);
            }
        }
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
