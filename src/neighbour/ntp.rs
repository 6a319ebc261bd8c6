//! NTP (RFC 5905): the header of 48 bytes; control and private messages by their mode alone.

use super::{Datagram, Neighbour, Reading, Value};
use crate::time::Timestamp;

const PORT: u16 = 123;

/// The names of the modes (RFC 5905, section 3).
const MODES: [&str; 8] =
    ["reserved", "symmetric active", "symmetric passive", "client", "server", "broadcast", "control", "private"];

/// Seconds from 1900, where NTP's time begins, to 1970.
const EPOCH: i64 = 2_208_988_800;

pub(super) fn read(datagram: &Datagram<'_>) -> Option<Reading> {
    let bytes = datagram.bytes;
    let flags = *bytes.first().filter(|_| datagram.is_on(PORT))?;
    let (leap, version, mode) = (flags >> 6, flags >> 3 & 7, flags & 7);
    if !(1..=4).contains(&version) {
        return None;
    }
    let mut reading = Reading::new(Neighbour::Ntp);
    reading.info = format!("NTP Version {version}, {}", MODES[usize::from(mode)]);
    reading.number("ntp.flags", flags);
    // In those of private use the first bits are others.
    if mode != 7 {
        reading.number("ntp.flags.li", leap);
    }
    reading.number("ntp.flags.vn", version);
    reading.number("ntp.flags.mode", mode);
    if mode >= 6 {
        return Some(reading);
    }
    let header: &[u8; 48] = bytes.first_chunk()?;
    let fixed = |at: usize| f64::from(u32::from_be_bytes(array(header, at))) / 65536.0;
    reading.number("ntp.stratum", header[1]);
    reading.put("ntp.ppoll", Value::Signed((header[2] as i8).into()));
    reading.put("ntp.precision", Value::Signed((header[3] as i8).into()));
    reading.put("ntp.rootdelay", Value::Float(fixed(4)));
    reading.put("ntp.rootdispersion", Value::Float(fixed(8)));
    reading.put("ntp.refid", Value::Bytes(array::<4>(header, 12).to_vec()));
    for (name, at) in [("ntp.reftime", 16), ("ntp.org", 24), ("ntp.rec", 32), ("ntp.xmt", 40)] {
        reading.put(name, Value::Time(time(array(header, at))));
    }
    Some(reading)
}

fn array<const N: usize>(header: &[u8; 48], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(bytes) = header.get(at..at + N) {
        out.copy_from_slice(bytes);
    }
    out
}

/// Seconds and a fraction of them. Those without the first bit are of the era that begins in 2036 (RFC 4330, section 3).
fn time(bytes: [u8; 8]) -> Timestamp {
    let all = u64::from_be_bytes(bytes);
    let (secs, fraction) = ((all >> 32) as i64, all & 0xffff_ffff);
    let era = if all >> 63 == 0 && all != 0 { 1 << 32 } else { 0 };
    Timestamp::from_secs_nanos(secs + era - EPOCH, ((fraction * 1_000_000_000) >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(bytes: &[u8]) -> Datagram<'_> {
        Datagram { ports: (40_000, 123), bytes, length: bytes.len() as u32 }
    }

    #[test]
    fn times_are_of_two_eras() {
        // RFC 4330, section 3.
        assert_eq!(time([0x83, 0xaa, 0x7e, 0x80, 0, 0, 0, 0]), Timestamp::from_secs_nanos(0, 0));
        assert_eq!(time([0, 0, 0, 1, 0x80, 0, 0, 0]), Timestamp::from_secs_nanos((1 << 32) + 1 - EPOCH, 500_000_000));
    }

    #[test]
    fn what_is_cut_or_of_no_version_is_no_message() {
        let bytes = [0x23; 48];
        assert!(read(&datagram(&bytes)).is_some());
        assert!(read(&datagram(&bytes[..47])).is_none());
        assert!(read(&datagram(&[0x03; 48])).is_none());
        assert!(read(&Datagram { ports: (1, 2), bytes: &bytes, length: 48 }).is_none());
    }
}
