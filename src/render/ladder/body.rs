//! The rungs of the ladder: the frames, the pauses between them, and the states at both sides.

use std::io::{self, Write};

use super::layout::{Layout, arrow};
use super::line::{Line, wrap};
use super::row::{Note, NoteKind, Row};
use crate::flow::{Proof, Role, TcpState, Transition};
use crate::render::width::{Color, Duration, Style, columns};
use crate::time::{Span, Timestamp};
use crate::wire::TcpFlags;

/// A pause shorter than this is none: scheduling, a coarse timer.
const LEAST_PAUSE: Span = Span::from_millis(30);

/// Which marks stand behind states, so that only those are explained.
#[derive(Debug, Clone, Copy, Default)]
struct Legend {
    assumed: bool,
    inferred: bool,
    time: bool,
}

/// Prints the rungs.
pub(super) struct Body<'a, W> {
    pub(super) style: Style,
    pub(super) layout: &'a Layout,
    pub(super) first: Timestamp,
    /// How long silence has to be to be shown.
    pub(super) pause: Span,
    pub(super) out: &'a mut W,
    legend: Legend,
}

impl<'a, W: Write> Body<'a, W> {
    /// A printer; a pause is what is longer than three of these round trips.
    pub(super) fn new(
        style: Style,
        layout: &'a Layout,
        first: Timestamp,
        round_trip: Option<Span>,
        out: &'a mut W,
    ) -> Self {
        let three = Span::from_nanos(round_trip.unwrap_or(Span::ZERO).as_nanos().saturating_mul(3));
        Self { style, layout, first, pause: three.max(LEAST_PAUSE), out, legend: Legend::default() }
    }

    /// All rows with the transitions between them. `whole` tells that no rows are missing at the end.
    pub(super) fn print(&mut self, rows: &[Row], transitions: &[Transition], whole: bool) -> io::Result<()> {
        let mut transitions = transitions.to_vec();
        transitions.sort_by_key(|transition| transition.origin.frame);
        let Some(begin) = rows.first().map(|row| row.frame) else { return Ok(()) };
        self.titles()?;
        let shown_from = transitions.partition_point(|transition| transition.origin.frame.0 < begin);
        self.begin(&transitions, shown_from)?;
        let mut next = shown_from;
        let mut before: Option<Timestamp> = None;
        for row in rows {
            // Transitions of frames that have no row.
            next = self.states_until(&transitions, next, row.frame)?;
            if let Some(before) = before {
                self.pause(row.time.since(before))?;
            }
            before = Some(row.time);
            let here = transitions[next..].iter().take_while(|transition| transition.origin.frame.0 == row.frame);
            let (later, here): (Vec<_>, Vec<_>) = here.partition(|transition| transition.proof == Proof::Time);
            next += later.len() + here.len();
            self.row(row, &here)?;
            for transition in later {
                self.waited(transition)?;
            }
        }
        if whole {
            self.states_until(&transitions, next, u64::MAX)?;
        }
        self.explain()
    }

    fn titles(&mut self) -> io::Result<()> {
        let layout = self.layout;
        let mut line = Line::new(Style { color: false, ..self.style }, layout.width);
        line.right(layout.frame_end, "frame").right(layout.time_end, "time");
        line.to(layout.zone).text("client").right(layout.zone_end(), "server");
        for (number, end) in &layout.numbers {
            line.right(*end, number.title());
        }
        let text = self.style.paint(Color::Faint, line.end());
        writeln!(self.out, "{text}")
    }

    /// The states that both ends are in before the first row.
    fn begin(&mut self, transitions: &[Transition], shown_from: usize) -> io::Result<()> {
        let state = |role: Role| {
            let (before, after) = transitions.split_at(shown_from);
            let last = before.iter().rev().find(|transition| transition.endpoint == role).map(|last| last.to);
            last.or_else(|| after.iter().find(|transition| transition.endpoint == role).map(|first| first.from))
        };
        let (client, server) = (state(Role::Client), state(Role::Server));
        let known = |state: Option<TcpState>| state.filter(|state| *state != TcpState::Unknown);
        if known(client).is_none() && known(server).is_none() {
            return Ok(());
        }
        self.states(client.map_or("", TcpState::name), server.map_or("", TcpState::name))
    }

