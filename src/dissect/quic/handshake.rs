//! The handshake in CRYPTO frames: in pieces and out of order (RFC 9000, section 19.6; RFC 9001, section 4).

use super::super::tls::bytes::Fields;
use super::super::tls::facts::{TlsFacts, TlsFault};
use super::super::tls::fingerprint::Carrier;
use super::super::tls::hello::{self, ClientHello, ServerHello, extension};
use super::super::tls::keylog::Random;
use super::super::tls::suite::Suite;
use super::header::Cursor;
use crate::capture::{Origin, Place};
use crate::flow::{ConnectionId, Direction, ReassemblyLimits, StreamReassembler, StreamSink};
use crate::mqtt::Redactor;
use crate::time::Span;
use crate::wire::SeqNum;

/// The longest handshake message that is put together; chains of certificates are shorter.
const LONGEST_MESSAGE: usize = 64 << 10;

/// What is kept ahead of a hole. Receivers need not keep more than 4096 bytes (RFC 9000, section 7.5).
const LIMITS: ReassemblyLimits = ReassemblyLimits { bytes: 64 << 10, segments: 128 };

/// The most suites of a client that early data is tried with.
const SUITES: usize = 8;

/// Types of handshake messages (RFC 8446, section 4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const ENCRYPTED_EXTENSIONS: u8 = 8;
const CERTIFICATE: u8 = 11;

/// What is told of a packet's number: Initial, Handshake and data have their own (RFC 9000, section 12.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Initial,
    Handshake,
    Data,
}

/// The bytes of one direction at one level.
#[derive(Debug, Default)]
pub(super) struct CryptoStream {
    order: StreamReassembler,
    front: Front,
}

/// The front of a message that is not whole.
#[derive(Debug, Default)]
struct Front {
    bytes: Vec<u8>,
    /// Part of it is missing, or it is too long.
    broken: bool,
}

impl StreamSink for Front {
    fn data(&mut self, bytes: &[u8], _: Place) {
        if !self.broken {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn gap(&mut self, _: u64, _: Origin) {
        self.broken = true;
        self.bytes = Vec::new();
    }
}

impl CryptoStream {
    /// The memory that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.front.bytes.len() + self.order.held_bytes() + self.order.piece_bytes()
    }

    /// Takes the bytes from `offset` on, and gives the messages that are whole by them.
    pub(super) fn push(&mut self, offset: u64, bytes: &[u8], origin: Origin) -> Vec<(u8, Box<[u8]>)> {
        // No handshake is so long.
        if self.front.broken || offset > 1 << 24 {
            return Vec::new();
        }
        self.order.join(SeqNum(0));
        let place = Place { origin, offset: None };
        self.order.push(SeqNum(offset as u32), bytes, 0, place, LIMITS, &mut self.front);
        let mut rest = Fields(&self.front.bytes);
        let (mut used, mut messages) = (0, Vec::new());
        while let (Some(kind), Some(length)) = (rest.u8(), rest.u24()) {
            if length > LONGEST_MESSAGE {
                self.front = Front { bytes: Vec::new(), broken: true };
                return messages;
            }
            let Some(body) = rest.take(length) else { break };
            used += 4 + length;
            messages.push((kind, body.into()));
        }
        self.front.bytes.drain(..used);
        if self.front.bytes.is_empty() {
            self.front.bytes = Vec::new();
        }
        messages
    }

    /// Nothing more is read of it.
    pub(super) fn shed(&mut self) {
        *self = Self { order: StreamReassembler::default(), front: Front { bytes: Vec::new(), broken: true } };
    }
}

/// What both ends have agreed on, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) client_random: Option<Random>,
    pub(super) server_spoke: bool,
    pub(super) suite: Option<Suite>,
    /// What the client offers, the first few: early data have one of it.
    pub(super) offered: Vec<Suite>,
    /// Whether the server takes early data, once that is known.
    pub(super) early_accepted: Option<bool>,
}

/// What an end says of its transport, as far as it is of interest (RFC 9000, section 18.2).
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) idle_timeout: Option<Span>,
    /// It is a secret of both ends.
    pub(super) reset_token: Option<[u8; 16]>,
    /// The id that the server would have at another address, and its token.
    pub(super) preferred: Option<(ConnectionId, [u8; 16])>,
}

