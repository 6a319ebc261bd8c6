//! What passed on a connection, and what its ends allow each other.

use crate::mqtt::{PacketType, Properties, PropertyId, PropertyValue};

/// Messages by type in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub(super) by_type: [u64; 16],
    /// PUBLISH by QoS 0, 1, 2, and the forbidden 3.
    pub publish_by_qos: [u64; 4],
    /// Bytes of all messages on the wire.
    pub bytes: u64,
}

impl Counts {
    /// How many of a type.
    pub const fn of(&self, packet_type: PacketType) -> u64 {
        self.by_type[packet_type as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.by_type.iter().sum()
    }
}

/// What the receiver of a direction allows (MQTT 5.0, sections 3.1.2.11 and 3.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Messages of QoS 1 and 2 that may be open; absent before the receiver was heard.
    pub receive_maximum: Option<u16>,
    /// The highest topic alias; absent before the receiver was heard.
    pub topic_alias_maximum: Option<u16>,
    /// Bytes of a packet; absent where there is no limit.
    pub maximum_packet_size: Option<u32>,
}

impl Limits {
    pub(super) fn of(properties: Properties<'_>) -> Self {
        let number = |id| properties.get(id).and_then(PropertyValue::number);
        let short = |id| number(id).and_then(|value| u16::try_from(value).ok());
        Self {
            receive_maximum: Some(short(PropertyId::ReceiveMaximum).unwrap_or(u16::MAX)),
            topic_alias_maximum: Some(short(PropertyId::TopicAliasMaximum).unwrap_or(0)),
            maximum_packet_size: number(PropertyId::MaximumPacketSize),
        }
    }
}
