//! What differs between two captures, as a table or as JSON Lines.

use std::io::{self, Write};

use serde::Serialize;

use super::grid::{self, Rows};
use super::json::JsonLines;
use super::record::Text;
use super::width::Style;
use crate::capture::FrameNo;
use crate::diff::{Client, Comparison, Difference};

/// Writes what differs as a table, and what was compared as a line below it.
pub fn write_comparison(comparison: &Comparison, style: Style, out: &mut impl Write) -> io::Result<()> {
    let mut rows = Rows::default();
    let side = |value: &Option<String>, frame: Option<FrameNo>| {
        let value = value.as_deref().unwrap_or("-");
        frame.map_or_else(|| value.to_owned(), |frame| format!("{value} (frame {})", frame.0))
    };
    for difference in &comparison.differences {
        rows.keep(usize::MAX, |cells| {
            let mark = if difference.doubtful { "?" } else { "" };
            cells.cell(&difference.client);
            cells.text(&(difference.aspect.name().to_owned() + mark));
            cells.text(&difference.what);
            cells.text(&side(&difference.old, difference.old_frame));
            cells.text(&side(&difference.new, difference.new_frame));
        });
    }
    if !comparison.is_same() {
        grid::print(style, "Differences", &["client id", "aspect", "what", "old", "new"], &[], &rows, out)?;
        if comparison.differences.iter().any(|difference| difference.doubtful) {
            writeln!(out, "? Bytes of the connection are missing in a capture: it may differ in nothing else.\n")?;
        }
    }
    let [old, new, both] = comparison.clients;
    let [old_messages, new_messages] = comparison.messages;
    let verdict = match comparison.differences.len() {
        0 => "No differences".to_owned(),
        1 => "1 difference".to_owned(),
        many => format!("{many} differences"),
    };
    writeln!(
        out,
        "{verdict}: {old} and {}, {both} of them in both; {old_messages} and {}",
        both_of(old, new, "client"),
        both_of(old_messages, new_messages, "message")
    )?;
    if comparison.not_kept != [0; 2] {
        writeln!(out, "There are too many messages to compare their order.")?;
    }
    Ok(())
}

/// The second of two numbers of things: "and 1 client", "and 2 clients", but "2 and 1 clients".
fn both_of(old: u64, new: u64, what: &str) -> String {
    format!("{new} {what}{}", if (old, new) == (1, 1) { "" } else { "s" })
}

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record<'a> {
    Difference {
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<Text<'a>>,
        client_known_by: &'static str,
        aspect: &'static str,
        what: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        old: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        new: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        old_frame: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        new_frame: Option<u64>,
        certainty: &'static str,
    },
    Comparison {
        same: bool,
        differences: usize,
        clients: CountRecord,
        clients_in_both: u64,
        messages: CountRecord,
        #[serde(skip_serializing_if = "Option::is_none")]
        messages_not_kept: Option<CountRecord>,
    },
}

#[derive(Serialize)]
struct CountRecord {
    old: u64,
    new: u64,
}

impl<'a> From<&'a Difference> for Record<'a> {
    fn from(difference: &'a Difference) -> Self {
        let (client_id, client_known_by) = match &difference.client {
            Client::Named(id) => (Some(Text(id)), "client_id"),
            Client::Assigned => (None, "assigned"),
            Client::Unknown => (None, "unknown"),
        };
        Self::Difference {
            client_id,
            client_known_by,
            aspect: difference.aspect.name(),
            what: &difference.what,
            old: difference.old.as_deref(),
            new: difference.new.as_deref(),
            old_frame: difference.old_frame.map(|frame| frame.0),
            new_frame: difference.new_frame.map(|frame| frame.0),
            certainty: if difference.doubtful { "hint" } else { "certain" },
        }
    }
}

impl<W: Write> JsonLines<W> {
    /// A record for each difference, and one of the comparison as a whole.
    pub fn comparison(&mut self, comparison: &Comparison) -> io::Result<()> {
        comparison.differences.iter().try_for_each(|difference| self.record(&Record::from(difference)))?;
        let [old, new, clients_in_both] = comparison.clients;
        let messages = |[old, new]: [u64; 2]| CountRecord { old, new };
        self.record(&Record::Comparison {
            same: comparison.is_same(),
            differences: comparison.differences.len(),
            clients: CountRecord { old, new },
            clients_in_both,
            messages: messages(comparison.messages),
            messages_not_kept: (comparison.not_kept != [0; 2]).then(|| messages(comparison.not_kept)),
        })?;
        self.flush()
    }
}
