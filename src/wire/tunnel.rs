//! Tunnels: GRE and what is carried in it, and those that are carried in UDP.
//!
//! A UDP port proves nothing, so the inside of such a tunnel is looked at before it is taken for one.

use super::decoder::Walk;
use super::link::ether;
use super::view::View;
use super::{Layer, Payload};

/// What bytes look like that ought to be an Ethernet frame or an IP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Like one.
    Fits,
    /// It can't be told: the snap length cut it.
    Cut,
    /// Like something else.
    Other,
}

/// VLAN tags before the packet that [`Look::ethernet`] is willing to skip.
const TAGS_LOOKED_THROUGH: usize = 8;

impl Look {
    /// Whether this may be an IP packet, of this version if one is given.
    pub(super) fn ip(view: View<'_>, version: Option<u8>) -> Self {
        let Some(&first) = view.data.first() else { return Self::missing(view, 20) };
        if version.is_some_and(|version| first >> 4 != version) {
            return Self::Other;
        }
        let fits = match (first >> 4, first & 15) {
            (4, words @ 5..) => match (view.first::<20>(), view.be16(2)) {
                (Some(_), Some(total)) => {
                    total == 0 || (usize::from(words) * 4..=view.length).contains(&usize::from(total))
                }
                _ => return Self::missing(view, 20),
            },
            (6, _) => match (view.first::<40>(), view.be16(4)) {
                (Some(_), Some(length)) => 40 + usize::from(length) <= view.length,
                _ => return Self::missing(view, 40),
            },
            _ => false,
        };
        if fits { Self::Fits } else { Self::Other }
    }

    /// Whether this may be an Ethernet frame: its type is known, and what it holds fits the type.
    pub(super) fn ethernet(view: View<'_>) -> Self {
        let (Some(mut ether_type), mut rest) = (view.be16(12), view.skip(14)) else {
            return Self::missing(view, 14);
        };
        for _ in 0..TAGS_LOOKED_THROUGH {
            if !matches!(ether_type, ether::VLAN | ether::VLAN_SERVICE) && !ether::VLAN_OLD.contains(&ether_type) {
                break;
            }
            match rest.be16(2) {
                Some(next) => (ether_type, rest) = (next, rest.skip(4)),
                None => return Self::missing(rest, 4),
            }
        }
        Self::inside(ether_type, rest)
    }

    /// Whether this may be what an EtherType announces.
    fn inside(ether_type: u16, view: View<'_>) -> Self {
        match ether_type {
            ether::IPV4 => Self::ip(view, Some(4)),
            ether::IPV6 => Self::ip(view, Some(6)),
            ether::BRIDGING => Self::ethernet(view),
            0 => Self::Other,
            // Padding may follow an 802.3 frame, but it can't be longer than what holds it.
            1..=ether::LARGEST_LENGTH if usize::from(ether_type) <= view.length => Self::Fits,
            // What has no check of its own, and the control protocols of bridges: pause and aggregation, 802.1X, LLDP,
            // loop tests.
            ether::ARP
            | ether::RARP
            | ether::MPLS
            | ether::MPLS_MULTICAST
            | ether::PPPOE_DISCOVERY
            | ether::PPPOE_SESSION
            | ether::PROVIDER_BACKBONE
            | 0x8808
            | 0x8809
            | 0x888e
            | 0x88cc
            | 0x9000 => Self::Fits,
            _ => Self::Other,
        }
    }

    const fn missing(view: View<'_>, needed: usize) -> Self {
        if view.length >= needed { Self::Cut } else { Self::Other }
    }
}

/// What the fixed and optional fields of a GRE header say.
struct Gre {
    protocol: u16,
    length: usize,
    key: u32,
    numbered: bool,
}

/// Reads a GRE header; the error is how many bytes it needs at least.
fn gre_header(view: View<'_>) -> Result<Gre, usize> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    let (Some(flags), Some(protocol)) = (view.be16(0), view.be16(2)) else { return Err(4) };
    let (has, version) = (|bit| flags & bit != 0, flags & 7);
    let mut length = 4;
    // RFC 2784 and 2890: checksum, key and sequence number, in this order; RFC 1701 shares the checksum's word
    // with the offset of its source routes.
    if version == 0 && (has(CHECKSUM) || has(ROUTING)) {
        length += 4;
    }
    let mut key = 0;
    if has(KEY) {
        let bytes: Option<&[u8; 4]> = view.skip(length).first();
        // Version 1 (RFC 2637) has the payload length in the upper half.
        key = u32::from_be_bytes(*bytes.ok_or(length + 4)?) & if version == 1 { 0xffff } else { u32::MAX };
        length += 4;
    }
    if has(SEQUENCE) {
        length += 4;
    }
    if version == 1 && has(ACKNOWLEDGEMENT) {
        length += 4;
    }
    if version == 0 && has(ROUTING) {
        loop {
            let Some(&[a, b, _, more]) = view.skip(length).first::<4>() else { return Err(length + 4) };
            length += 4 + usize::from(more);
            if [a, b, more] == [0, 0, 0] {
                break;
            }
        }
    }
    if view.data.len() < length { Err(length) } else { Ok(Gre { protocol, length, key, numbered: has(SEQUENCE) }) }
}

