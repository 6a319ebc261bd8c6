//! Requests that wait for their answer on a connection: which answer fits, and what stays unanswered.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::PacketType;
use crate::prefetch::prefetch;
use crate::time::Span;

/// The most requests of a direction that wait; with more, those that were first are forgotten.
const OPEN: usize = 4096;

/// The most PINGREQs that wait: most clients send none before the last one is answered.
const PINGS: usize = 64;

/// Requests of a direction that are looked through one by one; more of them have an index.
///
/// Clients seldom have more than twenty open, and a short list is faster to look through than any index, and smaller.
const FEW: usize = 32;

/// The most answers kept that were captured before their request.
const EARLY: usize = 16;

/// The most identifiers of a direction that are remembered after their message came to its end.
const DONE: usize = 64;

/// How much later than its answer a request may be captured, because the two directions have no common clock.
const LATE: Span = Span::from_secs(1);

/// What a packet identifier stood for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Before {
    /// Nothing that is remembered.
    #[default]
    Nothing,
    /// The same message.
    Resent,
    /// A message that was acknowledged to the end.
    Taken,
    /// A message that its receiver refused.
    Refused,
}

/// A packet that wants an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// What is waited for.
    pub(super) answer: PacketType,
    /// Its packet identifier; 0 where it has none.
    pub(super) id: u16,
    /// Since when.
    pub(super) at: Origin,
    /// What the exchange began with.
    pub(super) first: Origin,
    pub(super) before: Before,
}

impl Open {
    fn is(&self, answer: PacketType, id: u16) -> bool {
        self.id == id && self.answer == answer
    }

    /// PINGREQ has no identifier: of several the oldest is answered.
    fn is_ping(&self) -> bool {
        self.answer == PacketType::PingResp
    }

    fn is_answered_by(&self, answer: PacketType, id: u16) -> bool {
        self.answer == answer && (self.is_ping() || self.id == id)
    }

    /// Whether it is a message with this identifier whose sender waits.
    fn is_message(&self, id: u16) -> bool {
        self.id == id && OF_MESSAGES.contains(&self.answer)
    }
}

/// A request whose answer has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) open: Open,
    /// An older request waits for an answer of the same kind; told of PUBREL only.
    pub(super) later: bool,
}

/// Requests that wait in one direction, with an index.
#[derive(Debug, Default)]
struct Many {
    /// With the place in the order of requests.
    open: HashMap<(PacketType, u16), (u64, Open), foldhash::fast::RandomState>,
    order: BTreeMap<u64, (PacketType, u16)>,
    /// The places of those that wait for PUBREL, whose order matters.
    releases: BTreeSet<u64>,
    pings: VecDeque<Open>,
    next: u64,
}

impl Many {
    fn of(few: Vec<Open>) -> Self {
        let mut many = Self::default();
        for open in few {
            many.push(open);
        }
        many
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.pings.is_empty()
    }

    /// Takes a request that does not wait yet; gives whether another had to make place for it.
    fn push(&mut self, open: Open) -> bool {
        if open.is_ping() {
            self.pings.push_back(open);
            return self.pings.len() > PINGS && self.pings.pop_front().is_some();
        }
        let key = (open.answer, open.id);
        let full = self.order.len() == OPEN;
        if full && let Some((place, oldest)) = self.order.pop_first() {
            self.open.remove(&oldest);
            self.releases.remove(&place);
        }
        self.open.insert(key, (self.next, open));
        self.order.insert(self.next, key);
        if open.answer == PacketType::PubRel {
            self.releases.insert(self.next);
        }
        self.next += 1;
        full
    }

    fn pop(&mut self, answer: PacketType, id: u16) -> Option<Answered> {
        if answer == PacketType::PingResp {
            return Some(Answered { open: self.pings.pop_front()?, later: false });
        }
        let (place, open) = self.open.remove(&(answer, id))?;
        self.order.remove(&place);
        let later = self.releases.first().is_some_and(|first| *first < place);
        Some(Answered { open, later: self.releases.remove(&place) && later })
    }
}

