//! What is known of a QUIC connection, with keys or without, and what is wrong with it.

use std::net::SocketAddr;

use super::super::tls::{TlsFacts, TlsFault, Unread, alert_name};
use super::header::QuicPacketType;
use crate::capture::Origin;
use crate::flow::{ConnectionId, PerDirection, Role};
use crate::time::{Span, Timestamp};

/// What both ends said of a QUIC connection, and what they sent.
#[derive(Debug, Clone, Default)]
pub struct QuicFacts {
    /// The version that is spoken, or that the client has tried.
    pub version: Option<u32>,
    /// The version that the client tried first.
    pub offered_version: Option<u32>,
    /// The versions that a server speaks which did not speak that one.
    pub server_versions: Vec<u32>,
    /// The id that the client chose for the server in the beginning.
    pub original_id: Option<ConnectionId>,
    /// The first id of each end, by the direction in which it sends.
    pub ids: PerDirection<Option<ConnectionId>>,
    /// How many further ids each end has given out, as far as that can be read.
    pub further_ids: PerDirection<u64>,
    /// The server asked the client to show that it has its address.
    pub retry: bool,
    /// The bytes of the token that the client has shown.
    pub token_length: Option<u64>,
    /// The handshake: of its records and alerts nothing is known here.
    pub tls: TlsFacts,
    /// Whether the server takes what the client sent before it had answered, as far as that can be read.
    pub early_accepted: Option<bool>,
    /// After how much silence each end gives the connection up, as it has said.
    pub idle_timeout: PerDirection<Option<Span>>,
    /// When the server's first packet came, where the client's hello came once before it.
    pub answered: Option<Timestamp>,
    /// How often the client has sent its first packets.
    pub hellos: u64,
    /// When each end first sent data with a short header.
    pub data_since: PerDirection<Option<Timestamp>>,
    /// The server has confirmed the handshake.
    pub confirmed: Option<Origin>,
    /// How often each end has gone on to new keys.
    pub key_updates: PerDirection<u64>,
    /// Where the client went on with another address; of very many only the first.
    pub migrations: Vec<QuicMigration>,
    /// How it ended.
    pub close: Option<QuicClose>,
    /// What each end sent.
    pub sides: PerDirection<QuicSide>,
    /// Streams that carried something that was read.
    pub streams: u64,
    /// Streams that carried MQTT.
    pub mqtt_streams: u64,
    /// Streams that were not read, because too many were open.
    pub streams_left_out: u64,
    /// Whether any packet behind the hellos was decrypted.
    pub decrypted: bool,
    /// Why packets could not be decrypted.
    pub unread: Option<Unread>,
}

impl QuicFacts {
    /// How long it took from the client's hello until it sent data with keys that both ends have.
    pub fn handshake(&self) -> Option<Span> {
        Some(self.data_since.to_server?.since(self.tls.begun?))
    }

    /// How long the server took to answer the client's hello, seen from where the capture was made.
    pub fn answer_time(&self) -> Option<Span> {
        Some(self.answered?.since(self.tls.begun?)).filter(|_| self.hellos == 1)
    }

    /// Whether the connection is seen from its first packet.
    pub const fn is_from_start(&self) -> bool {
        self.tls.begun.is_some()
    }
}

/// A client went on with another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuicMigration {
    /// The first frame that has it.
    pub at: Origin,
    /// The address and the port.
    pub client: SocketAddr,
}

/// What an end sent.
#[derive(Debug, Clone, Default)]
pub struct QuicSide {
    /// Packets by their type.
    packets: [u64; QuicPacketType::ALL.len()],
    /// Packets that were opened.
    pub opened_packets: u64,
    /// Packets that should have been, and could not be.
    pub unread_packets: u64,
    /// Packets that the other end has got, and the capture has not.
    pub missing_packets: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Bytes of streams that were read.
    pub stream_bytes: u64,
    /// Datagrams within (RFC 9221).
    pub datagrams: u64,
}

impl QuicSide {
    pub(super) const fn count(&mut self, kind: QuicPacketType) {
        self.packets[kind as usize] += 1;
    }

    /// Packets of a type.
    pub const fn of(&self, kind: QuicPacketType) -> u64 {
        self.packets[kind as usize]
    }

