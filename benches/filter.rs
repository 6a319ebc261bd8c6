//! What a display filter costs per packet: `cargo bench --bench filter`.
//!
//! A capture is repeated in memory. The first row is the analysis with frames told and no filter; the others add a filter.
//! Items per second are packets: 1 Mitem/s is 1 µs for each.

#![allow(clippy::unwrap_used, missing_docs, reason = "this is a benchmark")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use mqttsniff::capture::{Batch, Fill, FrameHeader, Source as _};
use mqttsniff::engine::{Engine, EngineOptions, Event};
use mqttsniff::field::{Extractor, Filter, Registry};
use mqttsniff::time::Span;

/// How often the capture is repeated.
const ROUNDS: i64 = 200;

/// Nothing, what headers decide, what messages decide, and what neither needs.
const FILTERS: [&str; 6] = [
    "",
    "frame.number < 10",
    "tcp.port == 1883",
    "ip.addr == 172.29.83.0/24 and tcp.flags.syn == 1",
    "tcp.analysis.retransmission",
    "mqtt.topic contains \"temp\" and mqtt.qos > 0",
];

fn main() {
    divan::main();
}

/// The frames of a capture, again and again, each time a minute later.
fn frames() -> Batch {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mqtt5_qos.pcap");
    let mut source = mqttsniff::capture::open(&[path]).unwrap();
    let mut read = Batch::new();
    let mut found: Vec<(FrameHeader, Vec<u8>)> = Vec::new();
    loop {
        let fill = source.fill(&mut read);
        found.extend(read.frames().map(|frame| (frame.header, frame.data.to_vec())));
        if fill == Fill::End {
            break;
        }
        read.advance();
    }
    let mut batch = Batch::new();
    for round in 0..ROUNDS {
        for (header, data) in &found {
            let time = header.time + Span::from_secs(60 * round);
            batch.push(FrameHeader { time, ..*header }, data);
        }
    }
    batch
}

#[divan::bench(args = FILTERS)]
fn filter(bencher: Bencher<'_, '_>, text: &str) {
    let batch = frames();
    let count = batch.frames().count();
    let filter = (!text.is_empty()).then(|| Filter::parse(text, &Registry).unwrap());
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let options = EngineOptions { packets: true, ..EngineOptions::default() };
        let Some(filter) = &filter else {
            let mut engine = Engine::new(options);
            let mut packets = 0;
            let mut sink = |event: &Event<'_>| packets += u32::from(matches!(event, Event::Packet(_)));
            batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut sink));
            return black_box(packets);
        };
        let wanted: Vec<_> = filter.fields().collect();
        let mut extractor = Extractor::new(&wanted);
        let mut engine = Engine::new(extractor.engine_options(options));
        let mut chosen = 0;
        let mut sink = |event: &Event<'_>| match event {
            Event::Message(flow, message) => extractor.on_message(*flow, message, None),
            Event::Preview(_, message) => extractor.on_preview(message, None),
            Event::Packet(view) => {
                chosen += u32::from(filter.matches(&extractor.row(view)));
                extractor.clear();
            }
            _ => {}
        };
        batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut sink));
        black_box(chosen)
    });
}
