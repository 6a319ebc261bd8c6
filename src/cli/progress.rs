//! A progress line on standard error, for a long read on a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use mqttsniff::capture::SourceReport;
use mqttsniff::{Output, Reader};

use super::clock::now;

/// A read that is over sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(500);

/// Often enough to look alive, seldom enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(100);

/// Shows how far a read is.
pub(super) struct Progress {
    started: Instant,
    shown: Option<Instant>,
    enabled: bool,
}

impl Progress {
    /// A line that appears if standard error is a terminal, and standard output does not scroll over it.
    pub(super) fn new(rows_scroll: bool) -> Self {
        let enabled = io::stderr().is_terminal() && !(rows_scroll && io::stdout().is_terminal());
        Self { started: now(), shown: None, enabled }
    }

    /// Shows the line anew, if it is time.
    pub(super) fn update(&mut self, report: &SourceReport) {
        if !self.enabled {
            return;
        }
        let now = now();
        let elapsed = now - self.started;
        if elapsed < PATIENCE || self.shown.is_some_and(|shown| now - shown < INTERVAL) {
            return;
        }
        self.shown = Some(now);
        let _ = write!(io::stderr(), "\r\x1b[K{}", line(report.bytes_read, report.bytes_total, elapsed));
    }

    /// Takes what is read, with this line in the pauses.
    pub(super) const fn with<F: FnMut(&Output<'_>)>(&mut self, take: F) -> Told<'_, F> {
        Told { progress: self, take }
    }

    /// Takes the line away.
    pub(super) fn finish(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A reader that takes each output, and shows how far it is.
pub(super) struct Told<'a, F> {
    progress: &'a mut Progress,
    take: F,
}

impl<F: FnMut(&Output<'_>)> Reader for Told<'_, F> {
    fn output(&mut self, output: &Output<'_>) {
        (self.take)(output);
    }

    fn pause(&mut self, report: &SourceReport) -> ControlFlow<()> {
        self.progress.update(report);
        ControlFlow::Continue(())
    }
}

/// The bar, the bytes, the rate and the time left, in under 80 columns.
fn line(bytes: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let megabytes = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{} read, {}/s", megabytes(bytes as f64), megabytes(rate));
    };
    let share = (bytes as f64 / total as f64).min(1.0);
    let filled = (share * 16.0) as usize;
    let left = (total.saturating_sub(bytes) as f64 / rate.max(1.0)).ceil();
    format!(
        "[{}{}] {:>3.0} %  {} of {}, {}/s, {left:.0} s left",
        "#".repeat(filled),
        "-".repeat(16 - filled),
        share * 100.0,
        megabytes(bytes as f64),
        megabytes(total as f64),
        megabytes(rate)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_share_rate_and_time_left() {
        let text = line(50_000_000, Some(200_000_000), Duration::from_secs(2));
        assert_eq!(text, "[####------------]  25 %  50.0 MB of 200.0 MB, 25.0 MB/s, 6 s left");
        assert!(line(999_000_000_000, Some(999_000_000_001), Duration::from_secs(999)).len() < 80);
        assert_eq!(line(1_000_000, None, Duration::from_secs(1)), "1.0 MB read, 1.0 MB/s");
    }
}
