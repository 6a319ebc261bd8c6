//! What a message of a neighbour says.

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Block, Neighbour};
use crate::flow::Role;
use crate::time::{Span, Timestamp};

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// It is there.
    Present,
    /// True or false.
    Boolean(bool),
    /// An unsigned integer.
    Unsigned(u64),
    /// A signed integer.
    Signed(i64),
    /// A floating point number.
    Float(f64),
    /// Text: bytes that ought to be UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A hardware address.
    Ethernet([u8; 6]),
    /// A point in time.
    Time(Timestamp),
    /// A duration.
    Duration(Span),
}

/// What a message is to others of its exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It asks.
    Asks,
    /// It answers.
    Answers,
}

/// What a message and its answer have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Whether it asks or answers.
    pub part: Part,
    /// What both have, among the messages of the protocol between the same ends: an identifier, a token.
    pub key: u128,
    /// What tells this message from others of the exchange, where something does: one with the same is sent again.
    pub message: Option<u16>,
    /// What an answer is told of the question: what it asked for.
    pub about: Option<Box<[u8]>>,
}

/// A message as it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Its protocol.
    pub protocol: Neighbour,
    /// What it says, in a line; it may hold text of the wire.
    pub info: String,
    /// Its fields in their order, by the names of the registry, which are Wireshark's.
    pub values: Vec<(&'static str, Value)>,
    /// Which end sends such a message, where only one does.
    pub sender: Option<Role>,
    /// What it asks or answers, where the protocol tells which answer is whose.
    pub exchange: Option<Exchange>,
    /// The block of a body that it brings.
    pub block: Option<Box<Block>>,
}

impl Reading {
    /// One that says nothing yet but that it is there.
    pub fn new(protocol: Neighbour) -> Self {
        Self {
            protocol,
            info: String::new(),
            values: vec![(protocol.name(), Value::Present)],
            sender: None,
            exchange: None,
            block: None,
        }
    }

    /// Adds a field.
    pub fn put(&mut self, name: &'static str, value: Value) {
        self.values.push((name, value));
    }

    /// Adds a number.
    pub fn number(&mut self, name: &'static str, number: impl Into<u64>) {
        self.put(name, Value::Unsigned(number.into()));
    }

    /// Adds a truth.
    pub fn flag(&mut self, name: &'static str, flag: bool) {
        self.put(name, Value::Boolean(flag));
    }

    /// Adds a text.
    pub fn text(&mut self, name: &'static str, text: &[u8]) {
        self.put(name, Value::Text(text.to_vec()));
    }

    /// Adds to the line.
    pub fn say(&mut self, words: fmt::Arguments<'_>) {
        // A String takes whatever is written to it.
        let _ = self.info.write_fmt(words);
    }

    /// Adds bytes.
    pub fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        self.put(name, Value::Bytes(bytes.to_vec()));
    }

    /// Whether it has as many values as one message may have; what is beyond is not told.
    pub fn is_full(&self) -> bool {
        self.values.len() >= Self::MOST_VALUES
    }

    /// The values of a message, about: one that is longer than others has no more than these.
    pub const MOST_VALUES: usize = 400;

    /// The same without anything that a person or a device may want to keep to itself: which protocol it is, no more.
    #[must_use]
    pub fn redacted(self) -> Self {
        Self { info: String::new(), ..Self::new(self.protocol) }
    }
}
