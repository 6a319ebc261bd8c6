//! The headers of a frame in the copy that is to be shared: what is harmless structure is copied, addresses are
//! replaced, and all else stays as the copy began, which is without anything of the original.

use super::address::Addresses;
use super::icmp;
use crate::capture::LinkType;
use crate::wire::{Layer, Placed};

/// Numbers of IPv6 extension headers (IANA).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// Bytes of a radiotap header that are kept: all fields that are common, and nothing that a vendor put behind them.
const RADIOTAP: usize = 64;

/// A stretch of bytes as it was, and its copy.
pub(super) struct Copy<'a> {
    pub(super) old: &'a [u8],
    pub(super) new: &'a mut [u8],
    pub(super) addresses: &'a mut Addresses,
}

impl Copy<'_> {
    /// The byte at a place, 0 behind the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.old.get(at).copied().unwrap_or(0)
    }

    pub(super) fn be16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.byte(at), self.byte(at + 1)])
    }

    /// Copies what is there of a stretch.
    pub(super) fn keep(&mut self, start: usize, length: usize) {
        let end = start.saturating_add(length).min(self.old.len());
        if let (Some(from), Some(to)) = (self.old.get(start..end), self.new.get_mut(start..end)) {
            to.copy_from_slice(from);
        }
    }

    /// Takes a stretch out of the copy again.
    pub(super) fn clear(&mut self, start: usize, length: usize) {
        let end = start.saturating_add(length).min(self.new.len());
        self.new.get_mut(start..end).unwrap_or_default().fill(0);
    }

    /// Puts an address into the copy; what was captured of a cut one is left out.
    pub(super) fn mac(&mut self, at: usize) {
        self.address::<6>(at, Addresses::mac);
    }

    pub(super) fn v4(&mut self, at: usize) {
        self.address::<4>(at, Addresses::v4);
    }

    pub(super) fn v6(&mut self, at: usize) {
        self.address::<16>(at, Addresses::v6);
    }

    fn address<const N: usize>(&mut self, at: usize, replace: fn(&mut Addresses, &mut [u8])) {
        self.clear(at, N);
        if let (Some(from), Some(to)) = (self.old.get(at..at + N), self.new.get_mut(at..at + N)) {
            to.copy_from_slice(from);
            replace(self.addresses, to);
        }
    }
}

/// Copies the headers of the layers of one buffer.
///
/// Answers with the end of the last one.
pub(super) fn headers(copy: &mut Copy<'_>, layers: &[Placed], link: LinkType) -> usize {
    let mut next = None;
    let mut end = 0;
    for (index, placed) in layers.iter().enumerate() {
        let inner = layers.get(index + 1);
        let start = placed.start;
        // Between two layers there is nothing but the header of the first; the last one tells its length itself.
        let length = match inner {
            Some(inner) => inner.start.saturating_sub(start),
            None => header_length(copy, placed, link, next).min(placed.captured),
        };
        copy.keep(start, length);
        end = (start + length).min(copy.old.len());
        header(copy, placed, length, link, next);
        next = match placed.layer {
            Layer::Ipv4 => Some(copy.byte(start + 9)),
            Layer::Ipv6 => Some(copy.byte(start + 6)),
            Layer::Ipv6Extension => Some(copy.byte(start)),
            _ => None,
        };
    }
    if let Some(front) = layers.first().map(|placed| placed.start)
        && link == LinkType(282)
    {
        // The tag of a switch chip before the frame.
        copy.keep(0, front);
    }
    end
}

