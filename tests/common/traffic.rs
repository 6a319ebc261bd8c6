//! Traffic of any size, made by seed: MQTT over TCP over IPv4 and IPv6, as a capture file.
//!
//! The same options give the same bytes. What is in it: handshakes with window scale, SACK and timestamps; sessions of MQTT
//! 3.1.1 and 5.0 from CONNECT to DISCONNECT with QoS 0, 1 and 2 in both directions, pings and subscriptions; segments that
//! cut packets anywhere and such that hold several; connections that are refused, unanswered, or joined in the middle.
//! Rates say how many segments are lost, sent again, captured late, or captured twice. It keeps the connections that are
//! open, and nothing of what it has written.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::packets::{self, Version};
use super::pcap;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// The largest payload of a segment.
const MSS: usize = 1400;

/// Connections that are open at a time, at most.
const OPEN: usize = 1000;

/// With fewer packets for each connection than this, most of them are scraps.
const WHOLE: u64 = 24;

/// What is wanted. Rates are per mille of the segments with payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    /// Packets in all; those that are begun are ended, so that a few more come.
    pub(crate) packets: u64,
    /// Connections, over which the packets are spread.
    pub(crate) connections: u64,
    /// Where chance begins.
    pub(crate) seed: u64,
    /// Segments that arrived and were not captured.
    pub(crate) loss: u64,
    /// Segments sent again, of which the capture has both copies.
    pub(crate) retransmission: u64,
    /// Segments captured behind their successor.
    pub(crate) reordering: u64,
    /// Packets captured twice.
    pub(crate) duplicates: u64,
}

impl Default for Traffic {
    /// As a quiet network: little goes wrong.
    fn default() -> Self {
        Self { packets: 10_000, connections: 100, seed: 1, loss: 0, retransmission: 4, reordering: 2, duplicates: 1 }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Packets.
    pub(crate) packets: u64,
    /// TCP connections.
    pub(crate) connections: u64,
    /// MQTT packets whose last byte was sent, captured or not.
    pub(crate) messages: u64,
}

impl Traffic {
    /// Writes the capture file.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<Written> {
        out.write_all(&pcap::header(pcap::ETHERNET))?;
        let each = (self.packets / self.connections.max(1)).max(1);
        let mut chance = Chance(self.seed);
        let mut open: Vec<Connection> = Vec::new();
        let (mut written, mut planned, mut now_us) = (Written::default(), 0, 0_u64);
        let mut frame = Vec::new();
        loop {
            while open.len() < OPEN && written.connections < self.connections && planned < self.packets {
                open.push(Connection::new(written.connections, each, &mut chance));
                written.connections += 1;
            }
            if open.is_empty() {
                return Ok(written);
            }
            let at = chance.below(open.len() as u64) as usize;
            let connection = &mut open[at];
            if connection.queue.is_empty() {
                // The last connections go on for as long as packets are wanted.
                let last = written.connections == self.connections;
                let over = planned >= self.packets || (!last && connection.spent >= each);
                if connection.next(over, now_us / 1000, &mut chance) {
                    self.disturb(&mut connection.queue, &mut chance);
                    let queued = connection.queue.iter().map(Segment::captured).sum::<u64>();
                    connection.spent += queued;
                    planned += queued;
                } else {
                    open.swap_remove(at);
                    continue;
                }
            }
            let Some(segment) = connection.queue.pop_front() else { continue };
            written.messages += u64::from(segment.completes);
            connection.frame(&segment, &mut frame);
            for _ in 0..segment.captured() {
                now_us += 1 + chance.below(99);
                out.write_all(&pcap::record(now_us, frame.len(), frame.len()))?;
                out.write_all(&frame)?;
                written.packets += 1;
            }
        }
    }

    /// The same in memory.
    pub(crate) fn bytes(&self) -> (Vec<u8>, Written) {
        let mut out = Vec::new();
        let written = self.write(&mut out).expect("writing to memory can't fail");
        (out, written)
    }

