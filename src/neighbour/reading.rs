//! What a message of a neighbour says.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Neighbour;
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

/// A message as it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Its protocol.
    pub protocol: Neighbour,
    /// What it says, in a line; it may hold text of the wire.
    pub info: String,
    /// Its fields in their order, by the names of the registry, which are Wireshark's.
    pub values: Vec<(&'static str, Value)>,
}

impl Reading {
    /// One that says nothing yet but that it is there.
    pub fn new(protocol: Neighbour) -> Self {
        Self { protocol, info: String::new(), values: vec![(protocol.name(), Value::Present)] }
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

    /// The same without anything that a person or a device may want to keep to itself: which protocol it is, no more.
    #[must_use]
    pub fn redacted(self) -> Self {
        Self { info: String::new(), ..Self::new(self.protocol) }
    }
}
