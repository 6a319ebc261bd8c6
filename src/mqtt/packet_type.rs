//! The sixteen types of control packet: names, senders, fixed flags. What is inside a packet is left
//! to the files of its family.

use std::fmt;

use super::Version;

/// The type of a control packet: the upper four bits of its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // the specification's own names
pub enum PacketType {
    Reserved = 0,
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

/// The side of a connection that sends a packet, or may send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The side that sends CONNECT.
    Client,
    /// The side that answers with CONNACK.
    Server,
    /// Both sides may; or, of a type that nobody may send, neither is more to blame.
    Either,
}

impl PacketType {
    /// All types, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::Reserved,
        Self::Connect,
        Self::ConnAck,
        Self::Publish,
        Self::PubAck,
        Self::PubRec,
        Self::PubRel,
        Self::PubComp,
        Self::Subscribe,
        Self::SubAck,
        Self::Unsubscribe,
        Self::UnsubAck,
        Self::PingReq,
        Self::PingResp,
        Self::Disconnect,
        Self::Auth,
    ];

    /// From the number of the type; only the low four bits count.
    pub const fn from_bits(bits: u8) -> Self {
        Self::ALL[(bits & 0x0f) as usize]
    }

    /// The specification's name, in capitals; `RESERVED` for type 0.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "RESERVED",
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        }
    }

    /// Who may send it. Types that do not exist in `version` give [`Sender::Either`].
    pub const fn sender(self, version: Version) -> Sender {
        match self {
            Self::Connect | Self::Subscribe | Self::Unsubscribe | Self::PingReq => Sender::Client,
            Self::ConnAck | Self::SubAck | Self::UnsubAck | Self::PingResp => Sender::Server,
            Self::Disconnect => match version {
                Version::V31 | Version::V311 => Sender::Client,
                Version::V5 => Sender::Either,
            },
            Self::Reserved
            | Self::Publish
            | Self::PubAck
            | Self::PubRec
            | Self::PubRel
            | Self::PubComp
            | Self::Auth => Sender::Either,
        }
    }

    /// Whether `version` has this type at all.
    pub const fn exists_in(self, version: Version) -> bool {
        match self {
            Self::Reserved => false,
            Self::Auth => matches!(version, Version::V5),
            _ => true,
        }
    }

    /// The only legal low four bits of the first byte; `None` for PUBLISH, whose bits have a meaning.
    pub const fn fixed_flags(self) -> Option<u8> {
        match self {
            Self::Publish => None,
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => Some(0b0010),
            _ => Some(0),
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_gives_the_type_with_that_number() {
        for bits in 0..=u8::MAX {
            assert_eq!(PacketType::from_bits(bits) as u8, bits & 0x0f);
        }
    }

    #[test]
    fn a_server_may_say_disconnect_only_in_5_0() {
        assert_eq!(PacketType::Disconnect.sender(Version::V311), Sender::Client);
        assert_eq!(PacketType::Disconnect.sender(Version::V5), Sender::Either);
    }
}