/// Identifiers whose message came to its end, the oldest first.
#[derive(Debug)]
struct Done {
    /// Those behind `count` are 0, which no message has.
    ids: [u16; DONE],
    how: [Before; DONE],
    count: usize,
}

impl Done {
    const fn new() -> Self {
        Self { ids: [0; DONE], how: [Before::Nothing; DONE], count: 0 }
    }

    fn remove(&mut self, place: usize) -> Before {
        let how = self.how[place];
        self.ids.copy_within(place + 1..self.count, place);
        self.how.copy_within(place + 1..self.count, place);
        self.count -= 1;
        self.ids[self.count] = 0;
        how
    }

    fn push(&mut self, id: u16, how: Before) {
        if self.count == DONE {
            self.remove(0);
        }
        self.ids[self.count] = id;
        self.how[self.count] = how;
        self.count += 1;
    }

    fn take(&mut self, id: u16) -> Option<Before> {
        // All of them at a time, by vector instructions: most often it is none.
        if self.ids.iter().fold(0, |any, done| any | u8::from(*done == id)) == 0 {
            return None;
        }
        let place = self.ids[..self.count].iter().rposition(|done| *done == id)?;
        Some(self.remove(place))
    }
}

/// What waits in one direction where it is more than one.
#[derive(Debug, Default)]
struct More {
    /// In the order of the requests, as long as there are few.
    few: Vec<Open>,
    /// Instead of them.
    many: Option<Box<Many>>,
}

impl More {
    fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_none()
    }

    fn get_mut(&mut self, answer: PacketType, id: u16) -> Option<&mut Open> {
        match &mut self.many {
            Some(many) => many.open.get_mut(&(answer, id)).map(|(_, open)| open),
            None => self.few.iter_mut().find(|open| open.is(answer, id)),
        }
    }

    fn has(&self, answer: PacketType, id: u16) -> bool {
        match &self.many {
            Some(many) => many.open.contains_key(&(answer, id)),
            None => self.few.iter().any(|open| open.is(answer, id)),
        }
    }

    fn has_message(&self, id: u16) -> bool {
        match &self.many {
            Some(many) => OF_MESSAGES.into_iter().any(|answer| many.open.contains_key(&(answer, id))),
            None => self.few.iter().any(|open| open.is_message(id)),
        }
    }

    /// Takes a request that does not wait yet; gives whether another had to make place for it.
    fn push(&mut self, open: Open) -> bool {
        if let Some(many) = &mut self.many {
            return many.push(open);
        }
        if self.few.len() == FEW {
            return self.many.insert(Box::new(Many::of(std::mem::take(&mut self.few)))).push(open);
        }
        if self.few.capacity() == 0 {
            self.few.reserve_exact(2);
        }
        self.few.push(open);
        false
    }

    fn pop(&mut self, answer: PacketType, id: u16) -> Option<Answered> {
        if let Some(many) = &mut self.many {
            let answered = many.pop(answer, id);
            if many.is_empty() {
                self.many = None;
            }
            return answered;
        }
        let place = self.few.iter().position(|open| open.is_answered_by(answer, id))?;
        let open = self.few.remove(place);
        let older = self.few.get(..place).unwrap_or_default();
        let later = answer == PacketType::PubRel && older.iter().any(|open| open.answer == PacketType::PubRel);
        Some(Answered { open, later })
    }

    /// In the order of the requests, pings last.
    fn iter(&self) -> impl Iterator<Item = &Open> {
        let few = self.few.iter().filter(|open| !open.is_ping()).chain(self.few.iter().filter(|open| open.is_ping()));
        let many = self.many.iter().flat_map(|many| {
            let others = many.order.values().filter_map(|key| many.open.get(key)).map(|(_, open)| open);
            others.chain(&many.pings)
        });
        few.chain(many)
    }
}

/// What waits in one direction.
#[derive(Debug, Default)]
struct Waiting {
    /// The only one that waits: most have one open at a time.
    one: Option<Open>,
    /// All of them instead; made when there are two, and left for the next time.
    more: Option<Box<More>>,
    done: Option<Box<Done>>,
}

