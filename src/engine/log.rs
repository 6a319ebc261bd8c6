//! Events that are written down by one thread and read by another.
//!
//! A log holds what a batch of frames has told. Bodies of messages are decoded when they are read, which costs less than to
//! carry their fields over, and most were not decoded before; they stay in the batch where they stood there as a whole.

use std::ops::Range;
use std::sync::Arc;

use super::event::{Coming, Event, FlowRef, Notice, Sink};
use crate::capture::{Batch, FrameNo, Origin, Place};
use crate::dissect::sn::{KnownTopic, SnMessage, TopicKnownBy};
use crate::dissect::{Conversation, FramedMessage, Message, QuicLane, VersionKnownBy};
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
    batch: Option<Arc<Batch>>,
    entries: Vec<Entry>,
    plain: Vec<Plain>,
    messages: Vec<Written>,
    others: Vec<Other>,
    /// The flow of each message; several in a row are often of the same.
    flows: Vec<FlowRef>,
    /// What did not stand in the batch as it is.
    bytes: Vec<u8>,
    frames: Vec<FrameNo>,
    pieces: Vec<Piece>,
    /// How many bytes answers take that are not in these buffers.
    answers: usize,
}

/// An event, as its place among those of its kind.
#[derive(Debug, Clone, Copy)]
enum Entry {
    /// A message with nothing unusual about it.
    Plain(u32),
    /// Any other.
    Message(u32),
    Other(u32),
}

#[derive(Debug)]
enum Other {
    SnMessage(FlowRef, Box<WrittenSn>),
    Closing(FlowRef, Role, Origin),
    Flow(Box<Flow<Conversation>>, Ended),
    Notice(Box<Notice>),
    Names(Origin, Box<[Answer]>),
}

/// A whole message in one frame of the batch, told in its turn: what most are. It is small since another core has had the
/// memory that it is written to.
#[derive(Debug, Clone, Copy)]
struct Plain {
    flow: u32,
    /// The place of its frame in the batch, and its own in the frame.
    frame: u32,
    offset: u32,
    header: FixedHeader,
    version: Version,
    version_known_by: VersionKnownBy,
    direction: Direction,
    stream: Direction,
    stream_offset: u64,
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
    body: Body,
    started: Origin,
    frames: Range<u32>,
    pieces: Range<u32>,
    origin: Origin,
    stream_offset: u64,
    outer_end: u64,
    quic: Option<QuicLane>,
}