    /// Lets go wrong what is to go wrong with segments that were just sent.
    fn disturb(&self, queue: &mut VecDeque<Segment>, chance: &mut Chance) {
        for at in 0..queue.len() {
            if queue[at].payload.is_empty() {
                continue;
            }
            if chance.is(self.retransmission) {
                let first = &queue[at];
                let id = first.id.wrapping_add(1000);
                // A millisecond later, so that its timestamp says that it is another.
                let again =
                    Segment { id, stamp: first.stamp + 1, completes: 0, payload: first.payload.clone(), ..*first };
                queue.push_back(again);
            } else if chance.is(self.reordering) {
                if queue.get(at + 1).is_some_and(|next| next.from == queue[at].from && !next.payload.is_empty()) {
                    queue.swap(at, at + 1);
                }
            } else if chance.is(self.loss) {
                queue[at].copies = 0;
            } else if chance.is(self.duplicates) {
                queue[at].copies = 2;
            }
        }
    }
}

/// Chance, of which the seed is all (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn is(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// A segment that was sent.
struct Segment {
    /// Who sent it: the client (0) or the server (1).
    from: usize,
    flags: u8,
    numbers: (u32, u32),
    /// TSval; TSecr is what the other end said last.
    stamp: u32,
    echo: u32,
    id: u16,
    payload: Vec<u8>,
    /// MQTT packets that end in it.
    completes: u32,
    /// How often it was captured.
    copies: u64,
}

impl Segment {
    const fn captured(&self) -> u64 {
        self.copies
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    /// Joined in the middle, between two packets.
    Joined,
    Refused,
    Unanswered,
}

/// Where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Handshake,
    Connect,
    Subscribe,
    Exchange,
    Closed,
}

struct Connection {
    number: u64,
    kind: Kind,
    step: Step,
    version: Version,
    spent: u64,
    next: [u32; 2],
    id: [u16; 2],
    stamp: [u32; 2],
    packet_id: [u16; 2],
    queue: VecDeque<Segment>,
}

impl Connection {
    fn new(number: u64, each: u64, chance: &mut Chance) -> Self {
        let kind = match (each < WHOLE, chance.below(100)) {
            (true, 0..45) => Kind::Refused,
            (true, 45..55) => Kind::Unanswered,
            (true, 55..85) | (false, 0..5) => Kind::Joined,
            _ => Kind::Whole,
        };
        Self {
            number,
            kind,
            step: if kind == Kind::Joined { Step::Exchange } else { Step::Handshake },
            version: if chance.is(400) { Version::V5 } else { Version::V4 },
            spent: 0,
            next: [chance.next() as u32, chance.next() as u32],
            id: [chance.next() as u16, chance.next() as u16],
            stamp: [chance.below(1 << 30) as u32, chance.below(1 << 30) as u32],
            packet_id: [0; 2],
            queue: VecDeque::new(),
        }
    }

