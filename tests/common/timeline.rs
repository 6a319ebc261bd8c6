//! Captures of several connections made by hand, each frame at a time of its own.

use super::{craft, pcap};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// The client's end of a connection, and the server's.
pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

/// A connection: its client's port, and the next number of each end.
pub(crate) struct Line {
    port: u16,
    next: [u32; 2],
}

/// A capture that grows.
#[derive(Default)]
pub(crate) struct Timeline {
    now_us: u64,
    frames: Vec<(u64, Vec<u8>)>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Time goes by.
    pub(crate) fn wait(&mut self, seconds: f64) {
        self.now_us += (seconds * 1e6) as u64;
    }

    /// Adds a frame as it is.
    pub(crate) fn frame(&mut self, frame: Vec<u8>) {
        self.now_us += 100;
        self.frames.push((self.now_us, frame));
    }

    /// The clock of the capture is set back.
    pub(crate) fn set_back(&mut self, seconds: f64) {
        self.now_us -= (seconds * 1e6) as u64;
    }

    /// A connection whose SYN is sent next.
    pub(crate) const fn line(port: u16) -> Line {
        Line { port, next: [1000, 5000] }
    }

    /// A connection from this port, after its handshake.
    pub(crate) fn open(&mut self, port: u16) -> Line {
        let mut line = Self::line(port);
        self.segment(&mut line, CLIENT, SYN, &[]);
        self.segment(&mut line, SERVER, SYN | ACK, &[]);
        self.segment(&mut line, CLIENT, ACK, &[]);
        line
    }

    /// An end sends a segment.
    pub(crate) fn segment(&mut self, line: &mut Line, from: usize, flags: u8, payload: &[u8]) {
        let frame = self.copy(line, from, flags, payload);
        line.next[from] += payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.frame(frame);
    }

    /// A segment with the next numbers, which do not go on with it.
    pub(crate) fn copy(&self, line: &Line, from: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        let ack = if flags & ACK == 0 { 0 } else { line.next[1 - from] };
        let id = self.frames.len() as u16 + 1;
        craft::frame(from, [line.port, 1883], (line.next[from], ack), flags, id, payload)
    }

    /// A segment that lies so many bytes before the next one, or behind it.
    pub(crate) fn displaced(&mut self, line: &mut Line, from: usize, by: i32, flags: u8, payload: &[u8]) {
        let next = line.next[from];
        line.next[from] = next.wrapping_add_signed(by);
        let frame = self.copy(line, from, flags, payload);
        line.next[from] = next;
        self.frame(frame);
    }

    /// The client sends, and the server acknowledges.
    pub(crate) fn client(&mut self, line: &mut Line, payload: &[u8]) {
        self.segment(line, CLIENT, PSH | ACK, payload);
        self.segment(line, SERVER, ACK, &[]);
    }

    /// The server sends, and the client acknowledges.
    pub(crate) fn server(&mut self, line: &mut Line, payload: &[u8]) {
        self.segment(line, SERVER, PSH | ACK, payload);
        self.segment(line, CLIENT, ACK, &[]);
    }

    /// Both ends close, this one first.
    pub(crate) fn close(&mut self, line: &mut Line, first: usize) {
        self.segment(line, first, FIN | ACK, &[]);
        self.segment(line, 1 - first, FIN | ACK, &[]);
        self.segment(line, first, ACK, &[]);
    }

    /// The bytes of a capture file.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        pcap::file(pcap::ETHERNET, self.frames.iter().map(|(micros, frame)| (*micros, frame)))
    }

    /// What is found by these rules, and with routes followed.
    pub(crate) fn findings(&self, options: mqttsniff::check::CheckOptions) -> Vec<mqttsniff::check::Finding> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), self.pcap()).unwrap();
        let mut analysis = mqttsniff::Analysis::open(&[file.path()]).unwrap();
        analysis.check(options);
        analysis.follow_sessions(mqttsniff::session::SessionOptions {
            routes: true,
            ..mqttsniff::session::SessionOptions::default()
        });
        let mut findings = Vec::new();
        analysis.run(&mut |output: &mqttsniff::Output<'_>| {
            if let mqttsniff::Output::Finding(finding) = output {
                findings.push((*finding).clone());
            }
        });
        findings
    }
}
