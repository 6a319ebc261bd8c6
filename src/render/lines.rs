//! Packets, messages and findings for people: one line each, as they happen.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::buffer::Buffer;
use super::cells::{FieldCells, FieldColumn, Layout};
use super::delivery::delivery_text;
use super::ended::{flow_text, session_text};
use super::fields;
use super::frame::{Info, address, addresses, began};
use super::message::message_parts;
use super::watch::{Period, period_text};
use super::width::{Color, Style, columns, fit, put_time};
use super::{MessageOptions, Shown, sn};
use crate::analysis::Output;
use crate::capture::Origin;
use crate::check::{Finding, Severity};
use crate::dissect::{Conversation, Message, SnMessage};
use crate::engine::{FlowRef, NeighbourMessage, PacketView};
use crate::flow::{Ended, Flow, Role};
use crate::neighbour::Names;
use crate::session::{Delivery, DeliveryOutcome};
use crate::text::Escaped;
use crate::time::Timestamp;

/// Writes what happens as lines.
#[derive(Debug)]
pub struct Lines {
    style: Style,
    shown: Shown,
    messages: MessageOptions,
    names: Names,
    first: Option<Timestamp>,
    wrote: bool,
    /// Rows that may still be written.
    left: u64,
    headed: bool,
    /// Of the columns of frames, where these are fields.
    layout: Option<Layout>,
    /// The session of the flow that ends next: its last message, and its line.
    session: Option<(Origin, String)>,
    /// A line is put together here.
    line: Buffer,
}

/// How far lines have come.
#[derive(Debug, Clone, Copy)]
pub struct LinesMark {
    wrote: bool,
    left: u64,
    headed: bool,
}

impl Lines {
    /// A renderer for lines of this style.
    pub fn new(style: Style, shown: Shown) -> Self {
        Self {
            style,
            shown,
            messages: MessageOptions::default(),
            names: Names::default(),
            first: None,
            wrote: false,
            left: u64::MAX,
            headed: false,
            layout: None,
            session: None,
            line: Buffer::new(),
        }
    }

    /// The same with messages shown like this.
    #[must_use]
    pub const fn with_messages(mut self, messages: MessageOptions) -> Self {
        self.messages = messages;
        self
    }

    /// The same with fields as the columns of frames.
    #[must_use]
    pub fn with_columns(mut self, columns: &[FieldColumn]) -> Self {
        self.layout = Some(Layout::new(columns, self.style));
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<u64>) -> Self {
        self.left = limit.unwrap_or(u64::MAX);
        self
    }

    /// Shows addresses by these names.
    pub fn name_addresses(&mut self, names: &Names) {
        self.names = names.clone();
    }

    /// Whether anything was written.
    pub const fn wrote(&self) -> bool {
        self.wrote
    }

    /// How far it has come, to go back to if what follows is not wanted.
    pub const fn mark(&self) -> LinesMark {
        LinesMark { wrote: self.wrote, left: self.left, headed: self.headed }
    }

    /// Goes back to a mark. What was written since is for the caller to take back.
    pub const fn back_to(&mut self, mark: LinesMark) {
        self.wrote = mark.wrote;
        self.left = mark.left;
        self.headed = mark.headed;
    }

    /// Says when the first frame came, from which times are counted; only the first call counts.
    pub fn starts(&mut self, first: Timestamp) {
        self.first.get_or_insert(first);
    }

    /// Writes a line for what the analysis tells, if it is of a kind that gets one.
    pub fn output(&mut self, output: &Output<'_>, out: &mut impl Write) -> io::Result<()> {
        let is_row = match output {
            Output::Packet(_) => self.shown.packets,
            Output::Message(..) | Output::SnMessage(..) => self.shown.messages,
            Output::Delivery(_) => self.shown.deliveries,
            Output::Neighbour(_) => self.shown.neighbours,
            _ => false,
        };
        if !is_row || self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        match output {
            Output::Packet(view) if self.shown.packets => self.packet(view, out),
            Output::Message(flow, message) if self.shown.messages => self.message(*flow, message, out),
            Output::SnMessage(flow, message) if self.shown.messages => self.sn_message(*flow, message, out),
            Output::Delivery(delivery) if self.shown.deliveries => self.delivery(delivery, out),
            Output::Neighbour(message) => self.neighbour(message, out),
            _ => Ok(()),
        }
    }

    /// Writes a line for a frame whose columns are fields.
    pub fn fields(&mut self, cells: &FieldCells, out: &mut impl Write) -> io::Result<()> {
        let Some(layout) = self.layout.as_ref().filter(|_| self.shown.packets && self.left > 0) else { return Ok(()) };
        let (titles, line) = (layout.titles(), layout.line(cells.texts(), self.style));
        self.left -= 1;
        self.head(&titles, out)?;
        self.write(&line, None, out)
    }

