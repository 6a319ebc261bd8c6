//! What passed on a connection, and what its ends allow each other.

use crate::mqtt::{PacketType, Properties, PropertyId, PropertyValue};

/// Where the counts of PUBLISH by QoS stand, behind those by type.
const BY_QOS: usize = 16;

/// Counters of a direction: sixteen types, four values of QoS.
const COUNTERS: usize = BY_QOS + 4;

/// Messages by type in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The lowest eight bits of each counter: most connections in a capture of very many need no more.
    low: [u8; COUNTERS],
    /// Bytes of all messages on the wire.
    pub bytes: u64,
    /// What has overflowed, in units of 256.
    high: Option<Box<[u64; COUNTERS]>>,
}

impl Counts {
    /// Counts a message, with its QoS where it is a PUBLISH that was read.
    pub(super) fn add(&mut self, packet_type: PacketType, qos: Option<u8>, bytes: u64) {
        self.bytes += bytes;
        self.count(packet_type as usize);
        if let Some(qos) = qos {
            self.count(BY_QOS + usize::from(qos & 3));
        }
    }

    #[inline]
    fn count(&mut self, counter: usize) {
        self.low[counter] = self.low[counter].wrapping_add(1);
        if self.low[counter] == 0 {
            self.high.get_or_insert_default()[counter] += 1;
        }
    }

    fn get(&self, counter: usize) -> u64 {
        u64::from(self.low[counter]) + self.high.as_ref().map_or(0, |high| high[counter] << 8)
    }

    /// How many of a type.
    pub fn of(&self, packet_type: PacketType) -> u64 {
        self.get(packet_type as usize)
    }

    /// PUBLISH of QoS 0, 1, 2, or the forbidden 3.
    pub fn publish_of(&self, qos: u8) -> u64 {
        self.get(BY_QOS + usize::from(qos & 3))
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        (0..BY_QOS).map(|counter| self.get(counter)).sum()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        // A packet has two bytes at least.
        self.bytes == 0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_go_on_beyond_a_byte() {
        let mut counts = Counts::default();
        assert!(counts.is_empty());
        for number in 1..=70_000u64 {
            counts.add(PacketType::Publish, Some(2), 3);
            assert_eq!((counts.of(PacketType::Publish), counts.publish_of(2)), (number, number));
        }
        counts.add(PacketType::PingReq, None, 2);
        assert_eq!((counts.total(), counts.bytes, counts.publish_of(1)), (70_001, 210_002, 0));
        assert!(!counts.is_empty());
    }
}
