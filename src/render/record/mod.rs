//! The records of the JSON Lines: their names, types and units are a contract, which `schema.json` states.
//!
//! Within a schema version fields are only added. Absent is not null: what is not known is left out.

mod delivery;
mod fields;
mod flow;
mod idle;
mod message;
mod neighbour;
mod packet;
mod quic;
mod session;
mod sn_message;
mod sn_session;
mod sparkplug;
mod stream;
mod summary;
mod tls;
mod traffic;
mod value;
mod websocket;

pub(super) use delivery::{DeliveryRecord, TopicRecord};
pub(super) use flow::FlowRecord;
pub(super) use message::MessageRecord;
pub(super) use neighbour::NeighbourRecord;
pub(super) use packet::PacketRecord;
pub(super) use session::SessionRecord;
pub(super) use sn_message::SnMessageRecord;
pub(super) use sn_session::SnSessionRecord;
pub(super) use stream::StreamRecord;
pub(super) use summary::{BeginRecord, FindingCounts, FindingRecord, ProblemRecord, SummaryRecord};
pub(super) use value::{Text, Time};

/// The version of the records, in the `begin` record.
pub const SCHEMA_VERSION: u32 = 1;
