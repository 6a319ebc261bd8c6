//! Captures made by hand: a TCP connection over Ethernet and IPv4, with right checksums.

use std::path::Path;

use super::pcap;

/// An address and a port.
pub(crate) type End = ([u8; 4], u16);

const CLIENT: End = ([10, 0, 0, 1], 40_000);
const SERVER: End = ([10, 0, 0, 2], 1883);

pub(crate) const SYN: u8 = 2;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// A connection whose segments become the frames of a capture file, a millisecond apart.
pub(crate) struct Connection {
    frames: Vec<Vec<u8>>,
    server_port: u16,
    next: [u32; 2],
    /// Bytes that are captured of a frame.
    captured: usize,
}

impl Connection {
    /// A connection to the usual port, after its handshake.
    pub(crate) fn open() -> Self {
        Self::open_to(SERVER.1)
    }

    /// A connection to this port, after its handshake.
    pub(crate) fn open_to(server_port: u16) -> Self {
        let mut connection = Self::joined(server_port);
        connection.segment(0, SYN, &[]);
        connection.segment(1, SYN | ACK, &[]);
        connection.segment(0, ACK, &[]);
        connection
    }

    /// A connection whose handshake is not in the capture.
    pub(crate) fn joined(server_port: u16) -> Self {
        Self { frames: Vec::new(), server_port, next: [1000, 5000], captured: usize::MAX }
    }

    /// The client sends these bytes in one segment.
    pub(crate) fn client(mut self, bytes: &[u8]) -> Self {
        self.segment(0, PSH | ACK, bytes);
        self
    }

    /// The server sends these bytes in one segment.
    pub(crate) fn server(mut self, bytes: &[u8]) -> Self {
        self.segment(1, PSH | ACK, bytes);
        self
    }

    /// The last segment was sent, and is not in the capture.
    pub(crate) fn lost(mut self) -> Self {
        self.frames.pop();
        self
    }

    /// Only this many bytes of payload are captured of each segment.
    pub(crate) fn snapped(mut self, payload: usize) -> Self {
        self.captured = 54 + payload;
        self
    }

    /// The bytes of a capture file with all its frames.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        let mut out = pcap::header(pcap::ETHERNET).to_vec();
        for (at, frame) in (0..).zip(&self.frames) {
            let captured = frame.len().min(self.captured);
            out.extend(pcap::record(at * 1000, captured, frame.len()));
            out.extend(&frame[..captured]);
        }
        out
    }

    /// Writes the capture file.
    pub(crate) fn save(&self, path: &Path) {
        std::fs::write(path, self.pcap()).expect("a file that can be written");
    }

    fn segment(&mut self, from: usize, flags: u8, payload: &[u8]) {
        let ack = if flags & ACK == 0 { 0 } else { self.next[1 - from] };
        let ports = [CLIENT.1, self.server_port];
        let numbers = (self.next[from], ack);
        self.frames.push(frame(from, ports, numbers, flags, self.frames.len() as u16, payload));
        self.next[from] += payload.len() as u32 + u32::from(flags & SYN != 0);
    }
}

/// The frame of one segment: from the client (0) or the server (1), with the ports of both, its sequence and
/// acknowledgement numbers, TCP flags and IP identification.
pub(crate) fn frame(
    from: usize,
    ports: [u16; 2],
    numbers: (u32, u32),
    flags: u8,
    identification: u16,
    payload: &[u8],
) -> Vec<u8> {
    let ends = [(CLIENT.0, ports[0]), (SERVER.0, ports[1])];
    let (source, destination) = (ends[from], ends[1 - from]);
    let tcp = segment(source, destination, flags, numbers, payload);
    let ip = ipv4([source.0, destination.0], identification, WHOLE, 6, tcp.len());
    let mut frame = vec![2, 0, 0, 0, 0, 2 - from as u8, 2, 0, 0, 0, 0, 1 + from as u8, 8, 0];
    frame.extend(ip);
    frame.extend(tcp);
    frame
}

/// A TCP segment without options, from one end to the other, with its sequence and acknowledgement numbers.
pub(crate) fn segment(from: End, to: End, flags: u8, numbers: (u32, u32), payload: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::with_capacity(20 + payload.len());
    tcp.extend(from.1.to_be_bytes());
    tcp.extend(to.1.to_be_bytes());
    tcp.extend(numbers.0.to_be_bytes());
    tcp.extend(numbers.1.to_be_bytes());
    tcp.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    let sum = checksum(&[&from.0, &to.0, &[0, 6], &(tcp.len() as u16).to_be_bytes(), &tcp]);
    tcp[16..18].copy_from_slice(&sum);
    tcp
}

/// The fragment field of a datagram that is not to be fragmented.
pub(crate) const WHOLE: u16 = 0x4000;

/// The header of an IPv4 packet; `place` is the field of flags and fragment offset, `payload` a length in bytes.
pub(crate) fn ipv4(ends: [[u8; 4]; 2], identification: u16, place: u16, protocol: u8, payload: usize) -> [u8; 20] {
    let mut header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[2..4].copy_from_slice(&(20 + payload as u16).to_be_bytes());
    header[4..6].copy_from_slice(&identification.to_be_bytes());
    header[6..8].copy_from_slice(&place.to_be_bytes());
    header[12..16].copy_from_slice(&ends[0]);
    header[16..20].copy_from_slice(&ends[1]);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum);
    header
}

/// The checksum of the Internet (RFC 1071); all parts but the last are of even length.
pub(crate) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u64 = words.map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// A variable byte integer.
pub(crate) fn variable(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let more = number >= 128;
        out.push((number % 128) as u8 | if more { 0x80 } else { 0 });
        number /= 128;
        if !more {
            return out;
        }
    }
}

/// A control packet: its first byte, and its body behind the remaining length.
pub(crate) fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [&[first][..], &variable(body.len()), &body].concat()
}

/// Bytes behind their two-byte length.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// CONNECT of MQTT 3.1.1 with these flags; `fields` follow the client identifier.
pub(crate) fn connect(flags: u8, client_id: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![text(b"MQTT"), vec![4, flags, 0, 60], text(client_id)];
    body.extend(fields.iter().map(|field| text(field)));
    packet(0x10, &body.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// CONNACK of MQTT 3.1.1: accepted.
pub(crate) const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// PUBLISH of MQTT 3.1.1 with QoS 0.
pub(crate) fn publish(topic: &[u8], payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[&text(topic), payload])
}
