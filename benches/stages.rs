//! What each stage of the way from bytes to output costs: `cargo bench --bench stages`.
//!
//! A capture is generated in memory, of 50 000 packets. Items per second are packets unless said otherwise: 1 Mitem/s
//! is 1 µs for each. Where a stage can't be had alone through what is public, its row has the stages before it in it, and
//! says so: the difference to their rows is the stage itself. `scripts/compare-speed stages` counts their instructions,
//! and takes these differences.

#![allow(clippy::unwrap_used, missing_docs, reason = "this is a benchmark")]

#[path = "../tests/common/packets.rs"]
mod packets;
#[path = "../tests/common/pcap.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod pcap;
#[path = "../tests/common/traffic.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod traffic;

use std::collections::HashMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use mqttsniff::capture::{Batch, File, Fill, FrameNo, Origin, Place, Source};
use mqttsniff::engine::{Engine, EngineOptions, Event, StreamPart};
use mqttsniff::flow::{Direction, FlowLimits, FlowTable, ReassemblyLimits, StreamReassembler, StreamSink};
use mqttsniff::mqtt::{self, FrameSink, Framed, Framer, FramerLimits, Incomplete, LostSync, Version};
use mqttsniff::render::{JsonLines, Lines, Shown, Style};
use mqttsniff::time::Timestamp;
use mqttsniff::wire::{Decoder, FragmentLimits, Payload, SeqNum};
use mqttsniff::{Analysis, Output};

use traffic::{Traffic, Written};

/// The capture: a hundred connections with a little of all that goes wrong.
const TRAFFIC: Traffic =
    Traffic { packets: 50_000, connections: 100, seed: 1, loss: 1, retransmission: 4, reordering: 2, duplicates: 1 };

static CAPTURE: LazyLock<(Arc<[u8]>, Written)> = LazyLock::new(|| {
    let (bytes, written) = TRAFFIC.bytes();
    (bytes.into(), written)
});

fn main() {
    let (bytes, written) = &*CAPTURE;
    eprintln!("capture: {} packets, {} bytes, {} messages", written.packets, bytes.len(), written.messages);
    divan::main();
}

/// The capture as a source.
fn source() -> File {
    File::from_reader(Cursor::new(Arc::clone(&CAPTURE.0)), "capture")
}

/// All its frames in one batch.
fn frames() -> Batch {
    let mut source = source();
    let (mut read, mut all) = (Batch::new(), Batch::new());
    loop {
        let fill = source.fill(&mut read);
        read.frames().for_each(|frame| all.push(frame.header, frame.data));
        if fill == Fill::End {
            return all;
        }
        read.advance();
    }
}

/// The counters of a row whose work is the whole capture.
fn packets_and_bytes(packets: usize) -> (ItemsCount, BytesCount) {
    (ItemsCount::new(packets), BytesCount::new(CAPTURE.0.len()))
}

// The stages. Each is a function of its own that is never inlined, so that callgrind can be told to count it alone.

/// The grammar of pcap: from bytes to a batch of frames.
#[inline(never)]
fn stage_read() -> usize {
    let (mut source, mut batch, mut packets) = (source(), Batch::new(), 0);
    loop {
        batch.advance();
        let fill = source.fill(&mut batch);
        packets += batch.len();
        if fill == Fill::End {
            return packets;
        }
    }
}

/// From a frame to its layers, checksums included.
#[inline(never)]
fn stage_decode(batch: &Batch) -> usize {
    let mut decoder = Decoder::new(FragmentLimits::default());
    batch.frames().map(|frame| black_box(decoder.decode(&frame)).layers.iter().count()).sum()
}

/// The table of flows and TCP's analysis. A segment borrows from the decoder, so that decoding is in it.
#[inline(never)]
fn stage_flow(batch: &Batch) -> usize {
    let mut decoder = Decoder::new(FragmentLimits::default());
    let mut flows: FlowTable<()> = FlowTable::new(FlowLimits::default());
    let mut ended = Vec::new();
    for frame in batch.frames() {
        let packet = decoder.decode(&frame);
        let (Some(ip), Payload::Tcp(segment)) = (packet.ip, packet.payload) else { continue };
        let (source, destination) =
            (SocketAddr::new(ip.source, segment.source), SocketAddr::new(ip.destination, segment.destination));
        let origin = frame.origin();
        let found = flows.find_segment(source, destination, &segment, origin, &mut ended);
        if let Some(flow) = flows.get_mut(found) {
            flow.last = origin;
            let verdict = flow.connection.on_segment(found.direction, &segment, &ip, frame.header.length, origin);
            black_box(verdict);
        }
        flows.note_progress(found);
        ended.clear();
    }
    flows.len()
}

/// Streams in order from segments.
#[inline(never)]
fn stage_reassembly(segments: &[(SeqNum, Origin)], payload: &[u8], acknowledged: bool) -> u64 {
    let mut stream = StreamReassembler::default();
    let mut sink = Counted(0);
    stream.join(SeqNum(0));
    for (seq, origin) in segments {
        let place = Place { origin: *origin, offset: Some(66) };
        stream.push(*seq, payload, 0, place, ReassemblyLimits::default(), &mut sink);
        if acknowledged {
            stream.acknowledged(seq.plus(payload.len() as u32), *origin, &mut sink);
        }
    }
    sink.0
}