    /// Sends the next segments; `over` asks for the end. Returns whether anything was left to send.
    fn next(&mut self, over: bool, now_ms: u64, chance: &mut Chance) -> bool {
        // Both ends' clocks tick in milliseconds, from somewhere.
        let base = (self.number as u32).wrapping_mul(7919);
        for stamp in &mut self.stamp {
            *stamp = (*stamp).max(base.wrapping_add(now_ms as u32) >> 1);
        }
        match self.step {
            Step::Closed => return false,
            Step::Handshake => {
                self.send(0, SYN, Vec::new(), 0);
                self.step = Step::Closed;
                match self.kind {
                    Kind::Refused => self.send(1, RST | ACK, Vec::new(), 0),
                    Kind::Unanswered => {
                        // The same number again, a second later.
                        self.next[0] = self.next[0].wrapping_sub(1);
                        self.stamp[0] += 1000;
                        self.send(0, SYN, Vec::new(), 0);
                    }
                    Kind::Whole | Kind::Joined => {
                        self.send(1, SYN | ACK, Vec::new(), 0);
                        self.send(0, ACK, Vec::new(), 0);
                        self.step = Step::Connect;
                    }
                }
            }
            Step::Connect => {
                self.stream(0, vec![packets::connect(self.version, self.number)], chance);
                self.stream(1, vec![packets::connack(self.version)], chance);
                self.send(0, ACK, Vec::new(), 0);
                self.step = Step::Subscribe;
            }
            Step::Subscribe => {
                let id = self.packet_id(0);
                self.stream(0, vec![packets::subscribe(self.version, id, self.number)], chance);
                self.stream(1, vec![packets::suback(self.version, id)], chance);
                self.send(0, ACK, Vec::new(), 0);
                self.step = Step::Exchange;
            }
            Step::Exchange if over => {
                self.step = Step::Closed;
                if chance.is(50) {
                    self.send(0, RST | ACK, Vec::new(), 0);
                } else {
                    self.stream(0, vec![packets::disconnect(self.version)], chance);
                    self.send(0, FIN | ACK, Vec::new(), 0);
                    self.send(1, FIN | ACK, Vec::new(), 0);
                    self.send(0, ACK, Vec::new(), 0);
                }
            }
            Step::Exchange => self.exchange(chance),
        }
        true
    }

    /// One thing that a session does, and all answers to it.
    fn exchange(&mut self, chance: &mut Chance) {
        let (from, version) = (usize::from(chance.is(300)), self.version);
        let other = 1 - from;
        match chance.below(100) {
            0..5 => {
                self.stream(0, vec![packets::PINGREQ.to_vec()], chance);
                self.stream(1, vec![packets::PINGRESP.to_vec()], chance);
                self.send(0, ACK, Vec::new(), 0);
            }
            5..55 => {
                let count = 1 + chance.below(4);
                let sent = (0..count).map(|_| self.publish(0, 0, chance)).collect();
                self.stream(from, sent, chance);
                self.send(other, ACK, Vec::new(), 0);
            }
            55..85 => {
                let id = self.packet_id(from);
                let sent = self.publish(1, id, chance);
                self.stream(from, vec![sent], chance);
                self.stream(other, vec![packets::ack(0x40, id, version)], chance);
                self.send(from, ACK, Vec::new(), 0);
            }
            _ => {
                let id = self.packet_id(from);
                let sent = self.publish(2, id, chance);
                self.stream(from, vec![sent], chance);
                self.stream(other, vec![packets::ack(0x50, id, version)], chance);
                self.stream(from, vec![packets::ack(0x62, id, version)], chance);
                self.stream(other, vec![packets::ack(0x70, id, version)], chance);
                self.send(from, ACK, Vec::new(), 0);
            }
        }
    }

    fn publish(&self, qos: u8, id: u16, chance: &mut Chance) -> Vec<u8> {
        // Mostly a measurement, seldom something that takes many segments.
        let length = match chance.below(2000) {
            0 => 20_000,
            1..100 => 2000,
            _ => 16 + chance.below(120) as usize,
        };
        packets::publish(self.version, qos, id, self.number, chance.below(20), length)
    }

    /// Each end numbers its own exchanges; what is answered at once may be numbered anew soon.
    fn packet_id(&mut self, from: usize) -> u16 {
        self.packet_id[from] = self.packet_id[from] % 65_535 + 1;
        self.packet_id[from]
    }

    /// Sends packets as one write, cut into segments: mostly where they are full, at times anywhere.
    fn stream(&mut self, from: usize, sent: Vec<Vec<u8>>, chance: &mut Chance) {
        let mut ends: VecDeque<usize> = VecDeque::new();
        let mut bytes = Vec::new();
        for packet in sent {
            bytes.extend(packet);
            ends.push_back(bytes.len());
        }
        let mut at = 0;
        while at < bytes.len() {
            let mut length = (bytes.len() - at).min(MSS);
            if chance.is(100) {
                length = 1 + chance.below(length as u64) as usize;
            }
            at += length;
            let before = ends.len();
            ends.retain(|end| *end > at);
            let completes = (before - ends.len()) as u32;
            let push = if at == bytes.len() { PSH } else { 0 };
            self.send(from, ACK | push, bytes[at - length..at].to_vec(), completes);
        }
    }

