//! Judgements on what was seen: rules take events and give findings, each with the frames it rests on.
//!
//! A rule does no decoding and prints nothing.

mod baseline;
mod collect;
mod finding;
mod incident_list;
mod incidents;
mod packets;
mod policy;
mod rules;
mod streams;

pub use crate::session::Certainty;
pub use baseline::{Baseline, FindingKey};
pub use collect::{Collected, GroupCount, RuleCount};
pub use finding::{Finding, Severity};
pub use policy::{Level, Policy, UnknownRule};
pub use rules::{RuleInfo, Rules};

use crate::engine::Event;
use crate::session::Incident;

/// Judges a capture event by event.
pub trait Rule {
    /// Takes the next event into account and appends what is to be said.
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>);
}

/// A set of rules.
pub struct Checks {
    rules: Vec<Box<dyn Rule + Send>>,
    findings: Vec<Finding>,
}

impl Default for Checks {
    /// All rules.
    fn default() -> Self {
        Self { rules: vec![Box::new(packets::PacketRule), Box::new(streams::StreamRule)], findings: Vec::new() }
    }
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checks").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Checks {
    /// What is to be said of an incident of a session.
    pub fn on_incident(&self, incident: Incident) -> Finding {
        incidents::judge(incident)
    }

    /// Shows an event to all rules and hands out what they find.
    pub fn on_event(&mut self, event: &Event<'_>) -> impl Iterator<Item = Finding> {
        for rule in &mut self.rules {
            rule.on_event(event, &mut self.findings);
        }
        self.findings.drain(..)
    }
}