/// The length of the innermost header.
fn header_length(copy: &Copy<'_>, placed: &Placed, link: LinkType, number: Option<u8>) -> usize {
    let start = placed.start;
    let byte = |offset: usize| copy.byte(start + offset);
    match placed.layer {
        Layer::Ethernet => match link {
            LinkType(281 | 284) => 18,
            LinkType(285) => 22,
            _ => 14,
        },
        Layer::Vlan | Layer::Null | Layer::Nflog | Layer::ProviderBackbone => 4,
        Layer::LinuxSll if link == LinkType::LINUX_SLL2 => 20,
        Layer::LinuxSll => 16,
        Layer::Ppp => match (byte(0), byte(1), byte(2)) {
            (0xff, 0x03, protocol) => 3 + usize::from(protocol & 1 == 0),
            (0x0f | 0x8f, ..) => 4,
            (protocol, ..) => 1 + usize::from(protocol & 1 == 0),
        },
        Layer::Pppoe | Layer::Vntag => 6,
        Layer::Mpls => {
            let words = copy.old.get(start..).unwrap_or_default().chunks_exact(4);
            words.take_while(|word| word.get(2).is_some_and(|byte| byte & 1 == 0)).count() * 4 + 4
        }
        Layer::Wlan => wlan_header(byte(0), byte(1)).unwrap_or(2),
        Layer::Radiotap | Layer::Gre | Layer::Erspan | Layer::Arp | Layer::Icmp | Layer::Icmpv6 | Layer::Udp => 8,
        Layer::Llc if [byte(0), byte(1)] == [0xaa, 0xaa] => 8,
        Layer::Llc => 3,
        Layer::Ipv4 => usize::from(byte(0) & 15) * 4,
        Layer::Ipv6 => 40,
        Layer::Ipv6Extension => extension_length(copy, start, number),
        Layer::Tcp => usize::from(byte(12) >> 4) * 4,
        // There is always something inside; and what is no layer has no header.
        Layer::Wccp | Layer::Vxlan | Layer::Geneve | Layer::Teredo | Layer::Gtp | Layer::Capwap | Layer::Data => 0,
    }
}

fn extension_length(copy: &Copy<'_>, start: usize, number: Option<u8>) -> usize {
    match number {
        Some(FRAGMENT) => 8,
        Some(AUTHENTICATION) => (usize::from(copy.byte(start + 1)) + 2) * 4,
        _ => (usize::from(copy.byte(start + 1)) + 1) * 8,
    }
}

/// The length of an 802.11 header, its padding left out; `None` where it is no data frame.
fn wlan_header(kind: u8, flags: u8) -> Option<usize> {
    let (is_data, qos) = (kind >> 2 & 3 == 2, kind & 0x80 != 0);
    let addresses = if flags & 3 == 3 { 30 } else { 24 };
    // With the order bit the HT control field follows.
    is_data.then_some(
        addresses
            + if !qos {
                0
            } else if flags & 0x80 == 0 {
                2
            } else {
                6
            },
    )
}

/// Replaces what is private in a header of this length, which is in the copy already.
fn header(copy: &mut Copy<'_>, placed: &Placed, length: usize, link: LinkType, number: Option<u8>) {
    let start = placed.start;
    match placed.layer {
        Layer::Ethernet => {
            copy.mac(start);
            copy.mac(start + 6);
        }
        Layer::LinuxSll => {
            let (at, size) = if link == LinkType::LINUX_SLL2 {
                (12, usize::from(copy.byte(start + 11)))
            } else {
                (6, usize::from(copy.be16(start + 4)))
            };
            if size == 6 {
                copy.mac(start + at);
                copy.clear(start + at + 6, 2);
            } else {
                copy.clear(start + at, 8);
            }
        }
        Layer::Wlan => wlan(copy, start, length),
        // What the card measured; its flags say how the frame is to be read.
        Layer::Radiotap if link == LinkType::IEEE802_11_RADIOTAP => {
            copy.clear(start + RADIOTAP, length.saturating_sub(RADIOTAP));
        }
        // Devices write where they are and who they are into these; the length is what is needed of them.
        Layer::Radiotap | Layer::Capwap => copy.clear(start + 8, length.saturating_sub(8)),
        Layer::Nflog => nflog(copy, start, length),
        Layer::Gtp => gtp_extensions(copy, start, length),
        Layer::Geneve => options_behind(copy, start + 8, start + length),
        Layer::Teredo => copy.clear(start + 4, length.saturating_sub(4)),
        Layer::Gre => source_routes(copy, start, length),
        Layer::Arp => {
            let sizes = [copy.byte(start + 4), copy.byte(start + 5)];
            if sizes == [6, 4] && placed.captured >= 28 {
                for at in [8, 18] {
                    copy.mac(start + at);
                    copy.v4(start + at + 6);
                }
            }
        }
        Layer::Ipv4 => ipv4(copy, start, length),
        Layer::Ipv6 => {
            copy.v6(start + 8);
            copy.v6(start + 24);
        }
        Layer::Ipv6Extension => extension(copy, start, length, number),
        Layer::Icmp => icmp::v4(copy, placed),
        Layer::Icmpv6 => icmp::v6(copy, placed),
        Layer::Tcp => tcp_options(copy, start + 20, start + length),
        Layer::Vlan
        | Layer::Null
        | Layer::Ppp
        | Layer::Pppoe
        | Layer::Mpls
        | Layer::Llc
        | Layer::ProviderBackbone
        | Layer::Erspan
        | Layer::Wccp
        | Layer::Vntag
        | Layer::Vxlan
        | Layer::Udp
        | Layer::Data => {}
    }
}

