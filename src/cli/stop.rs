//! Signals that ask for the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::failure::FAILED;

/// Signals that come so soon after the first are the same request: `timeout` sends its signal to the program and then to all
/// that it started, and a terminal sends one to each of them besides.
const SAME: Duration = Duration::from_millis(500);

/// How often it is looked whether the first has come.
const LOOK: Duration = Duration::from_millis(100);

/// What signals ask for. Until [`Signals::begin`] nothing is lost by it, and one ends the program at once: it may wait for
/// somebody to read a FIFO.
pub(super) struct Signals {
    /// One has come.
    asked: Arc<AtomicBool>,
    /// The next one ends the program at once.
    insists: Arc<AtomicBool>,
}

impl Signals {
    /// Sets the flag on Ctrl-C and SIGTERM, and where a terminal goes away (SIGHUP): what was captured is worth keeping.
    pub(super) fn listen(stop: &Arc<AtomicBool>) -> anyhow::Result<Self> {
        let (asked, insists) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup()) {
            signal_hook::flag::register_conditional_shutdown(signal, i32::from(FAILED), Arc::clone(&insists))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&asked)))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(stop)))
                .context("can't listen for signals")?;
        }
        Ok(Self { asked, insists })
    }

    /// All is open. From now on the first signal sets the flag, and a later one means it: the program may be stuck in writing
    /// to a terminal that does not move. Starts a thread, which belongs into the cage.
    pub(super) fn begin(self) -> anyhow::Result<()> {
        self.insists.store(false, Ordering::Relaxed);
        let wait = move || {
            while !self.asked.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
            }
            thread::sleep(SAME);
            self.insists.store(true, Ordering::Relaxed);
        };
        thread::Builder::new().name("signals".to_owned()).spawn(wait).context("can't wait for signals")?;
        Ok(())
    }
}

/// SIGHUP, unless whoever started the program had it ignored, as `nohup` does: then it goes on without its terminal. Only
/// Linux tells whether it is.
#[cfg(target_os = "linux")]
fn hangup() -> Option<i32> {
    use signal_hook::consts::SIGHUP;
    let is_ignored = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SIGHUP));
    (!is_ignored).then_some(SIGHUP)
}

#[cfg(not(target_os = "linux"))]
fn hangup() -> Option<i32> {
    None
}

/// Whether a process ignores a signal, by what Linux says of it (proc_pid_status(5)).
#[cfg(target_os = "linux")]
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & 1 << (signal - 1) != 0
}

#[cfg(all(test, target_os = "linux"))]
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
