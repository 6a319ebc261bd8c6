//! MQTT-SN 1.2: the messages of sensor networks, one in each datagram.
//!
//! Reading a datagram never fails as a whole: it gives what is understood, and what deviates from the specification
//! ("MQTT For Sensor Networks, Protocol Specification, Version 1.2"), with the section that says so.

mod deviation;
mod kind;
mod packet;
mod read;

pub use deviation::{Deviation, DeviationKind, Severity};
pub use kind::{Kind, Sender};
pub use packet::{Body, Datagram, Encapsulation, Flags, Header, Packet, ReturnCode, TopicIdType, TopicRef};
pub use read::read;

/// The version that is read, as it is named in output.
pub const VERSION: &str = "1.2";

#[cfg(test)]
mod tests;
