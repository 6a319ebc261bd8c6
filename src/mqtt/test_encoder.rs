//! A small encoder of valid packets, and strategies that draw them. For tests only: it checks nothing.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{PacketType, PropertyHolder, PropertyId, PropertyKind, Version, reason_allowed};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(u32),
    Bytes(Vec<u8>),
    Pair(String, String),
}

pub(super) type Props = Vec<(PropertyId, Value)>;

/// The fields of a valid packet.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sample {
    Connect {
        clean: bool,
        keep_alive: u16,
        props: Props,
        client_id: String,
        will: Option<(u8, bool, Props, String, Vec<u8>)>,
        username: Option<String>,
        password: Option<Vec<u8>>,
    },
    ConnAck {
        present: bool,
        code: u8,
        props: Props,
    },
    Publish {
        dup: bool,
        qos: u8,
        retain: bool,
        topic: String,
        id: u16,
        props: Props,
        payload: Vec<u8>,
    },
    Ack {
        packet_type: PacketType,
        id: u16,
        code: Option<u8>,
        props: Option<Props>,
    },
    Subscribe {
        id: u16,
        props: Props,
        filters: Vec<(String, u8)>,
    },
    SubAck {
        id: u16,
        props: Props,
        codes: Vec<u8>,
    },
    Unsubscribe {
        id: u16,
        props: Props,
        filters: Vec<String>,
    },
    UnsubAck {
        id: u16,
        props: Props,
        codes: Vec<u8>,
    },
    Ping(PacketType),
    Disconnect {
        code: Option<u8>,
        props: Option<Props>,
    },
    Auth {
        code: u8,
        props: Props,
    },
}

/// A packet from its first byte and body, with the shortest remaining length.
pub(super) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    variable(&mut out, body.len() as u32);
    out.extend_from_slice(body);
    out
}

fn variable(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

fn properties(out: &mut Vec<u8>, props: &Props, version: Version) {
    if version < Version::V5 {
        return;
    }
    let mut block = Vec::new();
    for (id, value) in props {
        variable(&mut block, id.code());
        match (id.kind(), value) {
            (PropertyKind::Byte, Value::Number(number)) => block.push(*number as u8),
            (PropertyKind::TwoByteInteger, Value::Number(number)) => block.extend((*number as u16).to_be_bytes()),
            (PropertyKind::FourByteInteger, Value::Number(number)) => block.extend(number.to_be_bytes()),
            (PropertyKind::VariableInteger, Value::Number(number)) => variable(&mut block, *number),
            (_, Value::Bytes(bytes)) => binary(&mut block, bytes),
            (_, Value::Pair(name, value)) => {
                binary(&mut block, name.as_bytes());
                binary(&mut block, value.as_bytes());
            }
            (kind, value) => panic!("{kind:?} {value:?}"),
        }
    }
    variable(out, block.len() as u32);
    out.extend(block);
}

impl Sample {
    pub(super) fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect { .. } => PacketType::Connect,
            Self::ConnAck { .. } => PacketType::ConnAck,
            Self::Publish { .. } => PacketType::Publish,
            Self::Ack { packet_type, .. } | Self::Ping(packet_type) => *packet_type,
            Self::Subscribe { .. } => PacketType::Subscribe,
            Self::SubAck { .. } => PacketType::SubAck,
            Self::Unsubscribe { .. } => PacketType::Unsubscribe,
            Self::UnsubAck { .. } => PacketType::UnsubAck,
            Self::Disconnect { .. } => PacketType::Disconnect,
            Self::Auth { .. } => PacketType::Auth,
        }
    }

    pub(super) fn encode(&self, version: Version) -> Vec<u8> {
        let mut body = Vec::new();
        let mut flags = self.packet_type().fixed_flags().unwrap_or(0);
        match self {
            Self::Connect { clean, keep_alive, props, client_id, will, username, password } => {
                let (name, level): (&[u8], u8) = match version {
                    Version::V31 => (b"MQIsdp", 3),
                    Version::V311 => (b"MQTT", 4),
                    Version::V5 => (b"MQTT", 5),
                };
                binary(&mut body, name);
                body.push(level);
                let will_bits = will.as_ref().map_or(0, |will| 4 | will.0 << 3 | u8::from(will.1) << 5);
                let user = u8::from(username.is_some()) << 7 | u8::from(password.is_some()) << 6;
                body.push(u8::from(*clean) << 1 | will_bits | user);
                body.extend(keep_alive.to_be_bytes());
                properties(&mut body, props, version);
                binary(&mut body, client_id.as_bytes());
                if let Some((_, _, props, topic, payload)) = will {
                    properties(&mut body, props, version);
                    binary(&mut body, topic.as_bytes());
                    binary(&mut body, payload);
                }
                if let Some(username) = username {
                    binary(&mut body, username.as_bytes());
                }
                if let Some(password) = password {
                    binary(&mut body, password);
                }
            }
            Self::ConnAck { present, code, props } => {
                body.extend([u8::from(*present), *code]);
                properties(&mut body, props, version);
            }
            Self::Publish { dup, qos, retain, topic, id, props, payload } => {
                flags = u8::from(*dup) << 3 | qos << 1 | u8::from(*retain);
                binary(&mut body, topic.as_bytes());
                if *qos > 0 {
                    body.extend(id.to_be_bytes());
                }
                properties(&mut body, props, version);
                body.extend(payload);
            }
            Self::Ack { id, code, props, .. } => {
                body.extend(id.to_be_bytes());
                optional(&mut body, *code, props.as_ref(), version);
            }
            Self::Subscribe { id, props, filters } => {
                body.extend(id.to_be_bytes());
                properties(&mut body, props, version);
                for (filter, options) in filters {
                    binary(&mut body, filter.as_bytes());
                    body.push(*options);
                }
            }
            Self::Unsubscribe { id, props, filters } => {
                body.extend(id.to_be_bytes());
                properties(&mut body, props, version);
                for filter in filters {
                    binary(&mut body, filter.as_bytes());
                }
            }
            Self::SubAck { id, props, codes } | Self::UnsubAck { id, props, codes } => {
                body.extend(id.to_be_bytes());
                properties(&mut body, props, version);
                body.extend(codes);
            }
            Self::Ping(_) => {}
            Self::Disconnect { code, props } => optional(&mut body, *code, props.as_ref(), version),
            Self::Auth { code, props } => {
                body.push(*code);
                properties(&mut body, props, version);
            }
        }
        packet((self.packet_type() as u8) << 4 | flags, &body)
    }
}

