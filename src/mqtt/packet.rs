//! A control packet of any type, and the way from its bytes to its fields.
//!
//! Decoding never fails: it gives what was understood, and the deviations. Rules that need more than
//! this one packet are judged elsewhere.

use super::reader::Reader;
use super::{
    Ack, Auth, ConnAck, Connect, Deviation, DeviationKind, Disconnect, FixedHeader, PacketType, Publish, SubAck,
    Subscribe, UnsubAck, Unsubscribe, Version,
};

/// A decoded control packet, borrowed from the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPacket<'a> {
    /// Its fixed header.
    pub header: FixedHeader,
    /// The version it was read as. A CONNECT is read as the version that it names, if it names one.
    pub version: Version,
    /// Its fields.
    pub body: Body<'a>,
    /// The bytes behind the fixed header, as far as they are available.
    pub raw: &'a [u8],
    /// Bytes of the body that were not available (a hole in the stream, a cut frame).
    pub missing: u32,
    /// What is not as it should be, as far as this packet alone shows; at most 64.
    pub deviations: Vec<Deviation>,
}

/// The fields of a packet, by type.
///
/// What was not reached, because the packet is broken or was cut, is `None` or empty, and a number
/// without `Option` is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// CONNECT.
    Connect(Connect<'a>),
    /// CONNACK.
    ConnAck(ConnAck<'a>),
    /// PUBLISH.
    Publish(Publish<'a>),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack(Ack<'a>),
    /// SUBSCRIBE.
    Subscribe(Subscribe<'a>),
    /// SUBACK.
    SubAck(SubAck<'a>),
    /// UNSUBSCRIBE.
    Unsubscribe(Unsubscribe<'a>),
    /// UNSUBACK.
    UnsubAck(UnsubAck<'a>),
    /// PINGREQ or PINGRESP.
    Ping,
    /// DISCONNECT.
    Disconnect(Disconnect<'a>),
    /// AUTH.
    Auth(Auth<'a>),
    /// A type that the version does not have, with its bytes.
    Reserved(&'a [u8]),
}

/// Decodes a packet, of which `body` is what is available behind the fixed header: all of it, or a
/// prefix. Bytes behind the packet's end are not looked at.
///
/// Does not allocate unless the packet deviates.
#[inline]
pub fn decode(header: FixedHeader, body: &[u8], version: Version) -> ControlPacket<'_> {
    let missing = header.remaining_length.saturating_sub(u32::try_from(body.len()).unwrap_or(u32::MAX));
    let raw = body.get(..header.remaining_length as usize).unwrap_or(body);
    let mut reader = Reader::new(header, raw, version);
    // In this order all of it is made where the caller wants it.
    ControlPacket {
        header,
        raw,
        missing,
        body: read(&mut reader),
        version: reader.version,
        deviations: reader.finish(),
    }
}

/// Reads the packet that stands before the reader.
#[inline]
pub(super) fn read<'a>(reader: &mut Reader<'a>) -> Body<'a> {
    check_header(reader);
    match reader.header.packet_type {
        PacketType::Publish => Body::Publish(Publish::read(reader)),
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
            Body::Ack(Ack::read(reader))
        }
        PacketType::Connect => Body::Connect(Connect::read(reader)),
        PacketType::ConnAck => Body::ConnAck(ConnAck::read(reader)),
        PacketType::Subscribe => Body::Subscribe(Subscribe::read(reader)),
        PacketType::SubAck => Body::SubAck(SubAck::read(reader)),
        PacketType::Unsubscribe => Body::Unsubscribe(Unsubscribe::read(reader)),
        PacketType::UnsubAck => Body::UnsubAck(UnsubAck::read(reader)),
        PacketType::PingReq | PacketType::PingResp => Body::Ping,
        PacketType::Disconnect => Body::Disconnect(Disconnect::read(reader)),
        PacketType::Auth if reader.version == Version::V5 => Body::Auth(Auth::read(reader)),
        PacketType::Auth | PacketType::Reserved => {
            let bytes = reader.ahead();
            reader.stop(DeviationKind::PacketTypeReserved(reader.header.packet_type));
            Body::Reserved(bytes)
        }
    }
}

#[inline]
fn check_header(reader: &mut Reader<'_>) {
    let header = reader.header;
    if !header.is_minimal() {
        reader.note(1, DeviationKind::RemainingLengthNotMinimal);
    }
    if header.packet_type == PacketType::Publish {
        match header.qos() {
            0 if header.dup() => reader.note(0, DeviationKind::DupWithQos0),
            3 => reader.note(0, DeviationKind::PublishQos3),
            _ => {}
        }
    } else if !header.flags_fit(reader.version) && header.packet_type.exists_in(reader.version) {
        reader.note(0, DeviationKind::FixedFlags(header.packet_type));
    }
}
