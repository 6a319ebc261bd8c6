//! How many threads share the work.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread::available_parallelism;

use clap::Args;

use super::parse::number;

/// The most that find something to do.
const USEFUL: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// The argument.
#[derive(Debug, Default, Args)]
pub(super) struct Threads {
    /// Share the work among this many threads [default: as many as there are cores, at most 3]
    ///
    /// One fetches and unpacks, one decodes and follows flows, one judges and prints. What is printed does not depend on
    /// it. More than 3 find nothing to do; and lists of packets, also those of a filter, are made by one.
    #[arg(short = 'j', long = "jobs", value_name = "THREADS", help_heading = "Limits", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
}

fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    number::<usize>(1, usize::MAX as u64)(text).map(|jobs| NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN))
}

impl Threads {
    /// How many threads to use.
    pub(super) fn get(&self) -> NonZeroUsize {
        self.jobs.unwrap_or_else(cores).min(USEFUL)
    }
}

/// How many cores there are for this program. The answer is in files that can't be opened any more once the cage is
/// closed: it is asked before, and kept.
pub(super) fn cores() -> NonZeroUsize {
    static CORES: OnceLock<NonZeroUsize> = OnceLock::new();
    *CORES.get_or_init(|| available_parallelism().unwrap_or(NonZeroUsize::MIN))
}
