//! What a rule is about: packets, messages or records, with the names of their fields and their values.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::LazyLock;

use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::field::{Field, FieldId, Filter, MessageRow, Names, Occurrence, Registry, Row, Value, value_text};
use crate::flow::Direction;
use crate::render::RecordKind;
use crate::time::Timestamp;

/// What a rule looks at, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Packets,
    Messages,
    Records(RecordKind),
}

impl Over {
    pub(super) const ALL: [Self; 7] = [
        Self::Packets,
        Self::Messages,
        Self::Records(RecordKind::Flow),
        Self::Records(RecordKind::Session),
        Self::Records(RecordKind::Delivery),
        Self::Records(RecordKind::Topic),
        Self::Records(RecordKind::Finding),
    ];

    /// Its name in a file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Packets => "packets",
            Self::Messages => "messages",
            Self::Records(RecordKind::Flow) => "flows",
            Self::Records(RecordKind::Session) => "sessions",
            Self::Records(RecordKind::Delivery) => "deliveries",
            Self::Records(RecordKind::Topic) => "topics",
            Self::Records(RecordKind::Finding) => "findings",
        }
    }

    /// One of them.
    pub(super) const fn one(self) -> &'static str {
        match self {
            Self::Packets => "packet",
            Self::Messages => "message",
            Self::Records(kind) => kind.name(),
        }
    }

    /// Whether they come in the order of time, each with a moment of its own.
    pub(super) const fn has_order(self) -> bool {
        matches!(self, Self::Packets | Self::Messages)
    }
}

/// The fields of a flow that its messages have too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FlowField {
    FrameNumber,
    Time,
    TimeRelative,
    Protocol,
    Stream,
    Source,
    Destination,
    Address,
    SourcePort,
    DestinationPort,
    Port,
}

const FLOW_FIELDS: [(&str, FlowField); 15] = [
    ("frame.number", FlowField::FrameNumber),
    ("frame.time", FlowField::Time),
    ("frame.time_relative", FlowField::TimeRelative),
    ("tcp", FlowField::Protocol),
    ("tcp.stream", FlowField::Stream),
    ("ip.src", FlowField::Source),
    ("ip.dst", FlowField::Destination),
    ("ip.addr", FlowField::Address),
    ("ipv6.src", FlowField::Source),
    ("ipv6.dst", FlowField::Destination),
    ("ipv6.addr", FlowField::Address),
    ("tcp.srcport", FlowField::SourcePort),
    ("tcp.dstport", FlowField::DestinationPort),
    ("tcp.port", FlowField::Port),
    ("frame", FlowField::Protocol),
];

/// Those fields by their identifiers, and whether they are of IPv6.
static BY_ID: LazyLock<Vec<(FieldId, FlowField, bool)>> = LazyLock::new(|| {
    let found = FLOW_FIELDS.iter().map(|(name, field)| Some((Registry::find(name)?.0, *field, name.contains('6'))));
    found.flatten().collect()
});

fn is_of_messages(name: &str) -> bool {
    name == "mqtt" || name.starts_with("mqtt.") || FLOW_FIELDS.iter().any(|(known, _)| *known == name)
}

impl Names for Over {
    fn field(&self, name: &str) -> Option<(FieldId, &Field)> {
        match self {
            Self::Packets => Registry::find(name),
            Self::Messages => Registry::find(name).filter(|_| is_of_messages(name)),
            Self::Records(kind) => kind.field(name),
        }
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        match self {
            Self::Packets => Registry.nearest(name),
            Self::Messages => {
                let names = Registry::fields().map(|(_, field)| field.name);
                crate::field::nearest(name, names.filter(|name| is_of_messages(name)))
            }
            Self::Records(kind) => kind.nearest(name),
        }
    }

    fn describe(&self, id: FieldId) -> &Field {
        match self {
            Self::Packets | Self::Messages => Registry.describe(id),
            Self::Records(kind) => kind.describe(id),
        }
    }

    fn values(&self, id: FieldId) -> &'static [(u64, &'static str)] {
        match self {
            Self::Packets | Self::Messages => Registry.values(id),
            Self::Records(_) => &[],
        }
    }

    fn other_values(&self, id: FieldId) -> &'static [(u64, &'static str)] {
        match self {
            Self::Packets | Self::Messages => Registry.other_values(id),
            Self::Records(_) => &[],
        }
    }
}

