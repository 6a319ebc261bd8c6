//! What a conversation is to others: how much it holds, and a dissector for what was held back before it began.

use super::{Conversation, Dissector, MessageSink, State};
use crate::capture::{Origin, Place};
use crate::flow::{Conversing, Direction};

impl Conversing for Conversation {
    #[inline]
    fn message_bytes(&self, direction: Direction) -> usize {
        match &self.state {
            State::Mqtt(mqtt) => mqtt.held_bytes(direction),
            State::WebSocket(websocket) => websocket.message_bytes(direction),
            State::Tls(tls) => tls.message_bytes(direction),
            State::Framed(framed) => framed.message_bytes(direction),
            State::Dns(dns) => dns.held_bytes(direction),
            State::Quic(quic) => quic.message_bytes(direction),
            State::Probing(_) | State::Suspected(_) | State::Other(_) => 0,
        }
    }

    #[inline]
    fn piece_bytes(&self, direction: Direction) -> usize {
        match &self.state {
            State::Mqtt(mqtt) => mqtt.piece_bytes(direction),
            State::WebSocket(websocket) => websocket.piece_bytes(direction),
            State::Tls(tls) => tls.piece_bytes(direction),
            State::Quic(quic) => quic.piece_bytes(direction),
            State::Probing(_) | State::Suspected(_) | State::Framed(_) | State::Dns(_) | State::Other(_) => 0,
        }
    }

    #[inline]
    fn shared_bytes(&self) -> usize {
        match &self.state {
            State::Mqtt(mqtt) => mqtt.shared_bytes(),
            State::Probing(probe) => probe.as_ref().map_or(0, |probe| probe.held_bytes()),
            State::WebSocket(websocket) => websocket.shared_bytes(),
            State::Tls(tls) => tls.shared_bytes(),
            State::Quic(quic) => quic.shared_bytes(),
            State::Framed(framed) => framed.shared_bytes(),
            State::Suspected(_) | State::Dns(_) | State::Other(_) => 0,
        }
    }

    #[inline]
    fn may_hold(&self, direction: Direction) -> bool {
        match &self.state {
            State::Mqtt(mqtt) => mqtt.may_hold(direction),
            State::Probing(probe) => probe.is_some(),
            State::WebSocket(_) | State::Tls(_) | State::Framed(_) | State::Dns(_) | State::Quic(_) => true,
            State::Suspected(_) | State::Other(_) => false,
        }
    }

    /// Keys may come for what is encrypted.
    fn is_left_alone(&self) -> bool {
        match &self.state {
            State::Probing(_) | State::Mqtt(_) | State::Dns(_) | State::Framed(_) | State::Other(_) => true,
            State::WebSocket(_) | State::Tls(_) | State::Quic(_) | State::Suspected(_) => false,
        }
    }

    fn ahead(&self, direction: Direction) -> (usize, usize) {
        self.quic().map_or((0, 0), |quic| quic.ahead(direction))
    }
}

impl Dissector for Conversation {
    fn data(&mut self, direction: Direction, bytes: &[u8], place: Place, sink: &mut dyn MessageSink) {
        Self::data(self, direction, bytes, place, sink);
    }

    fn gap(&mut self, direction: Direction, length: u64, origin: Origin, sink: &mut dyn MessageSink) {
        Self::gap(self, direction, length, origin, sink);
    }

    fn finish(&mut self, sink: &mut dyn MessageSink) {
        Self::finish(self, sink);
    }
}
