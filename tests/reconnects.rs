//! Clients that come back with all their subscriptions, over and over.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use common::craft::{connect, packet, text};
use common::timeline::{ACK, CLIENT, Line, PSH, SERVER, Timeline};
use mqttsniff::capture::File;
use mqttsniff::engine::EngineOptions;
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Output};

/// A capture of connections of which none is closed; the last one is what goes on.
struct Taken {
    timeline: Timeline,
    port: u16,
    line: Line,
}

impl Taken {
    fn new() -> Self {
        Self { timeline: Timeline::new(), port: 20_000, line: Timeline::line(20_000) }
    }

    /// A client whose session goes on comes with a new connection.
    fn comes(&mut self, client: &[u8], present: bool) {
        self.port += 1;
        self.line = self.timeline.open(self.port);
        self.timeline.segment(&mut self.line, CLIENT, PSH | ACK, &connect(0, client, &[]));
        self.timeline.segment(&mut self.line, SERVER, PSH | ACK, &[0x20, 2, u8::from(present), 0]);
    }

    /// It subscribes to so many filters of this length.
    fn subscribes(&mut self, id: u8, count: usize, length: usize) {
        let mut body = vec![0, id];
        for number in 0..count {
            let filter = format!("{id:03}/{number:04}/{}", "x".repeat(length - 9));
            body.extend(text(filter.as_bytes()));
            body.push(1);
        }
        self.timeline.segment(&mut self.line, CLIENT, PSH | ACK, &packet(0x82, &[&body]));
        self.timeline.segment(&mut self.line, SERVER, PSH | ACK, &packet(0x90, &[&[0, id], &vec![1; count]]));
    }

    /// By session, in the order of the connections: the client, how many subscriptions and bytes of filters are listed, and
    /// how many are left out.
    fn listed(&self) -> Vec<(Vec<u8>, usize, usize, u64)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reconnects.pcap");
        std::fs::write(&path, self.timeline.pcap()).unwrap();
        let mut analysis = Analysis::new(Box::new(File::open(&path).unwrap()), EngineOptions::default());
        analysis.follow_sessions(SessionOptions::default());
        let mut listed = Vec::new();
        analysis.run(&mut |output: &Output<'_>| {
            if let Output::Session(session, _) = output {
                let client = session.client_id.as_deref().unwrap().to_vec();
                let bytes: usize = session.subscriptions.iter().map(|(filter, _)| filter.len()).sum();
                let place = (client, session.subscriptions.len(), bytes, session.subscriptions_left_out);
                listed.push((session.flow.id, place));
            }
        });
        listed.sort_by_key(|(flow, _)| *flow);
        listed.into_iter().map(|(_, place)| place).collect()
    }
}

/// Short messages are no reason to list long filters, on a thousand connections that stay open.
#[test]
fn pings_earn_no_more_than_they_take() {
    let mut taken = Taken::new();
    taken.comes(b"big", false);
    for id in 1..=16 {
        taken.subscribes(id, 50, 1000);
    }
    let pings = [0xc0, 0].repeat(600);
    for _ in 0..300 {
        taken.comes(b"big", true);
        taken.timeline.segment(&mut taken.line, CLIENT, PSH | ACK, &pings);
    }
    let captured = taken.timeline.pcap().len();
    let bytes: usize = taken.listed().iter().map(|(.., bytes, _)| bytes).sum();
    assert!(bytes < (32 << 20) + 20 * captured, "{bytes} bytes for {captured}");
}

#[test]
fn what_is_listed_of_sessions_that_go_on_grows_with_the_capture_and_not_with_what_they_hold() {
    let mut taken = Taken::new();
    taken.comes(b"big", false);
    for id in 1..=16 {
        taken.subscribes(id, 50, 1000);
    }
    taken.comes(b"small", false);
    taken.subscribes(1, 20, 30);
    for _ in 0..200 {
        taken.comes(b"big", true);
        taken.comes(b"small", true);
    }
    let listed = taken.listed();
    let (big, small): (Vec<_>, Vec<_>) = listed.into_iter().partition(|(client, ..)| client == b"big");
    assert_eq!((big.len(), small.len()), (201, 201));
    assert!(big[..30].iter().all(|(_, count, _, left_out)| (*count, *left_out) == (800, 0)), "all are listed at first");
    assert!(big.iter().all(|(_, count, _, left_out)| *count as u64 + left_out == 800), "what is left out is counted");
    let bytes: usize = big.iter().map(|(.., bytes, _)| bytes).sum();
    assert!(bytes < 64 << 20, "{bytes} of {} bytes", 201 * 800 * 1000);
    assert!(small.iter().all(|(_, count, _, left_out)| (*count, *left_out) == (20, 0)), "nobody takes it from others");
}