impl Waiting {
    fn get_mut(&mut self, answer: PacketType, id: u16) -> Option<&mut Open> {
        match &mut self.one {
            Some(one) => one.is(answer, id).then_some(one),
            None => self.more.as_mut()?.get_mut(answer, id),
        }
    }

    fn has(&self, answer: PacketType, id: u16) -> bool {
        match &self.one {
            Some(one) => one.is(answer, id),
            None => self.more.as_ref().is_some_and(|more| more.has(answer, id)),
        }
    }

    /// Whether a message with this identifier is under way.
    fn has_message(&self, id: u16) -> bool {
        match &self.one {
            Some(one) => one.is_message(id),
            None => self.more.as_ref().is_some_and(|more| more.has_message(id)),
        }
    }

    /// Takes a request; gives whether another had to make place for it.
    fn push(&mut self, open: Open) -> bool {
        if !open.is_ping()
            && let Some(old) = self.get_mut(open.answer, open.id)
        {
            old.at = open.at;
            return false;
        }
        if let Some(one) = self.one.take() {
            let more = self.more.get_or_insert_default();
            more.push(one);
            return more.push(open);
        }
        if let Some(more) = self.more.as_mut().filter(|more| !more.is_empty()) {
            return more.push(open);
        }
        self.one = Some(open);
        false
    }

    fn pop(&mut self, answer: PacketType, id: u16) -> Option<Answered> {
        if self.one.is_some() {
            let open = self.one.take_if(|one| one.is_answered_by(answer, id))?;
            return Some(Answered { open, later: false });
        }
        self.more.as_mut()?.pop(answer, id)
    }
}

/// What the sender of a message waits for.
const OF_MESSAGES: [PacketType; 3] = [PacketType::PubAck, PacketType::PubRec, PacketType::PubComp];

/// What waits, by the direction of the request.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    waiting: PerDirection<Waiting>,
    early: Vec<(Direction, PacketType, u16, Origin)>,
    /// Requests were forgotten.
    pub(super) forgot: bool,
    /// The last UNSUBACK.
    pub(super) unsubscribed: Option<Origin>,
}

impl Exchanges {
    /// Asks for what it points to.
    #[inline]
    pub(super) fn prefetch_parts(&self) {
        for waiting in [&self.waiting.to_server, &self.waiting.to_client] {
            if let Some(more) = &waiting.more {
                prefetch(more.as_ref());
            }
            if let Some(done) = &waiting.done {
                prefetch(&done.ids);
                prefetch(&done.ids[32]);
                prefetch(&done.count);
            }
        }
    }

    /// Forgets all that waits.
    pub(super) fn forget(&mut self) {
        *self = Self { forgot: true, unsubscribed: self.unsubscribed, ..Self::default() };
    }

    /// Whether a message with this identifier is under way in a direction.
    pub(super) fn in_flight(&self, direction: Direction, id: u16) -> bool {
        self.waiting[direction].has_message(id) || self.is_received(direction, id)
    }

    /// Whether a message was received and is not released: between PUBREC and PUBREL the receiver waits for the sender.
    pub(super) fn is_received(&self, direction: Direction, id: u16) -> bool {
        self.waiting[direction.reverse()].has(PacketType::PubRel, id)
    }

    /// A request was sent in this direction, of an exchange that began with `first`.
    pub(super) fn ask(
        &mut self,
        direction: Direction,
        answer: PacketType,
        id: u16,
        (at, first): (Origin, Origin),
        before: Before,
    ) {
        let is_it = |(way, kind, early, _): &(Direction, PacketType, u16, Origin)| {
            *way == direction && *kind == answer && *early == id
        };
        let early = self.early.iter().position(is_it);
        if let Some(place) = early.filter(|place| at.time.since(self.early[*place].3.time) < LATE) {
            self.early.remove(place);
            return;
        }
        self.forgot |= self.waiting[direction].push(Open { answer, id, at, first, before });
    }

