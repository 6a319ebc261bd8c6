//! Events that are written down by one thread and read by another.
//!
//! A log holds what a batch of frames has told, without a reference to the batch: bodies of messages are copied, and
//! decoded again when they are read, which costs less than to carry their fields over.

use std::ops::Range;

use super::event::{Coming, Event, FlowRef, Notice, Sink};
use crate::capture::{FrameNo, Origin};
use crate::dissect::sn::{KnownTopic, SnMessage, TopicKnownBy};
use crate::dissect::{Conversation, Message, QuicLane, VersionKnownBy};
use crate::flow::{Direction, Ended, Flow, Role};
use crate::mqtt::{self, FixedHeader, Piece, Version};
use crate::mqttsn;
use crate::neighbour::dns::Answer;

/// How much of a log's buffers outlives [`EventLog::clear`].
const KEPT_BYTES: usize = 1 << 20;

/// The events of a batch, in their order.
///
/// It holds messages, and all that is told of flows; frames, streams and previews are not written down.
#[derive(Debug, Default)]
pub struct EventLog {
    entries: Vec<Entry>,
    /// The flow of each message; several in a row are often of the same.
    flows: Vec<FlowRef>,
    bytes: Vec<u8>,
    frames: Vec<FrameNo>,
    pieces: Vec<Piece>,
    /// How many bytes answers take that are not in these buffers.
    answers: usize,
}

#[derive(Debug)]
enum Entry {
    Message(Written),
    SnMessage(FlowRef, Box<WrittenSn>),
    Closing(FlowRef, Role, Origin),
    Flow(Box<Flow<Conversation>>, Ended),
    Notice(Box<Notice>),
    Names(Origin, Box<[Answer]>),
}

/// A message, as places in the buffers of its log.
#[derive(Debug)]
struct Written {
    flow: u32,
    header: FixedHeader,
    /// The version that it was read as.
    version: Version,
    version_known_by: VersionKnownBy,
    direction: Direction,
    stream: Direction,
    resynced: bool,
    incomplete: bool,
    was_doubtful: bool,
    topic: Topic,
    topic_alias: Option<u16>,
    missing: u32,
    body: Range<u32>,
    frames: Range<u32>,
    pieces: Range<u32>,
    origin: Origin,
    started: Origin,
    stream_offset: u64,
    outer_end: u64,
    quic: Option<QuicLane>,
}

/// The same of MQTT-SN.
#[derive(Debug)]
struct WrittenSn {
    bytes: Range<u32>,
    length: u32,
    direction: Direction,
    origin: Origin,
    offset: Option<u32>,
    topic: Option<(Range<u32>, TopicKnownBy)>,
}

/// Where the topic of a message stands.
#[derive(Debug)]
enum Topic {
    None,
    /// In the packet itself.
    Named,
    /// It was named by an earlier packet.
    Aliased(Range<u32>),
}

/// Appends to a buffer and says where.
fn append<T: Copy>(buffer: &mut Vec<T>, items: &[T]) -> Range<u32> {
    let start = buffer.len() as u32;
    buffer.extend_from_slice(items);
    start..buffer.len() as u32
}

fn at<'a, T>(buffer: &'a [T], range: &Range<u32>) -> &'a [T] {
    buffer.get(range.start as usize..range.end as usize).unwrap_or_default()
}

impl EventLog {
    /// Whether it holds no event.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How much memory its events take.
    pub fn bytes_held(&self) -> usize {
        let events = size_of_val(self.entries.as_slice()) + size_of_val(self.flows.as_slice());
        // A message that came byte by byte has a piece for each.
        let places = size_of_val(self.frames.as_slice()) + size_of_val(self.pieces.as_slice());
        self.bytes.len() + events + places + self.answers
    }

