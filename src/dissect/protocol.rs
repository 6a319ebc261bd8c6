//! The protocols that are known.

use crate::neighbour::Neighbour;

/// A protocol that a stream may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// MQTT 3.1, 3.1.1 or 5.0.
    Mqtt,
    /// TLS of any version; where it carries something that can be read, that is named.
    Tls,
    /// HTTP/1.x.
    Http,
    /// WebSocket; where it carries something that is read, that is named.
    WebSocket,
    /// None of those.
    Unknown,
    /// MQTT-SN 1.2, in datagrams.
    MqttSn,
    /// QUIC, in datagrams; where it carries something that can be read, that is named.
    Quic,
    /// One of those around MQTT.
    Neighbour(Neighbour),
}

impl Protocol {
    /// How many there are.
    pub const COUNT: usize = 7 + Neighbour::ALL.len();

    /// Its place among them, from 0 on.
    pub const fn index(self) -> usize {
        match self {
            Self::Mqtt => 0,
            Self::Tls => 1,
            Self::Http => 2,
            Self::WebSocket => 3,
            Self::Unknown => 4,
            Self::MqttSn => 5,
            Self::Quic => 6,
            Self::Neighbour(neighbour) => 7 + neighbour as usize,
        }
    }

    /// Its name: Wireshark's, but for MQTT-SN, which Wireshark writes without the hyphen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::WebSocket => "websocket",
            Self::Unknown => "data",
            Self::MqttSn => "mqtt-sn",
            Self::Quic => "quic",
            Self::Neighbour(neighbour) => neighbour.name(),
        }
    }
}
