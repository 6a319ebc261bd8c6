//! Where a rule says what it found, of one connection.

use super::Rule;
use super::ledger::Ledger;
use super::statement::Caveat;
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding};
use crate::dissect::Message;
use crate::engine::FlowRef;
use crate::flow::Direction;
use crate::mqtt::Version;

/// The most findings of one rule on one connection: a client that breaks it with each packet shall not fill the memory
/// of whoever reads about it.
const LIMIT: u32 = 100;

/// The most findings of a connection that are held back.
const HELD: usize = 256;

/// A finding that rests on what the other direction lacks: bytes of that may be missing, and be noticed later.
#[derive(Debug)]
pub(super) struct Held {
    finding: Finding,
    rule: &'static Rule,
    frame: FrameNo,
    /// The direction that has to be whole up to the finding.
    waits_for: Direction,
}

/// Takes what rules say while an event is at hand.
pub(super) struct Docket<'a> {
    pub(super) ledger: Option<&'a mut Ledger>,
    pub(super) findings: &'a mut Vec<Finding>,
    /// How many findings each rule has made on this connection.
    pub(super) told: &'a mut Vec<(&'static str, u32)>,
    pub(super) held: &'a mut Vec<Held>,
    /// Of the message at hand.
    pub(super) direction: Option<Direction>,
    pub(super) flow: FlowRef,
    pub(super) version: Version,
    pub(super) at: Origin,
}

impl Docket<'_> {
    /// A rule was broken: makes a finding, and the statement fails.
    pub(super) fn breach(&mut self, rule: &'static Rule, frames: &[FrameNo], certainty: Certainty, message: String) {
        let clause = rule.clause(self.version);
        let frame = frames.last().copied().unwrap_or(self.at.frame);
        let waits_for = self.direction.filter(|_| rule.waits).map(Direction::reverse);
        if let Some(clause) = clause.filter(|_| waits_for.is_none()) {
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
        let finding = Finding {
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
        };
        match waits_for {
            None => self.findings.push(finding),
            Some(waits_for) if self.held.len() < HELD => self.held.push(Held { finding, rule, frame, waits_for }),
            Some(_) => {}
        }
    }

    /// A message shows how far its direction is whole, or that it is not: tells what was held back for that.
    pub(super) fn release(&mut self, message: &Message<'_>) {
        if self.held.is_empty() {
            return;
        }
        let lossy = message.missing > 0 || message.resynced || message.incomplete;
        for held in std::mem::take(self.held) {
            if held.waits_for != message.direction || (!lossy && message.started.time <= held.finding.time) {
                self.held.push(held);
            } else {
                self.tell(held, !lossy);
            }
        }
    }

    /// The connection is over: tells what was held back, if nothing is missing.
    pub(super) fn release_all(&mut self, whole: bool) {
        for held in std::mem::take(self.held) {
            self.tell(held, whole);
        }
    }

    fn tell(&mut self, held: Held, whole: bool) {
        let clause = held.rule.clause(self.version);
        if !whole {
            clause.into_iter().for_each(|clause| self.unprovable(clause, Caveat::Gap));
            return;
        }
        clause.into_iter().for_each(|clause| self.broken(clause, held.frame, held.finding.certainty));
        self.findings.push(held.finding);
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
