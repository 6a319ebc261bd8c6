//! A capture file, through everything that the program does with one.

use crate::examine::{Setting, examine};
use crate::frames::Frames;
use crate::packets;
use crate::script::Script;

/// Frames of a file that are looked at.
const FRAMES: usize = 600;

pub(super) fn run(bytes: &[u8]) {
    let frames = Frames::of_file(bytes, FRAMES);
    if frames.list.is_empty() {
        return;
    }
    examine(&frames, &Setting::default());
    // With small limits, and what else the last byte says.
    let options = [bytes.last().unwrap_or(&0) & !1];
    examine(&frames, &packets::setting(&mut Script::new(&options)));
}
