//! What one frame turned out to hold.

use std::net::IpAddr;

use super::{Segment, SeqNum};

/// A layer of a frame, outermost first in [`Layers`]. The names are Wireshark's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Layer {
    Ethernet,
    Vlan,
    LinuxSll,
    Null,
    Ppp,
    Pppoe,
    Mpls,
    Wlan,
    Radiotap,
    Llc,
    Nflog,
    ProviderBackbone,
    Arp,
    Ipv4,
    Ipv6,
    Ipv6Extension,
    Gre,
    Erspan,
    Wccp,
    Vntag,
    Vxlan,
    Geneve,
    Teredo,
    Gtp,
    Capwap,
    Icmp,
    Icmpv6,
    Tcp,
    Udp,
    Data,
}

impl Layer {
    /// How many layers there are, for tables by layer.
    pub const COUNT: usize = Self::Data as usize + 1;

    /// The name that Wireshark shows in `frame.protocols`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "eth",
            Self::Vlan => "vlan",
            Self::LinuxSll => "sll",
            Self::Null => "null",
            Self::Ppp => "ppp",
            Self::Pppoe => "pppoes",
            Self::Mpls => "mpls",
            Self::Wlan => "wlan",
            Self::Radiotap => "radiotap",
            Self::Llc => "llc",
            Self::Nflog => "nflog",
            Self::ProviderBackbone => "ieee8021ah",
            Self::Arp => "arp",
            Self::Ipv4 => "ip",
            Self::Ipv6 => "ipv6",
            Self::Ipv6Extension => "ipv6.ext",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Wccp => "wccp",
            Self::Vntag => "vntag",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Teredo => "teredo",
            Self::Gtp => "gtp",
            Self::Capwap => "capwap",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Data => "data",
        }
    }
}

/// The layers of a frame from the outside in; at most [`Layers::LIMIT`], which also bounds how deep
/// tunnels in tunnels are followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers {
    list: [Option<Layer>; Self::LIMIT],
    count: u8,
}

impl Layers {
    /// The most layers that are told apart in one frame.
    ///
    /// Real traffic stays under ten; deeper nesting is an attack on analyzers and is stopped here.
    pub const LIMIT: usize = 24;

    /// These layers, outermost first.
    pub(super) const fn of<const N: usize>(layers: [Layer; N]) -> Self {
        let mut list = [None; Self::LIMIT];
        let mut at = 0;
        while at < N {
            list[at] = Some(layers[at]);
            at += 1;
        }
        Self { list, count: N as u8 }
    }

    /// Appends a layer; `false` when the frame is nested deeper than is followed.
    pub fn push(&mut self, layer: Layer) -> bool {
        match self.list.get_mut(usize::from(self.count)) {
            Some(slot) => {
                *slot = Some(layer);
                self.count += 1;
                true
            }
            None => false,
        }
    }

    /// The layers, outermost first.
    pub fn iter(&self) -> impl Iterator<Item = Layer> {
        self.list.iter().map_while(|layer| *layer)
    }

    /// Whether the frame has such a layer.
    pub fn has(&self, layer: Layer) -> bool {
        self.iter().any(|found| found == layer)
    }
}

/// What a checksum says of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Checksum {
    /// It fits.
    Good,
    /// It does not fit.
    Bad,
    /// It holds the sum of the pseudo-header only: the network card fills it in later (offload), so the
    /// packet was captured at its sender. Not an error.
    Offloaded,
    /// It can't be computed: bytes are missing (snap length), or the header says that none was made
    /// (UDP over IPv4 with 0).
    #[default]
    Unknown,
}

/// Hardware addresses of the outermost link layer, where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkAddresses {
    /// Who sent the frame.
    pub source: [u8; 6],
    /// Who it is for; absent where the link layer does not tell (Linux cooked capture).
    pub destination: Option<[u8; 6]>,
}

/// The innermost IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    /// Source address.
    pub source: IpAddr,
    /// Destination address; with a routing header that is not used up, the final one (as the TCP
    /// pseudo-header counts it).
    pub destination: IpAddr,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub traffic_class: u8,
    /// The identification field of IPv4, or the lower half of that in the fragment header of IPv6.
    pub id: Option<u16>,
    /// IPv4: "don't fragment".
    pub dont_fragment: bool,
    /// The header checksum of IPv4; [`Checksum::Unknown`] for IPv6.
    pub header_checksum: Checksum,
    /// The protocol number of what follows (after extension headers).
    pub protocol: u8,
    /// Bytes that follow the header and extension headers, on the wire.
    pub payload_length: u32,
}

/// A UDP datagram.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// What the checksum says.
    pub checksum: Checksum,
    /// The captured bytes of the payload.
    pub payload: &'a [u8],
    /// The length of the payload on the wire in bytes, by the length fields.
    pub payload_length: u32,
}

