//! Options: the list of code, length and value at the end of a block.
//!
//! Values are handed out as bytes; each block knows the meaning of its own codes.

use super::super::bytes::{Order, Parsed, slice};

/// End of the list.
const END: u16 = 0;
/// A comment, in every block.
pub(super) const COMMENT: u16 = 1;

/// The options in `bytes`, until the end mark, the last byte, or the first one that does not fit.
pub(super) fn options(order: Order, bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (after, option) = option(order, rest).ok()?;
        rest = after;
        (option.0 != END).then_some(option)
    })
}

fn option(order: Order, input: &[u8]) -> Parsed<'_, (u16, &[u8])> {
    let (input, code) = order.u16(input)?;
    let (input, length) = order.u16(input)?;
    let (input, value) = slice(input, usize::from(length))?;
    // Values are padded to 32 bits; a last one without its padding is still a value.
    let padding = value.len().next_multiple_of(4) - value.len();
    Ok((input.get(padding..).unwrap_or_default(), (code, value)))
}
