//! Fields of IPv6 and its extension headers.

use super::{Read::Header, bits, ends, fields, layer, part};
use crate::field::extract::{ip, ipv6};
use crate::wire::Layer::{Ipv6, Ipv6Extension};

fields! {
    /// The IPv6 header.
    "ipv6" = PROTOCOL None "Internet Protocol Version 6" => layer(Ipv6);
    "ipv6.version" = U8 Decimal "Version" => part(Ipv6, 0, 1, 0xf0);
    "ipv6.tclass" = U32 Hex "Traffic Class" => part(Ipv6, 0, 4, 0x0ff0_0000);
    "ipv6.tclass.dscp" = U32 Decimal "Differentiated Services Codepoint" => part(Ipv6, 0, 4, 0x0fc0_0000);
    "ipv6.tclass.ecn" = U32 Decimal "Explicit Congestion Notification" => part(Ipv6, 0, 4, 0x0030_0000);
    "ipv6.flow" = U24 Hex "Flow Label" => part(Ipv6, 0, 4, 0xfffff);
    "ipv6.plen" = U16 Decimal "Payload Length" => bits(Ipv6, 4, 2);
    "ipv6.nxt" = U8 Decimal "Next Header" => bits(Ipv6, 6, 1);
    "ipv6.hlim" = U8 Decimal "Hop Limit" => bits(Ipv6, 7, 1);
    /// Of a datagram whose fragments the frame completes.
    "ipv6.reassembled.length" = U32 Decimal "Reassembled IPv6 length" => Header(Ipv6, ip::reassembled_length);
    "ipv6.src" = IPV6 None "Source Address" => bits(Ipv6, 8, 16);
    /// The source address as text: names are not looked up.
    "ipv6.src_host" = TEXT None "Source Host" => Header(Ipv6, ipv6::source_text);
    /// The hardware address that the source address was made from (RFC 4291, appendix A).
    "ipv6.src_slaac_mac" = ETHER None "Source SLAAC MAC" => Header(Ipv6, ipv6::source_mac);
    "ipv6.dst" = IPV6 None "Destination Address" => bits(Ipv6, 24, 16);
    /// The destination address as text.
    "ipv6.dst_host" = TEXT None "Destination Host" => Header(Ipv6, ipv6::destination_text);
    "ipv6.dst_slaac_mac" = ETHER None "Destination SLAAC MAC" => Header(Ipv6, ipv6::destination_mac);
    "ipv6.slaac_mac" = ETHER None "SLAAC MAC" => Header(Ipv6, ipv6::both_macs);
    /// Source and destination.
    "ipv6.addr" = IPV6 None "Source or Destination Address" => ends(Ipv6, 8, 24, 16);
    /// Source and destination as text.
    "ipv6.host" = TEXT None "Source or Destination Host" => Header(Ipv6, ipv6::addresses_text);
    /// Options for each hop.
    "ipv6.hopopts" = PROTOCOL None "IPv6 Hop-by-Hop Option" => Header(Ipv6Extension, ipv6::hopopts);
    "ipv6.hopopts.nxt" = U8 Decimal "Next Header" => Header(Ipv6Extension, ipv6::hopopts_next);
    "ipv6.hopopts.len" = U8 Decimal "Length" => Header(Ipv6Extension, ipv6::hopopts_length);
    /// The same in bytes.
    "ipv6.hopopts.len_oct" = U16 Decimal "Length" => Header(Ipv6Extension, ipv6::hopopts_octets);
    /// Options for the destination.
    "ipv6.dstopts" = PROTOCOL None "Destination Options for IPv6" => Header(Ipv6Extension, ipv6::dstopts);
    "ipv6.dstopts.nxt" = U8 Decimal "Next Header" => Header(Ipv6Extension, ipv6::dstopts_next);
    "ipv6.dstopts.len" = U8 Decimal "Length" => Header(Ipv6Extension, ipv6::dstopts_length);
    /// The same in bytes.
    "ipv6.dstopts.len_oct" = U16 Decimal "Length" => Header(Ipv6Extension, ipv6::dstopts_octets);
    /// A routing header.
    "ipv6.routing" = PROTOCOL None "Routing Header for IPv6" => Header(Ipv6Extension, ipv6::routing);
    "ipv6.routing.nxt" = U8 Decimal "Next Header" => Header(Ipv6Extension, ipv6::routing_next);
    "ipv6.routing.len" = U8 Decimal "Length" => Header(Ipv6Extension, ipv6::routing_length);
    /// The same in bytes.
    "ipv6.routing.len_oct" = U16 Decimal "Length" => Header(Ipv6Extension, ipv6::routing_octets);
    "ipv6.routing.type" = U8 Decimal "Type" => Header(Ipv6Extension, ipv6::routing_type);
    "ipv6.routing.segleft" = U8 Decimal "Segments Left" => Header(Ipv6Extension, ipv6::segments_left);
    /// The header of a fragment.
    "ipv6.fraghdr" = PROTOCOL None "Fragment Header for IPv6" => Header(Ipv6Extension, ipv6::fragment);
    "ipv6.fraghdr.nxt" = U8 Decimal "Next header" => Header(Ipv6Extension, ipv6::fragment_next);
    /// In units of 8 bytes.
    "ipv6.fraghdr.offset" = U16 Decimal "Offset" => Header(Ipv6Extension, ipv6::fragment_offset);
    "ipv6.fraghdr.more" = BOOL None "More Fragments" => Header(Ipv6Extension, ipv6::fragment_more);
    "ipv6.fraghdr.ident" = U32 Hex "Identification" => Header(Ipv6Extension, ipv6::fragment_id);
}
