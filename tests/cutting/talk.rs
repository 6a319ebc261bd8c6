//! Conversations: valid packets of both ends, in the order in which they would be sent.
//!
//! Nothing in them looks like a packet that it is not: texts are lower case, numbers are small. So a search that
//! finds something where nothing is has no excuse.

use mqttsniff::mqtt::Version;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::common::craft::{packet, text};

pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

/// A packet as it was sent.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) from: usize,
    pub(crate) bytes: Vec<u8>,
    /// The topic of a PUBLISH, its alias resolved.
    pub(crate) topic: Option<Vec<u8>>,
    /// It says so itself, that it is of its version and of no other.
    pub(crate) telling: bool,
}

/// In one line, for the reader of a failed test.
impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = if self.from == CLIENT { "client" } else { "server" };
        write!(f, "{end} {} B {:x?}", self.bytes.len(), &self.bytes[..self.bytes.len().min(24)])
    }
}

/// A whole conversation, which a CONNECT and its answer begin.
#[derive(Debug, Clone)]
pub(crate) struct Talk {
    pub(crate) version: Version,
    pub(crate) said: Vec<Said>,
}

impl Talk {
    /// What an end sent, in one piece.
    pub(crate) fn stream(&self, from: usize) -> Vec<u8> {
        self.said.iter().filter(|said| said.from == from).flat_map(|said| said.bytes.clone()).collect()
    }
}

fn word() -> BoxedStrategy<Vec<u8>> {
    "[a-z]{3,12}".prop_map(String::into_bytes).boxed()
}

fn topic() -> BoxedStrategy<Vec<u8>> {
    "[a-z]{2,6}(/[a-z]{1,6})?".prop_map(String::into_bytes).boxed()
}

fn payload() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![6 => "[a-z]{1,40}", 2 => "[a-z]{200,500}", 1 => "[a-z]{2000,4000}"].prop_map(String::into_bytes).boxed()
}

fn id() -> BoxedStrategy<[u8; 2]> {
    (1_u8..9).prop_map(|low| [0, low]).boxed()
}

/// A property block of 5.0, nothing before.
fn block(version: Version, properties: &[Vec<u8>]) -> Vec<u8> {
    if version < Version::V5 {
        return Vec::new();
    }
    let bytes = properties.concat();
    [vec![bytes.len() as u8], bytes].concat()
}

/// None or one of these: a reason string or a user property.
fn note() -> BoxedStrategy<Vec<Vec<u8>>> {
    let user = (word(), word()).prop_map(|(k, v)| vec![[vec![0x26], text(&k), text(&v)].concat()]);
    prop_oneof![2 => Just(Vec::new()), 1 => user].boxed()
}

fn publish(version: Version, from: usize) -> BoxedStrategy<Said> {
    let alias = if version == Version::V5 {
        proptest::option::weighted(0.3, (1_u8..4, any::<bool>())).boxed()
    } else {
        Just(None).boxed()
    };
    (0_u8..3, topic(), id(), note(), payload(), alias)
        .prop_map(move |(qos, topic, id, mut properties, payload, alias)| {
            let mut on_wire = topic.clone();
            if let Some((alias, known)) = alias {
                properties.push(vec![0x23, 0, alias]);
                // Whether it was set before is seen to when the conversation is put together.
                if known {
                    on_wire.clear();
                }
            }
            let id = if qos > 0 { &id[..] } else { &[] };
            let bytes = packet(0x30 | qos << 1, &[&text(&on_wire), id, &block(version, &properties), &payload]);
            Said { from, bytes, topic: Some(topic), telling: version < Version::V5 || on_wire.is_empty() }
        })
        .boxed()
}

