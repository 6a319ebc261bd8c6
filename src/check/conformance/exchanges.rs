//! Requests that wait for their answer on a connection: which answer fits, and what stays unanswered.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::capture::Origin;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::PacketType;
use crate::time::Span;

/// The most requests of a direction that wait; with more, those that were first are forgotten.
const OPEN: usize = 4096;

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

/// A request whose answer has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) open: Open,
    /// An older request waits for an answer of the same kind; told of PUBREL only.
    pub(super) later: bool,
}

/// What waits in one direction.
#[derive(Debug, Default)]
struct Waiting {
    /// With the place in the order of requests.
    open: HashMap<(PacketType, u16), (u64, Open), foldhash::fast::RandomState>,
    order: BTreeMap<u64, (PacketType, u16)>,
    /// The places of those that wait for PUBREL, whose order matters.
    releases: BTreeSet<u64>,
    /// PINGREQ has no identifier.
    pings: VecDeque<Origin>,
    done: VecDeque<(u16, Before)>,
    next: u64,
}

impl Waiting {
    /// Takes a request; gives whether another had to make place for it.
    fn push(&mut self, open: Open) -> bool {
        if open.answer == PacketType::PingResp {
            self.pings.push_back(open.at);
            return self.pings.len() > OPEN && self.pings.pop_front().is_some();
        }
        let key = (open.answer, open.id);
        if let Some((_, old)) = self.open.get_mut(&key) {
            old.at = open.at;
            return false;
        }
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
            let at = self.pings.pop_front()?;
            let open = Open { answer, id, at, first: at, before: Before::Nothing };
            return Some(Answered { open, later: false });
        }
        let (place, open) = self.open.remove(&(answer, id))?;
        self.order.remove(&place);
        let later = self.releases.first().is_some_and(|first| *first < place);
        Some(Answered { open, later: self.releases.remove(&place) && later })
    }
}

/// What waits, by the direction of the request.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    waiting: PerDirection<Waiting>,
    early: VecDeque<(Direction, PacketType, u16, Origin)>,
    /// Requests were forgotten.
    pub(super) forgot: bool,
    /// The last UNSUBACK.
    pub(super) unsubscribed: Option<Origin>,
}

impl Exchanges {
    /// Whether a message with this identifier is under way in a direction.
    pub(super) fn in_flight(&self, direction: Direction, id: u16) -> bool {
        use PacketType::{PubAck, PubComp, PubRec};
        let open = &self.waiting[direction].open;
        [PubAck, PubRec, PubComp].into_iter().any(|answer| open.contains_key(&(answer, id)))
            || self.is_received(direction, id)
    }

    /// Whether a message was received and is not released: between PUBREC and PUBREL the receiver waits for the sender.
    pub(super) fn is_received(&self, direction: Direction, id: u16) -> bool {
        self.waiting[direction.reverse()].open.contains_key(&(PacketType::PubRel, id))
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
                self.early.pop_front();
            }
            self.early.push_back((direction, answer, id, at));
        }
        found
    }

    /// A message of this direction was sent again: its answer is waited for from now on.
    pub(super) fn again(&mut self, direction: Direction, id: u16, at: Origin) {
        use PacketType::{PubAck, PubComp, PubRec};
        for answer in [PubAck, PubRec, PubComp] {
            if let Some((_, open)) = self.waiting[direction].open.get_mut(&(answer, id)) {
                open.at = at;
                open.before = Before::Resent;
            }
        }
    }

    /// A message of this direction came to its end.
    pub(super) fn finish(&mut self, direction: Direction, id: u16, how: Before) {
        let done = &mut self.waiting[direction].done;
        if done.len() == DONE {
            done.pop_front();
        }
        done.push_back((id, how));
    }

    /// What became of the last message with this identifier, as far as it is remembered.
    pub(super) fn before(&mut self, direction: Direction, id: u16) -> Option<Before> {
        let done = &mut self.waiting[direction].done;
        let place = done.iter().rposition(|(done, _)| *done == id)?;
        done.remove(place).map(|(_, how)| how)
    }

    /// What a direction still waits for, in the order of the requests.
    pub(super) fn open(&self, direction: Direction) -> impl Iterator<Item = Open> {
        let waiting = &self.waiting[direction];
        let ping =
            |at: &Origin| Open { answer: PacketType::PingResp, id: 0, at: *at, first: *at, before: Before::Nothing };
        let others = waiting.order.values().filter_map(|key| waiting.open.get(key)).map(|(_, open)| *open);
        others.chain(waiting.pings.iter().map(ping))
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
        assert_eq!(exchanges.open(ToServer).count(), 2 * OPEN);
    }

    #[test]
    fn what_an_identifier_stood_for_is_remembered_for_a_while() {
        let mut exchanges = Exchanges::default();
        exchanges.finish(ToServer, 1, Before::Taken);
        exchanges.finish(ToServer, 2, Before::Refused);
        assert_eq!(exchanges.before(ToServer, 2), Some(Before::Refused));
        assert_eq!(exchanges.before(ToServer, 2), None);
        assert_eq!(exchanges.before(ToClient, 1), None);
        for id in 3..=DONE as u16 + 2 {
            exchanges.finish(ToServer, id, Before::Taken);
        }
        assert_eq!(exchanges.before(ToServer, 1), None);
    }
}
