//! What one message of a neighbour is to others: questions that wait for an answer, transfers of files, and who has which
//! address. All of it is bounded: of more than there is room for, the oldest is forgotten, and what would rest on it is not
//! told.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::capture::Origin;
use crate::flow::Role;
use crate::neighbour::{self, Answered, Body, Datagram, Exchange, Neighbour, Part, Reading, Transfer, Value};
use crate::wire::Arp;

/// As many as one may ask at once and still wait for an answer: a ping to each address of twelve bits.
const QUESTIONS: usize = 4096;

/// Transfers at a time: a server that boots a hall of devices has fewer.
const TRANSFERS: usize = 1024;

/// Bodies in blocks at a time: as many as transfers.
const BODIES: usize = 1024;

/// The addresses of a network of twelve bits.
const ADDRESSES: usize = 4096;

/// A table that forgets what came first when it is full.
#[derive(Debug)]
struct Recent<K, V> {
    values: HashMap<K, V>,
    /// The keys of the table, each once, in the order in which they came.
    order: VecDeque<K>,
    most: usize,
}

impl<K: Eq + Hash + Clone, V> Recent<K, V> {
    fn new(most: usize) -> Self {
        Self { values: HashMap::new(), order: VecDeque::new(), most }
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        if self.values.is_empty() { None } else { self.values.get_mut(key) }
    }

    fn put(&mut self, key: K, value: V) {
        if self.values.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}

/// A question: of which protocol, from whom to whom, and what its answer has in common with it.
type Question = (Neighbour, SocketAddr, SocketAddr, u128);

#[derive(Debug)]
struct Asked {
    at: Origin,
    about: Option<Box<[u8]>>,
    message: Option<u16>,
    is_answered: bool,
    /// What tells the first answer from others, where something does.
    answer: Option<u16>,
}

/// What is remembered of earlier messages.
#[derive(Debug)]
pub(super) struct Exchanges {
    questions: Recent<Question, Asked>,
    /// By the address and port of the client, and the address of the server.
    transfers: Recent<(SocketAddr, IpAddr), Transfer>,
    addresses: Recent<Ipv4Addr, ([u8; 6], Origin)>,
    /// By who sends it to whom, and what it is (RFC 7959, section 2.4): each block has a request of its own.
    bodies: Recent<(SocketAddr, SocketAddr, Box<[u8]>), Body>,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            questions: Recent::new(QUESTIONS),
            transfers: Recent::new(TRANSFERS),
            addresses: Recent::new(ADDRESSES),
            bodies: Recent::new(BODIES),
        }
    }
}

impl Exchanges {
    /// Takes in a message from one end to another: a question is remembered, and an answer is told what it answers.
    pub(super) fn on_message(&mut self, reading: &mut Reading, ends: (SocketAddr, SocketAddr), at: Origin) {
        let Some(exchange) = reading.exchange.take() else { return };
        let (source, destination) = ends;
        match exchange.part {
            Part::Asks => {
                let question = (reading.protocol, source, destination, exchange.key);
                if let Some(asked) = self.questions.get(&question)
                    && exchange.message.is_some()
                    && asked.message == exchange.message
                {
                    neighbour::repeated(reading, asked.at.frame.0);
                    return;
                }
                let Exchange { message, about, .. } = exchange;
                self.on_block(reading, about.as_deref(), ends, at);
                self.questions.put(question, Asked { at, about, message, is_answered: false, answer: None });
            }
            Part::Answers => {
                let question = (reading.protocol, destination, source, exchange.key);
                let Some(asked) = self.questions.get(&question) else { return self.on_block(reading, None, ends, at) };
                let about = asked.about.clone();
                // The same answer once more brings nothing new.
                let again = asked.is_answered && asked.answer.is_some() && asked.answer == exchange.message;
                let answered = Answered {
                    frame: asked.at.frame.0,
                    after: at.time.since(asked.at.time),
                    about: asked.about.as_deref(),
                    is_first: !asked.is_answered || (asked.answer.is_some() && asked.answer == exchange.message),
                };
                if !asked.is_answered {
                    (asked.is_answered, asked.answer) = (true, exchange.message);
                }
                neighbour::answered(reading, &answered);
                if !again {
                    self.on_block(reading, about.as_deref(), ends, at);
                }
            }
        }
    }

