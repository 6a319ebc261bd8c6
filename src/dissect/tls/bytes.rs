//! Fields one after the other: numbers, and vectors with their length before them (RFC 8446, section 3).

/// What is left of some bytes. Whatever is taken beyond their end is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::dissect) struct Fields<'a>(pub(in crate::dissect) &'a [u8]);

impl<'a> Fields<'a> {
    pub(in crate::dissect) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::dissect) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, which are at most four.
    fn number(&mut self, length: usize) -> Option<usize> {
        Some(self.take(length)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    pub(in crate::dissect) fn u8(&mut self) -> Option<u8> {
        self.number(1).map(|number| number as u8)
    }

    pub(in crate::dissect) fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|number| number as u16)
    }

    pub(in crate::dissect) fn u24(&mut self) -> Option<usize> {
        self.number(3)
    }

    /// A vector whose length stands before it in so many bytes.
    pub(in crate::dissect) fn vector(&mut self, width: usize) -> Option<Self> {
        let length = self.number(width)?;
        self.take(length).map(Fields)
    }

    /// All numbers of two bytes that are left.
    pub(in crate::dissect) fn numbers(self) -> Vec<u16> {
        self.0.chunks_exact(2).filter_map(|pair| pair.first_chunk()).map(|pair| u16::from_be_bytes(*pair)).collect()
    }
}
