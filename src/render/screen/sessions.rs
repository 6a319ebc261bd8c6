//! The table of MQTT sessions on flows that are followed.

use super::super::ended::client_name;
use super::super::named;
use super::super::watch::rate;
use super::flows::short;
use super::layout::{Column, Kind, SortKey, number, text};
use super::rates::{Known, Rates};
use super::{Order, Table, rows};
use crate::analysis::Analysis;
use crate::capture::FrameNo;
use crate::flow::Direction;
use crate::neighbour::Names;
use crate::session::Session;
use crate::time::{Span, Timestamp};

/// A session at a look.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    session: &'a Session,
    /// Messages a second, the client's first.
    rates: Option<Rates>,
    now: Timestamp,
    names: &'a Names,
}

impl Item<'_> {
    fn messages(&self, direction: Direction) -> u64 {
        self.session.counts[direction].total()
    }

    /// Messages that wait for their acknowledgement, in both directions.
    fn in_flight(&self) -> usize {
        Direction::BOTH.into_iter().map(|direction| self.session.state.exchanges[direction].open()).sum()
    }

    fn subscriptions(&self) -> usize {
        let granted = |code: Option<u8>| code.is_some_and(|code| code < 0x80);
        self.session.state.subscriptions.granted().filter(|(_, state)| granted(state.answer)).count()
    }

    fn idle(&self) -> Span {
        self.now.since(self.session.last.time)
    }

    fn rate(&self, place: usize) -> Option<f64> {
        self.rates.and_then(|rates| rates.get(place).copied()).map(f64::from)
    }
}

fn rate_key(rate: Option<f64>) -> SortKey {
    rate.map_or(SortKey::None, SortKey::Number)
}

/// Rows of this table.
pub(super) enum Sessions {}

impl Kind for Sessions {
    type Item<'a> = Item<'a>;
}

/// The column that rows are sorted by until another is chosen.
pub(super) const DEFAULT: usize = 6;

pub(super) const COLUMNS: [Column<Sessions>; 13] = [
    Column {
        title: number("flow", 7, 6),
        descending: true,
        key: |item| SortKey::Number(item.session.flow.id.0 as f64),
        cell: |item| item.session.flow.id.to_string(),
    },
    Column {
        title: text("client id", 20, 30, 0),
        descending: false,
        key: |item| item.session.client_id.clone().map_or(SortKey::None, SortKey::Name),
        cell: |item| client_name(item.session),
    },
    Column {
        title: text("broker", 21, 20, 8),
        descending: false,
        key: |item| SortKey::Address(item.session.flow.server),
        cell: |item| named::end(item.names, item.session.flow.server, item.session.flow.id),
    },
    Column {
        title: text("version", 7, 0, 5),
        descending: false,
        key: |item| SortKey::Word(item.session.version.as_str()),
        cell: |item| item.session.version.as_str().to_owned(),
    },
    Column {
        title: number("keep", 6, 4),
        descending: false,
        key: |item| rate_key(item.session.keep_alive.seconds.map(f64::from)),
        cell: |item| item.session.keep_alive.seconds.map_or(String::new(), |seconds| format!("{seconds} s")),
    },
    Column {
        title: number("idle", 7, 2),
        descending: true,
        key: |item| SortKey::Number(item.idle().as_secs_f64()),
        cell: |item| short(item.idle()),
    },
    Column {
        title: number("in/s", 7, 0),
        descending: true,
        key: |item| rate_key(item.rate(0)),
        cell: |item| item.rate(0).map_or(String::new(), rate),
    },
    Column {
        title: number("out/s", 7, 0),
        descending: true,
        key: |item| rate_key(item.rate(1)),
        cell: |item| item.rate(1).map_or(String::new(), rate),
    },
    Column {
        title: number("in", 8, 3),
        descending: true,
        key: |item| SortKey::Number(item.messages(Direction::ToServer) as f64),
        cell: |item| item.messages(Direction::ToServer).to_string(),
    },
    Column {
        title: number("out", 8, 3),
        descending: true,
        key: |item| SortKey::Number(item.messages(Direction::ToClient) as f64),
        cell: |item| item.messages(Direction::ToClient).to_string(),
    },
    Column {
        title: number("open", 5, 1),
        descending: true,
        key: |item| SortKey::Number(item.in_flight() as f64),
        cell: |item| item.in_flight().to_string(),
    },
    Column {
        title: number("subs", 5, 1),
        descending: true,
        key: |item| SortKey::Number(item.subscriptions() as f64),
        cell: |item| item.subscriptions().to_string(),
    },
    Column {
        title: number("age", 9, 7),
        descending: true,
        key: |item| SortKey::Number(item.now.since(item.session.first.time).as_secs_f64()),
        cell: |item| short(item.now.since(item.session.first.time)),
    },
];

pub(super) fn table(
    analysis: &Analysis,
    seen: &mut Known<FrameNo>,
    now: Timestamp,
    look: (Option<f64>, bool),
    order: Order,
    room: usize,
) -> Table {
    let items = analysis.open_sessions().map(|session| {
        let mut item = Item { session, rates: None, now, names: analysis.names() };
        let counts = [item.messages(Direction::ToServer), item.messages(Direction::ToClient)];
        item.rates = seen.update(session.flow.id, counts, look);
        item
    });
    let table = rows(items, &COLUMNS, order, room, |item| SortKey::Number(item.session.flow.id.0 as f64));
    seen.end(look.1);
    table
}
