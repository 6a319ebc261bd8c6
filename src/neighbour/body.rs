//! Bodies of CoAP that come in blocks (RFC 7959): which parts of them came, and what is told of the whole.
//!
//! Of a body its length is kept and where its blocks were, not its bytes.

use super::{Reading, Value};

/// The most frames that are named of one body; a thousand blocks of 64 bytes are the firmware of a small device.
const FRAMES: usize = 1024;

/// The most pieces that a body may be in, while blocks between them are missing.
const PIECES: usize = 64;

/// A block of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its first byte in the body.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
    /// Whether others follow.
    pub more: bool,
    /// The version of the body, where that is said (RFC 7252, section 5.10.6).
    pub etag: Option<Box<[u8]>>,
    /// The kind of the body, where that is said.
    pub format: Option<Box<str>>,
}

/// A body of which blocks have come.
#[derive(Debug, Default)]
pub struct Body {
    /// What came of it. INVARIANT: ascending, and between two of them at least a byte is missing.
    pieces: Vec<(u64, u64)>,
    /// The first bytes of its blocks, and their frames.
    frames: Vec<(u64, u64)>,
    blocks: u64,
    /// Its length, once its last block came.
    length: Option<u64>,
    etag: Option<Box<[u8]>>,
    format: Option<Box<str>>,
    /// It is whole, and was told.
    told: bool,
}

impl Body {
    /// Takes in a block, and tells with the message what is known of the whole: once it is whole, or its last block came.
    pub fn take(&mut self, block: &Block, frame: u64, reading: &mut Reading) {
        let end = block.offset.saturating_add(block.length);
        let another = matches!((&self.etag, &block.etag), (Some(known), Some(other)) if known != other);
        // What begins anew is another body, as is what does not fit into this one.
        let anew = (block.offset == 0 && self.pieces.first().is_some_and(|first| first.0 == 0))
            || self.length.is_some_and(|length| end > length || (!block.more && end != length));
        if self.told || another || anew {
            *self = Self::default();
        }
        if self.etag.is_none() {
            self.etag.clone_from(&block.etag);
        }
        if self.format.is_none() {
            self.format.clone_from(&block.format);
        }
        self.insert(block.offset, end);
        self.blocks += 1;
        if self.frames.len() < FRAMES {
            self.frames.push((block.offset, frame));
        }
        if !block.more {
            self.length = Some(end);
        }
        let Some(length) = self.length else { return };
        match self.missing(length) {
            0 => self.tell(length, reading),
            missing if !block.more => {
                reading.say(format_args!(", body of {length} bytes, {missing} of them not captured"));
            }
            _ => {}
        }
    }

    /// How many bytes are missing of so many.
    fn missing(&self, length: u64) -> u64 {
        length.saturating_sub(self.pieces.iter().map(|(start, end)| end - start).sum())
    }

    fn insert(&mut self, start: u64, end: u64) {
        let from = self.pieces.partition_point(|piece| piece.1 < start);
        let to = self.pieces.partition_point(|piece| piece.0 <= end);
        let (mut low, mut high) = (start, end);
        if from < to
            && let (Some(first), Some(last)) = (self.pieces.get(from), self.pieces.get(to - 1))
        {
            (low, high) = (low.min(first.0), high.max(last.1));
        }
        self.pieces.splice(from..to, [(low, high)]);
        if self.pieces.len() > PIECES {
            // What lies lowest is given up: the body is told as one with bytes missing.
            self.pieces.remove(0);
        }
    }

    fn tell(&mut self, length: u64, reading: &mut Reading) {
        self.told = true;
        // A body of one block is told as any other.
        if self.blocks == 1 {
            return;
        }
        reading.put("coap.blocks", Value::Present);
        self.frames.sort_unstable();
        for (_, frame) in &self.frames {
            reading.number("coap.block", *frame);
        }
        reading.number("coap.block.count", self.blocks);
        reading.number("coap.block.reassembled.length", length);
        let octets = "application/octet-stream";
        let (format, note) = self.format.as_deref().map_or((octets, " (no Content-Format)"), |format| (format, ""));
        let text = format!("Payload Content-Format: {format}{note}, Length: {length}");
        reading.put("coap.payload", Value::Text(text.into_bytes()));
        reading.text("coap.payload_desc", format.as_bytes());
        reading.number("coap.payload_length", length);
        reading.say(format_args!(", body of {length} bytes in {} blocks", self.blocks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neighbour::Neighbour;

    fn block(offset: u64, length: u64, more: bool) -> Block {
        Block { offset, length, more, etag: None, format: None }
    }

    /// What is said with each of these blocks, in frames from 1 on.
    fn said(blocks: &[Block]) -> Vec<String> {
        let mut body = Body::default();
        let one = |(frame, block): (usize, &Block)| {
            let mut reading = Reading::new(Neighbour::Coap);
            body.take(block, frame as u64 + 1, &mut reading);
            reading.info
        };
        blocks.iter().enumerate().map(one).collect()
    }

    #[test]
    fn a_body_is_told_with_the_block_that_makes_it_whole() {
        let whole = ", body of 130 bytes in 3 blocks";
        assert_eq!(said(&[block(0, 64, true), block(64, 64, true), block(128, 2, false)]), ["", "", whole]);
        // The second comes late, and the smaller blocks that were agreed on in between are the same bytes.
        let late = said(&[block(0, 64, true), block(128, 2, false), block(64, 64, true)]);
        assert_eq!(late, ["", ", body of 130 bytes, 64 of them not captured", whole]);
        let smaller = said(&[block(0, 64, true), block(64, 32, true), block(96, 32, true), block(128, 2, false)]);
        assert_eq!(smaller[3], ", body of 130 bytes in 4 blocks");
        assert_eq!(said(&[block(0, 12, false)]), [""], "one block is no more than a payload");
    }

    #[test]
    fn what_begins_anew_or_is_another_version_is_another_body() {
        let twice = said(&[block(0, 64, true), block(0, 64, true), block(64, 2, false)]);
        assert_eq!(twice[2], ", body of 66 bytes in 2 blocks");
        let version = |etag: &[u8], block: Block| Block { etag: Some(etag.into()), ..block };
        let changed = said(&[version(b"a", block(0, 64, true)), version(b"b", block(64, 2, false))]);
        assert_eq!(changed[1], ", body of 66 bytes, 64 of them not captured");
    }

    #[test]
    fn little_is_kept_whatever_comes() {
        let mut body = Body::default();
        let mut reading = Reading::new(Neighbour::Coap);
        for number in 1..10_000 {
            body.take(&block(number * 128, 64, true), number, &mut reading);
        }
        assert!(body.pieces.len() <= PIECES && body.frames.len() <= FRAMES);
        body.take(&block(u64::MAX - 3, u64::MAX, false), 1, &mut reading);
        assert!(reading.info.ends_with("not captured"), "{}", reading.info);
    }
}
