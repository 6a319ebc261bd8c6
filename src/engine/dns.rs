//! What the engine knows of DNS: which names it gives to addresses, and which question a response answers.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use super::event::{Event, Sink};
use super::options::EngineOptions;
use crate::capture::{FrameNo, Origin};
use crate::neighbour::{Neighbour, Reading, Value, dns};

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
