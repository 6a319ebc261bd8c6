//! The framing of capture files made by hand: classic pcap, little-endian, in microseconds.

/// The second in which such captures begin.
pub(crate) const BEGIN: u64 = 1_700_000_000;

pub(crate) const ETHERNET: u32 = 1;
/// Frames that begin with the IP header (`LINKTYPE_RAW`).
pub(crate) const RAW: u32 = 101;

/// The header of a file whose frames are of this link type.
pub(crate) fn header(link: u32) -> [u8; 24] {
    words([0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, link])
}

/// What stands before a frame of `length` bytes of which so many were captured, so many microseconds behind [`BEGIN`].
pub(crate) fn record(micros: u64, captured: usize, length: usize) -> [u8; 16] {
    let seconds = BEGIN + micros / 1_000_000;
    words([seconds as u32, (micros % 1_000_000) as u32, captured as u32, length as u32])
}

/// A file of whole frames, each with its time as in [`record`].
pub(crate) fn file<F: AsRef<[u8]>>(link: u32, frames: impl IntoIterator<Item = (u64, F)>) -> Vec<u8> {
    let mut out = header(link).to_vec();
    for (micros, frame) in frames {
        let frame = frame.as_ref();
        out.extend(record(micros, frame.len(), frame.len()));
        out.extend(frame);
    }
    out
}

fn words<const WORDS: usize, const BYTES: usize>(words: [u32; WORDS]) -> [u8; BYTES] {
    let mut out = [0; BYTES];
    for (place, word) in out.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    out
}
