//! Fields of ICMP.

use super::{Read::Header, bits, fields, layer};
use crate::field::extract::icmp;
use crate::wire::Layer::Icmp;

fields! {
    /// An ICMP message.
    "icmp" = PROTOCOL None "Internet Control Message Protocol" => layer(Icmp);
    "icmp.type" = U8 Decimal "Type" => bits(Icmp, 0, 1);
    "icmp.code" = U8 Decimal "Code" => bits(Icmp, 1, 1);
    "icmp.checksum" = U16 Hex "Checksum" => bits(Icmp, 2, 2);
    /// 0 bad, 1 good, 2 not verified.
    "icmp.checksum.status" = U8 Decimal "Checksum Status" => Header(Icmp, icmp::checksum_status);
    "icmp.ident" = U16 DecimalHex "Identifier (BE)" => Header(Icmp, icmp::identifier);
    /// The identifier as a sender with the other byte order means it.
    "icmp.ident_le" = U16 DecimalHex "Identifier (LE)" => Header(Icmp, icmp::identifier_little);
    "icmp.seq" = U16 DecimalHex "Sequence Number (BE)" => Header(Icmp, icmp::sequence);
    /// The sequence number as a sender with the other byte order means it.
    "icmp.seq_le" = U16 DecimalHex "Sequence Number (LE)" => Header(Icmp, icmp::sequence_little);
    "icmp.mtu" = U16 Decimal "MTU of next hop" => Header(Icmp, icmp::next_mtu);
    "icmp.unused" = BYTES None "Unused" => Header(Icmp, icmp::unused);
    "icmp.redir_gw" = IPV4 None "Gateway Address" => Header(Icmp, icmp::gateway);
}
