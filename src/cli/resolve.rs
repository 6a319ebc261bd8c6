//! What addresses are called in the output.

use clap::{Args, ValueEnum};
use mqttsniff::engine::EngineOptions;
use mqttsniff::neighbour::Names;

/// The argument.
#[derive(Debug, Args)]
pub(super) struct Resolve {
    /// Name addresses by what was captured, or not at all
    ///
    /// capture: a name that was asked for in DNS, mDNS or LLMNR stands in the place of the address that was the answer, from
    /// the frame of the answer on; --json has both. Nothing is ever asked, and nothing is looked up anywhere else. Where
    /// texts are redacted there are no names.
    #[arg(long, value_name = "BY", default_value = "capture", help_heading = "Output")]
    resolve: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// By the answers of DNS in the capture
    Capture,
    /// Addresses as they are
    None,
}

impl Resolve {
    /// The options of the engine with a place for names, if there are to be any: a new one for each capture.
    pub(super) fn engine(&self, mut options: EngineOptions) -> EngineOptions {
        let redacts = options.dissect.redactor.is_some();
        options.names = if self.resolve == By::Capture && !redacts { Names::new() } else { Names::default() };
        options
    }
}
