//! What an engine has counted.

use super::cap::CapCounts;
use crate::capture::{Lost, Origin};
use crate::dissect::Protocol;
use crate::flow::{Histogram, RetransmissionKind, Verdict};

/// What an engine has counted.
#[derive(Debug, Clone, Default)]
pub struct EngineStats {
    /// Frames.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Frames of which the capture has not all bytes (the snap length).
    pub cut: u64,
    /// Frames of which a layer could not be read, though all its bytes are there.
    pub decode_stopped: u64,
    /// Flows that were told.
    pub flows: u64,
    /// TCP flows among them.
    pub tcp_flows: u64,
    /// MQTT control packets.
    pub messages: u64,
    /// Messages of MQTT-SN.
    pub sn_messages: u64,
    /// What caps on what is held have cost.
    pub caps: CapCounts,
    /// Frames that were lost on the way to the engine, as far as it was told.
    pub lost: Lost,
    /// Connections that were forgotten by what tells Wireshark's view of segments.
    pub forgotten: u64,
    /// What was seen of TCP, segment by segment.
    pub tcp: TcpStats,
    pub(super) flows_by_protocol: [u64; Protocol::COUNT],
    /// Flows whose messages WebSocket carries.
    pub over_websocket: u64,
    /// Flows whose messages QUIC carries.
    pub over_quic: u64,
    /// The earliest frame.
    pub first: Option<Origin>,
    /// The latest frame.
    pub last: Option<Origin>,
}

/// What was seen of TCP, in all flows together: unlike what is told of a flow at its end it is there at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpStats {
    /// Segments.
    pub segments: u64,
    /// Times from a segment to its acknowledgement.
    pub rtt: Histogram,
    /// Segments that were sent again although they had been acknowledged before; each is counted by its kind as well.
    pub spurious: u64,
    again: [u64; RetransmissionKind::ALL.len()],
}

impl TcpStats {
    #[inline]
    pub(super) fn count(&mut self, verdict: &Verdict) {
        self.segments += 1;
        if let Some(rtt) = verdict.ack_rtt {
            self.rtt.record(rtt);
        }
        if let Some(again) = verdict.retransmission {
            self.again[again.kind as usize] += 1;
            self.spurious += u64::from(again.spurious);
        }
    }

    /// Segments that their sender sent again, of a kind.
    pub const fn retransmissions_of(&self, kind: RetransmissionKind) -> u64 {
        self.again[kind as usize]
    }

    /// Segments that their sender sent again, of any kind.
    pub fn retransmissions(&self) -> u64 {
        self.again.iter().sum()
    }
}

impl EngineStats {
    /// How many flows carry a protocol.
    pub const fn flows_of(&self, protocol: Protocol) -> u64 {
        self.flows_by_protocol[protocol.index()]
    }
}
