//! ARP, IPv4, and IPv6 with its extension headers.
//!
//! Here the length of a packet is settled: what the IP header counts is the packet, what comes after it is
//! padding.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{
    ArpPacketSlice, IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use super::decoder::Walk;
use super::fragments::{Fragment, FragmentKey};
use super::link::ether;
use super::view::View;
use super::{Arp, Checksum, Ip, Layer, Payload, PlacedFragment, checksum};

/// Protocol numbers, which are those of IPv6 extension headers too (IANA).
pub(super) mod protocol {
    pub(crate) const HOP_BY_HOP: u8 = 0;
    pub(crate) const ICMP: u8 = 1;
    pub(crate) const IPV4: u8 = 4;
    pub(crate) const TCP: u8 = 6;
    pub(crate) const UDP: u8 = 17;
    pub(crate) const IPV6: u8 = 41;
    pub(crate) const ROUTING: u8 = 43;
    pub(crate) const FRAGMENT: u8 = 44;
    pub(crate) const GRE: u8 = 47;
    pub(crate) const AUTHENTICATION: u8 = 51;
    pub(crate) const ICMPV6: u8 = 58;
    pub(crate) const NO_NEXT_HEADER: u8 = 59;
    pub(crate) const DESTINATION_OPTIONS: u8 = 60;
    pub(crate) const ETHER_IP: u8 = 97;
    pub(crate) const MOBILITY: u8 = 135;
    pub(crate) const MPLS: u8 = 137;
    pub(crate) const HOST_IDENTITY: u8 = 139;
    pub(crate) const SHIM6: u8 = 140;
}

/// The most bytes that an IP datagram may have, and that follow the header of an IPv6 packet.
const LARGEST: usize = 65_535;

