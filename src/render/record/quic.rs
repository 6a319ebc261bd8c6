//! What a flow says of the QUIC that carries it.

use serde::Serialize;

use super::tls::{AgreedRecord, CertificateRecord};
use super::value::{Text, seconds};
use crate::dissect::{
    QuicClose, QuicCloseKind, QuicFacts, QuicMigration, QuicPacketType, QuicSide, Unread, quic_error_name,
    quic_version_name,
};
use crate::flow::{ConnectionId, Direction};
use crate::time::Span;

#[derive(Serialize)]
pub(super) struct QuicRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_offered: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    server_versions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_connection_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_connection_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_connection_id: Option<String>,
    retry: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_bytes: Option<u64>,
    #[serde(flatten)]
    agreed: AgreedRecord<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_data_accepted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_certificate: Option<CertificateRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<CertificateRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    migrations: Vec<MigrationRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<CloseRecord<'a>>,
    decrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_decrypted: Option<&'static str>,
    streams: u64,
    mqtt_streams: u64,
    #[serde(skip_serializing_if = "is_zero")]
    streams_left_out: u64,
    from_client: SideRecord,
    from_server: SideRecord,
}

#[derive(Serialize)]
struct MigrationRecord {
    frame: u64,
    address: std::net::IpAddr,
    port: u16,
}

#[derive(Serialize)]
struct CloseRecord<'a> {
    by: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_type: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Text<'a>>,
    frame: u64,
}

#[derive(Serialize)]
struct SideRecord {
    packets: u64,
    initial_packets: u64,
    #[serde(skip_serializing_if = "is_zero")]
    zero_rtt_packets: u64,
    handshake_packets: u64,
    one_rtt_packets: u64,
    decrypted_packets: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unreadable_packets: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missing_packets: u64,
    #[serde(skip_serializing_if = "is_zero")]
    duplicate_packets: u64,
    stream_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    datagrams: u64,
    #[serde(skip_serializing_if = "is_zero")]
    connection_ids_issued: u64,
    #[serde(skip_serializing_if = "is_zero")]
    key_updates: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_s: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The name of a version, or its number where it has none.
fn version(version: u32) -> String {
    quic_version_name(version).map_or_else(|| format!("0x{version:08x}"), str::to_owned)
}

impl<'a> QuicRecord<'a> {
    pub(super) fn new(facts: &'a QuicFacts) -> Self {
        let tls = &facts.tls;
        let id = |id: &Option<ConnectionId>| id.as_ref().map(ToString::to_string);
        Self {
            version: facts.version.map(version),
            version_offered: facts.offered_version.filter(|offered| Some(*offered) != facts.version).map(version),
            server_versions: facts.server_versions.iter().copied().map(version).collect(),
            original_connection_id: id(&facts.original_id),
            client_connection_id: id(&facts.ids.to_server),
            server_connection_id: id(&facts.ids.to_client),
            retry: facts.retry,
            token_bytes: facts.token_length,
            agreed: AgreedRecord::new(tls),
            early_data_accepted: facts.early_accepted,
            answer_s: facts.answer_time().map(seconds),
            handshake_s: facts.handshake().map(seconds),
            confirmed_frame: facts.confirmed.map(|at| at.frame.0),
            server_certificate: tls.server_certificate.as_deref().map(CertificateRecord::new),
            client_certificate: tls.client_certificate.as_deref().map(CertificateRecord::new),
            migrations: facts.migrations.iter().map(MigrationRecord::new).collect(),
            close: facts.close.as_ref().map(CloseRecord::new),
            decrypted: facts.decrypted,
            not_decrypted: facts.unread.map(Unread::name),
            streams: facts.streams,
            mqtt_streams: facts.mqtt_streams,
            streams_left_out: facts.streams_left_out,
            from_client: SideRecord::new(facts, Direction::ToServer),
            from_server: SideRecord::new(facts, Direction::ToClient),
        }
    }
}

impl MigrationRecord {
    const fn new(migration: &QuicMigration) -> Self {
        Self { frame: migration.at.frame.0, address: migration.client.ip(), port: migration.client.port() }
    }
}

impl<'a> CloseRecord<'a> {
    fn new(close: &'a QuicClose) -> Self {
        let QuicClose { kind, by, code, reason, at } = close;
        let frame_type = match kind {
            QuicCloseKind::Transport(frame_type) => Some(*frame_type).filter(|kind| *kind > 0),
            QuicCloseKind::Application | QuicCloseKind::StatelessReset => None,
        };
        Self {
            by: by.name(),
            kind: kind.name(),
            code: (*kind != QuicCloseKind::StatelessReset).then_some(*code),
            error: matches!(kind, QuicCloseKind::Transport(_)).then(|| quic_error_name(*code)).flatten(),
            frame_type,
            reason: Some(Text(reason)).filter(|_| !reason.is_empty()),
            frame: at.frame.0,
        }
    }
}

impl SideRecord {
    fn new(facts: &QuicFacts, direction: Direction) -> Self {
        let side: &QuicSide = &facts.sides[direction];
        let idle: Option<Span> = facts.idle_timeout[direction];
        Self {
            packets: side.packets(),
            initial_packets: side.of(QuicPacketType::Initial),
            zero_rtt_packets: side.of(QuicPacketType::ZeroRtt),
            handshake_packets: side.of(QuicPacketType::Handshake),
            one_rtt_packets: side.of(QuicPacketType::OneRtt),
            decrypted_packets: side.opened_packets,
            unreadable_packets: side.unread_packets,
            missing_packets: side.missing_packets,
            duplicate_packets: side.duplicates,
            stream_bytes: side.stream_bytes,
            datagrams: side.datagrams,
            connection_ids_issued: facts.further_ids[direction],
            key_updates: facts.key_updates[direction],
            idle_timeout_s: idle.map(seconds),
        }
    }
}
