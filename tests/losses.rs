//! Frames that were lost on the way to the analysis: what is found without them is also found with them.
//!
//! A loss may hide a finding. It must not make one: what did not come is no proof where frames are missing.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use common::captures;
use mqttsniff::capture::{Batch, File, Fill, Frame, FrameHeader, FrameNo, Lost, Source, SourceReport};
use mqttsniff::check::{Certainty, CheckOptions};
use mqttsniff::engine::EngineOptions;
use mqttsniff::session::SessionOptions;
use mqttsniff::{Analysis, Output};

/// The frames of a capture but some, which it says were lost.
struct Losing {
    frames: Vec<(FrameHeader, Vec<u8>)>,
    /// The numbers of those that are lost, from 1.
    lost: Range<u64>,
    next: u64,
    /// Whether it says so.
    honest: bool,
}

impl Source for Losing {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        if self.next == self.lost.start && !self.lost.is_empty() {
            self.next = self.lost.end;
            let analysis = if self.honest { self.lost.end - self.lost.start } else { 0 };
            batch.restart(FrameNo(self.next));
            batch.set_lost(Lost { analysis, ..Lost::default() });
        } else {
            batch.restart(FrameNo(self.next));
        }
        let until = if self.next < self.lost.start { self.lost.start - 1 } else { self.frames.len() as u64 };
        for (header, data) in &self.frames[(self.next - 1) as usize..until as usize] {
            batch.push(*header, data);
        }
        self.next = until + 1;
        if self.next > self.frames.len() as u64 { Fill::End } else { Fill::More }
    }

    fn report(&self) -> SourceReport {
        SourceReport::default()
    }
}

fn frames_of(path: &Path) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut file = File::open(path).unwrap();
    let (mut batch, mut frames) = (Batch::new(), Vec::new());
    loop {
        batch.advance();
        let fill = file.fill(&mut batch);
        frames.extend(batch.frames().map(|frame: Frame<'_>| (frame.header, frame.data.to_vec())));
        if fill == Fill::End {
            return frames;
        }
    }
}

/// What is found, by rule and connection.
type Found = BTreeSet<(String, Option<(u16, u16)>)>;

fn findings(frames: &[(FrameHeader, Vec<u8>)], lost: Range<u64>, honest: bool) -> Found {
    let source = Losing { frames: frames.to_vec(), lost, next: 1, honest };
    let mut analysis = Analysis::new(Box::new(source), EngineOptions::default());
    analysis.follow_sessions(SessionOptions { routes: true, ..SessionOptions::default() });
    analysis.check(CheckOptions::all());
    let mut found = Found::new();
    analysis.run(&mut |output: &Output<'_>| {
        if let Output::Finding(finding) = output {
            // A hint says of itself that it may be wrong.
            if finding.certainty == Certainty::Hint {
                return;
            }
            let id = class_of(&finding.id);
            if id.starts_with("lint.") {
                found.insert((id.to_owned(), None));
                return;
            }
            // Who is the client may have been in what was lost.
            let ports = finding.flow.map(|flow| (flow.client.port(), flow.server.port()));
            found.insert((id.to_owned(), ports.map(|(a, b)| (a.min(b), a.max(b)))));
        }
    });
    found
}

/// Findings that are told in each other's place: of one end of a connection only the plainest, of a message that is sent
/// again only by how far its exchange had come. A lint that is told once for all is told of what is seen first.
fn class_of(id: &str) -> &str {
    match id {
        "tcp.refused" | "tcp.half-open" => "tcp.reset",
        "mqtt.resent-after-release" | "mqtt.resent-after-completion" => "mqtt.resent-on-connection",
        other => other,
    }
}

/// Rules on what is missing itself; on what a segment is that repeats one that was lost; on what a mean is without it.
fn is_about_the_loss(id: &str) -> bool {
    const REPEATED: [&str; 5] =
        ["tcp.retransmission", "tcp.duplicated", "tcp.overlap-conflict", "tcp.bad-checksum", "ip.fragment-conflict"];
    const CARRIER: [&str; 3] = ["websocket.lost-frames", "websocket.context-lost", "websocket.not-inflated"];
    id.starts_with("capture.")
        || CARRIER.contains(&id)
        || matches!(id, "mqtt.lost-sync" | "mqtt.cut-header" | "ip.fragments-unfinished" | "lint.slow-ack")
        || REPEATED.contains(&id)
}

#[test]
fn a_loss_makes_no_finding() {
    let (mut runs, mut invented, mut without_word) = (0, Vec::new(), 0);
    for path in captures() {
        let frames = frames_of(&path);
        let count = frames.len() as u64;
        if !(4..=1500).contains(&count) {
            continue;
        }
        let all = findings(&frames, 1..1, true);
        // To the end, in the middle, long and short; and some without any plan.
        let cuts = [
            count / 2..count + 1,
            count * 3 / 4..count + 1,
            count / 3..count / 2,
            count / 4..count / 4 + 3,
            count * 9 / 10..count * 9 / 10 + 1,
        ];
        let anywhere = (0..20).map(|turn| {
            let from = 1 + turn * 7919 % count;
            from..(from + 1 + turn * 31 % (count / 2 + 1)).min(count + 1)
        });
        for lost in cuts.into_iter().chain(anywhere) {
            runs += 1;
            let fresh = |honest| -> Vec<_> {
                let found = findings(&frames, lost.clone(), honest);
                found.difference(&all).filter(|(id, _)| !is_about_the_loss(id)).cloned().collect()
            };
            invented.extend(fresh(true).into_iter().map(|found| format!("{} {lost:?} {found:?}", path.display())));
            without_word += fresh(false).len();
        }
    }
    assert!(runs > 100, "too few fixtures to say anything: {runs}");
    assert!(without_word > 0, "no loss would have made a finding, so that this shows nothing");
    assert!(invented.is_empty(), "{} of {without_word}:\n{}", invented.len(), invented.join("\n"));
}

/// The frames of a capture, and at the end some that were lost: told with a batch that has no frames, and in the report.
struct LosingLast {
    frames: Vec<(FrameHeader, Vec<u8>)>,
    is_over: bool,
}

impl Source for LosingLast {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        if self.is_over {
            batch.set_lost(Lost { analysis: 3, ..Lost::default() });
            return Fill::End;
        }
        self.frames.iter().for_each(|(header, data)| batch.push(*header, data));
        self.is_over = true;
        Fill::More
    }

    fn report(&self) -> SourceReport {
        SourceReport { analysis_dropped: Some(3), ..SourceReport::default() }
    }
}

#[test]
fn what_is_lost_at_the_very_end_is_counted_once() {
    let frames = frames_of(&common::fixtures().join("lab").join("close_4seg.pcap"));
    let source = LosingLast { frames, is_over: false };
    let mut analysis = Analysis::new(Box::new(source), EngineOptions::default());
    analysis.check(CheckOptions::all());
    let mut told = Vec::new();
    let summary = analysis.run(&mut |output: &Output<'_>| match output {
        Output::Finding(finding) if finding.id == "capture.frames-lost" => told.push(finding.message.clone()),
        _ => {}
    });
    assert_eq!(summary.engine.lost.total(), 3);
    assert!(told.len() == 1 && told[0].contains(": 3 captured and not analysed by now"), "{told:?}");
}
