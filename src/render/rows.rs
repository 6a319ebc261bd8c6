//! The records of the JSON Lines as rows for filters: each field of a record is a field of the filter language, under the
//! name of the record and its path: `session.ended.kind`, `delivery.latency_s`.
//!
//! The fields and their types are read from the schema, so that a field which is added to a record can be asked for.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::JSON_SCHEMA;
use super::record::{DeliveryRecord, FindingRecord, FlowRecord, SessionRecord, SnSessionRecord, TopicRecord};
use crate::analysis::Output;
use crate::field::{Base, Field, FieldId, Kind, Names, Occurrence, Row, Value, nearest};
use crate::neighbour;
use crate::time::Span;

/// A kind of record with fields that filters can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A TCP connection or UDP conversation.
    Flow,
    /// An MQTT session on a connection.
    Session,
    /// The way of a message over one hop.
    Delivery,
    /// A topic of a broker.
    Topic,
    /// A finding.
    Finding,
}

impl RecordKind {
    /// All.
    pub const ALL: [Self; 5] = [Self::Flow, Self::Session, Self::Delivery, Self::Topic, Self::Finding];

    /// The value of `record`, with which the names of its fields begin.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Session => "session",
            Self::Delivery => "delivery",
            Self::Topic => "topic",
            Self::Finding => "finding",
        }
    }

    /// Its fields in the order of the schema.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        self.table().iter().map(|(field, _)| field)
    }

    fn table(self) -> &'static [Entry] {
        &TABLES[self as usize]
    }
}

