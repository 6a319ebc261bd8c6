//! What must be told of a stream that was captured with holes, and what must not.
//!
//! While it is known where a packet begins, each whose fixed header was captured is told, with the bytes that are
//! missing of it, and the next begins where its length says. Where a header was not captured, the search begins:
//! it must find a packet that fills a segment, or that another one follows without a hole; it may find more. It
//! never tells a packet that was not sent.

use mqttsniff::mqtt::{Version, decode};
use proptest::test_runner::TestCaseError;

use crate::run::{Capture, Segment, Told, split};
use crate::talk::{Said, Talk};

pub(crate) struct Promise<'a> {
    talk: &'a Talk,
    said: Vec<(usize, &'a Said)>,
    /// Captured pieces, ascending, and where the last frame's bytes ended.
    pieces: Vec<(usize, usize)>,
    end: usize,
    /// The first byte of the stream that is known of.
    base: usize,
    from_start: bool,
}

impl<'a> Promise<'a> {
    pub(crate) fn new(talk: &'a Talk, side: usize, segments: &[Segment], capture: Capture) -> Self {
        let mut start = 0;
        let said = talk.said.iter().filter(|said| said.from == side);
        let said = said
            .map(|said| {
                start += said.bytes.len();
                (start - said.bytes.len(), said)
            })
            .collect();
        let pieces = segments.iter().map(|s| (s.from, s.to.min(s.from.saturating_add(capture.payload_limit))));
        let base = if capture.with_syn { 0 } else { segments.first().map_or(0, |segment| segment.from) };
        Self {
            talk,
            said,
            pieces: pieces.filter(|(from, to)| from < to).collect(),
            end: segments.last().map_or(0, |segment| segment.to),
            base,
            from_start: capture.with_syn,
        }
    }

    /// How many of the bytes `from..to` were captured.
    fn seen(&self, from: usize, to: usize) -> usize {
        self.pieces.iter().map(|piece| piece.1.min(to).saturating_sub(piece.0.max(from))).sum()
    }

    fn whole(&self, at: usize) -> bool {
        self.said.get(at).is_some_and(|(start, said)| self.seen(*start, start + said.bytes.len()) == said.bytes.len())
    }

    fn fills_a_piece(&self, at: usize) -> bool {
        self.said.get(at).is_some_and(|(start, said)| self.pieces.contains(&(*start, start + said.bytes.len())))
    }

    /// Whether the first piece of a stream that was joined in the middle holds a whole packet at its front. Of a ping
    /// alone that is no proof, and of less neither.
    fn begins_with_packet(&self) -> bool {
        let first = self.said.iter().find(|(start, _)| *start == self.base);
        let Some(((start, said), piece)) = first.zip(self.pieces.first()) else { return false };
        piece.0 == *start && start + said.bytes.len() <= piece.1 && said.bytes.len() > 2
    }

    fn fail(&self, what: &str, told: &[Told]) -> TestCaseError {
        let (said, pieces, base) = (&self.said, &self.pieces, self.base);
        TestCaseError::fail(format!("{what}\nsaid {said:?}\npieces {pieces:?} base {base}\ntold {told:#?}"))
    }

    /// That everything that is told was sent, so, here, in this order and once.
    pub(crate) fn check_truth(&self, told: &[Told]) -> Result<(), TestCaseError> {
        let mut last = None;
        for message in told {
            let start = message.start + self.base;
            let Some(at) = self.said.iter().position(|(at, _)| *at == start) else {
                return Err(self.fail(&format!("invented at {start}"), told));
            };
            if let Err(why) = self.is_right(at, message) {
                return Err(self.fail(&format!("{why} at {start}"), told));
            }
            if last.is_some_and(|last| last >= at) {
                return Err(self.fail(&format!("told twice or in another order at {start}"), told));
            }
            last = Some(at);
        }
        Ok(())
    }

    /// That, and that everything is told that has to be.
    pub(crate) fn check(&self, told: &[Told]) -> Result<(), TestCaseError> {
        self.check_truth(told)?;
        let fail = |what: String| Err(self.fail(&what, told));
        let mut synced = self.from_start || self.begins_with_packet();
        let mut before = [false; 2];
        let mut lost = !synced;
        for (at, (start, said)) in self.said.iter().enumerate() {
            let (start, end) = (*start, start + said.bytes.len());
            if start < self.base || start >= self.end {
                continue;
            }
            let (header, _) = split(&said.bytes);
            let header_seen = self.seen(start, start + usize::from(header.length)) == usize::from(header.length);
            let must =
                if synced { header_seen } else { (self.whole(at) && self.whole(at + 1)) || self.fills_a_piece(at) };
            let is_told = told.iter().find(|message| message.start + self.base == start);
            if must && is_told.is_none() {
                return fail(format!("lost the one at {start}"));
            }
            if let Some(message) = is_told.filter(|_| must) {
                let missing = said.bytes.len() - self.seen(start, end);
                if message.missing as usize != missing || message.incomplete != (end > self.end) {
                    return fail(format!("{missing} bytes are missing of the one at {start}"));
                }
            }
            // Two packets prove a border together, so that both say that they were searched for.
            let searched = is_told.is_some_and(|message| message.resynced);
            if synced && searched && before != [false, true] {
                return fail(format!("needlessly searched for the one at {start}"));
            }
            before = [before[1], searched];
            if lost && is_told.is_some_and(|message| !message.resynced) && start != self.base {
                return fail(format!("does not say that the one at {start} was searched for"));
            }
            lost = is_told.is_none();
            synced = if synced { header_seen } else { must };
        }
        Ok(())
    }

    /// Whether a message says what was sent, as far as it was captured.
    fn is_right(&self, at: usize, told: &Told) -> Result<(), String> {
        let (start, said) = self.said[at];
        if told.length != said.bytes.len() {
            return Err(format!("a length of {}", told.length));
        }
        if let (Some(topic), Some(sent)) = (&told.topic, &said.topic)
            && told.version == self.talk.version
            && !(sent.starts_with(topic) && topic.len() == sent.len())
        {
            return Err(format!("the topic {topic:?}"));
        }
        let (header, body) = split(&said.bytes);
        // A body is available up to its first hole.
        let front = start + usize::from(header.length);
        let seen = (0..body.len()).take_while(|at| self.seen(front + at, front + at + 1) == 1).count();
        let version = told.version;
        let right = format!("{:?}", decode(header, &body[..seen], version));
        if told.packet != right {
            return Err(format!("not {right}"));
        }
        // Version 3.1 looks like 3.1.1 without its CONNECT.
        let same = version == self.talk.version || (version, self.talk.version) == (Version::V311, Version::V31);
        let telling = said.telling && seen == body.len();
        if !same && telling {
            return Err(format!("read as {version}"));
        }
        Ok(())
    }
}
