//! Subscriptions of all clients of a broker, found by topic.

use std::collections::{BTreeMap, HashMap};

use super::delivery::Name;
use super::route::Party;
use crate::mqtt::topic;

/// The most nodes of a tree: filters of thousands of levels are for attacks.
const NODES: usize = 1 << 20;

/// Subscriptions taken back before the tree is built anew, so that it does not keep what is gone.
const GARBAGE: usize = 4096;

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

#[derive(Debug, Default)]
struct Node {
    levels: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
    /// By client and filter.
    here: BTreeMap<(Party, Name), Subscriber>,
    /// The shared ones by filter, which names the group.
    groups: BTreeMap<Name, Group>,
}

/// The members of a group, by client. One of them gets each message.
pub(super) type Group = BTreeMap<Party, Subscriber>;

/// The subscriptions that want a topic.
#[derive(Debug, Default)]
pub(super) struct Matching<'a> {
    pub(super) direct: Vec<&'a Subscriber>,
    pub(super) groups: Vec<&'a Group>,
}

impl<'a> Matching<'a> {
    fn add(&mut self, node: &'a Node) {
        self.direct.extend(node.here.values());
        self.groups.extend(node.groups.values());
    }
}

/// From so many subscriptions on it is worth while to leave one of each client before they are sorted.
pub(super) const MANY: usize = 64;

/// Of each client the subscription with the highest QoS up to that of the message, in no order: a client may have ten thousand that all match.
pub(super) fn best_of_each(matching: Vec<&Subscriber>, sent: u8) -> Vec<&Subscriber> {
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

/// Filters by their levels; `+` and `#` are levels like others.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    held: usize,
    garbage: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], held: 0, garbage: 0 }
    }
}

impl Tree {
    /// Adds a subscription, or replaces the one of the same client and filter. Does nothing where there is no room.
    pub(super) fn insert(&mut self, subscriber: Subscriber) {
        let filter = Name::clone(&subscriber.filter);
        let inner = topic::shared(&filter).map_or(&*filter, |(_, inner)| inner);
        let mut node = 0;
        for level in inner.split(|&byte| byte == b'/') {
            let next = self.nodes.len() as u32;
            if next as usize >= NODES {
                return;
            }
            node = if let Some(known) = self.nodes[node].levels.get(level) {
                *known as usize
            } else {
                self.nodes[node].levels.insert(level.into(), next);
                self.nodes.push(Node::default());
                next as usize
            };
        }
        let node = &mut self.nodes[node];
        let party = subscriber.party.clone();
        let old = if topic::shared(&filter).is_some() {
            node.groups.entry(filter).or_default().insert(party, subscriber)
        } else {
            node.here.insert((party, filter), subscriber)
        };
        self.held += usize::from(old.is_none());
    }

    /// Whether there are no subscriptions.
    pub(super) const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Takes a subscription out.
    pub(super) fn remove(&mut self, party: &Party, filter: &[u8]) {
        let inner = topic::shared(filter).map_or(filter, |(_, inner)| inner);
        let mut node = 0;
        for level in inner.split(|&byte| byte == b'/') {
            let Some(next) = self.nodes[node].levels.get(level) else { return };
            node = *next as usize;
        }
        let node = &mut self.nodes[node];
        let removed = if topic::shared(filter).is_some() {
            let Some(group) = node.groups.get_mut(filter) else { return };
            let removed = group.remove(party);
            if group.is_empty() {
                node.groups.remove(filter);
            }
            removed
        } else {
            node.here.remove(&(party.clone(), filter.into()))
        };
        if removed.is_none() {
            return;
        }
        self.held -= 1;
        self.garbage += 1;
        if self.garbage > GARBAGE {
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        let old = std::mem::take(self);
        for node in old.nodes {
            let groups = node.groups.into_values().flat_map(Group::into_values);
            node.here.into_values().chain(groups).for_each(|subscriber| self.insert(subscriber));
        }
    }

    /// All subscriptions that want a topic, as [`topic::matches`] has it.
    pub(super) fn matching(&self, name: &[u8]) -> Matching<'_> {
        let levels: Vec<&[u8]> = name.split(|&byte| byte == b'/').collect();
        // A wildcard in the first level does not match a topic that begins with $ (MQTT-4.7.2-1).
        let hidden = name.starts_with(b"$");
        let mut found = Matching::default();
        let mut at = vec![(0usize, 0usize)];
        while let Some((node, depth)) = at.pop() {
            let Some(node) = self.nodes.get(node) else { continue };
            let wild = depth > 0 || !hidden;
            if wild && let Some(all) = node.levels.get(&b"#"[..]) {
                self.nodes.get(*all as usize).into_iter().for_each(|node| found.add(node));
            }
            let Some(level) = levels.get(depth) else {
                found.add(node);
                continue;
            };
            let exact = node.levels.get(*level).filter(|_| !matches!(*level, b"#" | b"+"));
            let any = node.levels.get(&b"+"[..]).filter(|_| wild);
            at.extend(exact.into_iter().chain(any).map(|next| (*next as usize, depth + 1)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use proptest::prelude::*;

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
            let mut tree = Tree::default();
            let mut held: Vec<_> = filters.iter().enumerate().filter(|(_, filter)| !filter.is_empty()).collect();
            for (number, filter) in &held {
                tree.insert(subscriber(*number as u64, filter));
            }
            if let Some((number, filter)) = held.get(removed).copied() {
                tree.remove(&Party::Flow(FrameNo(number as u64)), filter.as_bytes());
                held.retain(|(other, _)| *other != number);
            }
            let mut expected: Vec<_> = held
                .iter()
                .filter(|(_, filter)| topic::matches(filter.as_bytes(), name.as_bytes()))
                .map(|(number, _)| Party::Flow(FrameNo(*number as u64)))
                .collect();
            let mut found: Vec<_> =
                tree.matching(name.as_bytes()).all().map(|subscriber| subscriber.party.clone()).collect();
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
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
    fn what_is_taken_back_is_gone_also_after_building_anew() {
        let mut tree = Tree::default();
        for number in 0..10_000 {
            tree.insert(subscriber(number, &format!("a/{number}")));
        }
        for number in 1..10_000 {
            tree.remove(&Party::Flow(FrameNo(number)), format!("a/{number}").as_bytes());
        }
        assert!(tree.nodes.len() < 5000);
        assert_eq!(tree.matching(b"a/0").all().count(), 1);
        assert!(tree.matching(b"a/1").all().next().is_none());
    }
}
