//! Columns of a fixed width, so that numbers stay in their places from one drawing to the next.

use std::cmp::Ordering;
use std::net::SocketAddr;

use super::super::width::{columns, fit, fit_middle};
use super::Order;
use crate::session::Name;

/// What rows are sorted by. Rows without a value come last.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SortKey {
    Number(f64),
    Name(Name),
    Word(&'static str),
    Address(SocketAddr),
    None,
}

impl SortKey {
    const fn kind(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Name(_) => 1,
            Self::Word(_) => 2,
            Self::Address(_) => 3,
            Self::None => 4,
        }
    }

    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let order = match (self, other) {
            (Self::None, Self::None) => return Ordering::Equal,
            (Self::None, _) => return Ordering::Greater,
            (_, Self::None) => return Ordering::Less,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Name(a), Self::Name(b)) => a.cmp(b),
            (Self::Word(a), Self::Word(b)) => a.cmp(b),
            (Self::Address(a), Self::Address(b)) => a.cmp(b),
            // A column has one kind of keys.
            (a, b) => a.kind().cmp(&b.kind()),
        };
        if descending { order.reverse() } else { order }
    }
}

/// How a column looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Title {
    pub(super) name: &'static str,
    pub(super) width: usize,
    /// So much wider it may be where there is room.
    pub(super) spare: usize,
    pub(super) is_number: bool,
    /// Where there is no room, those with the highest go first.
    pub(super) gives_way: u8,
}

/// A kind of rows.
pub(super) trait Kind {
    /// What a row is made of.
    type Item<'a>: Copy;
}

/// A column of a table.
pub(super) struct Column<K: Kind> {
    pub(super) title: Title,
    /// Whether the largest come first unless that is reversed.
    pub(super) descending: bool,
    pub(super) key: for<'a> fn(K::Item<'a>) -> SortKey,
    pub(super) cell: for<'a> fn(K::Item<'a>) -> String,
}

/// A column of numbers.
pub(super) const fn number(name: &'static str, width: usize, gives_way: u8) -> Title {
    Title { name, width, spare: 0, is_number: true, gives_way }
}

/// A column of text.
pub(super) const fn text(name: &'static str, width: usize, spare: usize, gives_way: u8) -> Title {
    Title { name, width, spare, is_number: false, gives_way }
}

/// The columns for which there is room.
pub(super) struct Page {
    shown: Vec<(usize, Title)>,
    order: Order,
}

impl Page {
    pub(super) fn choose(titles: &[Title], order: Order, width: usize) -> Self {
        let mut shown: Vec<_> = titles.iter().copied().enumerate().collect();
        let needed = |shown: &[(usize, Title)]| shown.iter().map(|(_, title)| title.width + 1).sum::<usize>();
        // A blank for the mark of the order, which is always shown.
        while needed(&shown) > width + 1 && shown.len() > 1 {
            let others = shown.iter().enumerate().filter(|(_, (at, _))| *at != order.column);
            let Some((first, _)) = others.max_by_key(|(_, (_, title))| title.gives_way) else { break };
            shown.remove(first);
        }
        let mut room = (width + 1).saturating_sub(needed(&shown));
        for (_, title) in &mut shown {
            let more = title.spare.min(room);
            title.width += more;
            room -= more;
        }
        Self { shown, order }
    }

    /// The line of titles.
    pub(super) fn heading(&self) -> String {
        self.join(|at, title| {
            if at != self.order.column {
                return title.name.to_owned();
            }
            let mark = if self.order.reversed { '^' } else { 'v' };
            format!("{}{mark}", title.name)
        })
    }

    /// The line of a row.
    pub(super) fn line(&self, cells: &[String]) -> String {
        self.join(|at, _| cells.get(at).cloned().unwrap_or_default())
    }

    fn join(&self, cell: impl Fn(usize, &Title) -> String) -> String {
        let mut line = String::new();
        for (at, title) in &self.shown {
            let mut text = cell(*at, title);
            if columns(&text) > title.width {
                text = match title.name.split(['^', 'v']).next() {
                    // The end of an address tells more than its beginning.
                    Some("client" | "server" | "broker") => fit_middle(&text, title.width),
                    _ => fit(&text, title.width),
                };
            }
            let blanks = title.width.saturating_sub(columns(&text));
            if title.is_number {
                line.extend(std::iter::repeat_n(' ', blanks));
            }
            line.push_str(&text);
            if !title.is_number {
                line.extend(std::iter::repeat_n(' ', blanks));
            }
            line.push(' ');
        }
        line.pop();
        line
    }
}