fn optional(body: &mut Vec<u8>, code: Option<u8>, props: Option<&Props>, version: Version) {
    if let Some(code) = code {
        body.push(code);
        if let Some(props) = props {
            properties(body, props, version);
        }
    }
}

/// Texts without wildcards, slashes or control characters. No character of them can begin a packet
/// that looks right, so that a search in them finds nothing.
fn word() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-z]{1,12}", 1 => "[a-zäöü€🦀]{1,6}"].boxed()
}

fn topic() -> BoxedStrategy<String> {
    vec(word(), 1..4).prop_map(|levels| levels.join("/")).boxed()
}

fn filter() -> BoxedStrategy<String> {
    prop_oneof![
        topic(),
        Just("#".to_owned()),
        topic().prop_map(|topic| topic + "/#"),
        topic().prop_map(|topic| format!("+/{topic}/+"))
    ]
    .boxed()
}

fn value(id: PropertyId) -> BoxedStrategy<Value> {
    use PropertyId as P;
    match (id, id.kind()) {
        (P::ResponseTopic, _) => topic().prop_map(|topic| Value::Bytes(topic.into_bytes())).boxed(),
        (_, PropertyKind::Text) => word().prop_map(|text| Value::Bytes(text.into_bytes())).boxed(),
        // Payload marked as UTF-8 would have to be UTF-8.
        (P::PayloadFormatIndicator, _) => Just(Value::Number(0)).boxed(),
        (_, PropertyKind::Byte) => (0_u32..=1).prop_map(Value::Number).boxed(),
        (_, PropertyKind::TwoByteInteger) => (1_u32..=0xffff).prop_map(Value::Number).boxed(),
        (_, PropertyKind::FourByteInteger) => (1..=u32::MAX).prop_map(Value::Number).boxed(),
        (_, PropertyKind::VariableInteger) => (1_u32..=268_435_455).prop_map(Value::Number).boxed(),
        (_, PropertyKind::Binary) => vec(any::<u8>(), 0..20).prop_map(Value::Bytes).boxed(),
        (_, PropertyKind::Pair) => (word(), word()).prop_map(|(a, b)| Value::Pair(a, b)).boxed(),
    }
}

/// Any legal properties of a holder; none before 5.0.
fn props(holder: PropertyHolder, version: Version) -> BoxedStrategy<Props> {
    if version < Version::V5 {
        return Just(Vec::new()).boxed();
    }
    let legal: Vec<PropertyId> = PropertyId::ALL
        .into_iter()
        .filter(|&id| id.allowed_in(holder))
        // These two want company, in the same packet.
        .filter(|id| !matches!(id, PropertyId::AuthenticationData | PropertyId::ServerReference))
        .collect();
    vec(select(legal), 0..5)
        .prop_map(move |mut ids| {
            let mut seen = Vec::new();
            ids.retain(|&id| {
                let fresh = id.may_repeat_in(holder) || !seen.contains(&id);
                seen.push(id);
                fresh
            });
            ids
        })
        .prop_flat_map(|ids| ids.into_iter().map(|id| value(id).prop_map(move |v| (id, v))).collect::<Vec<_>>())
        .boxed()
}