    fn send(&mut self, from: usize, flags: u8, payload: Vec<u8>, completes: u32) {
        let numbers = (self.next[from], if flags & ACK == 0 { 0 } else { self.next[1 - from] });
        let counted = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(counted);
        self.id[from] = self.id[from].wrapping_add(1);
        self.stamp[from] += 2;
        let echo = if flags & ACK == 0 { 0 } else { self.stamp[1 - from] };
        let (stamp, id) = (self.stamp[from], self.id[from]);
        self.queue.push_back(Segment { from, flags, numbers, stamp, echo, id, payload, completes, copies: 1 });
    }

    /// The frame of a segment.
    fn frame(&self, segment: &Segment, frame: &mut Vec<u8>) {
        let from = segment.from;
        let number = self.number;
        // One in eight speaks IPv6. A client has its own address, and a port that never comes again with it.
        let six = number % 8 == 7;
        let client = (number % 60_000) as u16;
        let port = 20_000 + (number / 60_000 % 40_000) as u16;
        let mut source = vec![198, 18, (client >> 8) as u8, client as u8];
        let mut destination = vec![198, 19, 0, (number % 3) as u8 + 1];
        if six {
            let prefix = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0];
            source = [&prefix[..], &source].concat();
            destination = [&prefix[..], &destination].concat();
        }
        let (mut ports, mut ends) = ([port, 1883], [source, destination]);
        if from == 1 {
            ports.reverse();
            ends.reverse();
        }
        let mut tcp: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
        tcp.extend(segment.numbers.0.to_be_bytes());
        tcp.extend(segment.numbers.1.to_be_bytes());
        tcp.extend([0, segment.flags, 0x20, 0, 0, 0, 0, 0]);
        if segment.flags & SYN != 0 {
            // MSS, SACK permitted, and below timestamps and a window scale of 7.
            tcp.extend([2, 4, (MSS >> 8) as u8, MSS as u8, 4, 2]);
        } else {
            tcp.extend([1, 1]);
        }
        tcp.extend([8, 10]);
        tcp.extend(segment.stamp.to_be_bytes());
        tcp.extend(segment.echo.to_be_bytes());
        if segment.flags & SYN != 0 {
            tcp.extend([1, 3, 3, 7]);
        }
        tcp[12] = (tcp.len() as u8 / 4) << 4;
        tcp.extend(&segment.payload);
        let pseudo = sum(&ends[0]) + sum(&ends[1]) + 6 + tcp.len() as u64;
        let checksum = fold(pseudo + sum(&tcp));
        tcp[16..18].copy_from_slice(&checksum);

        frame.clear();
        frame.extend([2, 0, 0, 0, 0, 2 - from as u8, 2, 0, 0, 0, 0, 1 + from as u8]);
        let length = tcp.len() as u16;
        if six {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([6, 64]);
            frame.extend(ends.concat());
        } else {
            let mut ip = vec![0x45, 0];
            ip.extend((20 + length).to_be_bytes());
            ip.extend(segment.id.to_be_bytes());
            ip.extend([0x40, 0, 64, 6, 0, 0]);
            ip.extend(ends.concat());
            let checksum = fold(sum(&ip));
            ip[10..12].copy_from_slice(&checksum);
            frame.extend([8, 0]);
            frame.extend(ip);
        }
        frame.extend(tcp);
    }
}

/// The words of the Internet checksum, added up.
fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
}

/// The checksum of such a sum (RFC 1071).
fn fold(mut sum: u64) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
