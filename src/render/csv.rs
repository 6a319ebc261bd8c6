//! One view as comma-separated values (RFC 4180), or separated by tabs: a line of names, then a line for each row.

use std::io::{self, Write};

use serde_json::Value;

use super::cells::{FieldCells, FieldColumn};
use super::sorted::{First, Sorted};
use super::view::{Key, Order, View, record};
use super::{MessageOptions, PayloadFormat, PayloadOptions};
use crate::analysis::Output;
use crate::text::{Escaped, Harmless};

/// Writes one view as separated values.
#[derive(Debug)]
pub struct Csv<W> {
    out: W,
    view: View,
    separator: char,
    messages: MessageOptions,
    order: Option<Order>,
    limit: u64,
    written: u64,
    kept: Sorted,
}

impl<W: Write> Csv<W> {
    /// A renderer of the rows of a view.
    pub const fn new(out: W, view: View, separator: char) -> Self {
        // Payloads are no column.
        let payload = PayloadOptions { format: PayloadFormat::None, bytes: Some(0) };
        let messages = MessageOptions { payload, detail: false };
        let kept = Sorted::new();
        Self { out, view, separator, messages, order: None, limit: u64::MAX, written: 0, kept }
    }

    /// Sorted, and at most so many rows.
    #[must_use]
    pub fn with_order(mut self, order: Option<Order>, limit: Option<u64>) -> Self {
        self.order = order;
        self.limit = limit.unwrap_or(u64::MAX);
        self
    }

    /// The line of names.
    pub fn begin(&mut self) -> io::Result<()> {
        let names: Vec<_> = self.view.columns().map(ToOwned::to_owned).collect();
        self.line(&names)
    }

    /// The line of titles, where the columns are fields.
    pub fn begin_fields(&mut self, columns: &[FieldColumn]) -> io::Result<()> {
        let titles: Vec<_> = columns.iter().map(|column| column.title.clone()).collect();
        self.line(&titles)
    }

    /// A row of fields.
    pub fn fields(&mut self, cells: &FieldCells) -> io::Result<()> {
        if self.written >= self.limit {
            return Ok(());
        }
        self.written += 1;
        self.line(cells.texts())
    }

    /// A row, if the output is one of the view.
    pub fn output(&mut self, output: &Output<'_>) -> io::Result<()> {
        if View::of(output) != Some(self.view) || (self.order.is_none() && self.written >= self.limit) {
            return Ok(());
        }
        let Some(record) = record(output, self.messages) else { return Ok(()) };
        let cells = self.view.columns().zip(self.view.values(&record)).map(|(name, value)| {
            match value {
                // In a sentence of ours text from the wire is escaped already.
                Some(Value::String(text)) if self.view == View::Findings && name == "message" => {
                    Harmless(text).to_string()
                }
                value => cell(value),
            }
        });
        let cells: Vec<_> = cells.collect();
        let Some(order) = &self.order else {
            self.written += 1;
            return self.line(&cells);
        };
        let key = Key::of(self.view.value(&record, &order.column));
        let line = joined(&cells, self.separator);
        self.kept.push(key, line.into_bytes());
        Ok(())
    }

    /// What was kept to be sorted. Gives how many rows had to be left out, beside those that were not asked for.
    pub fn end(&mut self) -> io::Result<u64> {
        let First { rows, missing, .. } = self.kept.finish(self.descending(), self.room());
        for line in rows {
            self.out.write_all(&line)?;
        }
        self.out.flush()?;
        Ok(missing)
    }

    fn descending(&self) -> bool {
        self.order.as_ref().is_some_and(|order| order.descending)
    }

    fn room(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }

    /// Says that nobody goes back any more behind what has come.
    pub fn settled(&mut self) {
        self.kept.prune(self.descending(), self.room());
    }

    /// Where it writes to.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// How far it has come, to go back to if what follows is not wanted.
    pub const fn mark(&self) -> (u64, usize) {
        (self.written, self.kept.len())
    }

    /// Goes back to a mark. What was written since is for the caller to take back.
    pub fn back_to(&mut self, mark: (u64, usize)) {
        self.written = mark.0;
        self.kept.back_to(mark.1);
    }

    /// Passes on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let line = joined(cells, self.separator);
        self.out.write_all(line.as_bytes())
    }
}

/// Cells as a line; those that hold what separates or quotes are quoted.
pub(super) fn joined(cells: &[String], separator: char) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            line.push(separator);
        }
        if cell.contains([separator, '"', '\n', '\r']) {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
    line.push('\n');
    line
}

/// A value as a cell: text from the wire does no harm to a terminal, a list is separated by blanks.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => Escaped(text.as_bytes()).to_string(),
        Some(Value::Array(list)) => list.iter().map(|value| cell(Some(value))).collect::<Vec<_>>().join(" "),
        // Text that is not UTF-8 stands in its record as an object.
        Some(other) => other.to_string(),
    }
}
