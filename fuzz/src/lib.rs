//! What may come from outside, as functions of any bytes: each reads them as what it is about, and panics where something
//! does not hold that always must.
//!
//! A target is run by two programs: `replay`, which needs nothing but Rust, and `explore`, which is guided by coverage.

pub mod examine;
pub mod frames;
mod json;
pub mod mutate;
pub mod packets;
mod people;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../tests/common/quic.rs"]
mod quic;
pub mod script;
mod targets;

pub use targets::{TARGETS, Target};

use std::sync::LazyLock;

use mqttsniff::mqtt::Redactor;
use peak_alloc::PeakAlloc;

/// Made once: a key takes long to be made of a secret, so that nobody tries many.
pub(crate) static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::with_secret("fuzz"));

/// Counts what is allocated.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs a target, and sees that it allocates no more than is right for so many bytes.
pub fn run(target: &Target, bytes: &[u8]) {
    let bytes = bytes.get(..target.longest).unwrap_or(bytes);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    (target.run)(bytes);
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let allowed = target.memory.0 + target.memory.1 * bytes.len();
    assert!(taken <= allowed, "{taken} bytes were allocated at once for {} of input, {allowed} are right", bytes.len());
}

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
