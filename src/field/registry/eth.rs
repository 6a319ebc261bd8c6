//! Fields of Ethernet.

use super::{Read::Header, bits, end_parts, ends, fields, layer, part};
use crate::field::extract::link;
use crate::wire::Layer::Ethernet;

fields! {
    /// The Ethernet header.
    "eth" = PROTOCOL None "Ethernet" => layer(Ethernet);
    "eth.dst" = ETHER None "Destination" => bits(Ethernet, 0, 6);
    /// The address as text: names are not looked up.
    "eth.dst_resolved" = TEXT None "Destination (resolved)" => Header(Ethernet, link::destination_text);
    /// The part of the address that names its maker.
    "eth.dst.oui" = U24 Decimal "Destination OUI" => bits(Ethernet, 0, 3);
    /// Whether the address was given locally.
    "eth.dst.lg" = BOOL None "LG bit" => part(Ethernet, 0, 3, 0x20000);
    /// Whether the address is that of a group.
    "eth.dst.ig" = BOOL None "IG bit" => part(Ethernet, 0, 3, 0x10000);
    "eth.src" = ETHER None "Source" => bits(Ethernet, 6, 6);
    /// The address as text: names are not looked up.
    "eth.src_resolved" = TEXT None "Source (resolved)" => Header(Ethernet, link::source_text);
    /// The part of the address that names its maker.
    "eth.src.oui" = U24 Decimal "Source OUI" => bits(Ethernet, 6, 3);
    /// Whether the address was given locally.
    "eth.src.lg" = BOOL None "LG bit" => part(Ethernet, 6, 3, 0x20000);
    /// Whether the address is that of a group.
    "eth.src.ig" = BOOL None "IG bit" => part(Ethernet, 6, 3, 0x10000);
    /// Destination and source.
    "eth.addr" = ETHER None "Address" => ends(Ethernet, 0, 6, 6);
    /// Destination and source as text.
    "eth.addr_resolved" = TEXT None "Address (resolved)" => Header(Ethernet, link::addresses_text);
    "eth.addr.oui" = U24 Decimal "Address OUI" => ends(Ethernet, 0, 6, 3);
    "eth.lg" = BOOL None "LG bit" => end_parts(Ethernet, 0, 6, 3, 0x20000);
    "eth.ig" = BOOL None "IG bit" => end_parts(Ethernet, 0, 6, 3, 0x10000);
    /// What follows, where it is no length.
    "eth.type" = U16 Hex "Type" => Header(Ethernet, link::ether_type);
    /// The length, in frames of IEEE 802.3.
    "eth.len" = U16 Decimal "Length" => Header(Ethernet, link::length);
    /// Bytes that fill the frame up to the least length.
    "eth.padding" = BYTES None "Padding" => Header(Ethernet, link::padding);
}
