//! Rows as a table that fits its page: columns give way, or are cut where that does the least harm.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use super::view::Key;
use super::width::{Color, Style, columns, fit, fit_middle, wrap};

/// Blanks between columns.
const PADDING: usize = 2;

/// Prints rows under a name and titles, as wide as the style allows; `numbers` are the columns of numbers.
pub(super) fn print(
    style: Style,
    name: &str,
    titles: &[&str],
    numbers: &[usize],
    kept: &Rows,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{}", style.paint(Color::Title, name))?;
    if kept.is_empty() {
        return writeln!(out, "  none\n");
    }
    let page = Page::choose(titles, numbers, kept, style.table_width());
    if page.fits(style.table_width()) {
        page.lines(style, out)?;
    } else {
        page.wrapped(style, out)?;
    }
    page.dropped(style, out)?;
    if kept.left_out > 0 {
        match (kept.newest, kept.left_out) {
            (false, left_out) => writeln!(out, "{}", more(left_out, ""))?,
            (true, left_out) => writeln!(out, "  and {left_out} before these, which were told as they ended")?,
        }
    }
    writeln!(out)
}

/// That a list goes on; `what` names its rows where that is not plain, behind a blank.
pub(super) fn more(left_out: u64, what: &str) -> String {
    format!("  and {left_out} more{what}; `--json` lists all")
}

/// The rows of a table: all text in one piece, for a cell takes far less than a `String` would.
#[derive(Debug, Default)]
pub(super) struct Rows {
    text: String,
    /// Where each cell ends.
    ends: Vec<u32>,
    /// Cells of a row.
    columns: usize,
    /// By what they are sorted, one for each row; none where they are not.
    keys: Vec<Key>,
    pub(super) left_out: u64,
    /// Whether the last rows are kept, not the first.
    pub(super) newest: bool,
}

/// Takes the cells of a row.
pub(super) struct Cells<'a>(&'a mut Rows);

impl Cells<'_> {
    /// The next cell.
    pub(super) fn cell(&mut self, value: impl fmt::Display) {
        // A String takes whatever is written to it.
        let _ = write!(self.0.text, "{value}");
        self.end();
    }

    /// The next cell, which is a text or a piece of the wire's.
    pub(super) fn text(&mut self, text: &str) {
        self.0.text.push_str(text);
        self.end();
    }

    /// The next cell, which is a number.
    pub(super) fn number(&mut self, number: impl itoa::Integer) {
        self.text(itoa::Buffer::new().format(number));
    }

    /// The next cell, which may be empty.
    pub(super) fn optional(&mut self, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.cell(value),
            None => self.end(),
        }
    }

    fn end(&mut self) {
        self.0.ends.push(self.0.text.len() as u32);
    }
}

/// The most that the texts of a table may take: places are 32 bits wide.
const MOST_TEXT: usize = 1 << 30;

impl Rows {
    pub(super) const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn len(&self) -> usize {
        self.ends.len().checked_div(self.columns).unwrap_or(0)
    }

    fn row(&self, at: usize) -> impl Iterator<Item = &str> {
        let ends = self.ends.get(at * self.columns..(at + 1) * self.columns).unwrap_or_default();
        let mut from = self.start(at);
        ends.iter().map(move |end| {
            let cell = self.text.get(from..*end as usize).unwrap_or_default();
            from = *end as usize;
            cell
        })
    }

    /// Where the text of a row begins.
    fn start(&self, at: usize) -> usize {
        (at * self.columns).checked_sub(1).and_then(|last| self.ends.get(last)).map_or(0, |end| *end as usize)
    }

