//! The subscriptions of a session: what was asked for, what was granted, what was taken back.

use super::exchange::LATE;
use super::ids::Ids;
use super::small::Small;
use crate::capture::{FrameNo, Origin};
use crate::mqtt::{PacketType, Subscribe, Unsubscribe, topic};
use crate::prefetch::prefetch;
use crate::rare::blank;
use crate::time::Timestamp;

/// The most bytes of topic filters kept of a session: some ten thousand of usual length, far more than brokers allow.
const FILTER_BYTES: usize = 1 << 20;

/// The most subscriptions of a client that each message to it is compared with.
const LOOKED_THROUGH: usize = 1000;

/// What an entry costs besides its bytes.
pub(super) const FILTER_COST: usize = 64;

/// A subscription as far as it was seen to be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionState {
    /// The options asked for; before 5.0 the QoS alone.
    pub options: u8,
    /// What the server answered: a granted QoS, or a failure from 0x80 on; absent where no answer was seen.
    pub answer: Option<u8>,
    /// The frame of the SUBSCRIBE.
    pub frame: FrameNo,
}

impl SubscriptionState {
    /// The QoS asked for.
    pub const fn requested_qos(self) -> u8 {
        self.options & 0b11
    }

    /// The QoS granted, where one was.
    pub fn granted_qos(self) -> Option<u8> {
        self.answer.filter(|code| *code <= 2)
    }

    /// Whether the client does not want what it publishes itself (5.0).
    pub const fn no_local(self) -> bool {
        self.options & 0b100 != 0
    }
}

#[derive(Debug, Clone)]
enum Pending {
    /// The filters that are kept, how many there are if that is known, and where it was sent.
    Subscribe(Vec<(Box<[u8]>, u8)>, Option<usize>, Origin),
    Unsubscribe(Vec<Box<[u8]>>, Option<usize>, Origin),
}

/// A SUBACK or UNSUBACK without its request.
#[derive(Debug, Clone)]
pub(super) struct EarlyAnswer {
    pub(super) packet_type: PacketType,
    pub(super) packet_id: u16,
    codes: Box<[u8]>,
    pub(super) at: Origin,
    pub(super) known: bool,
    /// The last answer, where it was the same.
    pub(super) before: Option<FrameNo>,
}

/// The most early answers kept.
const EARLY_LIMIT: usize = 16;

/// How a SUBACK or UNSUBACK fits what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Code by code.
    Fits,
    /// With another number of codes than there were filters.
    Count(usize),
    /// Nothing like this was asked, so far as it was captured.
    Unsolicited,
}

impl Answer {
    fn of(filters: Option<usize>, codes: &[u8]) -> Self {
        filters.filter(|count| *count != codes.len()).map_or(Self::Fits, Self::Count)
    }
}

/// What an answer changed: a subscription, or that there is none any more.
pub(super) type Change = (Box<[u8]>, Option<SubscriptionState>);

/// The subscriptions of a session.
#[derive(Debug, Clone, Default)]
pub struct Subscriptions {
    granted: Small<Box<[u8]>, SubscriptionState>,
    pending: Ids<Box<Pending>>,
    filter_bytes: usize,
    /// The least QoS of all that were ever asked for or granted: no message of that QoS or less is above what was granted.
    least_qos: Option<u8>,
    /// Answers that were told before what they answer.
    early: Vec<EarlyAnswer>,
    /// The last answer that fitted.
    last_answer: Option<(PacketType, u16, FrameNo)>,
    /// Subscriptions that are not kept, because there were too many.
    pub left_out: u64,
}

blank!(Subscriptions);

