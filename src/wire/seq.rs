//! Sequence number arithmetic (RFC 9293, section 3.4): modulo 2^32, and never a panic.

/// A TCP sequence or acknowledgement number.
///
/// It has no order of its own: ask for the [`SeqNum::distance`] to another, which is signed and right
/// as long as the two are less than 2^31 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNum(pub u32);

impl SeqNum {
    /// The number `count` further on.
    #[must_use]
    #[inline]
    pub const fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// The number `count` before.
    #[must_use]
    #[inline]
    pub const fn minus(self, count: u32) -> Self {
        Self(self.0.wrapping_sub(count))
    }

    /// How far `self` lies after `other`; negative when it lies before.
    #[inline]
    pub const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Whether `self` comes after `other`.
    #[inline]
    pub const fn is_after(self, other: Self) -> bool {
        self.distance(other) > 0
    }

    /// Whether `self` comes before `other`.
    #[inline]
    pub const fn is_before(self, other: Self) -> bool {
        self.distance(other) < 0
    }

    /// The later of the two.
    #[must_use]
    #[inline]
    pub const fn max(self, other: Self) -> Self {
        if self.is_after(other) { self } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_holds_across_the_wrap() {
        let (before, after) = (SeqNum(0xffff_fff0), SeqNum(0x10));
        assert!(after.is_after(before));
        assert!(before.is_before(after));
        assert_eq!(after.distance(before), 0x20);
        assert_eq!(before.plus(0x20), after);
        assert_eq!(before.max(after), after);
    }

    #[test]
    fn the_farthest_distance_does_not_overflow() {
        assert_eq!(SeqNum(0x8000_0000).distance(SeqNum(0)), i32::MIN);
    }
}
