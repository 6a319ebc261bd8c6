//! Fields of ICMPv6: errors, echo and neighbor discovery.

use super::{Read::Header, bits, fields, layer};
use crate::field::extract::icmp;
use crate::wire::Layer::Icmpv6;

fields! {
    /// An ICMPv6 message.
    "icmpv6" = PROTOCOL None "Internet Control Message Protocol v6" => layer(Icmpv6);
    "icmpv6.type" = U8 Decimal "Type" => bits(Icmpv6, 0, 1);
    "icmpv6.code" = U8 Decimal "Code" => bits(Icmpv6, 1, 1);
    "icmpv6.checksum" = U16 Hex "Checksum" => bits(Icmpv6, 2, 2);
    /// 0 bad, 1 good, 2 not verified.
    "icmpv6.checksum.status" = U8 Decimal "Checksum Status" => Header(Icmpv6, icmp::checksum_status);
    "icmpv6.echo.identifier" = U16 Hex "Identifier" => Header(Icmpv6, icmp::echo_identifier);
    "icmpv6.echo.sequence_number" = U16 Decimal "Sequence" => Header(Icmpv6, icmp::echo_sequence);
    "icmpv6.mtu" = U32 Decimal "MTU" => Header(Icmpv6, icmp::mtu);
    "icmpv6.pointer" = U32 Decimal "Pointer" => Header(Icmpv6, icmp::pointer);
    "icmpv6.nd.ns.target_address" = IPV6 None "Target Address" => Header(Icmpv6, icmp::solicited);
    "icmpv6.nd.na.target_address" = IPV6 None "Target Address" => Header(Icmpv6, icmp::advertised);
    "icmpv6.nd.na.flag.r" = BOOL None "Router" => Header(Icmpv6, icmp::from_router);
    "icmpv6.nd.na.flag.s" = BOOL None "Solicited" => Header(Icmpv6, icmp::was_asked);
    "icmpv6.nd.na.flag.o" = BOOL None "Override" => Header(Icmpv6, icmp::overrides);
    "icmpv6.nd.ra.cur_hop_limit" = U8 Decimal "Cur hop limit" => Header(Icmpv6, icmp::hop_limit);
    "icmpv6.nd.ra.router_lifetime" = U16 Decimal "Router lifetime (s)" => Header(Icmpv6, icmp::lifetime);
    "icmpv6.nd.ra.reachable_time" = U32 Decimal "Reachable time (ms)" => Header(Icmpv6, icmp::reachable);
    "icmpv6.nd.ra.retrans_timer" = U32 Decimal "Retrans timer (ms)" => Header(Icmpv6, icmp::retransmit);
    "icmpv6.opt.type" = U8 Decimal "Type" => Header(Icmpv6, icmp::option_types);
    /// In units of 8 bytes.
    "icmpv6.opt.length" = U8 Decimal "Length" => Header(Icmpv6, icmp::option_lengths);
    "icmpv6.opt.linkaddr" = ETHER None "Link-layer address" => Header(Icmpv6, icmp::link_addresses);
    "icmpv6.opt.src_linkaddr" = ETHER None "Source Link-layer address" => Header(Icmpv6, icmp::source_link_address);
    "icmpv6.opt.target_linkaddr" = ETHER None "Target Link-layer address"
        => Header(Icmpv6, icmp::target_link_address);
    "icmpv6.opt.mtu" = U32 Decimal "MTU" => Header(Icmpv6, icmp::option_mtu);
    "icmpv6.opt.prefix" = IPV6 None "Prefix" => Header(Icmpv6, icmp::prefix);
    "icmpv6.opt.prefix.length" = U8 Decimal "Prefix Length" => Header(Icmpv6, icmp::prefix_length);
    "icmpv6.mldr.nb_mcast_records" = U16 Decimal "Number of Multicast Address Records"
        => Header(Icmpv6, icmp::records);
    "icmpv6.mldr.mar.record_type" = U8 Decimal "Record Type" => Header(Icmpv6, icmp::record_types);
    "icmpv6.mldr.mar.multicast_address" = IPV6 None "Multicast Address" => Header(Icmpv6, icmp::groups);
}
