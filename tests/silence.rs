//! What is told though no frame comes.

#![allow(clippy::unwrap_used, missing_docs, reason = "these are tests")]

use mqttsniff::capture::Fill;
use mqttsniff::time::Span;
use mqttsniff::{Analysis, Output};

#[test]
fn flows_that_are_over_are_told_in_a_silence_and_others_are_not() {
    let mut analysis = Analysis::open(&["fixtures/mqtt5_qos.pcap"]).unwrap();
    let mut fill = Fill::More;
    while fill != Fill::End {
        fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |_| ());
    }
    let told = |analysis: &mut Analysis, seconds| {
        let mut told = (0, 0);
        analysis.time_passes(Span::from_secs(seconds), &mut |output| match output {
            Output::Session(..) => told.0 += 1,
            Output::Flow(..) => told.1 += 1,
            _ => {}
        });
        told
    };
    assert_eq!(told(&mut analysis, 1), (0, 0), "something may come late");
    let (sessions, flows) = told(&mut analysis, 120);
    assert!(sessions > 0 && flows >= sessions, "{sessions} sessions of {flows} flows");
    assert_eq!(told(&mut analysis, 121), (0, 0), "each once");
    let mut left = 0;
    let summary = analysis.finish(&mut |output| left += u64::from(matches!(output, Output::Flow(..))));
    assert_eq!(left + flows as u64, summary.engine.flows);
}
