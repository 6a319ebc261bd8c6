//! Numbers in a file of either byte order, as functions in nom's shape.
//!
//! Only fixed-width numbers and plain slices are read here; what they mean is said by the grammars.

use nom::{Err, IResult, Needed};

/// What a grammar's function returns: the rest of the input and the value, or how much is missing.
///
/// The error type is `()`: a field that is present can't be wrong at this level.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// The byte order that a file, or a section of it, was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// The next `N` bytes.
///
/// nom's own number parsers go through a generic input trait and are several times slower here.
pub(super) fn take<const N: usize>(input: &[u8]) -> Parsed<'_, [u8; N]> {
    match input.split_first_chunk() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Err(Err::Incomplete(Needed::new(N - input.len()))),
    }
}

/// The next `length` bytes, borrowed.
pub(super) fn slice(input: &[u8], length: usize) -> Parsed<'_, &[u8]> {
    match input.split_at_checked(length) {
        Some((bytes, rest)) => Ok((rest, bytes)),
        None => Err(Err::Incomplete(Needed::new(length - input.len()))),
    }
}

impl Order {
    pub(super) const fn of_u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) const fn of_u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) const fn of_u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    pub(super) fn u16(self, input: &[u8]) -> Parsed<'_, u16> {
        take(input).map(|(rest, bytes)| (rest, self.of_u16(bytes)))
    }

    pub(super) fn u32(self, input: &[u8]) -> Parsed<'_, u32> {
        take(input).map(|(rest, bytes)| (rest, self.of_u32(bytes)))
    }

    pub(super) fn u64(self, input: &[u8]) -> Parsed<'_, u64> {
        take(input).map(|(rest, bytes)| (rest, self.of_u64(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_two_numbers() {
        assert_eq!(Order::Little.u32(&[1, 2, 3, 4, 5]), Ok((&[5][..], 0x0403_0201)));
        assert_eq!(Order::Big.u16(&[1, 2]), Ok((&[][..], 0x0102)));
        assert_eq!(Order::Big.u64(&[0, 0, 0, 0, 0, 0, 1, 0]), Ok((&[][..], 256)));
    }

    #[test]
    fn what_is_missing_is_counted() {
        assert_eq!(Order::Big.u32(&[1]), Err(Err::Incomplete(Needed::new(3))));
        assert_eq!(slice(&[1], 6), Err(Err::Incomplete(Needed::new(5))));
    }
}
