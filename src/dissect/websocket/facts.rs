//! What is known of a WebSocket connection, and what is wrong with it.

use super::frame::Opcode;
use super::head::Deflate;
use crate::capture::{FrameNo, Origin};
use crate::flow::{Direction, PerDirection};

/// What both ends said of a WebSocket connection, and what they sent.
#[derive(Debug, Clone, Default)]
pub struct WebSocketFacts {
    /// The path that was asked for, without a query.
    pub path: Option<Box<[u8]>>,
    /// A query stood behind the path; it may hold credentials.
    pub has_query: bool,
    /// The host that was asked for.
    pub host: Option<Box<[u8]>>,
    /// The page that the request came from, where a browser made it.
    pub origin: Option<Box<[u8]>>,
    /// What the client calls itself.
    pub user_agent: Option<Box<[u8]>>,
    /// What the server calls itself.
    pub server: Option<Box<[u8]>>,
    /// The subprotocols that the client offered, in its order; `None` where the request was not captured.
    pub offered: Option<Vec<Box<str>>>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<Box<str>>,
    /// The extensions that the client offered.
    pub extensions_offered: Option<Box<str>>,
    /// The extensions that were agreed on.
    pub extensions: Option<Box<str>>,
    /// What was agreed on compression.
    pub deflate: Option<Deflate>,
    /// The status of the answer; `None` where it was not captured.
    pub status: Option<u16>,
    /// Whether frames were read.
    pub upgraded: bool,
    /// What each end sent.
    pub sides: PerDirection<WebSocketSide>,
}

/// What an end sent.
#[derive(Debug, Clone, Default)]
pub struct WebSocketSide {
    /// Frames of messages of bytes, those that go on with one among them.
    pub binary: u64,
    /// Frames of messages of text.
    pub text: u64,
    /// Pings.
    pub pings: u64,
    /// Pongs.
    pub pongs: u64,
    /// Messages that were compressed.
    pub deflated: u64,
    /// Bytes that were compressed, and what came out of them.
    pub deflated_bytes: u64,
    /// See there.
    pub inflated_bytes: u64,
    /// Frames that are masked or not as they must not be.
    pub wrong_masks: u64,
    /// Frames with reserved bits that nothing was agreed on for.
    pub reserved_bits: u64,
    /// The first frame of each of these: text, a wrong mask, a reserved bit.
    pub first_text: Option<FrameNo>,
    /// See there.
    pub first_wrong_mask: Option<FrameNo>,
    /// See there.
    pub first_reserved: Option<FrameNo>,
    /// How it closed.
    pub close: Option<Close>,
    /// Frames, or the borders between them, were not captured.
    pub lossy: bool,
}

impl WebSocketSide {
    /// All frames.
    pub fn frames(&self) -> u64 {
        self.binary + self.text + self.pings + self.pongs + u64::from(self.close.is_some())
    }
}

/// A close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Why (RFC 6455, section 7.4), if that is said.
    pub code: Option<u16>,
    /// Why, in words.
    pub reason: Box<[u8]>,
    /// The frame that completed it.
    pub origin: Origin,
}

/// What a code of a close frame means.
pub const fn close_code_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no status",
        1006 => "abnormal closure",
        1007 => "invalid data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake",
        _ => return None,
    })
}

/// Whether an end may send this code (section 7.4, and what IANA has added).
pub(super) const fn may_close_with(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// A frame that has ended.
#[derive(Debug, Clone, Copy)]
pub struct FrameSeen<'a> {
    /// Its header.
    pub header: super::FrameHeader,
    /// From whom to whom.
    pub direction: Direction,
    /// Where its last byte came from.
    pub origin: Origin,
    /// What a control frame carries, without its mask; empty for others.
    pub control: &'a [u8],
}

/// What is wrong with a WebSocket connection. Each is told once for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebSocketFault {
    /// The client does not offer the subprotocol `mqtt`; whether it offers `mqttv3.1`, the name of old.
    NotOffered {
        /// It offers `mqttv3.1`.
        old: bool,
    },
    /// The server does not choose the subprotocol `mqtt`; whether it names another.
    NotChosen {
        /// It names another one.
        other: bool,
    },
    /// The server chooses a subprotocol that was not offered.
    NotAmongOffered,
    /// The server refuses, with this status.
    Refused(u16),
    /// The server's answer to the key is another than it has to be.
    WrongAccept,
    /// The client asks for another version than 13.
    Version,
    /// The request or the answer lacks what it must have.
    Handshake(HandshakePart),
    /// The server agrees to an extension that was not offered.
    ExtensionNotOffered,
    /// A frame of text.
    Text,
    /// A frame of the client without a mask.
    Unmasked,
    /// A frame of the server with a mask.
    Masked,
    /// Reserved bits without an extension that gives them a meaning.
    ReservedBits(u8),
    /// A frame of a kind that there is not.
    ReservedOpcode(Opcode),
    /// A control frame in fragments.
    FragmentedControl(Opcode),
    /// A control frame that is too long.
    LongControl(u64),
    /// A frame goes on with a message where there is none.
    NothingToContinue,
    /// A message begins within another.
    WithinMessage,
    /// A length is not in its shortest form.
    PaddedLength,
    /// A length that no frame can have.
    ImpossibleLength,
    /// A close frame with a code that must not be sent.
    CloseCode(u16),
    /// A close frame with half a code.
    CloseLength,
    /// A close frame whose reason is no UTF-8.
    CloseReason,
    /// Data after a close frame.
    AfterClose,
    /// A compressed message can't be read.
    NotInflated {
        /// It refers to what was not captured.
        lost: bool,
    },
    /// More would come out of compressed messages than is read.
    TooMuch,
    /// Borders between frames were lost; from this byte of the stream on.
    LostFrames(u64),
}

/// What a request or an answer must have (RFC 6455, sections 4.1 and 4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandshakePart {
    /// The method GET.
    Method,
    /// HTTP/1.1 or later.
    Http,
    /// A line Host.
    Host,
    /// A line Connection with Upgrade.
    Connection,
    /// A line Sec-WebSocket-Key of 16 bytes.
    Key,
    /// A line Sec-WebSocket-Accept.
    Accept,
}

impl WebSocketFault {
    /// A bit for its kind.
    pub(super) const fn bit(self) -> u32 {
        1 << match self {
            Self::NotOffered { .. } => 0,
            Self::NotChosen { .. } => 1,
            Self::NotAmongOffered => 2,
            Self::Refused(_) => 3,
            Self::WrongAccept => 4,
            Self::Version => 5,
            Self::Handshake(part) => match part {
                HandshakePart::Method => 6,
                HandshakePart::Http => 7,
                HandshakePart::Host => 8,
                HandshakePart::Connection => 9,
                HandshakePart::Key => 10,
                HandshakePart::Accept => 11,
            },
            Self::ExtensionNotOffered => 12,
            Self::Text => 13,
            Self::Unmasked => 14,
            Self::Masked => 15,
            Self::ReservedBits(_) => 16,
            Self::ReservedOpcode(_) => 17,
            Self::FragmentedControl(_) => 18,
            Self::LongControl(_) => 19,
            Self::NothingToContinue => 20,
            Self::WithinMessage => 21,
            Self::PaddedLength => 22,
            Self::ImpossibleLength => 23,
            Self::CloseCode(_) => 24,
            Self::CloseLength => 25,
            Self::CloseReason => 26,
            Self::AfterClose => 27,
            Self::NotInflated { .. } => 28,
            Self::TooMuch => 29,
            Self::LostFrames(_) => 30,
        }
    }
}
