//! What a test of your own may look like: it fails if the traffic that it recorded breaks a rule.

use mqttsniff::check::{Certainty, Severity};
use mqttsniff::{Analysis, Output};

/// The errors of a capture, each in a line. Panics if it could not be read to its end.
fn errors(capture: &str) -> Vec<String> {
    let mut analysis = Analysis::open(&[capture]).expect("a capture file");
    let mut errors = Vec::new();
    let summary = analysis.run(&mut |output: &Output<'_>| {
        if let Output::Finding(finding) = output
            && finding.severity == Severity::Error
            && finding.certainty > Certainty::Hint
        {
            errors.push(format!("frame {:?}: {} ({})", finding.frames, finding.message, finding.id));
        }
    });
    assert!(summary.is_complete(), "{:?}", summary.source.problems);
    assert!(summary.engine.messages > 0, "there was nothing to check");
    errors
}

fn main() {
    assert_eq!(errors("fixtures/mqtt5_qos.pcap"), [""; 0]);
    println!("fixtures/malformed.pcap has {} errors", errors("fixtures/malformed.pcap").len());
}