/// Where the body of a message stands.
#[derive(Debug)]
enum Body {
    Batch { start: u32, length: u32 },
    Log(Range<u32>),
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
    /// It is not known, whatever the packet says.
    None,
    /// The same, and it may have been.
    Forgotten,
    /// In the packet itself, if it has one.
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
        let events = size_of_val(self.entries.as_slice())
            + size_of_val(self.plain.as_slice())
            + size_of_val(self.messages.as_slice())
            + size_of_val(self.others.as_slice())
            + size_of_val(self.flows.as_slice());
        // A message that came byte by byte has a piece for each.
        let places = size_of_val(self.frames.as_slice()) + size_of_val(self.pieces.as_slice());
        self.bytes.len() + events + places + self.answers
    }

    /// The frames of this batch are told next, of which bodies are left where they stand.
    pub fn begin(&mut self, batch: Arc<Batch>) {
        self.batch = Some(batch);
    }

    /// Forgets all events; the buffers are used again. Gives the batch back, if nobody else has it.
    pub fn clear(&mut self) -> Option<Batch> {
        self.entries.clear();
        self.plain.clear();
        self.messages.clear();
        self.others.clear();
        self.flows.clear();
        self.bytes.clear();
        self.frames.clear();
        self.pieces.clear();
        self.answers = 0;
        self.bytes.shrink_to(KEPT_BYTES);
        self.pieces.shrink_to(KEPT_BYTES / size_of::<Piece>());
        self.entries.shrink_to(KEPT_BYTES / size_of::<Entry>());
        self.plain.shrink_to(KEPT_BYTES / size_of::<Plain>());
        self.messages.shrink_to(KEPT_BYTES / size_of::<Written>());
        self.others.shrink_to(KEPT_BYTES / size_of::<Other>());
        self.batch.take().and_then(Arc::into_inner)
    }

    /// The flows of messages that are told a little after this event, for whoever wants to prepare for them.
    #[inline]
    pub fn ahead(&self, event: usize) -> Coming {
        const LATER: usize = 5;
        const SOONER: usize = 2;
        let flow_of = |event: usize| {
            let flow = match self.entries.get(event)? {
                Entry::Plain(place) => self.plain.get(*place as usize)?.flow,
                Entry::Message(place) => self.messages.get(*place as usize)?.flow,
                Entry::Other(_) => return None,
            };
            self.flows.get(flow as usize).map(|flow| flow.id)
        };
        Coming { later: flow_of(event + LATER), sooner: flow_of(event + SOONER) }
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells the event at a place from 0 on, in the order in which they were written down.
    pub fn replay(&self, event: usize, sink: &mut impl Sink) {
        match self.entries.get(event) {
            Some(Entry::Plain(place)) => {
                self.plain.get(*place as usize).into_iter().for_each(|plain| self.plain(plain, sink));
            }
            Some(Entry::Message(place)) => {
                self.messages.get(*place as usize).into_iter().for_each(|written| self.message(written, sink));
            }
            Some(Entry::Other(place)) => match self.others.get(*place as usize) {
                Some(Other::SnMessage(flow, written)) => self.sn_message(*flow, written, sink),
                Some(Other::Closing(flow, by, at)) => sink.event(&Event::Closing(*flow, *by, *at)),
                Some(Other::Flow(flow, why)) => sink.event(&Event::Flow(flow, *why)),
                Some(Other::Notice(notice)) => sink.event(&Event::Notice(notice)),
                Some(Other::Names(origin, answers)) => sink.event(&Event::Names(*origin, answers)),
                None => {}
            },
            None => {}
        }
    }

    fn plain(&self, plain: &Plain, sink: &mut impl Sink) {
        let Some(flow) = self.flows.get(plain.flow as usize) else { return };
        let Some(frame) = self.batch.as_ref().and_then(|batch| batch.get(plain.frame as usize)) else { return };
        let (header, origin) = (plain.header, frame.origin());
        let start = plain.offset as usize + usize::from(header.length);
        let body = frame.data.get(start..start + header.remaining_length as usize).unwrap_or_default();
        let place = Place { origin, offset: Some(plain.offset) };
        let message = FramedMessage {
            header,
            body,
            version: plain.version,
            version_known_by: plain.version_known_by,
            direction: plain.direction,
            stream: plain.stream,
            origin,
            started: origin,
            frames: &[origin.frame],
            pieces: &[Piece { offset: 0, length: header.packet_length() as u32, place }],
            stream_offset: plain.stream_offset,
            outer_end: plain.stream_offset.wrapping_add(header.packet_length()),
            missing: 0,
            resynced: false,
            incomplete: false,
            quic: None,
            was_doubtful: false,
        };
        sink.event(&Event::Message(*flow, &message.read()));
    }

    fn message(&self, written: &Written, sink: &mut impl Sink) {
        let Some(flow) = self.flows.get(written.flow as usize) else { return };
        let body = match &written.body {
            Body::Batch { start, length } => {
                let bytes = self.batch.as_deref().map_or(&[][..], Batch::bytes);
                at(bytes, &(*start..start + length))
            }
            Body::Log(range) => at(&self.bytes, range),
        };
        let mut message = FramedMessage {
            header: written.header,
            body,
            version: written.version,
            version_known_by: written.version_known_by,
            direction: written.direction,
            stream: written.stream,
            origin: written.origin,
            started: written.started,
            frames: at(&self.frames, &written.frames),
            pieces: at(&self.pieces, &written.pieces),
            stream_offset: written.stream_offset,
            outer_end: written.outer_end,
            missing: written.missing,
            resynced: written.resynced,
            incomplete: written.incomplete,
            quic: written.quic,
            was_doubtful: written.was_doubtful,
        }
        .read();
        match &written.topic {
            Topic::Named => {}
            Topic::None => message.topic = None,
            Topic::Forgotten => (message.topic, message.topic_forgotten) = (None, true),
            Topic::Aliased(range) => message.topic = Some(at(&self.bytes, range)),
        }
        message.topic_alias = written.topic_alias;
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
        self.put(Other::SnMessage(flow, Box::new(written)));
    }

    fn put(&mut self, other: Other) {
        self.entries.push(Entry::Other(self.others.len() as u32));
        self.others.push(other);
    }

    fn write(&mut self, flow: FlowRef, message: &Message<'_>) {
        let named = match &message.packet.body {
            mqtt::Body::Publish(publish) => publish.topic,
            _ => None,
        };
        let topic = match message.topic {
            None if message.topic_forgotten => Topic::Forgotten,
            topic if topic == named => Topic::Named,
            None => Topic::None,
            Some(topic) => Topic::Aliased(append(&mut self.bytes, topic)),
        };
        self.write_framed(flow, &message.framed, topic, message.topic_alias);
    }

    fn write_framed(&mut self, flow: FlowRef, message: &FramedMessage<'_>, topic: Topic, topic_alias: Option<u16>) {
        if self.flows.last() != Some(&flow) {
            self.flows.push(flow);
        }
        let start = self.batch.as_ref().and_then(|batch| batch.offset_of(message.body));
        if let (Topic::Named, None) = (&topic, topic_alias)
            && let Some(plain) = self.as_plain(message, start)
        {
            self.entries.push(Entry::Plain(self.plain.len() as u32));
            self.plain.push(plain);
            return;
        }
        let body = match start {
            Some(start) => Body::Batch { start, length: message.body.len() as u32 },
            None => Body::Log(append(&mut self.bytes, message.body)),
        };
        self.entries.push(Entry::Message(self.messages.len() as u32));
        self.messages.push(Written {
            flow: self.flows.len() as u32 - 1,
            header: message.header,
            version: message.version,
            version_known_by: message.version_known_by,
            direction: message.direction,
            stream: message.stream,
            resynced: message.resynced,
            incomplete: message.incomplete,
            was_doubtful: message.was_doubtful,
            topic,
            topic_alias,
            missing: message.missing,
            body,
            started: message.started,
            frames: append(&mut self.frames, message.frames),
            pieces: append(&mut self.pieces, message.pieces),
            origin: message.origin,
            stream_offset: message.stream_offset,
            outer_end: message.outer_end,
            quic: message.quic,
        });
    }

    /// The message as one with nothing unusual about it, if it is such a one; its body begins there in the batch.
    fn as_plain(&self, message: &FramedMessage<'_>, start: Option<u32>) -> Option<Plain> {
        let FramedMessage { header, origin, .. } = *message;
        let batch = self.batch.as_ref()?;
        let ([frame], [piece]) = (message.frames, message.pieces) else { return None };
        let place = usize::try_from(frame.0.checked_sub(batch.get(0)?.number.0)?).ok()?;
        let offset = piece.place.offset?;
        let first = batch.offset_of(batch.get(place)?.data)?;
        let is_here = start == first.checked_add(offset)?.checked_add(u32::from(header.length))
            && message.body.len() == header.remaining_length as usize
            && (piece.offset, u64::from(piece.length)) == (0, header.packet_length())
            && (*frame, message.started, piece.place.origin) == (origin.frame, origin, origin);
        let is_usual = message.outer_end == message.stream_offset.wrapping_add(header.packet_length())
            && message.quic.is_none()
            && (message.missing, message.resynced, message.incomplete, message.was_doubtful)
                == (0, false, false, false);
        (is_here && is_usual).then(|| Plain {
            flow: self.flows.len() as u32 - 1,
            frame: place as u32,
            offset,
            header,
            version: message.version,
            version_known_by: message.version_known_by,
            direction: message.direction,
            stream: message.stream,
            stream_offset: message.stream_offset,
        })
    }
}