/// Packets from streams, and their fields.
#[inline(never)]
fn stage_mqtt(streams: &[Stream]) -> usize {
    decoded(streams)
}

fn decoded(streams: &[Stream]) -> usize {
    streams
        .iter()
        .map(|stream| {
            let mut framer = Framer::new(FramerLimits::default());
            let mut sink = Decoded { version: stream.version, packets: 0 };
            for (bytes, place) in &stream.parts {
                framer.push(bytes, *place, &mut sink);
            }
            framer.finish(&mut sink);
            sink.packets
        })
        .sum()
}

/// All of that: frames in, events out.
#[inline(never)]
fn stage_engine(batch: &Batch) -> u64 {
    let mut engine = Engine::new(EngineOptions::default());
    let mut sink = |event: &Event<'_>| {
        black_box(event);
    };
    batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut sink));
    engine.finish(&mut sink);
    engine.stats().messages
}

/// Sessions and checks, with the engine and reading in it.
#[inline(never)]
fn stage_analysis() -> u64 {
    let mut analysis = Analysis::new(Box::new(source()), EngineOptions::default());
    let summary = analysis.run(&mut |output: &Output<'_>| {
        black_box(output);
    });
    summary.engine.messages
}

/// The analysis with a line of JSON for each message.
#[inline(never)]
fn stage_json() -> u64 {
    let mut json = JsonLines::new(Sized(0), Shown { messages: true, ..NOTHING });
    let mut analysis = Analysis::new(Box::new(source()), EngineOptions::default());
    analysis.run(&mut |output: &Output<'_>| json.output(output).unwrap());
    json.get_mut().0
}

/// The analysis with a line of text for each packet.
#[inline(never)]
fn stage_text() -> u64 {
    let (mut lines, mut out) = (Lines::new(Style::PLAIN, PACKETS), Sized(0));
    let options = EngineOptions { packets: true, ..EngineOptions::default() };
    let mut analysis = Analysis::new(Box::new(source()), options);
    analysis.run(&mut |output: &Output<'_>| {
        if let Output::Packet(view) = output {
            lines.starts(view.frame.header.time);
        }
        lines.output(output, &mut out).unwrap();
    });
    out.0
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    let (items, bytes) = packets_and_bytes(frames().len());
    bencher.counter(items).counter(bytes).bench_local(stage_read);
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let batch = frames();
    let (items, bytes) = packets_and_bytes(batch.len());
    bencher.counter(items).counter(bytes).bench_local(|| stage_decode(&batch));
}

/// With decoding.
#[divan::bench]
fn flow(bencher: Bencher<'_, '_>) {
    let batch = frames();
    let (items, bytes) = packets_and_bytes(batch.len());
    bencher.counter(items).counter(bytes).bench_local(|| stage_flow(&batch));
}

/// Items are segments.
#[divan::bench(args = ["in_order", "reordered", "lossy"])]
fn reassembly(bencher: Bencher<'_, '_>, order: &str) {
    const SEGMENTS: u32 = 10_000;
    const LENGTH: u32 = 1000;
    let mut segments: Vec<_> = (0..SEGMENTS)
        .map(|at| {
            let time = Timestamp::from_nanos(i64::from(at) * 100_000);
            (SeqNum(at * LENGTH), Origin { frame: FrameNo(u64::from(at) + 1), time })
        })
        .collect();
    match order {
        // Every other segment comes behind the next one.
        "reordered" => (0..segments.len() / 4).for_each(|at| segments.swap(4 * at + 1, 4 * at + 2)),
        // Every tenth was never captured, and is acknowledged.
        "lossy" => segments.retain(|(seq, _)| seq.0 / LENGTH % 10 != 5),
        _ => {}
    }
    let payload = vec![b'x'; LENGTH as usize];
    let bytes = BytesCount::new(segments.len() * payload.len());
    bencher
        .counter(ItemsCount::new(segments.len()))
        .counter(bytes)
        .bench_local(|| stage_reassembly(&segments, &payload, order == "lossy"));
}

/// Items are MQTT packets, and bytes those of their streams.
#[divan::bench]
fn mqtt_packets(bencher: Bencher<'_, '_>) {
    let streams = streams();
    let bytes: usize = streams.iter().flat_map(|stream| &stream.parts).map(|(bytes, _)| bytes.len()).sum();
    let items = ItemsCount::new(decoded(&streams));
    bencher.counter(items).counter(BytesCount::new(bytes)).bench_local(|| stage_mqtt(&streams));
}

#[divan::bench]
fn engine(bencher: Bencher<'_, '_>) {
    let batch = frames();
    let (items, bytes) = packets_and_bytes(batch.len());
    bencher.counter(items).counter(bytes).bench_local(|| stage_engine(&batch));
}

/// With reading and the engine.
#[divan::bench]
fn analysis(bencher: Bencher<'_, '_>) {
    let (items, bytes) = packets_and_bytes(frames().len());
    bencher.counter(items).counter(bytes).bench_local(stage_analysis);
}

