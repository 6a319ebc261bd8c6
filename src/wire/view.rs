//! A stretch of a frame: the captured bytes, and how long it was on the wire.
//!
//! It knows no protocol; it only cuts without ever panicking.

/// Bytes still to be read. INVARIANT: `length >= data.len()`.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// What was captured of it.
    pub(super) data: &'a [u8],
    /// Its length on the wire in bytes, by the length fields read so far.
    pub(super) length: usize,
}

impl<'a> View<'a> {
    /// Bytes of which none are missing.
    pub(super) const fn whole(data: &'a [u8]) -> Self {
        Self { data, length: data.len() }
    }

    /// The bytes after the first `count`; keeps its place in the frame when fewer were captured.
    #[inline]
    pub(super) fn skip(self, count: usize) -> Self {
        let (_, data) = self.data.split_at(count.min(self.data.len()));
        Self { data, length: self.length.saturating_sub(count) }
    }

    /// At most the first `length` bytes: what comes after is padding or a trailer.
    #[inline]
    pub(super) fn bound(self, length: usize) -> Self {
        if length >= self.length {
            return self;
        }
        let (data, _) = self.data.split_at(length.min(self.data.len()));
        Self { data, length }
    }

    /// The first `N` bytes.
    #[inline]
    pub(super) const fn first<const N: usize>(self) -> Option<&'a [u8; N]> {
        self.data.first_chunk()
    }

    /// The big-endian number at an offset.
    #[inline]
    pub(super) fn be16(self, at: usize) -> Option<u16> {
        self.data.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Whether bytes are missing at the end.
    #[inline]
    pub(super) const fn is_cut(self) -> bool {
        self.data.len() < self.length
    }
}
