//! The values of arguments, from their text; an error says what would be right.

use std::time::Duration;

use mqttsniff::dissect::Protocol;
use mqttsniff::neighbour::Neighbour;
use mqttsniff::render::{Order, View};

pub(super) fn decode_as(text: &str) -> Result<(u16, Protocol), String> {
    let (port, protocol) = text.split_once('=').ok_or("expected PORT=PROTOCOL, for example 1884=mqtt")?;
    let port = port.parse().map_err(|_| format!("'{port}' is not a port number"))?;
    let protocol = match protocol {
        "mqtt" => Protocol::Mqtt,
        "tls" => Protocol::Tls,
        "http" => Protocol::Http,
        "websocket" => Protocol::WebSocket,
        "mqtt-sn" => Protocol::MqttSn,
        "quic" => Protocol::Quic,
        "none" => Protocol::Unknown,
        other => match stream_named(other) {
            Some(neighbour) => Protocol::Neighbour(neighbour),
            None => {
                return Err(format!(
                    "'{other}' is not one of mqtt, tls, http, websocket, mqtt-sn, quic, {}, none",
                    Neighbour::STREAMS.map(Neighbour::name).join(", ")
                ));
            }
        },
    };
    Ok((port, protocol))
}

/// The protocol around MQTT of this name, if its messages come in streams.
fn stream_named(name: &str) -> Option<Neighbour> {
    Neighbour::STREAMS.into_iter().find(|neighbour| neighbour.name() == name)
}

pub(super) fn order(text: &str) -> Result<Order, String> {
    let (column, descending) = match text.split_once(':') {
        None | Some((_, "asc")) => (text.split(':').next().unwrap_or(text), false),
        Some((column, "desc")) => (column, true),
        Some((_, other)) => return Err(format!("'{other}' is no order; use asc or desc")),
    };
    if View::ALL.iter().any(|view| view.has(column)) {
        return Ok(Order { column: column.to_owned(), descending });
    }
    let near = View::ALL.iter().flat_map(|view| view.columns()).find(|name| name.contains(column));
    let hint = near.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
    Err(format!("no view has a column '{column}'{hint}"))
}

/// The longest time that can be asked for: nobody waits as long, and in nanoseconds it still has its place in what the capture
/// and the clocks of all systems count in.
const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| format!("'{text}' is no time; try 30s, 10m or 2h"))?;
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        other => return Err(format!("'{other}' is no unit of time; use ms, s, m, h or d")),
    };
    Duration::try_from_secs_f64(number * factor).ok().filter(|duration| *duration <= LONGEST).ok_or_else(|| {
        format!("'{text}' is longer than a hundred years; try 30s, 10m or 2h, or 36500d for all that there is")
    })
}

/// A time that is longer than nothing.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it has to be longer than nothing; try 100ms, 1s or 1m".to_owned()),
        time => Ok(time),
    }
}

/// What reads a whole number within bounds, which lie within those of its type, and tells them to people.
pub(super) fn number<T: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, String> + Clone {
    debug_assert!(T::try_from(most).is_ok(), "{most} is no such number");
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| match most {
            u64::MAX => format!("it has to be a whole number from {least} on"),
            most => format!("it has to be a whole number from {least} to {most}"),
        })
    }
}

/// A number of bytes with its unit: powers of ten as the sizes of disks, or of two.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| format!("'{text}' is no size; try 100MB or 1GiB"))?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        "tib" => 1_099_511_627_776.0,
        _ => return Err(format!("'{unit}' is no unit of size; use kB, MB, GB, or KiB, MiB, GiB")),
    };
    match number * factor {
        bytes if bytes >= 1.0 => Ok(bytes as u64),
        _ => Err(format!("'{text}' is no size that a file can have")),
    }
}

/// A range of frame numbers, either end of which may be left out.
pub(super) fn frames(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str, missing: u64| match text {
        "" => Ok(missing),
        digits => digits.parse().map_err(|_| format!("'{digits}' is no frame number; try 10-20")),
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first, 1)?, number(last, u64::MAX)?),
        None => (number(text, 1)?, number(text, u64::MAX)?),
    };
    if first > last { Err(format!("{first} comes after {last}")) } else { Ok((first, last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("soon").is_err());
        assert!(duration("5 parsecs").is_err());
    }

    #[test]
    fn a_time_that_no_clock_can_count_is_refused_with_one_that_it_can() {
        assert_eq!(duration("36500d"), Ok(LONGEST));
        let nines = "9".repeat(400);
        for text in ["36501d", "10000000000000000000s", "18446744073709551615s", "99999999999999999999d", &nines] {
            let error = duration(text).expect_err(text);
            assert!(error.contains("longer than a hundred years") && error.contains("36500d"), "{error}");
        }
    }

    #[test]
    fn numbers_tell_their_bounds() {
        assert_eq!(number::<u32>(1, 1024)("16"), Ok(16));
        for text in ["0", "1025", "abc", "", "-1", "1.5", "99999999999999999999"] {
            let error = number::<u32>(1, 1024)(text);
            assert_eq!(error, Err("it has to be a whole number from 1 to 1024".to_owned()), "{text}");
        }
        assert_eq!(number::<u64>(1, u64::MAX)("0"), Err("it has to be a whole number from 1 on".to_owned()));
        let error = number::<u32>(0, u32::MAX.into())("4294967296");
        assert_eq!(error, Err("it has to be a whole number from 0 to 4294967295".to_owned()));
        assert!(some_time("0s").is_err() && some_time("1ms").is_ok());
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("100MB"), Ok(100_000_000));
        assert_eq!(size("1.5 kB"), Ok(1500));
        assert_eq!(size("2gib"), Ok(2 << 30));
        assert_eq!(size("10M"), Ok(10_000_000));
        assert!(size("MB").is_err() && size("0").is_err() && size("1 furlong").is_err() && size("-1").is_err());
    }

    #[test]
    fn ranges_of_frames_may_be_open() {
        assert_eq!(frames("10-20"), Ok((10, 20)));
        assert_eq!(frames("10-"), Ok((10, u64::MAX)));
        assert_eq!(frames("-20"), Ok((1, 20)));
        assert_eq!(frames("7"), Ok((7, 7)));
        assert!(frames("20-10").is_err());
        assert!(frames("all").is_err());
    }

    #[test]
    fn ports_are_given_protocols() {
        assert_eq!(decode_as("1884=mqtt"), Ok((1884, Protocol::Mqtt)));
        assert!(decode_as("1884").is_err());
        assert!(decode_as("99999=mqtt").is_err());
        assert!(decode_as("1884=smoke").is_err());
    }
}
