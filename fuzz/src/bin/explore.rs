//! Looks for inputs that reach what none has reached, with libFuzzer: `FUZZ_TARGET=engine explore CORPUS…`.

#![no_main]
#![allow(unsafe_code, reason = "libFuzzer calls its target by a C name")]
#![allow(missing_docs, reason = "made by a macro")]

use std::sync::LazyLock;

use mqttsniff_fuzz::{TARGETS, Target, run, target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET is none of {}", names.join(", ")))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(*TARGET, bytes));
