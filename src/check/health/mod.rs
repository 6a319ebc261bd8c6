//! The health of TCP and of the network, as far as a capture shows it: what kept ends from talking.
//!
//! Trouble of a network is no mistake of an end, so that nothing here is an error. One cause makes one finding on a flow.

mod connection;
mod network;
mod table;
mod transfer;
mod trouble;

pub use table::RULES;

use super::{Certainty, Finding, Limits, Rule, Severity};
use crate::capture::{FrameNo, Origin};
use crate::engine::FlowRef;
use crate::flow::Sighted;
use crate::time::Span;

/// All rules on health.
pub(super) fn rules(limits: &Limits) -> Vec<Box<dyn Rule + Send>> {
    vec![Box::new(trouble::FlowRule::new(limits.clone())), Box::new(network::NetworkRule::new())]
}

/// What a finding rests on.
#[derive(Debug, Clone, Default)]
struct Basis {
    frames: Vec<FrameNo>,
}

impl Basis {
    fn of(sighted: &Sighted) -> Self {
        let mut frames = sighted.frames().to_vec();
        if frames.last() != Some(&sighted.last.frame) {
            frames.push(sighted.last.frame);
        }
        Self { frames }
    }

    fn at(origins: &[Option<Origin>]) -> Self {
        Self { frames: origins.iter().flatten().map(|origin| origin.frame).collect() }
    }

    fn and(mut self, other: &Self) -> Self {
        self.frames.extend(&other.frames);
        self
    }
}

/// A finding on a flow.
fn finding(
    id: &'static str,
    severity: Severity,
    certainty: Certainty,
    flow: Option<FlowRef>,
    at: Origin,
    basis: Basis,
    message: String,
) -> Finding {
    let mut frames = basis.frames;
    frames.sort_unstable();
    frames.dedup();
    Finding {
        id: id.to_owned(),
        severity,
        certainty,
        flow,
        client_id: None,
        frames,
        time: at.time,
        message,
        clause: None,
        hint: None,
    }
}

/// A number with its noun.
fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// A number of seconds as a span.
fn seconds(seconds: f64) -> Span {
    Span::from_nanos((seconds * 1e9) as i64)
}
