//! Packets, messages and findings for people: one line each, as they happen.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::buffer::Buffer;
use super::cells::{FieldCells, FieldColumn, Layout};
use super::delivery::delivery_text;
use super::ended::{flow_text, session_text};
use super::fields;
use super::frame::{Info, address, addresses, began};
use super::grid::more;
use super::message::message_parts;
use super::sorted::{First, Sorted};
use super::view::{Key, Order, View, record};
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
    limit: u64,
    order: Option<Order>,
    /// What was named is told to be empty, if it is.
    asked: bool,
    /// How far each list has come.
    states: PerList<State>,
    /// Lines of what has ended.
    ended: u64,
    /// Of each list what waits to be sorted.
    kept: PerList<Sorted>,
    /// How wide an end of a packet is.
    end_width: usize,
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
    states: PerList<State>,
    kept: PerList<usize>,
}

/// The lists that lines may be rows of.
const LISTS: [View; 4] = [View::Packets, View::Messages, View::Deliveries, View::Neighbours];

/// Something of each list.
type PerList<T> = [T; LISTS.len()];

/// How far a list has come.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Rows that were written, or wait to be sorted.
    rows: u64,
    /// Rows beyond the limit.
    left_out: u64,
    /// Its titles were written.
    headed: bool,
}

fn list(view: View) -> Option<usize> {
    LISTS.iter().position(|list| *list == view)
}

/// What packets have beside their ends, and the blanks between: a frame's number, its time and its length.
const PACKET_COLUMNS: usize = 34;

/// What they shall at least have for what is in them.
const INFO_COLUMNS: usize = 24;

/// How wide an address or a name is as a rule; a longer one pushes the rest of its row, for which no rows are known yet.
const END_COLUMNS: (usize, usize) = (9, 20);

