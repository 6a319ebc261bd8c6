//! What a literal means where a value of a type is wanted.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::lexer::{NoInteger, integer};
use crate::time::{Span, Timestamp};

/// Bytes in hexadecimal: pairs of digits joined by `:`, `-` or `.`, or by nothing; where `.` joins them, or where there
/// is but one, a digit may stand alone. A single byte may be written `0x1f`.
pub(super) fn bytes(word: &str) -> Option<Vec<u8>> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    // `:ff` says that it is no name.
    let word = word.strip_prefix(':').unwrap_or(word);
    if let Some(number) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return (number.len() == 2 && digits(number)).then(|| run(number));
    }
    let Some(separator) = word.chars().find(|c| matches!(c, ':' | '-' | '.')) else {
        return (!word.is_empty() && digits(word)).then(|| run(word));
    };
    // Groups of two bytes are how Cisco writes hardware addresses.
    let width = if separator == '.' { 1..=4 } else { 2..=2 };
    let mut out = Vec::new();
    for group in word.split(separator) {
        if !width.contains(&group.len()) || group.len() == 3 || !digits(group) {
            return None;
        }
        out.extend(run(group));
    }
    Some(out)
}

/// Pairs of hexadecimal digits; the last one may stand alone.
fn run(digits: &str) -> Vec<u8> {
    digits.as_bytes().chunks(2).map(|pair| pair.iter().fold(0, |byte, &digit| byte << 4 | nibble(digit))).collect()
}

fn nibble(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

/// A hardware address.
pub(super) fn ethernet(word: &str) -> Option<[u8; 6]> {
    bytes(word)?.try_into().ok()
}

/// An IPv4 address and its prefix length.
pub(super) fn ipv4(word: &str) -> Option<(Ipv4Addr, Option<u32>)> {
    let (address, bits) = prefix(word);
    Some((address.parse().ok()?, bits))
}

/// An IPv6 address and its prefix length.
pub(super) fn ipv6(word: &str) -> Option<(Ipv6Addr, Option<u32>)> {
    let (address, bits) = prefix(word);
    Some((address.parse().ok()?, bits))
}

fn prefix(word: &str) -> (&str, Option<u32>) {
    match word.split_once('/') {
        None => (word, None),
        Some((address, bits)) => (address, Some(bits.parse().unwrap_or(u32::MAX))),
    }
}

/// An unsigned integer of 64 bits.
pub(super) fn unsigned(word: &str) -> Result<u64, NoInteger> {
    integer(word)
}

/// A truth value: a word, or a number that is zero or not.
pub(super) fn boolean(word: &str) -> Option<bool> {
    match word {
        "True" | "TRUE" | "true" => Some(true),
        "False" | "FALSE" | "false" => Some(false),
        _ => integer(word).ok().map(|number| number != 0),
    }
}

/// Seconds with up to nine decimals, and an `s` behind them if one likes.
pub(super) fn duration(word: &str) -> Option<Span> {
    let word = word.strip_suffix('s').unwrap_or(word);
    let (seconds, decimals) = word.split_once('.').map_or((word, None), |(whole, rest)| (whole, Some(rest)));
    let seconds = whole(seconds)?;
    let nanos = decimals.map_or(Some(0), fraction)?;
    Some(Span::from_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?))
}

fn whole(digits: &str) -> Option<i64> {
    let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| digits.parse().ok()).flatten()
}

/// Nanoseconds from decimals.
fn fraction(decimals: &str) -> Option<i64> {
    let nanos = whole(decimals)?;
    Some(nanos * 10_i64.pow(9_u32.checked_sub(u32::try_from(decimals.len()).ok()?)?))
}

/// A floating point number.
pub(super) fn float(word: &str) -> Option<f64> {
    let numeric = word.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.');
    numeric.then(|| word.parse().ok()).flatten()
}

/// A point in time, in UTC where no zone is given: `2026-11-21`, `2026-11-21 21:23`, `2026-11-21T21:23:21.5Z`,
/// `2026-11-21 21:23:21+01:00`, `Nov 21, 2026 21:23:21.5`.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (date, rest) = if text.starts_with(|c: char| c.is_ascii_digit()) { iso_date(text)? } else { named_date(text)? };
    if rest.is_empty() {
        return text.starts_with(|c: char| c.is_ascii_digit()).then(|| Timestamp::from_secs_nanos(date * 86_400, 0));
    }
    let clock = rest.strip_prefix('T').unwrap_or(rest).trim_start();
    let end = clock.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    let (seconds, nanos) = time_of_day(clock)?;
    Some(Timestamp::from_secs_nanos(date * 86_400 + seconds - offset(zone.trim())?, nanos))
}

