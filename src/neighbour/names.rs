//! What addresses are called, by the answers of DNS that were captured.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dns::Answer;
use crate::capture::FrameNo;

/// How many names an address has at most: a server of many has a new one with each client that asks, and what counts is
/// the last before a connection.
const NAMES: usize = 8;

/// How many addresses have names by default.
const ADDRESSES: usize = 100_000;

/// The names of addresses. What is learned through one handle is known to its copies; a default one has no place for names.
///
/// ```
/// use mqttsniff::capture::FrameNo;
/// use mqttsniff::neighbour::{Names, dns::Answer};
///
/// let names = Names::new();
/// let address = "192.0.2.7".parse().expect("an address");
/// names.learn(FrameNo(5), &[Answer { address, name: "broker.example".into(), is_reverse: false }]);
/// assert_eq!(names.of(address, FrameNo(9)).as_deref(), Some("broker.example"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Names(Option<Arc<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether there is any name: most captures have none, and whoever asks for one need not wait.
    any: AtomicBool,
    /// The names of how many addresses were forgotten.
    forgotten: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    of: HashMap<IpAddr, Named>,
    /// The addresses by when they were named last.
    order: BTreeMap<u64, IpAddr>,
    limit: usize,
    /// How often an address was named.
    count: u64,
    forgotten: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self { of: HashMap::new(), order: BTreeMap::new(), limit: ADDRESSES, count: 0, forgotten: 0 }
    }
}

/// The names of an address.
#[derive(Debug, Default)]
struct Named {
    /// By which it was asked for, each with the frame from which on it counts.
    names: Vec<(FrameNo, Arc<str>)>,
    /// What it is called by who was asked for its name.
    reverse: Option<(FrameNo, Arc<str>)>,
    /// Its place in the order.
    place: u64,
}

impl Names {
    /// A place for names, with none yet.
    pub fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether there is a place for names.
    pub const fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// At most so many addresses have names: those of the one that was named longest ago are forgotten.
    pub fn limit(&self, addresses: usize) {
        if let Some(mut table) = self.table() {
            table.limit = addresses.max(1);
        }
    }

    /// Takes in what an answer in this frame says; those of later frames come later.
    pub fn learn(&self, frame: FrameNo, answers: &[Answer]) {
        let Some(mut table) = self.table() else { return };
        for answer in answers {
            table.learn(frame, answer);
        }
        if let Some(shared) = &self.0 {
            shared.any.store(!table.of.is_empty(), Ordering::Relaxed);
            shared.forgotten.store(table.forgotten, Ordering::Relaxed);
        }
    }

    /// What an address is called in a connection that began with this frame: by the last name that was asked for until then.
    /// Where there is none, by the first since; and else by what its network calls it.
    #[inline]
    pub fn of(&self, address: IpAddr, since: FrameNo) -> Option<Arc<str>> {
        if !self.any() {
            return None;
        }
        self.find(address, since)
    }