fn acknowledgement(version: Version, from: usize) -> BoxedStrategy<Said> {
    let tail = if version == Version::V5 {
        prop_oneof![Just(vec![]), Just(vec![0]), note().prop_map(|note| [vec![0], block(Version::V5, &note)].concat())]
            .boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    (select(vec![0x40_u8, 0x50, 0x62, 0x70]), id(), tail)
        .prop_map(move |(first, id, tail)| {
            let telling = !tail.is_empty();
            Said { from, bytes: packet(first, &[&id, &tail]), topic: None, telling }
        })
        .boxed()
}

fn other(from: usize, telling: bool, bytes: Vec<u8>) -> Said {
    Said { from, bytes, topic: None, telling }
}

fn from_client(version: Version) -> BoxedStrategy<Said> {
    let subscribe = (id(), note(), vec((topic(), 0_u8..3), 1..4)).prop_map(move |(id, note, filters)| {
        // A filter that ends with b, j or p before the QoS 2 would look like PUBREL or PUBCOMP.
        let filters =
            filters.iter().flat_map(|(filter, qos)| [text(&[filter, &b"/c"[..]].concat()), vec![*qos]].concat());
        let filters: Vec<u8> = filters.collect();
        other(CLIENT, true, packet(0x82, &[&id, &block(version, &note), &filters]))
    });
    let unsubscribe = (id(), note(), vec(topic(), 1..3)).prop_map(move |(id, note, filters)| {
        let filters: Vec<u8> = filters.iter().flat_map(|filter| text(filter)).collect();
        other(CLIENT, true, packet(0xa2, &[&id, &block(version, &note), &filters]))
    });
    let ping = Just(other(CLIENT, false, vec![0xc0, 0]));
    prop_oneof![5 => publish(version, CLIENT), 3 => acknowledgement(version, CLIENT), 1 => subscribe, 1 => unsubscribe, 1 => ping].boxed()
}

fn from_server(version: Version) -> BoxedStrategy<Said> {
    let suback = (id(), note(), vec(select(vec![0_u8, 1, 2, 0x80]), 1..4)).prop_map(move |(id, note, codes)| {
        // A first code 0 may be an empty property length as well, and an empty property length a code.
        let telling = if version == Version::V5 { !note.is_empty() } else { codes.len() == 1 || codes[0] != 0 };
        other(SERVER, telling, packet(0x90, &[&id, &block(version, &note), &codes]))
    });
    let unsuback = (id(), note()).prop_map(move |(id, note)| {
        let codes: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        other(SERVER, true, packet(0xb0, &[&id, &block(version, &note), codes]))
    });
    let ping = Just(other(SERVER, false, vec![0xd0, 0]));
    prop_oneof![5 => publish(version, SERVER), 3 => acknowledgement(version, SERVER), 1 => suback, 1 => unsuback, 1 => ping].boxed()
}

fn connect(version: Version) -> BoxedStrategy<Said> {
    (word(), note(), proptest::option::of((topic(), word())), proptest::option::of(word()))
        .prop_map(move |(client_id, note, will, username)| {
            let (name, level): (&[u8], u8) = match version {
                Version::V31 => (b"MQIsdp", 3),
                Version::V311 => (b"MQTT", 4),
                Version::V5 => (b"MQTT", 5),
            };
            let flags = 2 | u8::from(will.is_some()) << 2 | u8::from(username.is_some()) << 7;
            let mut fields = vec![text(name), vec![level, flags, 0, 60], block(version, &note), text(&client_id)];
            if let Some((topic, payload)) = &will {
                fields.extend([block(version, &[]), text(topic), text(payload)]);
            }
            fields.extend(username.iter().map(|name| text(name)));
            other(CLIENT, true, packet(0x10, &fields.iter().map(Vec::as_slice).collect::<Vec<_>>()))
        })
        .boxed()
}

/// Before 5.0 only the client takes its leave, and without a word.
fn disconnect(version: Version) -> BoxedStrategy<Said> {
    if version < Version::V5 {
        return Just(other(CLIENT, false, vec![0xe0, 0])).boxed();
    }
    let of = |from| prop_oneof![Just(other(from, false, vec![0xe0, 0])), Just(other(from, true, vec![0xe0, 1, 0]))];
    prop_oneof![of(CLIENT), of(SERVER)].boxed()
}

fn of(version: Version) -> BoxedStrategy<Talk> {
    let connack = note().prop_map(move |note| other(SERVER, true, packet(0x20, &[&[0, 0], &block(version, &note)])));
    let rest = vec(prop_oneof![from_client(version), from_server(version)], 1..12);
    (connect(version), connack, rest, proptest::option::of(disconnect(version)))
        .prop_map(move |(connect, connack, rest, disconnect)| {
            let mut said = vec![connect, connack];
            let mut aliases: [[Option<Vec<u8>>; 4]; 2] = Default::default();
            for mut packet in rest {
                if let Some((alias, stands_alone)) = alias_of(&packet, version) {
                    let known = &mut aliases[packet.from][usize::from(alias)];
                    if !stands_alone {
                        known.clone_from(&packet.topic);
                    } else if known.is_some() {
                        packet.topic.clone_from(known);
                    } else {
                        continue;
                    }
                }
                said.push(packet);
            }
            said.extend(disconnect);
            Talk { version, said }
        })
        .boxed()
}

/// The alias of a PUBLISH, and whether its topic is left out.
fn alias_of(said: &Said, version: Version) -> Option<(u8, bool)> {
    use mqttsniff::mqtt::{Body, PropertyId, PropertyValue, decode};
    said.topic.as_ref()?;
    let (header, body) = crate::run::split(&said.bytes);
    let Body::Publish(publish) = decode(header, body, version).body else { return None };
    let alias = publish.properties.get(PropertyId::TopicAlias).and_then(PropertyValue::number)?;
    Some((alias as u8, publish.topic == Some(b"")))
}

/// Any conversation of any version.
pub(crate) fn talk() -> impl Strategy<Value = Talk> {
    select(Version::ALL.to_vec()).prop_flat_map(of)
}
