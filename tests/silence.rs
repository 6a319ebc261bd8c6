//! What is told though no frame comes.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

mod common;

use std::path::Path;

use common::timeline::{ACK, CLIENT, Timeline};
use mqttsniff::capture::Fill;
use mqttsniff::time::Span;
use mqttsniff::{Analysis, Output};

/// A capture of which all frames were taken in, and which has not ended.
fn taken(path: &Path) -> Analysis {
    let mut analysis = Analysis::open(&[path]).unwrap();
    let mut fill = Fill::More;
    while fill != Fill::End {
        fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |_| ());
    }
    analysis
}

/// How many sessions and flows are told after so many seconds of silence.
fn told(analysis: &mut Analysis, seconds: i64) -> (usize, usize) {
    let mut told = (0, 0);
    analysis.time_passes(Span::from_secs(seconds), &mut |output| match output {
        Output::Session(..) => told.0 += 1,
        Output::Flow(..) => told.1 += 1,
        _ => {}
    });
    told
}

#[test]
fn flows_that_are_over_are_told_in_a_silence_and_others_are_not() {
    let mut analysis = taken(Path::new("fixtures/mqtt5_qos.pcap"));
    assert_eq!(told(&mut analysis, 1), (0, 0), "something may come late");
    let (sessions, flows) = told(&mut analysis, 120);
    assert!(sessions > 0 && flows >= sessions, "{sessions} sessions of {flows} flows");
    assert_eq!(told(&mut analysis, 121), (0, 0), "each once");
    let mut left = 0;
    let summary = analysis.finish(&mut |output| left += u64::from(matches!(output, Output::Flow(..))));
    assert_eq!(left + flows as u64, summary.engine.flows);
}

#[test]
fn a_last_frame_with_a_wild_time_lets_a_silence_end_nothing_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wild.pcap");
    for (days, wild) in [(0.0, false), (400.0, true)] {
        let mut timeline = Timeline::new();
        let mut line = timeline.open(40_000);
        timeline.close(&mut line, CLIENT);
        let mut other = timeline.open(40_001);
        timeline.wait(days * 86_400.0);
        timeline.segment(&mut other, CLIENT, ACK, &[]);
        std::fs::write(&path, timeline.pcap()).unwrap();
        let mut analysis = taken(&path);
        assert_eq!([1, 2, 3].map(|seconds| told(&mut analysis, seconds)), [(0, 0); 3], "wild: {wild}");
        assert_eq!(told(&mut analysis, 121), (0, 1), "wild: {wild}");
    }
}
