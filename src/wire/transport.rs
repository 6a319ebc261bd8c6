//! TCP, UDP, ICMP and ICMPv6.
//!
//! A header that is cut by the snap length behind its fixed part is still told; one that contradicts
//! itself is not.

use std::net::IpAddr;

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::decoder::Walk;
use super::network::protocol;
use super::view::View;
use super::{Checksum, Datagram, Icmp, Layer, Payload, Quoted, Segment, SeqNum, TcpFlags, TcpOptions, checksum};

/// The length of a TCP header without options.
const TCP_FIXED: usize = 20;

impl<'a> Walk<'a, '_> {
    #[inline]
    pub(super) fn tcp(&mut self, view: View<'a>) {
        let Ok(header) = TcpHeaderSlice::from_slice(view.data) else {
            return self.unreadable_tcp(view);
        };
        let length = header.slice().len();
        if !self.enter(Layer::Tcp, view) {
            return;
        }
        let options = header.slice().get(TCP_FIXED..).unwrap_or_default();
        let checksum = if self.verify && !view.is_cut() {
            checksum::with_pseudo_header(self.addresses, protocol::TCP, view.data, header.checksum())
        } else {
            Checksum::Unknown
        };
        self.packet.payload = Payload::Tcp(segment(&header, length as u8, options, view.skip(length), checksum));
    }

    #[cold]
    fn unreadable_tcp(&mut self, view: View<'a>) {
        let Some(fixed) = view.first::<TCP_FIXED>() else {
            return self.short(Layer::Tcp, view, TCP_FIXED);
        };
        let [_, _, _, _, _, _, _, _, _, _, _, _, offset, ..] = *fixed;
        let length = usize::from(offset >> 4) * 4;
        if length < TCP_FIXED {
            return self.stop(Layer::Tcp, view, "header length is below 20", false);
        }
        if length > view.length {
            return self.stop(Layer::Tcp, view, "header length reaches beyond the segment", false);
        }
        // Only options are missing: a header without them can be read in its place.
        let mut bare = *fixed;
        if let Some(offset) = bare.get_mut(12) {
            *offset = 0x50 | (*offset & 0x0f);
        }
        let Ok(header) = TcpHeaderSlice::from_slice(&bare) else { return };
        if !self.enter(Layer::Tcp, view) {
            return;
        }
        self.note(Layer::Tcp, view.skip(view.data.len()), "options are cut short by the snap length", !self.overlong);
        let options = view.skip(TCP_FIXED).data;
        self.packet.payload =
            Payload::Tcp(segment(&header, length as u8, options, view.skip(length), Checksum::Unknown));
    }

    pub(super) fn udp(&mut self, view: View<'a>) {
        let Ok(header) = UdpHeaderSlice::from_slice(view.data) else {
            return self.short(Layer::Udp, view, 8);
        };
        if !self.enter(Layer::Udp, view) {
            return;
        }
        // A length of 0 stands in jumbograms (RFC 2675, section 4) and in packets that the card cuts up later.
        let (covered, body) = match usize::from(header.length()) {
            0 => (view, view.skip(8)),
            1..8 => return self.stop(Layer::Udp, view, "length is below 8", false),
            length => (view.bound(length), self.claim(Layer::Udp, view, view.skip(8), length - 8)),
        };
        let (source, destination) = (header.source_port(), header.destination_port());
        if self.udp_tunnel(source, destination, body) {
            return;
        }
        let is_v6 = self.packet.ip.is_some_and(|ip| ip.source.is_ipv6());
        let checksum = if !self.verify || body.is_cut() {
            Checksum::Unknown
        } else if header.checksum() == 0 {
            // No checksum was made, which only IPv4 allows (RFC 8200, section 8.1).
            if is_v6 { Checksum::Bad } else { Checksum::Unknown }
        } else {
            checksum::with_pseudo_header(self.addresses, protocol::UDP, covered.data, header.checksum())
        };
        self.packet.payload = Payload::Udp(Datagram {
            source,
            destination,
            checksum,
            payload: body.data,
            payload_length: body.length as u32,
        });
    }

    pub(super) fn icmp(&mut self, view: View<'a>, version: u8) {
        let layer = if version == 4 { Layer::Icmp } else { Layer::Icmpv6 };
        // A few ICMP messages have no more than their first four bytes on the wire.
        let Some(&[kind, code, high, low]) = view.first::<4>() else {
            return self.short(layer, view, 4);
        };
        let rest = view.skip(4).first::<4>().copied();
        if rest.is_none() && view.is_cut() {
            return self.short(layer, view, 8);
        }
        if !self.enter(layer, view) {
            return;
        }
        let checksum = if !self.verify || view.is_cut() {
            Checksum::Unknown
        } else if version == 4 {
            checksum::plain(view.data)
        } else {
            let stored = u16::from_be_bytes([high, low]);
            checksum::with_pseudo_header(self.addresses, protocol::ICMPV6, view.data, stored)
        };
        let payload = view.skip(8).data;
        let is_error = if version == 4 { matches!(kind, 3 | 4 | 5 | 11 | 12) } else { kind < 128 };
        self.packet.payload = Payload::Icmp(Icmp {
            version,
            kind,
            code,
            rest: rest.unwrap_or_default(),
            checksum,
            quoted: if is_error { quoted(payload) } else { None },
            payload,
            bytes: view.data,
        });
    }
}

