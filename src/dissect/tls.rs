//! TLS: recognised by its first record, and not looked into.

use super::Opening;
use crate::flow::Direction;
use crate::mqtt::Certainty;

/// Content types of a TLS record: change cipher spec, alert, handshake, application data, heartbeat
/// (RFC 8446, section 5.1; RFC 6520).
const CONTENT_TYPES: std::ops::RangeInclusive<u8> = 20..=24;

/// The longest record with its expansion by encryption (RFC 5246, section 6.2.3).
const LONGEST_RECORD: u16 = (1 << 14) + 2048;

/// Whether either direction begins with a TLS record.
pub(super) fn recognise(opening: &Opening<'_>) -> Certainty {
    let verdicts = Direction::BOTH.map(|direction| record(opening.bytes[direction], opening.from_start(direction)));
    if verdicts.contains(&Certainty::Yes) {
        Certainty::Yes
    } else if verdicts.contains(&Certainty::NeedMore) {
        Certainty::NeedMore
    } else {
        Certainty::No
    }
}

fn record(bytes: &[u8], from_start: bool) -> Certainty {
    match *bytes {
        // A stream begins with a handshake record; one that was joined may stand at any record.
        [kind, ..] if !CONTENT_TYPES.contains(&kind) || (from_start && !matches!(kind, 21 | 22)) => Certainty::No,
        [_, 3, minor, a, b, ..] => {
            let length = u16::from_be_bytes([a, b]);
            if minor <= 4 && length > 0 && length <= LONGEST_RECORD { Certainty::Yes } else { Certainty::No }
        }
        [_] | [_, 3] | [_, 3, _] | [_, 3, _, _] => Certainty::NeedMore,
        _ => Certainty::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_tls_and_a_connect_is_not() {
        assert_eq!(record(&[22, 3, 1, 2, 0, 1], true), Certainty::Yes);
        assert_eq!(record(&[22, 3], true), Certainty::NeedMore);
        assert_eq!(record(&[0x10, 12, 0, 4], true), Certainty::No);
        assert_eq!(record(&[23, 3, 3, 0, 40], true), Certainty::No);
        assert_eq!(record(&[23, 3, 3, 0, 40], false), Certainty::Yes);
    }
}
