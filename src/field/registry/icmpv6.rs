//! Fields of ICMPv6: errors, echo, neighbor discovery and multicast listeners.

use super::{Read::Reading, fields, layer};
use crate::wire::Layer::Icmpv6;

fields! {
    /// An ICMPv6 message.
    "icmpv6" = PROTOCOL None "Internet Control Message Protocol v6" => layer(Icmpv6);
    "icmpv6.type" = U8 Decimal "Type" => Reading;
    "icmpv6.code" = U8 Decimal "Code" => Reading;
    "icmpv6.checksum" = U16 Hex "Checksum" => Reading;
    /// 0 bad, 1 good, 2 not verified.
    "icmpv6.checksum.status" = U8 Decimal "Checksum Status" => Reading;
    "icmpv6.reserved" = BYTES None "Reserved" => Reading;
    "icmpv6.mtu" = U32 Decimal "MTU" => Reading;
    "icmpv6.pointer" = U32 Decimal "Pointer" => Reading;
    "icmpv6.echo.identifier" = U16 Hex "Identifier" => Reading;
    "icmpv6.echo.sequence_number" = U16 Decimal "Sequence" => Reading;
    "icmpv6.nd.ra.cur_hop_limit" = U8 Decimal "Cur hop limit" => Reading;
    "icmpv6.nd.ra.flag" = U8 Hex "Flags" => Reading;
    "icmpv6.nd.ra.flag.m" = BOOL None "Managed address configuration" => Reading;
    "icmpv6.nd.ra.flag.o" = BOOL None "Other configuration" => Reading;
    "icmpv6.nd.ra.flag.h" = BOOL None "Home Agent" => Reading;
    "icmpv6.nd.ra.flag.prf" = U8 Decimal "Prf (Default Router Preference)" => Reading;
    "icmpv6.nd.ra.flag.p" = BOOL None "Proxy" => Reading;
    "icmpv6.nd.ra.flag.rsv" = U8 Decimal "Reserved" => Reading;
    "icmpv6.nd.ra.router_lifetime" = U16 Decimal "Router lifetime (s)" => Reading;
    "icmpv6.nd.ra.reachable_time" = U32 Decimal "Reachable time (ms)" => Reading;
    "icmpv6.nd.ra.retrans_timer" = U32 Decimal "Retrans timer (ms)" => Reading;
    "icmpv6.nd.ns.target_address" = IPV6 None "Target Address" => Reading;
    "icmpv6.nd.na.flag" = U32 Hex "Flags" => Reading;
    "icmpv6.nd.na.flag.r" = BOOL None "Router" => Reading;
    "icmpv6.nd.na.flag.s" = BOOL None "Solicited" => Reading;
    "icmpv6.nd.na.flag.o" = BOOL None "Override" => Reading;
    "icmpv6.nd.na.flag.rsv" = U32 Decimal "Reserved" => Reading;
    "icmpv6.nd.na.target_address" = IPV6 None "Target Address" => Reading;
    "icmpv6.nd.rd.target_address" = IPV6 None "Target Address" => Reading;
    "icmpv6.rd.na.destination_address" = IPV6 None "Destination Address" => Reading;
    "icmpv6.opt" = LABEL None "ICMPv6 Option" => Reading;
    "icmpv6.opt.type" = U8 Decimal "Type" => Reading;
    /// In units of 8 bytes.
    "icmpv6.opt.length" = U8 Decimal "Length" => Reading;
    "icmpv6.opt.linkaddr" = ETHER None "Link-layer address" => Reading;
    "icmpv6.opt.src_linkaddr" = ETHER None "Source Link-layer address" => Reading;
    "icmpv6.opt.target_linkaddr" = ETHER None "Target Link-layer address" => Reading;
    "icmpv6.opt.prefix.length" = U8 Decimal "Prefix Length" => Reading;
    "icmpv6.opt.prefix.flag" = U8 Hex "Flag" => Reading;
    "icmpv6.opt.prefix.flag.l" = BOOL None "On-link flag(L)" => Reading;
    "icmpv6.opt.prefix.flag.a" = BOOL None "Autonomous address-configuration flag(A)" => Reading;
    "icmpv6.opt.prefix.flag.r" = BOOL None "Router address flag(R)" => Reading;
    "icmpv6.opt.prefix.flag.reserved" = U8 Decimal "Reserved" => Reading;
    "icmpv6.opt.prefix.valid_lifetime" = U32 Decimal "Valid Lifetime" => Reading;
    "icmpv6.opt.prefix.preferred_lifetime" = U32 Decimal "Preferred Lifetime" => Reading;
    "icmpv6.opt.prefix" = IPV6 None "Prefix" => Reading;
    "icmpv6.opt.nonce" = BYTES None "Nonce" => Reading;
    "icmpv6.opt.route_info.flag" = U8 Hex "Flag" => Reading;
    "icmpv6.opt.route_info.flag.route_preference" = U8 Decimal "Route Preference" => Reading;
    "icmpv6.opt.route_info.flag.reserved" = U8 Decimal "Reserved" => Reading;
    "icmpv6.opt.route_lifetime" = U32 Decimal "Route Lifetime" => Reading;
    "icmpv6.opt.mtu" = U32 Decimal "MTU" => Reading;
    "icmpv6.opt.advertisement_interval" = U32 Decimal "Advertisement Interval" => Reading;
    "icmpv6.opt.home_agent_preference" = U16 Decimal "Home Agent Preference" => Reading;
    "icmpv6.opt.home_agent_lifetime" = U16 Decimal "Home Agent Preference" => Reading;
    "icmpv6.opt.rdnss.lifetime" = U32 Decimal "Lifetime" => Reading;
    "icmpv6.opt.rdnss" = IPV6 None "Recursive DNS Servers" => Reading;
    "icmpv6.opt.dnssl.lifetime" = U32 Decimal "Lifetime" => Reading;
    "icmpv6.opt.dnssl" = TEXT None "Domain Names" => Reading;
    "icmpv6.opt.captive_portal" = TEXT None "Captive Portal" => Reading;
    /// In milliseconds.
    "icmpv6.mld.maximum_response_delay" = U16 Decimal "Maximum Response Delay [ms]" => Reading;
    "icmpv6.mld.multicast_address" = IPV6 None "Multicast Address" => Reading;
    "icmpv6.mld.maximum_response_code" = U16 Decimal "Maximum Response Code" => Reading;
    "icmpv6.mld.flag" = U8 Hex "Flags" => Reading;
    "icmpv6.mld.flag.s" = BOOL None "Suppress Router-Side Processing" => Reading;
    "icmpv6.mld.flag.qrv" = U8 Decimal "QRV (Querier's Robustness Variable)" => Reading;
    "icmpv6.mld.flag.reserved" = U8 Decimal "Reserved" => Reading;
    "icmpv6.mld.qqi" = U8 Decimal "QQIC (Querier's Query Interval Code)" => Reading;
    "icmpv6.mld.nb_sources" = U16 Decimal "Number of Sources" => Reading;
    "icmpv6.mld.source_address" = IPV6 None "Source Address" => Reading;
    "icmpv6.mldr.nb_mcast_records" = U16 Decimal "Number of Multicast Address Records" => Reading;
    "icmpv6.mldr.mar" = LABEL None "Multicast Address Record" => Reading;
    "icmpv6.mldr.mar.record_type" = U8 Decimal "Record Type" => Reading;
    "icmpv6.mldr.mar.aux_data_len" = U8 Decimal "Aux Data Len" => Reading;
    "icmpv6.mldr.mar.nb_sources" = U16 Decimal "Number of Sources" => Reading;
    "icmpv6.mldr.mar.multicast_address" = IPV6 None "Multicast Address" => Reading;
    "icmpv6.mldr.mar.source_address" = IPV6 None "Source Address" => Reading;
    "icmpv6.mldr.mar.auxiliary_data" = BYTES None "Auxiliary Data" => Reading;
    "icmpv6.ext.echo.seq" = U8 DecimalHex "Sequence number" => Reading;
    "icmpv6.ext.echo.req.res" = U8 Hex "Reserved" => Reading;
    "icmpv6.ext.echo.req.local" = BOOL None "Local bit" => Reading;
    "icmpv6.ext.echo.rsp.state" = U8 Decimal "State" => Reading;
    "icmpv6.ext.echo.rsp.res" = U8 Hex "Reserved" => Reading;
    "icmpv6.ext.echo.rsp.active" = BOOL None "Active bit" => Reading;
    "icmpv6.ext.echo.rsp.ipv4" = BOOL None "IPv4 bit" => Reading;
    "icmpv6.ext.echo.rsp.ipv6" = BOOL None "IPv6 bit" => Reading;
    "icmpv6.resp_to" = FRAME None "Response To" => Reading;
    /// In milliseconds.
    "icmpv6.resptime" = FLOAT None "Response Time" => Reading;
}