    /// Takes in the block of a body that a message brings.
    fn on_block(&mut self, reading: &mut Reading, about: Option<&[u8]>, ends: (SocketAddr, SocketAddr), at: Origin) {
        let Some(block) = reading.block.take() else { return };
        let key = (ends.0, ends.1, Box::from(about.unwrap_or_default()));
        if self.bodies.get(&key).is_none() {
            self.bodies.put(key.clone(), Body::default());
        }
        if let Some(body) = self.bodies.get(&key) {
            body.take(&block, at.frame.0, reading);
        }
    }

    /// Notes a transfer that a datagram asks for: what belongs to it comes between other ports (RFC 1350, section 4).
    pub(super) fn on_request(&mut self, datagram: &Datagram<'_>, ends: (SocketAddr, SocketAddr), at: Origin) {
        if let Some(transfer) = Transfer::asked(datagram, at.frame.0) {
            self.transfers.put((ends.0, ends.1.ip()), transfer);
        }
    }

    /// Which end of the transfer that it is of sends a datagram between these ends, if it is of one.
    pub(super) fn sender(&mut self, (source, destination): (SocketAddr, SocketAddr)) -> Option<Role> {
        if self.transfers.get(&(destination, source.ip())).is_some() {
            return Some(Role::Server);
        }
        self.transfers.get(&(source, destination.ip())).map(|_| Role::Client)
    }

    /// The transfer that a datagram between these ends may be of.
    pub(super) fn transfer(&mut self, (source, destination): (SocketAddr, SocketAddr)) -> Option<&mut Transfer> {
        let to_client = (destination, source.ip());
        let from_client = (source, destination.ip());
        let key = if self.transfers.get(&to_client).is_some() { to_client } else { from_client };
        self.transfers.get(&key)
    }

    /// Notes who has which address, and adds to the message whether somebody else had it before (RFC 5227, section 2.4).
    pub(super) fn on_arp(&mut self, message: &Arp, reading: &mut Reading, at: Origin) {
        // What a request says of its target is nothing (RFC 826), and who tells all others says nothing of one of them.
        let target = (message.operation != 1 && message.target != message.sender)
            .then_some((message.target, message.target_mac));
        for (address, mac) in [Some((message.sender, message.sender_mac)), target].into_iter().flatten() {
            // Groups and nobody have no address of their own.
            if address.is_unspecified() || mac == [0; 6] || mac[0] & 1 == 1 {
                continue;
            }
            match self.addresses.get(&address) {
                Some((known, last)) if *known == mac => *last = at,
                Some((_, last)) => {
                    let seconds =
                        (at.time.as_nanos().div_euclid(NANOS) - last.time.as_nanos().div_euclid(NANOS)).max(0);
                    reading.put("arp.duplicate-address-detected", Value::Present);
                    reading.number("arp.duplicate-address-frame", last.frame.0);
                    reading.number("arp.seconds-since-duplicate-address-frame", seconds as u64);
                    reading.say(format_args!(" (duplicate use of {address} detected!)"));
                }
                None => self.addresses.put(address, (mac, at)),
            }
        }
    }
}

const NANOS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_first_is_forgotten_first() {
        let mut recent = Recent::new(2);
        recent.put(1, 'a');
        recent.put(2, 'b');
        // It is there already: nothing has to go.
        recent.put(1, 'c');
        assert_eq!(recent.get(&1), Some(&mut 'c'));
        recent.put(3, 'd');
        assert_eq!([1, 2, 3].map(|key| recent.get(&key).copied()), [None, Some('b'), Some('d')]);
        for key in 0..1000 {
            recent.put(key, 'x');
        }
        assert_eq!((recent.values.len(), recent.order.len()), (2, 2));
    }
}
