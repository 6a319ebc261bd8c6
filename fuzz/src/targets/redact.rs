//! Redaction, and excerpts: what is written reads as what was read.

use mqttsniff::capture::{Batch, Fill};
use mqttsniff::engine::{EngineOptions, FlowRef};
use mqttsniff::excerpt::{Excerpt, ExcerptLimits};
use mqttsniff::redact::{RedactedFrame, Redaction, RedactionOptions};
use mqttsniff::{Analysis, Output};

use crate::REDACTOR;
use crate::frames::Frames;
use crate::packets::{setting, traffic};
use crate::script::Script;

/// Frames of a file that are looked at.
const FRAMES: usize = 600;

pub(super) fn run(bytes: &[u8]) {
    let mut frames = Frames::of_file(bytes, FRAMES);
    let mut options = EngineOptions::default();
    if frames.list.is_empty() {
        let mut script = Script::new(bytes);
        options = setting(&mut script).engine;
        options.dissect.redactor = None;
        options.wireshark = None;
        frames = traffic(&mut script);
    }
    let redacted = redact(&frames, &options);
    assert_eq!(redacted.list.len(), frames.list.len(), "all frames are written");
    for ((one, old), (other, new)) in frames.list.iter().zip(&redacted.list) {
        assert_eq!((one, old.len()), (other, new.len()), "times and lengths stay");
    }
    // It has to be readable; that it reads as the original holds of conversations that are MQTT throughout.
    messages(&redacted, &options);
    excerpt(&frames, &options);
}

fn redact(frames: &Frames, options: &EngineOptions) -> Frames {
    let engine = options.clone();
    let mut redaction = Redaction::new(RedactionOptions { engine, ..RedactionOptions::new(*REDACTOR) });
    let mut batch = Batch::new();
    let mut out = Frames::default();
    let mut take = |done: RedactedFrame| out.list.push((done.header(), done.as_frame().data.to_vec()));
    for (header, data) in &frames.list {
        batch.advance();
        batch.push(*header, data);
        batch.frames().for_each(|frame| redaction.frame(&frame));
        while let Some(done) = redaction.next_done() {
            take(done);
        }
    }
    redaction.finish();
    while let Some(done) = redaction.next_done() {
        take(done);
    }
    out
}

/// How many messages there are.
fn messages(frames: &Frames, options: &EngineOptions) -> u64 {
    let mut analysis = Analysis::new(frames.source(&[usize::MAX]), options.clone());
    analysis.run(&mut |_: &Output<'_>| {}).engine.messages
}

fn excerpt(frames: &Frames, options: &EngineOptions) {
    let options = EngineOptions { packets: true, places: true, ..options.clone() };
    let mut analysis = Analysis::new(frames.source(&[3]), options);
    let mut excerpt = Excerpt::new(ExcerptLimits { bytes: 20_000, age: None });
    let (mut last, mut written) = (0, 0);
    let mut take = |excerpt: &mut Excerpt| {
        while let Some(frame) = excerpt.next_done() {
            let number = frame.as_frame().number.0;
            assert!(number > last, "frames come in their order");
            last = number;
            written += 1;
        }
    };
    let mut chosen = 0;
    loop {
        let fill = analysis.fill();
        analysis.analyse(usize::MAX, &mut |output: &Output<'_>| match output {
            Output::Message(flow, message) => excerpt.message(*flow, message),
            Output::Packet(view) => {
                let is_chosen = view.frame.number.0.is_multiple_of(3);
                chosen += u64::from(is_chosen);
                excerpt.frame(view, is_chosen);
                take(&mut excerpt);
            }
            Output::Flow(flow, _) => excerpt.flow(FlowRef::of(flow)),
            _ => {}
        });
        if fill == Fill::End {
            break;
        }
    }
    excerpt.finish();
    take(&mut excerpt);
    assert!(written >= chosen, "what was chosen is written");
}
