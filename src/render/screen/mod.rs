//! What `--live` draws: the state of a capture that goes on as lines of a page, as `top` has it.
//!
//! It is given what there is, the size of the page and the keys that were pressed, and gives lines; a terminal is the
//! concern of others.

mod best;
mod flows;
mod header;
mod keys;
mod layout;
mod rates;
mod sessions;
mod topics;

pub use keys::{Key, Keys};

use best::Best;
use layout::{Column, Kind, Page, SortKey};
use rates::{BySlot, Known};

use super::watch::{Moment, Period};
use super::width::{Color, Style, columns, fit};
use crate::analysis::Analysis;
use crate::capture::FrameNo;
use crate::session::Name;
use crate::time::Timestamp;

/// What the table lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ScreenView {
    /// Flows that are followed.
    #[default]
    Flows,
    /// MQTT sessions on them.
    Sessions,
    /// Topics.
    Topics,
}

impl ScreenView {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Flows, Self::Sessions, Self::Topics];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Sessions => "sessions",
            Self::Topics => "topics",
        }
    }
}

/// What a key asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    None,
    /// To draw anew.
    Draw,
    /// To end.
    Quit,
}

/// By which column a view is sorted.
#[derive(Debug, Clone, Copy)]
struct Order {
    column: usize,
    /// Against the order that the column has by itself.
    reversed: bool,
}

/// Rows that are drawn at most, however high the page is.
const ROWS: usize = 500;

/// The least height that holds a table.
const LEAST_HEIGHT: usize = header::LINES + 2;

/// A page of a terminal, drawn anew again and again.
#[derive(Debug)]
pub struct Screen {
    style: Style,
    source: String,
    view: ScreenView,
    orders: [Order; ScreenView::ALL.len()],
    first: Option<Moment>,
    /// The moment before the last one, from which rates count.
    before: Option<Moment>,
    latest: Option<Moment>,
    /// When each view was looked at last, from which its rates count.
    looked: [Option<Timestamp>; ScreenView::ALL.len()],
    flows: BySlot,
    sessions: Known<FrameNo>,
    topics: Known<(std::net::SocketAddr, Name)>,
    table: Table,
}

/// The table as it was looked at last.
#[derive(Debug, Default)]
struct Table {
    rows: Vec<Vec<String>>,
    /// How many there are in all.
    all: usize,
}

impl Screen {
    /// A page that shows this view of a capture from `source`.
    pub fn new(style: Style, source: &[String], view: ScreenView) -> Self {
        let default = |column: usize| Order { column, reversed: false };
        Self {
            style,
            source: source.join(" "),
            view,
            orders: [default(flows::DEFAULT), default(sessions::DEFAULT), default(topics::DEFAULT)],
            first: None,
            before: None,
            latest: None,
            looked: [None; ScreenView::ALL.len()],
            flows: BySlot::default(),
            sessions: Known::default(),
            topics: Known::default(),
            table: Table::default(),
        }
    }

    /// A key was pressed.
    pub fn key(&mut self, key: Key) -> Wish {
        let count = match self.view {
            ScreenView::Flows => flows::COLUMNS.len(),
            ScreenView::Sessions => sessions::COLUMNS.len(),
            ScreenView::Topics => topics::COLUMNS.len(),
        };
        let order = &mut self.orders[self.view as usize];
        match key {
            Key::View(view) => self.view = view,
            Key::Left => *order = Order { column: (order.column + count - 1) % count, reversed: false },
            Key::Right => *order = Order { column: (order.column + 1) % count, reversed: false },
            Key::Reverse => order.reversed = !order.reversed,
            Key::Quit => return Wish::Quit,
            Key::Other => return Wish::None,
        }
        Wish::Draw
    }

    /// Looks at what there is; `now` is this moment of the analysis. With `again` a key has asked for it: then totals and
    /// rates stay as they were.
    pub fn look(&mut self, analysis: &Analysis, now: Moment, height: usize, again: bool) {
        let again = again && self.latest.is_some();
        if !again {
            self.first.get_or_insert(now);
            self.before = self.latest.replace(now);
        }
        let looked = &mut self.looked[self.view as usize];
        // A view that was not looked at with the last drawing has rates of its own to begin with.
        let same = again && *looked >= self.latest.map(|latest| latest.at);
        let lasted = looked.map(|looked| now.at.since(looked).as_secs_f64());
        if !same {
            *looked = Some(now.at);
        }
        let room = height.saturating_sub(header::LINES + 1).min(ROWS);
        let order = self.orders[self.view as usize];
        self.table = match self.view {
            ScreenView::Flows => flows::table(analysis, &mut self.flows, now.at, (lasted, same), order, room),
            ScreenView::Sessions => sessions::table(analysis, &mut self.sessions, now.at, (lasted, same), order, room),
            ScreenView::Topics => topics::table(analysis, &mut self.topics, now.at, (lasted, same), order, room),
        };
    }

    /// The page as it was looked at last: at most `height` lines of at most `width` columns.
    pub fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let Some(now) = &self.latest else { return Vec::new() };
        let period = self.before.map(|before| Period::between(&before, *now));
        let began = self.first.map_or(now.at, |first| first.at);
        let mut lines = header::lines(self, now, period.as_ref(), began);
        if height >= LEAST_HEIGHT {
            let order = self.orders[self.view as usize];
            let page = match self.view {
                ScreenView::Flows => Page::choose(&titles(&flows::COLUMNS), order, width),
                ScreenView::Sessions => Page::choose(&titles(&sessions::COLUMNS), order, width),
                ScreenView::Topics => Page::choose(&titles(&topics::COLUMNS), order, width),
            };
            lines.push((Some(Color::Reverse), page.heading()));
            lines.extend(self.table.rows.iter().map(|row| (None, page.line(row))));
        }
        lines.truncate(height);
        // Colours are put on what has been cut.
        let paint = |(color, line): (Option<Color>, String)| match color {
            Some(color) => self.style.paint(color, &cut(&line, width)),
            None => cut(&line, width),
        };
        lines.into_iter().map(paint).collect()
    }
}

fn cut(line: &str, width: usize) -> String {
    let line = line.trim_end();
    if columns(line) <= width { line.to_owned() } else { fit(line, width) }
}

/// What a page has to know of a table's columns.
fn titles<K: Kind>(columns: &[Column<K>]) -> Vec<layout::Title> {
    columns.iter().map(|column| column.title).collect()
}

/// The first rows of all items, as text.
fn rows<'a, K: Kind>(
    items: impl Iterator<Item = K::Item<'a>>,
    columns: &[Column<K>],
    order: Order,
    room: usize,
    id: impl Fn(K::Item<'a>) -> SortKey,
) -> Table {
    let mut table = Table::default();
    let Some(sorted) = columns.get(order.column) else { return table };
    let mut best = Best::new(room, sorted.descending != order.reversed);
    for item in items {
        table.all += 1;
        best.push((sorted.key)(item), id(item), item);
    }
    table.rows = best.sorted().map(|item| columns.iter().map(|column| (column.cell)(item)).collect()).collect();
    table
}

#[cfg(test)]
mod tests;
