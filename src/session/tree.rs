//! Subscriptions of all clients of a broker, found by topic.

use std::collections::HashMap;

use super::delivery::Name;
use super::levels::Levels;
use super::recent::Wanted;
use super::route::{Party, RECEIVERS, Sent};
use super::small::Small;
use crate::mqtt::topic;

/// What a level of a filter takes besides its name: its node, with what a list that grows has to spare, its place in the
/// node above it, and the allocator's overhead.
const NODE: usize = 2 * size_of::<Node>() + 96;

/// What a subscription takes besides its filter: its place in a list or in a tree that is half full, what its node has for it,
/// and overheads.
const SUBSCRIPTION: usize = 2 * (size_of::<Subscriber>() + size_of::<Party>()) + size_of::<Ends>() + 48;

/// What one takes besides that is shared: its group.
const SHARED: usize = 2 * (size_of::<Group>() + size_of::<Name>()) + 48;

/// Free nodes from which on it is looked at whether they are most: so many a broker may keep that are in no budget.
const FEW: usize = 64;

/// The most nodes that are looked at for a topic. A topic of nine levels needs no more, whatever is subscribed to; beyond it
/// there are filters that were made to match each other's topics, and who is to get the message stays unknown.
const WALK: usize = 1024;

/// The most subscriptions that are looked at for a topic: twice what there is room for in what is told of a message, since
/// each is compared by names of up to a kilobyte.
const FOUND: usize = 1 << 11;

/// A subscription in the tree.
#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) party: Party,
    pub(super) filter: Name,
    /// The group of a shared subscription.
    pub(super) share: Option<Name>,
    pub(super) qos: u8,
    pub(super) no_local: bool,
}

/// The subscriptions that end at a node.
#[derive(Debug, Default)]
struct Ends {
    /// By client.
    here: Group,
    /// The shared ones by filter, which names the group.
    groups: Small<Name, Group>,
}

impl Ends {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.groups.is_empty()
    }
}

/// A level of filters. Most have one below, and nobody who has subscribed to just this much.
#[derive(Debug, Default)]
struct Node {
    levels: Levels,
    ends: Option<Box<Ends>>,
}

/// The members of a group, by client. One of them gets each message.
pub(super) type Group = Small<Party, Subscriber>;

/// The subscriptions that want a topic.
#[derive(Debug, Default)]
pub(super) struct Matching<'a> {
    pub(super) direct: Vec<&'a Subscriber>,
    pub(super) groups: Vec<&'a Group>,
    /// How much was looked at to find them.
    pub(super) work: usize,
}

impl<'a> Matching<'a> {
    fn add(&mut self, node: &'a Node) {
        let Some(ends) = &node.ends else { return };
        self.work += ends.here.len() + ends.groups.values().map(Small::len).sum::<usize>();
        if self.work <= FOUND {
            self.direct.extend(ends.here.values());
            self.groups.extend(ends.groups.values());
        }
    }
}

/// From so many subscriptions on it is worth while to leave one of each client before they are sorted.
const MANY: usize = 64;

/// Of each client the subscription with the highest QoS up to that of the message, in no order: a client may have ten thousand that all match.
fn best_of_each(matching: Vec<&Subscriber>, sent: u8) -> Vec<&Subscriber> {
    let mut best: HashMap<&Party, &Subscriber, foldhash::fast::RandomState> = HashMap::default();
    let rank = |subscriber: &Subscriber| std::cmp::Reverse(subscriber.qos.min(sent));
    for subscriber in matching {
        let kept = best.entry(&subscriber.party).or_insert(subscriber);
        if (rank(subscriber), &subscriber.filter) < (rank(kept), &kept.filter) {
            *kept = subscriber;
        }
    }
    best.into_values().collect()
}

/// Of all that match a message those that count for it.
pub(super) fn wanted<'a>(matching: Matching<'a>, sent: &Sent<'_>) -> Wanted<&'a Subscriber> {
    let wants = |subscriber: &&Subscriber| !(subscriber.no_local && subscriber.party == sent.party);
    let qos = |subscriber: &Subscriber| subscriber.qos.min(sent.qos);
    // Several subscriptions of a client give it one copy, or one each; the highest QoS is that of one at least.
    let mut direct: Vec<_> = matching.direct.into_iter().filter(wants).collect();
    if direct.len() > MANY {
        direct = best_of_each(direct, sent.qos);
    }
    direct.sort_unstable_by(|a, b| (&a.party, qos(b), &a.filter).cmp(&(&b.party, qos(a), &b.filter)));
    direct.dedup_by(|next, kept| next.party == kept.party);
    direct.truncate(RECEIVERS);
    let groups = matching.groups.into_iter().map(|group| group.values().filter(wants).collect());
    Wanted { direct, groups: groups.filter(|group: &Vec<_>| !group.is_empty()).collect() }
}

