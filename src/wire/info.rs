//! One line about a packet, for people: what Wireshark's Info column tells.
//!
//! It tells what one packet holds, not what it means among others; and it shows no text from the wire.

use std::fmt::{self, Write};
use std::net::Ipv6Addr;

use super::network::protocol;
use super::{Arp, Icmp, Ip, Packet, Payload, Segment, Stop, TcpFlags, TcpOption};

/// One line about what the packet holds.
///
/// Numbers of TCP are those on the wire; use [`tcp_info`] where the flow is known.
pub fn info(packet: &Packet<'_>) -> String {
    let mut line = String::with_capacity(80);
    // A String takes whatever is written to it.
    let _ = write_info(&mut line, packet);
    line
}

/// One line about a TCP segment, with numbers relative to the start of the flow and the window in bytes.
pub fn tcp_info(segment: &Segment<'_>, relative_seq: u32, relative_ack: u32, window: u64) -> String {
    let mut line = String::with_capacity(80);
    let _ = write_tcp_info(&mut line, segment, relative_seq, relative_ack, window);
    line
}

/// Writes what [`info`] tells.
pub(crate) fn write_info(out: &mut impl Write, packet: &Packet<'_>) -> fmt::Result {
    match &packet.payload {
        Payload::Tcp(segment) => {
            write_tcp_info(out, segment, segment.seq.0, segment.ack.0, u64::from(segment.window))?;
        }
        Payload::Udp(datagram) => {
            let (source, destination) = (datagram.source, datagram.destination);
            number(out, "", source)?;
            number(out, " \u{2192} ", destination)?;
            number(out, " Len=", datagram.payload_length)?;
        }
        Payload::Icmp(message) if message.version == 4 => write_icmp(out, message, packet.ip.as_ref())?,
        Payload::Icmp(message) => write_icmpv6(out, message, packet.ip.as_ref())?,
        Payload::Arp(message) => write_arp(out, message)?,
        Payload::Fragment { offset, length } => {
            out.write_str("Fragmented IP protocol (")?;
            if let Some(ip) = &packet.ip {
                write_protocol(out, ip.protocol)?;
                out.write_str(", ")?;
            }
            write!(out, "offset={offset}, length={length}")?;
            if let Some(id) = packet.ip.and_then(|ip| ip.id) {
                write!(out, ", ID={id:04x}")?;
            }
            out.write_char(')')?;
        }
        Payload::Other(bytes) if packet.stop.is_none() => {
            if let Some(ip) = &packet.ip {
                write_protocol(out, ip.protocol)?;
                out.write_str(", ")?;
            }
            write!(out, "{} bytes of data", bytes.len())?;
        }
        Payload::Nothing if packet.stop.is_none() => match &packet.ip {
            Some(ip) => write_protocol(out, ip.protocol)?,
            None => out.write_str("No data")?,
        },
        Payload::Other(_) | Payload::Nothing => {}
    }
    if packet.reassembled {
        out.write_str(" [reassembled]")?;
    }
    match &packet.stop {
        Some(stop) => write_stop(out, stop, matches!(packet.payload, Payload::Other(_) | Payload::Nothing)),
        None => Ok(()),
    }
}

fn write_stop(out: &mut impl Write, stop: &Stop, alone: bool) -> fmt::Result {
    let (name, reason) = (stop.layer.name(), stop.reason);
    if alone { write!(out, "[{name}: {reason}]") } else { write!(out, " [{name}: {reason}]") }
}

/// The control bits in the order of the wire, from the right.
const FLAG_NAMES: [(TcpFlags, &str); 9] = [
    (TcpFlags::FIN, "FIN"),
    (TcpFlags::SYN, "SYN"),
    (TcpFlags::RST, "RST"),
    (TcpFlags::PSH, "PSH"),
    (TcpFlags::ACK, "ACK"),
    (TcpFlags::URG, "URG"),
    (TcpFlags::ECE, "ECE"),
    (TcpFlags::CWR, "CWR"),
    (TcpFlags::AE, "AE"),
];

