//! Traffic from a script: connections that shake hands, speak MQTT and close, and everything that can happen to them on
//! the way, so that choices at random come further than to the first header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mqttsniff::capture::{FrameHeader, LinkType};
use mqttsniff::dissect::{DissectOptions, Protocol};
use mqttsniff::engine::EngineOptions;
use mqttsniff::flow::WiresharkRules;
use mqttsniff::mqtt::Version;
use mqttsniff::session::SessionOptions;
use mqttsniff::time::{Span, Timestamp};

use crate::REDACTOR;
use crate::examine::Setting;
use crate::frames::Frames;
use crate::script::Script;

mod headers;
mod messages;

use headers::{checksum, ethernet, ip, tcp_checksum};

/// Frames that a script may make, and their bytes.
const FRAMES: usize = 500;
const BYTES: usize = 1 << 18;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// How a script wants its traffic to be read.
pub fn setting(script: &mut Script<'_>) -> Setting {
    let choices = script.byte();
    let mut engine = EngineOptions::default();
    let mut sessions = SessionOptions::default();
    if choices & 1 == 0 {
        engine.flows.flows = 3;
        engine.fragments.datagrams = 3;
        engine.fragments.bytes = 1 << 14;
        engine.reassembly.bytes = 600;
        engine.reassembly.segments = 4;
        engine.dissect.framer.held_bytes = 300;
        sessions = SessionOptions {
            routes: true,
            waiting_sessions: 2,
            publications: 3,
            retained: 2,
            subscriptions: 3000,
            topics: 3,
            memory: 3000,
        };
    }
    engine.ignore_checksums = choices & 2 != 0;
    engine.dissect = DissectOptions {
        decode_as: if choices & 4 == 0 { Vec::new() } else { vec![(7000, Protocol::Mqtt)] },
        mqtt_version: match choices >> 3 & 3 {
            0 | 1 => None,
            2 => Some(Version::V311),
            _ => Some(Version::V5),
        },
        redactor: (choices & 32 != 0).then(|| *REDACTOR),
        ..engine.dissect
    };
    engine.wireshark = (choices & 64 != 0).then_some(WiresharkRules::Master);
    Setting { engine, sessions }
}

/// One end of a connection.
#[derive(Debug, Clone, Copy)]
struct End {
    address: IpAddr,
    port: u16,
    /// The number of the next byte that it sends.
    next: u32,
    window: u16,
}

/// A connection; the client is the first end.
#[derive(Debug, Clone, Copy)]
struct Connection {
    ends: [End; 2],
    version: u8,
}

/// Makes frames.
struct Maker<'a> {
    script: Script<'a>,
    frames: Frames,
    bytes: usize,
    time: Timestamp,
    connections: Vec<Connection>,
    at: usize,
    /// How packets are put into frames.
    link: LinkType,
    vlan: bool,
    /// How often the last packet is put into another.
    tunnel: u8,
    datagram: u16,
}

/// The traffic of a script.
pub fn traffic(script: &mut Script<'_>) -> Frames {
    let mut maker = Maker {
        script: script.clone(),
        frames: Frames::default(),
        bytes: 0,
        time: Timestamp::from_secs_nanos(1_700_000_000, 0),
        connections: Vec::new(),
        at: 0,
        link: LinkType::ETHERNET,
        vlan: false,
        tunnel: 0,
        datagram: 0,
    };
    maker.connect();
    while !maker.script.is_over() && maker.frames.list.len() < FRAMES && maker.bytes < BYTES {
        maker.step();
    }
    maker.frames
}

