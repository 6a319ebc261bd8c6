//! Streams within streams: what a layer that carries another tells of itself, for whoever wants more than messages.

use super::quic::QuicSeen;
use super::tls::Hello;
use super::websocket::{FrameSeen, Head};

/// A part of a stream that carries another one. `start` is where it begins in the stream, in bytes.
#[derive(Debug, Clone, Copy)]
pub enum CarrierPart<'a> {
    /// A head of HTTP that asks for the upgrade or answers.
    Head {
        /// Where it begins.
        start: u64,
        /// Its bytes.
        bytes: &'a [u8],
        /// What it says.
        head: &'a Head,
    },
    /// A head of HTTP is whole, which may lead to frames; it is told as [`CarrierPart::Head`] once that is known.
    HeadSeen(&'a Head),
    /// The header of a frame.
    Header {
        /// Where it begins.
        start: u64,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// Payload that is part of the inner stream as it is.
    Payload {
        /// Where it begins.
        start: u64,
        /// Where it begins in the inner stream.
        inner: u64,
        /// What it is masked with, the first byte of the key for the first byte.
        key: Option<[u8; 4]>,
        /// Its bytes, without the mask.
        bytes: &'a [u8],
    },
    /// Payload of which nothing is passed on as it is: of control frames, of text, of what is compressed.
    Aside {
        /// Where it begins.
        start: u64,
        /// How many bytes.
        length: u64,
        /// What it is masked with, the first byte of the key for the first byte.
        key: Option<[u8; 4]>,
        /// Bytes that say nothing private and are to stay: the code of a close frame, without its mask.
        plain: &'a [u8],
    },
    /// Bytes of the inner stream that stand nowhere as they are, for they were compressed or encrypted.
    Inflated(&'a [u8]),
    /// So many bytes of the inner stream are missing; `None` where that is not known.
    Missing(Option<u64>),
    /// A frame has ended.
    Frame(&'a FrameSeen<'a>),
    /// A TLS record has ended; what its header says.
    Record {
        /// Its content type.
        kind: u8,
        /// The version in it.
        version: u16,
        /// How long its body is.
        length: u16,
    },
    /// A hello of TLS.
    Hello(Hello<'a>),
    /// An alert of TLS: its level, and what it says.
    Alert {
        /// See there.
        level: u8,
        /// See there.
        description: u8,
    },
    /// A packet of QUIC.
    Quic(&'a QuicSeen),
    /// Bytes that turned out to carry nothing.
    Raw(&'a [u8]),
}
