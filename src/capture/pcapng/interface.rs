//! Interfaces of a section: link type, snap length, clock, and what was dropped.
//!
//! Clocks of any resolution become nanoseconds here; nothing of a packet is read.

use std::collections::BTreeMap;

use super::super::LinkType;
use super::super::bytes::{Order, Parsed, take};
use super::super::grammar::longest_capture;
use super::Oddity;
use super::option::options;
use crate::time::Timestamp;

/// The most interfaces that are told apart in a file, over all its sections. Real files have a handful;
/// a hostile one could describe millions, at 20 bytes each.
const LIMIT: usize = 1 << 16;
/// What is kept of a name; those of Windows have some 50 characters.
const NAME: usize = 128;

/// How the ticks of an interface become nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    /// A tick is so many nanoseconds.
    Multiply(u32),
    /// So many ticks are one nanosecond.
    Divide(u64),
    /// A tick is a second divided by this power of two.
    Binary(u8),
    /// A tick is so short that no 64-bit count of them reaches a nanosecond.
    Nothing,
}

/// An interface's clock (`if_tsresol` and `if_tsoffset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    resolution: Resolution,
    offset_nanos: i128,
}

impl Clock {
    /// `tsresol` as in the file: the power of ten, or with the top bit set the power of two; `tsoffset` in seconds.
    pub(super) fn new(tsresol: u8, tsoffset: i64) -> Self {
        let power = tsresol & 0x7f;
        let resolution = if tsresol & 0x80 != 0 {
            Resolution::Binary(power)
        } else if power <= 9 {
            Resolution::Multiply(10u32.pow(u32::from(9 - power)))
        } else {
            10u64.checked_pow(u32::from(power - 9)).map_or(Resolution::Nothing, Resolution::Divide)
        };
        Self { resolution, offset_nanos: i128::from(tsoffset) * 1_000_000_000 }
    }

    /// The time of a tick count; beyond the range of [`Timestamp`] its nearer end.
    pub(super) fn time(self, ticks: u64) -> Timestamp {
        // Nearly every file; 128-bit numbers would be a third of the cost of a packet.
        if let Resolution::Multiply(factor) = self.resolution
            && self.offset_nanos == 0
        {
            let nanos = ticks.checked_mul(u64::from(factor)).and_then(|nanos| i64::try_from(nanos).ok());
            return Timestamp::from_nanos(nanos.unwrap_or(i64::MAX));
        }
        let nanos = match self.resolution {
            Resolution::Multiply(factor) => i128::from(ticks) * i128::from(factor),
            Resolution::Divide(divisor) => i128::from(ticks / divisor),
            // Ticks have 64 bits and a second has 30 bits of nanoseconds, so 128 bits hold the product.
            Resolution::Binary(power) => (i128::from(ticks) * 1_000_000_000) >> power,
            Resolution::Nothing => 0,
        };
        let nanos = (nanos + self.offset_nanos).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Timestamp::from_nanos(nanos as i64)
    }
}

/// One interface of the section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    /// Its number in the file, counted over all sections.
    pub(super) number: u32,
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
    /// The captured length beyond which a packet is damaged.
    pub(super) longest: u32,
    pub(super) fcs_length: u8,
    pub(super) clock: Clock,
    /// `isb_osdrop` and `isb_ifdrop` of its last statistics.
    os_drop: Option<u64>,
    if_drop: Option<u64>,
}

/// The interfaces of the current section, and the sums over the sections before.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    section: Vec<Interface>,
    /// The names of those that have one (`if_name`), by their numbers in the file.
    names: BTreeMap<u32, Box<str>>,
    before: usize,
    kernel_before: Option<u64>,
    interface_before: Option<u64>,
}

impl Interfaces {
    /// Interface numbers of packets begin at 0 again.
    pub(super) fn begin_section(&mut self) {
        (self.kernel_before, self.interface_before) = self.drops();
        self.before = self.before.saturating_add(self.section.len());
        self.section.clear();
    }

