//! One TCP connection or UDP conversation as a ladder: the two ends left and right, segments or datagrams as arrows between
//! them, and beside them what there is to say.

mod body;
mod datagrams;
mod layout;
mod line;
mod margin;
mod row;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;

use super::ended::session_end;
use super::message::message_text;
use super::width::{Style, fit};
use super::{PayloadOptions, sn};
use crate::analysis::Output;
use crate::capture::FrameNo;
use crate::dissect::{Conversation, Message, SnMessage};
use crate::engine::{NeighbourMessage, PacketView};
use crate::flow::{Flow, Transport};
use crate::mqtt::Version;
use crate::mqttsn;
use crate::neighbour::Names;
use crate::text::Escaped;
use body::Body;
use layout::Layout;
pub(super) use margin::carries;
use row::{Memory, NOTE_COLUMNS, Note, NoteKind, Row};

/// Rows that are kept at the most, some 30 MB. Nobody reads more, and a part can be asked for.
const ROWS: usize = 100_000;

/// Messages of one frame that are told one by one.
const MESSAGES_OF_A_FRAME: usize = 16;

/// Messages that wait for their packet. More come only where many had to wait for their keys.
const MESSAGES: usize = 4096;

/// Findings that are listed.
const FINDINGS: usize = 20;

/// The part of a flow that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The first frame.
    pub first: u64,
    /// The last frame.
    pub last: u64,
    /// How many frames at the most.
    pub limit: u64,
}

impl Part {
    /// All of it.
    pub const ALL: Self = Self { first: 0, last: u64::MAX, limit: u64::MAX };

    /// Whether a frame lies in the range; the limit is not looked at.
    pub const fn holds(&self, frame: FrameNo) -> bool {
        self.first <= frame.0 && frame.0 <= self.last
    }
}

impl Default for Part {
    fn default() -> Self {
        Self::ALL
    }
}

/// What the MQTT session on a connection, or the clients of MQTT-SN in a conversation, tell of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) version: Option<Version>,
    pub(super) client_id: Option<Vec<u8>>,
    pub(super) client_id_assigned: bool,
    /// Further clients behind a forwarder.
    pub(super) others: u64,
}

impl Facts {
    /// Takes what a session tells.
    pub(super) fn of(session: &crate::session::Session) -> Self {
        Self {
            version: Some(session.version),
            client_id: session.client_id.as_deref().map(<[u8]>::to_vec),
            client_id_assigned: session.client_id_assigned,
            others: 0,
        }
    }
}

impl Facts {
    /// Takes in a client of MQTT-SN.
    pub(super) fn note_client(&mut self, client: &[u8]) {
        match &self.client_id {
            None => self.client_id = Some(client.to_vec()),
            Some(known) => self.others += u64::from(known != client),
        }
    }
}

/// Gathers the frames of one flow, and writes the ladder when the flow has ended.
///
/// Give it only what belongs to the flow.
#[derive(Debug)]
pub struct Ladder {
    style: Style,
    part: Part,
    names: Names,
    rows: Vec<Row>,
    left_out: u64,
    memory: Memory,
    /// The client by whose role the rows are told.
    client: Option<SocketAddr>,
    /// Messages that no packet was told for yet, by their frames.
    messages: Vec<(u64, Note)>,
    more_messages: u64,
    /// How the sessions of MQTT-SN in it ended.
    sessions: Vec<String>,
    facts: Facts,
    findings: Vec<(&'static str, String)>,
    more_findings: u64,
}

impl Ladder {
    /// An empty ladder.
    pub fn new(style: Style, part: Part) -> Self {
        Self {
            style,
            part,
            names: Names::default(),
            rows: Vec::new(),
            left_out: 0,
            memory: Memory::default(),
            client: None,
            messages: Vec::new(),
            more_messages: 0,
            sessions: Vec::new(),
            facts: Facts::default(),
            findings: Vec::new(),
            more_findings: 0,
        }
    }

    /// Shows addresses by these names.
    pub fn name_addresses(&mut self, names: &Names) {
        self.names = names.clone();
    }

    /// Takes what the analysis tells of the flow; when that is its end, the ladder is written.
    pub fn output(&mut self, output: &Output<'_>, out: &mut impl Write) -> io::Result<()> {
        match output {
            Output::Packet(view) => self.packet(view),
            Output::Message(_, message) => self.message(message),
            Output::Session(session, _) => {
                self.facts = Facts::of(session);
                self.sessions.push(session_end(session));
            }
            Output::Flow(flow, _) => return self.write(flow, out),
            Output::Finding(finding) => {
                if self.findings.len() >= FINDINGS {
                    self.more_findings += 1;
                } else {
                    let frames: Vec<_> = finding.frames.iter().take(4).map(ToString::to_string).collect();
                    let clause = finding.clause.map(|clause| format!(" [{clause}]")).unwrap_or_default();
                    let severity = finding.severity.name();
                    let text = format!("{severity}, frame {}: {}{clause}", frames.join(", "), finding.message);
                    self.findings.push((severity, text));
                }
            }
            Output::SnMessage(_, message) => self.sn_message(message),
            Output::SnSession(session) => {
                if let Some(client) = &session.client_id {
                    self.facts.note_client(client);
                }
                if self.sessions.len() < FINDINGS {
                    self.sessions.push(sn::ending(session));
                }
            }
            Output::Neighbour(message) => self.neighbour(message),
            Output::Preview(..) | Output::Stream(..) | Output::Delivery(_) | Output::Topic(..) => {}
        }
        Ok(())
    }

