//! What is known of a TLS connection, with keys or without, and what is wrong with it.

use super::certificate::Certificate;
use super::fingerprint::{Carrier, ja3, ja4};
use super::hello::{ClientHello, first_certificate, is_grease};
use crate::capture::Origin;
use crate::dissect::Rhythm;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::Redactor;
use crate::time::{Span, Timestamp};

/// What both ends said of a TLS connection, and what they sent.
#[derive(Debug, Clone, Default)]
pub struct TlsFacts {
    /// The version that is spoken.
    pub version: Option<u16>,
    /// The highest version that the client offered.
    pub offered_version: Option<u16>,
    /// The suite that the server chose.
    pub suite: Option<u16>,
    /// The name of the server that the client looks for.
    pub server_name: Option<Box<[u8]>>,
    /// The protocols that the client offered.
    pub alpn_offered: Vec<Box<[u8]>>,
    /// The protocol that the server chose; in TLS 1.3 it is known with keys only.
    pub alpn: Option<Box<[u8]>>,
    /// Fingerprints of the client.
    pub ja3: Option<Box<str>>,
    /// See there.
    pub ja4: Option<Box<str>>,
    /// The certificate of the server; in TLS 1.3 it is known with keys only.
    pub server_certificate: Option<Box<Certificate>>,
    /// That of the client, if it sent one.
    pub client_certificate: Option<Box<Certificate>>,
    /// They went on with an earlier session, or share a key.
    pub resumed: bool,
    /// The server asked for another hello.
    pub retried: bool,
    /// The client sent data with its hello.
    pub early_data: bool,
    /// When the client said hello.
    pub begun: Option<Timestamp>,
    /// When both ends had sent protected records.
    pub protected: PerDirection<Option<Timestamp>>,
    /// Alerts, the first ones.
    pub alerts: Vec<Alert>,
    /// What each end sent.
    pub sides: PerDirection<TlsSide>,
    /// Whether any record was decrypted.
    pub decrypted: bool,
    /// Why records could not be decrypted.
    pub unread: Option<Unread>,
    /// What looks like MQTT's PINGREQ and PINGRESP, where nothing is decrypted.
    pub pings: Pings,
}

/// What an end sent.
#[derive(Debug, Clone, Default)]
pub struct TlsSide {
    /// Records.
    pub records: u64,
    /// Records of application data among them, as far as their headers tell.
    pub application_records: u64,
    /// The bytes of these records.
    pub application_bytes: u64,
    /// The longest of them.
    pub longest_bytes: u64,
    /// Bytes of application data that were decrypted.
    pub decrypted_bytes: u64,
    /// Records that should have been decrypted, and could not be.
    pub unread_records: u64,
    /// When it sent the first and the last record of application data.
    pub first: Option<Timestamp>,
    /// See there.
    pub last: Option<Timestamp>,
}

/// An alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// From whom to whom.
    pub direction: Direction,
    /// 1 for a warning, 2 for what ends the connection.
    pub level: u8,
    /// What it says.
    pub description: u8,
    /// The frame that completed it.
    pub origin: Origin,
}

/// Why records are not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// There are no keys for this connection.
    NoKeys,
    /// The hellos were not captured.
    NoHandshake,
    /// The suite is none that can be decrypted.
    Suite,
    /// The keys that there are do not fit.
    WrongKeys,
    /// Keys were waited for, and came too late.
    KeysLate,
}

impl Unread {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoKeys => "no_keys",
            Self::NoHandshake => "handshake_not_captured",
            Self::Suite => "cipher_not_supported",
            Self::WrongKeys => "keys_do_not_fit",
            Self::KeysLate => "keys_too_late",
        }
    }
}

/// Records of the length that a PINGREQ has, each answered by one of the length of a PINGRESP.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pings {
    /// The client's that waits for its answer.
    pub(in crate::dissect) asked: Option<Timestamp>,
    /// How many there are, and when.
    pub rhythm: Rhythm,
}