impl Maker<'_> {
    /// Another connection, or one with the ports of an earlier one.
    fn connect(&mut self) {
        let kind = self.script.byte();
        let host = kind & 3;
        let of = |host: u8| match kind & 64 {
            0 => IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
            _ => IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into())),
        };
        let port = [1883, 1883, 1883, 8883, 7000, 9001, 80, 5000][usize::from(kind >> 3 & 7)];
        let end = |address, port, next| End { address, port, next, window: 8192 };
        let (isn, peer) = (self.script.long(), 0xffff_fff0);
        // The fourth connection to a port reuses that of the first.
        let client = 40_000 + (self.connections.len() as u16 % 3);
        let ends = [end(of(host + 10), client, isn), end(of(1), port, peer)];
        self.connections.push(Connection { ends, version: [4, 4, 5, 3][usize::from(kind >> 6)] });
        self.at = self.connections.len() - 1;
    }

    fn step(&mut self) {
        let choice = self.script.byte();
        let from = usize::from(choice & 1);
        match choice >> 1 {
            0..4 => self.handshake(),
            4..40 => {
                let version = self.connections[self.at].version;
                let message = messages::message(&mut self.script, version, from);
                self.send(from, &message);
            }
            40..46 => {
                let bytes = self.script.some_bytes().to_vec();
                self.send(from, &bytes);
            }
            46..50 => self.segment(from, ACK, 0, &[]),
            50..53 => {
                self.segment(from, FIN | ACK, 0, &[]);
                let next = &mut self.connections[self.at].ends[from].next;
                *next = next.wrapping_add(1);
            }
            53..55 => self.segment(from, RST | ACK, 0, &[]),
            55..58 => self.connect(),
            58..62 => self.at = self.script.below(self.connections.len().min(256)),
            62..66 => self.again(),
            66..70 => self.swap(),
            70..73 => drop(self.frames.list.pop()),
            73..77 => {
                // Bytes that nobody captured.
                let count = u32::from(self.script.byte());
                let end = &mut self.connections[self.at].ends[from];
                end.next = end.next.wrapping_add(count);
            }
            77..82 => self.pass_time(),
            82..87 => self.damage(),
            87..90 => self.cut(),
            90..94 => self.fragment(),
            94..96 => self.datagram(from),
            96..98 => self.report(from),
            98..100 => self.arp(),
            100..102 => self.link = self.script.pick(&LINKS),
            102 => self.vlan = !self.vlan,
            103..105 => self.tunnel = self.script.byte() % 4,
            105..108 => self.connections[self.at].ends[from].window = self.script.pick(&[0, 1, 1000, 8192, 0xffff]),
            108..111 => self.overlap(from),
            111..113 => self.large(from),
            113..116 => self.repeat(),
            116..119 => {
                // A keep-alive, or a probe of a closed window.
                let bytes = self.script.bytes(1).to_vec();
                self.segment(from, ACK, -1, &bytes);
            }
            119..121 => self.segment(from, SYN | if choice & 2 == 0 { 0 } else { ACK }, -1, &[]),
            121..123 => {
                let (flags, bytes) = (self.script.byte(), self.script.some_bytes().to_vec());
                let offset = i32::from(self.script.word() as i16);
                self.segment(from, flags, offset, &bytes);
            }
            123..125 => self.connections[self.at].version = self.script.pick(&[3, 4, 5, 6]),
            _ => self.raw(),
        }
    }

    fn handshake(&mut self) {
        self.segment(0, SYN, -1, &[]);
        self.segment(1, SYN | ACK, -1, &[]);
        self.segment(0, ACK, 0, &[]);
    }

    /// Sends bytes, in as many segments as the script says.
    fn send(&mut self, from: usize, bytes: &[u8]) {
        let size = match self.script.byte() {
            0..192 => usize::MAX,
            small @ 192..224 => usize::from(small - 191),
            large => usize::from(large - 223) * 40,
        };
        for piece in bytes.chunks(size) {
            if self.frames.list.len() >= FRAMES {
                return;
            }
            self.segment(from, PSH | ACK, 0, piece);
            let end = &mut self.connections[self.at].ends[from];
            end.next = end.next.wrapping_add(piece.len() as u32);
        }
    }

    /// A segment with the next number of its sender, or another.
    fn segment(&mut self, from: usize, flags: u8, offset: i32, payload: &[u8]) {
        let connection = self.connections[self.at];
        let [sender, peer] = [connection.ends[from], connection.ends[1 - from]];
        let options: &[u8] = if flags & SYN == 0 {
            &[]
        } else {
            // The largest segment, SACK, and the scale of the window.
            &[2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7]
        };
        let mut tcp = Vec::with_capacity(20 + options.len() + payload.len());
        tcp.extend(sender.port.to_be_bytes());
        tcp.extend(peer.port.to_be_bytes());
        tcp.extend(sender.next.wrapping_add_signed(offset).to_be_bytes());
        tcp.extend(if flags & ACK == 0 { [0; 4] } else { peer.next.to_be_bytes() });
        tcp.push(((20 + options.len()) / 4 << 4) as u8);
        tcp.push(flags);
        tcp.extend(sender.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(options);
        tcp.extend(payload);
        let sum = tcp_checksum(sender.address, peer.address, 6, &tcp);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        self.packet(sender.address, peer.address, 6, &tcp);
    }

    /// Puts a packet into a frame.
    fn packet(&mut self, source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) {
        self.datagram = self.datagram.wrapping_add(1);
        let mut packet = ip(source, destination, protocol, self.datagram, payload);
        for _ in 0..self.tunnel {
            // IP in IP (RFC 2003), or IPv6 in IPv4 (RFC 4213).
            let inner = if packet[0] >> 4 == 4 { 4 } else { 41 };
            let [a, b] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
            packet = ip(a.into(), b.into(), inner, self.datagram, &packet);
        }
        self.frame(&packet);
    }

    fn frame(&mut self, packet: &[u8]) {
        let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        let ether_type: u16 = if is_v6 { 0x86dd } else { 0x0800 };
        let mut data = match self.link {
            LinkType::NULL | LinkType::LOOP => vec![0, 0, 0, if is_v6 { 30 } else { 2 }],
            LinkType::LINUX_SLL => [&[0, 0, 0, 1, 0, 6][..], &[2; 8], &ether_type.to_be_bytes()].concat(),
            LinkType::LINUX_SLL2 => [&ether_type.to_be_bytes()[..], &[0, 0, 0, 0, 0, 1, 0, 1, 0, 6], &[2; 8]].concat(),
            LinkType::ETHERNET => ethernet(ether_type, self.vlan),
            _ => Vec::new(),
        };
        data.extend(packet);
        self.keep(data);
    }

    fn keep(&mut self, data: Vec<u8>) {
        self.time = self.time + Span::from_millis(1);
        let header =
            FrameHeader { time: self.time, link: self.link, length: data.len() as u32, interface: 0, fcs_length: 0 };
        self.bytes += data.len();
        self.frames.list.push((header, data));
    }

    /// A frame that was captured before comes again.
    fn again(&mut self) {
        let back = 1 + self.script.below(16);
        let at = self.frames.list.len().checked_sub(back);
        if let Some((header, data)) = at.and_then(|at| self.frames.list.get(at)).cloned() {
            let link = std::mem::replace(&mut self.link, header.link);
            self.keep(data);
            self.link = link;
        }
    }

    /// The last frame was captured before an earlier one.
    fn swap(&mut self) {
        let back = 2 + self.script.below(8);
        let list = &mut self.frames.list;
        if let Some(at) = list.len().checked_sub(back) {
            let last = list.len() - 1;
            let (early, late) = (list[at].0.time, list[last].0.time);
            list.swap(at, last);
            (list[at].0.time, list[last].0.time) = (early, late);
        }
    }

    fn pass_time(&mut self) {
        let span = self.script.pick(&[1, 25, 300, 1100, 12_000, 65_000, 200_000, 90_000_000, -1, -5_000]);
        self.time = self.time + Span::from_millis(span);
    }

    /// Other bytes stand in the last frame.
    fn damage(&mut self) {
        let (place, value) = (usize::from(self.script.byte()), self.script.byte());
        if let Some((_, data)) = self.frames.list.last_mut()
            && let Some(byte) = data.get_mut(place)
        {
            *byte = value;
        }
    }

    /// The last frame was not captured whole.
    fn cut(&mut self) {
        let keep = usize::from(self.script.byte());
        if let Some((_, data)) = self.frames.list.last_mut() {
            data.truncate(keep);
        }
    }

    /// The last frame comes in fragments, if it is IPv4 without options.
    fn fragment(&mut self) {
        let (size, order) = (8 * (1 + self.script.below(16)), self.script.byte());
        let Some((header, data)) = self.frames.list.pop() else { return };
        let front = match header.link {
            LinkType::ETHERNET => 14,
            LinkType::RAW => 0,
            _ => return self.frames.list.push((header, data)),
        };
        let Some((head, payload)) = data.split_at_checked(front + 20) else {
            return self.frames.list.push((header, data));
        };
        if head[front] != 0x45 {
            return self.frames.list.push((header, data));
        }
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (number, piece) in payload.chunks(size).enumerate() {
            let more = if (number + 1) * size < payload.len() { 0x2000 } else { 0 };
            let place = (number * size / 8) as u16 | more;
            let mut part = head.to_vec();
            part.extend(piece);
            let packet = &mut part[front..];
            let length = packet.len() as u16;
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            packet[6..8].copy_from_slice(&place.to_be_bytes());
            packet[10..12].fill(0);
            let sum = checksum(0, &packet[..20]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            parts.push(part);
        }
        match order & 3 {
            1 => parts.reverse(),
            2 => drop(parts.pop()),
            3 => parts.extend_from_within(..1),
            _ => {}
        }
        for part in parts.into_iter().take(64) {
            let link = std::mem::replace(&mut self.link, header.link);
            self.keep(part);
            self.link = link;
        }
    }

    fn datagram(&mut self, from: usize) {
        let connection = self.connections[self.at];
        let [sender, peer] = [connection.ends[from], connection.ends[1 - from]];
        let port = self.script.pick(&[53, 4789, 8472, 5000, 1883]);
        let payload = self.script.some_bytes().to_vec();
        let mut udp = sender.port.to_be_bytes().to_vec();
        udp.extend(u16::to_be_bytes(port));
        udp.extend((8 + payload.len() as u16).to_be_bytes());
        udp.extend([0; 2]);
        udp.extend(payload);
        self.packet(sender.address, peer.address, 17, &udp);
    }

    /// ICMP about the last frame.
    fn report(&mut self, from: usize) {
        let (kind, code) = (self.script.pick(&[3, 4, 5, 8, 11, 12, 1, 2]), self.script.byte() % 16);
        let connection = self.connections[self.at];
        let [sender, peer] = [connection.ends[from].address, connection.ends[1 - from].address];
        let quoted = self.frames.list.last().map(|(_, data)| data.get(14..).unwrap_or_default().to_vec());
        let mut icmp = vec![kind, code, 0, 0, 0, 0, 0, 0];
        icmp.extend(quoted.unwrap_or_default().into_iter().take(60));
        let sum = checksum(0, &icmp);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        self.packet(sender, peer, if sender.is_ipv6() { 58 } else { 1 }, &icmp);
    }

    fn arp(&mut self) {
        let (host, station) = (self.script.byte() & 3, self.script.byte() & 1);
        let mut data = ethernet(0x0806, self.vlan);
        data.extend([0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, station, 10, 0, 0, host, 2, 0, 0, 0, 0, 9, 10, 0, 0, 1]);
        let link = std::mem::replace(&mut self.link, LinkType::ETHERNET);
        self.keep(data);
        self.link = link;
    }

    /// Bytes that were sent, or will be, once more or before their time; perhaps they are others.
    fn overlap(&mut self, from: usize) {
        let offset = i32::from(self.script.byte()) - 128;
        let bytes = self.script.some_bytes().to_vec();
        self.segment(from, PSH | ACK, offset, &bytes);
    }

    /// A message of many kilobytes, in segments of a usual size.
    fn large(&mut self, from: usize) {
        let length = usize::from(self.script.word());
        let message = messages::large(self.connections[self.at].version, length);
        for piece in message.chunks(1460) {
            if self.frames.list.len() >= FRAMES || self.bytes >= BYTES {
                return;
            }
            self.segment(from, ACK, 0, piece);
            let end = &mut self.connections[self.at].ends[from];
            end.next = end.next.wrapping_add(piece.len() as u32);
        }
    }

    /// What the script says next happens again and again.
    fn repeat(&mut self) {
        let (times, length) = (self.script.byte() / 4, usize::from(self.script.byte() / 4));
        let whole = self.script.rest();
        let part = &whole[..length.min(whole.len())];
        for _ in 0..times {
            let mut inner = Script::new(part);
            std::mem::swap(&mut self.script, &mut inner);
            while !self.script.is_over() && self.frames.list.len() < FRAMES && self.bytes < BYTES {
                // Not within itself: that would take for ever.
                if (113..116).contains(&(self.script.rest()[0] >> 1)) {
                    self.script.byte();
                } else {
                    self.step();
                }
            }
            self.script = inner;
        }
    }

    /// Anything in a frame.
    fn raw(&mut self) {
        let data = self.script.some_bytes().to_vec();
        self.keep(data);
    }
}

/// How frames may begin.
const LINKS: [LinkType; 12] = [
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::PPP,
    LinkType::IEEE802_11,
    LinkType(147),
];
