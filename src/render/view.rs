//! The columns of each view, for comma-separated values and for sorting: a name, and where its value stands in the
//! record.

use serde::Serialize;
use serde_json::Value;

use super::MessageOptions;
use super::record::{
    DeliveryRecord, FindingRecord, FlowRecord, MessageRecord, NeighbourRecord, PacketRecord, SessionRecord,
    SnMessageRecord, SnSessionRecord, TopicRecord,
};
use crate::analysis::Output;
use crate::neighbour::Names;

/// A kind of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// Frames.
    Packets,
    /// MQTT messages.
    Messages,
    /// Flows.
    Flows,
    /// MQTT sessions.
    Sessions,
    /// Deliveries.
    Deliveries,
    /// Topics.
    Topics,
    /// Findings.
    Findings,
    /// Messages of the protocols around MQTT.
    Neighbours,
}

/// The name of a column, and the place of its value in the record.
type Column = (&'static str, &'static str);

const PACKETS: &[Column] = &[
    ("frame", "/frame"),
    ("time", "/time"),
    ("flow", "/flow"),
    ("source", "/source"),
    ("destination", "/destination"),
    ("protocols", "/protocols"),
    ("length", "/length"),
    ("captured_length", "/captured_length"),
    ("analysis", "/tcp/analysis"),
    ("info", "/info"),
];

const MESSAGES: &[Column] = &[
    ("frame", "/frame"),
    ("time", "/time"),
    ("flow", "/flow"),
    ("from", "/from"),
    ("type", "/type"),
    ("version", "/version"),
    ("length", "/length"),
    ("packet_id", "/packet_id"),
    ("qos", "/qos"),
    ("dup", "/dup"),
    ("retain", "/retain"),
    ("topic", "/topic"),
    ("topic_alias", "/topic_alias"),
    ("topic_resolved", "/topic_resolved"),
    ("payload_length", "/payload/length"),
    ("client_id", "/client_id"),
    ("keep_alive_s", "/keep_alive_s"),
    ("session_present", "/session_present"),
    ("reason_code", "/reason_code"),
    ("reason", "/reason"),
    ("clause", "/deviations/0/clause"),
];

const FLOWS: &[Column] = &[
    ("flow", "/flow"),
    ("stream", "/stream"),
    ("protocol", "/protocol"),
    ("application", "/application"),
    ("transport", "/transport"),
    ("client", "/client/address"),
    ("client_port", "/client/port"),
    ("server", "/server/address"),
    ("server_port", "/server/port"),
    ("start", "/start"),
    ("duration_s", "/duration_s"),
    ("client_packets", "/from_client/packets"),
    ("server_packets", "/from_server/packets"),
    ("client_bytes", "/from_client/bytes"),
    ("server_bytes", "/from_server/bytes"),
    ("client_payload_bytes", "/from_client/payload_bytes"),
    ("server_payload_bytes", "/from_server/payload_bytes"),
    ("client_retransmissions", "/from_client/retransmissions"),
    ("server_retransmissions", "/from_server/retransmissions"),
    ("handshake_rtt_s", "/handshake/rtt_s"),
    ("client_rtt_p50_s", "/from_client/rtt_s/p50"),
    ("server_rtt_p50_s", "/from_server/rtt_s/p50"),
    ("outcome", "/outcome"),
    ("close", "/close/kind"),
    ("initiator", "/close/initiator"),
    ("conn_state", "/conn_state"),
];

const SESSIONS: &[Column] = &[
    ("flow", "/flow"),
    ("client_id", "/client_id"),
    ("version", "/version"),
    ("transport", "/transport"),
    ("username", "/username"),
    ("clean_start", "/clean_start"),
    ("session_present", "/connack/session_present"),
    ("connack", "/connack/reason_code"),
    ("keep_alive_s", "/keep_alive_s"),
    ("start", "/start"),
    ("duration_s", "/duration_s"),
    ("client_messages", "/from_client/messages"),
    ("server_messages", "/from_server/messages"),
    ("client_publishes", "/from_client/by_type/PUBLISH"),
    ("server_publishes", "/from_server/by_type/PUBLISH"),
    ("complete", "/deliveries/complete"),
    ("open", "/deliveries/open"),
    ("duplicate", "/deliveries/duplicate"),
    ("client_ack_p50_s", "/from_client/deliveries/acknowledgement_s/p50"),
    ("longest_silence_s", "/keep_alive/longest_silence_s"),
    ("will", "/will/fate"),
    ("end", "/ended/kind"),
    ("by", "/ended/by"),
    ("reason", "/ended/reason"),
    ("cause", "/ended/cause/kind"),
];

const DELIVERIES: &[Column] = &[
    ("frame", "/frame"),
    ("time", "/time"),
    ("flow", "/flow"),
    ("from", "/from"),
    ("client_id", "/client_id"),
    ("topic", "/topic"),
    ("qos", "/qos"),
    ("retain", "/retain"),
    ("packet_id", "/packet_id"),
    ("payload_length", "/payload_length"),
    ("outcome", "/outcome"),
    ("latency_s", "/latency_s"),
    ("resends", "/resends"),
    ("faults", "/faults"),
    ("published_as", "/published/as"),
    ("publisher", "/published/client_id"),
    ("published_frame", "/published/frame"),
    ("after_s", "/published/after_s"),
    ("copy", "/published/copy"),
];

