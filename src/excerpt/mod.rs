//! An excerpt of a capture: frames that are chosen, and the frames without which these can't be read.
//!
//! A message that stands in several frames is told with the frame that completed it, so the others have to wait until
//! that is known: the segments that brought bytes since all bytes of their stream were last read as whole messages, and
//! the fragments of a datagram. All of these stay, back to the beginning of a message: so whoever reads the excerpt finds
//! the borders of messages, and Wireshark saves the same ("packets depended upon").

mod held;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::capture::FrameNo;
use crate::dissect::{Message, Protocol};
use crate::engine::{FlowRef, PacketView};
use crate::flow::Direction;
use crate::time::Span;
use crate::wire::{Payload, Segment, SeqNum, TcpFlags};
use held::Held;

pub use held::ExcerptFrame;

/// How long frames may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcerptLimits {
    /// The most bytes of memory for all that waits.
    pub bytes: usize,
    /// The longest that one waits, in the time of the capture.
    pub age: Option<Span>,
}

impl Default for ExcerptLimits {
    /// 64 MiB: half a second of a full gigabit. A message that takes longer is rare, and what is missing of it is counted.
    fn default() -> Self {
        Self { bytes: 64 << 20, age: None }
    }
}

/// Takes what is chosen out of a capture: call [`Excerpt::message`] for each message and then [`Excerpt::frame`] for each
/// frame, take what is done with [`Excerpt::next_done`]; at the end call [`Excerpt::finish`], and take the rest.
///
/// ```
/// use mqttsniff::engine::{EngineOptions, FlowRef};
/// use mqttsniff::excerpt::{Excerpt, ExcerptLimits};
/// use mqttsniff::{Analysis, Output};
///
/// let options = EngineOptions { packets: true, places: true, ..EngineOptions::default() };
/// let mut analysis = Analysis::open_with(&["fixtures/lab/byte_writer.pcap"], options).expect("the capture is there");
/// let mut excerpt = Excerpt::new(ExcerptLimits::default());
/// analysis.run(&mut |output: &Output<'_>| match output {
///     Output::Message(flow, message) => excerpt.message(*flow, message),
///     Output::Packet(view) => excerpt.frame(view, view.messages.iter().any(|message| message.name == "CONNECT")),
///     Output::Flow(flow, _) => excerpt.flow(FlowRef::of(flow)),
///     _ => {}
/// });
/// excerpt.finish();
/// let kept = std::iter::from_fn(|| excerpt.next_done()).count();
/// assert!(kept > 1, "the CONNECT was written byte by byte");
/// assert_eq!(excerpt.missing(), 0);
/// ```
#[derive(Debug)]
pub struct Excerpt {
    limits: ExcerptLimits,
    held: Held,
    /// By flow and sender, so that it does not matter who is found out to be the client.
    streams: HashMap<(FrameNo, SocketAddr), Stream, foldhash::fast::RandomState>,
    /// Fragments by datagram.
    fragments: HashMap<u64, Vec<FrameNo>, foldhash::fast::RandomState>,
    /// At how many datagrams those are dropped whose frames are gone.
    prune_at: usize,
    /// Streams of which a message was completed, and by which frame.
    completed: Vec<(FrameNo, (FrameNo, SocketAddr))>,
    missing: u64,
}

/// What is not read yet of one direction of a flow.
#[derive(Debug, Default)]
struct Stream {
    /// The frames that brought bytes since all was read, and whether each was taken.
    frames: VecDeque<(FrameNo, bool)>,
    /// How many of them had to be let go.
    gone: u64,
    /// Where what was captured ends, and what was read; the lower 32 bits.
    end: Option<u32>,
    read: Option<u32>,
}

/// The least number of datagrams to look for some that are gone.
const PRUNE_AT: usize = 1024;

impl Excerpt {
    /// Nothing yet.
    pub fn new(limits: ExcerptLimits) -> Self {
        Self {
            limits,
            held: Held::default(),
            streams: HashMap::default(),
            fragments: HashMap::default(),
            prune_at: PRUNE_AT,
            completed: Vec::new(),
            missing: 0,
        }
    }

    /// A message, before the frame that completed it.
    pub fn message(&mut self, flow: FlowRef, message: &Message<'_>) {
        let sender = if message.stream == Direction::ToServer { flow.client } else { flow.server };
        let key = (flow.id, sender);
        let stream = self.streams.entry(key).or_default();
        let start = message.outer_end.wrapping_sub(message.packet.header.packet_length()) as u32;
        if message.resynced && stream.read != Some(start) {
            // What stands right before it was no message.
            stream.release_before(message.started.frame, &mut self.held);
        }
        stream.read = Some(message.outer_end as u32);
        if self.completed.last() != Some(&(message.origin.frame, key)) {
            self.completed.push((message.origin.frame, key));
        }
    }

