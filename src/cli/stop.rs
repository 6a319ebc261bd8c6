//! Signals that ask for the end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::failure::FAILED;

/// Sets the flag on Ctrl-C and SIGTERM.
pub(super) fn stop_at_signals(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // The second time means it: the program may be stuck in writing to a terminal that does not move.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(FAILED), Arc::clone(stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(stop)))
            .context("can't listen for signals")?;
    }
    Ok(())
}
