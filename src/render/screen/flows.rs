//! The table of flows that are followed.

use std::net::SocketAddr;

use super::super::ended::carries;
use super::super::named;
use super::super::watch::throughput;
use super::super::width::{Bytes, Duration};
use super::layout::{Column, Kind, SortKey, number, text};
use super::rates::{BySlot, Rates};
use super::{Order, Table, rows};
use crate::analysis::Analysis;
use crate::capture::{FrameNo, Origin};
use crate::dissect::Conversation;
use crate::flow::{Direction, Flow, OpenFlow, Transport};
use crate::neighbour::Names;
use crate::time::{Span, Timestamp};

/// A flow at a look.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    flow: OpenFlow<'a, Conversation>,
    /// Bytes a second, the client's first.
    rates: Option<Rates>,
    now: Timestamp,
    names: &'a Names,
}

impl<'a> Item<'a> {
    fn tcp(&self) -> Option<&'a Flow<Conversation>> {
        match self.flow {
            OpenFlow::Tcp(flow) => Some(flow),
            OpenFlow::Udp(_) => None,
        }
    }

    const fn id(&self) -> FrameNo {
        match self.flow {
            OpenFlow::Tcp(flow) => flow.id,
            OpenFlow::Udp(datagrams) => datagrams.id,
        }
    }

    const fn ends(&self) -> (SocketAddr, SocketAddr) {
        match self.flow {
            OpenFlow::Tcp(flow) => (flow.client, flow.server),
            OpenFlow::Udp(datagrams) => (datagrams.client, datagrams.server),
        }
    }

    const fn span(&self) -> (Origin, Origin) {
        match self.flow {
            OpenFlow::Tcp(flow) => (flow.first, flow.last),
            OpenFlow::Udp(datagrams) => datagrams.span(),
        }
    }

    /// Packets and bytes in a direction.
    fn sent(&self, direction: Direction) -> (u64, u64) {
        match self.flow {
            OpenFlow::Tcp(flow) => {
                let counters = flow.counters(direction);
                (counters.packets, counters.bytes)
            }
            OpenFlow::Udp(datagrams) => datagrams.sent(direction),
        }
    }

    fn packets(&self) -> u64 {
        self.sent(Direction::ToServer).0 + self.sent(Direction::ToClient).0
    }

    fn again(&self) -> Option<u64> {
        let again = |flow: &Flow<Conversation>| {
            Direction::BOTH.into_iter().map(|direction| u64::from(flow.counters(direction).retransmissions)).sum()
        };
        self.tcp().map(again)
    }

    /// The mean round trip: from here to the server and back, and from here to the client and back.
    fn rtt(&self) -> Option<Span> {
        let flow = self.tcp()?;
        let means = Direction::BOTH.into_iter().filter_map(|direction| flow.counters(direction).rtt.mean());
        means.reduce(|a, b| a + b)
    }

    fn protocol(&self) -> &'static str {
        match self.flow {
            OpenFlow::Tcp(flow) => carries(Transport::Tcp, &flow.app),
            OpenFlow::Udp(datagrams) => datagrams.app.as_ref().map_or("udp", |app| carries(Transport::Udp, app)),
        }
    }

    fn state(&self) -> String {
        let Some(flow) = self.tcp() else { return String::new() };
        let sides = &flow.connection.sides;
        let (client, server) = (sides.to_server.state().name(), sides.to_client.state().name());
        if client == server { client.to_owned() } else { format!("{client}/{server}") }
    }

    fn age(&self) -> Span {
        self.now.since(self.span().0.time)
    }

    fn idle(&self) -> Span {
        self.now.since(self.span().1.time)
    }
}

fn of(value: Option<f64>) -> SortKey {
    value.map_or(SortKey::None, SortKey::Number)
}

fn rate_cell(rate: Option<f32>) -> String {
    rate.map_or(String::new(), |rate| throughput(rate.into()))
}

/// Rows of this table.
pub(super) enum Flows {}

impl Kind for Flows {
    type Item<'a> = Item<'a>;
}