const TOPICS: &[Column] = &[
    ("broker", "/broker/address"),
    ("broker_port", "/broker/port"),
    ("topic", "/topic"),
    ("published", "/published"),
    ("received", "/received"),
    ("publishers", "/publishers"),
    ("receivers", "/receivers"),
    ("published_per_s", "/published_per_s"),
    ("payload_bytes_mean", "/payload_bytes/mean"),
    ("retained", "/retained"),
    ("copies", "/copies"),
    ("out_of_order", "/out_of_order"),
    ("missed", "/missed"),
    ("latency_p50_s", "/latency_s/p50"),
    ("latency_p99_s", "/latency_s/p99"),
];

const FINDINGS: &[Column] = &[
    ("severity", "/severity"),
    ("certainty", "/certainty"),
    ("id", "/id"),
    ("clause", "/clause"),
    ("flow", "/flow"),
    ("client_id", "/client_id"),
    ("frames", "/frames"),
    ("time", "/time"),
    ("message", "/message"),
];

const NEIGHBOURS: &[Column] = &[
    ("frame", "/frame"),
    ("time", "/time"),
    ("flow", "/flow"),
    ("source", "/source"),
    ("destination", "/destination"),
    ("protocol", "/protocol"),
    ("info", "/info"),
];

impl View {
    /// All views.
    pub const ALL: [Self; 8] = [
        Self::Packets,
        Self::Messages,
        Self::Flows,
        Self::Sessions,
        Self::Deliveries,
        Self::Topics,
        Self::Findings,
        Self::Neighbours,
    ];

    const fn table(self) -> &'static [Column] {
        match self {
            Self::Packets => PACKETS,
            Self::Messages => MESSAGES,
            Self::Flows => FLOWS,
            Self::Sessions => SESSIONS,
            Self::Deliveries => DELIVERIES,
            Self::Topics => TOPICS,
            Self::Findings => FINDINGS,
            Self::Neighbours => NEIGHBOURS,
        }
    }

    /// The names of its columns.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        self.table().iter().map(|(name, _)| *name)
    }

    /// Whether it has a column of this name.
    pub fn has(self, column: &str) -> bool {
        self.columns().any(|name| name == column)
    }

    /// The view that an output is a row of.
    pub(super) const fn of(output: &Output<'_>) -> Option<Self> {
        match output {
            Output::Packet(_) => Some(Self::Packets),
            Output::Message(..) | Output::SnMessage(..) => Some(Self::Messages),
            Output::Flow(..) => Some(Self::Flows),
            Output::Session(..) | Output::SnSession(_) => Some(Self::Sessions),
            Output::Delivery(_) => Some(Self::Deliveries),
            Output::Topic(..) => Some(Self::Topics),
            Output::Finding(_) => Some(Self::Findings),
            Output::Neighbour(_) => Some(Self::Neighbours),
            Output::Preview(..) | Output::Stream(..) => None,
        }
    }

    /// The value of a column in a record.
    pub(super) fn value<'a>(self, record: &'a Value, column: &str) -> Option<&'a Value> {
        let (_, place) = self.table().iter().find(|(name, _)| *name == column)?;
        record.pointer(place)
    }

    /// The values of all columns.
    pub(super) fn values(self, record: &Value) -> impl Iterator<Item = Option<&Value>> {
        self.table().iter().map(|(_, place)| record.pointer(place))
    }
}

/// The record of an output.
pub(super) fn record(output: &Output<'_>, messages: MessageOptions) -> Option<Value> {
    fn value(record: impl Serialize) -> Option<Value> {
        serde_json::to_value(record).ok()
    }
    // A name is in no column.
    let none = &Names::default();
    match output {
        Output::Packet(view) => value(PacketRecord::new(view, none)),
        Output::Message(flow, message) => value(MessageRecord::new(*flow, message, messages)),
        Output::SnMessage(flow, message) => value(SnMessageRecord::new(*flow, message, messages)),
        Output::SnSession(session) => value(SnSessionRecord::new(session)),
        Output::Flow(flow, why) => value(FlowRecord::new(flow, *why, none)),
        Output::Session(session, flow) => value(SessionRecord::new(session, flow)),
        Output::Delivery(delivery) => value(DeliveryRecord::new(delivery, none)),
        Output::Topic(broker, name, topic) => value(TopicRecord::new(*broker, name, topic, none)),
        Output::Finding(finding) => value(FindingRecord::new(finding)),
        Output::Neighbour(message) => value(NeighbourRecord::new(message, none)),
        Output::Preview(..) | Output::Stream(..) => None,
    }
}

/// By which column rows are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column's name.
    pub column: String,
    /// The largest first.
    pub descending: bool,
}

/// What a row is sorted by. Rows without a value come last.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Number(f64),
    Text(String),
    None,
}

impl Key {
    pub(super) fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::None,
            Some(Value::Number(number)) => number.as_f64().map_or(Self::None, Self::Number),
            Some(Value::String(text)) => Self::Text(text.clone()),
            Some(other) => Self::Text(other.to_string()),
        }
    }

    /// How this row stands to another in the order.
    pub(super) fn compare(&self, other: &Self, descending: bool) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        let order = match (self, other) {
            (Self::None, Self::None) => return Ordering::Equal,
            (Self::None, _) => return Ordering::Greater,
            (_, Self::None) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        };
        if descending { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_value_come_last_in_both_orders() {
        let mut keys = [Key::None, Key::Number(2.0), Key::Number(10.0)];
        keys.sort_by(|a, b| a.compare(b, true));
        assert_eq!(keys, [Key::Number(10.0), Key::Number(2.0), Key::None]);
        keys.sort_by(|a, b| a.compare(b, false));
        assert_eq!(keys, [Key::Number(2.0), Key::Number(10.0), Key::None]);
    }
}
