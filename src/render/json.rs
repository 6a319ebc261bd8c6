//! JSON Lines: one object a line, each written whole.

use std::io::{self, Write};

use serde::Serialize;

use super::buffer::Buffer;
use super::cells::{FieldCells, FieldValues};
use super::compact::Compact;
use super::record::{
    BeginRecord, DeliveryRecord, FindingRecord, FlowRecord, MessageRecord, NeighbourRecord, PacketRecord,
    SessionRecord, SnMessageRecord, SnSessionRecord, StreamRecord, SummaryRecord, TopicRecord,
};
use super::watch::{Period, PeriodRecord};
use super::{MessageOptions, Shown};
use crate::analysis::{Output, Summary};
use crate::capture::interfaces::Interface;
use crate::engine::PacketView;

/// Writes an interface as a JSON line.
pub fn write_interface(out: &mut impl Write, interface: &Interface) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &InterfaceRecord::from(interface))?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct InterfaceRecord<'a> {
    record: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    addresses: &'a [std::net::IpAddr],
    up: bool,
    running: bool,
    loopback: bool,
    wireless: bool,
}

impl<'a> From<&'a Interface> for InterfaceRecord<'a> {
    fn from(interface: &'a Interface) -> Self {
        Self {
            record: "interface",
            name: &interface.name,
            description: interface.description.as_deref(),
            addresses: &interface.addresses,
            up: interface.up,
            running: interface.running,
            loopback: interface.loopback,
            wireless: interface.wireless,
        }
    }
}

/// Writes records as JSON Lines.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    shown: Shown,
    messages: MessageOptions,
    /// A line is put together here, so that it reaches the output in one piece.
    line: Buffer,
}

impl<W: Write> JsonLines<W> {
    /// A renderer that writes what is shown to `out`.
    pub fn new(out: W, shown: Shown) -> Self {
        Self { out, shown, messages: MessageOptions::default(), line: Buffer::new() }
    }

    /// The same with messages shown like this.
    #[must_use]
    pub const fn with_messages(mut self, messages: MessageOptions) -> Self {
        self.messages = messages;
        self
    }

    /// The first line: what is read.
    pub fn begin(&mut self, source: &[String]) -> io::Result<()> {
        self.write(&BeginRecord::new(source))
    }

    /// One thing that the analysis tells.
    pub fn output(&mut self, output: &Output<'_>) -> io::Result<()> {
        match output {
            Output::Packet(view) if self.shown.packets => self.write(&PacketRecord::new(view)),
            Output::Message(flow, message) if self.shown.messages => {
                self.write(&MessageRecord::new(*flow, message, self.messages))
            }
            Output::SnMessage(flow, message) if self.shown.messages => {
                self.write(&SnMessageRecord::new(*flow, message, self.messages))
            }
            Output::SnSession(session) if self.shown.sessions => self.write(&SnSessionRecord::new(session)),
            Output::Session(session, flow) if self.shown.sessions => self.write(&SessionRecord::new(session, flow)),
            Output::Delivery(delivery) if self.shown.deliveries => self.write(&DeliveryRecord::new(delivery)),
            Output::Topic(broker, name, topic) if self.shown.topics => {
                self.write(&TopicRecord::new(*broker, name, topic))
            }
            Output::Stream(flow, direction, part, origin) => {
                self.write(&StreamRecord::new(*flow, *direction, *part, *origin))
            }
            Output::Flow(flow, why) if self.shown.flows => self.write(&FlowRecord::new(flow, *why)),
            Output::Neighbour(message) if self.shown.neighbours => self.write(&NeighbourRecord::new(message)),
            Output::Finding(finding) if self.shown.findings => self.write(&FindingRecord::new(finding)),
            _ => Ok(()),
        }
    }

    /// A summary of a period.
    pub fn period(&mut self, period: &Period) -> io::Result<()> {
        self.write(&PeriodRecord::new(period))
    }

    /// A frame with columns of fields.
    pub fn packet_with(&mut self, view: &PacketView<'_>, cells: &FieldCells) -> io::Result<()> {
        #[derive(Serialize)]
        struct WithColumns<'a> {
            #[serde(flatten)]
            packet: PacketRecord<'a>,
            columns: &'a FieldValues,
        }
        if !self.shown.packets {
            return Ok(());
        }
        self.write(&WithColumns { packet: PacketRecord::new(view), columns: cells.values() })
    }

    /// The last line.
    pub fn end(&mut self, summary: &Summary) -> io::Result<()> {
        if self.shown.summary {
            self.write(&SummaryRecord::new(summary))?;
        }
        self.flush()
    }

    /// Where it writes to.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Passes on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A record as a line.
    pub(super) fn record(&mut self, record: &impl Serialize) -> io::Result<()> {
        self.write(record)
    }

    fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        write(record, &mut self.line)?;
        let written = self.out.write_all(self.line.bytes());
        self.line.shrink();
        written
    }
}

/// Appends a record as a line.
pub(super) fn write(record: &impl Serialize, line: &mut Buffer) -> io::Result<()> {
    record.serialize(&mut Compact::new(line))?;
    line.put(b"\n");
    Ok(())
}
