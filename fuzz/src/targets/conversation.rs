//! What a TCP connection carries, with what lies between: WebSocket and TLS, from their first bytes on.
//!
//! The input: choices, a key log of so many bytes, and what both ends send in turn, piece by piece.

use mqttsniff::capture::{FrameNo, Origin, Place};
use mqttsniff::dissect::{
    Conversation, DissectOptions, FlowFacts, Keys, Message, MessageSink, Protocol, TlsFault, WebSocketFault,
};
use mqttsniff::flow::{Conversing, Direction, PerDirection};
use mqttsniff::mqtt::{FramerLimits, LostSync, Version};
use mqttsniff::time::Timestamp;

use crate::REDACTOR;
use crate::script::Script;

/// What heads of HTTP and key logs are made of.
pub(super) const WORDS: &[&str] = &[
    "GET /mqtt HTTP/1.1\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n",
    "Upgrade: websocket\r\n",
    "Connection: Upgrade\r\n",
    "Sec-WebSocket-Protocol: mqtt\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    "\r\n\r\n",
    "MQTT",
    "CLIENT_RANDOM ",
];

/// The most that a message may hold back, here.
const HELD: usize = 1 << 12;

/// The most that may wait beside: what is compressed needs 32 KiB of what was before it, in each direction, and records wait
/// for their keys.
const BESIDE: usize = 1 << 20;

/// What is found.
#[derive(Debug, Default, PartialEq)]
struct Told {
    /// By direction, for cutting one stream moves what is told of it against the other.
    messages: PerDirection<Vec<(u8, Vec<u8>, u32, bool)>>,
    faults: PerDirection<Vec<String>>,
    lost: bool,
    /// It is a WebSocket of which the server's answer was not seen.
    unanswered: bool,
}

impl MessageSink for Told {
    fn message(&mut self, message: &Message<'_>) {
        assert!(message.frames.is_sorted_by(|a, b| a < b), "frames ascend");
        assert!(message.started.frame <= message.origin.frame);
        let body = (
            message.packet.header.bytes().next().unwrap_or(0),
            message.body.to_vec(),
            message.missing,
            message.incomplete,
        );
        self.messages[message.direction].push(body);
    }

    fn lost_sync(&mut self, _: Direction, _: LostSync, _: Version) {
        self.lost = true;
    }

    fn cut_header(&mut self, _: Direction, _: u64) {}

    fn websocket_fault(&mut self, direction: Direction, fault: WebSocketFault, _: Origin) {
        self.faults[direction].push(format!("{fault:?}"));
    }

    fn tls_fault(&mut self, direction: Direction, fault: TlsFault, _: Origin) {
        self.faults[direction].push(format!("{fault:?}"));
    }
}

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let (choices, seed) = (script.byte(), script.byte());
    let log = usize::from(script.word());
    let keys = (log > 0).then(|| {
        let keys = Keys::default();
        keys.add(script.bytes(log));
        keys
    });
    let forced = [None, Some(Protocol::WebSocket), Some(Protocol::Tls)][usize::from(choices & 3) % 3];
    let options = DissectOptions {
        decode_as: forced.map(|protocol| (1, protocol)).into_iter().collect(),
        framer: FramerLimits { held_bytes: HELD },
        redactor: (choices & 4 != 0).then(|| REDACTOR.clone()),
        keys,
        ..DissectOptions::default()
    };
    let mut pieces = Vec::new();
    while !script.is_over() {
        let head = script.word();
        let direction = if head & 0x8000 == 0 { Direction::ToServer } else { Direction::ToClient };
        // A piece of no bytes is a hole.
        pieces.push((direction, script.bytes(usize::from(head & 0x7fff))));
    }
    let whole = converse(&pieces, &options, None);
    let cut = converse(&pieces, &options, Some(u32::from(seed)));
    let has_holes = pieces.iter().any(|(_, bytes)| bytes.is_empty());
    // What a stream without CONNECT is taken for may rest on what is there when its first bytes come, and what is found
    // behind bytes that can't be read on where a segment begins.
    let connects = |told: &Told| told.messages.to_server.first().is_some_and(|(first, ..)| *first == 0x10);
    let first = pieces.iter().find(|(direction, _)| *direction == Direction::ToServer);
    // So it is with a WebSocket that does not begin with a handshake of both ends.
    let is_asked = forced != Some(Protocol::WebSocket) || first.is_some_and(|(_, bytes)| bytes.starts_with(b"GET "));
    let is_whole = is_asked && !whole.unanswered && !cut.unanswered;
    if is_whole && !has_holes && !whole.lost && !cut.lost && (connects(&whole) || connects(&cut)) {
        assert_eq!(cut.messages, whole.messages, "however the streams are cut");
    }
}

fn converse(pieces: &[(Direction, &[u8])], options: &DissectOptions, seed: Option<u32>) -> Told {
    let facts = FlowFacts {
        client_port: 2,
        server_port: 1,
        roles_proved: true,
        roles_by_port: false,
        client_from_start: true,
        server_from_start: true,
    };
    let (mut conversation, mut told, mut frame, mut state) = (Conversation::default(), Told::default(), 0, seed);
    for (direction, bytes) in pieces {
        let mut rest = *bytes;
        loop {
            let length = match &mut state {
                None => rest.len(),
                Some(state) => {
                    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (1 + (*state >> 24) as usize % 40).min(rest.len())
                }
            };
            let (front, behind) = rest.split_at(length);
            rest = behind;
            frame += 1;
            let origin = Origin { frame: FrameNo(frame), time: Timestamp::from_nanos(frame as i64) };
            conversation.next_frame();
            if front.is_empty() {
                conversation.gap(*direction, 7, origin, &mut told);
            } else {
                conversation.data(*direction, front, Place { origin, offset: Some(54) }, &mut told);
            }
            if let Some(decision) = conversation.decide(facts, options) {
                conversation.begin(decision, facts, options, &mut told);
            }
            conversation.turned_round();
            bounded(&conversation);
            if rest.is_empty() {
                break;
            }
        }
    }
    conversation.no_more();
    if let Some(decision) = conversation.decide(facts, options) {
        conversation.begin(decision, facts, options, &mut told);
    }
    conversation.finish(&mut told);
    told.unanswered = conversation.websocket().is_some_and(|facts| facts.status.is_none());
    told
}

fn bounded(conversation: &Conversation) {
    for direction in Direction::BOTH {
        let message = conversation.message_bytes(direction);
        assert!(message <= HELD.max(1 << 16), "{message} bytes of a message are held");
        let pieces = conversation.piece_bytes(direction);
        assert!(pieces <= BESIDE, "{pieces} bytes go with a direction");
    }
    assert!(conversation.shared_bytes() <= BESIDE, "{} bytes are held of both", conversation.shared_bytes());
}
