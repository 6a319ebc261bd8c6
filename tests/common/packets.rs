//! Control packets of MQTT 3.1.1 and 5.0, as a client and a broker send them that know what they do.

/// The version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V5,
}

pub(crate) const PINGREQ: [u8; 2] = [0xc0, 0];
pub(crate) const PINGRESP: [u8; 2] = [0xd0, 0];

/// A packet: its first byte, and its body behind the remaining length.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 5);
    out.push(first);
    let mut left = body.len();
    loop {
        out.push((left % 128) as u8 | if left < 128 { 0 } else { 0x80 });
        left /= 128;
        if left == 0 {
            break;
        }
    }
    out.extend(body);
    out
}

/// Text behind its two-byte length.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text.as_bytes());
}

/// The properties, where the version has them.
fn properties(out: &mut Vec<u8>, version: Version, properties: &[u8]) {
    if version == Version::V5 {
        out.push(properties.len() as u8);
        out.extend(properties);
    }
}

/// CONNECT: every third client has a name and a password, every fourth a will.
pub(crate) fn connect(version: Version, number: u64) -> Vec<u8> {
    let (user, will) = (number.is_multiple_of(3), number.is_multiple_of(4));
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    body.push(if version == Version::V5 { 5 } else { 4 });
    body.push(0x02 | if user { 0xc0 } else { 0 } | if will { 0x0c } else { 0 });
    body.extend(60_u16.to_be_bytes());
    // A session of an hour, and at most 20 exchanges at a time.
    properties(&mut body, version, &[17, 0, 0, 14, 16, 33, 0, 20]);
    text(&mut body, &format!("sensor-{number:06}"));
    if will {
        properties(&mut body, version, &[]);
        text(&mut body, &format!("plant/{number:06}/state"));
        text(&mut body, "gone");
    }
    if user {
        text(&mut body, "sensor");
        text(&mut body, "not so secret");
    }
    packet(0x10, &body)
}

/// CONNACK: accepted.
pub(crate) fn connack(version: Version) -> Vec<u8> {
    let mut body = vec![0, 0];
    properties(&mut body, version, &[33, 0, 20]);
    packet(0x20, &body)
}

/// SUBSCRIBE to what the broker publishes to this client.
pub(crate) fn subscribe(version: Version, id: u16, number: u64) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    properties(&mut body, version, &[]);
    for (filter, qos) in [(format!("plant/{number:06}/+"), 2), ("plant/all/#".into(), 1)] {
        text(&mut body, &filter);
        body.push(qos);
    }
    packet(0x82, &body)
}

/// SUBACK: granted as asked for.
pub(crate) fn suback(version: Version, id: u16) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    properties(&mut body, version, &[]);
    body.extend([2, 1]);
    packet(0x90, &body)
}

/// PUBLISH of one of twenty topics of this client, with a payload of this length that looks like JSON.
pub(crate) fn publish(version: Version, qos: u8, id: u16, number: u64, topic: u64, length: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(length + 40);
    text(&mut body, &format!("plant/{number:06}/sensor{topic:02}"));
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    // Valid for a minute; every second one is said to be text.
    let held = if topic.is_multiple_of(2) { &[2, 0, 0, 0, 60, 1, 1][..] } else { &[2, 0, 0, 0, 60] };
    properties(&mut body, version, held);
    let measured = format!("{{\"value\":{topic}.25,\"unit\":\"C\",\"note\":\"");
    let room = length.saturating_sub(2);
    body.extend(measured.bytes().chain(std::iter::repeat(b'x')).take(room));
    body.extend(b"\"}");
    packet(0x30 | qos << 1, &body)
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP, by its first byte: all is well.
pub(crate) fn ack(first: u8, id: u16, version: Version) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    // Version 5 may leave out a reason of 0 (section 3.4.2.1), and half of them do.
    if version == Version::V5 && id.is_multiple_of(2) {
        body.push(0);
    }
    packet(first, &body)
}

/// DISCONNECT: as it should be.
pub(crate) fn disconnect(version: Version) -> Vec<u8> {
    packet(0xe0, if version == Version::V5 { &[0, 0] } else { &[] })
}
