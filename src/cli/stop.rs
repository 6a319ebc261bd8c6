//! Signals that ask for the end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::failure::FAILED;

/// Sets the flag on Ctrl-C and SIGTERM, and where a terminal goes away (SIGHUP): what was captured is worth keeping.
pub(super) fn stop_at_signals(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let hangup = hangup();
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        // The second time means it: the program may be stuck in writing to a terminal that does not move.
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(FAILED), Arc::clone(stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(stop)))
            .context("can't listen for signals")?;
    }
    Ok(())
}

/// SIGHUP, unless whoever started the program had it ignored, as `nohup` does: then it goes on without its terminal.
#[cfg(unix)]
fn hangup() -> Option<i32> {
    use signal_hook::consts::SIGHUP;
    let is_ignored = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SIGHUP));
    (!is_ignored).then_some(SIGHUP)
}

#[cfg(not(unix))]
fn hangup() -> Option<i32> {
    None
}

/// Whether a process ignores a signal, by what Linux says of it (proc_pid_status(5)).
#[cfg(unix)]
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & 1 << (signal - 1) != 0
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_its_mask() {
        let status = "SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n";
        let ignored: Vec<i32> = (1..=64).filter(|signal| ignores(status, *signal)).collect();
        assert_eq!(ignored, [1, 13]);
        assert!(!ignores("", 1));
    }
}
