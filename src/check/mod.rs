//! Judgements on what was seen: rules take events and give findings, each with the frames it rests on.
//!
//! A rule does no decoding and prints nothing.

mod baseline;
mod collect;
pub mod conformance;
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

use conformance::{Conformance, Standing};

use crate::engine::Event;
use crate::session::{Delivery, Incident, Session};

/// Judges a capture event by event.
pub trait Rule {
    /// Takes the next event into account and appends what is to be said.
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>);
}

/// A set of rules.
pub struct Checks {
    rules: Vec<Box<dyn Rule + Send>>,
    conformance: Conformance,
    findings: Vec<Finding>,
}

impl Default for Checks {
    /// All rules.
    fn default() -> Self {
        Self {
            rules: vec![Box::new(packets::PacketRule), Box::new(streams::StreamRule)],
            conformance: Conformance::default(),
            findings: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checks").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

impl Checks {
    /// All rules, with a ledger of how each statement of the specifications stands.
    pub fn with_ledger() -> Self {
        Self { conformance: Conformance::with_ledger(), ..Self::default() }
    }

    /// How each statement of the specifications stands; nothing without a ledger.
    pub fn standings(&self) -> Vec<Standing> {
        self.conformance.standings()
    }

    /// What is to be said of an incident of a session.
    pub fn on_incident(&mut self, incident: &Incident) -> Finding {
        let finding = incidents::judge(incident);
        self.conformance.on_incident(incident, &finding);
        finding
    }

    /// A session has ended.
    pub fn on_session(&mut self, session: &Session) {
        self.conformance.on_session(session);
    }

    /// A delivery is over.
    pub fn on_delivery(&mut self, delivery: &Delivery) {
        self.conformance.on_delivery(delivery);
    }

    /// Shows an event to all rules and hands out what they find.
    pub fn on_event(&mut self, event: &Event<'_>) -> impl Iterator<Item = Finding> {
        for rule in &mut self.rules {
            rule.on_event(event, &mut self.findings);
        }
        self.conformance.on_event(event, &mut self.findings);
        self.findings.drain(..)
    }
}
