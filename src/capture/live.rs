//! Live capture from network interfaces, through libpcap.
//!
//! It delivers frames and the kernel's counts of what it dropped; how long to capture is decided by
//! the caller. This is the only place that knows libpcap. Without the feature `live` everything here
//! exists too, and says that this build can't capture.

mod error;
#[cfg(feature = "live")]
mod worker;

pub use error::OpenError;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::interfaces::Interface;
use super::{Batch, Fill, LinkType, Source, SourceReport};

/// What to capture, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOptions {
    /// Names of interfaces; `any` is all of them at once, where the system has it (Linux).
    pub interfaces: Vec<String>,
    /// A filter in libpcap's language, for all of the interfaces.
    pub filter: Option<String>,
    /// The most bytes kept of a frame.
    pub snaplen: u32,
    /// Whether to see frames that are for other machines.
    pub promiscuous: bool,
    /// The kernel's buffer for each interface in bytes: what bridges the moments in which the program
    /// does not fetch.
    pub buffer_bytes: u32,
    /// Whether frames are handed over one by one as they arrive, at the cost of throughput; otherwise
    /// they come within about a tenth of a second.
    pub immediate: bool,
    /// Whether to ask for times in nanoseconds, where the interface has them.
    pub nanoseconds: bool,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            filter: None,
            // libpcap's own maximum: whole frames, also when the card has put segments together.
            snaplen: 262_144,
            promiscuous: true,
            // Eight times libpcap's default: a tenth of a second of a full 1 Gbit/s link.
            buffer_bytes: 16 << 20,
            immediate: false,
            nanoseconds: true,
        }
    }
}

impl LiveOptions {
    /// What libpcap opens by its name while it captures: of an interface in promiscuous mode it reads in these directories
    /// how many frames the card itself dropped (`rx_missed_errors`, `rx_fifo_errors`).
    pub fn reads(&self) -> Vec<PathBuf> {
        let interfaces = self.interfaces.iter().filter(|_| self.promiscuous && cfg!(target_os = "linux"));
        interfaces.map(|name| Path::new("/sys/class/net").join(name).join("statistics")).collect()
    }
}

/// A capture from one or several interfaces.
#[derive(Debug)]
pub struct Live(Inner);

#[cfg(feature = "live")]
type Inner = worker::Workers;
/// Without libpcap there is never one of these.
#[cfg(not(feature = "live"))]
type Inner = std::convert::Infallible;

impl Live {
    /// Opens every interface, or none. When `stop` becomes true, capturing ends within about a tenth of
    /// a second: call [`Source::fill`] on until it answers [`Fill::End`], to get what was captured before.
    #[cfg(feature = "live")]
    #[allow(clippy::needless_pass_by_value, reason = "the flag is shared from here on")]
    pub fn open(options: &LiveOptions, stop: Arc<AtomicBool>) -> Result<Self, OpenError> {
        worker::Workers::open(options, &stop).map(Self)
    }

    /// Says that this build can't capture.
    #[cfg(not(feature = "live"))]
    #[allow(clippy::needless_pass_by_value, reason = "as in the build that can capture")]
    pub fn open(_: &LiveOptions, _: Arc<AtomicBool>) -> Result<Self, OpenError> {
        Err(OpenError::NotBuilt)
    }

    /// The interfaces and their link types; the index is the frames' interface number.
    pub fn interfaces(&self) -> &[(String, LinkType)] {
        #[cfg(feature = "live")]
        return self.0.interfaces();
        #[cfg(not(feature = "live"))]
        match self.0 {}
    }
}

impl Source for Live {
    fn fill(&mut self, batch: &mut Batch) -> Fill {
        #[cfg(feature = "live")]
        return self.0.fill(batch);
        #[cfg(not(feature = "live"))]
        {
            let _ = batch;
            match self.0 {}
        }
    }

    fn report(&self) -> SourceReport {
        #[cfg(feature = "live")]
        return self.0.report();
        #[cfg(not(feature = "live"))]
        match self.0 {}
    }
}

/// The interfaces of this machine.
#[cfg(feature = "live")]
pub(super) fn devices() -> Result<Vec<Interface>, OpenError> {
    worker::devices()
}

/// Says that this build can't ask.
#[cfg(not(feature = "live"))]
pub(super) fn devices() -> Result<Vec<Interface>, OpenError> {
    Err(OpenError::NotBuilt)
}

#[cfg(all(test, not(feature = "live")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_capture_says_so() {
        let error = Live::open(&LiveOptions::default(), Arc::default()).unwrap_err();
        assert_eq!(error, OpenError::NotBuilt);
        assert!(error.hint().unwrap().contains("--features live"));
    }
}