fn code(packet_type: PacketType, version: Version) -> BoxedStrategy<u8> {
    let legal: Vec<u8> = (0..=u8::MAX).filter(|&code| reason_allowed(packet_type, code, version)).collect();
    if legal.is_empty() { Just(0).boxed() } else { select(legal).boxed() }
}

/// What may be left out from the end.
fn tail(packet_type: PacketType, version: Version) -> BoxedStrategy<(Option<u8>, Option<Props>)> {
    if version < Version::V5 {
        return Just((None, None)).boxed();
    }
    let props = props(PropertyHolder::Packet(packet_type), version);
    (proptest::option::of(code(packet_type, version)), proptest::option::of(props))
        .prop_map(|(code, props)| (code, props.filter(|_| code.is_some())))
        .boxed()
}

fn payload() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![4 => "[a-z ]{0,40}", 1 => "[a-z]{200,400}"].prop_map(String::into_bytes).boxed()
}

/// Any valid packet of a version. Payloads of PUBLISH are lower-case text.
pub(super) fn sample(version: Version) -> BoxedStrategy<Sample> {
    use PacketType as T;
    let of = move |packet_type| props(PropertyHolder::Packet(packet_type), version);
    let v5 = version == Version::V5;
    let id = || 1_u16..;
    let will = (0_u8..3, any::<bool>(), props(PropertyHolder::Will, version), topic(), payload());
    let connect = (
        any::<bool>(),
        any::<u16>(),
        of(T::Connect),
        "[a-z]{1,20}",
        proptest::option::of(will),
        proptest::option::of(word()),
        proptest::option::of(vec(any::<u8>(), 0..10)),
    )
        .prop_map(move |(clean, keep_alive, props, client_id, will, username, password)| Sample::Connect {
            clean,
            keep_alive,
            props,
            client_id,
            will,
            password: password.filter(|_| v5 || username.is_some()),
            username,
        });
    let connack = (any::<bool>(), code(T::ConnAck, version), of(T::ConnAck))
        .prop_map(|(present, code, props)| Sample::ConnAck { present: present && code == 0, code, props });
    let publish = (any::<bool>(), 0_u8..3, any::<bool>(), topic(), id(), of(T::Publish), payload()).prop_map(
        |(dup, qos, retain, topic, id, props, payload)| Sample::Publish {
            dup: dup && qos > 0,
            qos,
            retain,
            topic,
            id,
            props,
            payload,
        },
    );
    let ack = select(vec![T::PubAck, T::PubRec, T::PubRel, T::PubComp]).prop_flat_map(move |packet_type| {
        (id(), tail(packet_type, version)).prop_map(move |(id, (code, props))| Sample::Ack {
            packet_type,
            id,
            code,
            props,
        })
    });
    let options = if v5 { select(vec![0_u8, 1, 2, 0x0e, 0x14, 0x28]) } else { select(vec![0_u8, 1, 2]) };
    let subscribe = (id(), of(T::Subscribe), vec((filter(), options), 1..4))
        .prop_map(|(id, props, filters)| Sample::Subscribe { id, props, filters });
    let suback = (id(), of(T::SubAck), vec(code(T::SubAck, version), 1..4))
        .prop_map(|(id, props, codes)| Sample::SubAck { id, props, codes });
    let unsubscribe = (id(), of(T::Unsubscribe), vec(filter(), 1..4))
        .prop_map(|(id, props, filters)| Sample::Unsubscribe { id, props, filters });
    let unsuback = (id(), of(T::UnsubAck), vec(code(T::UnsubAck, version), if v5 { 1..4 } else { 0..1 }))
        .prop_map(|(id, props, codes)| Sample::UnsubAck { id, props, codes });
    let ping = select(vec![T::PingReq, T::PingResp]).prop_map(Sample::Ping);
    let disconnect = tail(T::Disconnect, version).prop_map(|(code, props)| Sample::Disconnect { code, props });
    let common =
        prop_oneof![connect, connack, publish, ack, subscribe, suback, unsubscribe, unsuback, ping, disconnect];
    if !v5 {
        return common.boxed();
    }
    let auth = (code(T::Auth, version), of(T::Auth)).prop_map(|(code, mut props)| {
        if !props.iter().any(|(id, _)| *id == PropertyId::AuthenticationMethod) {
            props.push((PropertyId::AuthenticationMethod, Value::Bytes(b"SCRAM".to_vec())));
        }
        Sample::Auth { code, props }
    });
    prop_oneof![10 => common, 1 => auth].boxed()
}

pub(super) fn any_version() -> impl Strategy<Value = Version> {
    select(Version::ALL.to_vec())
}

/// A version and a stream of valid packets in it.
pub(super) fn samples(count: std::ops::Range<usize>) -> impl Strategy<Value = (Version, Vec<Sample>)> {
    any_version().prop_flat_map(move |version| (Just(version), vec(sample(version), count.clone())))
}
