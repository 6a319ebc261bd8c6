//! Domain names (RFC 1035, section 3.1), with pointers to earlier ones (section 4.1.4).

/// The most octets of a name with all its lengths (RFC 1035, section 2.3.4).
const OCTETS: usize = 255;

/// A name, and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Its labels with dots between them, as bytes of the wire; a text in angle brackets where there is none to be had.
    pub(super) text: Vec<u8>,
    /// How many labels.
    pub(super) labels: u16,
    /// Whether it is a name.
    pub(super) is_good: bool,
    /// Where what follows it begins.
    pub(super) end: usize,
}

impl Name {
    /// The service, the protocol and the domain of a name of services (RFC 2782).
    pub(super) fn service(&self) -> (&[u8], &[u8], &[u8]) {
        let mut parts = self.text.splitn(3, |byte| *byte == b'.');
        let mut next = || parts.next().unwrap_or_default();
        (next(), next(), next())
    }
}

/// Reads the name that begins at a place of a message; nothing where the message ends within it.
///
/// A pointer leads to an earlier place than all labels before it: so each name ends.
pub(super) fn read(message: &[u8], start: usize) -> Option<Name> {
    let mut text = Vec::new();
    let (mut labels, mut octets) = (0, 1);
    let (mut at, mut run, mut end) = (start, start, None);
    let odd = |text: &[u8], end| Some(Name { text: text.to_vec(), labels: 1, is_good: false, end });
    loop {
        let length = *message.get(at)?;
        match (length >> 6, length) {
            (0, 0) => break,
            (0, _) => {
                let label = message.get(at + 1..at + 1 + usize::from(length))?;
                octets += 1 + label.len();
                if octets > OCTETS {
                    let end = end.or_else(|| behind(message, at));
                    return odd(b"<Name too long>", end?);
                }
                if labels > 0 {
                    text.push(b'.');
                }
                text.extend_from_slice(label);
                labels += 1;
                at += 1 + label.len();
            }
            (3, _) => {
                let target = usize::from(length & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                let end = *end.get_or_insert(at + 2);
                if target >= run {
                    return odd(b"<Name contains a pointer that loops>", end);
                }
                (at, run) = (target, target);
            }
            // The two kinds that are left are not in use (RFC 6891, section 5).
            _ => return None,
        }
    }
    if labels == 0 {
        // Which Wireshark counts as one.
        (text, labels) = (b"<Root>".to_vec(), 1);
    }
    Some(Name { text, labels, is_good: true, end: end.unwrap_or(at + 1) })
}

/// What stands behind the labels that begin here.
fn behind(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *message.get(at)?;
        match length >> 6 {
            0 if length == 0 => return Some(at + 1),
            0 => at += 1 + usize::from(length),
            3 => return Some(at + 2),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &[u8], at: usize) -> Option<(String, u16, usize)> {
        read(message, at).map(|name| (String::from_utf8_lossy(&name.text).into_owned(), name.labels, name.end))
    }

    #[test]
    fn labels_are_compressed_as_in_the_example_of_the_rfc() {
        // RFC 1035, section 4.1.4, from byte 20 on: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root.
        let mut message = vec![0; 20];
        message.extend_from_slice(b"\x01F\x03ISI\x04ARPA\0");
        message.resize(40, 0);
        message.extend_from_slice(b"\x03FOO\xc0\x14");
        message.extend_from_slice(b"\xc0\x1a\0");
        assert_eq!(text(&message, 20), Some(("F.ISI.ARPA".into(), 3, 32)));
        assert_eq!(text(&message, 40), Some(("FOO.F.ISI.ARPA".into(), 4, 46)));
        assert_eq!(text(&message, 46), Some(("ARPA".into(), 1, 48)));
        assert_eq!(text(&message, 48), Some(("<Root>".into(), 1, 49)));
    }

    #[test]
    fn pointers_that_do_not_lead_back_end_the_name() {
        let loops = "<Name contains a pointer that loops>";
        // To itself, to the label before it, and to a later place.
        for message in [&b"\xc0\x00"[..], b"\x03www\xc0\x00", b"\xc0\x05\0\0\0\x01a\0"] {
            let (text, labels, _) = text(message, 0).expect("a name");
            assert_eq!((text.as_str(), labels), (loops, 1));
        }
        assert_eq!(text(b"\x03www\xc0\x00", 0).map(|(.., end)| end), Some(6));
    }

    #[test]
    fn a_name_has_at_most_255_octets() {
        let mut message = b"\x3f".to_vec();
        message.extend([b'a'; 63]);
        let mut message = message.repeat(4);
        // 63 octets are left with the root's: one label of 61.
        message[192] = 61;
        message.truncate(192 + 62);
        message.extend(b"\0rest");
        assert_eq!(text(&message, 0).map(|(text, labels, end)| (text.len(), labels, end)), Some((253, 4, 255)));
        message[192] = 62;
        message.insert(200, b'a');
        assert_eq!(text(&message, 0), Some(("<Name too long>".into(), 1, 256)));
    }

    #[test]
    fn what_is_cut_or_of_an_unknown_kind_is_no_name() {
        for message in [&b"\x03ww"[..], b"\x03www", b"\xc0", b"\x40a\0", b"\x80", b""] {
            assert_eq!(text(message, 0), None);
        }
    }
}
