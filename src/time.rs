//! Points and lengths of time as the capture gives them, in nanoseconds.
//!
//! Nothing here reads a clock: a [`Timestamp`] comes from a record of the capture, and every age or
//! time-out in this crate is the difference of two of them.

mod steady;

use std::fmt;
use std::num::NonZeroU64;

pub(crate) use steady::Steady;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, as stamped by the capturing machine.
///
/// The range is 1677 to 2262; what lies outside (a damaged record) is moved to the nearer end.
///
/// It is kept as the distance from the least `i64`, which is never 0, so that an `Option` takes no more room: hundreds of
/// thousands of flows have many of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// A length of time in nanoseconds; negative where the capture's clock went backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

const NANOS: i64 = 1_000_000_000;

/// The sign of an `i64`: with it turned round, unsigned numbers are in the order of the signed ones.
const SIGN: u64 = 1 << 63;

impl Timestamp {
    /// From nanoseconds since the epoch.
    #[inline]
    pub const fn from_nanos(nanos: i64) -> Self {
        match NonZeroU64::new(nanos as u64 ^ SIGN) {
            Some(distance) => Self(distance),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// From seconds and nanoseconds since the epoch, saturating at the ends of the range.
    pub const fn from_secs_nanos(secs: i64, nanos: u32) -> Self {
        Self::from_nanos(secs.saturating_mul(NANOS).saturating_add(nanos as i64))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub const fn as_nanos(self) -> i64 {
        (self.0.get() ^ SIGN) as i64
    }

    /// The time from `earlier` to `self`; negative when `self` is the earlier one.
    #[inline]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.as_nanos().saturating_sub(earlier.as_nanos()))
    }
}

impl Default for Timestamp {
    /// The epoch.
    fn default() -> Self {
        Self::from_nanos(0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timestamp").field(&self.as_nanos()).finish()
    }
}

impl std::ops::Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self::from_nanos(self.as_nanos().saturating_add(span.0))
    }
}

impl std::ops::Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Span {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS))
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        // Division, not multiplication by 1e-9: the result is then the double nearest to the decimal
        // value, and prints with no more than nine decimals.
        self.0 as f64 / NANOS as f64
    }
}

/// RFC 3339 in UTC with nine decimals, always 30 bytes for years 0 to 9999: `2026-11-21T10:00:00.000000001Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc3339()).unwrap_or_default())
    }
}

impl Timestamp {
    /// The bytes of the RFC 3339 form, for writers that print many of them.
    pub fn rfc3339(self) -> [u8; 30] {
        let since = self.as_nanos();
        let secs = since.div_euclid(NANOS);
        let nanos = since.rem_euclid(NANOS) as u32;
        let (year, month, day) = civil_from_days(secs.div_euclid(86_400));
        let second = secs.rem_euclid(86_400) as u32;
        let mut out = *b"0000-00-00T00:00:00.000000000Z";
        let mut pair = |at: usize, value: u32| {
            let digits = PAIRS[value as usize % 100];
            out[at] = digits[0];
            out[at + 1] = digits[1];
        };
        pair(0, year / 100);
        pair(2, year % 100);
        pair(5, month);
        pair(8, day);
        pair(11, second / 3600);
        pair(14, second / 60 % 60);
        pair(17, second % 60);
        let (micros, rest) = (nanos / 1000, nanos % 1000);
        pair(20, micros / 10_000);
        pair(22, micros / 100 % 100);
        pair(24, micros % 100);
        pair(26, rest / 10);
        out[28] = b'0' + (rest % 10) as u8;
        out
    }
}

/// The two digits of each number below 100.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

/// Year, month and day of the proleptic Gregorian calendar for a day number (day 0 is 1970-01-01), in the years that a
/// timestamp can have.
///
/// The calendar is counted in eras of 400 years that begin on 1 March, so that a leap day is the last
/// day of its year and no table of months is needed.
const fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let shifted = (days + 719_468) as u32; // days since 0000-03-01
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + (month <= 2) as u32, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_print_as_rfc_3339() {
        let at = |secs, nanos| Timestamp::from_secs_nanos(secs, nanos).to_string();
        assert_eq!(at(0, 0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(at(951_782_400, 1), "2000-02-29T00:00:00.000000001Z");
        assert_eq!(at(1_795_296_201, 490_440_000), "2026-11-21T21:23:21.490440000Z");
        assert_eq!(at(-1, 0), "1969-12-31T23:59:59.000000000Z");
        assert_eq!(at(i64::MAX, 0), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(at(i64::MIN, 0), "1677-09-21T00:12:43.145224193Z");
        assert_eq!(at(1_234_567_890, 123_456_789), "2009-02-13T23:31:30.123456789Z");
        assert_eq!(at(4_294_967_295, 999_999_999), "2106-02-07T06:28:15.999999999Z");
    }

    #[test]
    fn an_absent_time_takes_no_room_and_order_is_that_of_the_nanoseconds() {
        assert_eq!(size_of::<Option<Timestamp>>(), size_of::<Timestamp>());
        let times = [i64::MIN, -2, -1, 0, 1, i64::MAX].map(Timestamp::from_nanos);
        assert!(times.is_sorted());
        assert_eq!(times.map(Timestamp::as_nanos), [i64::MIN + 1, -2, -1, 0, 1, i64::MAX]);
    }

    #[test]
    fn a_clock_that_goes_back_gives_a_negative_span() {
        let (a, b) = (Timestamp::from_nanos(5), Timestamp::from_nanos(3));
        assert_eq!(b.since(a), Span::from_nanos(-2));
        assert_eq!(Span::from_nanos(114_000).as_secs_f64().to_string(), "0.000114");
    }
}