    /// An answer to a request of this direction.
    pub(super) fn answer(&mut self, direction: Direction, answer: PacketType, id: u16, at: Origin) -> Option<Answered> {
        let found = self.waiting[direction].pop(answer, id);
        if found.is_none() {
            if self.early.len() == EARLY {
                self.early.remove(0);
            }
            if self.early.capacity() == 0 {
                self.early.reserve_exact(1);
            }
            self.early.push((direction, answer, id, at));
        }
        found
    }

    /// A message of this direction was sent again: its answer is waited for from now on.
    pub(super) fn again(&mut self, direction: Direction, id: u16, at: Origin) {
        for answer in OF_MESSAGES {
            if let Some(open) = self.waiting[direction].get_mut(answer, id) {
                open.at = at;
                open.before = Before::Resent;
            }
        }
    }

    /// A message of this direction came to its end, which is remembered if somebody asks for that.
    pub(super) fn finish(&mut self, direction: Direction, id: u16, how: Before, remembers: bool) {
        if !remembers {
            return;
        }
        self.waiting[direction].done.get_or_insert_with(|| Box::new(Done::new())).push(id, how);
    }

    /// What became of the last message with this identifier, as far as it is remembered.
    pub(super) fn before(&mut self, direction: Direction, id: u16) -> Option<Before> {
        self.waiting[direction].done.as_mut()?.take(id)
    }