    fn states_until(&mut self, transitions: &[Transition], mut next: usize, frame: u64) -> io::Result<usize> {
        while let Some(transition) = transitions.get(next).filter(|transition| transition.origin.frame.0 < frame) {
            self.waited(transition)?;
            next += 1;
        }
        Ok(next)
    }

    /// A transition that no frame of its own shows.
    fn waited(&mut self, transition: &Transition) -> io::Result<()> {
        let state = self.marked(transition);
        match transition.endpoint {
            Role::Client => self.states(&state, ""),
            Role::Server => self.states("", &state),
        }
    }

    fn states(&mut self, client: &str, server: &str) -> io::Result<()> {
        let mut line = Line::new(self.style, self.layout.width);
        line.to(self.layout.zone).paint(color_of(client), client);
        if !server.is_empty() {
            line.to(self.layout.zone_end().saturating_sub(server.len())).paint(color_of(server), server);
        }
        writeln!(self.out, "{}", line.end())
    }

    /// The state that a transition leads to, with a mark for how sure it is.
    fn marked(&mut self, transition: &Transition) -> String {
        let mark = match transition.proof {
            Proof::Sent | Proof::Acknowledged => "",
            Proof::Assumed => {
                self.legend.assumed = true;
                "~"
            }
            Proof::Inferred => {
                self.legend.inferred = true;
                "?"
            }
            Proof::Time => {
                self.legend.time = true;
                "*"
            }
        };
        format!("{}{mark}", transition.to.name())
    }

    fn pause(&mut self, silence: Span) -> io::Result<()> {
        if silence < self.pause {
            return Ok(());
        }
        let text = Duration(silence).to_string();
        let layout = self.layout;
        let middle = layout.zone + layout.zone_width.saturating_sub(text.chars().count()) / 2;
        let mut line = Line::new(Style { color: false, ..self.style }, layout.width);
        line.to(layout.zone).text("⋮").to(middle).text(&text).right(layout.zone_end(), "⋮");
        let text = self.style.paint(Color::Faint, line.end());
        writeln!(self.out, "{text}")
    }

    fn row(&mut self, row: &Row, transitions: &[&Transition]) -> io::Result<()> {
        let layout = self.layout;
        let mut ends = [String::new(), String::new()];
        for (end, role) in ends.iter_mut().zip([Role::Client, Role::Server]) {
            let mut steps = transitions.iter().filter(|transition| transition.endpoint == role).peekable();
            while let Some(step) = steps.next() {
                if steps.peek().is_some() {
                    self.waited(step)?;
                } else {
                    *end = self.marked(step);
                }
            }
        }
        let (label, letters) = row.sent.labels();
        let around = |ends: &[String; 2]| ends.iter().filter(|end| !end.is_empty()).map(|end| end.len() + 1).sum();
        let mut taken: usize = around(&ends);
        let mut below = String::new();
        if layout.zone_width.saturating_sub(taken) < letters.len() + 6 {
            // No room for both: the state that the segment leads to stands below.
            let receiver = usize::from(row.direction.sender() == Role::Client);
            below = std::mem::take(&mut ends[receiver]);
            taken = around(&ends);
        }
        let width = layout.zone_width.saturating_sub(taken);
        let arrow = arrow(row.direction.sender(), &label, &letters, width);
        let mut line = Line::new(self.style, layout.width);
        line.right(layout.frame_end, &row.frame.to_string());
        line.right(layout.time_end, &layout.time(self.style, row.time, self.first)).to(layout.zone);
        let [client, server] = &ends;
        if !client.is_empty() {
            line.paint(color_of(client), client).text(" ");
        }
        let trouble = row.notes.iter().any(|note| note.kind == NoteKind::Odd);
        line.paint(arrow_color(row.sent.flags(), trouble), &arrow);
        if !server.is_empty() {
            line.text(" ").paint(color_of(server), server);
        }
        for (number, end) in &layout.numbers {
            line.right(*end, &number.of(row));
        }
        let notes = self.notes(&row.notes);
        let mut notes = notes.into_iter();
        if let Some(column) = layout.notes
            && let Some((kind, text)) = notes.next()
        {
            line.to(column).paint(Some(note_color(kind)), &text);
        }
        writeln!(self.out, "{}", line.end())?;
        if !below.is_empty() {
            match row.direction.sender() {
                Role::Client => self.states("", &below)?,
                Role::Server => self.states(&below, "")?,
            }
        }
        for (kind, text) in notes {
            let mut line = Line::new(self.style, layout.width);
            line.to(layout.notes.unwrap_or(layout.zone)).paint(Some(note_color(kind)), &text);
            writeln!(self.out, "{}", line.end())?;
        }
        Ok(())
    }

