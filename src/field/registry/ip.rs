//! Fields of IPv4.

use super::{Read::Any, Read::Header, bits, fields, layer, part};
use crate::field::extract::ip;
use crate::wire::Layer::Ipv4;

fields! {
    /// The IPv4 header.
    "ip" = PROTOCOL None "Internet Protocol Version 4" => layer(Ipv4);
    /// 4, or 6 in a header of IPv6.
    "ip.version" = U8 Decimal "Version" => Any(ip::versions);
    "ip.hdr_len" = U8 Decimal "Header Length" => Header(Ipv4, ip::header_length);
    "ip.dsfield" = U8 Hex "Differentiated Services Field" => bits(Ipv4, 1, 1);
    "ip.dsfield.dscp" = U8 Decimal "Differentiated Services Codepoint" => part(Ipv4, 1, 1, 0xfc);
    "ip.dsfield.ecn" = U8 Decimal "Explicit Congestion Notification" => part(Ipv4, 1, 1, 0x3);
    /// The length that the header tells.
    "ip.len" = U16 Decimal "Total Length" => bits(Ipv4, 2, 2);
    "ip.id" = U16 HexDecimal "Identification" => bits(Ipv4, 4, 2);
    "ip.flags" = U8 Hex "Flags" => part(Ipv4, 6, 1, 0xe0);
    "ip.flags.rb" = BOOL None "Reserved bit" => part(Ipv4, 6, 1, 0x80);
    "ip.flags.df" = BOOL None "Don't fragment" => part(Ipv4, 6, 1, 0x40);
    "ip.flags.mf" = BOOL None "More fragments" => part(Ipv4, 6, 1, 0x20);
    /// In units of 8 bytes.
    "ip.frag_offset" = U16 Decimal "Fragment Offset" => part(Ipv4, 6, 2, 0x1fff);
    "ip.ttl" = U8 Decimal "Time to Live" => bits(Ipv4, 8, 1);
    /// The number of the protocol that follows.
    "ip.proto" = U8 Decimal "Protocol" => bits(Ipv4, 9, 1);
    "ip.checksum" = U16 Hex "Header Checksum" => bits(Ipv4, 10, 2);
    /// 0 bad, 1 good, 2 not verified.
    "ip.checksum.status" = U8 Decimal "Header checksum status" => Header(Ipv4, ip::checksum_status);
    /// Of a datagram whose fragments the frame completes.
    "ip.reassembled.length" = U32 Decimal "Reassembled IPv4 length" => Header(Ipv4, ip::reassembled_length);
    "ip.src" = IPV4 None "Source Address" => bits(Ipv4, 12, 4);
    /// The source address as text: names are not looked up.
    "ip.src_host" = TEXT None "Source Host" => Header(Ipv4, ip::source_text);
    /// With a source route that is not used up, its last address.
    "ip.dst" = IPV4 None "Destination Address" => Header(Ipv4, ip::destination);
    /// The destination address as text.
    "ip.dst_host" = TEXT None "Destination Host" => Header(Ipv4, ip::destination_text);
    /// Source and destination.
    "ip.addr" = IPV4 None "Source or Destination Address" => Header(Ipv4, ip::addresses);
    /// Source and destination as text.
    "ip.host" = TEXT None "Source or Destination Host" => Header(Ipv4, ip::addresses_text);
}
