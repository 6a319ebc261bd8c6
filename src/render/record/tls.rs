//! What a flow says of the TLS that carries it.

use serde::Serialize;

use super::value::{Text, Time, seconds};
use crate::dissect::{Alert, Certificate, TlsFacts, TlsSide, Unread, alert_name, suite_name, version_name};
use crate::flow::Direction;

#[derive(Serialize)]
pub(super) struct TlsRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_offered: Option<&'static str>,
    #[serde(flatten)]
    agreed: AgreedRecord<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_certificate: Option<CertificateRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<CertificateRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alerts: Vec<AlertRecord>,
    decrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_decrypted: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    likely_pings: Option<PingsRecord>,
    from_client: SideRecord,
    from_server: SideRecord,
}

/// What both ends said in their hellos, and agreed on.
#[derive(Serialize)]
pub(super) struct AgreedRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alpn_offered: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja3: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<&'a str>,
    resumed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hello_retried: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    early_data: bool,
}

#[derive(Serialize)]
pub(super) struct CertificateRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<Text<'a>>,
    names: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Time>,
}

#[derive(Serialize)]
struct AlertRecord {
    from: &'static str,
    level: &'static str,
    code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    frame: u64,
}

/// Records as long as a PINGREQ, each answered by one as long as a PINGRESP: a guess, and named so.
#[derive(Serialize)]
struct PingsRecord {
    certainty: &'static str,
    count: u64,
    interval_s: f64,
}

#[derive(Serialize)]
struct SideRecord {
    records: u64,
    application_records: u64,
    application_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_record_bytes: Option<u64>,
    decrypted_bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unreadable_records: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_application_record: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_application_record: Option<Time>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> TlsRecord<'a> {
    pub(super) fn new(facts: &'a TlsFacts) -> Self {
        let certificate =
            |certificate: &'a Option<Box<Certificate>>| certificate.as_deref().map(CertificateRecord::new);
        Self {
            version: facts.version.and_then(version_name),
            version_offered: facts.offered_version.and_then(version_name),
            agreed: AgreedRecord::new(facts),
            handshake_s: facts.handshake().map(seconds),
            server_certificate: certificate(&facts.server_certificate),
            client_certificate: certificate(&facts.client_certificate),
            alerts: facts.alerts.iter().map(AlertRecord::new).collect(),
            decrypted: facts.decrypted,
            not_decrypted: facts.unread.map(Unread::name),
            likely_pings: facts.pings.interval().map(|interval| PingsRecord {
                certainty: "hint",
                count: facts.pings.rhythm.count,
                interval_s: seconds(interval),
            }),
            from_client: SideRecord::new(&facts.sides.to_server),
            from_server: SideRecord::new(&facts.sides.to_client),
        }
    }
}

impl<'a> AgreedRecord<'a> {
    pub(super) fn new(facts: &'a TlsFacts) -> Self {
        Self {
            cipher: facts.suite.map(|suite| suite_name(suite).map_or_else(|| format!("0x{suite:04x}"), str::to_owned)),
            server_name: facts.server_name.as_deref().map(Text),
            alpn_offered: facts.alpn_offered.iter().map(|name| Text(name)).collect(),
            alpn: facts.alpn.as_deref().map(Text),
            ja3: facts.ja3.as_deref(),
            ja4: facts.ja4.as_deref(),
            resumed: facts.resumed,
            hello_retried: facts.retried,
            early_data: facts.early_data,
        }
    }
}

impl<'a> CertificateRecord<'a> {
    pub(super) fn new(certificate: &'a Certificate) -> Self {
        Self {
            subject: certificate.subject.as_deref().map(Text),
            issuer: certificate.issuer.as_deref().map(Text),
            names: certificate.names.iter().map(|name| Text(name)).collect(),
            not_before: certificate.not_before.map(Time),
            not_after: certificate.not_after.map(Time),
        }
    }
}

impl AlertRecord {
    const fn new(alert: &Alert) -> Self {
        Self {
            from: match alert.direction {
                Direction::ToServer => "client",
                Direction::ToClient => "server",
            },
            level: if alert.level == 1 { "warning" } else { "fatal" },
            code: alert.description,
            description: alert_name(alert.description),
            frame: alert.origin.frame.0,
        }
    }
}

impl SideRecord {
    fn new(side: &TlsSide) -> Self {
        Self {
            records: side.records,
            application_records: side.application_records,
            application_bytes: side.application_bytes,
            longest_record_bytes: Some(side.longest_bytes).filter(|longest| *longest > 0),
            decrypted_bytes: side.decrypted_bytes,
            unreadable_records: side.unread_records,
            first_application_record: side.first.map(Time),
            last_application_record: side.last.map(Time),
        }
    }
}
