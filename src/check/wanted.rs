//! Which events a rule is to be asked about, so that what comes often costs nothing where nobody wants it.

use crate::engine::Event;
use crate::mqtt::PacketType;

/// A set of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted(u32);

impl Wanted {
    /// None.
    pub const NONE: Self = Self(0);
    /// Messages of every type; each type has a bit of its own.
    pub const MESSAGES: Self = Self(0xffff);
    /// Messages of every type that deviate from the specification.
    pub const DEVIATIONS: Self = Self(1 << 16);
    /// Notices.
    pub const NOTICES: Self = Self(1 << 17);
    /// Flows that have ended.
    pub const FLOWS: Self = Self(1 << 18);
    /// First FINs and RSTs.
    pub const CLOSINGS: Self = Self(1 << 19);
    /// What only comes where it was asked for: packets, streams, previews.
    pub const REST: Self = Self(1 << 20);
    /// Messages of MQTT-SN.
    pub const SN_MESSAGES: Self = Self(1 << 21);
    /// All.
    pub const ALL: Self = Self(u32::MAX);

    /// Messages of this type.
    pub const fn message(packet_type: PacketType) -> Self {
        Self(1 << packet_type as u32)
    }

    /// These and those.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether something is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The sets that an event is in.
    pub fn of(event: &Event<'_>) -> Self {
        match event {
            Event::Message(_, message) => {
                let all = Self::message(message.packet.header.packet_type);
                if message.packet.deviations.is_empty() { all } else { all.and(Self::DEVIATIONS) }
            }
            Event::Notice(_) => Self::NOTICES,
            Event::Flow(..) => Self::FLOWS,
            Event::Closing(..) => Self::CLOSINGS,
            Event::SnMessage(..) => Self::SN_MESSAGES,
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..) => Self::REST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_type_is_a_message_and_no_two_are_one() {
        for packet_type in PacketType::ALL {
            let one = Wanted::message(packet_type);
            assert!(one.meets(Wanted::MESSAGES) && !one.meets(Wanted::DEVIATIONS.and(Wanted::NOTICES)));
            assert_eq!(PacketType::ALL.into_iter().filter(|other| Wanted::message(*other).meets(one)).count(), 1);
        }
    }
}