impl Subscriptions {
    /// Asks for what each message looks at.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.pending);
        prefetch(&self.early);
        prefetch(&self.least_qos);
    }

    /// A SUBSCRIBE was sent, of which `whole` tells whether all was captured. Gives whether its identifier was in use.
    pub(super) fn on_subscribe(&mut self, subscribe: &Subscribe<'_>, whole: bool, at: Origin) -> bool {
        let mut filters = Vec::new();
        let mut count = 0;
        for wanted in subscribe.filters {
            count += 1;
            if self.make_room(wanted.filter) {
                filters.push((wanted.filter.into(), wanted.options));
                self.lower(wanted.options & 0b11);
            }
        }
        self.wait_for(subscribe.packet_id, Pending::Subscribe(filters, whole.then_some(count), at))
    }

    /// An UNSUBSCRIBE was sent. Gives whether its identifier was in use.
    pub(super) fn on_unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>, whole: bool, at: Origin) -> bool {
        let mut filters = Vec::new();
        let mut count = 0;
        for filter in unsubscribe.filters {
            count += 1;
            if self.make_room(filter) {
                filters.push(filter.into());
            }
        }
        self.wait_for(unsubscribe.packet_id, Pending::Unsubscribe(filters, whole.then_some(count), at))
    }

    /// Whether a request with this identifier is not answered yet.
    pub(super) fn is_open(&self, packet_id: u16) -> bool {
        self.pending.get(packet_id).is_some()
    }

    /// Whether there is room for another filter; if not, it is counted as left out.
    fn make_room(&mut self, filter: &[u8]) -> bool {
        let room = self.filter_bytes + filter.len() + FILTER_COST <= FILTER_BYTES;
        if room {
            self.filter_bytes += filter.len() + FILTER_COST;
        } else {
            self.left_out += 1;
        }
        room
    }

    /// A subscription has this QoS.
    fn lower(&mut self, qos: u8) {
        self.least_qos = Some(self.least_qos.map_or(qos, |least| least.min(qos)));
    }

    /// Whether a message of this QoS can be above what was granted, for what is known without a look at its topic.
    pub(super) fn may_be_exceeded(&self, qos: u8) -> bool {
        self.least_qos.is_some_and(|least| qos > least)
    }

    /// A filter is kept no more.
    fn forget(&mut self, filter: &[u8]) {
        self.filter_bytes = self.filter_bytes.saturating_sub(filter.len() + FILTER_COST);
    }

    /// When what this answers was sent, if it was captured.
    pub(super) fn asked_at(&self, packet_type: PacketType, packet_id: u16) -> Option<Timestamp> {
        match (packet_type, self.pending.get(packet_id)?.as_ref()) {
            (PacketType::SubAck, Pending::Subscribe(.., at)) | (PacketType::UnsubAck, Pending::Unsubscribe(.., at)) => {
                Some(at.time)
            }
            _ => None,
        }
    }

    fn wait_for(&mut self, packet_id: Option<u16>, pending: Pending) -> bool {
        let Some(packet_id) = packet_id else {
            self.forget_pending(&pending);
            return false;
        };
        let old = self.pending.remove(packet_id);
        self.pending.insert(packet_id, Box::new(pending));
        old.inspect(|old| self.forget_pending(old)).is_some()
    }

    fn forget_pending(&mut self, pending: &Pending) {
        match pending {
            Pending::Subscribe(filters, ..) => filters.iter().for_each(|(filter, _)| self.forget(filter)),
            Pending::Unsubscribe(filters, ..) => filters.iter().for_each(|filter| self.forget(filter)),
        }
    }

    /// A SUBACK came; `changes` takes what it changed, where somebody wants to know.
    pub(super) fn on_suback(&mut self, packet_id: u16, codes: &[u8], mut changes: Option<&mut Vec<Change>>) -> Answer {
        let Some(pending) = self.pending.remove(packet_id) else { return Answer::Unsolicited };
        let Pending::Subscribe(filters, count, at) = *pending else {
            self.pending.insert(packet_id, pending);
            return Answer::Unsolicited;
        };
        for (place, (filter, options)) in filters.into_iter().enumerate() {
            let answer = codes.get(place).copied();
            let length = filter.len();
            let state = SubscriptionState { options, answer, frame: at.frame };
            if let Some(changes) = &mut changes {
                changes.push((filter.clone(), Some(state)));
            }
            state.granted_qos().into_iter().for_each(|qos| self.lower(qos));
            if self.granted.insert(filter, state).is_some() {
                self.filter_bytes = self.filter_bytes.saturating_sub(length + FILTER_COST);
            }
        }
        Answer::of(count, codes)
    }

    /// An UNSUBACK came; `has_codes` with 5.0.
    pub(super) fn on_unsuback(
        &mut self,
        packet_id: u16,
        codes: &[u8],
        has_codes: bool,
        mut changes: Option<&mut Vec<Change>>,
    ) -> Answer {
        let Some(pending) = self.pending.remove(packet_id) else { return Answer::Unsolicited };
        let Pending::Unsubscribe(filters, count, _) = pending.as_ref() else {
            self.pending.insert(packet_id, pending);
            return Answer::Unsolicited;
        };
        for (at, filter) in filters.iter().enumerate() {
            // Before 5.0 there is one answer for all, and it is yes (MQTT-3.10.4-4).
            if codes.get(at).is_none_or(|code| *code < 0x80) && self.granted.remove(&**filter).is_some() {
                if let Some(changes) = &mut changes {
                    changes.push((filter.clone(), None));
                }
                self.forget(filter);
            }
        }
        self.forget_pending(&pending);
        if has_codes { Answer::of(*count, codes) } else { Answer::Fits }
    }

    /// Keeps an answer for a request that may still be told of.
    pub(super) fn keep_early(
        &mut self,
        packet_type: PacketType,
        packet_id: u16,
        codes: &[u8],
        at: Origin,
        known: bool,
    ) {
        if self.early.len() < EARLY_LIMIT {
            let is_it = |last: &(PacketType, u16, FrameNo)| (last.0, last.1) == (packet_type, packet_id);
            let before = self.last_answer.filter(is_it).map(|(.., frame)| frame);
            self.early.push(EarlyAnswer { packet_type, packet_id, codes: codes.into(), at, known, before });
        }
    }

    /// An answer fitted.
    pub(super) const fn note_answer(&mut self, packet_type: PacketType, packet_id: u16, frame: FrameNo) {
        self.last_answer = Some((packet_type, packet_id, frame));
    }

    /// Leaves answers that wait for their request with their connection, whose end tells of them.
    pub(super) fn leave_early(&mut self) -> Option<Self> {
        let early = std::mem::take(&mut self.early);
        (!early.is_empty()).then(|| Self { early, ..Self::default() })
    }

    /// The answer to a request that has just been told of, where it was told before.
    pub(super) fn take_early(&mut self, packet_type: PacketType, packet_id: u16) -> Option<Box<[u8]>> {
        let is_it = |early: &EarlyAnswer| early.packet_type == packet_type && early.packet_id == packet_id;
        let place = self.early.iter().position(is_it)?;
        Some(self.early.remove(place).codes)
    }

    /// Whether answers wait for their request.
    pub(super) const fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    /// Answers that have waited in vain for their request at `now`; without it, all.
    pub(super) fn settle(&mut self, now: Option<Timestamp>) -> Vec<EarlyAnswer> {
        let waits = |early: &EarlyAnswer| now.is_some_and(|now| now.since(early.at.time) < LATE);
        let (waiting, settled) = std::mem::take(&mut self.early).into_iter().partition(waits);
        self.early = waiting;
        settled
    }

    /// Takes over what was asked for on a new connection before the session went on.
    pub(super) fn absorb(&mut self, newer: Self) {
        self.filter_bytes += newer.filter_bytes;
        self.left_out += newer.left_out;
        newer.least_qos.into_iter().for_each(|qos| self.lower(qos));
        for (filter, state) in newer.granted {
            let length = filter.len();
            if self.granted.insert(filter, state).is_some() {
                self.filter_bytes = self.filter_bytes.saturating_sub(length + FILTER_COST);
            }
        }
        // Requests are for one connection: what was not answered before it ended is void.
        for (_, old) in std::mem::replace(&mut self.pending, newer.pending).into_iter() {
            self.forget_pending(&old);
        }
        // So are answers.
        self.early = newer.early;
    }

    /// Bytes that the filters take which are kept.
    pub(super) const fn filter_bytes(&self) -> usize {
        self.filter_bytes
    }

    /// Forgets all of them, for want of room; `changes` takes what that changed, where somebody wants to know.
    pub(super) fn forget_all(&mut self, changes: Option<&mut Vec<Change>>) {
        let granted = std::mem::take(&mut self.granted);
        self.left_out += granted.len() as u64 + self.unanswered().count() as u64;
        self.pending = Ids::default();
        (self.filter_bytes, self.least_qos) = (0, None);
        if let Some(changes) = changes {
            changes.extend(granted.into_iter().map(|(filter, _)| (filter, None)));
        }
    }

    /// The frame of the SUBSCRIBE by which a message to this topic is sent with RETAIN as it was published (5.0).
    pub(super) fn as_published(&self, name: &[u8]) -> Option<FrameNo> {
        let wants = |(filter, state): &(&[u8], SubscriptionState)| {
            state.options & 0b1000 != 0 && state.granted_qos().is_some() && topic::matches(filter, name)
        };
        self.granted().find(wants).map(|(_, state)| state.frame)
    }

    /// Whether none are held.
    pub fn is_empty(&self) -> bool {
        self.granted.is_empty() && self.pending.len() == 0
    }

    /// How many were answered, or asked for and not answered.
    pub(super) fn count(&self) -> usize {
        self.granted.len() + self.unanswered().count()
    }

    /// All that were answered, by filter.
    pub fn granted(&self) -> impl Iterator<Item = (&[u8], SubscriptionState)> {
        self.granted.iter().map(|(filter, state)| (filter.as_ref(), *state))
    }

    /// Those that were asked for and not answered.
    pub fn unanswered(&self) -> impl Iterator<Item = (&[u8], SubscriptionState)> {
        self.pending.iter().flat_map(|(_, pending)| match pending.as_ref() {
            Pending::Subscribe(filters, _, at) => filters
                .iter()
                .map(|(filter, options)| {
                    (filter.as_ref(), SubscriptionState { options: *options, answer: None, frame: at.frame })
                })
                .collect(),
            Pending::Unsubscribe(..) => Vec::new(),
        })
    }

    /// The highest QoS at which a message to this topic may come; `None` where no subscription that was seen wants it,
    /// or they are too many to look through for each message.
    pub fn highest_qos(&self, name: &[u8]) -> Option<u8> {
        if self.granted.len() + self.pending.len() > LOOKED_THROUGH {
            return None;
        }
        let answered = self.granted().filter(|(filter, _)| topic::matches(filter, name));
        let granted = answered.filter_map(|(_, state)| state.granted_qos()).max();
        // A server may begin to send before its SUBACK (MQTT 5.0, section 3.8.4).
        let pending = self.unanswered().filter(|(filter, _)| topic::matches(filter, name));
        granted.max(pending.map(|(_, state)| state.requested_qos()).max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::{Body, ControlPacket, FixedHeader, Version, decode};

    /// SUBSCRIBE or UNSUBSCRIBE of 3.1.1.
    fn request(first: u8, id: u8, filters: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = vec![0, id];
        for (filter, options) in filters {
            body.extend([0, filter.len() as u8]);
            body.extend(filter.as_bytes());
            body.extend(*options);
        }
        [vec![first, body.len() as u8], body].concat()
    }

    const ASKED: Origin = Origin { frame: FrameNo(1), time: Timestamp::from_nanos(0) };

    fn parse(bytes: &[u8]) -> ControlPacket<'_> {
        let packet_type = if bytes[0] == 0x82 { PacketType::Subscribe } else { PacketType::Unsubscribe };
        let header = FixedHeader { packet_type, flags: 2, remaining_length: u32::from(bytes[1]), length: 2 };
        decode(header, &bytes[2..], Version::V311)
    }

    fn subscribe(held: &mut Subscriptions, id: u8, filters: &[(&str, &[u8])]) -> bool {
        let bytes = request(0x82, id, filters);
        let Body::Subscribe(body) = parse(&bytes).body else { panic!("SUBSCRIBE") };
        held.on_subscribe(&body, true, ASKED)
    }

    fn unsubscribe(held: &mut Subscriptions, id: u8, filter: &str) {
        let bytes = request(0xa2, id, &[(filter, &[])]);
        let Body::Unsubscribe(body) = parse(&bytes).body else { panic!("UNSUBSCRIBE") };
        held.on_unsubscribe(&body, true, ASKED);
    }

    #[test]
    fn what_is_granted_holds_until_it_is_taken_back() {
        let mut held = Subscriptions::default();
        assert!(!subscribe(&mut held, 1, &[("a/+", &[2]), ("a/b", &[1])]));
        assert_eq!(held.highest_qos(b"a/b"), Some(2), "messages may come before the SUBACK");
        assert_eq!([1, 2].map(|qos| held.may_be_exceeded(qos)), [false, true], "one of them has QoS 1");
        let mut changes = Vec::new();
        assert_eq!(held.on_suback(1, &[1, 0x80], Some(&mut changes)), Answer::Fits);
        assert_eq!(changes.len(), 2);
        assert_eq!(held.highest_qos(b"a/b"), Some(1));
        assert_eq!([1, 2].map(|qos| held.may_be_exceeded(qos)), [false, true]);
        assert_eq!(held.on_suback(1, &[1, 0], None), Answer::Unsolicited);
        assert!(!subscribe(&mut held, 2, &[("c", &[0])]));
        assert!(subscribe(&mut held, 2, &[("d", &[0])]), "the identifier is in use");
        assert_eq!(held.on_suback(2, &[0, 0], None), Answer::Count(1));
        unsubscribe(&mut held, 3, "a/+");
        assert_eq!(held.on_unsuback(3, &[], false, Some(&mut changes)), Answer::Fits);
        assert_eq!(changes.last(), Some(&(b"a/+".as_slice().into(), None)));
        assert_eq!(held.highest_qos(b"a/b"), None);
    }

    #[test]
    fn the_bytes_that_are_counted_are_those_that_are_kept() {
        let mut held = Subscriptions::default();
        for _ in 0..3 {
            subscribe(&mut held, 1, &[("a", &[1]), ("b", &[1])]);
            held.on_suback(1, &[1, 1], None);
        }
        assert_eq!(held.filter_bytes, 2 * (1 + FILTER_COST));
        let mut newer = Subscriptions::default();
        subscribe(&mut newer, 1, &[("a", &[0])]);
        newer.on_suback(1, &[0], None);
        subscribe(&mut held, 9, &[("never answered", &[0])]);
        held.absorb(newer);
        assert_eq!(held.filter_bytes, 2 * (1 + FILTER_COST));
        assert_eq!(held.highest_qos(b"a"), Some(0), "the later one counts");
        for filter in ["a", "b", "c"] {
            unsubscribe(&mut held, 4, filter);
            held.on_unsuback(4, &[], false, None);
        }
        assert_eq!((held.filter_bytes, held.is_empty()), (0, true));
    }

    #[test]
    fn an_answer_that_waits_is_of_its_own_connection() {
        let answered = |id: u16| {
            let at = Origin { frame: FrameNo(id.into()), time: Timestamp::from_nanos(0) };
            let mut held = Subscriptions::default();
            held.keep_early(PacketType::SubAck, id, &[0], at, true);
            held
        };
        let mut held = answered(1);
        held.absorb(answered(2));
        let waiting: Vec<_> = held.settle(None).into_iter().map(|early| early.packet_id).collect();
        assert_eq!(waiting, [2], "the first is not told as one of the later connection");
    }

    #[test]
    fn subscriptions_without_end_are_left_out() {
        let mut held = Subscriptions::default();
        for number in 0..20_000 {
            subscribe(&mut held, 1, &[(&format!("filter {number}"), &[0])]);
            held.on_suback(1, &[0], None);
        }
        assert!(held.left_out > 0);
        assert!(held.granted.len() as u64 + held.left_out == 20_000);
        assert_eq!(held.highest_qos(b"filter 1"), None, "they are too many to look through");
    }
}