impl Pings {
    /// A record that may be one.
    pub(in crate::dissect) fn on_record(&mut self, direction: Direction, time: Timestamp) {
        match direction {
            Direction::ToServer => self.asked = Some(time),
            Direction::ToClient => {
                if let Some(asked) = self.asked.take() {
                    self.rhythm.beat(asked);
                }
            }
        }
    }

    /// The time from one to the next, on average, if there are enough of them.
    pub fn interval(&self) -> Option<Span> {
        self.rhythm.interval()
    }
}

impl TlsFacts {
    /// The client says hello for the first time.
    pub(in crate::dissect) fn on_client_hello(
        &mut self,
        hello: &ClientHello,
        origin: Origin,
        redactor: Option<&Redactor>,
        carrier: Carrier,
    ) {
        self.begun = Some(origin.time);
        let versions = hello.versions.iter().copied().filter(|version| !is_grease(*version));
        self.offered_version = versions.max().or(Some(hello.version));
        let private = |text: &[u8]| match redactor {
            Some(redactor) => redactor.text(text).into_boxed_slice(),
            None => text.into(),
        };
        self.server_name = hello.server_name.as_deref().map(private);
        self.alpn_offered.clone_from(&hello.alpn);
        self.early_data = hello.early_data;
        self.ja3 = Some(ja3(hello).into());
        self.ja4 = Some(ja4(hello, carrier).into());
    }

    /// An end shows its certificate; gives what is wrong with it.
    pub(in crate::dissect) fn on_certificate(
        &mut self,
        direction: Direction,
        body: &[u8],
        is_modern: bool,
        origin: Origin,
        redactor: Option<&Redactor>,
    ) -> [Option<TlsFault>; 2] {
        let Some(mut read) = first_certificate(body, is_modern).and_then(Certificate::read) else { return [None; 2] };
        let faults = [
            read.not_after.is_some_and(|end| end < origin.time).then_some(TlsFault::Expired),
            read.not_before.is_some_and(|begin| begin > origin.time).then_some(TlsFault::NotYetValid),
        ];
        if let Some(redactor) = redactor {
            for text in read.subject.iter_mut().chain(&mut read.issuer).chain(&mut read.names) {
                *text = redactor.text(text).into_boxed_slice();
            }
        }
        *match direction {
            Direction::ToServer => &mut self.client_certificate,
            Direction::ToClient => &mut self.server_certificate,
        } = Some(Box::new(read));
        faults
    }

    /// How long it took until both ends had protected what they send.
    pub fn handshake(&self) -> Option<Span> {
        let end = self.protected.to_server?.max(self.protected.to_client?);
        Some(end.since(self.begun?))
    }
}

/// What should be known of a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsFault {
    /// An alert, other than that no more will come.
    Alert {
        /// 1 for a warning, 2 for what ends the connection.
        level: u8,
        /// What it says.
        description: u8,
    },
    /// A version that must not be used any more (RFC 8996).
    OldVersion(u16),
    /// The certificate was not valid any more when it was sent.
    Expired,
    /// The certificate was not valid yet.
    NotYetValid,
    /// A record is not authentic with the keys that there are.
    NotAuthentic,
    /// Keys did not come before too much waited for them.
    KeysLate,
    /// Borders between records, and how many there are, were lost to bytes that were not captured.
    Lost,
}

/// What an alert says (RFC 8446, section 6, and those before).
pub const fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_answered_pings_make_a_rhythm_and_two_do_not() {
        let mut pings = Pings::default();
        for second in [10, 40, 70] {
            assert_eq!(pings.interval(), None);
            // One that is not answered, and an answer to none, count nothing.
            pings.on_record(Direction::ToClient, Timestamp::from_secs_nanos(second - 1, 0));
            pings.on_record(Direction::ToServer, Timestamp::from_secs_nanos(second, 0));
            pings.on_record(Direction::ToClient, Timestamp::from_secs_nanos(second, 9_000));
        }
        assert_eq!((pings.rhythm.count, pings.interval()), (3, Some(Span::from_secs(30))));
    }
}