impl Parameters {
    pub(super) fn read(bytes: &[u8]) -> Self {
        const IDLE_TIMEOUT: u64 = 1;
        const RESET_TOKEN: u64 = 2;
        const PREFERRED_ADDRESS: u64 = 0x0d;
        let (mut said, mut cursor) = (Self::default(), Cursor::new(bytes));
        while let (Some(id), Some(length)) = (cursor.varint(), cursor.varint()) {
            let Some(value) = usize::try_from(length).ok().and_then(|length| cursor.take(length)) else { break };
            match id {
                IDLE_TIMEOUT => {
                    let millis = Cursor::new(value).varint().filter(|millis| *millis > 0);
                    said.idle_timeout = millis.and_then(|millis| i64::try_from(millis).ok()).map(|millis| {
                        // More than a century is for ever.
                        Span::from_millis(millis.min(1 << 42))
                    });
                }
                RESET_TOKEN => said.reset_token = value.try_into().ok(),
                PREFERRED_ADDRESS => {
                    let mut cursor = Cursor::new(value);
                    // Both addresses with their ports.
                    said.preferred = cursor.take(24).and_then(|_| {
                        let id = cursor.connection_id()?;
                        Some((id, *cursor.take(16)?.first_chunk()?))
                    });
                }
                _ => {}
            }
        }
        said
    }
}

/// What a message has told.
pub(super) enum Told {
    Client(Box<ClientHello>),
    Server(Box<ServerHello>),
    /// What an end says of its transport.
    Parameters(Parameters),
    Faults([Option<TlsFault>; 2]),
    Nothing,
}

/// Takes a message of the handshake.
pub(super) fn on_message(
    (kind, body): (u8, &[u8]),
    (space, direction): (Space, Direction),
    origin: Origin,
    terms: &mut Terms,
    facts: &mut TlsFacts,
    redactor: Option<&Redactor>,
) -> Told {
    match (kind, space, direction) {
        (CLIENT_HELLO, Space::Initial, Direction::ToServer) => {
            let Some(hello) = hello::client(body) else { return Told::Nothing };
            terms.client_random = Some(hello.random);
            terms.offered = hello.suites.iter().filter_map(|suite| Suite::of(*suite)).take(SUITES).collect();
            if facts.begun.is_none() {
                facts.on_client_hello(&hello, origin, redactor, Carrier::Quic);
            }
            Told::Client(Box::new(hello))
        }
        (SERVER_HELLO, Space::Initial, Direction::ToClient) => {
            let Some(hello) = hello::server(body) else { return Told::Nothing };
            if hello.is_retry() {
                facts.retried = true;
                // What the client sent before is not read (RFC 8446, section 4.2.10).
                terms.early_accepted = Some(false);
            } else {
                terms.server_spoke = true;
                terms.suite = Suite::of(hello.suite);
                facts.version = Some(hello.version);
                facts.suite = Some(hello.suite);
                facts.resumed = hello.has(extension::PRE_SHARED_KEY);
            }
            Told::Server(Box::new(hello))
        }
        (ENCRYPTED_EXTENSIONS, Space::Handshake, Direction::ToClient) => {
            let said = hello::encrypted_extensions(body);
            facts.alpn = said.alpn;
            terms.early_accepted.get_or_insert(said.early);
            Told::Parameters(said.transport.as_deref().map(Parameters::read).unwrap_or_default())
        }
        (CERTIFICATE, Space::Handshake, _) => {
            Told::Faults(facts.on_certificate(direction, body, true, origin, redactor))
        }
        _ => Told::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    fn origin() -> Origin {
        Origin { frame: FrameNo(1), time: Timestamp::default() }
    }

    #[test]
    fn messages_come_whole_however_their_pieces_do() {
        let mut stream = CryptoStream::default();
        let bytes = [[1, 0, 0, 3].as_slice(), b"abc", &[2, 0, 0, 1], b"z"].concat();
        assert!(stream.push(5, &bytes[5..], origin()).is_empty());
        assert!(stream.push(0, &bytes[..2], origin()).is_empty());
        let messages = stream.push(1, &bytes[1..8], origin());
        assert_eq!(messages, [(1, Box::from(&b"abc"[..])), (2, Box::from(&b"z"[..]))]);
        assert_eq!(stream.held_bytes(), 0);
        assert!(stream.push(0, &bytes, origin()).is_empty(), "sent again");
    }

    #[test]
    fn parameters_are_told_by_their_numbers() {
        let mut bytes = vec![1, 4, 0x80, 0, 0xea, 0x60, 0x20, 1, 9, 2, 16];
        bytes.extend([7; 16]);
        let said = Parameters::read(&bytes);
        assert_eq!((said.idle_timeout, said.reset_token), (Some(Span::from_secs(60)), Some([7; 16])));
        assert!(said.preferred.is_none());
    }

    proptest! {
        #[test]
        fn nothing_panics_and_little_is_held(
            pieces in proptest::collection::vec((0u64..200_000, proptest::collection::vec(any::<u8>(), 0..90)), 0..60),
        ) {
            let mut stream = CryptoStream::default();
            for (offset, bytes) in pieces {
                let _ = Parameters::read(&bytes);
                let _ = stream.push(offset, &bytes, origin());
                prop_assert!(stream.held_bytes() < 2 * LONGEST_MESSAGE + LIMITS.bytes);
            }
        }
    }
}