    /// Keeps what a message says until the packet of its frame comes.
    fn note(&mut self, frame: FrameNo, kind: NoteKind, text: &str) {
        let of_it = self.messages.iter().filter(|(of, _)| *of == frame.0).count();
        if of_it >= MESSAGES_OF_A_FRAME || self.messages.len() >= MESSAGES {
            self.more_messages += 1;
            return;
        }
        let mut text = fit(text, NOTE_COLUMNS);
        // Columns that stand below each other in a list are no help in a line of their own.
        while text.contains("  ") {
            text = text.replace("  ", " ");
        }
        self.messages.push((frame.0, Note { kind, text }));
    }

    fn message(&mut self, message: &Message<'_>) {
        let mut text = fit(&message_text(message, PayloadOptions::default()), NOTE_COLUMNS);
        if message.started.frame != message.origin.frame {
            let _ = write!(text, " (began in frame {})", message.started.frame);
        }
        self.note(message.origin.frame, NoteKind::Message, &text);
    }

    fn sn_message(&mut self, message: &SnMessage<'_>) {
        if let mqttsn::Body::Connect { client_id, .. } = message.packet().body {
            self.facts.note_client(client_id);
        }
        let (text, payload) = sn::message_parts(message, PayloadOptions::default());
        self.note(message.origin.frame, NoteKind::Message, &format!("{text}{payload}"));
        for deviation in message.packet().deviations.iter().take(2) {
            let text = format!("{} [{}]", deviation.kind.describe(), deviation.kind.clause());
            self.note(message.origin.frame, NoteKind::Odd, &text);
        }
    }

    fn neighbour(&mut self, message: &NeighbourMessage<'_>) {
        let reading = message.reading;
        let info = if reading.info.is_empty() { reading.protocol.name() } else { &reading.info };
        self.note(message.origin.frame, NoteKind::Message, &Escaped(info.as_bytes()).to_string());
    }

    /// The messages of this frame. Those of earlier ones, which had to wait until it was known what they are, go to theirs.
    fn take_messages(&mut self, frame: u64) -> Vec<Note> {
        let mut own = Vec::new();
        for (of, note) in std::mem::take(&mut self.messages) {
            // Rows are in the order of their frames, and nearly all messages are of this one, which has none yet.
            let behind = if of == frame { 0 } else { self.rows.partition_point(|row| row.frame <= of) };
            let earlier = behind.checked_sub(1).and_then(|place| self.rows.get_mut(place));
            match earlier.filter(|row| row.frame == of) {
                Some(row) => row.notes.push(note),
                None if of < frame && !self.part.holds(FrameNo(of)) => {}
                None => own.push(note),
            }
        }
        let more = std::mem::take(&mut self.more_messages);
        if more > 0 {
            own.push(Note { kind: NoteKind::Message, text: format!("and {more} more messages") });
        }
        own
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let messages = self.take_messages(view.frame.number.0);
        if let Some(flow) = view.flow {
            self.turn_to(flow.client);
        }
        let Some(row) = Row::new(view, &mut self.memory, messages) else { return };
        let full = self.rows.len() >= ROWS || self.rows.len() as u64 >= self.part.limit;
        if !self.part.holds(view.frame.number) {
            return;
        }
        if full {
            self.left_out += 1;
        } else {
            self.rows.push(row);
        }
    }

    /// The ends may turn out to have the other roles.
    fn turn_to(&mut self, client: SocketAddr) {
        if self.client.replace(client).is_some_and(|before| before != client) {
            for row in &mut self.rows {
                row.direction = row.direction.reverse();
            }
        }
    }

    fn write(&mut self, flow: &Flow<Conversation>, out: &mut impl Write) -> io::Result<()> {
        // What had to wait to the end.
        let frame = self.rows.last().map_or(0, |row| row.frame);
        let late = self.take_messages(frame);
        if let Some(row) = self.rows.last_mut() {
            row.notes.extend(late);
        }
        self.turn_to(flow.client);
        self.head(flow, out)?;
        if self.rows.is_empty() {
            writeln!(out, "No frame of it lies in the part that was asked for.")?;
        } else {
            let layout = Layout::new(self.style, &self.rows, flow.first.time);
            let quic = flow.app.quic().and_then(|quic| quic.facts().answer_time());
            let rtt = quic.or(flow.connection.handshake.rtt).or_else(|| {
                let sides = &flow.connection.sides;
                sides.to_server.counters().rtt.percentile(50).max(sides.to_client.counters().rtt.percentile(50))
            });
            let whole = self.left_out == 0 && self.part.last >= flow.last.frame.0;
            let mut body = Body::new(self.style, &layout, flow.first.time, rtt, out);
            body.print(&self.rows, &flow.connection.transitions, whole)?;
        }
        if self.left_out > 0 {
            writeln!(out, "\n{} more frames are left out; --frames A-B shows another part", self.left_out)?;
        }
        match flow.transport {
            Transport::Tcp => self.foot(flow, out)?,
            Transport::Udp => self.foot_of_datagrams(flow, out)?,
        }
        out.flush()
    }
}