    /// Forgets all events; the buffers are used again.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.flows.clear();
        self.bytes.clear();
        self.frames.clear();
        self.pieces.clear();
        self.answers = 0;
        self.bytes.shrink_to(KEPT_BYTES);
        self.pieces.shrink_to(KEPT_BYTES / size_of::<Piece>());
        self.entries.shrink_to(KEPT_BYTES / size_of::<Entry>());
    }

    /// The flows of messages that are told a little after this event, for whoever wants to prepare for them.
    #[inline]
    pub fn ahead(&self, event: usize) -> Coming {
        const LATER: usize = 5;
        const SOONER: usize = 2;
        let flow_of = |event: usize| match self.entries.get(event)? {
            Entry::Message(written) => self.flows.get(written.flow as usize).map(|flow| flow.id),
            Entry::SnMessage(..) | Entry::Closing(..) | Entry::Flow(..) | Entry::Notice(_) | Entry::Names(..) => None,
        };
        Coming { later: flow_of(event + LATER), sooner: flow_of(event + SOONER) }
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells the event at a place from 0 on, in the order in which they were written down.
    pub fn replay(&self, event: usize, sink: &mut impl Sink) {
        if let Some(entry) = self.entries.get(event) {
            match entry {
                Entry::Message(written) => self.message(written, sink),
                Entry::SnMessage(flow, written) => self.sn_message(*flow, written, sink),
                Entry::Closing(flow, by, at) => sink.event(&Event::Closing(*flow, *by, *at)),
                Entry::Flow(flow, why) => sink.event(&Event::Flow(flow, *why)),
                Entry::Notice(notice) => sink.event(&Event::Notice(notice)),
                Entry::Names(origin, answers) => sink.event(&Event::Names(*origin, answers)),
            }
        }
    }

    fn message(&self, written: &Written, sink: &mut impl Sink) {
        let Some(flow) = self.flows.get(written.flow as usize) else { return };
        let body = at(&self.bytes, &written.body);
        let packet = mqtt::decode(written.header, body, written.version);
        let topic = match (&written.topic, &packet.body) {
            (Topic::Aliased(range), _) => Some(at(&self.bytes, range)),
            (Topic::Named, mqtt::Body::Publish(publish)) => publish.topic,
            (Topic::Named | Topic::None, _) => None,
        };
        let message = Message {
            packet,
            body,
            direction: written.direction,
            stream: written.stream,
            origin: written.origin,
            started: written.started,
            frames: at(&self.frames, &written.frames),
            pieces: at(&self.pieces, &written.pieces),
            stream_offset: written.stream_offset,
            outer_end: written.outer_end,
            version_known_by: written.version_known_by,
            topic,
            topic_alias: written.topic_alias,
            missing: written.missing,
            resynced: written.resynced,
            incomplete: written.incomplete,
            quic: written.quic,
            was_doubtful: written.was_doubtful,
        };
        sink.event(&Event::Message(*flow, &message));
    }

    fn sn_message(&self, flow: FlowRef, written: &WrittenSn, sink: &mut impl Sink) {
        let bytes = at(&self.bytes, &written.bytes);
        // It was read before it was written down.
        let Some(datagram) = mqttsn::read(bytes, written.length) else { return };
        let topic = written.topic.as_ref().map(|(name, by)| KnownTopic { name: at(&self.bytes, name), by: *by });
        let WrittenSn { length, direction, origin, offset, .. } = *written;
        let message = SnMessage { datagram, bytes, length, direction, origin, offset, topic };
        sink.event(&Event::SnMessage(flow, &message));
    }

    fn write_sn(&mut self, flow: FlowRef, message: &SnMessage<'_>) {
        let topic = message.topic.map(|topic| (append(&mut self.bytes, topic.name), topic.by));
        let bytes = append(&mut self.bytes, message.bytes);
        let SnMessage { length, direction, origin, offset, .. } = *message;
        let written = WrittenSn { bytes, length, direction, origin, offset, topic };
        self.entries.push(Entry::SnMessage(flow, Box::new(written)));
    }

    fn write(&mut self, flow: FlowRef, message: &Message<'_>) {
        if self.flows.last() != Some(&flow) {
            self.flows.push(flow);
        }
        let named = match &message.packet.body {
            mqtt::Body::Publish(publish) => publish.topic,
            _ => None,
        };
        let topic = match message.topic {
            None => Topic::None,
            Some(topic) if named == Some(topic) => Topic::Named,
            Some(topic) => Topic::Aliased(append(&mut self.bytes, topic)),
        };
        self.entries.push(Entry::Message(Written {
            flow: self.flows.len() as u32 - 1,
            header: message.packet.header,
            version: message.packet.version,
            version_known_by: message.version_known_by,
            direction: message.direction,
            stream: message.stream,
            resynced: message.resynced,
            incomplete: message.incomplete,
            was_doubtful: message.was_doubtful,
            topic,
            topic_alias: message.topic_alias,
            missing: message.missing,
            body: append(&mut self.bytes, message.body),
            frames: append(&mut self.frames, message.frames),
            pieces: append(&mut self.pieces, message.pieces),
            origin: message.origin,
            started: message.started,
            stream_offset: message.stream_offset,
            outer_end: message.outer_end,
            quic: message.quic,
        }));
    }
}

