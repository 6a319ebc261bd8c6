//! permessage-deflate: the messages of one direction, inflated as they come (RFC 7692, section 7.2).
//!
//! What a message says of earlier ones ("repeat what stood so far back") can only be followed where these were
//! captured. A fresh window knows nothing, and refuses what reaches behind its beginning; so what comes out is
//! right wherever something comes out, and a hole costs only the messages that refer to what was in it.

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are put out at a time.
const STEP: usize = 16 << 10;

/// What may come out of a direction: so much, and so many times what went in. Deflate makes at most 1032 bytes of one;
/// text seldom gives ten.
const FREE: u64 = 16 << 20;
const RATIO: u64 = 100;

/// What a sender cuts off the end of each message (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Why a message can't be inflated to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is no deflated data, or refers to what was not captured.
    Data,
    /// More would come out than is inflated.
    TooMuch,
}

/// Inflates the messages of one direction.
#[derive(Debug, Default)]
pub(super) struct Inflater {
    /// The window, made with the first message.
    state: Option<Box<(Decompress, Vec<u8>)>>,
    taken: u64,
    given: u64,
    /// The message can't be read to its end.
    failed: bool,
    /// Something went before that the window does not have.
    pub(super) incomplete: bool,
}

impl Inflater {
    /// Memory of its window and of what inflates, once there is some: 32 KiB, and tables and a buffer.
    pub(super) const fn held_bytes(&self) -> usize {
        const STATE: usize = (48 << 10) + STEP;
        if self.state.is_some() { STATE } else { 0 }
    }

    /// For a stream of which earlier messages may be missing, or not.
    pub(super) fn new(incomplete: bool) -> Self {
        Self { incomplete, ..Self::default() }
    }

    /// Bytes that went in and came out.
    pub(super) const fn counts(&self) -> (u64, u64) {
        (self.taken, self.given)
    }

    /// Lets go its window, between messages: one that refers to what was in it can't be read. Gives whether there was one.
    pub(super) fn shed(&mut self) -> bool {
        let had = self.state.take().is_some();
        self.incomplete |= had;
        had
    }

    /// Bytes of the message were not captured, or are not to be read.
    pub(super) fn lose(&mut self) {
        self.failed = true;
        self.incomplete = true;
        self.state = None;
    }

    /// The next bytes of a message; what comes out goes to `give`.
    pub(super) fn push(&mut self, bytes: &[u8], give: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
        if self.failed {
            return Ok(());
        }
        self.taken += bytes.len() as u64;
        let done = self.run(bytes, give);
        if done.is_err() {
            self.lose();
        }
        done
    }

    /// The message has ended. Says whether it could be read to its end.
    pub(super) fn end(&mut self, keeps_window: bool, give: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
        let done = if self.failed { Ok(()) } else { self.run(&TAIL, give) };
        if done.is_err() {
            self.lose();
        }
        self.failed = false;
        if !keeps_window {
            // The next message knows nothing of this one (section 7.1.1): the window need not be kept.
            self.state = None;
            self.incomplete = false;
        }
        done
    }

    fn run(&mut self, bytes: &[u8], give: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
        let (inflate, buffer) =
            &mut **self.state.get_or_insert_with(|| Box::new((Decompress::new(false), Vec::with_capacity(STEP))));
        let mut rest = bytes;
        loop {
            let (before, out) = (inflate.total_in(), inflate.total_out());
            buffer.clear();
            let status = inflate.decompress_vec(rest, buffer, FlushDecompress::Sync).map_err(|_| Failure::Data)?;
            let used = (inflate.total_in() - before) as usize;
            let made = inflate.total_out() - out;
            rest = rest.get(used..).unwrap_or_default();
            self.given += made;
            if self.given > FREE && self.given > RATIO.saturating_mul(self.taken) {
                return Err(Failure::TooMuch);
            }
            if made > 0 {
                give(buffer);
            }
            if status == Status::StreamEnd {
                // A last block ends the data, but not the message (section 7.2.3.4): what follows begins anew.
                inflate.reset(false);
                self.incomplete = true;
            }
            if (used == 0 && made == 0) || (rest.is_empty() && buffer.len() < buffer.capacity()) {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};

    /// The messages, deflated in one window.
    fn deflated(messages: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut deflate = Compress::new(Compression::best(), false);
        let message = |bytes: &&[u8]| {
            let mut out = Vec::with_capacity(bytes.len() + 64);
            deflate.compress_vec(bytes, &mut out, FlushCompress::Sync).expect("room");
            assert!(out.ends_with(&TAIL));
            out.truncate(out.len() - 4);
            out
        };
        messages.iter().map(message).collect()
    }

    fn read(inflater: &mut Inflater, message: &[u8], keeps: bool) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        let mut done = Ok(());
        for piece in message.chunks(3) {
            done = done.and(inflater.push(piece, &mut |bytes| out.extend_from_slice(bytes)));
        }
        done.and(inflater.end(keeps, &mut |bytes| out.extend_from_slice(bytes))).map(|()| out)
    }

    const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog";

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // RFC 7692, sections 7.2.3.1, 7.2.3.2 (window kept), 7.2.3.3 (no compression) and 7.2.3.4 (last block).
        let mut inflater = Inflater::default();
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(read(&mut inflater, &first, true).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(read(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00], true).as_deref(), Ok(&b"Hello"[..]));
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        assert_eq!(read(&mut inflater, &stored, true).as_deref(), Ok(&b"Hello"[..]));
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(read(&mut inflater, &last, true).as_deref(), Ok(&b"Hello"[..]));
    }

    #[test]
    fn what_refers_to_a_lost_message_is_not_read_and_what_does_not_is() {
        let messages = deflated(&[TEXT, TEXT, b"0123456789 abcdefghijkl", b"0123456789 abcdefghijkl"]);
        let mut inflater = Inflater::default();
        inflater.lose();
        assert_eq!(inflater.end(true, &mut |_| ()), Ok(()));
        assert_eq!(read(&mut inflater, &messages[1], true), Err(Failure::Data));
        assert!(inflater.incomplete);
        for message in &messages[2..] {
            assert_eq!(read(&mut inflater, message, true).as_deref(), Ok(&b"0123456789 abcdefghijkl"[..]));
        }
    }

    #[test]
    fn without_a_kept_window_a_hole_costs_one_message() {
        let mut inflater = Inflater::default();
        inflater.lose();
        assert_eq!(inflater.end(false, &mut |_| ()), Ok(()));
        assert!(!inflater.incomplete);
        assert_eq!(read(&mut inflater, &deflated(&[TEXT])[0], false).as_deref(), Ok(TEXT));
        assert!(inflater.state.is_none());
    }

    #[test]
    fn what_grows_without_measure_is_given_up() {
        let zeros = vec![0; 24 << 20];
        let mut inflater = Inflater::default();
        let mut out = 0;
        let bomb = &deflated(&[&zeros])[0];
        let done = inflater.push(bomb, &mut |bytes| out += bytes.len());
        assert_eq!(done, Err(Failure::TooMuch));
        assert!((FREE as usize - STEP..=FREE as usize).contains(&out), "{out}");
        assert_eq!(inflater.end(true, &mut |_| ()), Ok(()));
        // So much that is not, goes through.
        let noise: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(read(&mut Inflater::default(), &deflated(&[&noise])[0], true).as_deref(), Ok(&noise[..]));
    }
}
