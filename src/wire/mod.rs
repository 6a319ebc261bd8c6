//! From the bytes of a frame to its layers: links, tags and tunnels, IP and its fragments, and the
//! headers of TCP, UDP, ICMP and ARP.
//!
//! Decoding never fails as a whole: what was understood is returned, with where and why it stopped.
//! It does not judge, and it follows nothing from frame to frame except IP fragments.

pub(crate) mod checksum;
mod decoder;
mod fragments;
mod info;
mod link;
mod network;
mod packet;
pub mod peek;
mod seq;
mod tcp;
mod trace;
mod transport;
mod tunnel;
mod usual;
mod view;
mod wlan;

pub use decoder::{DecodeStats, Decoder, StopCounts};
pub use fragments::{FragmentLimits, FragmentStats};
pub use info::{info, tcp_info};
pub(crate) use info::{write_info, write_tcp_info};
pub use packet::{
    Arp, Checksum, Datagram, FragmentNote, Icmp, Ip, Layer, Layers, LinkAddresses, Packet, Payload, Quoted, Stop,
};
pub use seq::SeqNum;
pub use tcp::{Segment, TcpFlags, TcpOption, TcpOptions};
pub use trace::{Placed, PlacedFragment, Trace};
