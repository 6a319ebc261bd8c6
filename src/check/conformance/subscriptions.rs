//! Rules on subscriptions: what a server may send for them, and how.
//!
//! They judge a connection whose session began with it; of others it is not known what was subscribed to before.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use super::class::Features as F;
use super::connection::{Connection, number};
use super::cross::{Cross, Published};
use super::docket::Docket;
use super::rules;
use super::statement::Caveat;
use super::subscription::{Edges, Subscription, pattern};
use crate::capture::Origin;
use crate::check::Certainty;
use crate::dissect::Message;
use crate::flow::Direction;
use crate::mqtt::{Body, PropertyId, PropertyValue, Publish, Version, topic};
use crate::prefetch::prefetch;
use crate::time::{Span, Timestamp};

/// The most subscriptions of a connection that are held against each message.
const SUBSCRIPTIONS: usize = 256;

/// The most of them with wildcards: others are found by their name.
const WILDCARDS: usize = 64;

/// The most bytes of filters kept of a connection.
const BYTES: usize = 1 << 16;

/// How long after a SUBSCRIBE retained messages may come.
pub(super) const BURST: Span = Span::from_secs(10);

/// How long after an UNSUBACK messages that were under way may come.
const DRAIN: Span = Span::from_secs(2);

/// The most messages of the client that are remembered, to know them when they come back.
const OWN: usize = 64;

/// How long a message of the client may take to come back.
const COMES_BACK: Span = Span::from_secs(2);

/// Lists that a message needs for as long as it is judged.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The subscriptions that it matches, or that it did before they were taken back.
    matching: Vec<usize>,
    /// Those of them that stand.
    standing: Vec<usize>,
}

/// What a message of the server matches.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Matched {
    /// All subscriptions are known.
    pub(super) known: bool,
    /// How many stand that it matches.
    pub(super) standing: usize,
    /// Those of them with Retain As Published.
    pub(super) as_published: usize,
    /// One took the place of an equal one.
    pub(super) renewed: bool,
    /// When the newest of them was asked for.
    pub(super) asked: Option<Origin>,
    /// When the last one was taken back, where none stands.
    pub(super) removed: Option<Origin>,
}

/// The subscriptions of a connection.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    all: Vec<Subscription>,
    /// The filters of all, one behind the other: each message is held against them.
    filters: Vec<u8>,
    /// Those with wildcards, each with what every topic begins and ends with that it matches.
    wild: Vec<Edges>,
    /// Those without, by hash.
    exact: Vec<(u64, u16)>,
    /// What is asked for and not answered: a packet identifier and a place in `all`, in the order of the requests.
    asked: Vec<(u16, u16)>,
    /// Of filters that are to be taken back, hashes, by packet identifier; each stands there once.
    taken_back: Vec<(u16, Box<[u64]>)>,
    /// Those that the last SUBACK answered.
    answered: Vec<u16>,
    /// More than can be kept.
    overflow: bool,
    /// A subscription does not want the client's own messages.
    no_local: bool,
    own: VecDeque<(u64, Timestamp)>,
    hasher: foldhash::fast::RandomState,
}

