//! What an engine is asked for, and how much it may hold.

use super::held::HeldLimit;
use crate::dissect::DissectOptions;
use crate::flow::{FlowLimits, ReassemblyLimits, WiresharkRules};
use crate::neighbour::Names;
use crate::wire::FragmentLimits;

/// What an engine is to do.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Tell each frame ([`Event::Packet`](super::Event::Packet)).
    pub packets: bool,
    /// Tell the bytes of all TCP streams and datagrams of UDP ([`Event::Stream`](super::Event::Stream)), also of those that no
    /// dissector reads.
    pub streams: bool,
    /// Tell with each frame where its layers stand ([`PacketView::trace`](super::PacketView::trace)).
    pub places: bool,
    /// Tell the parts of streams that carry another one ([`Event::Carrier`](super::Event::Carrier)).
    pub carriers: bool,
    /// Tell the messages of the protocols around MQTT ([`Event::Neighbour`](super::Event::Neighbour)).
    pub neighbours: bool,
    /// Where the names are kept that DNS gives addresses; without such a place they are not told
    /// ([`Event::Names`](super::Event::Names)).
    pub names: Names,
    /// Tell MQTT packets whose version is in doubt with the frame that completed them, too ([`Event::Preview`](super::Event::Preview)).
    pub previews: bool,
    /// Tell with each frame what Wireshark says of its segment, by these rules.
    pub wireshark: Option<WiresharkRules>,
    /// Leave checksums alone.
    pub ignore_checksums: bool,
    /// How flows are followed.
    pub flows: FlowLimits,
    /// How much of a stream is held ahead of a hole.
    pub reassembly: ReassemblyLimits,
    /// How much memory all streams together hold back, ahead of holes and of messages that have begun.
    pub held: HeldLimit,
    /// How many fragments are held.
    pub fragments: FragmentLimits,
    /// What is known of protocols.
    pub dissect: DissectOptions,
}