/// With the analysis.
#[divan::bench]
fn json_messages(bencher: Bencher<'_, '_>) {
    let (items, bytes) = packets_and_bytes(frames().len());
    bencher.counter(items).counter(bytes).bench_local(stage_json);
}

/// With the analysis.
#[divan::bench]
fn text_packets(bencher: Bencher<'_, '_>) {
    let (items, bytes) = packets_and_bytes(frames().len());
    bencher.counter(items).counter(bytes).bench_local(stage_text);
}

/// One message that is at hand, as a line of JSON; bytes are those of the line.
#[divan::bench]
fn json_line(bencher: Bencher<'_, '_>) {
    let mut json = JsonLines::new(Sized(0), Shown { messages: true, ..NOTHING });
    let mut bencher = Some(bencher);
    let mut analysis = Analysis::new(Box::new(source()), EngineOptions::default());
    analysis.run(&mut |output: &Output<'_>| {
        let is_publish =
            matches!(output, Output::Message(_, message) if matches!(message.packet.body, mqtt::Body::Publish(_)));
        let Some(bencher) = bencher.take_if(|_| is_publish) else { return };
        json.output(output).unwrap();
        let length = BytesCount::new(json.get_mut().0);
        bencher.counter(ItemsCount::new(1_usize)).counter(length).bench_local(|| json.output(output).unwrap());
    });
}

/// One packet that is at hand and carries a message, as a line of text; bytes are those of the line.
#[divan::bench]
fn text_line(bencher: Bencher<'_, '_>) {
    let mut bencher = Some(bencher);
    let options = EngineOptions { packets: true, ..EngineOptions::default() };
    let mut analysis = Analysis::new(Box::new(source()), options);
    analysis.run(&mut |output: &Output<'_>| {
        let carries = matches!(output, Output::Packet(view) if !view.messages.is_empty());
        let Some(bencher) = bencher.take_if(|_| carries) else { return };
        let mut lines = Lines::new(Style::PLAIN, PACKETS);
        // The first line has its titles before it.
        lines.output(output, &mut Sized(0)).unwrap();
        let mut out = Sized(0);
        lines.output(output, &mut out).unwrap();
        let length = BytesCount::new(out.0);
        let line = || lines.output(output, &mut out).unwrap();
        bencher.counter(ItemsCount::new(1_usize)).counter(length).bench_local(line);
    });
}

/// Frames are shown.
const PACKETS: Shown = Shown { packets: true, ..NOTHING };

const NOTHING: Shown = Shown {
    neighbours: false,
    packets: false,
    messages: false,
    flows: false,
    sessions: false,
    deliveries: false,
    topics: false,
    findings: false,
    summary: false,
};

/// Counts what is written, and lets it go.
struct Sized(u64);

impl std::io::Write for Sized {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Counts the bytes of a stream.
struct Counted(u64);

impl StreamSink for Counted {
    fn data(&mut self, bytes: &[u8], _place: Place) {
        self.0 += bytes.len() as u64;
    }

    fn gap(&mut self, _length: u64, _origin: Origin) {}
}

/// Decodes packets, and counts them.
struct Decoded {
    version: Version,
    packets: usize,
}

impl FrameSink for Decoded {
    fn packet(&mut self, framed: Framed<'_>) {
        black_box(mqtt::decode(framed.header, framed.body, self.version));
        self.packets += 1;
    }

    fn incomplete(&mut self, _incomplete: Incomplete<'_>) {}

    fn lost_sync(&mut self, _lost: LostSync) {}
}

/// What one end of a connection sent, in the parts in which it came, and which version it speaks.
struct Stream {
    version: Version,
    parts: Parts,
}

type Parts = Vec<(Vec<u8>, Place)>;

/// The streams that are whole from their begin, up to their first gap.
fn streams() -> Vec<Stream> {
    let mut parts: HashMap<(FrameNo, Direction), (Parts, bool)> = HashMap::new();
    let mut versions: HashMap<FrameNo, Version> = HashMap::new();
    let mut engine = Engine::new(EngineOptions { streams: true, ..EngineOptions::default() });
    let mut sink = |event: &Event<'_>| match event {
        Event::Message(flow, message) => {
            versions.entry(flow.id).or_insert(message.packet.version);
        }
        Event::Stream(flow, direction, part, origin) => {
            let (parts, open) = parts.entry((flow.id, *direction)).or_insert((Vec::new(), flow.from_start[*direction]));
            match part {
                StreamPart::Bytes(bytes) if *open => {
                    parts.push((bytes.to_vec(), Place { origin: *origin, offset: Some(66) }));
                }
                _ => *open = false,
            }
        }
        _ => {}
    };
    let batch = frames();
    batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut sink));
    engine.finish(&mut sink);
    let mut found: Vec<_> = parts.into_iter().collect();
    found.sort_by_key(|((flow, direction), _)| (*flow, *direction == Direction::ToClient));
    found
        .into_iter()
        .filter_map(|((flow, _), (parts, _))| Some(Stream { version: *versions.get(&flow)?, parts }))
        .collect()
}