/// Filters by their levels; `+` and `#` are levels like others.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Nodes that are not in use.
    free: Vec<u32>,
    held: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new(), held: 0 }
    }
}

/// A filter without the group of a shared subscription.
fn inner(filter: &[u8]) -> &[u8] {
    topic::shared(filter).map_or(filter, |(_, inner)| inner)
}

/// What a subscription takes besides its nodes.
fn cost_of(filter: &[u8]) -> usize {
    // The name of the group stands by itself, too.
    let shared = topic::shared(filter).map_or(0, |(group, _)| SHARED + group.len());
    SUBSCRIPTION + shared + filter.len()
}

/// The first level of a filter, and the others.
fn split(filter: &[u8]) -> (&[u8], Option<&[u8]>) {
    match filter.iter().position(|&byte| byte == b'/') {
        Some(at) => (&filter[..at], Some(&filter[at + 1..])),
        None => (filter, None),
    }
}

impl Tree {
    /// The node that a filter leads to as far as there are nodes, and what is left of it.
    fn descend<'a>(&self, filter: &'a [u8]) -> (usize, Option<&'a [u8]>) {
        let (mut at, mut rest) = (0, Some(filter));
        while let Some(filter) = rest {
            let (level, behind) = split(filter);
            let Some(next) = self.nodes[at].levels.get(level) else { break };
            (at, rest) = (next, behind);
        }
        (at, rest)
    }

    /// Adds a subscription, or replaces the one of the same client and filter; `room` is how many bytes all trees may grow by.
    /// Says whether there was room.
    pub(super) fn insert(&mut self, subscriber: Subscriber, room: &mut usize) -> bool {
        let (at, rest) = self.descend(inner(&subscriber.filter));
        let new = rest.into_iter().flat_map(|rest| rest.split(|&byte| byte == b'/'));
        let mut cost: usize = new.map(|level| NODE + level.len()).sum();
        if rest.is_some() || !self.nodes[at].has(&subscriber) {
            cost += cost_of(&subscriber.filter);
        }
        let Some(left) = room.checked_sub(cost) else { return false };
        *room = left;
        self.put(subscriber);
        true
    }

    fn put(&mut self, subscriber: Subscriber) {
        let filter = Name::clone(&subscriber.filter);
        let (mut at, mut rest) = self.descend(inner(&filter));
        while let Some(filter) = rest {
            let (level, behind) = split(filter);
            let next = self.free.pop().unwrap_or_else(|| {
                self.nodes.push(Node::default());
                (self.nodes.len() - 1) as u32
            });
            self.nodes[at].levels.insert(level, next);
            (at, rest) = (next as usize, behind);
        }
        let node = &mut self.nodes[at];
        self.held += usize::from(!node.has(&subscriber));
        let ends = node.ends.get_or_insert_default();
        if topic::shared(&filter).is_some() {
            if ends.groups.get(&*filter).is_none() {
                ends.groups.insert(Name::clone(&filter), Group::default());
            }
            if let Some(group) = ends.groups.get_mut(&*filter) {
                group.insert(subscriber.party.clone(), subscriber);
            }
        } else {
            ends.here.insert(subscriber.party.clone(), subscriber);
        }
    }

    /// Whether there are no subscriptions.
    pub(super) const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes a subscription out, which gives back `room`.
    pub(super) fn remove(&mut self, party: &Party, filter: &[u8], room: &mut usize) {
        let mut path = vec![0];
        for level in inner(filter).split(|&byte| byte == b'/') {
            let Some(next) = path.last().and_then(|at| self.nodes[*at].levels.get(level)) else { return };
            path.push(next);
        }
        let Some(node) = path.last().map(|at| &mut self.nodes[*at]) else { return };
        let Some(ends) = &mut node.ends else { return };
        let was_there = if topic::shared(filter).is_some() {
            let Some(group) = ends.groups.get_mut(filter) else { return };
            let was_there = group.remove(party).is_some();
            if group.is_empty() {
                ends.groups.remove(filter);
            }
            was_there
        } else {
            ends.here.remove(party).is_some()
        };
        if !was_there {
            return;
        }
        if ends.is_empty() {
            node.ends = None;
        }
        self.held -= 1;
        *room += cost_of(filter);
        for (pair, level) in path.windows(2).rev().zip(inner(filter).rsplit(|&byte| byte == b'/')) {
            let (above, at) = (pair[0], pair[1]);
            if self.nodes[at].ends.is_some() || !self.nodes[at].levels.is_empty() {
                break;
            }
            self.nodes[above].levels.remove(level);
            self.free.push(at as u32);
            *room += NODE + level.len();
        }
        if self.free.len() > FEW && self.free.len() > self.nodes.len() / 4 * 3 {
            self.close_up();
        }
    }

    /// Gives back the memory of free nodes, in a time that goes by how many nodes are left.
    fn close_up(&mut self) {
        let mut old = std::mem::take(&mut self.nodes);
        let mut nodes = Vec::with_capacity(old.len() - self.free.len());
        nodes.extend(old.first_mut().map(std::mem::take));
        let mut at = 0;
        while at < nodes.len() {
            let mut levels = std::mem::take(&mut nodes[at].levels);
            levels.renumber(|below| {
                nodes.extend(old.get_mut(below).map(std::mem::take));
                (nodes.len() - 1) as u32
            });
            nodes[at].levels = levels;
            at += 1;
        }
        (self.nodes, self.free) = (nodes, Vec::new());
    }

    /// All subscriptions that want a topic, as [`topic::matches`] has it; none where it would take too long to find them.
    pub(super) fn matching(&self, name: &[u8]) -> Option<Matching<'_>> {
        let levels: Vec<&[u8]> = name.split(|&byte| byte == b'/').collect();
        // A wildcard in the first level does not match a topic that begins with $ (MQTT-4.7.2-1).
        let hidden = name.starts_with(b"$");
        let mut found = Matching::default();
        let mut at = vec![(0usize, 0usize)];
        let mut walked = 0;
        while let Some((node, depth)) = at.pop() {
            let Some(node) = self.nodes.get(node) else { continue };
            walked += 1;
            if walked > WALK || found.work > FOUND {
                return None;
            }
            let wild = depth > 0 || !hidden;
            if wild && let Some(all) = node.levels.get(b"#") {
                self.nodes.get(all).into_iter().for_each(|node| found.add(node));
            }
            let Some(level) = levels.get(depth) else {
                found.add(node);
                continue;
            };
            let exact = node.levels.get(level).filter(|_| !matches!(*level, b"#" | b"+"));
            let any = node.levels.get(b"+").filter(|_| wild);
            at.extend(exact.into_iter().chain(any).map(|next| (next, depth + 1)));
        }
        found.work += walked;
        (found.work <= FOUND).then_some(found)
    }
}

