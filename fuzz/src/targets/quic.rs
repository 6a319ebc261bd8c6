//! QUIC: connections of which the keys are known, so that any frames come through their protection, and any bytes beside.

use mqttsniff::capture::{FrameHeader, LinkType};
use mqttsniff::dissect::Keys;
use mqttsniff::time::{Span, Timestamp};

use crate::examine::examine;
use crate::frames::Frames;
use crate::packets::setting;
use crate::quic::{
    DATA_DOWN, DATA_UP, EARLY, HANDSHAKE, HANDSHAKE_DOWN, INITIAL, Sealer, ZERO_RTT, ack, client_hello, crypto,
    encrypted_extensions, key_log, padded, server_hello, stream, varint,
};
use crate::script::Script;

/// Datagrams that a script may make.
const DATAGRAMS: usize = 120;

/// What often stands in a stream.
const PACKETS: [&[u8]; 8] = [
    b"\x10\x0f\0\x04MQTT\x05\x02\0\x3c\0\0\x02c1",
    b"\x20\x03\0\0\0",
    b"\x30\x06\0\x01t\0ab",
    b"\x32\x08\0\x01t\0\x07\0ab",
    b"\x82\x07\0\x01\0\0\x01t\x01",
    b"\x40\x02\0\x07",
    b"\xc0\0",
    b"\xe0\0",
];

/// What both ends of a connection have.
struct Connection {
    ids: [Vec<u8>; 3],
    numbers: [u64; 2],
    offsets: [u64; 2],
    ends: [(u8, u16); 2],
    keys: [Sealer; 2],
}

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let mut setting = setting(&mut script);
    if script.byte() & 1 == 0 {
        setting.engine.dissect.quic.streams = 3;
    }
    let keys = Keys::default();
    for mark in 0..4 {
        keys.add(key_log([mark; 32]).as_bytes());
    }
    setting.engine.dissect.keys = Some(keys);
    examine(&traffic(&mut script), &setting);
}

fn traffic(script: &mut Script<'_>) -> Frames {
    let mut frames = Frames::default();
    let mut connections: Vec<Connection> = Vec::new();
    for _ in 0..DATAGRAMS {
        if script.is_over() {
            break;
        }
        let choice = script.byte();
        if connections.is_empty() || choice % 16 == 15 && connections.len() < 4 {
            connections.push(begin(connections.len() as u8, script, &mut frames));
            continue;
        }
        let at = usize::from(choice >> 4) % connections.len();
        let Some(connection) = connections.get_mut(at) else { break };
        let from = usize::from(choice & 1);
        let payload = payload(script, connection, from);
        let number = connection.numbers[from];
        connection.numbers[from] += script.pick(&[1, 1, 1, 2, 0, 200]);
        let [client, server, original] = &connection.ids;
        let (to, by) = if from == 0 { (server, client) } else { (client, server) };
        let packet = match choice >> 1 & 7 {
            0 => Sealer::initial(original, from == 0).long(INITIAL, (to, by), script.some_bytes(), number, &payload),
            1 => Sealer::new(&[HANDSHAKE_DOWN; 32]).long(HANDSHAKE, (to, by), b"", number, &payload),
            2 => Sealer::new(&[EARLY; 32]).long(ZERO_RTT, (to, by), b"", number, &payload),
            3 => script.some_bytes().to_vec(),
            _ => connection.keys[from].short(to, number, &payload),
        };
        // What was sealed may be damaged on its way.
        let packet = if script.byte() % 32 == 31 { damaged(packet, script) } else { packet };
        if script.byte() % 16 == 15 {
            connection.ends[0].1 = connection.ends[0].1.wrapping_add(1);
        }
        send(&mut frames, connection.ends[from], connection.ends[1 - from], &packet);
    }
    frames
}

/// Both hellos; some of them are lost.
fn begin(mark: u8, script: &mut Script<'_>, frames: &mut Frames) -> Connection {
    let choice = script.byte();
    let id = |first: u8, length: usize| vec![first; length];
    let ids = [id(mark, script.pick(&[8, 0, 1, 20])), id(mark | 0x80, script.pick(&[8, 4, 0, 20])), id(mark | 0x40, 8)];
    // Two may have the same ends.
    let ends = [(1, 40_000 + u16::from(mark & 2)), (2, 14_567)];
    let hello = padded(&crypto(0, &client_hello([mark; 32], choice & 1 != 0)));
    let [client, server, original] = &ids;
    if choice & 0x70 != 0x70 {
        let packet = Sealer::initial(original, true).long(INITIAL, (original, client), b"", 0, &hello);
        send(frames, ends[0], ends[1], &packet);
    }
    if choice & 0x0e != 0x0e {
        let answer = padded(&[ack(0, 0), crypto(0, &server_hello())].concat());
        let said = crypto(0, &encrypted_extensions(choice & 0x80 != 0, script.some_bytes()));
        let first = Sealer::initial(original, false).long(INITIAL, (client, server), b"", 0, &answer);
        let second = Sealer::new(&[HANDSHAKE_DOWN; 32]).long(HANDSHAKE, (client, server), b"", 0, &said);
        send(frames, ends[1], ends[0], &[first, second].concat());
    }
    let keys = [Sealer::new(&[DATA_UP; 32]), Sealer::new(&[DATA_DOWN; 32])];
    Connection { ids, numbers: [1; 2], offsets: [0; 2], ends, keys }
}

/// Frames of a packet.
fn payload(script: &mut Script<'_>, connection: &mut Connection, from: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..=script.below(3) {
        match script.byte() % 8 {
            0..=2 => {
                let bytes = script.pick(&PACKETS).to_vec();
                let offset = connection.offsets[from];
                connection.offsets[from] += bytes.len() as u64;
                out.extend(stream(0, offset, &bytes, script.byte() % 16 == 15));
            }
            3 => {
                let (id, offset) = (u64::from(script.byte() & 15), u64::from(script.word()));
                out.extend(stream(id, offset, script.some_bytes(), false));
            }
            4 => out.extend(ack(u64::from(script.word()), u64::from(script.byte()))),
            5 => {
                let id = [script.byte(); 8];
                out.extend(
                    [vec![0x18], varint(u64::from(script.byte())), vec![0, 8], id.to_vec(), vec![7; 16]].concat(),
                );
            }
            6 => out.extend(crypto(u64::from(script.byte()), script.some_bytes())),
            _ => out.extend(script.some_bytes()),
        }
    }
    out
}

fn damaged(mut packet: Vec<u8>, script: &mut Script<'_>) -> Vec<u8> {
    let at = usize::from(script.word()) % packet.len().max(1);
    if let Some(byte) = packet.get_mut(at) {
        *byte ^= script.byte();
    }
    packet
}

/// A datagram over IPv4, without a checksum.
fn send(frames: &mut Frames, from: (u8, u16), to: (u8, u16), payload: &[u8]) {
    let length = 28 + payload.len() as u16;
    let mut data = vec![0x45, 0];
    data.extend(length.to_be_bytes());
    data.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from.0, 10, 0, 0, to.0]);
    let sum: u32 = data.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    data[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    data.extend(from.1.to_be_bytes());
    data.extend(to.1.to_be_bytes());
    data.extend((length - 20).to_be_bytes());
    data.extend([0, 0]);
    data.extend(payload);
    let time = Timestamp::from_secs_nanos(1_790_000_000, 0) + Span::from_millis(frames.list.len() as i64);
    let header = FrameHeader { time, link: LinkType::RAW, length: data.len() as u32, interface: 0, fcs_length: 0 };
    frames.list.push((header, data));
}
