//! Fields of ARP.

use super::{Read::Header, bits, fields, layer};
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
}