    /// Whether there are names at all.
    #[inline]
    pub fn any(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.any.load(Ordering::Relaxed))
    }

    fn find(&self, address: IpAddr, since: FrameNo) -> Option<Arc<str>> {
        let table = self.table()?;
        let named = table.of.get(&address)?;
        let before = named.names.iter().rev().find(|(frame, _)| *frame <= since);
        let found = before.or_else(|| named.names.first()).or(named.reverse.as_ref());
        found.map(|(_, name)| Arc::clone(name))
    }

    /// How many addresses have names, and how many may have some.
    pub fn held(&self) -> (usize, usize) {
        self.table().map_or((0, 0), |table| (table.of.len(), table.limit))
    }

    /// The names of how many addresses were forgotten.
    pub fn forgotten(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.forgotten.load(Ordering::Relaxed))
    }

    fn table(&self) -> Option<MutexGuard<'_, Table>> {
        // A table that somebody left in the middle is short of a name at most.
        self.0.as_ref().map(|shared| shared.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    fn learn(&mut self, frame: FrameNo, answer: &Answer) {
        self.count += 1;
        let named = self.of.entry(answer.address).or_default();
        if named.place > 0 {
            self.order.remove(&named.place);
        }
        named.place = self.count;
        self.order.insert(self.count, answer.address);
        let is_known = |last: Option<&(FrameNo, Arc<str>)>| last.is_some_and(|(_, name)| **name == *answer.name);
        if answer.is_reverse {
            if !is_known(named.reverse.as_ref()) {
                named.reverse = Some((frame, Arc::from(&*answer.name)));
            }
        } else if !is_known(named.names.last()) {
            if named.names.len() >= NAMES {
                named.names.remove(0);
            }
            // The same name has one text.
            let same = named.names.iter().find(|(_, name)| **name == *answer.name).map(|(_, name)| Arc::clone(name));
            named.names.push((frame, same.unwrap_or_else(|| Arc::from(&*answer.name))));
        }
        while self.of.len() > self.limit
            && let Some((_, address)) = self.order.pop_first()
        {
            self.of.remove(&address);
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn learn(names: &Names, frame: u64, last: u8, name: &str) {
        names.learn(FrameNo(frame), &[Answer { address: address(last), name: name.into(), is_reverse: false }]);
    }

    fn of(names: &Names, last: u8, since: u64) -> Option<String> {
        names.of(address(last), FrameNo(since)).map(|name| name.to_string())
    }

    #[test]
    fn a_connection_has_the_name_that_was_asked_for_last_before_it() {
        let names = Names::new();
        assert_eq!(of(&names, 1, 1), None);
        for (frame, name) in [(10, "a"), (20, "b"), (25, "b"), (30, "a")] {
            learn(&names, frame, 1, name);
        }
        for (since, name) in [(5, "a"), (10, "a"), (19, "a"), (20, "b"), (29, "b"), (30, "a"), (99, "a")] {
            assert_eq!(of(&names, 1, since).as_deref(), Some(name), "{since}");
        }
        assert_eq!(of(&names, 2, 99), None);
        assert_eq!(names.clone().held(), (1, ADDRESSES));
    }

    #[test]
    fn what_is_asked_for_goes_before_what_a_network_says() {
        let names = Names::new();
        let reverse = Answer { address: address(1), name: "host-1.net".into(), is_reverse: true };
        names.learn(FrameNo(1), std::slice::from_ref(&reverse));
        assert_eq!(of(&names, 1, 5).as_deref(), Some("host-1.net"));
        learn(&names, 9, 1, "broker");
        assert_eq!(of(&names, 1, 5).as_deref(), Some("broker"));
        names.learn(FrameNo(10), &[reverse]);
        assert_eq!(of(&names, 1, 11).as_deref(), Some("broker"));
    }

    #[test]
    fn the_address_that_was_named_longest_ago_is_forgotten() {
        let names = Names::new();
        names.limit(2);
        for (frame, last) in [(1, 1), (2, 2), (3, 1), (4, 3)] {
            learn(&names, frame, last, "name");
        }
        assert_eq!([1, 2, 3].map(|last| of(&names, last, 9).is_some()), [true, false, true]);
        assert_eq!((names.held(), names.forgotten()), ((2, 2), 1));
    }

    #[test]
    fn an_address_with_ever_new_names_keeps_the_last_of_them() {
        let names = Names::new();
        for frame in 1..=1000 {
            learn(&names, frame, 1, &format!("n{frame}"));
        }
        assert_eq!(of(&names, 1, 1000).as_deref(), Some("n1000"));
        assert_eq!(of(&names, 1, 1).as_deref(), Some("n993"));
    }

    #[test]
    fn without_a_place_nothing_is_known() {
        let names = Names::default();
        learn(&names, 1, 1, "a");
        assert!(!names.are_wanted() && !names.any() && of(&names, 1, 1).is_none());
    }
}
