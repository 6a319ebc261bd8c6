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
use crate::neighbour::Names;

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
    names: Names,
    /// A line is put together here, so that it reaches the output in one piece.
    line: Buffer,
}

impl<W: Write> JsonLines<W> {
    /// A renderer that writes what is shown to `out`.
    pub fn new(out: W, shown: Shown) -> Self {
        Self { out, shown, messages: MessageOptions::default(), names: Names::default(), line: Buffer::new() }
    }

    /// The same with messages shown like this.
    #[must_use]
    pub const fn with_messages(mut self, messages: MessageOptions) -> Self {
        self.messages = messages;
        self
    }

    /// Shows addresses by these names.
    pub fn name_addresses(&mut self, names: &Names) {
        self.names = names.clone();
    }

    /// The first line: what is read.
    pub fn begin(&mut self, source: &[String]) -> io::Result<()> {
        self.write(&BeginRecord::new(source))
    }

    /// One thing that the analysis tells.
    pub fn output(&mut self, output: &Output<'_>) -> io::Result<()> {
        match output {
            Output::Packet(view) if self.shown.packets => self.write_with(|names| PacketRecord::new(view, names)),
            Output::Message(flow, message) if self.shown.messages => {
                self.write(&MessageRecord::new(*flow, message, self.messages))
            }
            Output::SnMessage(flow, message) if self.shown.messages => {
                self.write(&SnMessageRecord::new(*flow, message, self.messages))
            }
            Output::SnSession(session) if self.shown.sessions => self.write(&SnSessionRecord::new(session)),
            Output::Session(session, flow) if self.shown.sessions => self.write(&SessionRecord::new(session, flow)),
            Output::Delivery(delivery) if self.shown.deliveries => {
                self.write_with(|names| DeliveryRecord::new(delivery, names))
            }
            Output::Topic(broker, name, topic) if self.shown.topics => {
                self.write_with(|names| TopicRecord::new(*broker, name, topic, names))
            }
            Output::Stream(flow, direction, part, origin) => {
                self.write(&StreamRecord::new(*flow, *direction, *part, *origin))
            }
            Output::Flow(flow, why) if self.shown.flows => self.write_with(|names| FlowRecord::new(flow, *why, names)),
            Output::Neighbour(message) if self.shown.neighbours => {
                self.write_with(|names| NeighbourRecord::new(message, names))
            }
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
        self.write_with(|names| WithColumns { packet: PacketRecord::new(view, names), columns: cells.values() })
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

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }

    /// A record as a line.
    pub(super) fn record(&mut self, record: &impl Serialize) -> io::Result<()> {
        self.write(record)
    }

    fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        self.write_with(|_| record)
    }

    fn write_with<'a, R: Serialize>(&'a mut self, record: impl FnOnce(&'a Names) -> R) -> io::Result<()> {
        let record = record(&self.names);
        self.line.clear();
        write(&record, &mut self.line)?;
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