/// The column that rows are sorted by until another is chosen.
pub(super) const DEFAULT: usize = 6;

pub(super) const COLUMNS: [Column<Flows>; 14] = [
    Column {
        title: number("flow", 7, 3),
        descending: true,
        key: |item| SortKey::Number(item.id().0 as f64),
        cell: |item| item.id().to_string(),
    },
    Column {
        title: text("client", 21, 20, 0),
        descending: false,
        key: |item| SortKey::Address(item.ends().0),
        cell: |item| named::end(item.names, item.ends().0, item.id()),
    },
    Column {
        title: text("server", 21, 20, 0),
        descending: false,
        key: |item| SortKey::Address(item.ends().1),
        cell: |item| named::end(item.names, item.ends().1, item.id()),
    },
    Column {
        title: text("carries", 7, 0, 4),
        descending: false,
        key: |item| SortKey::Word(item.protocol()),
        cell: |item| item.protocol().to_owned(),
    },
    Column {
        title: text("state", 12, 12, 5),
        descending: false,
        key: |item| SortKey::Number(super::super::watch::FlowPhase::of(item.flow) as u8 as f64),
        cell: |item| item.state(),
    },
    Column {
        title: number("age", 9, 9),
        descending: true,
        key: |item| SortKey::Number(item.age().as_secs_f64()),
        cell: |item| short(item.age()),
    },
    Column {
        title: number("in/s", 11, 1),
        descending: true,
        key: |item| of(item.rates.map(|rates| f64::from(rates[0]))),
        cell: |item| rate_cell(item.rates.map(|rates| rates[0])),
    },
    Column {
        title: number("out/s", 11, 1),
        descending: true,
        key: |item| of(item.rates.map(|rates| f64::from(rates[1]))),
        cell: |item| rate_cell(item.rates.map(|rates| rates[1])),
    },
    Column {
        title: number("in", 8, 6),
        descending: true,
        key: |item| SortKey::Number(item.sent(Direction::ToServer).1 as f64),
        cell: |item| Bytes(item.sent(Direction::ToServer).1).to_string(),
    },
    Column {
        title: number("out", 8, 6),
        descending: true,
        key: |item| SortKey::Number(item.sent(Direction::ToClient).1 as f64),
        cell: |item| Bytes(item.sent(Direction::ToClient).1).to_string(),
    },
    Column {
        title: number("packets", 8, 10),
        descending: true,
        key: |item| SortKey::Number(item.packets() as f64),
        cell: |item| item.packets().to_string(),
    },
    Column {
        title: number("again", 6, 7),
        descending: true,
        key: |item| of(item.again().map(|again| again as f64)),
        cell: |item| item.again().map_or(String::new(), |again| again.to_string()),
    },
    Column {
        title: number("rtt", 8, 7),
        descending: true,
        key: |item| of(item.rtt().map(Span::as_secs_f64)),
        cell: |item| item.rtt().map_or(String::new(), |rtt| Duration(rtt).to_string()),
    },
    Column {
        title: number("idle", 6, 8),
        descending: false,
        key: |item| SortKey::Number(item.idle().as_secs_f64()),
        cell: |item| short(item.idle()),
    },
];

/// A time in a few columns: 12 s, 3 min, 2 h 05, 3 d 02 h.
pub(super) fn short(span: Span) -> String {
    let seconds = (span.as_nanos() / 1_000_000_000).max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {:02}", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

pub(super) fn table(
    analysis: &Analysis,
    seen: &mut BySlot,
    now: Timestamp,
    look: (Option<f64>, bool),
    order: Order,
    room: usize,
) -> Table {
    let names = analysis.names();
    let items = analysis.open_flows().map(|(slot, flow)| {
        let mut item = Item { flow, rates: None, now, names };
        let counts = [item.sent(Direction::ToServer).1, item.sent(Direction::ToClient).1];
        item.rates = seen.update(slot, item.id(), counts, look);
        item
    });
    rows(items, &COLUMNS, order, room, |item| SortKey::Number(item.id().0 as f64))
}