/// Writes what [`tcp_info`] tells. Without the machinery of `write!`: such lines are most of a list of packets.
pub(crate) fn write_tcp_info(
    out: &mut impl Write,
    segment: &Segment<'_>,
    seq: u32,
    ack: u32,
    window: u64,
) -> fmt::Result {
    number(out, "", segment.source)?;
    number(out, " \u{2192} ", segment.destination)?;
    out.write_str(" [")?;
    let mut names = FLAG_NAMES.iter().filter(|(flag, _)| segment.flags.has(*flag)).map(|(_, name)| *name);
    out.write_str(names.next().unwrap_or("no flags"))?;
    for name in names {
        out.write_str(", ")?;
        out.write_str(name)?;
    }
    number(out, "] Seq=", seq)?;
    if segment.flags.has(TcpFlags::ACK) {
        number(out, " Ack=", ack)?;
    }
    number(out, " Win=", window)?;
    number(out, " Len=", segment.payload_length)?;
    if segment.flags.has(TcpFlags::URG) {
        number(out, " Urg=", segment.urgent)?;
    }
    // Edges of SACK blocks count from where the acknowledgement number counts from.
    let base = segment.ack.minus(ack);
    for option in segment.options.iter() {
        match option {
            TcpOption::MaximumSegmentSize(size) => number(out, " MSS=", size)?,
            // RFC 7323, section 2.3: a shift above 14 is used as 14.
            TcpOption::WindowScale(shift) => number(out, " WS=", 1u32 << shift.min(14))?,
            TcpOption::SackPermitted => out.write_str(" SACK_PERM")?,
            TcpOption::Timestamps(value, echo) => {
                number(out, " TSval=", value)?;
                number(out, " TSecr=", echo)?;
            }
            TcpOption::Sack(blocks) => {
                for (left, right) in blocks.as_slice() {
                    number(out, " SLE=", left.0.wrapping_sub(base.0))?;
                    number(out, " SRE=", right.0.wrapping_sub(base.0))?;
                }
            }
            TcpOption::Md5(_) => out.write_str(" MD5")?,
            TcpOption::Multipath(_) => out.write_str(" MPTCP")?,
            TcpOption::FastOpen([]) => out.write_str(" TFO=R")?,
            TcpOption::FastOpen(_) => out.write_str(" TFO=C")?,
            TcpOption::NoOperation | TcpOption::Other(..) => {}
        }
    }
    Ok(())
}

/// A number behind its name.
#[inline(always)]
#[allow(clippy::inline_always, reason = "where the name is known to the compiler, copying it takes no call")]
fn number(out: &mut impl Write, name: &str, value: impl itoa::Integer) -> fmt::Result {
    out.write_str(name)?;
    out.write_str(itoa::Buffer::new().format(value))
}

/// A hardware address in the usual notation.
struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

fn write_arp(out: &mut impl Write, message: &Arp) -> fmt::Result {
    let (sender, target) = (message.sender, message.target);
    let (sender_mac, target_mac) = (Mac(message.sender_mac), Mac(message.target_mac));
    match message.operation {
        1 if message.is_announcement() => write!(out, "ARP Announcement for {target}"),
        1 if message.is_gratuitous() => write!(out, "Gratuitous ARP for {target} (Request)"),
        1 if message.is_probe() => write!(out, "Who has {target}? (ARP Probe)"),
        1 => write!(out, "Who has {target}? Tell {sender}"),
        2 if message.is_gratuitous() => write!(out, "Gratuitous ARP for {sender} (Reply)"),
        2 => write!(out, "{sender} is at {sender_mac}"),
        // Inverse ARP asks and answers likewise (RFC 2390).
        3 | 8 => write!(out, "Who is {target_mac}? Tell {sender_mac}"),
        4 => write!(out, "{target_mac} is at {target}"),
        9 => write!(out, "{sender_mac} is at {sender}"),
        10 => out.write_str("ARP NAK"),
        other => write!(out, "ARP operation {other}"),
    }
}

fn write_icmp(out: &mut impl Write, message: &Icmp<'_>, ip: Option<&Ip>) -> fmt::Result {
    let [_, _, high, low] = message.rest;
    match (message.kind, message.code) {
        (0, _) => write_echo(out, "Echo (ping) reply", message, ip),
        (8, _) => write_echo(out, "Echo (ping) request", message, ip),
        (3, 4) => {
            let mtu = u16::from_be_bytes([high, low]);
            write!(out, "Destination unreachable (Fragmentation needed, next-hop MTU {mtu})")
        }
        (3, code) => {
            let reason = match code {
                0 => "Network unreachable",
                1 => "Host unreachable",
                2 => "Protocol unreachable",
                3 => "Port unreachable",
                5 => "Source route failed",
                6 => "Destination network unknown",
                7 => "Destination host unknown",
                8 => "Source host isolated",
                9 => "Network administratively prohibited",
                10 => "Host administratively prohibited",
                11 => "Network unreachable for this type of service",
                12 => "Host unreachable for this type of service",
                13 => "Communication administratively filtered",
                14 => "Host precedence violation",
                15 => "Precedence cut-off in effect",
                _ => return write!(out, "Destination unreachable (code {code})"),
            };
            write!(out, "Destination unreachable ({reason})")
        }
        (5, code) => {
            let reason = match code {
                0 => "for the network",
                1 => "for the host",
                2 => "for the type of service and network",
                3 => "for the type of service and host",
                _ => return write!(out, "Redirect (code {code})"),
            };
            let [a, b, c, d] = message.rest;
            write!(out, "Redirect ({reason}) to {a}.{b}.{c}.{d}")
        }
        (11, 0) => out.write_str("Time to live exceeded (in transit)"),
        (11, 1) => out.write_str("Time exceeded (fragment reassembly)"),
        (12, 0) => write!(out, "Parameter problem (pointer {})", message.rest.first().copied().unwrap_or(0)),
        (kind, code) => {
            let name = match kind {
                4 => "Source quench",
                9 => "Router advertisement",
                10 => "Router solicitation",
                11 => "Time exceeded",
                12 => "Parameter problem",
                13 => "Timestamp request",
                14 => "Timestamp reply",
                15 => "Information request",
                16 => "Information reply",
                17 => "Address mask request",
                18 => "Address mask reply",
                _ => return write!(out, "ICMP type {kind}, code {code}"),
            };
            out.write_str(name)
        }
    }
}

