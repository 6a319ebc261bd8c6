//! The registry: each field once, with its name, its type and how it is read.
//!
//! A protocol has a file. What stands at a fixed place of a header is told by that place; the rest names a function of
//! [`extract`](super::extract). Names, types and labels are those of Wireshark 4.0; the last part of the files has what
//! Wireshark does not have.

mod amqp;
mod arp;
mod coap;
mod dhcp;
mod dns;
mod eth;
mod frame;
mod framed;
mod ftp;
mod http;
mod icmp;
mod icmpv6;
mod ip;
mod ipv6;
mod mqtt;
mod mqtt_more;
mod mqttsn;
mod nearest;
mod ntp;
mod quic;
mod smtp;
mod tcp;
mod tcp_analysis;
mod tcp_options;
mod telnet;
mod tftp;
mod tls;
mod udp;
mod values;
mod vlan;
mod websocket;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use nearest::nearest;

use super::extract::{FrameRow, Header as Place, Take};
use super::value::{Field, FieldId, Names};
use crate::flow::WiresharkFlags;
use crate::wire::Layer;

/// A field, and how it is read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) field: Field,
    pub(super) read: Read,
}

/// How a field is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    /// The presence of a layer.
    Layer(Layer),
    /// Bits at a fixed place in each header of a layer.
    Bits(Layer, Bits),
    /// Two such places, in this order: both ends.
    Ends(Layer, Bits, Bits),
    /// What a function finds in each header of a layer.
    Header(Layer, for<'a> fn(&Place<'a>, Take<'_, 'a>)),
    /// What a function finds in each header of any layer.
    Any(for<'a> fn(&Place<'a>, Take<'_, 'a>)),
    /// What is told of the frame as a whole.
    Frame(for<'a> fn(&'a FrameRow<'a>, Take<'_, 'a>)),
    /// A mark of Wireshark's analysis.
    Flag(WiresharkFlags),
    /// What was kept of the messages.
    Message,
    /// What the messages of a protocol around MQTT say.
    Reading,
}

/// Some bits of some bytes of a header: a number in the order of the network, or an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits {
    /// The first byte.
    pub(super) at: u8,
    /// How many bytes.
    pub(super) bytes: u8,
    /// Which of their bits count, if they are a number.
    pub(super) mask: u32,
}

const fn bits(layer: Layer, at: u8, bytes: u8) -> Read {
    part(layer, at, bytes, u32::MAX)
}

const fn part(layer: Layer, at: u8, bytes: u8, mask: u32) -> Read {
    Read::Bits(layer, Bits { at, bytes, mask })
}

const fn ends(layer: Layer, one: u8, other: u8, bytes: u8) -> Read {
    end_parts(layer, one, other, bytes, u32::MAX)
}

const fn end_parts(layer: Layer, one: u8, other: u8, bytes: u8, mask: u32) -> Read {
    Read::Ends(layer, Bits { at: one, bytes, mask }, Bits { at: other, bytes, mask })
}

const fn layer(layer: Layer) -> Read {
    Read::Layer(layer)
}

/// The types by short names, for the tables.
mod kinds {
    use crate::field::value::Kind;

    pub(super) const PROTOCOL: Kind = Kind::Protocol;
    pub(super) const LABEL: Kind = Kind::Label;
    pub(super) const BOOL: Kind = Kind::Boolean;
    pub(super) const FLOAT: Kind = Kind::Float;
    pub(super) const U8: Kind = Kind::Unsigned(8);
    pub(super) const U16: Kind = Kind::Unsigned(16);
    pub(super) const U24: Kind = Kind::Unsigned(24);
    pub(super) const U32: Kind = Kind::Unsigned(32);
    pub(super) const U64: Kind = Kind::Unsigned(64);
    pub(super) const I16: Kind = Kind::Signed(16);
    pub(super) const I32: Kind = Kind::Signed(32);
    pub(super) const TEXT: Kind = Kind::Text;
    pub(super) const BYTES: Kind = Kind::Bytes;
    pub(super) const IPV4: Kind = Kind::Ipv4;
    pub(super) const IPV6: Kind = Kind::Ipv6;
    pub(super) const ETHER: Kind = Kind::Ethernet;
    pub(super) const TIME: Kind = Kind::Time;
    pub(super) const SPAN: Kind = Kind::Duration;
    pub(super) const FRAME: Kind = Kind::FrameNumber;
}