impl Node {
    /// Whether the subscription, or one that it replaces, is there.
    fn has(&self, subscriber: &Subscriber) -> bool {
        let Some(ends) = &self.ends else { return false };
        if topic::shared(&subscriber.filter).is_some() {
            ends.groups.get(&*subscriber.filter).is_some_and(|group| group.get(&subscriber.party).is_some())
        } else {
            ends.here.get(&subscriber.party).is_some()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 30;

    fn subscriber(number: u64, filter: &str) -> Subscriber {
        Subscriber {
            party: Party::Flow(FrameNo(number)),
            filter: filter.as_bytes().into(),
            share: None,
            qos: 0,
            no_local: false,
        }
    }

    impl<'a> Matching<'a> {
        fn all(self) -> impl Iterator<Item = &'a Subscriber> {
            self.direct.into_iter().chain(self.groups.into_iter().flat_map(Group::values))
        }
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_each_filter_matches(
            filters in proptest::collection::vec("(\\$share/g/)?(\\$)?[ab+]?(/[ab+]?){0,3}(/#)?", 1..30),
            name in "\\$?[ab]?(/[ab]?){0,4}",
            removed in 0usize..30,
        ) {
            prop_assume!(!name.is_empty());
            let (mut tree, mut room) = (Tree::default(), LIMIT);
            let mut held: Vec<_> = filters.iter().enumerate().filter(|(_, filter)| !filter.is_empty()).collect();
            for (number, filter) in &held {
                prop_assert!(tree.insert(subscriber(*number as u64, filter), &mut room));
            }
            if let Some((number, filter)) = held.get(removed).copied() {
                tree.remove(&Party::Flow(FrameNo(number as u64)), filter.as_bytes(), &mut room);
                held.retain(|(other, _)| *other != number);
            }
            let mut expected: Vec<_> = held
                .iter()
                .filter(|(_, filter)| topic::matches(filter.as_bytes(), name.as_bytes()))
                .map(|(number, _)| Party::Flow(FrameNo(*number as u64)))
                .collect();
            let mut found: Vec<_> =
                tree.matching(name.as_bytes()).unwrap().all().map(|subscriber| subscriber.party.clone()).collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
            // What is taken back gives back its room.
            for (number, filter) in held {
                tree.remove(&Party::Flow(FrameNo(number as u64)), filter.as_bytes(), &mut room);
            }
            prop_assert_eq!((room, tree.held, tree.nodes.len()), (LIMIT, 0, tree.free.len() + 1));
        }
    }

    #[test]
    fn the_best_of_each_client_is_the_first_of_them_by_qos_and_name() {
        let all: Vec<_> = (0..10_000)
            .map(|number| Subscriber {
                qos: (number % 3) as u8,
                ..subscriber(number % 7, &format!("a/{:04}", (number * 7919) % 10_000))
            })
            .collect();
        let mut sorted: Vec<_> = all.iter().collect();
        sorted.sort_by(|a, b| (&a.party, b.qos.min(1), &a.filter).cmp(&(&b.party, a.qos.min(1), &b.filter)));
        sorted.dedup_by(|next, kept| next.party == kept.party);
        let mut best = best_of_each(all.iter().collect(), 1);
        best.sort_by(|a, b| a.party.cmp(&b.party));
        let names = |of: Vec<&Subscriber>| {
            of.into_iter().map(|one| (one.party.clone(), one.filter.clone())).collect::<Vec<_>>()
        };
        assert_eq!(names(best), names(sorted));
    }

    #[test]
    fn what_is_taken_back_is_gone_and_takes_no_memory() {
        let (mut tree, mut room) = (Tree::default(), LIMIT);
        for number in 0..10_000 {
            tree.insert(subscriber(number, &format!("a/{number}")), &mut room);
        }
        for number in 1..10_000 {
            tree.remove(&Party::Flow(FrameNo(number)), format!("a/{number}").as_bytes(), &mut room);
        }
        assert!(tree.nodes.len() < 100 && tree.nodes.capacity() < 500, "{} nodes", tree.nodes.len());
        assert_eq!(tree.matching(b"a/0").unwrap().all().count(), 1);
        assert!(tree.matching(b"a/1").unwrap().all().next().is_none());
    }

    #[test]
    fn a_tree_that_is_full_takes_what_it_knows_and_nothing_else() {
        let (mut tree, mut room) = (Tree::default(), 6000);
        let mut taken = 0;
        while tree.insert(subscriber(1, &format!("a/{taken}")), &mut room) {
            taken += 1;
        }
        assert!(taken > 3);
        let nodes = tree.nodes.len();
        assert!(!tree.insert(subscriber(1, "deep/er/and/deep/er"), &mut room));
        assert_eq!(tree.nodes.len(), nodes, "nothing of a filter that is left out");
        assert!(tree.insert(Subscriber { qos: 2, ..subscriber(1, "a/0") }, &mut room), "it is there");
        assert_eq!(tree.matching(b"a/0").map(|found| found.direct[0].qos), Some(2));
        tree.remove(&Party::Flow(FrameNo(1)), b"a/1", &mut room);
        assert!(tree.insert(subscriber(1, "a/x"), &mut room), "there is room again");
    }

    #[test]
    fn filters_that_all_match_are_not_looked_at_without_end() {
        let (mut tree, mut room) = (Tree::default(), LIMIT);
        for pattern in 0..4096u32 {
            let levels: Vec<_> = (0..12).map(|at| if pattern >> at & 1 == 0 { "a" } else { "+" }).collect();
            tree.insert(subscriber(1, &levels.join("/")), &mut room);
        }
        assert!(tree.matching(["a"; 12].join("/").as_bytes()).is_none());
        assert_eq!(tree.matching(b"a/b/c").map(|found| found.direct.len()), Some(0));
    }
}