fn write_icmpv6(out: &mut impl Write, message: &Icmp<'_>, ip: Option<&Ip>) -> fmt::Result {
    let name = match (message.kind, message.code) {
        (1, code) => {
            let reason = match code {
                0 => "No route to destination",
                1 => "Administratively prohibited",
                2 => "Beyond scope of source address",
                3 => "Address unreachable",
                4 => "Port unreachable",
                5 => "Source address failed policy",
                6 => "Route rejected",
                _ => return write!(out, "Destination unreachable (code {code})"),
            };
            return write!(out, "Destination unreachable ({reason})");
        }
        (2, _) => return write!(out, "Packet too big, MTU {}", u32::from_be_bytes(message.rest)),
        (3, 0) => "Time exceeded (hop limit)",
        (3, 1) => "Time exceeded (fragment reassembly)",
        (4, code) => {
            let reason = match code {
                0 => "erroneous header field",
                1 => "unknown next header",
                2 => "unknown option",
                _ => "code unknown",
            };
            return write!(out, "Parameter problem ({reason}), pointer {}", u32::from_be_bytes(message.rest));
        }
        (128, _) => return write_echo(out, "Echo (ping) request", message, ip),
        (129, _) => return write_echo(out, "Echo (ping) reply", message, ip),
        (130, _) => "Multicast listener query",
        (131, _) => "Multicast listener report",
        (132, _) => "Multicast listener done",
        (133, _) => "Router solicitation",
        (134, _) => "Router advertisement",
        (135, _) => return write_target(out, "Neighbor solicitation for", message),
        (136, _) => return write_target(out, "Neighbor advertisement of", message),
        (137, _) => return write_target(out, "Redirect to", message),
        (143, _) => "Multicast listener report v2",
        (kind, code) => return write!(out, "ICMPv6 type {kind}, code {code}"),
    };
    out.write_str(name)
}

/// Neighbor discovery has the address it is about behind its header (RFC 4861, section 4).
fn write_target(out: &mut impl Write, name: &str, message: &Icmp<'_>) -> fmt::Result {
    match message.payload.first_chunk::<16>() {
        Some(target) => write!(out, "{name} {}", Ipv6Addr::from(*target)),
        None => write!(out, "{name} an address that is missing"),
    }
}

fn write_echo(out: &mut impl Write, name: &str, message: &Icmp<'_>, ip: Option<&Ip>) -> fmt::Result {
    let [a, b, c, d] = message.rest;
    let (id, seq) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    write!(out, "{name} id=0x{id:04x}, seq={seq}")?;
    ip.map_or(Ok(()), |ip| write!(out, ", ttl={}", ip.ttl))
}

/// The name of an IP protocol, or its number.
fn write_protocol(out: &mut impl Write, number: u8) -> fmt::Result {
    let name = match number {
        protocol::ICMP => "ICMP",
        2 => "IGMP",
        protocol::TCP => "TCP",
        protocol::UDP => "UDP",
        33 => "DCCP",
        protocol::GRE => "GRE",
        50 => "ESP",
        protocol::ICMPV6 => "ICMPv6",
        protocol::NO_NEXT_HEADER => "no next header",
        88 => "EIGRP",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        136 => "UDP-Lite",
        _ => return write!(out, "protocol {number}"),
    };
    out.write_str(name)
}

#[cfg(test)]
mod tests {
    use super::super::{Checksum, Datagram, FragmentNote, Layer, SeqNum, TcpOptions};
    use super::*;