/// What of a session and of a delivery stands in one packet, so that it is right even if others were not captured.
const DIRECT: [&str; 32] = [
    "session.flow",
    "session.version",
    "session.client_id",
    "session.client_id_assigned",
    "session.clean_start",
    "session.bridge",
    "session.username",
    "session.will_topic",
    "session.will.topic",
    "session.will.qos",
    "session.will.retain",
    "session.will.payload_length",
    "session.will.delay_s",
    "session.keep_alive_s",
    "session.session_expiry_s",
    "session.connected.frame",
    "session.connack.frame",
    "session.connack.reason_code",
    "session.connack.reason",
    "session.connack.session_present",
    "delivery.flow",
    "delivery.frame",
    "delivery.from",
    "delivery.client_id",
    "delivery.broker.address",
    "delivery.broker.port",
    "delivery.topic",
    "delivery.qos",
    "delivery.retain",
    "delivery.version",
    "delivery.packet_id",
    "delivery.payload_length",
];

impl Over {
    /// Whether what a filter says of a subject may rest on what was not captured.
    pub(super) fn is_doubtful(self, filter: &Filter, subject: &Subject<'_>) -> bool {
        (subject.partial || subject.joined)
            && filter.fields().any(|id| {
                let name = self.describe(id).name;
                let direct = match self {
                    Self::Packets => true,
                    Self::Messages => !name.starts_with("mqtt.msg") || name == "mqtt.msgtype" || name == "mqtt.msgid",
                    Self::Records(_) => DIRECT.contains(&name),
                };
                let mut there = false;
                subject.row.occurrences(id, &mut |_| there = true);
                (subject.partial && !direct) || !there
            })
    }
}

/// Something that a rule looks at.
pub(super) struct Subject<'a> {
    pub(super) row: &'a dyn Row,
    pub(super) frames: &'a [FrameNo],
    pub(super) at: Origin,
    pub(super) flow: Option<FlowRef>,
    /// The capture lacks a part of it.
    pub(super) partial: bool,
    /// The capture has not its beginning, where it may have been said what it lacks.
    pub(super) joined: bool,
    /// How it was read is a guess, though a good one.
    pub(super) inferred: bool,
}

/// A message with its fields and those of its flow.
#[derive(Debug)]
pub(super) struct MessageSubject<'a> {
    pub(super) row: MessageRow<'a>,
    pub(super) flow: FlowRef,
    pub(super) direction: Direction,
    pub(super) at: Origin,
    /// The time of the first message or frame.
    pub(super) first: Timestamp,
}

impl Row for MessageSubject<'_> {
    fn occurrences<'a>(&'a self, id: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        let Some((_, field, v6)) = BY_ID.iter().find(|(known, ..)| *known == id) else {
            return self.row.occurrences(id, take);
        };
        let (source, destination) = match self.direction {
            Direction::ToServer => (self.flow.client, self.flow.server),
            Direction::ToClient => (self.flow.server, self.flow.client),
        };
        let mut one = |value| take(Occurrence { value, layer: 1 });
        let address = |address: IpAddr| match address {
            IpAddr::V4(address) => (!v6).then_some(Value::Ipv4(address)),
            IpAddr::V6(address) => v6.then_some(Value::Ipv6(address)),
        };
        match field {
            FlowField::FrameNumber => one(Value::Unsigned(self.at.frame.0)),
            FlowField::Time => one(Value::Time(self.at.time)),
            FlowField::TimeRelative => one(Value::Duration(self.at.time.since(self.first))),
            FlowField::Protocol => one(Value::Label),
            FlowField::Stream => one(Value::Unsigned(self.flow.stream.into())),
            FlowField::Source => address(source.ip()).into_iter().for_each(one),
            FlowField::Destination => address(destination.ip()).into_iter().for_each(one),
            FlowField::Address => {
                [source, destination].iter().filter_map(|end| address(end.ip())).for_each(one);
            }
            FlowField::SourcePort => one(Value::Unsigned(source.port().into())),
            FlowField::DestinationPort => one(Value::Unsigned(destination.port().into())),
            FlowField::Port => {
                one(Value::Unsigned(source.port().into()));
                one(Value::Unsigned(destination.port().into()));
            }
        }
    }
}

/// Fields whose values things are put together by.
#[derive(Debug, Clone, Default)]
pub(super) struct Key(pub(super) Vec<(FieldId, Field)>);

/// The longest text of a value in a key; what is longer is cut, so that hostile texts cost little.
const LONGEST: usize = 512;

impl Key {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(_, field)| field.name == name)
    }

    /// The values of a row, which are also its name for people: `tcp.stream 0, mqtt.msgid 7`. Of a field that is not
    /// there it says so.
    pub(super) fn of(&self, row: &dyn Row) -> String {
        let mut out = String::new();
        for (id, field) in &self.0 {
            if !out.is_empty() {
                out.push_str(", ");
            }
            let mut text = None;
            row.occurrences(*id, &mut |found| {
                text.get_or_insert_with(|| value_text(field, &found.value));
            });
            let mut text = text.unwrap_or_else(|| "(none)".to_owned());
            let mut cut = LONGEST.min(text.len());
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            text.truncate(cut);
            // Writing to a String can't fail.
            let _ = write!(out, "{} {text}", field.name);
        }
        out
    }
}
