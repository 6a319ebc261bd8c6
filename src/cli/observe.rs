//! What goes along with a capture, beside what is printed: the file that is saved, counts for others to fetch, a screen.

use mqttsniff::{Analysis, Output};

/// Is told what a live capture brings, as it happens.
pub(super) trait Observer {
    /// A result, and whether the filter lets it through.
    fn output(&mut self, output: &Output<'_>, chosen: bool);

    /// All that was fetched has been told. Called at least ten times a second, also when nothing arrives.
    fn pause(&mut self, analysis: &Analysis) -> anyhow::Result<()>;

    /// The capture has ended, and what was still open has been told. Called also where something else has failed, so that
    /// what was begun is made whole.
    fn finish(&mut self, analysis: &Analysis) -> anyhow::Result<()>;
}