    /// All packets.
    pub fn packets(&self) -> u64 {
        self.packets.iter().sum()
    }
}

/// In which way a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuicCloseKind {
    /// QUIC itself is the reason, with the type of the frame that is to blame, or zero.
    Transport(u64),
    /// What it carries is.
    Application,
    /// An end that knows nothing of the connection any more has said so (RFC 9000, section 10.3).
    StatelessReset,
}

impl QuicCloseKind {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transport(_) => "transport",
            Self::Application => "application",
            Self::StatelessReset => "stateless_reset",
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuicClose {
    /// In which way.
    pub kind: QuicCloseKind,
    /// Who said so.
    pub by: Role,
    /// Why; zero for no error in the one space of numbers, and of what it carries mostly in the other.
    pub code: u64,
    /// The same in words.
    pub reason: Box<[u8]>,
    /// The frame that shows it.
    pub at: Origin,
}

impl QuicClose {
    /// Whether something was wrong. What codes of applications mean nobody has said, but that zero is none.
    pub fn is_error(&self) -> bool {
        // An application that closes in the middle of a handshake shows as APPLICATION_ERROR (RFC 9000, section 10.2.3).
        matches!(self.kind, QuicCloseKind::Transport(_)) && !matches!(self.code, 0 | 0x0c)
    }
}

/// What a code of QUIC itself means (RFC 9000, section 20.1; RFC 9368, section 7).
pub fn quic_error_name(code: u64) -> Option<String> {
    let name = match code {
        0x00 => "NO_ERROR",
        0x01 => "INTERNAL_ERROR",
        0x02 => "CONNECTION_REFUSED",
        0x03 => "FLOW_CONTROL_ERROR",
        0x04 => "STREAM_LIMIT_ERROR",
        0x05 => "STREAM_STATE_ERROR",
        0x06 => "FINAL_SIZE_ERROR",
        0x07 => "FRAME_ENCODING_ERROR",
        0x08 => "TRANSPORT_PARAMETER_ERROR",
        0x09 => "CONNECTION_ID_LIMIT_ERROR",
        0x0a => "PROTOCOL_VIOLATION",
        0x0b => "INVALID_TOKEN",
        0x0c => "APPLICATION_ERROR",
        0x0d => "CRYPTO_BUFFER_EXCEEDED",
        0x0e => "KEY_UPDATE_ERROR",
        0x0f => "AEAD_LIMIT_REACHED",
        0x10 => "NO_VIABLE_PATH",
        0x11 => "VERSION_NEGOTIATION_ERROR",
        // An alert of TLS (RFC 9001, section 4.8).
        0x100..=0x1ff => {
            return Some(alert_name(code as u8).map_or_else(
                || format!("CRYPTO_ERROR (alert {})", code as u8),
                |alert| format!("CRYPTO_ERROR ({alert})"),
            ));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

/// What should be known of a QUIC connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuicFault {
    /// An end closed it with an error of this code.
    Closed(u64),
    /// An end that knows nothing of it any more has said so.
    StatelessReset,
    /// The server speaks none of the versions that the client tried; nothing came of it.
    NoVersion,
    /// A packet is not authentic with the keys that there are.
    NotAuthentic,
    /// Keys did not come before too much waited for them.
    KeysLate,
    /// The other end has got packets that were not captured.
    Missing,
    /// A stream had more ahead of a hole than may be held, so that the hole was given up.
    Capped,
    /// So many streams were open that this one is not read.
    TooManyStreams,
    /// What is wrong with a certificate.
    Certificate(TlsFault),
}

impl QuicFault {
    /// Whether something is missing for it in what was read.
    pub const fn lacks(self) -> bool {
        match self {
            Self::NotAuthentic | Self::KeysLate | Self::Missing | Self::Capped | Self::TooManyStreams => true,
            Self::Closed(_) | Self::StatelessReset | Self::NoVersion | Self::Certificate(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_names() {
        assert_eq!(quic_error_name(0).as_deref(), Some("NO_ERROR"));
        assert_eq!(quic_error_name(0x178).as_deref(), Some("CRYPTO_ERROR (no_application_protocol)"));
        assert_eq!(quic_error_name(0x1fe).as_deref(), Some("CRYPTO_ERROR (alert 254)"));
        assert_eq!(quic_error_name(0x1234), None);
    }
}
