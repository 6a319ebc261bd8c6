//! Fields of ICMP.

use super::{Read::Reading, fields, layer};
use crate::wire::Layer::Icmp;

fields! {
    /// An ICMP message.
    "icmp" = PROTOCOL None "Internet Control Message Protocol" => layer(Icmp);
    "icmp.type" = U8 Decimal "Type" => Reading;
    "icmp.code" = U8 Decimal "Code" => Reading;
    "icmp.checksum" = U16 Hex "Checksum" => Reading;
    /// 0 bad, 1 good, 2 not verified.
    "icmp.checksum.status" = U8 Decimal "Checksum Status" => Reading;
    "icmp.unused" = BYTES None "Unused" => Reading;
    "icmp.ident" = U16 DecimalHex "Identifier (BE)" => Reading;
    /// The identifier as a sender with the other byte order means it.
    "icmp.ident_le" = U16 DecimalHex "Identifier (LE)" => Reading;
    "icmp.seq" = U16 DecimalHex "Sequence Number (BE)" => Reading;
    /// The sequence number as a sender with the other byte order means it.
    "icmp.seq_le" = U16 DecimalHex "Sequence Number (LE)" => Reading;
    "icmp.mtu" = U16 Decimal "MTU of next hop" => Reading;
    "icmp.num_addrs" = U8 Decimal "Number of addresses" => Reading;
    "icmp.addr_entry_size" = U8 Decimal "Address entry size" => Reading;
    "icmp.lifetime" = U16 Decimal "Lifetime" => Reading;
    "icmp.pointer" = U32 Decimal "Pointer" => Reading;
    "icmp.router_address" = IPV4 None "Router address" => Reading;
    "icmp.pref_level" = I32 Decimal "Preference level" => Reading;
    "icmp.originate_timestamp" = U32 Decimal "Originate Timestamp" => Reading;
    "icmp.receive_timestamp" = U32 Decimal "Receive Timestamp" => Reading;
    "icmp.transmit_timestamp" = U32 Decimal "Transmit Timestamp" => Reading;
    "icmp.address_mask" = IPV4 None "Address Mask" => Reading;
    "icmp.redir_gw" = IPV4 None "Gateway Address" => Reading;
    "icmp.ext" = LABEL None "ICMP Extensions" => Reading;
    "icmp.ext.version" = U8 Decimal "Version" => Reading;
    "icmp.ext.res" = U16 Hex "Reserved" => Reading;
    "icmp.ext.length" = U16 Decimal "Length" => Reading;
    "icmp.ext.class" = U8 Decimal "Class" => Reading;
    "icmp.ext.ctype" = U8 Decimal "C-Type" => Reading;
    "icmp.mpls.label" = U24 Decimal "Label" => Reading;
    "icmp.mpls.exp" = U24 Decimal "Experimental" => Reading;
    "icmp.mpls.s" = BOOL None "Stack bit" => Reading;
    "icmp.mpls.ttl" = U8 Decimal "Time to live" => Reading;
    "icmp.resp_to" = FRAME None "Request frame" => Reading;
    /// In milliseconds.
    "icmp.resptime" = FLOAT None "Response time" => Reading;
    "icmp.length" = U8 Decimal "Length" => Reading;
    "icmp.length.original_datagram" = U8 Decimal "Length of original datagram" => Reading;
    "icmp.ext.echo.seq" = U8 DecimalHex "Sequence Number" => Reading;
    "icmp.ext.echo.req.res" = U8 Hex "Reserved" => Reading;
    "icmp.ext.echo.req.local" = BOOL None "Local bit" => Reading;
    "icmp.ext.echo.rsp.state" = U8 Decimal "State" => Reading;
    "icmp.ext.echo.rsp.res" = U8 Hex "Reserved" => Reading;
    "icmp.ext.echo.rsp.active" = BOOL None "Active bit" => Reading;
    "icmp.ext.echo.rsp.ipv4" = BOOL None "IPv4 bit" => Reading;
    "icmp.ext.echo.rsp.ipv6" = BOOL None "IPv6 bit" => Reading;
}
