//! Streams that carry another one (WebSocket): what stands around the messages is copied or written over, the messages
//! are put back where bytes of them stood, with their masks.

use std::collections::{HashMap, VecDeque};

use super::NO_PACKET;
use super::streams::{Name, Places, Streams};
use crate::dissect::{CarrierPart, redacted, unmask};
use crate::mqtt::Redactor;
use crate::wire::SeqNum;

/// Stands for what is in no message: text, reasons, what is compressed.
const ASIDE: u8 = b'x';

/// Bytes of a stream that wait for the messages that they are part of.
const WAITING: usize = 4 << 20;

/// A part of the outer stream.
#[derive(Debug)]
struct Part {
    /// Where it begins in the stream.
    start: u64,
    bytes: Vec<u8>,
    /// Where it begins in the inner stream; `None` where it is ready.
    inner: Option<u64>,
    key: Option<[u8; 4]>,
}

impl Part {
    fn ready(start: u64, bytes: Vec<u8>) -> Self {
        Self { start, bytes, inner: None, key: None }
    }
}

#[derive(Debug, Default)]
struct Stream {
    parts: VecDeque<Part>,
    bytes: usize,
    /// Up to where messages of the inner stream were read.
    read: u64,
}

/// All streams that carry others.
#[derive(Debug, Default)]
pub(super) struct Carried {
    streams: HashMap<Name, Stream, foldhash::fast::RandomState>,
    /// Bytes of payload that belong to no message, and were written over.
    pub(super) overwritten: u64,
}

impl Carried {
    /// The next part of the stream of this name; `peer` is the one of the other direction.
    pub(super) fn part(
        &mut self,
        (name, peer): (Name, Name),
        begin: Option<SeqNum>,
        part: &CarrierPart<'_>,
        redactor: &Redactor,
        to: (&mut Streams, &mut impl Places),
    ) {
        let made = match *part {
            // Of other HTTP nothing is known.
            CarrierPart::Head { start, bytes, head } => {
                let is_known = head.upgrades() || (head.status.is_some() && self.streams.contains_key(&peer));
                is_known.then(|| Part::ready(start, redacted(bytes, &|text| redactor.text(text))))
            }
            CarrierPart::Header { start, bytes } => Some(Part::ready(start, bytes.to_vec())),
            CarrierPart::Payload { start, inner, key, bytes } => {
                Some(Part { start, bytes: vec![NO_PACKET; bytes.len()], inner: Some(inner), key })
            }
            CarrierPart::Aside { start, length, key, plain } => {
                let mut bytes = plain.to_vec();
                self.overwritten += length - plain.len() as u64;
                bytes.resize(length as usize, ASIDE);
                if let Some(key) = key {
                    unmask(&mut bytes, key, 0);
                }
                Some(Part::ready(start, bytes))
            }
            CarrierPart::HeadSeen(_)
            | CarrierPart::Inflated(_)
            | CarrierPart::Missing(_)
            | CarrierPart::Frame(_)
            | CarrierPart::Record { .. }
            | CarrierPart::Alert { .. }
            | CarrierPart::Hello(_)
            | CarrierPart::Quic(_)
            | CarrierPart::Raw(_) => None,
        };
        let Some(made) = made else { return };
        let stream = self.streams.entry(name).or_default();
        stream.bytes += made.bytes.len();
        stream.parts.push_back(made);
        stream.flush(name, begin, false, to);
    }

    /// A message was read, which takes `length` bytes of the inner stream from `start` on. Says whether the stream of this
    /// name carries another one.
    pub(super) fn message(
        &mut self,
        name: Name,
        begin: Option<SeqNum>,
        (start, length): (u64, u64),
        bytes: &[u8],
        to: (&mut Streams, &mut impl Places),
    ) -> bool {
        let Some(stream) = self.streams.get_mut(&name) else { return false };
        let end = start + bytes.len() as u64;
        for part in &mut stream.parts {
            let Some(inner) = part.inner else { continue };
            let from = inner.max(start);
            let until = (inner + part.bytes.len() as u64).min(end);
            if from < until
                && let Some(place) = part.bytes.get_mut((from - inner) as usize..(until - inner) as usize)
                && let Some(bytes) = bytes.get((from - start) as usize..(until - start) as usize)
            {
                place.copy_from_slice(bytes);
            }
        }
        stream.read = stream.read.max(start.saturating_add(length));
        stream.flush(name, begin, false, to);
        true
    }

    /// Nothing more will be read of the stream.
    pub(super) fn end(&mut self, name: Name, begin: Option<SeqNum>, to: (&mut Streams, &mut impl Places)) {
        if let Some(mut stream) = self.streams.remove(&name) {
            self.overwritten += stream.unread();
            stream.flush(name, begin, true, to);
        }
    }
}

impl Stream {
    /// Bytes that no message was read of.
    fn unread(&self) -> u64 {
        let payloads = self.parts.iter().filter_map(|part| Some((part.inner?, part.bytes.len() as u64)));
        payloads.map(|(inner, length)| length - self.read.saturating_sub(inner).min(length)).sum()
    }

    /// Hands on what no message can change any more, in the order of the stream.
    fn flush(
        &mut self,
        name: Name,
        begin: Option<SeqNum>,
        all: bool,
        (streams, places): (&mut Streams, &mut impl Places),
    ) {
        while let Some(first) = self.parts.front() {
            let end = first.inner.map(|inner| inner + first.bytes.len() as u64);
            let waits = end.is_some_and(|end| end > self.read);
            if waits && !all && self.bytes <= WAITING {
                return;
            }
            let Some(Part { start, mut bytes, key, .. }) = self.parts.pop_front() else { return };
            self.bytes -= bytes.len();
            if let Some(key) = key {
                unmask(&mut bytes, key, 0);
            }
            let length = bytes.len() as u64;
            streams.message(name, begin, (start, length), bytes.into(), places);
        }
    }
}
