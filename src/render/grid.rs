//! Rows as a table that fits its page: columns give way, or are cut where that does the least harm.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use super::view::Key;
use super::width::{Color, Style, columns, fit, fit_middle};

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
    let rows = &kept.cells;
    writeln!(out, "{}", style.paint(Color::Title, name))?;
    if rows.is_empty() {
        return writeln!(out, "  none\n");
    }
    let (titles, rows, numbers) = choose_columns(titles, rows, numbers, style.table_width());
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // The padding behind the last column is cut off below, so that it may lie beyond the edge.
    table.set_width(style.table_width() as u16 + PADDING as u16);
    table.set_header(&titles);
    for row in &rows {
        table.add_row(row.iter().map(Cell::new));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, PADDING as u16));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let widest = rows.iter().filter_map(|row| row.get(index)).map(|cell| columns(cell)).max().unwrap_or(0);
        let widest = widest.max(columns(titles[index])) as u16 + PADDING as u16;
        column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(widest)));
    }
    for (at, line) in table.lines().enumerate() {
        let line = line.trim_end();
        if at == 0 {
            writeln!(out, "{}", style.paint(Color::Faint, line))?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    if kept.left_out > 0 {
        writeln!(out, "  and {} more; `--json` lists all", kept.left_out)?;
    }
    writeln!(out)
}

/// The rows of a table.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) cells: Vec<Vec<String>>,
    /// By what they are sorted, one for each row; none where they are not.
    keys: Vec<Key>,
    pub(super) left_out: u64,
}

impl Rows {
    pub(super) fn keep(&mut self, room: usize, key: impl FnOnce() -> Option<Key>, row: impl FnOnce() -> Vec<String>) {
        if self.cells.len() < room {
            self.cells.push(row());
            self.keys.extend(key());
        } else {
            self.left_out += 1;
        }
    }

    /// Puts them in order, where they have one, and drops what is beyond the limit.
    pub(super) fn sort(&mut self, descending: bool, limit: usize) {
        if !self.keys.is_empty() {
            let mut both: Vec<_> = self.keys.drain(..).zip(self.cells.drain(..)).collect();
            both.sort_by(|(a, _), (b, _)| a.compare(b, descending));
            self.cells = both.into_iter().map(|(_, row)| row).collect();
        }
        if self.cells.len() > limit {
            self.left_out += (self.cells.len() - limit) as u64;
            self.cells.truncate(limit);
        }
    }
}

/// Leaves columns out, the least telling first, until what is left fits without breaking words.
fn choose_columns<'a>(
    titles: &[&'a str],
    rows: &[Vec<String>],
    numbers: &[usize],
    width: usize,
) -> (Vec<&'a str>, Vec<Vec<String>>, Vec<usize>) {
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
    /// Columns that are cut instead, and to what.
    const FLEXIBLE: [(&str, usize); 7] = [
        ("topic", 20),
        ("what", 36),
        ("client id", 16),
        ("end", 40),
        ("subscribed", 18),
        ("client", 21),
        ("server", 21),
    ];
    let mut kept: Vec<usize> = (0..titles.len()).collect();
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max().unwrap_or(0);
        cells.max(columns(titles[column]))
    };
    let least = |column: usize| {
        let flexible = FLEXIBLE.iter().find(|(title, _)| *title == titles[column]);
        flexible.map_or_else(|| widest(column), |(_, least)| widest(column).min(*least))
    };
    let is_empty = |column: usize| rows.iter().all(|row| row.get(column).is_none_or(String::is_empty));
    // All rows have the same broker as a rule, which says nothing then; where they differ it says all.
    let brokers: std::collections::BTreeSet<_> = titles
        .iter()
        .position(|title| *title == "broker")
        .map(|at| rows.iter().filter_map(|row| row.get(at)).collect())
        .unwrap_or_default();
    let empty = titles.iter().enumerate().filter(|(at, _)| is_empty(*at)).map(|(_, title)| *title);
    let empty: Vec<_> = empty.filter(|title| GIVE_WAY.contains(title)).collect();
    let give_way = GIVE_WAY.into_iter().filter(|title| *title != "broker" || brokers.len() < 2);
    for title in empty.into_iter().chain(give_way) {
        let needed: usize = kept.iter().map(|column| least(*column) + PADDING).sum();
        if needed <= width + PADDING {
            break;
        }
        kept.retain(|column| titles[*column] != title);
    }
    let fixed: usize = kept.iter().map(|column| least(*column) + PADDING).sum();
    let mut spare = (width + PADDING).saturating_sub(fixed);
    let mut limits = Vec::new();
    for column in &kept {
        let extra = (widest(*column) - least(*column)).min(spare);
        spare -= extra;
        limits.push(least(*column) + extra);
    }
    let cut = |row: &Vec<String>| {
        let cells = kept.iter().zip(&limits).map(|(column, limit)| match row.get(*column) {
            // A sentence goes on in the next line.
            Some(cell) if titles[*column] == "what" => cell.clone(),
            // The end of an address tells more than its beginning.
            Some(cell) if ["client", "server"].contains(&titles[*column]) => fit_middle(cell, *limit),
            Some(cell) => fit(cell, *limit),
            None => String::new(),
        });
        cells.collect()
    };
    let rows = rows.iter().map(cut).collect();
    let numbers = (0..kept.len()).filter(|at| numbers.contains(&kept[*at])).collect();
    (kept.iter().map(|column| titles[*column]).collect(), rows, numbers)
}