impl Sink for EventLog {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Message(flow, message) => self.write(*flow, message),
            Event::SnMessage(flow, message) => self.write_sn(*flow, message),
            Event::Closing(flow, by, at) => self.put(Other::Closing(*flow, *by, *at)),
            Event::Notice(notice) => self.put(Other::Notice(Box::new(**notice))),
            Event::Names(origin, answers) => {
                self.answers += answers.iter().map(|answer| size_of_val(answer) + answer.name.len()).sum::<usize>();
                self.put(Other::Names(*origin, Box::from(*answers)));
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

    fn framed(&mut self, flow: FlowRef, message: &FramedMessage<'_>) -> bool {
        self.write_framed(flow, message, Topic::Named, None);
        true
    }

    fn ended(&mut self, flow: Box<Flow<Conversation>>, why: Ended) {
        self.put(Other::Flow(flow, why));
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
            let mut read_again = |log: &mut EventLog| {
                let places = log.pieces.len() * size_of::<Piece>() + log.frames.len() * size_of::<FrameNo>();
                assert!(log.bytes_held() >= places, "what a message's pieces take is counted");
                for place in 0..log.len() {
                    log.replay(place, &mut |event: &Event<'_>| {
                        messages += usize::from(matches!(event, Event::Message(..)));
                        read.push(words(event));
                    });
                }
                let batch = log.clear();
                assert!(log.is_empty() && log.bytes_held() == 0);
                batch
            };
            loop {
                batch.advance();
                let fill = source.fill(&mut batch);
                let shared = Arc::new(batch);
                log.begin(Arc::clone(&shared));
                for (place, frame) in shared.frames().enumerate() {
                    // Looking ahead changes nothing either.
                    logged.look_ahead(&shared, place);
                    direct.frame(&frame, &[], &mut |event: &Event<'_>| told.push(words(event)));
                    logged.frame(&frame, &[], &mut log);
                }
                drop(shared);
                batch = read_again(&mut log).expect("nobody else has it");
                if fill == Fill::End {
                    break;
                }
            }
            direct.finish(&mut |event: &Event<'_>| told.push(words(event)));
            logged.finish(&mut log);
            read_again(&mut log);
            assert_eq!(told, read, "{}", path.display());
        }
        assert!(messages > 1000, "{messages}");
    }
}
