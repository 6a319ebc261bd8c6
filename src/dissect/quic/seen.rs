//! A packet as it is told: for the list of packets, and for fields.

use super::frame::QuicFrame;
use super::header::{QuicPacketType, RawPacket};
use crate::flow::ConnectionId;

/// The most frames of a packet that are told: each may be a byte.
pub(super) const FRAMES: usize = 512;

/// A packet of QUIC in a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuicSeen {
    /// What kind of packet.
    pub kind: QuicPacketType,
    /// Its first byte; without its mask, if it was opened.
    pub first: u8,
    /// Its version, where it has a long header.
    pub version: Option<u32>,
    /// The id of who gets it.
    pub destination: ConnectionId,
    /// The id of who sends it, where it has a long header.
    pub source: ConnectionId,
    /// The bytes of its token, where it may have one.
    pub token_length: Option<u64>,
    /// The length that its header says.
    pub length: Option<u64>,
    /// How many bytes it takes.
    pub packet_length: u64,
    /// Its number, if it was opened.
    pub number: Option<u64>,
    /// Its frames, if it was opened; of very many only the first.
    pub frames: Vec<QuicFrame>,
    /// What a CONNECTION_CLOSE in it says in words.
    pub reason: Option<Box<[u8]>>,
    /// The versions that a server speaks.
    pub versions: Vec<u32>,
    /// It says that its sender knows nothing of the connection any more.
    pub is_reset: bool,
}

impl QuicSeen {
    /// A packet whose protection is on.
    pub(super) fn of(packet: &RawPacket<'_>) -> Self {
        let is_long = packet.kind != QuicPacketType::OneRtt;
        let has_length =
            matches!(packet.kind, QuicPacketType::Initial | QuicPacketType::ZeroRtt | QuicPacketType::Handshake);
        let token = matches!(packet.kind, QuicPacketType::Initial | QuicPacketType::Retry);
        Self {
            kind: packet.kind,
            first: packet.first(),
            version: is_long.then_some(packet.version),
            destination: packet.destination,
            source: packet.source,
            token_length: token.then_some(packet.token.len() as u64),
            length: has_length.then_some(packet.length),
            packet_length: if has_length { packet.number_at as u64 + packet.length } else { packet.length },
            number: None,
            frames: Vec::new(),
            reason: None,
            versions: match packet.kind {
                QuicPacketType::VersionNegotiation => {
                    let versions = packet.token.chunks_exact(4).filter_map(|version| version.first_chunk().copied());
                    versions.map(u32::from_be_bytes).take(FRAMES).collect()
                }
                _ => Vec::new(),
            },
            is_reset: false,
        }
    }

    /// Which of the two phases its keys are of, where it was opened and has one.
    pub fn key_phase(&self) -> Option<bool> {
        (self.kind == QuicPacketType::OneRtt && self.number.is_some()).then_some(self.first & 4 != 0)
    }
}
