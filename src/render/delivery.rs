//! Deliveries and topics for people: a line for each delivery, a row for each topic.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::grid::Cells;
use super::named;
use super::width::{Bytes, Duration};
use crate::capture::FrameNo;
use crate::flow::Role;
use crate::mqtt::reason_name;
use crate::neighbour::Names;
use crate::session::{Delivery, DeliveryOutcome, MissedWhy, Name, PublishedAs, Topic};
use crate::text::Escaped;

/// Receivers that are named in a line.
const NAMED: usize = 4;

/// A delivery in a line: who to whom, what, how it went, and what it is on the other side of the broker.
pub(super) fn delivery_text(delivery: &Delivery) -> String {
    let client = name(delivery.client_id.as_ref());
    let mut text = match delivery.direction.sender() {
        Role::Client => format!("{client} → broker"),
        Role::Server => format!("broker → {client}"),
    };
    match &delivery.topic {
        Some(topic) => {
            let _ = write!(text, "  {}", Escaped(topic));
        }
        None => text.push_str("  (unknown topic)"),
    }
    let _ = write!(text, "  q{}", delivery.qos);
    if let Some(id) = delivery.packet_id {
        let _ = write!(text, " id={id}");
    }
    if delivery.retain {
        text.push_str(" retain");
    }
    if let Some(length) = delivery.payload_length {
        let _ = write!(text, "  {length} B");
    }
    let _ = write!(text, "  {}", outcome(delivery));
    if let Some(latency) = delivery.latency() {
        let _ = write!(text, " in {}", Duration(latency));
    }
    if delivery.resends > 0 {
        let _ = write!(text, ", resent {}×", delivery.resends);
    }
    if let Some(published) = &delivery.published {
        let who = name(published.client_id.as_ref());
        let what = match published.kind {
            PublishedAs::Message => "",
            PublishedAs::Retained => " (retained)",
            PublishedAs::Will => " (will)",
        };
        let _ = write!(text, "  ← {who}{what}, frame {}, {}", published.place.at.frame, Duration(published.after));
        if published.copy > 1 {
            let _ = write!(text, ", copy {}", published.copy);
        }
        if published.out_of_order {
            text.push_str(", out of order");
        }
    }
    if let Some(receipts) = &delivery.receipts {
        for receipt in receipts.got.iter().take(NAMED) {
            let _ = write!(text, "  → {} {}", name(receipt.client_id.as_ref()), Duration(receipt.after));
            if receipt.copies > 1 {
                let _ = write!(text, " {}×", receipt.copies);
            }
        }
        let more = receipts.got.len().saturating_sub(NAMED) + receipts.left_out as usize;
        if more > 0 {
            let _ = write!(text, "  → {more} more");
        }
        for missed in receipts.missed.iter().take(NAMED) {
            let (mark, why) = match missed.why {
                MissedWhy::NotSent => ("✗", "not sent"),
                MissedWhy::Queued => ("…", "queued"),
                MissedWhy::Away => ("✗", "away"),
                MissedWhy::Left => ("✗", "session over"),
                MissedWhy::NotProvable => ("?", "not provable"),
            };
            let _ = write!(text, "  {mark} {} {why}", name(missed.client_id.as_ref()));
        }
    }
    for fault in delivery.faults.names() {
        let _ = write!(text, "  ! {}", fault.replace('_', " "));
    }
    text
}

fn name(id: Option<&Name>) -> String {
    match id.map(|id| &**id) {
        Some([]) => "(no client id)".to_owned(),
        Some(id) => Escaped(id).to_string(),
        None => "(unknown)".to_owned(),
    }
}

fn outcome(delivery: &Delivery) -> String {
    match delivery.outcome {
        DeliveryOutcome::Sent => "sent".to_owned(),
        DeliveryOutcome::Open => "open".to_owned(),
        DeliveryOutcome::Complete => "complete".to_owned(),
        DeliveryOutcome::Refused => {
            let reason = delivery.end().and_then(|step| reason_name(step.packet_type, step.code, delivery.version));
            format!("refused: {}", reason.unwrap_or("unknown code"))
        }
        DeliveryOutcome::Superseded => "superseded".to_owned(),
        DeliveryOutcome::Unresolved => "end not captured".to_owned(),
        DeliveryOutcome::SessionOver => "session over".to_owned(),
    }
}

/// Titles of the table of topics.
pub(super) const TOPIC_TITLES: [&str; 12] =
    ["topic", "broker", "publishers", "receivers", "in", "out", "rate", "size", "QoS", "retained", "p50", "p99"];

/// Columns of numbers in it.
pub(super) const TOPIC_NUMBERS: [usize; 9] = [2, 3, 4, 5, 6, 7, 9, 10, 11];

/// A topic as a row.
pub(super) fn topic_row(broker: SocketAddr, topic_name: &Name, topic: &Topic, names: &Names, row: &mut Cells<'_>) {
    let by_qos: Vec<_> = topic.published_by_qos.iter().zip(0..).filter(|(count, _)| **count > 0).collect();
    let qos: Vec<_> = by_qos.iter().map(|(_, qos)| qos.to_string()).collect();
    let percentile = |percent| topic.latency.percentile(percent).map(Duration);
    row.cell(Escaped(topic_name));
    row.text(&named::end(names, broker, FrameNo(u64::MAX)));
    row.number(topic.publishers());
    row.number(topic.receivers());
    row.number(topic.published);
    row.number(topic.received);
    row.optional(topic.rate().map(|rate| format!("{rate:.1}/s")));
    row.optional((topic.payload_bytes.count > 0).then(|| Bytes(topic.payload_bytes.mean() as u64)));
    row.text(&qos.join(" "));
    row.optional((topic.retained > 0).then_some(topic.retained));
    row.optional(percentile(50));
    row.optional(percentile(99));
}