    /// Keeps a row, if there is room for it.
    pub(super) fn keep(&mut self, room: usize, row: impl FnOnce(&mut Cells<'_>)) {
        if self.newest {
            // Many are dropped at once, which costs less than to move all for each.
            if self.len() >= room.saturating_mul(2).max(1024) || self.text.len() > MOST_TEXT {
                self.drop_first(self.len().saturating_sub(room));
            }
        } else if self.len() >= room || self.text.len() > MOST_TEXT {
            self.left_out += 1;
            return;
        }
        let before = self.ends.len();
        row(&mut Cells(self));
        self.columns = self.ends.len() - before;
    }

    /// Keeps a row if it is among the first so many in the order of their keys.
    pub(super) fn keep_sorted(&mut self, room: usize, key: Key, descending: bool, row: impl FnOnce(&mut Cells<'_>)) {
        self.keep(usize::MAX, row);
        self.keys.push(key);
        // Now and then all are sorted and the rest is dropped, which costs less than a place for each at once.
        if self.keys.len() >= room.saturating_mul(2).max(1024) || self.text.len() > MOST_TEXT {
            self.sort(descending, room);
        }
    }

    /// Drops the first so many rows.
    fn drop_first(&mut self, rows: usize) {
        let text = self.start(rows);
        self.left_out += rows as u64;
        self.text.drain(..text);
        self.ends.drain(..rows * self.columns);
        self.ends.iter_mut().for_each(|end| *end -= text as u32);
    }

    /// Puts them in order, where they have one, and drops what is beyond the limit.
    pub(super) fn sort(&mut self, descending: bool, limit: usize) {
        let rows = self.len();
        if self.newest {
            return self.drop_first(rows.saturating_sub(limit));
        }
        self.left_out += rows.saturating_sub(limit) as u64;
        if self.keys.is_empty() {
            self.ends.truncate(limit.saturating_mul(self.columns));
            return;
        }
        let mut order: Vec<(Key, usize)> = self.keys.drain(..).zip(0..rows).collect();
        order.sort_by(|(a, _), (b, _)| a.compare(b, descending));
        order.truncate(limit);
        let mut sorted = Self { columns: self.columns, left_out: self.left_out, ..Self::default() };
        for (key, at) in order {
            self.row(at).for_each(|cell| Cells(&mut sorted).text(cell));
            sorted.keys.push(key);
        }
        *self = sorted;
    }
}

/// Whether the width of a text is beyond doubt: comfy-table has its own idea of wide characters.
fn is_simple(text: &str) -> bool {
    text.is_ascii()
        || text.chars().all(|c| {
            matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{370}'..='\u{377}' | '…' | '→' | '←')
        })
}

/// The columns of a table that are shown, and how wide they are.
struct Page<'a> {
    rows: &'a Rows,
    columns: Vec<Column<'a>>,
    /// Those that had something to tell, and no room.
    dropped: Vec<&'a str>,
    /// Whether all widths are beyond doubt.
    simple: bool,
}

/// A column that is shown.
struct Column<'a> {
    /// Which of the rows' it is.
    at: usize,
    title: &'a str,
    is_number: bool,
    /// Its widest cell or its title.
    widest: usize,
    /// To what its cells are cut.
    limit: usize,
    /// To what they may be cut where there is no other way.
    least: usize,
}

impl Column<'_> {
    fn cut<'c>(&self, cell: &'c str) -> Cow<'c, str> {
        if self.goes_on() || columns(cell) <= self.limit {
            return cell.into();
        }
        // The end of an address tells more than its beginning.
        if ["client", "server"].contains(&self.title) { fit_middle(cell, self.limit) } else { fit(cell, self.limit) }
            .into()
    }

    /// Whether it has sentences, which go on in the next line.
    fn goes_on(&self) -> bool {
        ["what", "end"].contains(&self.title)
    }

    /// How wide it is when its cells are cut, or go on.
    fn width(&self) -> usize {
        self.widest.min(self.limit.max(columns(self.title)))
    }
}