fn end_width(style: Style) -> usize {
    let (least, most) = END_COLUMNS;
    let width = style.width.unwrap_or(usize::MAX);
    (width.saturating_sub(PACKET_COLUMNS + INFO_COLUMNS) / 2).clamp(least, most)
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
            limit: u64::MAX,
            order: None,
            asked: false,
            states: PerList::default(),
            ended: 0,
            kept: [const { Sorted::new() }; LISTS.len()],
            end_width: end_width(style),
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

    /// Each list sorted when all has come, and with at most so many rows.
    #[must_use]
    pub fn with_order(mut self, order: Option<Order>, limit: Option<u64>) -> Self {
        self.order = order;
        self.limit = limit.unwrap_or(u64::MAX);
        self
    }

    /// Whether somebody has named what is shown, and is to be told that there is none of it.
    #[must_use]
    pub const fn asked_for(mut self, asked: bool) -> Self {
        self.asked = asked;
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
    pub fn mark(&self) -> LinesMark {
        LinesMark { wrote: self.wrote, states: self.states, kept: self.kept.each_ref().map(Sorted::len) }
    }

    /// Goes back to a mark. What was written since is for the caller to take back.
    pub fn back_to(&mut self, mark: LinesMark) {
        self.wrote = mark.wrote;
        self.states = mark.states;
        self.kept.iter_mut().zip(mark.kept).for_each(|(kept, rows)| kept.back_to(rows));
    }

    /// Says that nobody goes back any more behind what has come.
    pub fn settled(&mut self) {
        if let Some(order) = &self.order {
            let room = usize::try_from(self.limit).unwrap_or(usize::MAX);
            self.kept.iter_mut().for_each(|kept| kept.prune(order.descending, room));
        }
    }

    /// Says when the first frame came, from which times are counted; only the first call counts.
    pub fn starts(&mut self, first: Timestamp) {
        self.first.get_or_insert(first);
    }

    /// Writes a line for what the analysis tells, if it is of a kind that gets one.
    pub fn output(&mut self, output: &Output<'_>, out: &mut impl Write) -> io::Result<()> {
        let Some(view) = View::of(output).filter(|view| self.shows(*view)) else { return Ok(()) };
        if let Some(order) = self.order.as_ref().filter(|order| view.has(&order.column)) {
            let key = record(output, MessageOptions::default())
                .map_or(Key::None, |record| Key::of(view.value(&record, &order.column)));
            let mut row = Vec::new();
            self.row(output, &mut row)?;
            if let Some(kept) = list(view).and_then(|at| self.kept.get_mut(at)) {
                kept.push(key, row);
            }
            return Ok(());
        }
        if self.is_full(view) {
            return Ok(());
        }
        self.head(view, out)?;
        self.row(output, out)
    }

    /// Whether rows of a view are shown as lines.
    const fn shows(&self, view: View) -> bool {
        match view {
            View::Packets => self.shown.packets,
            View::Messages => self.shown.messages,
            View::Deliveries => self.shown.deliveries,
            View::Neighbours => self.shown.neighbours,
            View::Flows | View::Sessions | View::Topics | View::Findings => false,
        }
    }

    /// Counts a row, and whether it is one too many.
    fn is_full(&mut self, view: View) -> bool {
        let Some(state) = list(view).and_then(|at| self.states.get_mut(at)) else { return true };
        let full = state.rows >= self.limit;
        *(if full { &mut state.left_out } else { &mut state.rows }) += 1;
        full
    }

    fn row(&mut self, output: &Output<'_>, out: &mut impl Write) -> io::Result<()> {
        match output {
            Output::Packet(view) => self.packet(view, out),
            Output::Message(flow, message) => self.message(*flow, message, out),
            Output::SnMessage(flow, message) => self.sn_message(*flow, message, out),
            Output::Delivery(delivery) => self.delivery(delivery, out),
            Output::Neighbour(message) => self.neighbour(message, out),
            _ => Ok(()),
        }
    }

    /// Writes what had to wait for the end: sorted rows, and what there is more of, or none. Gives how many rows there was no
    /// room to sort, beside those that were not asked for.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<u64> {
        let mut missing = 0;
        let several = LISTS.into_iter().filter(|view| self.shows(*view)).count() > 1;
        for (at, view) in LISTS.into_iter().enumerate() {
            if !self.shows(view) {
                continue;
            }
            let order = self.order.as_ref().filter(|order| view.has(&order.column));
            if let (Some(order), Some(kept)) = (order, self.kept.get_mut(at)) {
                let room = usize::try_from(self.limit).unwrap_or(usize::MAX);
                let First { rows, left_out, missing: lacks } = kept.finish(order.descending, room);
                missing += lacks;
                for row in rows {
                    self.head(view, out)?;
                    out.write_all(&row)?;
                }
                if let Some(state) = self.states.get_mut(at) {
                    state.left_out = left_out;
                }
            }
            let State { left_out, headed, .. } = self.states.get(at).copied().unwrap_or_default();
            let name = if several { format!(" {}", list_name(view)) } else { String::new() };
            if left_out > 0 {
                self.write(&more(left_out, &name), None, out)?;
            } else if !headed && self.asked {
                self.head(view, out)?;
                self.write("  none", None, out)?;
            }
        }
        Ok(missing)
    }

    /// Writes a line for a frame whose columns are fields.
    pub fn fields(&mut self, cells: &FieldCells, out: &mut impl Write) -> io::Result<()> {
        if !self.shown.packets || self.is_full(View::Packets) {
            return Ok(());
        }
        self.head(View::Packets, out)?;
        let Some(layout) = &self.layout else { return Ok(()) };
        let line = layout.line(cells.texts(), self.style);
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
                    self.has_ended(flow, last, &text, out)?;
                }
                if self.shown.flows {
                    self.has_ended(flow, flow.last, &flow_text(flow, &self.names), out)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    fn has_ended(
        &mut self,
        flow: &Flow<Conversation>,
        last: Origin,
        text: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if self.ended >= self.limit {
            return Ok(());
        }
        self.ended += 1;
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
        address(line, source, from.as_deref(), self.end_width);
        line.put(b"  ");
        address(line, destination, to.as_deref(), self.end_width);
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

    /// Writes the titles of a list before its first row, though another list may have begun.
    fn head(&mut self, view: View, out: &mut impl Write) -> io::Result<()> {
        let state = list(view).and_then(|at| self.states.get_mut(at)).filter(|state| !state.headed);
        let Some(state) = state else { return Ok(()) };
        state.headed = true;
        let titles = self.titles(view);
        self.write(&titles, Some(Color::Title), out)
    }

    fn titles(&self, view: View) -> String {
        match (view, &self.layout) {
            (View::Packets, Some(layout)) => layout.titles(),
            (View::Packets, None) => {
                let width = self.end_width;
                let [source, destination] = ["source", "destination"].map(|title| fit(title, width));
                format!("  frame         time  {source:<width$}  {destination:<width$}  length  info")
            }
            (View::Messages, _) => "  frame         time   flow  from    message".to_owned(),
            (View::Neighbours, _) => "  frame         time   flow  from    protocol  message".to_owned(),
            (View::Deliveries, _) => "  frame         time   flow  delivery".to_owned(),
            (View::Flows | View::Sessions | View::Topics | View::Findings, _) => String::new(),
        }
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

/// What the rows of a list are.
const fn list_name(view: View) -> &'static str {
    match view {
        View::Packets => "packets",
        View::Deliveries => "deliveries",
        View::Neighbours => "messages of other protocols",
        View::Messages | View::Flows | View::Sessions | View::Topics | View::Findings => "messages",
    }
}
