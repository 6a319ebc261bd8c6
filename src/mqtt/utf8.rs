//! The rules for text on the wire: UTF-8, and the characters that must not or should not stand in it.
//! What a text means in its place (topic, filter) is not looked at here.

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFault {
    Invalid,
    Surrogate,
    Nul,
    Control,
    NonCharacter,
    ByteOrderMark,
}

// Folding numbers instead of stopping at the first hit lets the compiler use vector instructions.

/// Whether all bytes are printable ASCII: the common case, told without decoding.
#[inline]
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |odd, &byte| odd | is_odd(byte)) == 0
}

/// Whether all bytes are printable ASCII and none is a wildcard.
#[inline]
pub(super) fn is_plain_topic(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |odd, &byte| odd | is_odd(byte) | u8::from(byte == b'+') | u8::from(byte == b'#')) == 0
}

#[inline]
fn is_odd(byte: u8) -> u8 {
    u8::from(!(0x20..=0x7e).contains(&byte))
}

/// Reports each kind of fault once, with the place of its first occurrence.
pub(super) fn faults(bytes: &[u8], mut report: impl FnMut(usize, TextFault)) {
    if is_plain(bytes) {
        return;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let surrogate = matches!(bytes.get(at..), Some([0xed, 0xa0..=0xbf, ..]));
            report(at, if surrogate { TextFault::Surrogate } else { TextFault::Invalid });
            if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
                report(at, TextFault::Nul);
            }
            return;
        }
    };
    if text.starts_with('\u{feff}') {
        report(0, TextFault::ByteOrderMark);
    }
    let (mut nul, mut control, mut non_character) = (None, None, None);
    for (at, c) in text.char_indices() {
        let first = match c {
            '\0' => &mut nul,
            c if c.is_control() => &mut control,
            // U+FDD0 to U+FDEF, and the last two code points of each plane.
            '\u{fdd0}'..='\u{fdef}' => &mut non_character,
            c if u32::from(c) & 0xfffe == 0xfffe => &mut non_character,
            _ => continue,
        };
        first.get_or_insert(at);
    }
    for (at, fault) in [(nul, TextFault::Nul), (control, TextFault::Control), (non_character, TextFault::NonCharacter)]
    {
        if let Some(at) = at {
            report(at, fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(usize, TextFault)> {
        let mut found = Vec::new();
        faults(bytes, |at, fault| found.push((at, fault)));
        found
    }

    #[test]
    fn each_fault_is_found_at_its_first_place() {
        assert_eq!(all("grün/🦀".as_bytes()), []);
        assert_eq!(all(b"a\xffb"), [(1, TextFault::Invalid)]);
        assert_eq!(all(b"a\xc0\x80"), [(1, TextFault::Invalid)]);
        assert_eq!(all(b"ab\xed\xa0\x80"), [(2, TextFault::Surrogate)]);
        assert_eq!(all(b"a\0\0"), [(1, TextFault::Nul)]);
        assert_eq!(all("a\u{85}\x07".as_bytes()), [(1, TextFault::Control)]);
        assert_eq!(all("\u{ffff}".as_bytes()), [(0, TextFault::NonCharacter)]);
        assert_eq!(all("\u{1fffe}".as_bytes()), [(0, TextFault::NonCharacter)]);
        assert_eq!(all("\u{feff}a".as_bytes()), [(0, TextFault::ByteOrderMark)]);
    }
}
