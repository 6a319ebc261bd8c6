//! JSON Lines: one object a line, each written whole.

use std::io::{self, Write};

use serde::Serialize;

use super::Shown;
use super::record::{
    BeginRecord, FindingRecord, FlowRecord, MessageRecord, PacketRecord, PayloadOptions, SessionRecord, SummaryRecord,
};
use crate::analysis::{Output, Summary};
use crate::capture::interfaces::Interface;

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
    payload: PayloadOptions,
    /// A line is put together here, so that it reaches the output in one piece.
    line: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    /// A renderer that writes what is shown to `out`.
    pub fn new(out: W, shown: Shown) -> Self {
        Self { out, shown, payload: PayloadOptions::default(), line: Vec::with_capacity(4096) }
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
                self.write(&MessageRecord::new(*flow, message, self.payload))
            }
            Output::Session(session, flow) if self.shown.sessions => self.write(&SessionRecord::new(session, flow)),
            Output::Flow(flow, why) if self.shown.flows => self.write(&FlowRecord::new(flow, *why)),
            Output::Finding(finding) if self.shown.findings => self.write(&FindingRecord::new(finding)),
            _ => Ok(()),
        }
    }

    /// The last line.
    pub fn end(&mut self, summary: &Summary) -> io::Result<()> {
        if self.shown.summary {
            self.write(&SummaryRecord::new(summary))?;
        }
        self.flush()
    }

    /// Passes on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write(&mut self, record: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}