    /// What ends as a line, when it does; the end of the capture is no news. A session is told with its flow, which
    /// comes next.
    pub fn ended(&mut self, output: &Output<'_>, out: &mut impl Write) -> io::Result<()> {
        match output {
            Output::Session(session, _) if self.shown.sessions => {
                self.session = Some((session.last, session_text(session)));
                Ok(())
            }
            Output::Flow(flow, why) => {
                let session = self.session.take();
                if *why == Ended::CaptureEnd {
                    return Ok(());
                }
                if let Some((last, text)) = session {
                    self.end(flow, last, &text, out)?;
                }
                if self.shown.flows { self.end(flow, flow.last, &flow_text(flow, &self.names), out) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, flow: &Flow<Conversation>, last: Origin, text: &str, out: &mut impl Write) -> io::Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let at = self.at(last.time);
        let head = format!("{:>7} {at} {:>6}  ended   ", last.frame, flow.id);
        self.wrapped(&head, text, Some(Color::Faint), out)
    }

    /// A summary of a period as a line.
    pub fn period(&mut self, period: &Period, out: &mut impl Write) -> io::Result<()> {
        let at = self.at(period.end().at);
        self.wrapped(&format!("{:>7} {at}  ", "--"), &period_text(period), Some(Color::Title), out)
    }

    /// A finding as a line, for output that cannot wait for a table.
    pub fn finding(&mut self, finding: &Finding, out: &mut impl Write) -> io::Result<()> {
        let frame = finding.frames.last().map(ToString::to_string).unwrap_or_default();
        let at = self.at(finding.time);
        let clause = finding.clause.map(|clause| format!(" [{clause}]")).unwrap_or_default();
        let text = format!("{frame:>7} {at}  {}: {}{clause}", finding.severity.name(), finding.message);
        let color = if finding.severity == Severity::Error { Color::Bad } else { Color::Odd };
        self.write(&text, Some(color), out)
    }

    fn packet(&mut self, view: &PacketView<'_>, out: &mut impl Write) -> io::Result<()> {
        self.head("  frame         time  source                destination           length  info", out)?;
        let (source, destination) = addresses(view.packet);
        let header = view.frame.header;
        let first = *self.first.get_or_insert(header.time);
        let [from, to] = [source, destination].map(|end| end.shown(&self.names, began(view)));
        let line = &mut self.line;
        line.clear();
        line.number_right(view.frame.number.0, 7);
        line.put(b" ");
        put_time(line, self.style, header.time, first, 12);
        line.put(b"  ");
        address(line, source, from.as_deref(), 20);
        line.put(b"  ");
        address(line, destination, to.as_deref(), 20);
        line.put(b"  ");
        line.number_right(header.length, 6);
        line.put(b"  ");
        // Writing to memory can't fail.
        let _ = Info(view).write(line);
        let mut color = None;
        if let Some(marks) = view.verdict.map(|verdict| verdict.marks).filter(|marks| !marks.is_empty()) {
            for (at, name) in marks.names().enumerate() {
                line.put(if at == 0 { b" [" } else { b", " });
                line.put(name.as_bytes());
            }
            line.put(b"]");
            color = Some(Color::Odd);
        }
        for comment in view.comments {
            let _ = write!(line, " ({})", Escaped(comment.as_bytes()));
        }
        self.pass_on(color, out)
    }

    fn message(&mut self, flow: FlowRef, message: &Message<'_>, out: &mut impl Write) -> io::Result<()> {
        self.head("  frame         time   flow  from    message", out)?;
        let at = self.at(message.origin.time);
        let (what, payload) = message_parts(message, self.messages.payload);
        let sender = match message.direction.sender() {
            Role::Client => "client",
            Role::Server => "server",
        };
        let head = format!("{:>7} {at} {:>6}  {sender}  ", message.origin.frame, flow.id);
        let mut text = what;
        let bad = message.packet.deviations.first();
        if let Some(deviation) = bad {
            let clause = deviation.kind.clause(message.packet.version);
            let _ = write!(text, "  ! {} [{clause}]", deviation.kind.describe());
        }
        text.push_str(&payload);
        if bad.is_some() || message.missing > 0 || message.incomplete {
            // What is wrong is shown whole.
            self.wrapped(&head, &text, bad.map(|_| Color::Bad), out)?;
        } else {
            self.write(&format!("{head}{text}"), None, out)?;
        }
        if self.messages.detail {
            for (text, bad) in fields::rows(message.into(), self.messages.payload, self.style) {
                self.write(&text, bad.then_some(Color::Bad), out)?;
            }
        }
        Ok(())
    }

    fn sn_message(&mut self, flow: FlowRef, message: &SnMessage<'_>, out: &mut impl Write) -> io::Result<()> {
        self.head("  frame         time   flow  from    message", out)?;
        let at = self.at(message.origin.time);
        let (mut text, payload) = sn::message_parts(message, self.messages.payload);
        let sender = message.direction.sender().name();
        let head = format!("{:>7} {at} {:>6}  {sender}  ", message.origin.frame, flow.id);
        if let Some(deviation) = message.packet().deviations.first() {
            let _ = write!(text, "  ! {} [{}]", deviation.kind.describe(), deviation.kind.clause());
            text.push_str(&payload);
            self.wrapped(&head, &text, Some(Color::Bad), out)?;
        } else {
            self.write(&format!("{head}{text}{payload}"), None, out)?;
        }
        if self.messages.detail {
            for (text, bad) in fields::rows(message.into(), self.messages.payload, self.style) {
                self.write(&text, bad.then_some(Color::Bad), out)?;
            }
        }
        Ok(())
    }

    fn neighbour(&mut self, message: &NeighbourMessage<'_>, out: &mut impl Write) -> io::Result<()> {
        self.head("  frame         time   flow  from    protocol  message", out)?;
        let at = self.at(message.origin.time);
        let NeighbourMessage { flow, source, destination, origin, reading } = message;
        let protocol = reading.protocol.name();
        let info = Escaped(reading.info.as_bytes());
        let place = match flow {
            Some((flow, direction)) => format!("{:>6}  {:<6}", flow.id, direction.sender().name()),
            None => format!("{:>6}  {:<6}", "-", "-"),
        };
        // Without a flow nothing else tells who speaks with whom.
        let ends = if flow.is_none() { format!("{source} \u{2192} {destination}  ") } else { String::new() };
        self.write(&format!("{:>7} {at} {place}  {protocol:<8}  {ends}{info}", origin.frame), None, out)?;
        if self.messages.detail {
            for row in fields::rows_of_reading(reading) {
                self.write(&row, None, out)?;
            }
        }
        Ok(())
    }

    /// A time in its column.
    fn at(&mut self, at: Timestamp) -> String {
        let first = *self.first.get_or_insert(at);
        self.line.clear();
        put_time(&mut self.line, self.style, at, first, 12);
        self.line.text().to_owned()
    }

    fn delivery(&mut self, delivery: &Delivery, out: &mut impl Write) -> io::Result<()> {
        self.head("  frame         time   flow  delivery", out)?;
        let place = delivery.first.place;
        let at = self.at(place.at.time);
        let head = format!("{:>7} {at} {:>6}  ", place.at.frame, place.flow);
        let color = match delivery.outcome {
            DeliveryOutcome::Refused | DeliveryOutcome::Superseded | DeliveryOutcome::SessionOver => Some(Color::Odd),
            DeliveryOutcome::Sent | DeliveryOutcome::Open | DeliveryOutcome::Complete | DeliveryOutcome::Unresolved => {
                (!delivery.faults.is_empty()).then_some(Color::Odd)
            }
        };
        self.wrapped(&head, &delivery_text(delivery), color, out)
    }

    /// Writes a row whose end matters as much as its beginning: it goes on in further lines.
    fn wrapped(&mut self, head: &str, text: &str, color: Option<Color>, out: &mut impl Write) -> io::Result<()> {
        let whole = format!("{head}{text}");
        let Some(width) = self.style.width.map(|width| width.max(Style::LEAST_WIDTH)) else {
            return self.write(&whole, color, out);
        };
        if columns(&whole) <= width {
            return self.write(&whole, color, out);
        }
        let indent = columns(head) + 2;
        let mut line = head.to_owned();
        for part in text.split("  ").map(str::trim).filter(|part| !part.is_empty()) {
            if line.len() == head.len() {
                line.push_str(part);
            } else if columns(&line) + 2 + columns(part) <= width {
                line.push_str("  ");
                line.push_str(part);
            } else {
                self.write(&line, color, out)?;
                line = format!("{:indent$}{part}", "");
            }
        }
        self.write(&line, color, out)
    }

    fn head(&mut self, titles: &str, out: &mut impl Write) -> io::Result<()> {
        if self.headed {
            return Ok(());
        }
        self.headed = true;
        self.write(titles, Some(Color::Title), out)
    }

    /// Writes the line that was put together.
    fn pass_on(&mut self, color: Option<Color>, out: &mut impl Write) -> io::Result<()> {
        if self.style.width.is_some() || (color.is_some() && self.style.color) {
            let text = self.line.text().to_owned();
            return self.write(&text, color, out);
        }
        self.wrote = true;
        self.line.put(b"\n");
        let written = out.write_all(self.line.bytes());
        self.line.shrink();
        written
    }

    fn write(&mut self, text: &str, color: Option<Color>, out: &mut impl Write) -> io::Result<()> {
        self.wrote = true;
        let text = match self.style.width {
            Some(width) => fit(text, width.max(Style::LEAST_WIDTH)),
            None => text.to_owned(),
        };
        match color {
            Some(color) => writeln!(out, "{}", self.style.paint(color, &text)),
            None => writeln!(out, "{text}"),
        }
    }
}
