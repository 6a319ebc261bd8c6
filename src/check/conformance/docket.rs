//! Where a rule says what it found, of one connection.

use super::Rule;
use super::ledger::Ledger;
use super::statement::Caveat;
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding};
use crate::engine::FlowRef;
use crate::flow::Direction;
use crate::mqtt::Version;

/// The most findings of one rule on one connection: a client that breaks it with each packet shall not fill the memory
/// of whoever reads about it.
const LIMIT: u32 = 10;

/// The most that waits of a connection.
const DEFERRED: usize = 100;

/// What is found because something was not seen, until it is known that it was not lost.
#[derive(Debug)]
pub(super) struct Deferred {
    rule: &'static Rule,
    /// The direction in which it may have been lost.
    lost_in: Direction,
    frames: Vec<FrameNo>,
    certainty: Certainty,
    message: String,
    version: Version,
    at: Origin,
}

/// Takes what rules say while an event is at hand.
pub(super) struct Docket<'a> {
    pub(super) ledger: Option<&'a mut Ledger>,
    pub(super) findings: &'a mut Vec<Finding>,
    /// How many findings each rule has made on this connection.
    pub(super) told: &'a mut Vec<(&'static str, u32)>,
    /// What waits, of this connection.
    pub(super) deferred: &'a mut Vec<Deferred>,
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

    /// A rule was broken, unless packets of that direction were lost: which shows with its next packet.
    pub(super) fn breach_unless_lost(
        &mut self,
        rule: &'static Rule,
        lost_in: Direction,
        frames: &[FrameNo],
        certainty: Certainty,
        message: String,
    ) {
        if self.deferred.len() < DEFERRED {
            let (version, at, frames) = (self.version, self.at, frames.to_vec());
            self.deferred.push(Deferred { rule, lost_in, frames, certainty, message, version, at });
        } else if let Some(clause) = rule.clause(self.version) {
            self.unprovable(clause, Caveat::Gap);
        }
    }

    /// Tells what waited for packets of these directions; nothing of it where some were lost.
    pub(super) fn tell_deferred(&mut self, arrived: impl Fn(Direction) -> bool, lost: impl Fn(Direction) -> bool) {
        let (version, at) = (self.version, self.at);
        let due: Vec<_> = self.deferred.extract_if(.., |waits| arrived(waits.lost_in)).collect();
        for Deferred { rule, lost_in, frames, certainty, message, version, at } in due {
            (self.version, self.at) = (version, at);
            if !lost(lost_in) {
                self.breach(rule, &frames, certainty, message);
            } else if let Some(clause) = rule.clause(version) {
                self.unprovable(clause, Caveat::Gap);
            }
        }
        (self.version, self.at) = (version, at);
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
