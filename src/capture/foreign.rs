//! What a file is that is no capture, as far as its first bytes tell, and the way out.
//!
//! A guess for a message to people; nothing is decided by it.

/// What the file seems to be, and what to do about it.
pub(super) struct Guess {
    pub(super) what: String,
    pub(super) hint: Option<&'static str>,
}

const CONVERT: &str = "convert it with `editcap -F pcapng FILE out.pcapng`, which comes with Wireshark";
const NOT_PACKETS: &str = "give the capture itself: a pcap or pcapng file, plain or packed with gzip, zstd or lz4";
const UNPACK: &str = "unpack it first, or pipe it in and give `-` as the file";

/// Signatures of formats that people mistake for a capture, or that hold one in another form.
const SIGNATURES: [(&[u8], &str, &str); 23] = [
    (b"snoop\0\0\0", "a Solaris snoop capture", CONVERT),
    (b"btsnoop\0", "a Bluetooth btsnoop capture", CONVERT),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (b"GMBU", "a Microsoft Network Monitor 2 capture", CONVERT),
    (b"TRSNIFF data", "a Sniffer capture", CONVERT),
    (b"XCP\0", "a NetXRay or Sniffer capture", CONVERT),
    (b"iptrace ", "an AIX iptrace capture", CONVERT),
    (b"\xfd7zXZ\0", "packed with xz", UNPACK),
    (b"BZh", "packed with bzip2", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"PK\x03\x04", "a ZIP archive", UNPACK),
    (b"\x1f\x8b", "packed twice, with gzip inside", UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed twice, with zstd inside", UNPACK),
    (b"\x02\x21\x4c\x18", "packed with the legacy format of lz4", UNPACK),
    (b"\x04\x22\x4d\x18", "packed twice, with lz4 inside", UNPACK),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the file with `git lfs pull`"),
    (b"\x7fELF", "a program", NOT_PACKETS),
    (b"\x89PNG", "a picture", NOT_PACKETS),
    (b"%PDF", "a PDF document", NOT_PACKETS),
    (b"<!DOCTYPE html", "a web page", "the download may have failed: look at the page in a browser"),
    (b"<html", "a web page", "the download may have failed: look at the page in a browser"),
    (b"<?xml", "an XML document", NOT_PACKETS),
    (b"SQLite format 3", "an SQLite database", NOT_PACKETS),
];

/// Guesses from the first bytes of a file.
pub(super) fn guess(bytes: &[u8]) -> Guess {
    // Wireshark's tools write no byte-order mark, but editors do.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    for (signature, what, hint) in SIGNATURES {
        let matches =
            |bytes: &[u8]| bytes.get(..signature.len()).is_some_and(|start| start.eq_ignore_ascii_case(signature));
        if matches(bytes) || matches(text) {
            return Guess { what: format!("not a capture file: it is {what}"), hint: Some(hint) };
        }
    }
    if matches!(text.first(), Some(b'{' | b'[')) {
        return Guess { what: "not a capture file: it looks like JSON".into(), hint: Some(NOT_PACKETS) };
    }
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    if !text.is_empty() && std::str::from_utf8(bytes).is_ok() && bytes.iter().all(printable) {
        let hint = "for a hex dump use `text2pcap FILE out.pcapng`, which comes with Wireshark";
        return Guess { what: "not a capture file: it is text".into(), hint: Some(hint) };
    }
    let magic: Vec<_> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Guess {
        what: format!("not a capture file: it begins with the bytes {}, which no known format does", magic.join(" ")),
        hint: Some(NOT_PACKETS),
    }
}

#[cfg(test)]
mod tests {
    use super::guess;

    #[test]
    fn usual_mistakes_are_named() {
        for (bytes, name) in [
            (&b"snoop\0\0\0\0\0\0\x02"[..], "snoop"),
            (b"\n<!doctype HTML><html>", "web page"),
            (b"  {\"frame\": 1}", "JSON"),
            (b"hello\n", "text"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"\0\0\0\0\0", "00 00 00 00"),
        ] {
            assert!(guess(bytes).what.contains(name), "{name}: {}", guess(bytes).what);
        }
    }
}
