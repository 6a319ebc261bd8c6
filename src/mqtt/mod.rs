//! MQTT 3.1, 3.1.1 and 5.0 control packets, from the bytes of a stream to their fields.
//!
//! Everything here is about one packet, or about where packets begin and end. What the two ends know
//! of each other (sessions, aliases, open exchanges) is not looked at here.
//!
//! A stream goes through a [`Framer`], one for each direction, which hands out a [`Framed`] packet at
//! a time; [`decode`] turns it into a [`ControlPacket`]. Where no CONNECT was seen, [`VersionEvidence`]
//! tells which version the packets speak.

mod ack;
mod auth;
mod connack;
mod connect;
mod deviation;
mod deviation_name;
mod disconnect;
mod evidence;
mod fields;
mod fixed_header;
mod framer;
mod infer;
mod packet;
mod packet_type;
mod primitive;
mod property;
mod publish;
mod reader;
mod reason;
mod redact;
mod resync;
mod rule;
mod subscribe;
pub mod topic;
mod unsubscribe;
mod utf8;
mod version;

#[cfg(test)]
mod deviation_tests;
#[cfg(test)]
mod evidence_tests;
#[cfg(test)]
mod framer_tests;
#[cfg(test)]
mod malformed_tests;
#[cfg(test)]
mod packet_tests;
#[cfg(test)]
mod test_encoder;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will};
pub use deviation::{Deviation, DeviationKind, Field};
pub use disconnect::Disconnect;
pub use evidence::{Confidence, VersionEvidence};
pub use fields::{FieldNode, FieldValue, Fields};
pub use fixed_header::{FixedHeader, HeaderRead};
pub use framer::{FrameSink, Framed, Framer, FramerLimits, Incomplete, LostSync, LostSyncReason, Pending, Piece};
pub use infer::{Certainty, begins_with_packet, looks_like_connect, looks_like_mqtt, mqtt_score, plausible};
pub use packet::{Body, ControlPacket, decode};
pub use packet_type::{PacketType, Sender};
pub use property::{Properties, Property, PropertyHolder, PropertyId, PropertyIter, PropertyKind, PropertyValue};
pub use publish::Publish;
pub use reason::{reason_allowed, reason_name, sender_of_code};
pub use redact::Redactor;
pub use rule::Severity;
pub use subscribe::{FilterIter, Filters, SubAck, Subscribe, Subscription};
pub use unsubscribe::{TopicFilterIter, TopicFilters, UnsubAck, Unsubscribe};
pub use version::Version;
