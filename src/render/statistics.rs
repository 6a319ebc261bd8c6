//! What a capture adds up to, as tables or as JSON Lines.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::grid::{self, Rows};
use super::json::JsonLines;
use super::named::{self, Called};
use super::width::{Bytes, Duration, Style};
use crate::capture::FrameNo;
use crate::neighbour::Names;
use crate::statistics::{Load, Statistics};
use crate::time::Span;

/// A part of the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Protocols, each below the one that carries it.
    Protocols,
    /// Frames by length.
    Lengths,
    /// Traffic over time.
    Io,
    /// Addresses.
    Endpoints,
    /// Pairs of addresses.
    Conversations,
}

impl Section {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Protocols, Self::Lengths, Self::Io, Self::Endpoints, Self::Conversations];
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

fn total(statistics: &Statistics) -> Load {
    let all = statistics.lengths().map(|(_, _, load)| load);
    all.fold(Load::default(), |sum, load| Load { frames: sum.frames + load.frames, bytes: sum.bytes + load.bytes })
}

/// What is counted over the whole capture has the last names in it.
const LAST: FrameNo = FrameNo(u64::MAX);

/// Writes a section as a table with at most so many rows.
pub fn write_statistics(
    statistics: &Statistics,
    section: Section,
    names: &Names,
    style: Style,
    limit: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut rows = Rows::default();
    let mut row = |cells: Vec<String>| rows.keep(limit, |row| cells.iter().for_each(|cell| row.text(cell)));
    let all = total(statistics);
    match section {
        Section::Protocols => {
            for (path, load) in statistics.protocols() {
                let name = format!("{:indent$}{}", "", path.last().unwrap_or(&""), indent = 2 * (path.len() - 1));
                let share = (percent(load.frames, all.frames), percent(load.bytes, all.bytes));
                row(vec![name, load.frames.to_string(), share.0, Bytes(load.bytes).to_string(), share.1]);
            }
            let titles = ["protocol", "packets", "of all", "bytes", "of all"];
            grid::print(style, "Protocols", &titles, &[1, 2, 3, 4], &rows, out)
        }
        Section::Lengths => {
            for (from, to, load) in statistics.lengths().filter(|(.., load)| load.frames > 0) {
                let range = to.map_or_else(|| format!("{from} and more"), |to| format!("{from} to {to}"));
                let mean = load.bytes.checked_div(load.frames).unwrap_or(0);
                row(vec![range, load.frames.to_string(), percent(load.frames, all.frames), mean.to_string()]);
            }
            grid::print(style, "Packet lengths", &["bytes", "packets", "of all", "mean"], &[1, 2, 3], &rows, out)
        }
        Section::Io => {
            let mut next = Span::ZERO;
            for (begin, load) in statistics.intervals() {
                // How many they were follows from the times around them.
                if begin > next {
                    row(["…", "0", "0 B", "0 B/s"].map(str::to_owned).to_vec());
                }
                next = begin + statistics.interval();
                let rate = load.bytes as f64 / statistics.interval().as_secs_f64();
                let begin = format!("{:.3} s", begin.as_secs_f64());
                let cells =
                    [load.frames.to_string(), Bytes(load.bytes).to_string(), format!("{}/s", Bytes(rate as u64))];
                row([begin].into_iter().chain(cells).collect());
            }
            let name = format!("Traffic by {}", Duration(statistics.interval()));
            grid::print(style, &name, &["from", "packets", "bytes", "rate"], &[0, 1, 2, 3], &rows, out)
        }
        Section::Endpoints => {
            for (address, load) in statistics.endpoints() {
                row(vec![
                    named::host(names, address, LAST),
                    load.sent.frames.to_string(),
                    Bytes(load.sent.bytes).to_string(),
                    load.received.frames.to_string(),
                    Bytes(load.received.bytes).to_string(),
                ]);
            }
            let titles = ["address", "sent", "bytes sent", "received", "bytes received"];
            grid::print(style, "Endpoints", &titles, &[1, 2, 3, 4], &rows, out)
        }
        Section::Conversations => {
            for ((a, b), load) in statistics.conversations() {
                row(vec![
                    named::host(names, a, LAST),
                    named::host(names, b, LAST),
                    load.forth.frames.to_string(),
                    Bytes(load.forth.bytes).to_string(),
                    load.back.frames.to_string(),
                    Bytes(load.back.bytes).to_string(),
                    Duration(load.last.since(load.first)).to_string(),
                ]);
            }
            let titles = ["a", "b", "a → b", "bytes →", "b → a", "bytes ←", "lasted"];
            grid::print(style, "Conversations", &titles, &[2, 3, 4, 5, 6], &rows, out)
        }
    }
}

#[derive(Serialize)]
struct LoadRecord {
    packets: u64,
    bytes: u64,
}

impl From<Load> for LoadRecord {
    fn from(load: Load) -> Self {
        Self { packets: load.frames, bytes: load.bytes }
    }
}

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record<'a> {
    Protocol {
        protocols: &'a [&'static str],
        #[serde(flatten)]
        load: LoadRecord,
    },
    LengthRange {
        from_bytes: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        to_bytes: Option<u32>,
        #[serde(flatten)]
        load: LoadRecord,
    },
    Interval {
        start_s: f64,
        duration_s: f64,
        #[serde(flatten)]
        load: LoadRecord,
    },
    Endpoint {
        address: IpAddr,
        #[serde(skip_serializing_if = "Called::is_none")]
        name: Called,
        sent: LoadRecord,
        received: LoadRecord,
    },
    Conversation {
        a: IpAddr,
        b: IpAddr,
        #[serde(skip_serializing_if = "Called::is_none")]
        a_name: Called,
        #[serde(skip_serializing_if = "Called::is_none")]
        b_name: Called,
        from_a: LoadRecord,
        from_b: LoadRecord,
        duration_s: f64,
    },
}

impl<W: Write> JsonLines<W> {
    /// The records of a section, at most so many.
    pub fn statistics(&mut self, statistics: &Statistics, section: Section, limit: usize) -> io::Result<()> {
        let seconds = Span::as_secs_f64;
        let duration_s = seconds(statistics.interval());
        match section {
            Section::Protocols => statistics
                .protocols()
                .take(limit)
                .try_for_each(|(protocols, load)| self.record(&Record::Protocol { protocols, load: load.into() })),
            Section::Lengths => statistics.lengths().take(limit).try_for_each(|(from_bytes, to_bytes, load)| {
                self.record(&Record::LengthRange { from_bytes, to_bytes, load: load.into() })
            }),
            Section::Io => statistics.intervals().take(limit).try_for_each(|(begin, load)| {
                self.record(&Record::Interval { start_s: seconds(begin), duration_s, load: load.into() })
            }),
            Section::Endpoints => statistics.endpoints().into_iter().take(limit).try_for_each(|(address, load)| {
                let name = Called::of(self.names(), address, LAST);
                self.record(&Record::Endpoint { address, name, sent: load.sent.into(), received: load.received.into() })
            }),
            Section::Conversations => {
                statistics.conversations().into_iter().take(limit).try_for_each(|((a, b), load)| {
                    let duration_s = seconds(load.last.since(load.first));
                    let (from_a, from_b) = (load.forth.into(), load.back.into());
                    let [a_name, b_name] = [a, b].map(|end| Called::of(self.names(), end, LAST));
                    self.record(&Record::Conversation { a, b, a_name, b_name, from_a, from_b, duration_s })
                })
            }
        }
    }
}
