//! One TCP connection as a ladder: the two ends left and right, the segments as arrows between them, and beside
//! them what there is to say.

mod body;
mod layout;
mod line;
mod margin;
mod row;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::SocketAddr;

use super::PayloadOptions;
use super::lines::message_text;
use super::width::{Style, fit};
use crate::analysis::Output;
use crate::capture::FrameNo;
use crate::dissect::{Conversation, Message};
use crate::engine::PacketView;
use crate::flow::Flow;
use crate::mqtt::Version;
use crate::neighbour::Names;
use body::Body;
use layout::Layout;
pub(super) use margin::carries;
use row::{Memory, NOTE_COLUMNS, Note, NoteKind, Row};

/// Rows that are kept at the most, some 30 MB. Nobody reads more, and a part can be asked for.
const ROWS: usize = 100_000;

/// Messages of one frame that are told one by one.
const MESSAGES_OF_A_FRAME: usize = 16;

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

/// What the MQTT session on a connection tells of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) version: Option<Version>,
    pub(super) client_id: Option<Vec<u8>>,
    pub(super) client_id_assigned: bool,
}

impl Facts {
    /// Takes what a session tells.
    pub(super) fn of(session: &crate::session::Session) -> Self {
        Self {
            version: Some(session.version),
            client_id: session.client_id.as_deref().map(<[u8]>::to_vec),
            client_id_assigned: session.client_id_assigned,
        }
    }
}

/// Gathers the frames of one TCP flow, and writes the ladder when the flow has ended.
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
    /// Messages of the frame whose packet comes next.
    messages: Vec<Note>,
    more_messages: u64,
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
            Output::Session(session, _) => self.facts = Facts::of(session),
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
            Output::SnMessage(..)
            | Output::SnSession(_)
            | Output::Neighbour(_)
            | Output::Preview(..)
            | Output::Stream(..)
            | Output::Delivery(_)
            | Output::Topic(..) => {}
        }
        Ok(())
    }

    fn message(&mut self, message: &Message<'_>) {
        if self.messages.len() >= MESSAGES_OF_A_FRAME {
            self.more_messages += 1;
            return;
        }
        let mut text = fit(&message_text(message, PayloadOptions::default()), NOTE_COLUMNS);
        // Columns that stand below each other in a list are no help in a line of their own.
        while text.contains("  ") {
            text = text.replace("  ", " ");
        }
        if message.started.frame != message.origin.frame {
            let _ = write!(text, " (began in frame {})", message.started.frame);
        }
        self.messages.push(Note { kind: NoteKind::Message, text });
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let mut messages = std::mem::take(&mut self.messages);
        let more = std::mem::take(&mut self.more_messages);
        if more > 0 {
            messages.push(Note { kind: NoteKind::Message, text: format!("and {more} more messages") });
        }
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
        self.turn_to(flow.client);
        self.head(flow, out)?;
        if self.rows.is_empty() {
            writeln!(out, "No frame of it lies in the part that was asked for.")?;
        } else {
            let layout = Layout::new(self.style, &self.rows, flow.first.time);
            let rtt = flow.connection.handshake.rtt.or_else(|| {
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
        self.foot(flow, out)?;
        out.flush()
    }
}