impl Sink for EventLog {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(flow, message) => self.write(*flow, message),
            Event::SnMessage(flow, message) => self.write_sn(*flow, message),
            Event::Closing(flow, by, at) => self.entries.push(Entry::Closing(*flow, *by, *at)),
            Event::Notice(notice) => self.entries.push(Entry::Notice(Box::new(**notice))),
            Event::Names(origin, answers) => {
                self.answers += answers.iter().map(|answer| size_of_val(answer) + answer.name.len()).sum::<usize>();
                self.entries.push(Entry::Names(*origin, Box::from(*answers)));
            }
            // A flow comes as itself, and the others are not asked for where events are written down.
            Event::Flow(..)
            | Event::Packet(_)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::Preview(..)
            | Event::Neighbour(_) => {}
        }
    }

    fn ended(&mut self, flow: Box<Flow<Conversation>>, why: Ended) {
        self.entries.push(Entry::Flow(flow, why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Batch, Fill, Source as _};
    use crate::engine::{Engine, EngineOptions};

    /// Every event in words, but for flows only their name: what they hold does not go through the log.
    fn words(event: &Event<'_>) -> String {
        match event {
            Event::Flow(flow, why) => format!("{} {why:?}", flow.id),
            event => format!("{event:?}"),
        }
    }

    #[test]
    fn what_was_written_down_reads_as_it_was_told() {
        let mut messages = 0;
        let captures = std::fs::read_dir("fixtures/lab").expect("fixtures").map(|entry| entry.expect("entry").path());
        for path in captures.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")) {
            let mut source = crate::capture::open(&[&path]).expect("it is there");
            let (mut direct, mut logged) =
                (Engine::new(EngineOptions::default()), Engine::new(EngineOptions::default()));
            let (mut told, mut read) = (Vec::new(), Vec::new());
            let (mut log, mut batch) = (EventLog::default(), Batch::new());
            loop {
                batch.advance();
                let fill = source.fill(&mut batch);
                for (place, frame) in batch.frames().enumerate() {
                    // Looking ahead changes nothing either.
                    logged.look_ahead(&batch, place);
                    direct.frame(&frame, &[], &mut |event: &Event<'_>| told.push(words(event)));
                    logged.frame(&frame, &[], &mut log);
                }
                if fill == Fill::End {
                    break;
                }
            }
            direct.finish(&mut |event: &Event<'_>| told.push(words(event)));
            logged.finish(&mut log);
            drop(batch);
            for place in 0..log.len() {
                log.replay(place, &mut |event: &Event<'_>| {
                    messages += usize::from(matches!(event, Event::Message(..)));
                    read.push(words(event));
                });
            }
            assert_eq!(told, read, "{}", path.display());
            let places = log.pieces.len() * size_of::<Piece>() + log.frames.len() * size_of::<FrameNo>();
            assert!(log.bytes_held() > places, "what a message's pieces take is counted");
            log.clear();
            assert!(log.is_empty() && log.bytes_held() == 0);
        }
        assert!(messages > 1000, "{messages}");
    }
}
