//! The table of topics.

use std::net::SocketAddr;

use super::super::named;
use super::super::watch::rate;
use super::super::width::{Bytes, Duration};
use super::flows::short;
use super::layout::{Column, Kind, SortKey, number, text};
use super::rates::{Known, Rates};
use super::{Order, Table, rows};
use crate::analysis::Analysis;
use crate::capture::FrameNo;
use crate::neighbour::Names;
use crate::session::{Name, Topic};
use crate::text::Escaped;
use crate::time::{Span, Timestamp};

/// A topic at a look.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    broker: SocketAddr,
    name: &'a Name,
    topic: &'a Topic,
    /// Messages of both kinds a second, and bytes of published payload.
    rates: Option<Rates>,
    now: Timestamp,
    names: &'a Names,
}

impl Item<'_> {
    fn idle(&self) -> Option<Span> {
        self.topic.last.map(|last| self.now.since(last))
    }

    fn rate(&self, place: usize) -> Option<f64> {
        self.rates.and_then(|rates| rates.get(place).copied()).map(f64::from)
    }
}

fn of(value: Option<f64>) -> SortKey {
    value.map_or(SortKey::None, SortKey::Number)
}

/// Rows of this table.
pub(super) enum Topics {}

impl Kind for Topics {
    type Item<'a> = Item<'a>;
}

/// The column that rows are sorted by until another is chosen.
pub(super) const DEFAULT: usize = 2;

pub(super) const COLUMNS: [Column<Topics>; 11] = [
    Column {
        title: text("topic", 24, 60, 0),
        descending: false,
        key: |item| SortKey::Name(Name::clone(item.name)),
        cell: |item| Escaped(item.name).to_string(),
    },
    Column {
        title: text("broker", 21, 20, 9),
        descending: false,
        key: |item| SortKey::Address(item.broker),
        cell: |item| named::end(item.names, item.broker, FrameNo(u64::MAX)),
    },
    Column {
        title: number("msgs/s", 8, 0),
        descending: true,
        key: |item| of(item.rate(0)),
        cell: |item| item.rate(0).map_or(String::new(), rate),
    },
    Column {
        title: number("bytes/s", 11, 1),
        descending: true,
        key: |item| of(item.rate(1)),
        cell: |item| item.rate(1).map_or(String::new(), |rate| format!("{}/s", Bytes(rate as u64))),
    },
    Column {
        title: number("published", 9, 3),
        descending: true,
        key: |item| SortKey::Number(item.topic.published as f64),
        cell: |item| item.topic.published.to_string(),
    },
    Column {
        title: number("received", 9, 3),
        descending: true,
        key: |item| SortKey::Number(item.topic.received as f64),
        cell: |item| item.topic.received.to_string(),
    },
    Column {
        title: number("pubs", 5, 2),
        descending: true,
        key: |item| SortKey::Number(item.topic.publishers() as f64),
        cell: |item| item.topic.publishers().to_string(),
    },
    Column {
        title: number("subs", 5, 2),
        descending: true,
        key: |item| SortKey::Number(item.topic.receivers() as f64),
        cell: |item| item.topic.receivers().to_string(),
    },
    Column {
        title: number("size", 8, 6),
        descending: true,
        key: |item| of((item.topic.payload_bytes.count > 0).then(|| item.topic.payload_bytes.mean())),
        cell: |item| match item.topic.payload_bytes.count {
            0 => String::new(),
            _ => Bytes(item.topic.payload_bytes.mean() as u64).to_string(),
        },
    },
    Column {
        title: number("latency", 8, 5),
        descending: true,
        key: |item| of(item.topic.latency.mean().map(Span::as_secs_f64)),
        cell: |item| item.topic.latency.mean().map_or(String::new(), |mean| Duration(mean).to_string()),
    },
    Column {
        title: number("last", 8, 4),
        descending: false,
        key: |item| of(item.idle().map(Span::as_secs_f64)),
        cell: |item| item.idle().map_or(String::new(), short),
    },
];

pub(super) fn table(
    analysis: &Analysis,
    seen: &mut Known<(SocketAddr, Name)>,
    now: Timestamp,
    look: (Option<f64>, bool),
    order: Order,
    room: usize,
) -> Table {
    let items = analysis.open_topics().map(|(broker, name, topic)| {
        let bytes = topic.payload_bytes.mean() * topic.payload_bytes.count as f64;
        let counts = [topic.published + topic.received, bytes as u64];
        let rates = seen.update((broker, Name::clone(name)), counts, look);
        Item { broker, name, topic, rates, now, names: analysis.names() }
    });
    let table = rows(items, &COLUMNS, order, room, |item| SortKey::Name(Name::clone(item.name)));
    seen.end(look.1);
    table
}
