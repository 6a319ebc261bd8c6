//! What attacks are made of: packets by hand, and the capture that they go to.

use std::io::{self, Write};

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// An address and a port.
pub(super) type End = ([u8; 4], u16);

pub(super) const SERVER: End = ([198, 19, 0, 1], 1883);

/// As much as a segment may hold here: an interface that puts segments together hands over such.
pub(super) const MOST: usize = 60_000;

/// The client of a number: a port of an address that never comes again with it.
pub(super) fn client(number: u64) -> End {
    let host = (number / 40_000) as u16;
    ([198, 18, (host >> 8) as u8, host as u8], 20_000 + (number % 40_000) as u16)
}

/// Where packets go.
pub(super) struct Wire<'a> {
    out: &'a mut dyn Write,
    chance: u64,
    now_us: u64,
    step_us: u64,
    pub(super) id: u16,
    pub(super) written: u64,
    frame: Vec<u8>,
}

impl<'a> Wire<'a> {
    /// Begins a capture file.
    pub(super) fn begin(out: &'a mut dyn Write, step_us: u64) -> io::Result<Self> {
        let header: [u32; 6] = [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 1];
        for word in header {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { out, chance: 1, now_us: 0, step_us, id: 0, written: 0, frame: Vec::new() })
    }

    /// A number by chance (splitmix64).
    pub(super) fn any(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A packet of IPv4, whole or a fragment: `place` is the field of flags and offset.
    pub(super) fn ip(&mut self, ends: [[u8; 4]; 2], protocol: u8, place: u16, payload: &[u8]) -> io::Result<()> {
        let mut header = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
        header[4..6].copy_from_slice(&self.id.to_be_bytes());
        header[6..8].copy_from_slice(&place.to_be_bytes());
        header[12..16].copy_from_slice(&ends[0]);
        header[16..20].copy_from_slice(&ends[1]);
        let checksum = checksum(&[&header]);
        header[10..12].copy_from_slice(&checksum);
        self.frame.clear();
        self.frame.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        self.frame.extend(header);
        self.frame.extend(payload);
        self.now_us += self.step_us;
        let length = self.frame.len() as u32;
        let times = [1_700_000_000 + (self.now_us / 1_000_000) as u32, (self.now_us % 1_000_000) as u32];
        for word in [times[0], times[1], length, length] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.written += 1;
        self.out.write_all(&self.frame)
    }

    pub(super) fn tcp(&mut self, from: End, to: End, flags: u8, numbers: (u32, u32), payload: &[u8]) -> io::Result<()> {
        self.id = self.id.wrapping_add(1);
        let segment = segment(from, to, flags, numbers, payload);
        self.ip([from.0, to.0], 6, 0x4000, &segment)
    }

    /// A handshake with the broker; both sequence numbers are 1 after it.
    pub(super) fn open(&mut self, client: End) -> io::Result<()> {
        self.tcp(client, SERVER, SYN, (0, 0), &[])?;
        self.tcp(SERVER, client, SYN | ACK, (0, 1), &[])?;
        self.tcp(client, SERVER, ACK, (1, 1), &[])
    }

    /// Sends bytes of a client's stream, from `at` on; where they end.
    pub(super) fn send(&mut self, client: End, mut at: u32, bytes: &[u8]) -> io::Result<u32> {
        for piece in bytes.chunks(MOST) {
            self.tcp(client, SERVER, PSH | ACK, (at, 1), piece)?;
            at = at.wrapping_add(piece.len() as u32);
        }
        Ok(at)
    }

    /// A client that has opened a session; where its stream goes on.
    pub(super) fn session(&mut self, number: u64, level: u8) -> io::Result<u32> {
        self.open(client(number))?;
        let hello = connect(level, format!("client-{number}").as_bytes());
        let at = self.send(client(number), 1, &hello)?;
        let answer = packet(0x20, &[&[0, 0][..], if level == 5 { &[0] } else { &[] }]);
        self.tcp(SERVER, client(number), PSH | ACK, (1, at), &answer)?;
        Ok(at)
    }

    /// A client sends something, and the broker acknowledges or answers it, until there are enough packets.
    pub(super) fn talk(
        &mut self,
        packets: u64,
        level: u8,
        mut next: impl FnMut(&mut Self, u64) -> (Vec<u8>, Vec<u8>),
    ) -> io::Result<()> {
        let mut at = self.session(0, level)?;
        let mut back = if level == 5 { 6 } else { 5 };
        for number in 0.. {
            if self.written >= packets {
                break;
            }
            let (bytes, answer) = next(self, number);
            at = self.send(client(0), at, &bytes)?;
            self.tcp(SERVER, client(0), PSH | ACK, (back, at), &answer)?;
            back = back.wrapping_add(answer.len() as u32);
        }
        Ok(())
    }
}

pub(super) fn segment(from: End, to: End, flags: u8, numbers: (u32, u32), payload: &[u8]) -> Vec<u8> {
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

/// The checksum of the Internet (RFC 1071); all parts but the last are of even length.
pub(super) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u64 = words.map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// A variable byte integer.
pub(super) fn variable(mut number: usize) -> Vec<u8> {
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

/// A control packet with this first byte.
pub(super) fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [&[first][..], &variable(body.len()), &body].concat()
}

/// A string with its length.
pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

pub(super) fn connect(level: u8, client: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    packet(0x10, &[&string(b"MQTT"), &[level, 2, 0, 60], properties, &string(client)])
}

pub(super) fn publish(first: u8, topic: &[u8], id: &[u8], properties: Option<&[u8]>, payload: &[u8]) -> Vec<u8> {
    let properties = properties.map(|list| [variable(list.len()), list.to_vec()].concat()).unwrap_or_default();
    packet(first, &[&string(topic), id, &properties, payload])
}