impl Subscriptions {
    /// Asks for what a message of the server needs.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.wild);
        prefetch(&self.exact);
        prefetch(&self.overflow);
    }

    /// Forgets all of them; it is known that there were some.
    pub(super) fn forget(&mut self) {
        *self = Self { overflow: true, ..Self::default() };
    }

    fn add(&mut self, id: u16, filter: &[u8], options: u8, identifier: Option<u32>, at: Origin) {
        let wild = topic::has_wildcard(pattern(filter));
        let full = self.all.len() >= SUBSCRIPTIONS || (wild && self.wild.len() >= WILDCARDS);
        if full || self.filters.len() + filter.len() > BYTES {
            self.overflow = true;
            return;
        }
        self.no_local |= options & 0b100 != 0;
        let renewed = self.all.iter().any(|old| old.filter(&self.filters) == filter && old.stands());
        let place = self.all.len();
        self.asked.push((id, place as u16));
        // A filter is at most 64 KiB long, by its length on the wire. What matching takes off is taken off once.
        let once = pattern(filter);
        let inner = pattern(once);
        if wild {
            make_room(&mut self.wild);
            self.wild.push(Edges::of(inner, place as u16));
        } else {
            let hash = self.hasher.hash_one(pattern(filter));
            let at = self.exact.partition_point(|(other, _)| *other <= hash);
            make_room(&mut self.exact);
            self.exact.insert(at, (hash, place as u16));
        }
        make_room(&mut self.all);
        let begin = self.filters.len() as u32;
        self.filters.extend_from_slice(filter);
        self.all.push(Subscription {
            renewed,
            pattern: (filter.len() - inner.len()) as u16,
            wild: topic::has_wildcard(inner),
            ..Subscription::new((begin, filter.len() as u16), options, identifier, at)
        });
    }

    /// Where the subscriptions stand that match a topic, or did.
    fn matching(&self, name: &[u8], found: &mut Vec<usize>) {
        found.clear();
        if !self.exact.is_empty() {
            let hash = self.hasher.hash_one(name);
            let from = self.exact.partition_point(|(other, _)| *other < hash);
            let equal = self.exact.iter().skip(from).take_while(|(other, _)| *other == hash);
            found.extend(equal.map(|(_, place)| usize::from(*place)).filter(|place| self.matches(*place, name)));
        }
        if !self.wild.is_empty() {
            let edges = Edges::of_topic(name);
            // Most do not match, and this tells it without a look at them.
            let may_match = self.wild.iter().filter(|wanted| wanted.may_match(edges));
            found.extend(may_match.map(|wanted| usize::from(wanted.place)).filter(|place| self.matches(*place, name)));
        }
    }

    fn matches(&self, place: usize, name: &[u8]) -> bool {
        self.all[place].matches(&self.filters, name)
    }

    /// The filter at a place.
    fn filter(&self, place: usize) -> &[u8] {
        self.all[place].filter(&self.filters)
    }

    /// The filters that the last SUBACK granted, as far as their retained messages are to be sent.
    pub(super) fn wanting_retained(&self) -> impl Iterator<Item = &[u8]> {
        let wants = |held: &&Subscription| {
            let handling = held.retain_handling();
            let is_shared = topic::shared(held.filter(&self.filters)).is_some();
            let granted = held.answer.is_some_and(|answer| answer <= 2) && !is_shared;
            granted && (handling == 0 || (handling == 1 && !held.renewed))
        };
        self.answered
            .iter()
            .filter_map(|place| self.all.get(usize::from(*place)))
            .filter(wants)
            .map(|held| held.filter(&self.filters))
    }

    fn hash(&self, publish: &Publish<'_>, name: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        hasher.write(publish.payload);
        hasher.finish()
    }
}

/// Makes room for one more in a list: most connections ask for one or two.
fn make_room<T>(list: &mut Vec<T>) {
    if list.capacity() == list.len() {
        list.reserve_exact((list.len() / 2).max(1));
    }
}