/// A table of fields: `/// description`, then name, type, base, label and how it is read.
macro_rules! fields {
    ($($(#[doc = $doc:literal])? $name:literal = $kind:ident $base:ident $label:literal => $read:expr;)*) => {
        pub(super) static FIELDS: &[super::Entry] = &[$(super::Entry {
            field: crate::field::value::Field {
                name: $name,
                kind: super::kinds::$kind,
                base: crate::field::value::Base::$base,
                label: $label,
                description: concat!($($doc)?).trim_ascii_start(),
            },
            read: $read,
        },)*];
    };
}
use fields;

/// The files, from the outside in. A field's identifier is its place in all of them together.
static TABLES: [&[Entry]; 29] = [
    frame::FIELDS,
    eth::FIELDS,
    vlan::FIELDS,
    arp::FIELDS,
    ip::FIELDS,
    ipv6::FIELDS,
    icmp::FIELDS,
    icmpv6::FIELDS,
    udp::FIELDS,
    tcp::FIELDS,
    tcp_options::FIELDS,
    tcp_analysis::FIELDS,
    tls::FIELDS,
    websocket::FIELDS,
    quic::FIELDS,
    mqtt::FIELDS,
    mqtt_more::FIELDS,
    mqttsn::FIELDS,
    ntp::FIELDS,
    dns::FIELDS,
    dhcp::FIELDS,
    tftp::FIELDS,
    coap::FIELDS,
    http::FIELDS,
    ftp::FIELDS,
    smtp::FIELDS,
    telnet::FIELDS,
    amqp::FIELDS,
    framed::FIELDS,
];

struct Index {
    entries: Vec<&'static Entry>,
    /// The identifiers in the order of the names.
    by_name: Vec<u16>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let entries: Vec<&'static Entry> = TABLES.iter().flat_map(|table| table.iter()).collect();
    let mut by_name: Vec<u16> = (0..entries.len() as u16).collect();
    by_name.sort_unstable_by_key(|id| entries.get(usize::from(*id)).map(|entry| entry.field.name));
    Index { entries, by_name }
});

/// What stands behind an identifier; the first field behind one that is none.
pub(super) fn entry(id: FieldId) -> &'static Entry {
    INDEX.entries.get(usize::from(id.0)).copied().unwrap_or(&frame::FIELDS[0])
}

/// All fields that this program knows.
///
/// ```
/// use mqttsniff::field::{Kind, Names, Registry};
///
/// let (_, field) = Registry.field("tcp.dstport").expect("a field");
/// assert_eq!(field.kind, Kind::Unsigned(16));
/// assert_eq!(Registry.nearest("tcp.dst_port")[0], "tcp.dstport");
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Registry;

impl Registry {
    /// All fields, in the order of their protocols.
    pub fn fields() -> impl Iterator<Item = (FieldId, &'static Field)> {
        INDEX.entries.iter().enumerate().map(|(id, entry)| (FieldId(id as u16), &entry.field))
    }

    /// The field with exactly this name.
    pub fn find(name: &str) -> Option<(FieldId, &'static Field)> {
        let name_of = |id: u16| INDEX.entries.get(usize::from(id)).map_or("", |entry| entry.field.name);
        let found = INDEX.by_name.binary_search_by(|id| name_of(*id).cmp(name)).ok()?;
        let id = FieldId(*INDEX.by_name.get(found)?);
        Some((id, &entry(id).field))
    }
}

impl Names for Registry {
    fn field(&self, name: &str) -> Option<(FieldId, &Field)> {
        Self::find(name)
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        nearest(name, INDEX.entries.iter().map(|entry| entry.field.name))
    }

    fn describe(&self, id: FieldId) -> &Field {
        &entry(id).field
    }

    fn values(&self, id: FieldId) -> &'static [(u64, &'static str)] {
        values::names(entry(id).field.name)
    }

    fn other_values(&self, id: FieldId) -> &'static [(u64, &'static str)] {
        values::own_names(entry(id).field.name)
    }
}