    /// A frame, and whether it is chosen. [`EngineOptions::places`](crate::engine::EngineOptions) must be asked for, else
    /// fragments are missed.
    pub fn frame(&mut self, view: &PacketView<'_>, chosen: bool) {
        let number = view.frame.number;
        self.held.clock.tick(view.frame.header.time);
        let (parts, is_fragment) = self.fragments_of(view);
        let own = self.stream_of(view);
        let waits = own.is_some() || is_fragment;
        if waits || chosen {
            self.held.push(view, chosen);
        }
        if let Some((key, segment, begin)) = own {
            let stream = self.streams.entry(key).or_default();
            stream.forget(&mut self.held);
            for part in parts.iter().copied() {
                self.held.claim(part);
                stream.frames.push_back((part, false));
            }
            self.held.claim(number);
            stream.frames.push_back((number, chosen));
            stream.grow(segment, begin);
        }
        let completed = std::mem::take(&mut self.completed);
        if chosen {
            self.missing += parts.iter().filter(|part| !self.held.take(**part)).count() as u64;
            for (_, key) in completed.iter().filter(|(frame, _)| *frame == number) {
                if let Some(stream) = self.streams.get_mut(key) {
                    stream.forget(&mut self.held);
                    stream.take(&mut self.held);
                    self.missing += std::mem::take(&mut stream.gone);
                }
            }
        }
        for part in parts {
            self.held.release(part);
        }
        for key in completed.iter().map(|(_, key)| key).chain(own.as_ref().map(|(key, ..)| key)) {
            if let Some(stream) = self.streams.get_mut(key)
                && stream.is_read()
            {
                stream.release(&mut self.held);
            }
        }
        self.completed = completed;
        self.completed.clear();
        self.held.limit(self.limits);
    }

    /// A flow has ended: nothing more will be read in it.
    pub fn flow(&mut self, flow: FlowRef) {
        // By its keys, as there may be a stream for each of a million flows, all of which end at last.
        for end in [flow.client, flow.server] {
            if let Some(mut stream) = self.streams.remove(&(flow.id, end)) {
                stream.release(&mut self.held);
            }
        }
    }

    /// The capture has ended.
    pub fn finish(&mut self) {
        self.held.let_go();
    }

    /// The next frame of the excerpt, in the order of the capture.
    pub fn next_done(&mut self) -> Option<ExcerptFrame> {
        self.held.next_done()
    }

    /// How many frames are missing, because a limit did not let them wait any longer.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// The stream that a frame may have brought something to, with its segment and the number of the stream's first byte.
    fn stream_of<'a>(&mut self, view: &PacketView<'a>) -> Option<Own<'a>> {
        let (Payload::Tcp(segment), Some(ip), Some(flow)) = (view.packet.payload, view.packet.ip, view.flow) else {
            return None;
        };
        let sender = SocketAddr::new(ip.source, segment.source);
        let key = (flow.id, sender);
        let is_read = view.protocol.is_none_or(|protocol| protocol == Protocol::Mqtt);
        if !is_read {
            // There was a time when it was not known.
            self.flow(flow);
            return None;
        }
        if segment.payload_length == 0 {
            return None;
        }
        let begin = if flow.client == sender { flow.begin.to_server } else { flow.begin.to_client };
        Some((key, segment, begin))
    }

    /// The earlier fragments of datagrams that the frame completed, and whether it is itself a fragment that has to wait.
    fn fragments_of(&mut self, view: &PacketView<'_>) -> (Vec<FrameNo>, bool) {
        let mut parts = Vec::new();
        let mut waits = false;
        for fragment in view.trace.iter().flat_map(|trace| &trace.fragments) {
            if fragment.completes {
                parts.extend(self.fragments.remove(&fragment.datagram).unwrap_or_default());
            } else {
                waits = true;
                self.fragments.entry(fragment.datagram).or_default().push(view.frame.number);
            }
        }
        if self.fragments.len() > self.prune_at {
            let first = self.held.first();
            self.fragments
                .retain(|_, frames| frames.last().is_some_and(|last| first.is_some_and(|first| *last >= first)));
            self.prune_at = PRUNE_AT.max(2 * self.fragments.len());
        }
        (parts, waits)
    }
}

/// A stream, a segment of it, and the number of the stream's first byte.
type Own<'a> = ((FrameNo, SocketAddr), Segment<'a>, Option<SeqNum>);

impl Stream {
    /// A segment has come.
    fn grow(&mut self, segment: Segment<'_>, begin: Option<SeqNum>) {
        let Some(begin) = begin else { return };
        let seq = if segment.flags.has(TcpFlags::SYN) { segment.seq.plus(1) } else { segment.seq };
        let end = seq.plus(segment.payload_length).0.wrapping_sub(begin.0);
        if self.end.is_none_or(|known| SeqNum(end).is_after(SeqNum(known))) {
            self.end = Some(end);
        }
    }

    /// Whether all that was captured was read as whole messages.
    fn is_read(&self) -> bool {
        self.read.is_some() && self.read == self.end
    }

    /// Forgets the frames that are held no more.
    fn forget(&mut self, held: &mut Held) {
        while let Some((frame, taken)) = self.frames.front()
            && !held.has(*frame)
        {
            self.gone += u64::from(!*taken);
            self.frames.pop_front();
        }
    }

    /// All its frames are part of the excerpt.
    fn take(&mut self, held: &mut Held) {
        for (frame, taken) in &mut self.frames {
            held.take(*frame);
            *taken = true;
        }
    }

    /// Its frames need not wait for it.
    fn release(&mut self, held: &mut Held) {
        self.frames.drain(..).for_each(|(frame, _)| held.release(frame));
        self.gone = 0;
    }

    /// The same of those before a frame.
    fn release_before(&mut self, frame: FrameNo, held: &mut Held) {
        while let Some((first, _)) = self.frames.front()
            && *first < frame
        {
            held.release(*first);
            self.frames.pop_front();
        }
        self.gone = 0;
    }
}
