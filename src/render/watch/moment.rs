//! What a capture has come to at a moment.

use super::tally::Tally;
use crate::analysis::Analysis;
use crate::flow::{Direction, PerDirection};
use crate::time::Timestamp;

/// Counts that only grow: so far, or within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Frames.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// TCP segments.
    pub segments: u64,
    /// Those among them that their sender sent again.
    pub retransmissions: u64,
    /// MQTT messages.
    pub messages: PerDirection<u64>,
    /// Findings by severity, the mildest first.
    pub findings: [u64; 3],
    /// Flows that have ended.
    pub flows: u64,
    /// MQTT sessions that have ended.
    pub sessions: u64,
    /// Frames that the kernel dropped; none where no kernel was asked.
    pub kernel_dropped: Option<u64>,
    /// Frames that the interface dropped.
    pub interface_dropped: Option<u64>,
    /// Frames that were captured and not analysed.
    pub analysis_dropped: Option<u64>,
    /// How often a limit was reached, so that something was let go or given up.
    pub capped: u64,
}

impl Counted {
    /// What was counted since then.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        // A driver may set its counts back when the interface goes down and up again.
        let less = |now: u64, before: u64| now.saturating_sub(before);
        let known = |now: Option<u64>, before: Option<u64>| now.map(|now| less(now, before.unwrap_or(0)));
        let [note, warning, error] = self.findings;
        Self {
            frames: less(self.frames, before.frames),
            bytes: less(self.bytes, before.bytes),
            segments: less(self.segments, before.segments),
            retransmissions: less(self.retransmissions, before.retransmissions),
            messages: PerDirection {
                to_server: less(self.messages.to_server, before.messages.to_server),
                to_client: less(self.messages.to_client, before.messages.to_client),
            },
            findings: [
                less(note, before.findings[0]),
                less(warning, before.findings[1]),
                less(error, before.findings[2]),
            ],
            flows: less(self.flows, before.flows),
            sessions: less(self.sessions, before.sessions),
            kernel_dropped: known(self.kernel_dropped, before.kernel_dropped),
            interface_dropped: known(self.interface_dropped, before.interface_dropped),
            analysis_dropped: known(self.analysis_dropped, before.analysis_dropped),
            capped: less(self.capped, before.capped),
        }
    }

    /// All frames that were lost on their way to the analysis, where that is known.
    pub fn dropped(&self) -> Option<u64> {
        let all = [self.kernel_dropped, self.interface_dropped, self.analysis_dropped];
        all.iter().any(Option::is_some).then(|| all.into_iter().flatten().sum())
    }

    /// The share of TCP segments that were sent again, in percent.
    pub fn again_percent(&self) -> Option<f64> {
        (self.segments > 0).then(|| self.retransmissions as f64 * 100.0 / self.segments as f64)
    }
}

/// What a capture has come to at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The moment, by the clock.
    pub at: Timestamp,
    /// What was counted so far.
    pub so_far: Counted,
    /// Flows that are followed.
    pub open_flows: u64,
    /// MQTT sessions on them.
    pub open_sessions: u64,
}

impl Moment {
    /// This moment of an analysis, of which `tally` has counted what it told.
    pub fn of(analysis: &Analysis, tally: &Tally, at: Timestamp) -> Self {
        let summary = analysis.summary();
        let engine = &summary.engine;
        Self {
            at,
            so_far: Counted {
                frames: engine.frames,
                bytes: engine.bytes,
                segments: engine.tcp.segments,
                retransmissions: engine.tcp.retransmissions(),
                messages: PerDirection {
                    to_server: tally.messages(Direction::ToServer),
                    to_client: tally.messages(Direction::ToClient),
                },
                findings: summary.findings,
                flows: engine.flows,
                sessions: summary.sessions,
                kernel_dropped: summary.source.kernel_dropped,
                interface_dropped: summary.source.interface_dropped,
                analysis_dropped: summary.source.analysis_dropped,
                capped: summary.capped(),
            },
            open_flows: analysis.open_flow_count() as u64,
            open_sessions: analysis.open_session_count() as u64,
        }
    }
}
