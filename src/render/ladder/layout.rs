//! Where the columns of the ladder stand, and which give way on a narrow terminal.

use super::row::{Row, Sent};
use crate::flow::Role;
use crate::render::width::{Style, columns, time};
use crate::time::Timestamp;

/// The least columns between the two ends: an arrow with a state at each of its ends.
pub(super) const ZONE_LEAST: usize = 38;

/// More than this only makes arrows long.
const ZONE_MOST: usize = 56;

/// Columns that notes need to stand beside their row instead of below it.
const NOTES_LEAST: usize = 40;

/// A number of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Seq,
    Ack,
    Length,
    Window,
}

impl Number {
    const ALL: [Self; 4] = [Self::Seq, Self::Ack, Self::Length, Self::Window];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Seq => "seq",
            Self::Ack => "ack",
            Self::Length => "len",
            Self::Window => "window",
        }
    }

    pub(super) fn of(self, row: &Row) -> String {
        match (self, &row.sent) {
            (Self::Length, _) => row.length.to_string(),
            (Self::Seq, Sent::Segment { seq, .. }) => seq.to_string(),
            (Self::Ack, Sent::Segment { ack, .. }) => ack.map(|ack| ack.to_string()).unwrap_or_default(),
            (Self::Window, Sent::Segment { window, .. }) => window.to_string(),
            (Self::Seq | Self::Ack | Self::Window, Sent::Datagram { .. }) => String::new(),
        }
    }

    /// Whether a row may have it: of a datagram nothing but its length is a number.
    const fn is_of(self, row: &Row) -> bool {
        matches!((self, &row.sent), (Self::Length, _) | (_, Sent::Segment { .. }))
    }
}

/// The columns of the ladder.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Columns in all.
    pub(super) width: usize,
    /// The column after the frame number.
    pub(super) frame_end: usize,
    /// The column after the time.
    pub(super) time_end: usize,
    /// Digits that are cut off the end of a time.
    time_cut: usize,
    /// The first column between the ends.
    pub(super) zone: usize,
    /// Columns between the ends.
    pub(super) zone_width: usize,
    /// The numbers that are shown, each with the column after it.
    pub(super) numbers: Vec<(Number, usize)>,
    /// What gave way.
    pub(super) dropped: Vec<&'static str>,
    /// The column where notes stand beside their row, if there is room.
    pub(super) notes: Option<usize>,
}

impl Layout {
    /// The columns for these rows.
    pub(super) fn new(style: Style, rows: &[Row], first: Timestamp) -> Self {
        let width = style.table_width();
        let frame_end = rows.iter().map(|row| digits(row.frame)).max().unwrap_or(0).max("frame".len());
        let widest_time = rows.iter().map(|row| columns(&time(style, row.time, first))).max().unwrap_or(0);
        let mut numbers: Vec<(Number, usize)> = Number::ALL
            .into_iter()
            .filter(|number| rows.iter().any(|row| number.is_of(row)))
            .map(|number| {
                let widest = rows.iter().map(|row| number.of(row).len()).max().unwrap_or(0);
                (number, widest.max(number.title().len()))
            })
            .collect();
        let mut dropped = Vec::new();
        let mut time_cut = 0;
        // What gives way, the least needed first: the window (its troubles are told in words), the
        // acknowledgement, microseconds, and at last the other numbers.
        let mut steps = [Some(Number::Window), Some(Number::Ack), None, Some(Number::Seq), Some(Number::Length)].iter();
        let (time_end, needed) = loop {
            let time_end = frame_end + 1 + (widest_time - time_cut).max("time".len());
            let needed = time_end + 2 + ZONE_LEAST + numbers.iter().map(|(_, width)| width + 1).sum::<usize>();
            if needed <= width {
                break (time_end, needed);
            }
            match steps.next() {
                Some(Some(number)) if numbers.iter().all(|(other, _)| other != number) => {}
                Some(Some(number)) => {
                    numbers.retain(|(other, _)| other != number);
                    dropped.push(number.title());
                }
                Some(None) if !style.clock => time_cut = 3,
                Some(None) => {}
                None => break (time_end, needed),
            }
        };
        let spare = width.saturating_sub(needed);
        let beside = spare >= NOTES_LEAST + 2;
        let room = if beside { spare - NOTES_LEAST - 2 } else { spare };
        let zone_width = if needed > width {
            width.saturating_sub(time_end + 2)
        } else {
            (ZONE_LEAST + if beside { room / 4 } else { room }).min(ZONE_MOST)
        };
        let zone = time_end + 2;
        let mut column = zone + zone_width;
        let numbers: Vec<_> = numbers
            .into_iter()
            .map(|(number, width)| {
                column += width + 1;
                (number, column)
            })
            .collect();
        let notes = beside.then_some(column + 2);
        Self { width, frame_end, time_end, time_cut, zone, zone_width, numbers, dropped, notes }
    }