fn wlan(copy: &mut Copy<'_>, start: usize, length: usize) {
    let Some(own) = wlan_header(copy.byte(start), copy.byte(start + 1)) else { return };
    for at in [4, 10, 16] {
        copy.mac(start + at);
    }
    if copy.byte(start + 1) & 3 == 3 {
        copy.mac(start + 24);
    }
    // The first frame of an A-MSDU has addresses of its own, and its length; padding may stand before it.
    if length >= own + 14 {
        let padding = length - own - 14;
        copy.clear(start + own, padding);
        copy.mac(start + length - 14);
        copy.mac(start + length - 8);
    }
}

/// Attributes: only those of the packet stay, with the lengths of the others.
fn nflog(copy: &mut Copy<'_>, start: usize, length: usize) {
    let end = start + length;
    let mut at = start + 4;
    while at + 4 <= end {
        let (mut size, kind) = (u16::from_le_bytes([copy.byte(at), copy.byte(at + 1)]), copy.byte(at + 3));
        if kind & 0x3f != 0 {
            size = copy.be16(at);
        }
        let size = usize::from(size).max(4);
        copy.clear(at + 4, size.min(end.saturating_sub(at)).saturating_sub(4));
        at += size.next_multiple_of(4);
    }
}

/// Options of Geneve: class, type and length of each stay (RFC 8926, section 3.5).
fn options_behind(copy: &mut Copy<'_>, start: usize, end: usize) {
    let mut at = start;
    while at + 4 <= end {
        let size = usize::from(copy.byte(at + 3) & 0x1f) * 4;
        copy.clear(at + 4, size.min(end - at - 4));
        at += 4 + size;
    }
}

/// Extension headers of GTP: the length of each stays, and the type of the next (3GPP TS 29.281, section 5.2).
fn gtp_extensions(copy: &mut Copy<'_>, start: usize, length: usize) {
    let mut at = start + 12;
    while at < start + length {
        let size = usize::from(copy.byte(at)) * 4;
        if size == 0 {
            return copy.clear(at, start + length - at);
        }
        copy.clear(at + 1, size.min(start + length - at).saturating_sub(2));
        at += size;
    }
}

/// The addresses in source routes of GRE (RFC 1701); everything from the first on is taken for one.
fn source_routes(copy: &mut Copy<'_>, start: usize, length: usize) {
    const ROUTING_PRESENT: u8 = 0x40;
    let (flags, version) = (copy.byte(start), copy.byte(start + 1) & 7);
    if flags & ROUTING_PRESENT == 0 || version != 0 {
        return;
    }
    let mut at = start + 8 + usize::from(flags >> 5 & 1) * 4 + usize::from(flags >> 4 & 1) * 4;
    while at + 4 <= start + length {
        let size = usize::from(copy.byte(at + 3));
        copy.clear(at + 4, size.min((start + length).saturating_sub(at + 4)));
        if size == 0 {
            break;
        }
        at += 4 + size;
    }
}