    /// The name of the interface with this number in the file.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.names.get(&number).map(AsRef::as_ref)
    }

    /// The interface with this number in the section.
    pub(super) fn get(&self, id: u32) -> Option<&Interface> {
        self.section.get(id as usize)
    }

    /// Interface Description Block.
    pub(super) fn describe(&mut self, order: Order, body: &[u8]) -> Result<(), Oddity> {
        let Ok((rest, (link, snaplen))) = fixed_part(order, body) else { return Err(Oddity::BlockTooShort) };
        if self.section.len() >= LIMIT {
            return Err(Oddity::TooManyInterfaces);
        }
        // Microseconds unless the file says otherwise.
        let (mut tsresol, mut tsoffset, mut fcs_length) = (6, 0, 0);
        let mut name: &[u8] = &[];
        for (code, value) in options(order, rest) {
            match (code, value) {
                (2, value) => name = value.get(..NAME).unwrap_or(value),
                (9, &[resolution, ..]) => tsresol = resolution,
                // The specification counts bits, some writers bytes; no sequence is shorter than 8 bits,
                // and none is longer than 7 bytes.
                (13, &[length, ..]) => fcs_length = if length >= 8 { length / 8 } else { length },
                (14, value) => {
                    if let Ok((_, bits)) = order.u64(value) {
                        tsoffset = bits.cast_signed();
                    }
                }
                _ => {}
            }
        }
        let number = (self.before + self.section.len()).min(LIMIT - 1) as u32;
        let name = String::from_utf8_lossy(name);
        let name = name.trim_end_matches('\0');
        if !name.is_empty() {
            self.names.insert(number, name.into());
        }
        self.section.push(Interface {
            number,
            link,
            snaplen,
            longest: longest_capture(link, snaplen),
            fcs_length,
            clock: Clock::new(tsresol, tsoffset),
            os_drop: None,
            if_drop: None,
        });
        Ok(())
    }

    /// Interface Statistics Block. Its counters run from the start of the capture, so the last one counts.
    pub(super) fn count_drops(&mut self, order: Order, body: &[u8]) -> Result<(), Oddity> {
        let parsed = order.u32(body).and_then(|(rest, id)| take::<8>(rest).map(|(rest, _time)| (rest, id)));
        let Ok((rest, id)) = parsed else { return Err(Oddity::BlockTooShort) };
        let Some(interface) = self.section.get_mut(id as usize) else { return Err(Oddity::UnknownInterface) };
        for (code, value) in options(order, rest) {
            let Ok((_, count)) = order.u64(value) else { continue };
            match code {
                5 => interface.if_drop = Some(count),
                7 => interface.os_drop = Some(count),
                _ => {}
            }
        }
        Ok(())
    }

    /// Frames dropped by the kernel and by the interfaces.
    pub(super) fn drops(&self) -> (Option<u64>, Option<u64>) {
        let sum = |before: Option<u64>, of: fn(&Interface) -> Option<u64>| {
            self.section.iter().filter_map(of).fold(before, |sum, count| Some(sum.unwrap_or(0).saturating_add(count)))
        };
        (
            sum(self.kernel_before, |interface| interface.os_drop),
            sum(self.interface_before, |interface| interface.if_drop),
        )
    }
}

/// Link type, two reserved bytes, snap length.
fn fixed_part(order: Order, input: &[u8]) -> Parsed<'_, (LinkType, u32)> {
    let (input, link) = order.u16(input)?;
    let (input, _) = take::<2>(input)?;
    let (input, snaplen) = order.u32(input)?;
    Ok((input, (LinkType(link), snaplen)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(tsresol: u8, tsoffset: i64, ticks: u64) -> i64 {
        Clock::new(tsresol, tsoffset).time(ticks).as_nanos()
    }

    #[test]
    fn every_decimal_resolution_becomes_nanoseconds() {
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(3, 0, 7), 7_000_000);
        assert_eq!(nanos(6, 0, 5_000_000_000_000_001), 5_000_000_000_000_001_000);
        assert_eq!(nanos(9, 0, 7), 7);
        assert_eq!(nanos(12, 0, 7_999), 7);
        assert_eq!(nanos(28, 0, u64::MAX), 1);
        assert_eq!(nanos(29, 0, u64::MAX), 0);
        assert_eq!(nanos(127, 0, u64::MAX), 0);
    }

    #[test]
    fn every_binary_resolution_becomes_nanoseconds() {
        assert_eq!(nanos(0x80, 0, 3), 3_000_000_000);
        assert_eq!(nanos(0x8a, 0, 1536), 1_500_000_000);
        assert_eq!(nanos(0xa0, 0, 1 << 31), 500_000_000);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn an_offset_moves_the_clock_either_way() {
        assert_eq!(nanos(9, -2, 5), -1_999_999_995);
        assert_eq!(nanos(6, 3, 1), 3_000_001_000);
    }

    #[test]
    fn times_beyond_the_range_stop_at_its_end() {
        assert_eq!(nanos(0, 0, u64::MAX), i64::MAX);
        assert_eq!(nanos(9, i64::MIN, 0), i64::MIN + 1);
        assert_eq!(nanos(0, i64::MAX, u64::MAX), i64::MAX);
    }
}
