//! Link layers: Ethernet and its tags, cooked captures, loopback, PPP, MPLS, LLC and NFLOG.
//!
//! They find the next layer and hand it on; 802.11 has a file of its own.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::decoder::Walk;
use super::tunnel::Look;
use super::view::View;
use super::{Layer, LinkAddresses, Payload};
use crate::capture::LinkType;

/// Numbers of the link-type registry that the capture room has no name for, since nothing but this decoder
/// tells them apart.
mod number {
    /// `DLT_RAW` of most systems, and of OpenBSD: written into files in place of `LINKTYPE_RAW`.
    pub(super) const RAW_OLD: u16 = 12;
    pub(super) const RAW_OPENBSD: u16 = 14;
    pub(super) const C_HDLC: u16 = 104;
    pub(super) const PRISM: u16 = 119;
    pub(super) const AVS: u16 = 163;
    pub(super) const PPI: u16 = 192;
    pub(super) const DSA_TAG_BRCM: u16 = 281;
    pub(super) const DSA_TAG_BRCM_PREPEND: u16 = 282;
    pub(super) const DSA_TAG_DSA: u16 = 284;
    pub(super) const DSA_TAG_EDSA: u16 = 285;
}

/// EtherTypes (IEEE 802 numbers).
pub(super) mod ether {
    /// Numbers up to this are lengths (IEEE 802.3).
    pub(crate) const LARGEST_LENGTH: u16 = 1500;
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const RARP: u16 = 0x8035;
    pub(crate) const BRIDGING: u16 = 0x6558;
    pub(crate) const VLAN: u16 = 0x8100;
    pub(crate) const VLAN_SERVICE: u16 = 0x88a8;
    pub(crate) const VLAN_OLD: [u16; 3] = [0x9100, 0x9200, 0x9300];
    pub(crate) const IPV6: u16 = 0x86dd;
    pub(crate) const PPP: u16 = 0x880b;
    pub(crate) const MPLS: u16 = 0x8847;
    pub(crate) const MPLS_MULTICAST: u16 = 0x8848;
    pub(crate) const PPPOE_DISCOVERY: u16 = 0x8863;
    pub(crate) const PPPOE_SESSION: u16 = 0x8864;
    pub(crate) const PROVIDER_BACKBONE: u16 = 0x88e7;
    pub(crate) const VNTAG: u16 = 0x8926;
}

/// Address families as the loopback headers of the BSDs, Darwin and Linux count them.
const FAMILY_IPV4: u32 = 2;
const FAMILIES_IPV6: [u32; 4] = [10, 24, 28, 30];