/// An ARP message for IPv4 over Ethernet; other kinds are counted only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// 1 request, 2 reply, 3 and 4 reverse ARP.
    pub operation: u16,
    /// The sender's hardware address.
    pub sender_mac: [u8; 6],
    /// The sender's address.
    pub sender: std::net::Ipv4Addr,
    /// The target's hardware address.
    pub target_mac: [u8; 6],
    /// The target's address.
    pub target: std::net::Ipv4Addr,
}

impl Arp {
    /// Whether an end tells all others of its own address, by asking for it or by an answer that nobody asked for
    /// (RFC 5944, section 4.6).
    pub fn is_gratuitous(&self) -> bool {
        matches!(self.operation, 1 | 2) && self.sender == self.target
    }

    /// Whether an end asks for an address that it may use if nobody answers (RFC 5227, section 2.1.1).
    pub fn is_probe(&self) -> bool {
        self.asks_nobody() && self.sender.is_unspecified() && !self.target.is_unspecified()
    }

    /// Whether an end says that it uses an address from now on (RFC 5227, section 2.3).
    pub fn is_announcement(&self) -> bool {
        self.asks_nobody() && self.sender == self.target
    }

    /// A request for which the hardware address is left empty, as it has to be.
    fn asks_nobody(&self) -> bool {
        self.operation == 1 && self.target_mac == [0; 6]
    }
}

/// An ICMP or ICMPv6 message.
#[derive(Debug, Clone, Copy)]
pub struct Icmp<'a> {
    /// 4 or 6.
    pub version: u8,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The four bytes after the checksum: identifier and sequence number of an echo, the next-hop MTU
    /// of "fragmentation needed" (in the last two) or of "packet too big".
    pub rest: [u8; 4],
    /// What the checksum says.
    pub checksum: Checksum,
    /// The start of the packet that an error message quotes.
    pub quoted: Option<Quoted>,
    /// The bytes after the eight-byte header, as captured.
    pub payload: &'a [u8],
    /// The whole message, as captured.
    pub bytes: &'a [u8],
}

/// The packet that an ICMP error quotes: enough to find the flow that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// Its source address.
    pub source: IpAddr,
    /// Its destination address.
    pub destination: IpAddr,
    /// Its protocol number.
    pub protocol: u8,
    /// Source and destination port, where it is TCP or UDP and the quotation is long enough.
    pub ports: Option<(u16, u16)>,
    /// The sequence number, where it is TCP and the quotation is long enough.
    pub seq: Option<SeqNum>,
}

/// What the innermost layer that was understood carries.
#[derive(Debug, Clone, Copy, Default)]
pub enum Payload<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram whose port belongs to no tunnel.
    Udp(Datagram<'a>),
    /// An ICMP message.
    Icmp(Icmp<'a>),
    /// An ARP message.
    Arp(Arp),
    /// A fragment of an IP datagram that is not complete yet; the frame that completes it carries the whole.
    Fragment {
        /// Offset of its bytes in the datagram.
        offset: u32,
        /// Length of its bytes.
        length: u32,
    },
    /// Something else: what was not looked into. The bytes are the payload of the last known layer.
    Other(&'a [u8]),
    /// Nothing was left to look into.
    #[default]
    Nothing,
}

/// Where and why decoding stopped before the innermost layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The layer that could not be read.
    pub layer: Layer,
    /// Its offset in the captured frame (in the reassembled datagram, if there is one), in bytes.
    pub offset: u32,
    /// Why, in a few words: "header is cut short", "header length 3 is below 5".
    pub reason: &'static str,
    /// Whether the reason is that the frame was not captured whole (the snap length), not that it is wrong.
    pub cut: bool,
}

/// Something the fragment store noticed with this frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentNote {
    /// Overlaps an earlier fragment with other bytes; the earlier bytes are kept.
    ConflictingOverlap,
    /// Overlaps an earlier fragment with the same bytes.
    Overlap,
    /// Reaches beyond the largest datagram there can be.
    TooLong,
    /// Says that the datagram ends elsewhere than an earlier fragment said.
    ConflictingEnd,
}

/// What one frame holds, from the outside in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packet<'a> {
    /// The layers found.
    pub layers: Layers,
    /// Hardware addresses.
    pub link: Option<LinkAddresses>,
    /// The identifier of the innermost VLAN tag (12 bits).
    pub vlan: Option<u16>,
    /// The innermost IP header.
    pub ip: Option<Ip>,
    /// What it carries.
    pub payload: Payload<'a>,
    /// Whether the payload was put together from fragments, this frame being the last to arrive.
    pub reassembled: bool,
    /// The lengths of the earlier frames that brought these fragments.
    pub earlier_length: u32,
    /// What the fragment store noticed.
    pub fragment_note: Option<FragmentNote>,
    /// Why decoding stopped early, if it did.
    pub stop: Option<Stop>,
}