/// Follows subscriptions, and judges what is sent for them; gives what the message is among them.
pub(super) fn follow(
    connection: &mut Connection,
    message: &Message<'_>,
    scratch: &mut Scratch,
    cross: Option<&Cross>,
    docket: &mut Docket<'_>,
) -> F {
    let at = message.origin;
    let whole = message.missing == 0;
    match &message.packet.body {
        Body::Subscribe(subscribe) => {
            let held = connection.subscriptions.get_or_insert_default();
            let Some(id) = subscribe.packet_id.filter(|_| whole) else {
                held.overflow = true;
                return F::default();
            };
            let identifier = number(subscribe.properties, PropertyId::SubscriptionIdentifier);
            held.asked.retain(|(asked, _)| *asked != id);
            for wanted in subscribe.filters {
                held.add(id, wanted.filter, wanted.options, identifier, at);
            }
        }
        Body::SubAck(suback) => {
            let Some(held) = &mut connection.subscriptions else { return F::default() };
            let Some(id) = suback.packet_id else { return F::default() };
            held.answered.clear();
            held.answered.extend(held.asked.extract_if(.., |(asked, _)| *asked == id).map(|(_, place)| place));
            if held.asked.is_empty() {
                held.asked = Vec::new();
            }
            for (place, code) in held.answered.iter().map(|place| usize::from(*place)).zip(suback.codes) {
                let asked = &mut held.all[place];
                asked.answer = Some(*code);
                let (granted, wanted) = (*code, asked.options & 0b11);
                // An equal filter takes the place of the old subscription (MQTT-3.8.4-3).
                if granted <= 2 {
                    let (before, from) = held.all.split_at_mut(place);
                    let filter = from.first().map(|asked| asked.filter(&held.filters));
                    let is_equal = |old: &Subscription| Some(old.filter(&held.filters)) == filter;
                    before.iter_mut().filter(|old| is_equal(old)).for_each(|old| old.remove(at));
                }
                if granted <= 2 && granted > wanted {
                    let message = format!("the server grants QoS {granted} where {wanted} was asked for");
                    docket.breach(rules::GRANTED_ABOVE_ASKED, &[at.frame], Certainty::Likely, message);
                }
            }
        }
        Body::Unsubscribe(unsubscribe) => {
            let held = connection.subscriptions.get_or_insert_default();
            let Some(id) = unsubscribe.packet_id.filter(|_| whole) else { return F::default() };
            let filters = unsubscribe.filters.into_iter().take(SUBSCRIPTIONS);
            let filters = filters.map(|filter| held.hasher.hash_one(filter)).collect();
            if held.taken_back.len() < SUBSCRIPTIONS {
                held.taken_back.retain(|(asked, _)| *asked != id);
                held.taken_back.push((id, filters));
            }
        }
        Body::UnsubAck(unsuback) => {
            let Some(held) = &mut connection.subscriptions else { return F::default() };
            let Some(id) = unsuback.packet_id else { return F::default() };
            let asked = held.taken_back.iter().position(|(asked, _)| *asked == id);
            let filters = asked.map(|asked| held.taken_back.swap_remove(asked).1).unwrap_or_default();
            if held.taken_back.is_empty() {
                held.taken_back = Vec::new();
            }
            let refused = |place: usize| unsuback.codes.get(place).is_some_and(|code| *code >= 0x80);
            let Subscriptions { all, filters: bytes, hasher, .. } = &mut **held;
            for stands in all.iter_mut().filter(|held| held.removed().is_none()) {
                let hash = hasher.hash_one(stands.filter(bytes));
                if filters.iter().enumerate().any(|(place, filter)| *filter == hash && !refused(place)) {
                    stands.remove(at);
                }
            }
        }
        Body::Publish(publish) => {
            let Some(name) = message.topic else { return F::default() };
            match (message.direction, &mut connection.subscriptions) {
                (Direction::ToServer, Some(held)) if held.no_local => {
                    let hash = held.hash(publish, name);
                    if held.own.len() == OWN {
                        held.own.pop_front();
                    }
                    held.own.push_back((hash, at.time));
                }
                (Direction::ToServer, _) => {}
                (Direction::ToClient, held) => {
                    let all_known = held.as_ref().is_none_or(|held| !held.overflow);
                    if all_known && connection.is_fresh() && connection.is_whole() {
                        let broker = docket.flow.server;
                        let published = || cross.and_then(|cross| cross.known(broker, name, publish.payload));
                        return judge(connection, message, (publish, name), scratch, &published, docket);
                    }
                }
            }
        }
        _ => {}
    }
    F::default()
}

