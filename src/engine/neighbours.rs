//! The datagrams of protocols around MQTT: which conversation is whose, and what one of them says.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use super::event::{Event, Sink};
use super::options::EngineOptions;
use crate::capture::{FrameNo, Origin};
use crate::dissect::{Conversation, Protocol};
use crate::flow::{Datagrams, Direction};
use crate::neighbour::{self, Datagram, Neighbour, Reading, Value, dns};

/// A conversation whose first datagrams tell nothing is of no protocol that is known by one of them.
const FIRST: u64 = 4;

/// Names a conversation by one of its first datagrams.
#[inline]
pub(super) fn name(datagrams: &mut Datagrams<Conversation>, datagram: &Datagram<'_>) {
    let count = || Direction::BOTH.iter().map(|direction| datagrams.sent(*direction).0).sum::<u64>();
    if datagrams.app.is_none()
        && count() <= FIRST
        && let Some(reading) = neighbour::read_datagram(datagram)
    {
        datagrams.app = Some(Box::new(Conversation::named(Protocol::Neighbour(reading.protocol))));
    }
}

/// What a message says, as far as it may be shown.
pub(super) fn shown(reading: Reading, options: &EngineOptions) -> Reading {
    if options.dissect.redactor.is_some() { reading.redacted() } else { reading }
}

/// Tells the names that a message of DNS gives addresses: one that comes from this port and is so long.
#[inline]
pub(super) fn names(
    port: u16,
    message: &[u8],
    length: usize,
    options: &EngineOptions,
    origin: Origin,
    sink: &mut impl Sink,
) {
    if !dns::is_port(port) || !options.names.are_wanted() {
        return;
    }
    let mut answers = Vec::new();
    dns::answers(message, length, &mut |answer| {
        if answers.len() < ANSWERS {
            answers.push(answer);
        }
    });
    if !answers.is_empty() {
        sink.event(&Event::Names(origin, &answers));
    }
}

/// The most names of one message: a datagram of usual length has no room for more.
const ANSWERS: usize = 256;

/// The most questions that are remembered. Most are answered within a few frames, and some never are.
const QUESTIONS: usize = 4096;

/// Questions of DNS that were not answered yet: by their flow and their number.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: BTreeMap<(FrameNo, u16), Origin>,
    /// Those in their order; of some that were answered as well.
    order: VecDeque<(FrameNo, u16)>,
}

impl Questions {
    /// Remembers a question, or says of a response which it answers and how long that took.
    pub(super) fn pair(&mut self, flow: FrameNo, message: &[u8], origin: Origin, reading: &mut Reading) {
        // In mDNS the number says nothing (RFC 6762, section 18.1), and in LLMNR the answer comes in a flow of its own.
        let Some((id, is_response)) = dns::id(message).filter(|_| reading.protocol == Neighbour::Dns) else { return };
        let key = (flow, id);
        if is_response {
            if let Some(asked) = self.asked.remove(&key) {
                reading.number("dns.response_to", asked.frame.0);
                reading.put("dns.time", Value::Duration(origin.time.since(asked.time)));
            }
            return;
        }
        // The first of those that were sent again counts.
        if let Entry::Vacant(place) = self.asked.entry(key) {
            place.insert(origin);
            self.order.push_back(key);
        }
        if self.order.len() > QUESTIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }
}