fn iso_date(text: &str) -> Option<(i64, &str)> {
    let date = text.get(..10)?;
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    Some((days(whole(year)?, whole(month)?, whole(day)?)?, &text[10..]))
}

fn named_date(text: &str) -> Option<(i64, &str)> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (month, rest) = text.split_once(' ')?;
    let (day, rest) = rest.split_once(',')?;
    let rest = rest.trim_start();
    let (year, rest) = rest.split_once(' ')?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i64 + 1;
    Some((days(whole(year)?, month, whole(day.trim())?)?, rest))
}

fn time_of_day(clock: &str) -> Option<(i64, u32)> {
    let mut fields = clock.split(':');
    let hour = whole(fields.next()?)?;
    let minute = fields.next().map_or(Some(0), whole)?;
    let (second, nanos) = match fields.next() {
        None => (0, 0),
        Some(text) => {
            let (second, decimals) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
            (whole(second)?, decimals.map_or(Some(0), fraction)?)
        }
    };
    // A leap second is the first of the next minute.
    let good = hour < 24 && minute < 60 && second <= 60 && fields.next().is_none();
    good.then_some((hour * 3600 + minute * 60 + second, nanos as u32))
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.split_at_checked(1) {
        None => return Some(0),
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        Some(_) => return matches!(zone, "Z" | "UTC").then_some(0),
    };
    let digits: Cow<'_, str> =
        digits.split_once(':').map_or(digits.into(), |(hour, minute)| format!("{hour}{minute}").into());
    let number = whole(&digits).filter(|_| digits.len() == 4)?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin on 1 March, so that a leap
/// day is the last one of its year.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=last).contains(&day) || year > 9999 {
        return None;
    }
    let year = if month < 3 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_in_every_way_of_writing_them() {
        assert_eq!(bytes("aa:bb:cc").unwrap(), [0xaa, 0xbb, 0xcc]);
        assert_eq!(bytes("aa-bb").unwrap(), [0xaa, 0xbb]);
        assert_eq!(bytes("0.1.0.d").unwrap(), [0, 1, 0, 13]);
        assert_eq!(bytes("0011.2233.4455").unwrap(), [0, 0x11, 0x22, 0x33, 0x44, 0x55]);
        assert_eq!(bytes("7a").unwrap(), [0x7a]);
        assert_eq!(bytes("a").unwrap(), [0x0a]);
        assert_eq!(bytes("02009").unwrap(), [2, 0, 9], "the last digit stands alone");
        assert_eq!(bytes("0x1f").unwrap(), [0x1f]);
        assert_eq!(bytes(":ff").unwrap(), [0xff]);
        for wrong in ["", "0x", "0x1", "0x1ff", "xy", "a:b", "aa:", "aa:bb-cc", "::", "é", ":", "aaa.bb"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let seconds = |text| time(text).map(|time| time.as_nanos() as f64 / 1e9);
        assert_eq!(seconds("1970-01-01"), Some(0.0));
        assert_eq!(seconds("2000-02-29T00:00:00Z"), Some(951_782_400.0));
        assert_eq!(seconds("2026-11-21 21:23:21"), Some(1_795_296_201.0));
        assert_eq!(seconds("2026-11-21 21:23"), Some(1_795_296_180.0));
        assert_eq!(seconds("2026-11-21T21:23:21.5Z"), Some(1_795_296_201.5));
        assert_eq!(seconds("2026-11-21 22:23:21+01:00"), Some(1_795_296_201.0));
        assert_eq!(seconds("2026-11-21 20:53:21-0030"), Some(1_795_296_201.0));
        assert_eq!(seconds("Nov 21, 2026 21:23:21.5"), Some(1_795_296_201.5));
        assert_eq!(seconds("Nov  1, 2026 00:00:00 UTC"), seconds("2026-11-01"));
        assert_eq!(seconds("1969-12-31 23:59:59"), Some(-1.0));
        for wrong in
            ["", "2026", "2026-13-01", "2026-11-31", "2025-02-29", "2026-11-21 24:00", "21:23:21", "Sep 26, 2004"]
        {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_exact_to_the_nanosecond() {
        assert_eq!(duration("1.5"), Some(Span::from_millis(1500)));
        assert_eq!(duration("0.000000001"), Some(Span::from_nanos(1)));
        assert_eq!(duration("2s"), Some(Span::from_secs(2)));
        for wrong in ["", "s", ".5", "1.", "1e3", "0.0000000001", "99999999999", "1.5.1", "+1"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
