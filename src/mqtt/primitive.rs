//! The building blocks of all packets: integers, length-prefixed bytes, variable byte integers.
//!
//! They are shaped as nom parsers and combine as such, but say how many bytes they lack: so a reader
//! can tell a field that runs past its packet from one that merely was not captured. Nothing here
//! judges what a field holds.

use nom::error::{ErrorKind, ParseError};
use nom::{Err, IResult};

/// What a parser of this room gives.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, Stop>;

/// Why a parser could not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The input ends that many bytes too early.
    Short(usize),
    /// The bytes are no value of the kind.
    Malformed,
}

impl<I> ParseError<I> for Stop {
    fn from_error_kind(_: I, _: ErrorKind) -> Self {
        Self::Malformed
    }

    fn append(_: I, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// The reason inside nom's wrapper.
impl From<Err<Self>> for Stop {
    fn from(error: Err<Self>) -> Self {
        match error {
            Err::Error(stop) | Err::Failure(stop) => stop,
            // None of our parsers gives it; one byte is the least that could be lacking.
            Err::Incomplete(_) => Self::Short(1),
        }
    }
}

const fn short<T>(lacking: usize) -> Result<T, Err<Stop>> {
    Err(Err::Error(Stop::Short(lacking)))
}

// nom's own number parsers are generic over the input and loop over its bytes; on slices these are
// several times faster, and they report what is lacking.

/// One byte.
#[inline]
pub(super) fn u8(input: &[u8]) -> Parsed<'_, u8> {
    match input.split_first() {
        Some((&byte, rest)) => Ok((rest, byte)),
        None => short(1),
    }
}

/// Two bytes, the high one first.
#[inline]
pub(super) fn be_u16(input: &[u8]) -> Parsed<'_, u16> {
    match input.split_first_chunk() {
        Some((&bytes, rest)) => Ok((rest, u16::from_be_bytes(bytes))),
        None => short(2 - input.len()),
    }
}

/// Four bytes, the highest first.
#[inline]
pub(super) fn be_u32(input: &[u8]) -> Parsed<'_, u32> {
    match input.split_first_chunk() {
        Some((&bytes, rest)) => Ok((rest, u32::from_be_bytes(bytes))),
        None => short(4 - input.len()),
    }
}

/// `count` bytes.
#[inline]
pub(super) fn take<'a>(count: usize) -> impl Fn(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    move |input| match input.split_at_checked(count) {
        Some((taken, rest)) => Ok((rest, taken)),
        None => short(count - input.len()),
    }
}

/// Bytes behind a two-byte length: the form of every string and of binary data (MQTT 5.0 sections
/// 1.5.4 and 1.5.6).
#[inline]
pub(super) fn binary(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (input, length) = be_u16(input)?;
    take(length.into())(input)
}

/// A variable byte integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) value: u32,
    /// Whether no shorter form has the same value.
    pub(super) minimal: bool,
}

/// One to four bytes of seven bits, the lowest first, the top bit saying that more follow (MQTT 5.0
/// section 1.5.5). A fifth byte is malformed.
#[inline]
pub(super) fn variable_integer(input: &[u8]) -> Parsed<'_, Variable> {
    if let Some((&byte @ 0..=0x7f, rest)) = input.split_first() {
        return Ok((rest, Variable { value: byte.into(), minimal: true }));
    }
    long_variable_integer(input)
}

fn long_variable_integer(input: &[u8]) -> Parsed<'_, Variable> {
    let mut value = 0;
    let mut rest = input;
    for shift in [0, 7, 14, 21] {
        let (behind, byte) = u8(rest)?;
        rest = behind;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((rest, Variable { value, minimal: byte != 0 || shift == 0 }));
        }
    }
    Err(Err::Error(Stop::Malformed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_integer_has_one_to_four_bytes() {
        let read = |bytes| variable_integer(bytes).map_err(Stop::from).map(|(_, v)| (v.value, v.minimal));
        assert_eq!(read(&[0]), Ok((0, true)));
        assert_eq!(read(&[0x7f]), Ok((127, true)));
        assert_eq!(read(&[0x80, 0x01]), Ok((128, true)));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0x7f]), Ok((268_435_455, true)));
        assert_eq!(read(&[0x85, 0x00]), Ok((5, false)));
        assert_eq!(read(&[0x80, 0x80]), Err(Stop::Short(1)));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff]), Err(Stop::Malformed));
    }

    #[test]
    fn bytes_behind_a_length_say_how_many_they_lack() {
        assert_eq!(binary(&[0, 2, b'a', b'b', b'c']).map_err(Stop::from), Ok((&b"c"[..], &b"ab"[..])));
        assert_eq!(binary(&[0, 5, b'a']).map_err(Stop::from), Err(Stop::Short(4)));
        assert_eq!(binary(&[0]).map_err(Stop::from), Err(Stop::Short(1)));
    }
}
