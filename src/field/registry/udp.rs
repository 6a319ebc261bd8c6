//! Fields of UDP.

use super::{Read::Header, bits, ends, fields, layer};
use crate::field::extract::udp;
use crate::wire::Layer::Udp;

fields! {
    /// The UDP header.
    "udp" = PROTOCOL None "User Datagram Protocol" => layer(Udp);
    "udp.srcport" = U16 Decimal "Source Port" => bits(Udp, 0, 2);
    "udp.dstport" = U16 Decimal "Destination Port" => bits(Udp, 2, 2);
    /// Source and destination port.
    "udp.port" = U16 Decimal "Source or Destination Port" => ends(Udp, 0, 2, 2);
    "udp.length" = U16 Decimal "Length" => Header(Udp, udp::length);
    "udp.checksum" = U16 Hex "Checksum" => Header(Udp, udp::checksum);
    /// 0 bad, 1 good, 2 not verified, 3 not there.
    "udp.checksum.status" = U8 Decimal "Checksum Status" => Header(Udp, udp::checksum_status);
    /// The number of the pair of endpoints, counted from 0.
    "udp.stream" = U32 Decimal "Stream index" => Header(Udp, udp::stream);
    "udp.time_relative" = SPAN None "Time since first frame" => Header(Udp, udp::time_relative);
    "udp.time_delta" = SPAN None "Time since previous frame" => Header(Udp, udp::time_delta);
    "udp.payload" = BYTES None "Payload" => Header(Udp, udp::payload);
}