/// A field of a record, with the steps that lead to it.
type Entry = (Field, Vec<&'static str>);

/// The fields of each kind of record.
static TABLES: LazyLock<[Vec<Entry>; 5]> = LazyLock::new(|| {
    let schema: Json = serde_json::from_str(JSON_SCHEMA).unwrap_or_default();
    let definitions = &schema["$defs"];
    RecordKind::ALL.map(|kind| {
        let mut out = Vec::new();
        collect(&definitions[kind.name()], definitions, &mut vec![kind.name().to_owned()], &mut out);
        if kind == RecordKind::Session {
            // Those of MQTT-SN have much in common with the others, and something of their own.
            let mut more = Vec::new();
            collect(&definitions["sn_session"], definitions, &mut vec![kind.name().to_owned()], &mut more);
            let names: HashSet<_> = out.iter().map(|(field, _)| field.name).collect();
            out.extend(more.into_iter().filter(|(field, _)| !names.contains(field.name)));
        }
        out
    })
});

/// Deeper than any record is; the schema is our own, and must not lead in circles.
const DEEPEST: usize = 8;

fn collect(node: &Json, definitions: &Json, path: &mut Vec<String>, out: &mut Vec<Entry>) {
    let description = node["description"].as_str().unwrap_or_default();
    let mut node = node;
    while let Some(name) = node["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        node = &definitions[name];
    }
    if path.len() > DEEPEST {
        return;
    }
    if let Some(properties) = node["properties"].as_object() {
        for (name, property) in properties {
            if path.len() > 1 || name != "record" {
                path.push(name.clone());
                collect(property, definitions, path, out);
                path.pop();
            }
        }
        return;
    }
    if node["additionalProperties"].is_object() {
        // A map by packet type.
        let of = node["propertyNames"]["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        for name in
            definitions[of.unwrap_or("packet_type")]["enum"].as_array().into_iter().flatten().filter_map(Json::as_str)
        {
            path.push(name.to_owned());
            collect(&node["additionalProperties"], definitions, path, out);
            path.pop();
        }
        return;
    }
    if node["items"].is_object() {
        return collect(&node["items"], definitions, path, out);
    }
    let seconds = || path.iter().any(|step| step.ends_with("_s") && !step.ends_with("per_s"));
    let kind = match node["type"].as_str() {
        Some("integer") => Kind::Unsigned(64),
        Some("number") if seconds() => Kind::Duration,
        Some("number") => Kind::Float,
        Some("boolean") => Kind::Boolean,
        None if node["const"].is_boolean() => Kind::Boolean,
        _ => Kind::Text,
    };
    let (name, label) = (leak(path.join(".")), leak(description.to_owned()));
    let steps = path.iter().skip(1).map(|step| leak(step.clone())).collect();
    out.push((Field { name, kind, base: Base::Decimal, label, description: "" }, steps));
}

/// Once for each field of the schema: names of fields live as long as the program.
fn leak(text: String) -> &'static str {
    text.leak()
}

/// Names the fields of a kind of record.
impl Names for RecordKind {
    fn field(&self, name: &str) -> Option<(FieldId, &Field)> {
        let at = self.table().iter().position(|(field, _)| field.name == name)?;
        Some((FieldId(at as u16), &self.table().get(at)?.0))
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        nearest(name, self.fields().map(|field| field.name))
    }

    fn describe(&self, id: FieldId) -> &Field {
        static NONE: Field = Field { name: "", kind: Kind::Label, base: Base::None, label: "", description: "" };
        self.table().get(usize::from(id.0)).map_or(&NONE, |(field, _)| field)
    }
}

/// A record as a row.
#[derive(Debug, Clone)]
pub struct RecordRow {
    kind: RecordKind,
    record: Json,
}

impl RecordRow {
    /// The record of an output with the names of its addresses, if it is of a kind with fields.
    pub fn of(output: &Output<'_>, names: &neighbour::Names) -> Option<Self> {
        let (kind, record) = match output {
            Output::Flow(flow, why) => (RecordKind::Flow, serde_json::to_value(FlowRecord::new(flow, *why, names))),
            Output::Session(session, flow) => {
                (RecordKind::Session, serde_json::to_value(SessionRecord::new(session, flow)))
            }
            Output::SnSession(session) => (RecordKind::Session, serde_json::to_value(SnSessionRecord::new(session))),
            Output::Delivery(delivery) => {
                (RecordKind::Delivery, serde_json::to_value(DeliveryRecord::new(delivery, names)))
            }
            Output::Topic(broker, name, topic) => {
                (RecordKind::Topic, serde_json::to_value(TopicRecord::new(*broker, name, topic, names)))
            }
            Output::Finding(finding) => (RecordKind::Finding, serde_json::to_value(FindingRecord::new(finding))),
            Output::Packet(_)
            | Output::Message(..)
            | Output::SnMessage(..)
            | Output::Neighbour(_)
            | Output::Preview(..)
            | Output::Stream(..) => return None,
        };
        record.ok().map(|record| Self { kind, record })
    }
}

impl Row for RecordRow {
    fn occurrences<'a>(&'a self, field: FieldId, take: &mut dyn FnMut(Occurrence<'a>)) {
        if let Some((field, steps)) = self.kind.table().get(usize::from(field.0)) {
            follow(&self.record, steps, field.kind, take);
        }
    }
}

/// Hands out what stands at the end of a path; of a list, each of its entries. No deeper than the path is long.
fn follow<'a>(node: &'a Json, steps: &[&str], kind: Kind, take: &mut dyn FnMut(Occurrence<'a>)) {
    if let Json::Array(entries) = node {
        return entries.iter().for_each(|entry| follow(entry, steps, kind, take));
    }
    if let Some((step, rest)) = steps.split_first() {
        if let Some(inner) = node.get(step) {
            follow(inner, rest, kind, take);
        }
        return;
    }
    let value = match (node, kind) {
        (Json::Bool(flag), _) => Value::Boolean(*flag),
        (Json::Number(number), Kind::Duration) => {
            // Back to the nanoseconds that it was made from.
            Value::Duration(Span::from_nanos((number.as_f64().unwrap_or(0.0) * 1e9).round() as i64))
        }
        (Json::Number(number), Kind::Float) => Value::Float(number.as_f64().unwrap_or(0.0)),
        (Json::Number(number), _) => match number.as_u64() {
            Some(number) => Value::Unsigned(number),
            None => return,
        },
        (Json::String(text), _) => Value::Text(Cow::Borrowed(text.as_bytes())),
        (Json::Object(object), _) => {
            let bytes = object.get("base64").and_then(Json::as_str).and_then(|text| STANDARD.decode(text).ok());
            let Some(bytes) = bytes else { return };
            Value::Text(Cow::Owned(bytes))
        }
        (Json::Null | Json::Array(_), _) => return,
    };
    take(Occurrence { value, layer: 1 });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analysis;
    use crate::field::Filter;

    fn kind_of(name: &str) -> Option<Kind> {
        let kind = RecordKind::ALL.into_iter().find(|kind| name.starts_with(kind.name()))?;
        kind.field(name).map(|(_, field)| field.kind)
    }

    #[test]
    fn the_schema_gives_names_and_types() {
        assert_eq!(kind_of("session.ended.kind"), Some(Kind::Text));
        assert_eq!(kind_of("session.from_client.by_type.PUBLISH"), Some(Kind::Unsigned(64)));
        assert_eq!(kind_of("session.subscriptions.granted_qos"), Some(Kind::Unsigned(64)));
        assert_eq!(kind_of("session.resumes"), Some(Kind::Boolean));
        assert_eq!(kind_of("session.keep_alive.ping_s.p99"), Some(Kind::Duration));
        assert_eq!(kind_of("flow.from_client.traffic.throughput_bytes_per_s"), Some(Kind::Float));
        assert_eq!(kind_of("delivery.latency_s"), Some(Kind::Duration));
        assert_eq!(kind_of("delivery.broker.port"), Some(Kind::Unsigned(64)));
        assert_eq!(kind_of("delivery.record"), None);
        assert_eq!(RecordKind::Delivery.nearest("delivery.latency")[0], "delivery.latency_s");
    }

    #[test]
    fn no_name_stands_twice() {
        for kind in RecordKind::ALL {
            let mut names: Vec<_> = kind.fields().map(|field| field.name).collect();
            let all = names.len();
            assert!(all >= 10, "{kind:?}");
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{kind:?}");
        }
    }

    #[test]
    fn filters_select_records() {
        let count = |kind: RecordKind, text: &str| {
            let filter = Filter::parse(text, &kind).unwrap();
            let mut analysis = Analysis::open(&["fixtures/lab/v5_takeover.pcap"]).unwrap();
            let mut found = 0;
            analysis.run(&mut |output: &Output<'_>| {
                let row = RecordRow::of(output, &neighbour::Names::default()).filter(|row| row.kind == kind);
                found += u32::from(row.is_some_and(|row| filter.matches(&row)));
            });
            found
        };
        assert_eq!(count(RecordKind::Session, "session.client_id == \"same5\""), 2);
        assert_eq!(
            count(RecordKind::Session, "session.ended.cause.kind == taken_over && session.duration_s > 0.0001"),
            1
        );
        assert_eq!(count(RecordKind::Session, "session.ended.cause.kind"), 1);
        assert_eq!(count(RecordKind::Session, "session.from_client.by_type.CONNECT == 1"), 2);
        assert_eq!(count(RecordKind::Session, "session.from_client.by_type.UNSUBSCRIBE"), 0);
        assert_eq!(count(RecordKind::Flow, "flow.from_client.retransmissions + flow.from_server.packets > 3"), 2);
    }
}
