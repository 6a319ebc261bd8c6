//! MQTT control packets: of a few clients, topics and identifiers, so that they meet each other.

use crate::script::Script;

const TOPICS: [&[u8]; 8] = [b"a", b"a/b", b"$SYS/x", b"t/\xc3\xa9", b"", b"bad/#", b"spBv1.0/g/NDATA/n", b"a//b"];
const FILTERS: [&[u8]; 8] = [b"a", b"a/+", b"#", b"$share/g/a/#", b"+/+/+", b"", b"a/#/b", b"$share//x"];
const CLIENTS: [&[u8]; 5] = [b"one", b"two", b"", b"three\x1b[31m", b"\xff"];

/// A packet with this first byte.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
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

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u16).to_be_bytes());
    out.extend(text);
}

/// Properties: none, some that fit somewhere, or any bytes.
fn properties(script: &mut Script<'_>, version: u8, out: &mut Vec<u8>) {
    const KNOWN: [&[u8]; 12] = [
        &[],
        &[],
        &[17, 0, 0, 0, 10],
        &[33, 0, 2],
        &[34, 0, 5],
        &[35, 0, 1],
        &[35, 0, 9],
        &[11, 1],
        &[38, 0, 1, b'k', 0, 1, b'v'],
        &[1, 1, 2, 0, 0, 0, 3],
        &[18, 0, 2, b'i', b'd', 19, 0, 10],
        &[39, 0, 0, 0, 20, 36, 1, 37, 0],
    ];
    if version != 5 {
        return;
    }
    match script.below(16) {
        known @ 0..12 => {
            out.push(KNOWN[known].len() as u8);
            out.extend(KNOWN[known]);
        }
        12 => out.extend(script.bytes(3)),
        _ => {
            let any = script.some_bytes();
            out.push(any.len() as u8 & 0x7f);
            out.extend(any);
        }
    }
}

/// What the client (0) or the server (1) may say.
pub(super) fn message(script: &mut Script<'_>, version: u8, from: usize) -> Vec<u8> {
    let (kind, flags) = (script.byte(), script.byte());
    let id = (u16::from(flags >> 4) % 4).to_be_bytes();
    let mut body = Vec::new();
    match (kind % 16, from) {
        (0 | 1, 0) => {
            text(&mut body, if version == 3 { b"MQIsdp" } else { b"MQTT" });
            body.extend([version, flags, 0, script.pick(&[0, 1, 10, 60])]);
            properties(script, version, &mut body);
            text(&mut body, CLIENTS[script.below(CLIENTS.len())]);
            if flags & 4 != 0 {
                properties(script, version, &mut body);
                text(&mut body, TOPICS[script.below(TOPICS.len())]);
                text(&mut body, b"gone");
            }
            if flags & 0x80 != 0 {
                text(&mut body, b"user");
            }
            if flags & 0x40 != 0 {
                text(&mut body, b"password");
            }
            packet(0x10, &body)
        }
        (0 | 1, _) => {
            body.extend([flags & 1, script.pick(&[0, 0, 0, 1, 5, 0x80, 0x87, 0x95])]);
            properties(script, version, &mut body);
            packet(0x20, &body)
        }
        (2 | 3, 0) => {
            body.extend(id);
            properties(script, version, &mut body);
            for _ in 0..=flags & 3 {
                text(&mut body, FILTERS[script.below(FILTERS.len())]);
                body.push(script.pick(&[0, 1, 2, 0x2e, 3]));
            }
            packet(0x82, &body)
        }
        (2 | 3, _) => {
            body.extend(id);
            properties(script, version, &mut body);
            for _ in 0..=flags & 3 {
                body.push(script.pick(&[0, 1, 2, 0x80, 0x97, 7]));
            }
            packet(0x90, &body)
        }
        (4..9, _) => {
            let qos = flags >> 1 & 3;
            text(&mut body, TOPICS[script.below(TOPICS.len())]);
            if qos > 0 {
                body.extend(id);
            }
            properties(script, version, &mut body);
            match script.byte() {
                any @ 128.. => body.extend(script.bytes(usize::from(any - 128))),
                known => body.extend(std::iter::repeat_n(b'0' + known % 4, usize::from(known % 8))),
            }
            packet(0x30 | flags & 0xf, &body)
        }
        (acknowledgement @ 9..13, _) => {
            body.extend(id);
            if version == 5 && flags & 1 != 0 {
                body.push(script.pick(&[0, 0x10, 0x92, 0x80]));
                properties(script, version, &mut body);
            }
            packet([0x40, 0x50, 0x62, 0x70][usize::from(acknowledgement - 9)], &body)
        }
        (13, 0) => {
            body.extend(id);
            properties(script, version, &mut body);
            text(&mut body, FILTERS[script.below(FILTERS.len())]);
            packet(0xa2, &body)
        }
        (13, _) => {
            body.extend(id);
            properties(script, version, &mut body);
            if version == 5 {
                body.push(flags & 0x11);
            }
            packet(0xb0, &body)
        }
        (14, 0) => packet(0xc0, &[]),
        (14, _) => packet(0xd0, &[]),
        _ => {
            if version == 5 && flags & 1 != 0 {
                body.push(script.pick(&[0, 4, 0x8e, 0x81, 0x18]));
                properties(script, version, &mut body);
            }
            packet(if flags & 0x80 == 0 { 0xe0 } else { 0xf0 }, &body)
        }
    }
}

/// A PUBLISH with a payload of this length.
pub(super) fn large(version: u8, length: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(length + 8);
    text(&mut body, b"big");
    if version == 5 {
        body.push(0);
    }
    body.extend(std::iter::repeat_n(b'x', length));
    packet(0x30, &body)
}