#[inline]
fn segment<'a>(
    header: &TcpHeaderSlice<'_>,
    header_length: u8,
    options: &'a [u8],
    body: View<'a>,
    checksum: Checksum,
) -> Segment<'a> {
    let flags = header.slice().get(12..14).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_be_bytes(*bytes));
    Segment {
        source: header.source_port(),
        destination: header.destination_port(),
        seq: SeqNum(header.sequence_number()),
        ack: SeqNum(header.acknowledgment_number()),
        flags: TcpFlags(flags & 0x1ff),
        window: header.window_size(),
        urgent: header.urgent_pointer(),
        checksum_field: header.checksum(),
        checksum,
        header_length,
        options: TcpOptions(options),
        payload: body.data,
        payload_length: body.length as u32,
    }
}

/// Reads the start of the packet that an ICMP error quotes; its lengths and checksums are not to be trusted, as
/// routers change and cut it.
fn quoted(bytes: &[u8]) -> Option<Quoted> {
    let (source, destination, number, upper) = match bytes.first()? >> 4 {
        4 => {
            let [first, _, _, _, _, _, high, low, _, number, _, _, a, b, c, d, e, f, g, h] =
                *bytes.first_chunk::<20>()?;
            let is_first = (high & 0x1f, low) == (0, 0);
            let upper = bytes.get(usize::from(first & 15) * 4..).filter(|_| is_first && first & 15 >= 5);
            (IpAddr::from([a, b, c, d]), IpAddr::from([e, f, g, h]), number, upper)
        }
        6 => {
            let header = bytes.first_chunk::<40>()?;
            let addresses = header.last_chunk::<32>()?;
            let (source, destination) = (addresses.first_chunk::<16>()?, addresses.last_chunk::<16>()?);
            let (number, upper) = quoted_extensions(*header.get(6)?, bytes.get(40..));
            (IpAddr::from(*source), IpAddr::from(*destination), number, upper)
        }
        _ => return None,
    };
    let upper = upper.filter(|_| matches!(number, protocol::TCP | protocol::UDP)).unwrap_or_default();
    let ports = upper.first_chunk().map(|&[a, b, c, d]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])));
    let seq = upper.first_chunk::<8>().filter(|_| number == protocol::TCP);
    let seq = seq.map(|&[_, _, _, _, a, b, c, d]| SeqNum(u32::from_be_bytes([a, b, c, d])));
    Some(Quoted { source, destination, protocol: number, ports, seq })
}

/// Skips the extension headers of a quoted packet; `None` where what follows is not the start of the transport.
fn quoted_extensions(first: u8, bytes: Option<&[u8]>) -> (u8, Option<&[u8]>) {
    /// More headers than any sender makes.
    const MOST: usize = 8;
    let (mut number, mut rest) = (first, bytes);
    for _ in 0..MOST {
        let Some(&[next, length, high, low]) = rest.and_then(<[u8]>::first_chunk) else { break };
        let length = match number {
            protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => (usize::from(length) + 1) * 8,
            protocol::FRAGMENT if u16::from_be_bytes([high, low]) >> 3 == 0 => 8,
            protocol::FRAGMENT => return (next, None),
            _ => break,
        };
        number = next;
        rest = rest.and_then(|rest| rest.get(length..));
    }
    (number, rest)
}
