//! Where a rule says what it found, of one connection.

use super::Rule;
use super::ledger::Ledger;
use super::statement::Caveat;
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding};
use crate::engine::FlowRef;
use crate::mqtt::Version;

/// The most findings of one rule on one connection: a client that breaks it with each packet shall not fill the memory
/// of whoever reads about it.
const LIMIT: u32 = 10;

/// Takes what rules say while an event is at hand.
pub(super) struct Docket<'a> {
    pub(super) ledger: Option<&'a mut Ledger>,
    pub(super) findings: &'a mut Vec<Finding>,
    /// How many findings each rule has made on this connection.
    pub(super) told: &'a mut Vec<(&'static str, u32)>,
    pub(super) flow: FlowRef,
    pub(super) version: Version,
    pub(super) at: Origin,
}

impl Docket<'_> {
    /// A rule was broken: makes a finding, and the statement fails.
    pub(super) fn breach(&mut self, rule: &'static Rule, frames: &[FrameNo], certainty: Certainty, message: String) {
        let clause = rule.clause(self.version);
        if let Some(clause) = clause {
            let frame = frames.last().copied().unwrap_or(self.at.frame);
            self.broken(clause, frame, certainty);
        }
        let place = self.told.iter().position(|(id, _)| *id == rule.id).unwrap_or(self.told.len());
        if place == self.told.len() {
            self.told.push((rule.id, 0));
        }
        let told = &mut self.told[place].1;
        *told += 1;
        if *told > LIMIT {
            return;
        }
        let mut frames = frames.to_vec();
        frames.sort_unstable();
        frames.dedup();
        self.findings.push(Finding {
            id: rule.id.to_owned(),
            severity: rule.severity,
            certainty,
            flow: Some(self.flow),
            client_id: None,
            frames,
            time: self.at.time,
            message,
            clause,
            hint: rule.hint,
        });
    }

    /// A statement fails, and something else tells of it.
    pub(super) fn broken(&mut self, key: &str, frame: FrameNo, certainty: Certainty) {
        if let Some(ledger) = &mut self.ledger {
            ledger.broken(self.version, key, frame, certainty);
        }
    }

    /// A statement held.
    pub(super) fn kept(&mut self, key: &str) {
        if let Some(ledger) = &mut self.ledger {
            ledger.kept(self.version, key);
        }
    }

    /// Whether a statement held can't be said.
    pub(super) fn unprovable(&mut self, key: &str, why: Caveat) {
        if let Some(ledger) = &mut self.ledger {
            ledger.unprovable(self.version, key, why);
        }
    }
}