impl<'a> Walk<'a, '_> {
    pub(super) fn arp(&mut self, view: View<'a>) {
        let Ok(message) = ArpPacketSlice::from_slice(view.data) else {
            let sizes = view.data.get(4..6).map_or(0, |sizes| sizes.iter().map(|size| usize::from(*size) * 2).sum());
            return self.short(Layer::Arp, view, 8 + sizes);
        };
        if !self.enter(Layer::Arp, view) {
            return;
        }
        // Hardware type 6 (IEEE 802) is used like 1 (Ethernet), RFC 5494 keeps both.
        let is_ethernet = matches!(message.hw_addr_type().0, 1 | 6);
        match (
            message.sender_hw_addr().first_chunk(),
            message.sender_protocol_addr().first_chunk::<4>(),
            message.target_hw_addr().first_chunk(),
            message.target_protocol_addr().first_chunk::<4>(),
        ) {
            (Some(sender_mac), Some(sender), Some(target_mac), Some(target))
                if is_ethernet
                    && message.proto_addr_type().0 == ether::IPV4
                    && (message.hw_addr_size(), message.proto_addr_size()) == (6, 4) =>
            {
                self.packet.payload = Payload::Arp(Arp {
                    operation: message.operation().0,
                    sender_mac: *sender_mac,
                    sender: Ipv4Addr::from(*sender),
                    target_mac: *target_mac,
                    target: Ipv4Addr::from(*target),
                });
            }
            _ => self.packet.payload = Payload::Other(view.data),
        }
    }

    /// IP where nothing but its own first four bits tells the version.
    pub(super) fn ip_by_version(&mut self, view: View<'a>) {
        match view.data.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(view),
            Some(6) => self.ipv6(view),
            Some(_) => self.stop(Layer::Ipv4, view, "neither version 4 nor 6", false),
            None if view.length == 0 => self.packet.payload = Payload::Nothing,
            None => self.short(Layer::Ipv4, view, 20),
        }
    }

    #[inline]
    pub(super) fn ipv4(&mut self, view: View<'a>) {
        let Ok(header) = Ipv4HeaderSlice::from_slice(view.data) else {
            return self.unreadable_ipv4(view);
        };
        if !self.enter(Layer::Ipv4, view) {
            return;
        }
        self.tunnel_scope();
        let header_length = header.slice().len();
        let total_length = usize::from(header.total_len());
        let mut body = view.skip(header_length);
        // 0 stands in packets that the card cuts up later (TCP segmentation offload); they are as long as they are.
        if total_length != 0 {
            if total_length < header_length {
                return self.stop(Layer::Ipv4, view, "total length is below the header length", false);
            }
            body = self.claim(Layer::Ipv4, view, body, total_length - header_length);
        }
        let (source, destination) = (header.source(), header.destination());
        let final_destination = match header.options() {
            [] => destination,
            options => source_route(options).unwrap_or(destination),
        };
        let header_checksum = if !self.verify {
            Checksum::Unknown
        } else if header.header_checksum() == 0 && checksum::plain(header.slice()) == Checksum::Bad {
            // A sender whose card fills it in leaves nothing there; it has no pseudo-header to sum.
            Checksum::Offloaded
        } else {
            checksum::plain(header.slice())
        };
        let class = header.slice().get(1).copied().unwrap_or(0);
        self.addresses = checksum::sum(&source) + checksum::sum(&final_destination);
        self.packet.ip = Some(Ip {
            source: IpAddr::V4(source.into()),
            destination: IpAddr::V4(final_destination.into()),
            ttl: header.ttl(),
            traffic_class: class,
            id: Some(header.identification()),
            dont_fragment: header.dont_fragment(),
            header_checksum,
            protocol: header.protocol().0,
            payload_length: body.length as u32,
        });
        if header.is_fragmenting_payload() {
            let key = FragmentKey {
                source: IpAddr::V4(source.into()),
                destination: IpAddr::V4(destination.into()),
                protocol: header.protocol().0,
                id: u32::from(header.identification()),
                scope: self.scope,
            };
            let offset = usize::from(header.fragments_offset().value()) * 8;
            let more = header.more_fragments();
            return self.fragment(key, offset, more, header.protocol().0, LARGEST - header_length, body);
        }
        self.upper(header.protocol().0, body);
    }

    #[cold]
    fn unreadable_ipv4(&mut self, view: View<'a>) {
        match view.data.first() {
            None => self.short(Layer::Ipv4, view, 20),
            Some(first) if first >> 4 != 4 => self.stop(Layer::Ipv4, view, "version is not 4", false),
            Some(first) if first & 15 < 5 => self.stop(Layer::Ipv4, view, "header length is below 20", false),
            Some(first) => self.short(Layer::Ipv4, view, usize::from(first & 15) * 4),
        }
    }

    /// Cuts what follows a header to the length that the header claims, and notes when the frame never had as much.
    #[inline]
    pub(super) fn claim(&mut self, layer: Layer, header: View<'a>, body: View<'a>, length: usize) -> View<'a> {
        if length > body.length {
            self.overlong = true;
            self.note(layer, header, "length field reaches beyond the frame", false);
            return View { data: body.data, length };
        }
        body.bound(length)
    }

    /// Makes fragments within this IP header's payload differ from those of other tunnels.
    fn tunnel_scope(&mut self) {
        if self.packet.ip.is_some() {
            self.mix_scope(self.addresses);
        }
    }

    pub(super) fn mix_scope(&mut self, number: u64) {
        // Multiplying by an odd constant (2^64 divided by the golden ratio) spreads small numbers.
        self.scope = (self.scope ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    pub(super) fn ipv6(&mut self, view: View<'a>) {
        let Ok(header) = Ipv6HeaderSlice::from_slice(view.data) else {
            return match view.data.first() {
                Some(first) if first >> 4 != 6 => self.stop(Layer::Ipv6, view, "version is not 6", false),
                _ => self.short(Layer::Ipv6, view, 40),
            };
        };
        if !self.enter(Layer::Ipv6, view) {
            return;
        }
        self.tunnel_scope();
        let mut body = view.skip(40);
        let next = header.next_header().0;
        // 0 stands in jumbograms (RFC 2675) and in packets that the card cuts up later.
        let length = match usize::from(header.payload_length()) {
            0 if next == protocol::NO_NEXT_HEADER => Some(0),
            0 => jumbo_length(next, body),
            length => Some(length),
        };
        if let Some(length) = length {
            body = self.claim(Layer::Ipv6, view, body, length);
        }
        let (source, destination) = (header.source(), header.destination());
        self.addresses = checksum::sum(&source) + checksum::sum(&destination);
        self.packet.ip = Some(Ip {
            source: IpAddr::V6(source.into()),
            destination: IpAddr::V6(destination.into()),
            ttl: header.hop_limit(),
            traffic_class: header.traffic_class(),
            id: None,
            dont_fragment: false,
            header_checksum: Checksum::Unknown,
            protocol: next,
            payload_length: body.length as u32,
        });
        self.upper(next, body);
    }

    /// Goes on by a protocol number: a transport, a tunnel, or an extension header.
    #[inline]
    pub(super) fn upper(&mut self, number: u8, view: View<'a>) {
        if number == protocol::TCP {
            return self.tcp(view);
        }
        self.rare_upper(number, view);
    }

    fn rare_upper(&mut self, number: u8, view: View<'a>) {
        let is_v6 = self.packet.ip.is_some_and(|ip| ip.source.is_ipv6());
        match number {
            protocol::TCP => self.tcp(view),
            protocol::UDP => self.udp(view),
            protocol::ICMP if !is_v6 => self.icmp(view, 4),
            protocol::ICMPV6 if is_v6 => self.icmp(view, 6),
            protocol::IPV4 => self.ipv4(view),
            protocol::IPV6 => self.ipv6(view),
            protocol::GRE => self.gre(view),
            protocol::MPLS => self.mpls(view),
            protocol::ETHER_IP => self.ether_ip(view),
            protocol::AUTHENTICATION => self.authentication(view),
            protocol::FRAGMENT if is_v6 => self.ipv6_fragment(view),
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HOST_IDENTITY
            | protocol::SHIM6
                if is_v6 =>
            {
                self.ipv6_extension(number, view);
            }
            protocol::NO_NEXT_HEADER if is_v6 => self.packet.payload = Payload::Nothing,
            // ESP hides what follows.
            _ => self.other(view),
        }
    }

    /// Notes an extension header: what follows it is the payload now.
    fn enter_extension(&mut self, view: View<'a>, next: u8, rest: View<'a>) -> bool {
        if let Some(ip) = &mut self.packet.ip {
            ip.protocol = next;
            ip.payload_length = rest.length as u32;
        }
        self.enter(Layer::Ipv6Extension, view)
    }

    fn ipv6_extension(&mut self, number: u8, view: View<'a>) {
        let Ok(header) = Ipv6RawExtHeaderSlice::from_slice(view.data) else {
            let length = view.data.get(1).map_or(8, |length| (usize::from(*length) + 1) * 8);
            return self.short(Layer::Ipv6Extension, view, length);
        };
        let rest = view.skip(header.slice().len());
        let next = header.next_header().0;
        if !self.enter_extension(view, next, rest) {
            return;
        }
        if number == protocol::ROUTING
            && let Some(ip) = &mut self.packet.ip
            && let (IpAddr::V6(source), IpAddr::V6(destination)) = (ip.source, ip.destination)
            && let Some(last) = route_end(header.slice(), destination)
        {
            ip.destination = IpAddr::V6(last);
            // RFC 8200, section 8.1: the pseudo-header has the final destination.
            self.addresses = checksum::sum(&source.octets()) + checksum::sum(&last.octets());
        }
        self.upper(next, rest);
    }

    /// The authentication header, whose length counts in words of four bytes, less two (RFC 4302).
    fn authentication(&mut self, view: View<'a>) {
        let length = match IpAuthHeaderSlice::from_slice(view.data) {
            Ok(header) => header.slice().len(),
            // Shorter than its own fields; the length is still what says where the next header is.
            Err(_) => match view.first::<8>() {
                Some(&[_, 0, ..]) => 8,
                Some(&[_, words, ..]) => return self.short(Layer::Ipv6Extension, view, (usize::from(words) + 2) * 4),
                None => return self.short(Layer::Ipv6Extension, view, 12),
            },
        };
        let next = view.data.first().copied().unwrap_or(protocol::NO_NEXT_HEADER);
        let rest = view.skip(length);
        if self.enter_extension(view, next, rest) {
            self.upper(next, rest);
        }
    }

    fn ipv6_fragment(&mut self, view: View<'a>) {
        let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(view.data) else {
            return self.short(Layer::Ipv6Extension, view, 8);
        };
        let rest = view.skip(8);
        let next = header.next_header().0;
        if !self.enter_extension(view, next, rest) {
            return;
        }
        let Some(ip) = &mut self.packet.ip else { return };
        ip.id = Some(header.identification() as u16);
        // An atomic fragment is a whole packet, whatever else has this identification (RFC 6946).
        if !header.is_fragmenting_payload() {
            return self.upper(next, rest);
        }
        let key = FragmentKey {
            source: ip.source,
            destination: ip.destination,
            protocol: 0,
            id: header.identification(),
            scope: self.scope,
        };
        let offset = usize::from(header.fragment_offset().value()) * 8;
        self.fragment(key, offset, header.more_fragments(), next, LARGEST, rest);
    }

    /// Puts a fragment to the others; goes on with the datagram when this makes it whole.
    fn fragment(&mut self, key: FragmentKey, offset: usize, more: bool, number: u8, largest: usize, view: View<'a>) {
        self.packet.payload = Payload::Fragment { offset: offset as u32, length: view.length as u32 };
        if view.is_cut() {
            if !self.overlong {
                let layer = if key.source.is_ipv4() { Layer::Ipv4 } else { Layer::Ipv6Extension };
                self.note(layer, view, "fragment is cut short by the snap length", true);
            }
            return;
        }
        // Virtual LANs may carry the same private addresses too.
        let scope = key.scope ^ u64::from(self.packet.vlan.map_or(0, |vlan| vlan + 1));
        let key = FragmentKey { scope, ..key };
        // One that is in a fragment itself came with all frames of that.
        let frame_length = self.frame_length.saturating_add(self.packet.earlier_length);
        let data = view.data;
        let fragment = Fragment { key, time: self.now, offset, more, protocol: number, largest, data, frame_length };
        let (whole, note) = self.fragments.add(fragment);
        if let Some(trace) = &mut self.trace {
            let start = view.data.as_ptr().addr().saturating_sub(self.origin);
            let (datagram, length, completes) = (self.fragments.number(&key), view.data.len(), whole.is_some());
            let buffer = trace.buffer;
            trace.fragments.push(PlacedFragment { datagram, buffer, start, length, offset, completes });
            if let Some(whole) = &whole {
                trace.buffer += 1;
                if trace.buffer == 1 {
                    trace.datagram.extend_from_slice(&whole.bytes);
                }
            }
        }
        self.packet.fragment_note = note.or(self.packet.fragment_note);
        let Some(whole) = whole else { return };
        let Some((slot, rest)) = std::mem::take(&mut self.finished).split_first_mut() else {
            return self.stop(Layer::Ipv4, view, "fragments within fragments are nested too deep", false);
        };
        self.finished = rest;
        self.fragments.recycle(std::mem::replace(slot, whole.bytes));
        let datagram = View::whole(slot);
        self.origin = datagram.data.as_ptr().addr();
        self.packet.reassembled = true;
        self.packet.earlier_length = self.packet.earlier_length.saturating_add(whole.earlier_length);
        self.packet.payload = Payload::Nothing;
        if let Some(ip) = &mut self.packet.ip {
            ip.protocol = whole.protocol;
            ip.payload_length = datagram.length as u32;
        }
        self.upper(whole.protocol, datagram);
    }
}

/// The last address of a source route that is not used up (RFC 791, section 3.1).
fn source_route(options: &[u8]) -> Option<[u8; 4]> {
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    let mut rest = options;
    loop {
        match *rest {
            [1, ..] => rest = rest.get(1..)?,
            [LOOSE | STRICT, length, pointer, ..] => {
                let route = rest.get(3..usize::from(length))?;
                return if pointer > length { None } else { route.last_chunk().copied() };
            }
            [kind, length, ..] if kind != 0 && length >= 2 => rest = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}

/// The final destination that a routing header names; absent when its segments are used up, or its type unknown.
fn route_end(header: &[u8], destination: Ipv6Addr) -> Option<Ipv6Addr> {
    let [_, _, kind, left, ..] = *header else { return None };
    if left == 0 {
        return None;
    }
    let first: Option<[u8; 16]> = header.get(8..).and_then(<[u8]>::first_chunk).copied();
    match kind {
        // Source route (RFC 2460, section 4.4); mobility (RFC 6275, section 6.4).
        0 | 2 => header.get(8..)?.last_chunk::<16>().map(|last| Ipv6Addr::from(*last)),
        // RPL: the last address shares its first bytes with the destination (RFC 6554, section 3).
        3 => {
            let shared = usize::from(*header.get(4)? & 15);
            let padding = usize::from(*header.get(5)? >> 4);
            let tail = header.get(8..header.len().checked_sub(padding)?)?;
            let mut last = destination.octets();
            let own = last.get_mut(shared..)?;
            own.copy_from_slice(tail.get(tail.len().checked_sub(own.len())?..)?);
            Some(Ipv6Addr::from(last))
        }
        // Segment routing lists the segments backwards (RFC 8754, section 2).
        4 => first.map(Ipv6Addr::from),
        _ => None,
    }
}

/// The length in the jumbo payload option, if a hop-by-hop header begins with one (RFC 2675, section 2).
fn jumbo_length(next: u8, body: View<'_>) -> Option<usize> {
    match (next, body.first::<8>()) {
        (protocol::HOP_BY_HOP, Some(&[_, _, 0xc2, 4, a, b, c, d])) => {
            usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()
        }
        _ => None,
    }
}
