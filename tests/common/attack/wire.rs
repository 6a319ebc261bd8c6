//! What attacks are made of: packets by hand, and the capture that they go to.

use std::io::{self, Write};

pub(super) use super::super::craft::{End, checksum, packet, segment, text, variable};
use super::super::craft::{WHOLE, ipv4};
use super::super::pcap;

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

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
        out.write_all(&pcap::header(pcap::ETHERNET))?;
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
        let header = ipv4(ends, self.id, place, protocol, payload.len());
        self.frame.clear();
        self.frame.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        self.frame.extend(header);
        self.frame.extend(payload);
        self.now_us += self.step_us;
        self.out.write_all(&pcap::record(self.now_us, self.frame.len(), self.frame.len()))?;
        self.written += 1;
        self.out.write_all(&self.frame)
    }

    pub(super) fn tcp(&mut self, from: End, to: End, flags: u8, numbers: (u32, u32), payload: &[u8]) -> io::Result<()> {
        self.id = self.id.wrapping_add(1);
        let segment = segment(from, to, flags, numbers, payload);
        self.ip([from.0, to.0], 6, WHOLE, &segment)
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

pub(super) fn connect(level: u8, client: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    packet(0x10, &[&text(b"MQTT"), &[level, 2, 0, 60], properties, &text(client)])
}

pub(super) fn publish(first: u8, topic: &[u8], id: &[u8], properties: Option<&[u8]>, payload: &[u8]) -> Vec<u8> {
    let properties = properties.map(|list| [variable(list.len()), list.to_vec()].concat()).unwrap_or_default();
    packet(first, &[&text(topic), id, &properties, payload])
}