    /// A time as it stands in its column.
    pub(super) fn time(&self, style: Style, at: Timestamp, first: Timestamp) -> String {
        let mut text = time(style, at, first);
        text.truncate(text.len().saturating_sub(self.time_cut));
        text
    }

    /// The column after what stands between the ends.
    pub(super) const fn zone_end(&self) -> usize {
        self.zone + self.zone_width
    }
}

/// An arrow of so many columns with a label near its tail.
pub(super) fn arrow(sender: Role, label: &str, letters: &str, width: usize) -> String {
    let label = if columns(label) + 6 <= width { label } else { letters };
    let shaft = width.saturating_sub(columns(label) + 5).max(1);
    match sender {
        Role::Client => format!("── {label} {}▶", "─".repeat(shaft)),
        Role::Server => format!("◀{} {label} ──", "─".repeat(shaft)),
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Direction;
    use crate::render::width::Style;
    use crate::wire::TcpFlags;

    fn rows(frame: u64, seq: u32) -> Vec<Row> {
        vec![Row {
            frame,
            time: Timestamp::from_nanos(1),
            direction: Direction::ToServer,
            sent: Sent::Segment { flags: TcpFlags::ACK, seq, ack: Some(seq), window: 65_160 },
            length: 1448,
            notes: Vec::new(),
        }]
    }

    fn layout(width: usize, frame: u64, seq: u32) -> Layout {
        Layout::new(Style { width: Some(width), ..Style::PLAIN }, &rows(frame, seq), Timestamp::from_nanos(0))
    }

    #[test]
    fn a_short_flow_has_all_its_numbers_at_80_columns() {
        let layout = layout(80, 99, 5000);
        assert_eq!(layout.numbers.len(), 4);
        assert!(layout.dropped.is_empty());
        assert_eq!(layout.notes, None);
        assert!(layout.numbers[3].1 <= 80);
    }

    #[test]
    fn the_window_gives_way_before_the_acknowledgement_and_that_before_the_sequence_number() {
        assert_eq!(layout(80, 1_234_567, 40_000_000).dropped, ["window"]);
        assert_eq!(layout(72, 1_234_567, 40_000_000).dropped, ["window", "ack"]);
        assert_eq!(layout(60, 1_234_567, 40_000_000).dropped, ["window", "ack", "seq"]);
    }

    #[test]
    fn a_wide_terminal_has_notes_beside_the_rows() {
        let layout = layout(160, 99, 5000);
        let notes = layout.notes.expect("room for notes");
        assert!(notes > layout.numbers[3].1 && notes + NOTES_LEAST <= 160, "{layout:?}");
    }

    #[test]
    fn no_column_stands_beyond_the_width() {
        for width in Style::LEAST_WIDTH..200 {
            for (frame, seq) in [(1, 1), (1_234_567, u32::MAX)] {
                let layout = layout(width, frame, seq);
                let last = layout.numbers.last().map_or(layout.zone_end(), |(_, end)| *end);
                assert!(last <= width, "{width}: {layout:?}");
            }
        }
    }

    #[test]
    fn arrows_have_their_width_and_name_the_flags() {
        assert_eq!(arrow(Role::Client, "SYN", "S", 14), "── SYN ──────▶");
        assert_eq!(arrow(Role::Server, "SYN, ACK", "SA", 16), "◀─── SYN, ACK ──");
        assert_eq!(arrow(Role::Server, "FIN, PSH, ACK", "FPA", 12), "◀──── FPA ──");
    }
}