    /// The notes in lines that fit where they stand.
    fn notes(&self, notes: &[Note]) -> Vec<(NoteKind, String)> {
        let room = self.layout.width.saturating_sub(self.layout.notes.unwrap_or(self.layout.zone));
        let mut lines: Vec<(NoteKind, String)> = Vec::new();
        for note in notes {
            let mark = match note.kind {
                NoteKind::Odd => "! ",
                NoteKind::Plain => "· ",
                NoteKind::Message => "» ",
            };
            // Short notes share a line, messages have their own.
            if let Some((kind, line)) = lines.last_mut()
                && *kind != NoteKind::Message
                && note.kind != NoteKind::Message
                && columns(line) + 2 + columns(mark) + columns(&note.text) <= room
            {
                line.push_str("  ");
                line.push_str(mark);
                line.push_str(&note.text);
                continue;
            }
            for (at, text) in wrap(&note.text, room.saturating_sub(2)).into_iter().enumerate() {
                lines.push((note.kind, format!("{}{text}", if at == 0 { mark } else { "  " })));
            }
        }
        lines
    }

    /// What the marks mean, and what gave way.
    fn explain(&mut self) -> io::Result<()> {
        let Legend { assumed, inferred, time } = self.legend;
        let mut texts = Vec::new();
        if assumed {
            texts.push("~ assumed: nothing says that what moved it arrived, and nothing that it did not".to_owned());
        }
        if inferred {
            texts.push("? inferred from later segments; what moved it was not captured".to_owned());
        }
        if time {
            texts.push("* time went by, or the ports were used again".to_owned());
        }
        if !self.layout.dropped.is_empty() {
            texts.push(format!("Left out at {} columns: {}.", self.layout.width, self.layout.dropped.join(", ")));
        }
        if !texts.is_empty() {
            writeln!(self.out)?;
        }
        for text in texts {
            for line in wrap(&text, self.layout.width) {
                writeln!(self.out, "{}", self.style.paint(Color::Faint, &line))?;
            }
        }
        Ok(())
    }
}

fn color_of(state: &str) -> Option<Color> {
    (!state.is_empty()).then_some(Color::Good)
}

const fn arrow_color(flags: TcpFlags, trouble: bool) -> Option<Color> {
    if flags.has(TcpFlags::RST) {
        Some(Color::Bad)
    } else if trouble {
        Some(Color::Odd)
    } else if flags.any(TcpFlags::SYN.with(TcpFlags::FIN)) {
        Some(Color::Title)
    } else {
        None
    }
}

const fn note_color(kind: NoteKind) -> Color {
    match kind {
        NoteKind::Odd => Color::Odd,
        NoteKind::Plain => Color::Faint,
        NoteKind::Message => Color::Cyan,
    }
}
