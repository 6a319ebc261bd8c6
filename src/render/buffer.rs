//! Where a line is put together before it is written in one piece.

use std::fmt;

/// Bytes that are appended to, in memory that is kept from line to line.
///
/// A `Vec` asks for room by a call at each of the dozens of small pieces of a line. Here the memory is all there, and a
/// piece whose length is known to the compiler is copied by a few instructions.
#[derive(Debug)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    used: usize,
}

impl Buffer {
    /// With room for a line.
    pub(super) fn new() -> Self {
        Self::with_room(4096)
    }

    pub(super) fn with_room(bytes: usize) -> Self {
        Self { memory: vec![0; bytes], used: 0 }
    }

    pub(super) const fn clear(&mut self) {
        self.used = 0;
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.memory.get(..self.used).unwrap_or_default()
    }

    /// What is in it as text; only whole characters are put into it.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut u8> {
        self.memory.get_mut(..self.used)?.last_mut()
    }

    /// Appends bytes.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "most pieces have a length that is known where they are put")]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        match self.memory.get_mut(self.used..end) {
            Some(place) => place.copy_from_slice(bytes),
            None => self.grow(bytes),
        }
        self.used = end;
    }

    /// Appends a number in decimal digits.
    #[inline]
    pub(super) fn number(&mut self, number: impl itoa::Integer) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Appends a number in decimal digits, behind blanks that make it so wide.
    #[inline]
    pub(super) fn number_right(&mut self, number: impl itoa::Integer, width: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number);
        self.blanks(width.saturating_sub(digits.len()));
        self.put(digits.as_bytes());
    }

    /// Appends blanks.
    #[inline]
    pub(super) fn blanks(&mut self, count: usize) {
        const BLANKS: [u8; 32] = [b' '; 32];
        let mut left = count;
        while left > 0 {
            let some = BLANKS.get(..left).unwrap_or(&BLANKS);
            self.put(some);
            left -= some.len();
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: &[u8]) {
        self.memory.truncate(self.used);
        self.memory.extend_from_slice(bytes);
        let room = self.memory.len().next_multiple_of(4096) * 2;
        self.memory.resize(room, 0);
    }

    /// Gives back the memory that an exceptional line took.
    pub(super) fn shrink(&mut self) {
        const ENOUGH: usize = 1 << 16;
        if self.memory.len() > ENOUGH {
            self.memory = vec![0; 4096];
            self.used = 0;
        }
    }
}

impl fmt::Write for Buffer {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "see `put`")]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_and_starts_anew() {
        let mut buffer = Buffer::new();
        for _ in 0..3 {
            buffer.clear();
            for number in 0..20_000u32 {
                buffer.number_right(number, 6);
            }
            assert_eq!(buffer.len(), 120_000);
            assert!(buffer.text().starts_with("     0     1") && buffer.text().ends_with(" 19999"));
            buffer.shrink();
        }
        buffer.blanks(70);
        assert_eq!(buffer.text(), " ".repeat(70));
    }
}
