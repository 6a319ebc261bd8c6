use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::capture::{self, Batch, Fill, FrameHeader, LinkType, Source as _};
use crate::engine::{Engine, EngineOptions, Event, MessageLine};
use crate::flow::{KnownBy, PerDirection, Transport};
use crate::time::Timestamp;

/// What became of a capture.
#[derive(Debug, Default)]
struct Made {
    /// The frames of the excerpt, in the order in which they were done, with the frame at which each was.
    done: Vec<(u64, u64)>,
    chosen: BTreeSet<u64>,
    /// The frames of the messages that the chosen frames completed.
    needed: BTreeSet<u64>,
    missing: u64,
}

impl Made {
    fn frames(&self) -> BTreeSet<u64> {
        self.done.iter().map(|(frame, _)| *frame).collect()
    }
}

fn options() -> EngineOptions {
    EngineOptions { packets: true, places: true, ..EngineOptions::default() }
}

/// Runs the engine over a fixture.
fn run(name: &str, sink: &mut dyn FnMut(&Event<'_>)) {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut source = capture::open(&[path]).expect("a fixture");
    let (mut engine, mut batch, mut fill) = (Engine::new(options()), Batch::new(), Fill::More);
    while fill == Fill::More {
        batch.advance();
        fill = source.fill(&mut batch);
        batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut |event: &Event<'_>| sink(event)));
    }
    engine.finish(&mut |event: &Event<'_>| sink(event));
}

fn make(name: &str, limits: ExcerptLimits, choose: impl Fn(&[MessageLine]) -> bool) -> Made {
    let (mut excerpt, mut made) = (Excerpt::new(limits), Made::default());
    let mut messages: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    run(name, &mut |event| match event {
        Event::Message(flow, message) => {
            excerpt.message(*flow, message);
            let frames = message.frames.iter().map(|frame| frame.0);
            messages.entry(message.origin.frame.0).or_default().extend(frames);
        }
        Event::Packet(view) => {
            let (number, chosen) = (view.frame.number.0, choose(view.messages));
            excerpt.frame(view, chosen);
            if chosen {
                made.chosen.insert(number);
                made.needed.extend(messages.get(&number).into_iter().flatten());
            }
            while let Some(frame) = excerpt.next_done() {
                made.done.push((frame.as_frame().number.0, number));
            }
        }
        Event::Flow(flow, _) => excerpt.flow(FlowRef::of(flow)),
        _ => {}
    });
    excerpt.finish();
    made.done.extend(std::iter::from_fn(|| excerpt.next_done()).map(|frame| (frame.as_frame().number.0, u64::MAX)));
    made.missing = excerpt.missing();
    made
}

fn publishes(messages: &[MessageLine]) -> bool {
    messages.iter().any(|message| message.name == "PUBLISH")
}

#[test]
fn an_excerpt_has_what_was_chosen_and_all_that_its_messages_need_in_order() {
    for name in ["byte_writer", "paho", "mqtt_mess", "mqtt_loss_5", "coalesced", "odd_topics", "midstream"] {
        let made = make(&format!("lab/{name}.pcap"), ExcerptLimits::default(), publishes);
        let frames = made.frames();
        assert!(made.done.is_sorted_by(|(a, _), (b, _)| a < b), "{name}: {:?}", made.done);
        assert!(!made.chosen.is_empty() && frames.is_superset(&made.chosen), "{name}");
        assert!(frames.is_superset(&made.needed), "{name}: {:?}", made.needed.difference(&frames));
        assert_eq!(made.missing, 0, "{name}");
    }
}

#[test]
fn nothing_else_is_in_it() {
    let made = make("mqtt5_qos.pcap", ExcerptLimits::default(), publishes);
    assert_eq!(made.frames(), made.chosen, "each message stands in one segment");
    let made = make("lab/byte_writer.pcap", ExcerptLimits::default(), publishes);
    assert_eq!(made.frames(), &made.chosen | &made.needed);
    assert!(made.needed.len() > made.chosen.len(), "messages that were written byte by byte");
    let none = make("lab/byte_writer.pcap", ExcerptLimits::default(), |_| false);
    assert_eq!(none.done, []);
}

#[test]
fn a_frame_waits_for_open_messages_only() {
    let made = make("mqtt5_qos.pcap", ExcerptLimits::default(), publishes);
    assert!(made.done.iter().all(|(frame, at)| frame == at), "{:?}", made.done);
}

#[test]
fn fragments_come_with_the_datagram_that_they_are() {
    let made = make("vectors/lt_frag.pcap", ExcerptLimits::default(), publishes);
    let (mut parts, mut of_chosen) = (BTreeMap::<u64, Vec<u64>>::new(), BTreeSet::new());
    run("vectors/lt_frag.pcap", &mut |event| {
        if let Event::Packet(view) = event {
            for fragment in view.trace.iter().flat_map(|trace| &trace.fragments) {
                parts.entry(fragment.datagram).or_default().push(view.frame.number.0);
                let whole = if fragment.completes { parts.remove(&fragment.datagram) } else { None };
                of_chosen.extend(whole.into_iter().flatten().filter(|_| publishes(view.messages)));
            }
        }
    });
    assert!(of_chosen.len() > 1, "the fixture has fragments");
    assert!(made.frames().is_superset(&of_chosen));
}

#[test]
fn what_can_not_wait_is_counted_as_missing() {
    for limits in [
        ExcerptLimits { bytes: 2000, age: None },
        ExcerptLimits { age: Some(Span::from_millis(1)), ..ExcerptLimits::default() },
    ] {
        let all = make("lab/byte_writer.pcap", ExcerptLimits::default(), publishes);
        let made = make("lab/byte_writer.pcap", limits, publishes);
        let frames = made.frames();
        assert!(frames.is_superset(&made.chosen), "what was chosen is there in any case");
        assert!(made.missing > 0);
        assert_eq!(all.frames().difference(&frames).count() as u64, made.missing, "{limits:?}");
        assert!(made.done.is_sorted());
    }
}

/// A segment of a client in raw IPv4, without checksums.
fn segment(seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((40 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 7, 192, 0, 2, 9, 0x9c, 0x40, 0x07, 0x5b]);
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

fn publish(topic: u8, length: usize) -> Vec<u8> {
    let mut packet = vec![0x30, 3 + length as u8, 0, 1, topic];
    packet.extend(vec![b'x'; length]);
    packet
}

fn batch_of(segments: &[(u32, Vec<u8>)]) -> Batch {
    let mut batch = Batch::new();
    for (at, (seq, payload)) in segments.iter().enumerate() {
        let data = segment(*seq, payload);
        let time = Timestamp::from_secs_nanos(1_800_000_000 + at as i64, 0);
        let header = FrameHeader { time, link: LinkType::RAW, length: data.len() as u32, interface: 0, fcs_length: 0 };
        batch.push(header, &data);
    }
    batch
}

/// The topics of the messages that were seen, and the frames of those that are chosen.
fn excerpt_of(batch: &Batch, wanted: &dyn Fn(u8) -> bool) -> (Vec<u8>, Vec<(u32, Vec<u8>)>) {
    let mut engine = Engine::new(options());
    let mut excerpt = Excerpt::new(ExcerptLimits::default());
    let (mut topics, mut taken) = (Vec::new(), Vec::new());
    let mut sink = |event: &Event<'_>| match event {
        Event::Message(flow, message) => {
            excerpt.message(*flow, message);
            topics.extend(message.topic.and_then(|topic| topic.first()).filter(|topic| wanted(**topic)));
        }
        Event::Packet(view) => {
            let topic = |line: &MessageLine| line.topic.as_ref().and_then(|topic| topic.first().copied());
            excerpt.frame(view, view.messages.iter().filter_map(topic).any(wanted));
        }
        _ => {}
    };
    batch.frames().for_each(|frame| engine.frame(&frame, &[], &mut sink));
    engine.finish(&mut sink);
    excerpt.finish();
    while let Some(frame) = excerpt.next_done() {
        let data = frame.as_frame().data;
        let seq = data.get(24..28).and_then(|seq| seq.try_into().ok()).map_or(0, u32::from_be_bytes);
        taken.push((seq, data[40..].to_vec()));
    }
    (topics, taken)
}

#[test]
fn flows_end_one_by_one_though_a_hundred_thousand_are_open() {
    let flows: Vec<FlowRef> = (0..100_000_u32)
        .map(|number| FlowRef {
            id: FrameNo(u64::from(number) + 1),
            begin: PerDirection::default(),
            stream: number,
            from_start: PerDirection::default(),
            lacks: PerDirection::default(),
            unacknowledged: PerDirection::default(),
            known_by: KnownBy::Connect,
            transport: Transport::Tcp,
            client: SocketAddr::from((number.to_be_bytes(), 40_000)),
            server: SocketAddr::from(([192, 0, 2, 9], 1883)),
        })
        .collect();
    let mut excerpt = Excerpt::new(ExcerptLimits::default());
    for flow in &flows {
        for end in [flow.client, flow.server] {
            excerpt.streams.insert((flow.id, end), Stream::default());
        }
    }
    let (done, left) = mpsc::channel();
    thread::spawn(move || {
        for flow in flows {
            excerpt.flow(flow);
        }
        done.send(excerpt.streams.len())
    });
    // To look at all of them for each takes many minutes, to look at its own a fraction of a second.
    assert_eq!(left.recv_timeout(Duration::from_secs(20)), Ok(0));
}

proptest! {
    /// However a stream is cut, an excerpt of some of its messages tells these messages.
    #[test]
    fn an_excerpt_tells_what_was_chosen(
        lengths in vec(0usize..60, 1..12),
        cuts in vec(1usize..40, 1..80),
        chosen in vec(any::<bool>(), 12),
    ) {
        let mut stream = b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03one".to_vec();
        for (at, length) in lengths.iter().enumerate() {
            stream.extend(publish(b'A' + at as u8, *length));
        }
        let (mut segments, mut rest, mut cuts) = (Vec::new(), stream.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (front, back) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            segments.push((1000 + (stream.len() - rest.len()) as u32, front.to_vec()));
            rest = back;
        }
        let wanted = |topic: u8| chosen[usize::from(topic - b'A')];
        let (topics, taken) = excerpt_of(&batch_of(&segments), &wanted);
        let expected: Vec<u8> = (0..lengths.len()).filter(|at| chosen[*at]).map(|at| b'A' + at as u8).collect();
        prop_assert_eq!(&topics, &expected);
        // The borders of packets are found by whoever reads each run of segments from its beginning.
        let mut found = Vec::new();
        let mut runs: Vec<(u32, Vec<u8>)> = Vec::new();
        for (seq, bytes) in taken {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() as u32 == seq => run.extend(bytes),
                _ => runs.push((seq, bytes)),
            }
        }
        for (_, run) in runs {
            let mut rest = run.as_slice();
            while let [kind, length, body @ ..] = rest {
                let Some((body, behind)) = body.split_at_checked(usize::from(*length)) else { break };
                prop_assert!([0x10, 0x30].contains(kind), "no border of a packet: {:02x?}", rest);
                found.extend((*kind == 0x30).then(|| body[2]).filter(|topic| wanted(*topic)));
                rest = behind;
            }
        }
        prop_assert_eq!(found, expected);
    }
}