/// An IPv4 header; what lies behind its own length (the two bytes of EtherIP) stays.
pub(super) fn ipv4(copy: &mut Copy<'_>, start: usize, length: usize) {
    copy.v4(start + 12);
    copy.v4(start + 16);
    let end = start + length.min(usize::from(copy.byte(start) & 15) * 4);
    let mut at = start + 20;
    while at < end {
        let (kind, size) = (copy.byte(at), usize::from(copy.byte(at + 1)));
        match kind {
            0 => return copy.clear(at, end - at),
            1 => {
                at += 1;
                continue;
            }
            _ if size < 2 => return copy.clear(at, end - at),
            // Source routes and the recorded route (RFC 791, section 3.1).
            131 | 137 | 7 => {
                let stop = (at + size).min(end);
                for address in (at + 3..stop).step_by(4) {
                    if address + 4 <= stop {
                        copy.v4(address);
                    } else {
                        copy.clear(address, stop - address);
                    }
                }
            }
            // Router alert (RFC 2113).
            148 if size == 4 => {}
            _ => copy.clear(at + 2, (size - 2).min(end.saturating_sub(at + 2))),
        }
        at += size;
    }
}

fn extension(copy: &mut Copy<'_>, start: usize, length: usize, number: Option<u8>) {
    let end = start + length;
    match number {
        Some(FRAGMENT) => {}
        // The identifiers stay, the authentication data does not.
        Some(AUTHENTICATION) => copy.clear(start + 12, length.saturating_sub(12)),
        Some(HOP_BY_HOP | DESTINATION_OPTIONS) => {
            let mut at = start + 2;
            while at < end {
                let size = usize::from(copy.byte(at + 1));
                match copy.byte(at) {
                    0 => {
                        at += 1;
                        continue;
                    }
                    // Tunnel limit, router alert, jumbo payload: numbers alone.
                    0x04 if size == 1 => {}
                    0x05 if size == 2 => {}
                    0xc2 if size == 4 => {}
                    _ => copy.clear(at + 2, size.min(end.saturating_sub(at + 2))),
                }
                at += 2 + size;
            }
        }
        Some(ROUTING) if matches!(copy.byte(start + 2), 0 | 2 | 4) => {
            let addresses = match copy.byte(start + 2) {
                // Segment routing has other data behind its list (RFC 8754, section 2).
                4 => (usize::from(copy.byte(start + 4)) + 1) * 16,
                _ => length.saturating_sub(8),
            };
            let stop = (start + 8).saturating_add(addresses).min(end);
            copy.clear(stop, end - stop);
            for address in (start + 8..stop).step_by(16) {
                if address + 16 <= stop {
                    copy.v6(address);
                } else {
                    copy.clear(address, stop - address);
                }
            }
        }
        _ => copy.clear(start + 4, length.saturating_sub(4)),
    }
}

/// The options of TCP: numbers stay, keys, digests, cookies and addresses do not.
pub(super) fn tcp_options(copy: &mut Copy<'_>, start: usize, end: usize) {
    let mut at = start;
    while at < end {
        let (kind, size) = (copy.byte(at), usize::from(copy.byte(at + 1)));
        match kind {
            0 => return copy.clear(at, end - at),
            1 => {
                at += 1;
                continue;
            }
            _ if size < 2 => return copy.clear(at, end - at),
            // MSS, window scale, SACK permitted, SACK, timestamps, user timeout; no longer than they may be.
            2 | 28 if size == 4 => {}
            3 if size == 3 => {}
            4 if size == 2 => {}
            5 if matches!(size, 10 | 18 | 26 | 34) => {}
            8 if size == 10 => {}
            _ => copy.clear(at + 2, (size - 2).min(end.saturating_sub(at + 2))),
        }
        at += size;
    }
}