    fn icmp(version: u8, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> String {
        let checksum = Checksum::Good;
        let message = Icmp { version, kind, code, rest, checksum, quoted: None, payload, bytes: payload };
        info(&Packet { payload: Payload::Icmp(message), ..Packet::default() })
    }

    #[test]
    fn arp_asks_and_tells() {
        let ask = Arp {
            operation: 1,
            sender_mac: [2, 0, 0, 0, 0, 1],
            sender: [10, 0, 0, 2].into(),
            target_mac: [0; 6],
            target: [10, 0, 0, 1].into(),
        };
        let line = |message| info(&Packet { payload: Payload::Arp(message), ..Packet::default() });
        assert_eq!(line(ask), "Who has 10.0.0.1? Tell 10.0.0.2");
        assert_eq!(line(Arp { operation: 2, ..ask }), "10.0.0.2 is at 02:00:00:00:00:01");
        assert_eq!(line(Arp { sender: ask.target, ..ask }), "ARP Announcement for 10.0.0.1");
        let all = Arp { sender: ask.target, target_mac: [0xff; 6], ..ask };
        assert_eq!(line(all), "Gratuitous ARP for 10.0.0.1 (Request)");
        assert_eq!(line(Arp { operation: 2, ..all }), "Gratuitous ARP for 10.0.0.1 (Reply)");
        assert_eq!(line(Arp { sender: [0; 4].into(), ..ask }), "Who has 10.0.0.1? (ARP Probe)");
        assert_eq!(line(Arp { operation: 3, ..ask }), "Who is 00:00:00:00:00:00? Tell 02:00:00:00:00:01");
    }

    #[test]
    fn icmp_names_its_type_and_reason() {
        assert_eq!(icmp(4, 8, 0, [0x1a, 0x2b, 0, 7], &[]), "Echo (ping) request id=0x1a2b, seq=7");
        assert_eq!(icmp(4, 3, 3, [0; 4], &[]), "Destination unreachable (Port unreachable)");
        assert_eq!(
            icmp(4, 3, 4, [0, 0, 5, 0x78], &[]),
            "Destination unreachable (Fragmentation needed, next-hop MTU 1400)"
        );
        assert_eq!(icmp(6, 2, 0, [0, 0, 5, 0], &[]), "Packet too big, MTU 1280");
        let target = Ipv6Addr::LOCALHOST.octets();
        assert_eq!(icmp(6, 135, 0, [0; 4], &target), "Neighbor solicitation for ::1");
        assert_eq!(icmp(6, 135, 0, [0; 4], &target[1..]), "Neighbor solicitation for an address that is missing");
    }

    #[test]
    fn tcp_shows_flags_numbers_and_options() {
        let options = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7];
        let segment = Segment {
            source: 1883,
            destination: 40_000,
            seq: SeqNum(100),
            ack: SeqNum(501),
            flags: TcpFlags::SYN.with(TcpFlags::ACK),
            window: 65_160,
            urgent: 0,
            checksum_field: 0,
            checksum: Checksum::Good,
            header_length: 40,
            options: TcpOptions(&options),
            payload: &[],
            payload_length: 0,
        };
        assert_eq!(
            tcp_info(&segment, 0, 1, 65_160),
            "1883 \u{2192} 40000 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1460 SACK_PERM TSval=7 TSecr=0 WS=128"
        );
        let sack = [1, 1, 5, 10, 0, 0, 2, 0x58, 0, 0, 2, 0xbc];
        let segment = Segment { flags: TcpFlags::ACK, options: TcpOptions(&sack), ..segment };
        assert!(tcp_info(&segment, 1, 1, 10).ends_with("[ACK] Seq=1 Ack=1 Win=10 Len=0 SLE=100 SRE=200"));
    }

    #[test]
    fn udp_fragments_and_what_stopped_are_told() {
        let datagram =
            Datagram { source: 5353, destination: 5353, checksum: Checksum::Good, payload: &[], payload_length: 45 };
        let packet = Packet { payload: Payload::Udp(datagram), ..Packet::default() };
        assert_eq!(info(&packet), "5353 \u{2192} 5353 Len=45");
        let packet = Packet { reassembled: true, ..packet };
        assert_eq!(info(&packet), "5353 \u{2192} 5353 Len=45 [reassembled]");
        let note = Some(FragmentNote::Overlap);
        let payload = Payload::Fragment { offset: 1480, length: 24 };
        let packet = Packet { payload, fragment_note: note, ..Packet::default() };
        assert_eq!(info(&packet), "Fragmented IP protocol (offset=1480, length=24)");
        let stop = Stop { layer: Layer::Tcp, offset: 34, reason: "too few bytes for the header", cut: false };
        let packet = Packet { payload: Payload::Other(&[1]), stop: Some(stop), ..Packet::default() };
        assert_eq!(info(&packet), "[tcp: too few bytes for the header]");
    }
}
