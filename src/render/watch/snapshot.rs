//! All that monitoring is told, as it was at a moment.

use super::phase::FlowPhase;
use super::tally::Tally;
use crate::analysis::{Analysis, Held, Summary};
use crate::mqtt::Version;
use crate::session::AnswerTimes;
use crate::time::Timestamp;

/// All that monitoring is told, as it was at a moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The moment, by the clock.
    pub at: Timestamp,
    /// When the capture began, by the clock.
    pub started: Timestamp,
    /// What it adds up to so far.
    pub summary: Summary,
    /// What was told so far.
    pub tally: Tally,
    /// How much is held of what is capped.
    pub held: Held,
    /// How long answers took.
    pub answers: AnswerTimes,
    /// Flows that are followed, by their phase in the order of [`FlowPhase::ALL`].
    pub flows: [u64; FlowPhase::ALL.len()],
    /// MQTT sessions on them, by version in the order of [`Snapshot::VERSIONS`].
    pub sessions: [u64; Self::VERSIONS.len()],
}

impl Snapshot {
    /// MQTT's versions.
    pub const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

    /// This moment of an analysis, of which `tally` has counted what it told. Looks at each flow and session that is
    /// open.
    pub fn of(analysis: &Analysis, tally: &Tally, started: Timestamp, at: Timestamp) -> Self {
        let mut flows = [0; FlowPhase::ALL.len()];
        for (_, flow) in analysis.open_flows() {
            flows[FlowPhase::of(flow) as usize] += 1;
        }
        let mut sessions = [0; Self::VERSIONS.len()];
        for session in analysis.open_sessions() {
            let place = Self::VERSIONS.iter().position(|version| *version == session.version);
            if let Some(count) = place.and_then(|place| sessions.get_mut(place)) {
                *count += 1;
            }
        }
        Self {
            at,
            started,
            summary: analysis.summary(),
            tally: tally.clone(),
            held: analysis.held(),
            answers: *analysis.answer_times(),
            flows,
            sessions,
        }
    }
}
