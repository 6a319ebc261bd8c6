//! From the bytes of a frame to its layers: links, tags and tunnels, IP and its fragments, and the
//! headers of TCP, UDP, ICMP and ARP.
//!
//! Decoding never fails as a whole: what was understood is returned, with where and why it stopped.
//! It does not judge, and it follows nothing from frame to frame except IP fragments.

mod packet;
mod seq;
mod tcp;

pub use packet::{
    Arp, Checksum, Datagram, FragmentNote, Icmp, Ip, Layer, Layers, LinkAddresses, Packet, Payload, Quoted, Stop,
};
pub use seq::SeqNum;
pub use tcp::{Segment, TcpFlags, TcpOption, TcpOptions};
