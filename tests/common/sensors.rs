//! Captures of MQTT-SN, message by message, with hours of sleep between them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use super::{craft, pcap};

/// The gateway.
pub(crate) const GATEWAY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 1), 10_000);

/// The client.
pub(crate) const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 2), 40_001);

/// The same with another port.
pub(crate) const MOVED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 2), 40_777);

/// One that publishes without a connection.
pub(crate) const OTHER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 3), 40_002);

/// A forwarder.
pub(crate) const FORWARDER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 9), 5555);

/// Everybody.
pub(crate) const ALL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 9, 0, 255), 10_000);

/// When these captures begin: three years later than the others.
const BEGIN: u64 = (1_790_000_000 - pcap::BEGIN) * 1_000_000;

/// A message of a type, with the short form of its length.
pub(crate) fn message(code: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    match u8::try_from(body.len() + 2) {
        Ok(length) => [&[length, code], &body[..]].concat(),
        Err(_) => long(code, parts),
    }
}

/// The same with the long form.
pub(crate) fn long(code: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[1], &length[..], &[code], &body].concat()
}

/// A message as a forwarder passes it on.
pub(crate) fn wrapped(node: &[u8], radius: u8, inner: &[u8]) -> Vec<u8> {
    [&[u8::try_from(node.len() + 3).unwrap(), 0xfe, radius], node, inner].concat()
}

/// Two numbers, as most messages begin with.
pub(crate) fn pair(one: u16, two: u16) -> Vec<u8> {
    [one.to_be_bytes(), two.to_be_bytes()].concat()
}

/// A capture that is written.
#[derive(Default)]
pub(crate) struct Capture {
    records: Vec<u8>,
    frames: u16,
    micros: u64,
}

impl Capture {
    /// The next datagram comes so much later.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.micros += seconds * 1_000_000;
    }

    /// A datagram, a hundredth of a second after the one before it.
    pub(crate) fn send(&mut self, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        self.micros += 10_000;
        self.frames = self.frames.wrapping_add(1);
        let length = u16::try_from(payload.len()).unwrap();
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let ends = [from.ip().octets(), to.ip().octets()];
        frame.extend(craft::ipv4(ends, self.frames, 0, 17, 8 + payload.len()));
        frame.extend(from.port().to_be_bytes());
        frame.extend(to.port().to_be_bytes());
        frame.extend((8 + length).to_be_bytes());
        // Without a checksum (RFC 768).
        frame.extend([0, 0]);
        frame.extend(payload);
        self.records.extend(pcap::record(BEGIN + self.micros, frame.len(), frame.len()));
        self.records.extend(frame);
    }

    /// From the client to the gateway.
    pub(crate) fn up(&mut self, code: u8, parts: &[&[u8]]) {
        self.send(CLIENT, GATEWAY, &message(code, parts));
    }

    /// From the gateway to the client.
    pub(crate) fn down(&mut self, code: u8, parts: &[&[u8]]) {
        self.send(GATEWAY, CLIENT, &message(code, parts));
    }

    /// The file, with all that was written so many times.
    pub(crate) fn pcap(&self, times: usize) -> Vec<u8> {
        [&pcap::header(pcap::ETHERNET)[..], &self.records.repeat(times)].concat()
    }

    /// Writes it.
    pub(crate) fn save(&self, path: &Path) {
        std::fs::write(path, self.pcap(1)).unwrap();
    }
}

