//! Fields of ARP.

use super::{
    Read::{Header, Reading},
    bits, fields, layer,
};
use crate::field::extract::link;
use crate::wire::Layer::Arp;

fields! {
    /// An ARP message.
    "arp" = PROTOCOL None "Address Resolution Protocol" => layer(Arp);
    "arp.hw.type" = U16 Decimal "Hardware type" => bits(Arp, 0, 2);
    "arp.proto.type" = U16 Hex "Protocol type" => bits(Arp, 2, 2);
    "arp.hw.size" = U8 Decimal "Hardware size" => bits(Arp, 4, 1);
    "arp.proto.size" = U8 Decimal "Protocol size" => bits(Arp, 5, 1);
    /// 1 asks, 2 answers.
    "arp.opcode" = U16 Decimal "Opcode" => bits(Arp, 6, 2);
    "arp.src.hw_mac" = ETHER None "Sender MAC address" => Header(Arp, link::arp_sender_mac);
    "arp.src.proto_ipv4" = IPV4 None "Sender IP address" => Header(Arp, link::arp_sender);
    "arp.dst.hw_mac" = ETHER None "Target MAC address" => Header(Arp, link::arp_target_mac);
    "arp.dst.proto_ipv4" = IPV4 None "Target IP address" => Header(Arp, link::arp_target);
    /// Whether somebody asks for its own address.
    "arp.isgratuitous" = BOOL None "Is gratuitous" => Header(Arp, link::arp_gratuitous);
    /// Whether somebody asks for an address before using it.
    "arp.isprobe" = BOOL None "Is probe" => Header(Arp, link::arp_probe);
    /// Whether somebody says which address it uses.
    "arp.isannouncement" = BOOL None "Is announcement" => Header(Arp, link::arp_announcement);
    "arp.src.hw" = BYTES None "Sender hardware address" => Header(Arp, link::arp_sender_hardware);
    "arp.src.proto" = BYTES None "Sender protocol address" => Header(Arp, link::arp_sender_protocol);
    "arp.dst.hw" = BYTES None "Target hardware address" => Header(Arp, link::arp_target_hardware);
    "arp.dst.proto" = BYTES None "Target protocol address" => Header(Arp, link::arp_target_protocol);
    /// Another hardware address had this one before.
    "arp.duplicate-address-detected" = LABEL None "Duplicate IP address configured" => Reading;
    "arp.duplicate-address-frame" = FRAME None "Frame showing earlier use of IP address" => Reading;
    "arp.seconds-since-duplicate-address-frame" = U32 Decimal "Seconds since earlier frame seen" => Reading;
    /// Reverse ARP (RFC 903); its fields are those of ARP.
    "rarp" = PROTOCOL None "Reverse Address Resolution Protocol" => Reading;
}