/// How wide columns are together.
fn needed(columns: &[Column<'_>]) -> usize {
    columns.iter().map(|column| column.limit + PADDING).sum()
}

impl<'a> Page<'a> {
    /// Leaves columns out, the least telling first, until what is left fits without breaking words.
    fn choose(titles: &[&'a str], numbers: &[usize], rows: &'a Rows, width: usize) -> Self {
        /// Columns that give way, first things first.
        const GIVE_WAY: [&str; 14] = [
            "bytes",
            "rtt",
            "ack",
            "keep alive",
            "carries",
            "lasted",
            "open",
            "again",
            "subscribed",
            "broker",
            "size",
            "rate",
            "retained",
            "who",
        ];
        /// Of these, those that stay where rows differ in them.
        const TELLING: [&str; 2] = ["broker", "carries"];
        /// Columns that are cut instead, and to what: before others give way, and where nothing else can. An address has to
        /// keep its port, and something of what it begins with.
        const FLEXIBLE: [(&str, usize, usize); 7] = [
            ("topic", 20, 12),
            ("what", 36, 24),
            ("client id", 16, 9),
            ("end", 40, 16),
            ("subscribed", 18, 10),
            ("client", 21, 12),
            ("server", 21, 12),
        ];
        let mut shown: Vec<Column<'_>> = titles
            .iter()
            .enumerate()
            .map(|(at, title)| {
                let is_number = numbers.contains(&at);
                Column { at, title, is_number, widest: columns(title), limit: 0, least: 0 }
            })
            .collect();
        let mut empty = vec![true; shown.len()];
        let mut simple = titles.iter().all(|title| is_simple(title));
        // All rows have the same broker as a rule, and often carry the same: that says little then, and where they differ
        // more than other columns.
        let mut differing = TELLING.map(|title| (title, None, false));
        for at in 0..rows.len() {
            for ((column, empty), cell) in shown.iter_mut().zip(&mut empty).zip(rows.row(at)) {
                column.widest = column.widest.max(columns(cell));
                *empty &= cell.is_empty();
                simple &= is_simple(cell);
                for (_, first, differs) in differing.iter_mut().filter(|(title, ..)| *title == column.title) {
                    *differs |= *first.get_or_insert(cell) != cell;
                }
            }
        }
        for column in &mut shown {
            let flexible = FLEXIBLE.iter().find(|(title, ..)| *title == column.title);
            let (limit, least) = flexible.map_or((usize::MAX, usize::MAX), |(_, limit, least)| (*limit, *least));
            column.limit = column.widest.min(limit);
            column.least = column.widest.min(least.max(columns(column.title)));
        }
        let empty = titles.iter().zip(empty).filter(|(_, empty)| *empty).map(|(title, _)| *title);
        let empty: Vec<_> = empty.filter(|title| GIVE_WAY.contains(title)).collect();
        let differs = |title: &str| differing.iter().any(|(one, _, differs)| *one == title && *differs);
        let (last, give_way): (Vec<_>, Vec<_>) = GIVE_WAY.into_iter().partition(|title| differs(title));
        let mut dropped = Vec::new();
        for title in empty.iter().copied().chain(give_way) {
            if needed(&shown) <= width + PADDING {
                break;
            }
            dropped.extend(shown.extract_if(.., |column| column.title == title));
        }
        for title in last {
            let least = |column: &Column<'_>| column.limit.min(column.least) + PADDING;
            if shown.iter().map(least).sum::<usize>() <= width + PADDING {
                break;
            }
            dropped.extend(shown.extract_if(.., |column| column.title == title));
        }
        while needed(&shown) > width + PADDING {
            // The one that has most to spare.
            let spare = |column: &&mut Column<'_>| column.limit.saturating_sub(column.least);
            let Some(column) = shown.iter_mut().filter(|column| spare(column) > 0).max_by_key(spare) else { break };
            column.limit -= 1;
        }
        // What is empty is not missed.
        let dropped = dropped.iter().map(|column| column.title).filter(|title| !empty.contains(title)).collect();
        let mut spare = (width + PADDING).saturating_sub(needed(&shown));
        for column in &mut shown {
            let extra = (column.widest - column.limit).min(spare);
            spare -= extra;
            column.limit += extra;
        }
        Self { rows, columns: shown, dropped, simple }
    }

    /// Says what is not shown for want of room.
    fn dropped(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        if self.dropped.is_empty() {
            return Ok(());
        }
        let width = style.table_width();
        let text = format!("Left out at {width} columns: {}.", self.dropped.join(", "));
        for line in wrap(&text, width - PADDING) {
            writeln!(out, "  {}", style.paint(Color::Faint, &line))?;
        }
        Ok(())
    }

    /// Whether each row is one line.
    fn fits(&self, width: usize) -> bool {
        let needed: usize = self.columns.iter().map(|column| column.width() + PADDING).sum();
        let goes_on = self.columns.iter().any(|column| column.goes_on() && column.widest > column.width());
        self.simple && !goes_on && needed <= width + PADDING && needed < usize::from(u16::MAX)
    }

    /// Prints rows that are one line each: what comfy-table would print, at a hundredth of the work.
    fn lines(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        let layout: Vec<_> = self.columns.iter().map(|column| (column, column.width())).collect();
        let mut line = String::new();
        let put = |line: &mut String, column: &Column<'_>, width: usize, cell: &str| {
            // A simple text has no characters but of one column each.
            let length = if cell.is_ascii() { cell.len() } else { cell.chars().count() };
            let blanks = width.saturating_sub(length);
            let (front, back) = if column.is_number { (blanks, PADDING) } else { (0, blanks + PADDING) };
            line.extend(std::iter::repeat_n(' ', front));
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', back));
        };
        for (column, width) in &layout {
            put(&mut line, column, *width, column.title);
        }
        writeln!(out, "{}", style.paint(Color::Faint, line.trim_end()))?;
        let mut cells = Vec::with_capacity(self.rows.columns);
        for at in 0..self.rows.len() {
            line.clear();
            cells.clear();
            cells.extend(self.rows.row(at));
            for (column, width) in &layout {
                put(&mut line, column, *width, &column.cut(cells.get(column.at).copied().unwrap_or_default()));
            }
            line.truncate(line.trim_end().len());
            line.push('\n');
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// Prints rows of which some may go on in further lines.
    fn wrapped(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        // The padding behind the last column is cut off below, so that it may lie beyond the edge.
        table.set_width(style.table_width() as u16 + PADDING as u16);
        table.set_header(self.columns.iter().map(|column| column.title));
        for at in 0..self.rows.len() {
            let cells: Vec<_> = self.rows.row(at).collect();
            let cut = self.columns.iter().map(|column| column.cut(cells.get(column.at).copied().unwrap_or_default()));
            table.add_row(cut.map(Cell::new));
        }
        // Where all have room at these widths none is left to be broken at another.
        let fits = needed(&self.columns) <= style.table_width() + PADDING;
        for (column, shown) in table.column_iter_mut().zip(&self.columns) {
            column.set_padding((0, PADDING as u16));
            if shown.is_number {
                column.set_cell_alignment(CellAlignment::Right);
            }
            let width = Width::Fixed((shown.width() + PADDING) as u16);
            column.set_constraint(if fits {
                ColumnConstraint::Absolute(width)
            } else {
                ColumnConstraint::UpperBoundary(width)
            });
        }
        for (at, line) in table.lines().enumerate() {
            let line = line.trim_end();
            if at == 0 {
                writeln!(out, "{}", style.paint(Color::Faint, line))?;
            } else {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const TITLES: [&str; 7] = ["flow", "client", "server", "carries", "lasted", "client id", "end"];
    const NUMBERS: [usize; 2] = [0, 4];

    fn rows(cells: &[Vec<String>]) -> Rows {
        let mut rows = Rows::default();
        for row in cells {
            rows.keep(usize::MAX, |cells| row.iter().for_each(|cell| cells.text(cell)));
        }
        rows
    }

    proptest! {
        #[test]
        fn lines_are_those_of_comfy_table(
            cells in prop::collection::vec(prop::collection::vec("[a-z0-9µé…:. ]{0,30}|[a-z]{0,4}", TITLES.len()), 1..12),
            width in 60..200usize,
        ) {
            let rows = rows(&cells);
            let style = Style { width: Some(width), color: false, clock: false };
            let page = Page::choose(&TITLES, &NUMBERS, &rows, width);
            prop_assert!(page.simple);
            if page.fits(width) {
                let (mut fast, mut slow) = (Vec::new(), Vec::new());
                page.lines(style, &mut fast).unwrap();
                page.wrapped(style, &mut slow).unwrap();
                prop_assert_eq!(String::from_utf8(fast).unwrap(), String::from_utf8(slow).unwrap());
            }
        }

        #[test]
        fn only_the_first_in_the_order_are_kept_and_ties_stay_as_they_came(
            numbers in prop::collection::vec(0..50u32, 0..5000),
            limit in 0..700usize,
            descending in any::<bool>(),
        ) {
            let mut rows = Rows::default();
            for (at, number) in numbers.iter().enumerate() {
                rows.keep_sorted(limit, Key::Number(f64::from(*number)), descending, |cells| {
                    cells.number(*number);
                    cells.number(at);
                });
            }
            rows.sort(descending, limit);
            let mut expected: Vec<_> = numbers.iter().copied().enumerate().collect();
            expected.sort_by_key(|(_, number)| if descending { -i64::from(*number) } else { i64::from(*number) });
            prop_assert_eq!(rows.left_out as usize, numbers.len().saturating_sub(limit));
            expected.truncate(limit);
            prop_assert_eq!(rows.len(), expected.len());
            for (at, (place, number)) in expected.into_iter().enumerate() {
                let cells: Vec<_> = rows.row(at).collect();
                prop_assert_eq!(cells, [number.to_string(), place.to_string()]);
            }
        }
    }

    #[test]
    fn of_a_long_run_only_the_last_rows_are_kept() {
        for (count, limit) in [(0, 3), (3, 3), (4, 3), (5000, 3), (5000, 700), (100_000, 1000)] {
            let mut rows = Rows { newest: true, ..Rows::default() };
            for number in 0..count {
                rows.keep(limit, |cells| {
                    cells.number(number);
                    cells.text("x");
                });
                assert!(rows.len() <= 2 * limit.max(512));
            }
            rows.sort(false, limit);
            let left: usize = count.min(limit);
            assert_eq!((rows.len(), rows.left_out as usize), (left, count - left));
            for at in 0..left {
                assert_eq!(rows.row(at).collect::<Vec<_>>(), [(count - left + at).to_string().as_str(), "x"]);
            }
        }
    }

    #[test]
    fn an_address_keeps_its_port_on_a_narrow_page() {
        let titles = ["flow", "client", "server", "carries", "lasted", "rtt", "end"];
        let row = ["1234567", "sensor.local:50438", "broker.example:1883", "mqtt", "12.0 ms", "", "closed by client"];
        let cells = vec![row.map(str::to_owned).to_vec(), {
            let mut other = row.map(str::to_owned).to_vec();
            other[3] = "dns".to_owned();
            other
        }];
        let rows = rows(&cells);
        for width in [60, 70, 80, 120] {
            let style = Style { width: Some(width), color: false, clock: false };
            let mut out = Vec::new();
            print(style, "Flows", &titles, &NUMBERS, &rows, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches(":1883").count(), 2, "{width}: {text}");
            assert_eq!(text.matches(":50438").count(), 2, "{width}: {text}");
            assert!(text.lines().all(|line| columns(line) <= width), "{width}: {text}");
            let told = text.lines().find(|line| line.starts_with("  Left out at")).unwrap_or_default();
            for title in ["carries", "lasted"] {
                assert_ne!(told.contains(title), text.lines().nth(1).unwrap().contains(title), "{width}: {text}");
            }
            assert!(!told.contains("rtt"), "what is empty is not missed: {told}");
        }
    }

    #[test]
    fn how_a_session_ended_is_told_whole() {
        let end = "disconnect by client: Normal disconnection";
        let cells = vec![vec!["1".to_owned(), "x".repeat(30), end.to_owned()]];
        let rows = rows(&cells);
        for width in [60, 76, 77, 78, 79, 80, 120] {
            let style = Style { width: Some(width), color: false, clock: false };
            let mut out = Vec::new();
            print(style, "x", &["flow", "id", "end"], &[0], &rows, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(!text.contains('…'), "{width}: {text}");
            let words: Vec<_> =
                text.split_whitespace().filter(|word| end.split(' ').any(|part| part == *word)).collect();
            assert_eq!(words.join(" "), end, "{width}: {text}");
        }
    }

    #[test]
    fn what_connections_carry_stays_where_it_differs() {
        let shown = |carried: [&str; 2]| {
            let cells = carried.map(|carried| {
                TITLES.map(|title| if title == "carries" { carried.to_owned() } else { "x".repeat(12) })
            });
            let rows = rows(&cells.map(Vec::from));
            let page = Page::choose(&TITLES, &NUMBERS, &rows, 80);
            assert!(page.fits(80));
            page.columns.iter().any(|column| column.title == "carries")
        };
        assert!(!shown(["mqtt 5.0", "mqtt 5.0"]));
        assert!(shown(["mqtt 5.0", "dns"]));
    }

    #[test]
    fn a_table_that_fits_is_laid_out_without_comfy_table() {
        let short = vec![vec!["1".to_owned(); TITLES.len()]; 3];
        assert!(Page::choose(&TITLES, &NUMBERS, &rows(&short), 80).fits(80));
        let wide = vec![vec!["温度".to_owned(); TITLES.len()]];
        assert!(
            !Page::choose(&TITLES, &NUMBERS, &rows(&wide), 80).fits(80),
            "widths of its characters are a matter of taste"
        );
        let long = vec![vec!["x".repeat(40); 2]];
        assert!(!Page::choose(&["what", "flow"], &[], &rows(&long), 60).fits(60), "a sentence goes on");
    }
}