    /// What a direction still waits for, in the order of the requests, pings last.
    pub(super) fn open(&self, direction: Direction) -> impl Iterator<Item = Open> {
        let Waiting { one, more, .. } = &self.waiting[direction];
        one.iter().chain(more.iter().flat_map(|more| more.iter())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use crate::time::Timestamp;
    use Direction::{ToClient, ToServer};
    use PacketType::{PingResp, PubAck, PubComp, PubRec, PubRel};

    fn at(frame: u64) -> Origin {
        Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(0) + Span::from_secs(frame as i64) }
    }

    fn ask(exchanges: &mut Exchanges, direction: Direction, answer: PacketType, id: u16, frame: u64) {
        exchanges.ask(direction, answer, id, (at(frame), at(frame)), Before::Nothing);
    }

    #[test]
    fn the_two_directions_have_their_own_identifiers() {
        let mut exchanges = Exchanges::default();
        ask(&mut exchanges, ToServer, PubAck, 1, 1);
        assert!(exchanges.in_flight(ToServer, 1) && !exchanges.in_flight(ToClient, 1));
        assert!(exchanges.answer(ToClient, PubAck, 1, at(2)).is_none());
        assert!(exchanges.answer(ToServer, PubAck, 1, at(2)).is_some());
        assert!(!exchanges.in_flight(ToServer, 1));
    }

    #[test]
    fn an_answer_may_be_captured_shortly_before_its_request() {
        let mut exchanges = Exchanges::default();
        assert!(exchanges.answer(ToServer, PubAck, 1, at(5)).is_none());
        ask(&mut exchanges, ToServer, PubAck, 1, 5);
        assert_eq!(exchanges.open(ToServer).count(), 0);
        assert!(exchanges.answer(ToServer, PubAck, 2, at(5)).is_none());
        ask(&mut exchanges, ToServer, PubAck, 2, 7);
        assert_eq!(exchanges.open(ToServer).count(), 1, "two seconds are no crossing");
    }

    #[test]
    fn between_pubrec_and_pubrel_the_message_is_under_way() {
        let mut exchanges = Exchanges::default();
        ask(&mut exchanges, ToServer, PubRec, 1, 1);
        exchanges.answer(ToServer, PubRec, 1, at(2));
        ask(&mut exchanges, ToClient, PubRel, 1, 2);
        assert!(exchanges.in_flight(ToServer, 1) && exchanges.is_received(ToServer, 1));
        exchanges.answer(ToClient, PubRel, 1, at(3));
        ask(&mut exchanges, ToServer, PubComp, 1, 3);
        assert!(exchanges.in_flight(ToServer, 1) && !exchanges.is_received(ToServer, 1));
        exchanges.answer(ToServer, PubComp, 1, at(4));
        assert!(!exchanges.in_flight(ToServer, 1));
    }

    #[test]
    fn releases_have_an_order_and_a_repeated_pubrec_does_not_change_it() {
        let mut exchanges = Exchanges::default();
        for (id, frame) in [(1, 1), (2, 2), (1, 3)] {
            ask(&mut exchanges, ToClient, PubRel, id, frame);
        }
        assert!(exchanges.answer(ToClient, PubRel, 2, at(4)).is_some_and(|answered| answered.later));
        let first = exchanges.answer(ToClient, PubRel, 1, at(5)).expect("it waits");
        assert!(!first.later);
        assert_eq!(first.open.at, at(3));
    }

    #[test]
    fn each_ping_wants_its_answer_and_the_oldest_gets_it() {
        let mut exchanges = Exchanges::default();
        ask(&mut exchanges, ToServer, PingResp, 0, 1);
        ask(&mut exchanges, ToServer, PingResp, 0, 2);
        exchanges.answer(ToServer, PingResp, 0, at(3));
        assert_eq!(exchanges.open(ToServer).map(|open| open.at).collect::<Vec<_>>(), [at(2)]);
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_is_forgotten() {
        let mut exchanges = Exchanges::default();
        for id in 1..=OPEN as u16 {
            ask(&mut exchanges, ToServer, PubAck, id, u64::from(id));
        }
        assert!(!exchanges.forgot);
        ask(&mut exchanges, ToServer, PubAck, OPEN as u16 + 1, 9999);
        assert!(exchanges.forgot && !exchanges.in_flight(ToServer, 1) && exchanges.in_flight(ToServer, 2));
        for _ in 0..2 * OPEN {
            ask(&mut exchanges, ToServer, PingResp, 0, 1);
        }
        assert_eq!(exchanges.open(ToServer).count(), OPEN + PINGS);
        exchanges.forget();
        assert!(exchanges.forgot && exchanges.open(ToServer).next().is_none());
    }

    #[test]
    fn what_an_identifier_stood_for_is_remembered_for_a_while() {
        let mut exchanges = Exchanges::default();
        exchanges.finish(ToServer, 1, Before::Taken, true);
        exchanges.finish(ToServer, 2, Before::Refused, true);
        exchanges.finish(ToServer, 1, Before::Refused, false);
        assert_eq!(exchanges.before(ToServer, 2), Some(Before::Refused));
        assert_eq!(exchanges.before(ToServer, 2), None);
        assert_eq!(exchanges.before(ToClient, 1), None);
        for id in 3..=DONE as u16 + 2 {
            exchanges.finish(ToServer, id, Before::Taken, true);
        }
        assert_eq!(exchanges.before(ToServer, 1), None);
    }

    #[test]
    fn few_and_many_are_answered_alike() {
        for count in [4, FEW as u16, FEW as u16 + 1] {
            let mut exchanges = Exchanges::default();
            (1..=count).for_each(|id| ask(&mut exchanges, ToServer, PubRel, id, id.into()));
            let has_many = |exchanges: &Exchanges| {
                exchanges.waiting.to_server.more.as_ref().is_some_and(|more| more.many.is_some())
            };
            assert_eq!(has_many(&exchanges), usize::from(count) > FEW);
            ask(&mut exchanges, ToServer, PubRel, 2, 100);
            assert!(exchanges.answer(ToServer, PubRel, 3, at(101)).is_some_and(|answered| answered.later));
            assert!(exchanges.answer(ToServer, PubRel, 1, at(102)).is_some_and(|answered| !answered.later));
            let second = exchanges.answer(ToServer, PubRel, 2, at(103)).expect("it waits");
            assert!(!second.later && second.open.at == at(100) && second.open.first == at(2));
            let left: Vec<_> = exchanges.open(ToServer).map(|open| open.id).collect();
            assert_eq!(left, (4..=count).collect::<Vec<_>>());
            for id in left {
                assert!(exchanges.answer(ToServer, PubRel, id, at(104)).is_some());
            }
            assert!(exchanges.open(ToServer).next().is_none() && !has_many(&exchanges));
        }
    }
}
