//! Frames from anywhere: the engine does no I/O and reads no clock, it takes bytes and the time they came.

use mqttsniff::capture::{Batch, FrameHeader, LinkType};
use mqttsniff::engine::{Engine, EngineOptions, Event};
use mqttsniff::time::Timestamp;

fn main() {
    // A TCP segment with a SYN from 10.0.0.1 to port 1883 of 10.0.0.2, as it stands behind a raw IP link.
    let syn = [
        0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
        0xc3, 0x50, 0x07, 0x5b, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0, // TCP
    ];
    let time = Timestamp::from_secs_nanos(1_800_000_000, 0);
    let header = FrameHeader { time, link: LinkType::RAW, length: 40, interface: 0, fcs_length: 0 };
    let mut batch = Batch::new();
    batch.push(header, &syn);

    let mut engine = Engine::new(EngineOptions::default());
    let mut sink = |event: &Event<'_>| {
        if let Event::Flow(flow, _) = event {
            println!("{} -> {}: {}", flow.client, flow.server, flow.connection.outcome().name());
        }
    };
    for frame in batch.frames() {
        engine.frame(&frame, &[], &mut sink);
    }
    engine.finish(&mut sink);
}
