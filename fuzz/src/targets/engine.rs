//! The whole engine, and all above it, over sequences of packets that a script makes.

use crate::examine::examine;
use crate::packets::{setting, traffic};
use crate::script::Script;

pub(super) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let setting = setting(&mut script);
    examine(&traffic(&mut script), &setting);
}
