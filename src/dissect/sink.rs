//! Who takes what the dissectors find.

use std::net::IpAddr;

use super::{CarrierPart, FramedMessage, Message, QuicFault, TlsFault, WebSocketFault};
use crate::capture::Origin;
use crate::flow::{Direction, Role};
use crate::mqtt::{LostSync, Version};
use crate::neighbour::Reading;

/// Takes what the dissectors find.
pub trait MessageSink {
    /// A control packet is complete, or its stream ended within it.
    fn message(&mut self, message: &Message<'_>);

    /// The same before its fields are read, of one that [stands alone](FramedMessage::stands_alone). Whoever reads them later,
    /// or never, takes it, and says so; else it is told as a message.
    fn framed(&mut self, _message: &FramedMessage<'_>) -> bool {
        false
    }

    /// Whether [`MessageSink::preview`] wants to hear anything.
    fn wants_previews(&self) -> bool {
        false
    }

    /// A control packet is complete, and its version in doubt: how it reads for now. It is told as a message once that is
    /// settled.
    fn preview(&mut self, _message: &Message<'_>) {}

    /// From here on it is not known where packets begin in this direction of a stream of this version.
    fn lost_sync(&mut self, direction: Direction, lost: LostSync, version: Version);

    /// The stream of this direction ended within the fixed header of a packet, which begins at this byte of it.
    fn cut_header(&mut self, direction: Direction, at: u64);

    /// Something is wrong with the WebSocket frames of this direction, or with how they were agreed on.
    fn websocket_fault(&mut self, _direction: Direction, _fault: WebSocketFault, _origin: Origin) {}

    /// Something should be known of the TLS that this direction is carried by.
    fn tls_fault(&mut self, _direction: Direction, _fault: TlsFault, _origin: Origin) {}

    /// A message of DNS: as much of it as there is, and how long it is.
    fn dns(&mut self, _direction: Direction, _message: &[u8], _length: u16) {}

    /// Something should be known of the QUIC that carries this direction.
    fn quic_fault(&mut self, _direction: Direction, _fault: QuicFault, _origin: Origin) {}

    /// Whether [`MessageSink::carrier`] wants to hear anything.
    fn wants_carrier(&self) -> bool {
        false
    }

    /// The next part of a stream that carries another one.
    fn carrier(&mut self, _direction: Direction, _part: &CarrierPart<'_>, _origin: Origin) {}

    /// Whether [`MessageSink::reading`] wants to hear anything.
    fn wants_readings(&self) -> bool {
        false
    }

    /// A message of a protocol around MQTT is complete, with its last byte from there.
    fn reading(&mut self, _direction: Direction, _reading: Reading, _origin: Origin) {}

    /// A connection for data is agreed on: who listens at which port, and at which address if that is said.
    fn expects_data(&mut self, _listener: Role, _address: Option<IpAddr>, _port: u16) {}
}