/// All types of messages and all forms of topics, in sessions that go well but for an unknown id and a busy gateway.
pub(crate) fn forms() -> Capture {
    let mut c = Capture::default();
    c.send(GATEWAY, ALL, &message(0x00, &[&[7, 3, 0x84]]));
    c.send(CLIENT, ALL, &message(0x01, &[&[1]]));
    c.send(OTHER, ALL, &message(0x02, &[&[7], &[10, 9, 0, 1]]));
    c.down(0x02, &[&[7]]);
    c.up(0x04, &[&[0x0c, 1, 0, 60], b"sensor-1"]);
    c.down(0x06, &[]);
    c.up(0x07, &[&[0x30], b"sn/will"]);
    c.down(0x08, &[]);
    c.up(0x09, &[b"gone"]);
    c.down(0x05, &[&[0]]);
    c.up(0x0a, &[&pair(0, 1), b"plant/oven/temperature"]);
    c.down(0x0b, &[&pair(17, 1), &[0]]);
    c.up(0x12, &[&[0x20, 0, 2], b"plant/oven/set"]);
    c.down(0x13, &[&[0x20], &pair(18, 2), &[0]]);
    c.up(0x12, &[&[0, 0, 3], b"plant/+/all"]);
    c.down(0x13, &[&[0], &pair(0, 3), &[0]]);
    c.up(0x12, &[&[0x41], &pair(4, 9)]);
    c.down(0x13, &[&[0x40], &pair(9, 4), &[0]]);
    c.up(0x12, &[&[0x02, 0, 5], b"ab"]);
    c.down(0x13, &[&[0], &pair(0, 5), &[0]]);
    c.up(0x0c, &[&[0], &pair(17, 0), b"21.5"]);
    c.up(0x0c, &[&[0x30], &pair(17, 6), b"21.6"]);
    c.down(0x0d, &[&pair(17, 6), &[0]]);
    c.up(0x0c, &[&[0x40], &pair(17, 7), &[b'x'; 400]]);
    c.down(0x0f, &[&[0, 7]]);
    c.up(0x10, &[&[0, 7]]);
    c.down(0x0e, &[&[0, 7]]);
    c.up(0x0c, &[&[0x01], &pair(9, 0), b"predefined"]);
    c.up(0x0c, &[&[0x02], b"ab", &[0, 0], b"short"]);
    c.up(0x0c, &[&[0x20], &pair(99, 8), b"unknown"]);
    c.down(0x0d, &[&pair(99, 8), &[2]]);
    // An id that the gateway tells.
    c.down(0x0a, &[&pair(33, 40), b"plant/x/all"]);
    c.up(0x0b, &[&pair(33, 40), &[0]]);
    c.down(0x0c, &[&[0x20], &pair(33, 41), b"to all"]);
    c.up(0x0d, &[&pair(33, 41), &[0]]);
    c.up(0x1a, &[&[0x10], b"sn/will/2"]);
    c.down(0x1b, &[&[0]]);
    c.up(0x1c, &[b"gone 2"]);
    c.down(0x1d, &[&[0]]);
    c.up(0x14, &[&[0, 0, 10], b"plant/+/all"]);
    c.down(0x15, &[&[0, 10]]);
    c.wait(40);
    c.up(0x16, &[]);
    c.down(0x17, &[]);
    c.down(0x16, &[]);
    c.up(0x17, &[]);
    c.up(0x0a, &[&pair(0, 11), b"plant/busy"]);
    c.down(0x0b, &[&pair(0, 11), &[1]]);
    c.wait(20);
    c.up(0x0a, &[&pair(0, 12), b"plant/busy"]);
    c.down(0x0b, &[&pair(44, 12), &[0]]);
    // It sleeps for an hour, and wakes up with another address.
    c.up(0x18, &[&3600_u16.to_be_bytes()]);
    c.down(0x18, &[]);
    c.wait(3500);
    c.send(MOVED, GATEWAY, &message(0x16, &[b"sensor-1"]));
    c.send(GATEWAY, MOVED, &message(0x0c, &[&[0x20], &pair(18, 42), b"kept"]));
    c.send(MOVED, GATEWAY, &message(0x0d, &[&pair(18, 42), &[0]]));
    c.send(GATEWAY, MOVED, &message(0x17, &[]));
    c.wait(100);
    c.send(MOVED, GATEWAY, &message(0x04, &[&[0, 1, 0, 60], b"sensor-1"]));
    c.send(GATEWAY, MOVED, &message(0x05, &[&[0]]));
    c.send(MOVED, GATEWAY, &message(0x0c, &[&[0x20], &pair(17, 13), b"22"]));
    c.wait(12);
    c.send(MOVED, GATEWAY, &message(0x0c, &[&[0xa0], &pair(17, 13), b"22"]));
    c.send(GATEWAY, MOVED, &message(0x0d, &[&pair(17, 13), &[0]]));
    c.send(MOVED, GATEWAY, &long(0x0c, &[&[0], &pair(17, 0), b"long form"]));
    c.send(MOVED, GATEWAY, &message(0x18, &[]));
    c.send(GATEWAY, MOVED, &message(0x18, &[]));
    // QoS -1 needs no connection.
    c.send(OTHER, GATEWAY, &message(0x0c, &[&[0x62], b"zz", &[0, 0], b"minus one"]));
    c.send(OTHER, GATEWAY, &message(0x0c, &[&[0x61], &pair(9, 0), b"minus one"]));
    // Two nodes behind a forwarder use the same id for different topics.
    for (node, name) in [(&[0x11, 0x22][..], &b"node-a"[..]), (&[0x33], b"node-b")] {
        c.send(FORWARDER, GATEWAY, &wrapped(node, 0, &message(0x04, &[&[4, 1, 0, 30], name])));
        c.send(GATEWAY, FORWARDER, &wrapped(node, 0, &message(0x05, &[&[0]])));
        c.send(FORWARDER, GATEWAY, &wrapped(node, 0, &message(0x0a, &[&pair(0, 1), b"fwd/", name])));
        c.send(GATEWAY, FORWARDER, &wrapped(node, 2, &message(0x0b, &[&pair(1, 1), &[0]])));
    }
    for node in [&[0x11, 0x22][..], &[0x33]] {
        c.send(FORWARDER, GATEWAY, &wrapped(node, 0, &message(0x0c, &[&[0], &pair(1, 0), b"v"])));
        c.send(FORWARDER, GATEWAY, &wrapped(node, 0, &message(0x18, &[])));
        c.send(GATEWAY, FORWARDER, &wrapped(node, 0, &message(0x18, &[])));
    }
    c
}

/// A client and a gateway that do much of what they must not.
pub(crate) fn faults() -> Capture {
    let mut c = Capture::default();
    c.up(0x04, &[&[4, 1, 0, 30], b"faulty"]);
    c.down(0x05, &[&[0]]);
    c.up(0x0c, &[&[0x20], &pair(5, 1), b"not registered"]);
    c.up(0x0c, &[&[0x20], &pair(5, 2), b"second"]);
    c.down(0x0d, &[&pair(5, 1), &[2]]);
    c.down(0x0f, &[&[0, 2]]);
    c.up(0x0a, &[&pair(0, 0), b"t"]);
    c.up(0x03, &[]);
    c.up(0x0c, &[&[0x03], &pair(1, 0)]);
    c.send(CLIENT, GATEWAY, &[5, 0x0c, 0]);
    c.up(0x0b, &[&pair(1, 1), &[9]]);
    c.wait(60);
    c.up(0x16, &[]);
    c.down(0x17, &[]);
    c.down(0x12, &[&[0, 0, 3], b"x"]);
    c.up(0x18, &[]);
    c.down(0x18, &[]);
    c.up(0x0c, &[&[0], &pair(5, 0), b"x"]);
    c.up(0x04, &[&[4, 2, 0, 30], b"a-client-id-that-is-far-too-long"]);
    c.down(0x05, &[&[3]]);
    c
}