impl<'a> Walk<'a, '_> {
    pub(super) fn gre(&mut self, view: View<'a>) {
        let gre = match gre_header(view) {
            Ok(gre) => gre,
            Err(needed) => return self.short(Layer::Gre, view, needed),
        };
        if view.be16(0).is_some_and(|flags| flags & 7 > 1) {
            return self.stop(Layer::Gre, view, "version is above 1", false);
        }
        if !self.enter(Layer::Gre, view) {
            return;
        }
        self.mix_scope(u64::from(gre.key));
        let rest = view.skip(gre.length);
        match gre.protocol {
            _ if rest.length == 0 => self.packet.payload = Payload::Nothing,
            0x88be if !gre.numbered => self.bare_erspan(rest),
            0x88be => self.erspan_2(rest),
            0x22eb => self.erspan_3(rest),
            0x883e => self.wccp(rest),
            0..=ether::LARGEST_LENGTH => self.other(rest),
            protocol => self.ether_type(protocol, rest),
        }
    }

    /// ERSPAN type I: nothing but the mirrored frame.
    fn bare_erspan(&mut self, view: View<'a>) {
        if self.enter(Layer::Erspan, view) {
            self.ethernet(view);
        }
    }

    fn erspan_2(&mut self, view: View<'a>) {
        let Some(&[version, ..]) = view.first::<8>() else {
            return self.short(Layer::Erspan, view, 8);
        };
        if version >> 4 != 1 && Look::ethernet(view) == Look::Fits {
            return self.bare_erspan(view);
        }
        if self.enter(Layer::Erspan, view) {
            self.ethernet(view.skip(8));
        }
    }

    fn erspan_3(&mut self, view: View<'a>) {
        let Some(&[.., high, low]) = view.first::<12>() else {
            return self.short(Layer::Erspan, view, 12);
        };
        // The last bit tells of a platform-specific header behind this one.
        let length = if low & 1 == 0 { 12 } else { 20 };
        if view.data.len() < length {
            return self.short(Layer::Erspan, view, length);
        }
        if !self.enter(Layer::Erspan, view) {
            return;
        }
        match (high >> 2) & 0x1f {
            0 => self.ethernet(view.skip(length)),
            2 => self.ip_by_version(view.skip(length)),
            _ => self.other(view.skip(length)),
        }
    }

    /// A packet that a router redirects to a cache; from version 2 on a word of its own comes first.
    fn wccp(&mut self, view: View<'a>) {
        if !self.enter(Layer::Wccp, view) {
            return;
        }
        let rest = if Look::ip(view, Some(4)) == Look::Other { view.skip(4) } else { view };
        self.ip_by_version(rest);
    }

    /// EtherIP (RFC 3378): version 3, and twelve zero bits.
    pub(super) fn ether_ip(&mut self, view: View<'a>) {
        match view.first::<2>() {
            None => self.short(Layer::Ethernet, view, 2),
            Some(&[0x30, _]) => self.ethernet(view.skip(2)),
            Some(_) => self.other(view),
        }
    }

    /// Goes on into a tunnel if the ports say that there may be one, and its inside looks like one.
    #[inline]
    pub(super) fn udp_tunnel(&mut self, source: u16, destination: u16, view: View<'a>) -> bool {
        self.udp_tunnel_at(destination, view) || self.udp_tunnel_at(source, view)
    }

    #[inline]
    fn udp_tunnel_at(&mut self, port: u16, view: View<'a>) -> bool {
        match port {
            // The assigned port, and the one that Linux had before there was one.
            4789 | 8472 => self.vxlan(view),
            6081 => self.geneve(view),
            4754 => self.gre_in_udp(view),
            3544 => self.teredo(view),
            2152 => self.gtp_user(view),
            5247 => self.capwap_data(view),
            _ => false,
        }
    }

    /// VXLAN (RFC 7348): only the bit that makes the identifier valid counts, whatever reserved fields hold.
    fn vxlan(&mut self, view: View<'a>) -> bool {
        let Some(&[flags, _, _, _, a, b, c, _]) = view.first::<8>() else { return false };
        let inside = view.skip(8);
        if flags & 0x08 == 0 || Look::ethernet(inside) == Look::Other {
            return false;
        }
        if self.enter(Layer::Vxlan, view) {
            self.mix_scope(u64::from(u32::from_be_bytes([0, a, b, c])));
            self.ethernet(inside);
        }
        true
    }

    /// Geneve (RFC 8926) with any options.
    fn geneve(&mut self, view: View<'a>) -> bool {
        let Some(&[first, _, high, low, a, b, c, _]) = view.first::<8>() else { return false };
        let (version, options) = (first >> 6, usize::from(first & 0x3f) * 4);
        let (ether_type, inside) = (u16::from_be_bytes([high, low]), view.skip(8 + options));
        if version != 0 || Look::inside(ether_type, inside) == Look::Other {
            return false;
        }
        if self.enter(Layer::Geneve, view) {
            self.mix_scope(u64::from(u32::from_be_bytes([0, a, b, c])));
            self.ether_type(ether_type, inside);
        }
        true
    }

    /// GRE in UDP (RFC 8086).
    fn gre_in_udp(&mut self, view: View<'a>) -> bool {
        let Ok(gre) = gre_header(view) else { return false };
        let reserved = view.be16(0).is_none_or(|flags| flags & 0x0fff != 0);
        if reserved || Look::inside(gre.protocol, view.skip(gre.length)) == Look::Other {
            return false;
        }
        self.gre(view);
        true
    }

    /// Teredo (RFC 4380, section 5.1.1): IPv6, behind an authentication and an origin indication.
    fn teredo(&mut self, view: View<'a>) -> bool {
        let mut rest = view;
        if let Some(&[0, 1, client, authentication]) = rest.first::<4>() {
            rest = rest.skip(4 + usize::from(client) + usize::from(authentication) + 9);
        }
        if rest.data.starts_with(&[0, 0]) {
            rest = rest.skip(8);
        }
        if Look::ip(rest, Some(6)) != Look::Fits {
            return false;
        }
        if self.enter(Layer::Teredo, view) {
            self.ipv6(rest);
        }
        true
    }

    /// User data of GTP version 1 (3GPP TS 29.281, section 5): message type 255.
    fn gtp_user(&mut self, view: View<'a>) -> bool {
        /// More extension headers than there are kinds of.
        const MOST: usize = 8;
        let Some(&[flags, 255, _, _, a, b, c, d]) = view.first::<8>() else { return false };
        // Version 1, and the bit that tells GTP from GTP'.
        if flags & 0xf0 != 0x30 {
            return false;
        }
        let mut rest = view.skip(8);
        if flags & 7 != 0 {
            let Some(&[_, _, _, mut next]) = rest.first::<4>() else { return false };
            rest = rest.skip(4);
            for _ in 0..MOST {
                if flags & 4 == 0 || next == 0 {
                    break;
                }
                // The length counts words, and the type of the next header is in the last byte.
                let length = rest.data.first().map_or(0, |words| usize::from(*words) * 4);
                let Some(&last) = length.checked_sub(1).and_then(|at| rest.data.get(at)) else { return false };
                (next, rest) = (last, rest.skip(length));
            }
        }
        if Look::ip(rest, None) != Look::Fits {
            return false;
        }
        if self.enter(Layer::Gtp, view) {
            self.mix_scope(u64::from(u32::from_be_bytes([a, b, c, d])));
            self.ip_by_version(rest);
        }
        true
    }

    /// CAPWAP data (RFC 5415, section 4.3): an Ethernet or an 802.11 frame; fragments are not put together.
    fn capwap_data(&mut self, view: View<'a>) -> bool {
        let Some(&[0, b, c, d, _, _, _, _]) = view.first::<8>() else { return false };
        let word = u32::from_be_bytes([0, b, c, d]);
        let (header, binding) = (usize::from(b >> 3) * 4, (word >> 9) & 0x1f);
        let (native, fragment, keep_alive) = (word & 0x100 != 0, word & 0x80 != 0, word & 0x08 != 0);
        let inside = view.skip(header);
        if header < 8 || fragment || keep_alive {
            return false;
        }
        if !native {
            if Look::ethernet(inside) != Look::Fits {
                return false;
            }
            if self.enter(Layer::Capwap, view) {
                self.ethernet(inside);
            }
            return true;
        }
        // Binding 1 is IEEE 802.11. Many controllers have its frame control and sequence control fields in the
        // wrong byte order, which puts the type where the flags belong.
        let Some(&[low, high]) = inside.first::<2>() else { return false };
        let is_data = |kind: u8| kind & 0x0f == 0x08;
        if binding != 1 || !(is_data(low) || is_data(high)) {
            return false;
        }
        if self.enter(Layer::Capwap, view) {
            if is_data(high) {
                let fragment_number = inside.data.get(23).map_or(0, |low| low & 0x0f);
                self.wlan_with_control([high, low], inside, false, fragment_number);
            } else {
                self.wlan(inside, false);
            }
        }
        true
    }
}
