//! Where the frames of files come from.

use std::path::PathBuf;

use anyhow::bail;
use mqttsniff::Analysis;
use mqttsniff::engine::EngineOptions;

use super::failure::{Failure, say};

/// Opens capture files. All that can't be opened are named, the last of them as the error.
pub(super) fn open(files: &[PathBuf], mut options: EngineOptions) -> anyhow::Result<Analysis> {
    // Nobody looks at flows before they end.
    options.flows.in_short = true;
    Analysis::open_with(files, options).or_else(|problems| {
        let Some((last, others)) = problems.split_last() else { bail!("the input can't be opened") };
        for problem in others {
            say(&Failure::from(problem).to_string());
        }
        bail!(Failure::from(last));
    })
}