impl<'a> Walk<'a, '_> {
    /// Begins at the outermost layer; `false` when this link type is not decoded.
    #[inline]
    pub(super) fn link_type(&mut self, link: LinkType, view: View<'a>) -> bool {
        if link == LinkType::ETHERNET {
            self.ethernet(view);
            return true;
        }
        self.rare_link_type(link, view)
    }

    fn rare_link_type(&mut self, link: LinkType, view: View<'a>) -> bool {
        match link {
            LinkType::NULL | LinkType::LOOP => self.null(view),
            LinkType::PPP => self.ppp(view),
            LinkType::PPP_HDLC | LinkType(number::C_HDLC) => self.ppp_hdlc(view),
            LinkType::PPP_ETHER => self.pppoe(view, true),
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(number::RAW_OLD | number::RAW_OPENBSD) => {
                self.ip_by_version(view);
            }
            LinkType::IEEE802_11 => self.wlan(view, false),
            LinkType::IEEE802_11_RADIOTAP => self.radiotap(view),
            LinkType(number::PRISM | number::AVS) => self.wlan_monitor(view),
            LinkType(number::PPI) => return self.ppi(view),
            LinkType::LINUX_SLL => self.linux_sll(view),
            LinkType::LINUX_SLL2 => self.linux_sll2(view),
            LinkType::NFLOG => self.nflog(view),
            LinkType(number::DSA_TAG_BRCM | number::DSA_TAG_DSA) => self.switch_tagged(view, 4),
            LinkType(number::DSA_TAG_EDSA) => self.switch_tagged(view, 8),
            LinkType(number::DSA_TAG_BRCM_PREPEND) => self.ethernet(view.skip(4)),
            _ => {
                self.stop(Layer::Data, view, "link type is not decoded", false);
                return false;
            }
        }
        true
    }

    #[inline]
    pub(super) fn ethernet(&mut self, view: View<'a>) {
        let Ok(header) = Ethernet2HeaderSlice::from_slice(view.data) else {
            return self.short(Layer::Ethernet, view, 14);
        };
        if !self.enter(Layer::Ethernet, view) {
            return;
        }
        if self.packet.link.is_none() {
            self.packet.link = Some(LinkAddresses { source: header.source(), destination: Some(header.destination()) });
        }
        self.ether_type(header.ether_type().0, view.skip(14));
    }

    /// Ethernet with a tag of a switch chip between the addresses and the EtherType.
    fn switch_tagged(&mut self, view: View<'a>, tag: usize) {
        let (Some(&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5]), Some(ether_type)) =
            (view.first::<12>(), view.be16(12 + tag))
        else {
            return self.short(Layer::Ethernet, view, 14 + tag);
        };
        if self.enter(Layer::Ethernet, view) {
            self.packet.link =
                Some(LinkAddresses { source: [s0, s1, s2, s3, s4, s5], destination: Some([d0, d1, d2, d3, d4, d5]) });
            self.ether_type(ether_type, view.skip(14 + tag));
        }
    }

    /// Goes on by an EtherType, or by the length field that IEEE 802.3 has in its place.
    #[inline]
    pub(super) fn ether_type(&mut self, ether_type: u16, view: View<'a>) {
        if ether_type == ether::IPV4 {
            return self.ipv4(view);
        }
        self.rare_ether_type(ether_type, view);
    }

    fn rare_ether_type(&mut self, ether_type: u16, view: View<'a>) {
        match ether_type {
            0..=ether::LARGEST_LENGTH => self.llc(view.bound(usize::from(ether_type))),
            ether::IPV4 => self.ipv4(view),
            ether::IPV6 => self.ipv6(view),
            ether::ARP | ether::RARP => self.arp(view),
            ether::VLAN | ether::VLAN_SERVICE => self.vlan(view),
            old if ether::VLAN_OLD.contains(&old) => self.vlan(view),
            ether::MPLS | ether::MPLS_MULTICAST => self.mpls(view),
            ether::PPPOE_SESSION => self.pppoe(view, true),
            ether::PPPOE_DISCOVERY => self.pppoe(view, false),
            ether::PROVIDER_BACKBONE => self.provider_backbone(view),
            ether::VNTAG => self.vntag(view),
            ether::BRIDGING => self.ethernet(view),
            ether::PPP => self.ppp(view),
            _ => self.other(view),
        }
    }

    fn vlan(&mut self, view: View<'a>) {
        let Ok(tag) = SingleVlanHeaderSlice::from_slice(view.data) else {
            return self.short(Layer::Vlan, view, 4);
        };
        if self.enter(Layer::Vlan, view) {
            self.packet.vlan = Some(tag.vlan_identifier().value());
            self.ether_type(tag.ether_type().0, view.skip(4));
        }
    }

    /// The tag of IEEE 802.1BR between virtual machines and a switch.
    fn vntag(&mut self, view: View<'a>) {
        let Some(ether_type) = view.be16(4) else {
            return self.short(Layer::Vntag, view, 6);
        };
        if self.enter(Layer::Vntag, view) {
            self.ether_type(ether_type, view.skip(6));
        }
    }

    /// IEEE 802.1ah: a service tag, then the customer's frame with its own addresses.
    fn provider_backbone(&mut self, view: View<'a>) {
        if view.data.len() < 18 {
            return self.short(Layer::ProviderBackbone, view, 18);
        }
        if self.enter(Layer::ProviderBackbone, view) {
            self.ethernet(view.skip(4));
        }
    }

    /// IEEE 802.2, with the SNAP extension where an EtherType follows.
    pub(super) fn llc(&mut self, view: View<'a>) {
        let Some(&[dsap, ssap, control]) = view.first::<3>() else {
            if view.length == 0 {
                self.packet.payload = Payload::Nothing;
                return;
            }
            return self.short(Layer::Llc, view, 3);
        };
        match (dsap, ssap, control) {
            (0xaa, 0xaa, 3) => {
                let Some(&[.., a, b, c, high, low]) = view.first::<8>() else {
                    return self.short(Layer::Llc, view, 8);
                };
                if !self.enter(Layer::Llc, view) {
                    return;
                }
                let protocol = u16::from_be_bytes([high, low]);
                // RFC 1042 and the bridge tunnel of IEEE 802.1H; Apple and Cisco number their own protocols.
                match [a, b, c] {
                    [0, 0, 0 | 0xf8] if protocol > ether::LARGEST_LENGTH => {
                        self.ether_type(protocol, view.skip(8));
                    }
                    _ => self.other(view.skip(8)),
                }
            }
            // Service access point 6 is IP itself (RFC 1010).
            (6, 6, 3) => {
                if self.enter(Layer::Llc, view) {
                    self.ip_by_version(view.skip(3));
                }
            }
            // Not LLC at all, but IPX on bare 802.3.
            (0xff, 0xff, _) => self.other(view),
            _ => {
                if self.enter(Layer::Llc, view) {
                    self.other(view.skip(3));
                }
            }
        }
    }

    fn linux_sll(&mut self, view: View<'a>) {
        let Some(&[_, _, hw_high, hw_low, len_high, len_low, a0, a1, a2, a3, a4, a5, _, _, high, low]) =
            view.first::<16>()
        else {
            return self.short(Layer::LinuxSll, view, 16);
        };
        if !self.enter(Layer::LinuxSll, view) {
            return;
        }
        if [len_high, len_low] == [0, 6] {
            self.packet.link = Some(LinkAddresses { source: [a0, a1, a2, a3, a4, a5], destination: None });
        }
        self.cooked(u16::from_be_bytes([hw_high, hw_low]), u16::from_be_bytes([high, low]), view.skip(16));
    }

    fn linux_sll2(&mut self, view: View<'a>) {
        let Some(&[high, low, _, _, _, _, _, _, hw_high, hw_low, _, length, a0, a1, a2, a3, a4, a5, _, _]) =
            view.first::<20>()
        else {
            return self.short(Layer::LinuxSll, view, 20);
        };
        if !self.enter(Layer::LinuxSll, view) {
            return;
        }
        if length == 6 {
            self.packet.link = Some(LinkAddresses { source: [a0, a1, a2, a3, a4, a5], destination: None });
        }
        self.cooked(u16::from_be_bytes([hw_high, hw_low]), u16::from_be_bytes([high, low]), view.skip(20));
    }

    /// What follows a cooked header: an EtherType, or one of Linux's own numbers below the EtherTypes.
    fn cooked(&mut self, hardware: u16, protocol: u16, view: View<'a>) {
        /// `ARPHRD_FRAD`, `ARPHRD_NETLINK` and the raw 802.11 types: the protocol field is no EtherType there.
        const OTHER_HARDWARE: [u16; 5] = [770, 801, 802, 803, 824];
        match protocol {
            _ if OTHER_HARDWARE.contains(&hardware) => self.other(view),
            // ETH_P_802_2: an 802.2 header follows.
            4 => self.llc(view),
            0..=ether::LARGEST_LENGTH => self.other(view),
            _ => self.ether_type(protocol, view),
        }
    }

    /// The loopback header of the BSDs: an address family in the byte order of the capturing machine, or for
    /// LOOP in that of the network. Files are copied between machines, so both are tried.
    fn null(&mut self, view: View<'a>) {
        let Some(&family) = view.first::<4>() else {
            return self.short(Layer::Null, view, 4);
        };
        if !self.enter(Layer::Null, view) {
            return;
        }
        let rest = view.skip(4);
        let either = [u32::from_le_bytes(family), u32::from_be_bytes(family)];
        if either.contains(&FAMILY_IPV4) {
            self.ipv4(rest);
        } else if FAMILIES_IPV6.iter().any(|family| either.contains(family)) {
            self.ipv6(rest);
        } else if Look::ip(rest, None) == Look::Fits {
            // Some drivers put something else where the family belongs.
            self.ip_by_version(rest);
        } else {
            self.other(rest);
        }
    }

    /// PPP (RFC 1661), with or without the address and control field of HDLC framing (RFC 1662).
    pub(super) fn ppp(&mut self, view: View<'a>) {
        let header = if view.data.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
        let rest = view.skip(header);
        let (protocol, length) = match *rest.data {
            // The protocol field may be compressed to one byte, which is then odd (RFC 1661, section 6.5).
            [low, ..] if low & 1 == 1 => (u16::from(low), 1),
            [high, low, ..] => (u16::from_be_bytes([high, low]), 2),
            _ => return self.short(Layer::Ppp, view, header + 2),
        };
        if !self.enter(Layer::Ppp, view) {
            return;
        }
        let rest = rest.skip(length);
        match protocol {
            0x0021 => self.ipv4(rest),
            0x0057 => self.ipv6(rest),
            0x0281 | 0x0283 => self.mpls(rest),
            _ => self.other(rest),
        }
    }

    /// PPP in HDLC-like framing, or Cisco's HDLC with an EtherType (RFC 1547, section 4.3.1).
    fn ppp_hdlc(&mut self, view: View<'a>) {
        if let [0x0f | 0x8f, ..] = view.data {
            let Some(ether_type) = view.be16(2) else {
                return self.short(Layer::Ppp, view, 4);
            };
            if self.enter(Layer::Ppp, view) {
                if ether_type > ether::LARGEST_LENGTH {
                    self.ether_type(ether_type, view.skip(4));
                } else {
                    self.other(view.skip(4));
                }
            }
            return;
        }
        self.ppp(view);
    }

    fn pppoe(&mut self, view: View<'a>, session: bool) {
        let Some(&[version_type, code, _, _, high, low]) = view.first::<6>() else {
            return self.short(Layer::Pppoe, view, 6);
        };
        if version_type != 0x11 {
            return self.stop(Layer::Pppoe, view, "version or type is not 1", false);
        }
        if !self.enter(Layer::Pppoe, view) {
            return;
        }
        let rest = view.skip(6).bound(usize::from(u16::from_be_bytes([high, low])));
        if session && code == 0 { self.ppp(rest) } else { self.other(rest) }
    }

    /// A stack of labels (RFC 3032). Nothing tells what is below it: IP by its version, otherwise an
    /// Ethernet pseudo-wire with or without a control word (RFC 4448).
    pub(super) fn mpls(&mut self, view: View<'a>) {
        let mut rest = view;
        loop {
            let Some(&[_, _, bottom, _]) = rest.first::<4>() else {
                return self.short(Layer::Mpls, rest, 4);
            };
            rest = rest.skip(4);
            if bottom & 1 == 1 {
                break;
            }
        }
        if !self.enter(Layer::Mpls, view) {
            return;
        }
        let control_word = rest.data.first().is_some_and(|first| first >> 4 == 0);
        if rest.length == 0 {
            self.packet.payload = Payload::Nothing;
        } else if Look::ip(rest, None) != Look::Other {
            self.ip_by_version(rest);
        } else if control_word && Look::ethernet(rest.skip(4)) != Look::Other {
            self.ethernet(rest.skip(4));
        } else if Look::ethernet(rest) != Look::Other {
            self.ethernet(rest);
        } else {
            self.other(rest);
        }
    }

    /// Netfilter's log: attributes in the byte order of the capturing machine, the packet being one of them.
    fn nflog(&mut self, view: View<'a>) {
        const PAYLOAD: u16 = 9;
        if view.data.len() < 4 {
            return self.short(Layer::Nflog, view, 4);
        }
        if !self.enter(Layer::Nflog, view) {
            return;
        }
        let mut rest = view.skip(4);
        while let Some(&[a, b, c, d]) = rest.first::<4>() {
            let (mut length, mut kind) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            // Kinds are small numbers; the upper byte holds two flags at most.
            if kind & 0x3f00 != 0 {
                (length, kind) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            }
            let length = usize::from(length);
            if length < 4 {
                return self.stop(Layer::Nflog, rest, "attribute length is below 4", false);
            }
            if kind & 0x3fff == PAYLOAD {
                return self.ip_by_version(rest.skip(4).bound(length - 4));
            }
            rest = rest.skip(length.next_multiple_of(4));
        }
        if rest.length == 0 {
            self.packet.payload = Payload::Nothing;
        } else {
            self.short(Layer::Nflog, rest, 4);
        }
    }
}