/// Judges a message of the server by the subscriptions.
fn judge(
    connection: &mut Connection,
    message: &Message<'_>,
    (publish, name): (&Publish<'_>, &[u8]),
    scratch: &mut Scratch,
    published: &dyn Fn() -> Option<Published>,
    docket: &mut Docket<'_>,
) -> F {
    let bridge = connection.agreed.bridge;
    let held = connection.subscriptions.get_or_insert_default();
    let Scratch { matching, standing } = scratch;
    held.matching(name, matching);
    standing.clear();
    standing.extend(matching.iter().copied().filter(|place| held.all[*place].stands()));
    docket.matched = Matched {
        known: true,
        standing: standing.len(),
        as_published: standing.iter().filter(|place| held.all[**place].options & 0b1000 != 0).count(),
        renewed: standing.iter().any(|place| held.all[*place].renewed),
        asked: standing.iter().map(|place| held.all[*place].asked).max_by_key(|asked| asked.time),
        removed: None,
    };
    let is_5 = message.packet.version == Version::V5;
    let by_identifier = is_5 && check_identifiers(held, (matching, standing), publish, message, published, docket);
    if standing.is_empty() {
        docket.matched.removed =
            matching.iter().filter_map(|place| held.all[*place].removed()).max_by_key(|at| at.time);
        check_without(held, name, message, published, docket);
    } else {
        let retain = message.packet.header.retain();
        if retain && !bridge {
            check_retain(held, standing, is_5, message, docket);
        }
        // A retained message is sent because of the subscription; it is not forwarded (section 3.8.3.1 speaks of that).
        if is_5 && !retain && standing.iter().all(|place| held.all[*place].options & 0b100 != 0) {
            let hash = held.hash(publish, name);
            let is_it = |(own, at): &(u64, Timestamp)| *own == hash && message.origin.time.since(*at) <= COMES_BACK;
            let own = held.own.iter().position(is_it);
            // Each comes back once.
            let own = own.and_then(|place| held.own.remove(place)).is_some();
            if own && published().is_some_and(|published| published.several) {
                docket.unprovable("MQTT-3.8.3-3", Caveat::Cross);
            } else if own {
                let text = "the client's own message comes back, and it set No Local";
                docket.breach_unless_lost(
                    rules::OWN_MESSAGE,
                    Direction::ToServer,
                    &[message.origin.frame],
                    Certainty::Likely,
                    text,
                );
            } else {
                docket.kept("MQTT-3.8.3-3");
            }
        }
    }
    F::Subscribed.with(F::SubscriptionId, by_identifier)
}

/// A message for which no subscription stands.
fn check_without(
    held: &Subscriptions,
    name: &[u8],
    message: &Message<'_>,
    published: &dyn Fn() -> Option<Published>,
    docket: &mut Docket<'_>,
) {
    let at = message.origin;
    let frames = [at.frame];
    match docket.matched.removed {
        // It was under way, or a resend of what had been sent.
        Some(removed) if at.time.since(removed.time) <= DRAIN || message.packet.header.dup() => {}
        Some(removed) => {
            // What was published before may wait in the server, and be sent still (section 3.10.4).
            let certainty = match published() {
                Some(published) if published.first.time <= removed.time => return,
                None if message.packet.header.qos() > 0 => Certainty::Hint,
                _ => Certainty::Likely,
            };
            let text = "the server sends a message although its subscription was taken back";
            docket.breach_unless_lost(
                rules::AFTER_UNSUBSCRIBE,
                Direction::ToServer,
                &[removed.frame, at.frame],
                certainty,
                text,
            );
        }
        None if name.first() == Some(&b'$') && by_wildcard(held, name) => {
            let text = "the server sends a topic that begins with $ for a filter that begins with a wildcard";
            docket.breach_unless_lost(rules::DOLLAR_BY_WILDCARD, Direction::ToServer, &frames, Certainty::Likely, text);
        }
        None => {
            let text = "the server sends a message that matches no subscription";
            docket.breach_unless_lost(rules::NO_SUBSCRIPTION, Direction::ToServer, &frames, Certainty::Likely, text);
        }
    }
}

/// Whether a filter would match if a wildcard stood for `$` too.
fn by_wildcard(held: &Subscriptions, name: &[u8]) -> bool {
    let plain = [b"x", name.get(1..).unwrap_or_default()].concat();
    held.wild.iter().map(|wanted| usize::from(wanted.place)).any(|place| {
        let filter = pattern(held.filter(place));
        held.all[place].stands() && matches!(filter.first(), Some(b'#' | b'+')) && topic::matches(filter, &plain)
    })
}

fn check_retain(
    held: &mut Subscriptions,
    standing: &[usize],
    is_5: bool,
    message: &Message<'_>,
    docket: &mut Docket<'_>,
) {
    let at = message.origin;
    let as_published = |place: &usize| is_5 && held.all[*place].options & 0b1000 != 0;
    let recent = |place: &usize| at.time.since(held.all[*place].asked.time) <= BURST;
    // A resend keeps the flag that it was sent with.
    if standing.iter().any(as_published) || message.packet.header.dup() {
        return;
    }
    let newest = standing.iter().map(|place| held.all[*place].asked).max_by_key(|asked| asked.time);
    let frames: Vec<_> = newest.iter().map(|asked| asked.frame).chain([at.frame]).collect();
    if !standing.iter().any(recent) {
        let message = "the server sends a message with RETAIN long after its subscription";
        docket.breach_unless_lost(rules::RETAIN_ON_LIVE, Direction::ToServer, &frames, Certainty::Likely, message);
        return;
    }
    if !is_5 {
        return;
    }
    let shared = |place: &usize| topic::shared(held.filter(*place)).is_some();
    if standing.iter().all(shared) {
        let message = "the server sends a message with RETAIN to a shared subscription".to_owned();
        docket.breach_unless_lost(rules::RETAINED_TO_SHARED, Direction::ToServer, &frames, Certainty::Likely, message);
        return;
    }
    let unwanted = |held: &Subscription| match held.retain_handling() {
        1 => held.renewed,
        handling => handling == 2,
    };
    if standing.iter().all(|place| unwanted(&held.all[*place])) {
        let never = standing.iter().any(|place| held.all[*place].retain_handling() == 2);
        let rule = if never { rules::RETAINED_UNWANTED } else { rules::RETAINED_AGAIN };
        let why = if never { "which wants no retained messages" } else { "which is not new" };
        let message = format!("the server sends a message with RETAIN for a subscription {why}");
        for place in standing {
            held.all[*place].disturbed = true;
        }
        docket.breach_unless_lost(rule, Direction::ToServer, &frames, Certainty::Likely, message);
    }
}

/// Judges the subscription identifiers of a message; gives whether a subscription that it is sent for has one.
fn check_identifiers(
    held: &Subscriptions,
    (matching, standing): (&[usize], &[usize]),
    publish: &Publish<'_>,
    message: &Message<'_>,
    published: &dyn Fn() -> Option<Published>,
    docket: &mut Docket<'_>,
) -> bool {
    // A resend keeps what it was sent with.
    if message.packet.header.dup() {
        return false;
    }
    let frames = [message.origin.frame];
    let found = publish.properties.iter().filter(|property| property.id == PropertyId::SubscriptionIdentifier);
    let mut any = false;
    for property in found {
        let Some(id) = PropertyValue::number(property.value) else { continue };
        any = true;
        // One that was taken back may have sent it, of what was published while it stood.
        let may_send = |place: &usize| {
            let later = |removed: Origin| published().is_some_and(|published| published.first.time > removed.time);
            let gone = |removed: Origin| message.origin.time.since(removed.time) > DRAIN && later(removed);
            held.all[*place].identifier == Some(id) && !held.all[*place].removed().is_some_and(gone)
        };
        if !matching.iter().any(may_send) {
            let message = format!("the message has subscription identifier {id}, and no subscription of it matches");
            docket.breach_unless_lost(
                rules::SUBSCRIPTION_ID_UNKNOWN,
                Direction::ToServer,
                &frames,
                Certainty::Likely,
                message,
            );
        }
    }
    let has = |place: &usize| held.all[*place].identifier.is_some();
    if !any && !standing.is_empty() && standing.iter().all(has) {
        let message = "the message has no subscription identifier, and each subscription that matches has one";
        docket.breach_unless_lost(
            rules::SUBSCRIPTION_ID_MISSING,
            Direction::ToServer,
            &frames,
            Certainty::Likely,
            message,
        );
    }
    standing.iter().any(has)
}

/// The connection is over: which subscriptions were left in peace.
pub(super) fn settle(connection: &Connection, docket: &mut Docket<'_>) {
    let Some(held) = connection.subscriptions.as_ref().filter(|_| docket.version == Version::V5) else { return };
    let known = connection.is_fresh() && connection.is_whole() && !held.overflow;
    let granted = held.all.iter().filter(|held| held.answer.is_some_and(|answer| answer <= 2) && !held.disturbed);
    for subscription in granted {
        let key = match (topic::shared(subscription.filter(&held.filters)), subscription.retain_handling()) {
            (Some(_), _) => "SHARED-RETAINED-SENT",
            (None, 2) => "MQTT-3.3.1-11",
            (None, 1) if subscription.renewed => "MQTT-3.3.1-10",
            (None, _) => continue,
        };
        if known { docket.kept(key) } else { docket.unprovable(key, Caveat::Prior) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;

    fn add(held: &mut Subscriptions, id: u16, filter: &str) {
        let at = Origin { frame: FrameNo(u64::from(id)), time: Timestamp::from_nanos(0) };
        held.add(id, filter.as_bytes(), 0, None, at);
    }

    fn filters<'a>(held: &'a Subscriptions, name: &str) -> Vec<&'a str> {
        let mut places = Vec::new();
        held.matching(name.as_bytes(), &mut places);
        places.into_iter().map(|place| std::str::from_utf8(held.filter(place)).unwrap()).collect()
    }

    #[test]
    fn a_topic_finds_its_filters_with_and_without_wildcards() {
        let mut held = Subscriptions::default();
        let all = ["a/b", "a/+", "#", "$share/g/a/b", "$share/g/+/b", "a/b/c", "b", "+"];
        (1..).zip(all).for_each(|(id, filter)| add(&mut held, id, filter));
        let mut found = filters(&held, "a/b");
        found.sort_unstable();
        assert_eq!(found, ["#", "$share/g/+/b", "$share/g/a/b", "a/+", "a/b"]);
        assert_eq!(filters(&held, "$SYS/x"), [""; 0]);
        for (number, (filter, name, matches)) in
            [("x/#", "x", true), ("x/#", "x/y", true), ("x/#", "xy", false), ("$share/g/x/+/z", "x/y/z", true)]
                .into_iter()
                .enumerate()
        {
            let mut held = Subscriptions::default();
            add(&mut held, number as u16, filter);
            assert_eq!(filters(&held, name).len(), usize::from(matches), "{filter} {name}");
        }
        assert!(by_wildcard(&held, b"$SYS/x"));
    }

    #[test]
    fn an_equal_filter_is_a_renewal_while_the_old_one_stands() {
        let mut held = Subscriptions::default();
        add(&mut held, 1, "a");
        add(&mut held, 2, "a");
        assert_eq!(held.all.iter().map(|held| held.renewed).collect::<Vec<_>>(), [false, true]);
        held.all.iter_mut().for_each(|held| held.remove(held.asked));
        add(&mut held, 3, "a");
        assert!(!held.all[2].renewed);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_too_much_is_told() {
        let mut held = Subscriptions::default();
        for id in 1..=SUBSCRIPTIONS as u16 {
            add(&mut held, id, &format!("a/{id}"));
        }
        assert!(!held.overflow);
        add(&mut held, 999, "b");
        assert!(held.overflow && held.all.len() == SUBSCRIPTIONS && held.asked.iter().all(|(id, _)| *id != 999));

        let mut held = Subscriptions::default();
        for id in 1..=WILDCARDS as u16 {
            add(&mut held, id, &format!("+/{id}"));
        }
        assert!(!held.overflow);
        add(&mut held, 999, "#");
        assert!(held.overflow && held.wild.len() == WILDCARDS);

        let mut held = Subscriptions::default();
        add(&mut held, 1, &"x".repeat(BYTES));
        assert!(!held.overflow);
        add(&mut held, 2, "x");
        assert!(held.overflow && held.filters.len() == BYTES);
    }
}
