//! Where a rule says what it found, of one connection.

use std::borrow::Cow;

use super::Rule;
use super::ledger::Ledger;
use super::statement::Caveat;
use super::subscriptions::Matched;
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding};
use crate::engine::FlowRef;
use crate::flow::{Direction, PerDirection};
use crate::mqtt::Version;
use crate::prefetch::prefetch;

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
    message: Cow<'static, str>,
    version: Version,
    at: Origin,
}

/// What was said of a connection, and what waits.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// How many findings each rule has made on this connection.
    told: Vec<(&'static str, u32)>,
    /// The last one that was asked about and has made enough: it is asked about with each message.
    enough: Option<&'static Rule>,
    deferred: Vec<Deferred>,
    /// Of rules that are not told any more: how many wait besides, by the direction that may have lost something. They
    /// only take the place of others.
    untold: PerDirection<u32>,
}

impl Entries {
    /// Asks for what each message looks at.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.deferred);
        prefetch(&self.untold);
        prefetch(&self.enough);
    }

    /// Whether nothing waits for a packet.
    fn is_settled(&self) -> bool {
        self.deferred.is_empty() && self.untold.to_server == 0 && self.untold.to_client == 0
    }

    fn is_told_enough(&mut self, rule: &'static Rule) -> bool {
        if self.enough.is_some_and(|enough| std::ptr::eq(enough, rule)) {
            return true;
        }
        let is_enough = self.told.iter().any(|(id, told)| *id == rule.id && *told >= LIMIT);
        if is_enough {
            self.enough = Some(rule);
        }
        is_enough
    }
}

/// Takes what rules say while an event is at hand.
pub(super) struct Docket<'a> {
    pub(super) ledger: Option<&'a mut Ledger>,
    pub(super) findings: &'a mut Vec<Finding>,
    /// What was said of this connection before; made when something is.
    pub(super) entries: &'a mut Option<Box<Entries>>,
    /// What the message at hand matches, if it is one of the server.
    pub(super) matched: Matched,
    pub(super) flow: &'a FlowRef,
    pub(super) version: Version,
    pub(super) at: Origin,
}

impl Docket<'_> {
    /// A rule was broken: makes a finding, and the statement fails.
    pub(super) fn breach(
        &mut self,
        rule: &'static Rule,
        frames: &[FrameNo],
        certainty: Certainty,
        message: impl Into<Cow<'static, str>>,
    ) {
        let clause = rule.clause(self.version);
        if let Some(clause) = clause {
            let frame = frames.last().copied().unwrap_or(self.at.frame);
            self.broken(clause, frame, certainty);
        }
        let all = &mut self.entries.get_or_insert_default().told;
        let place = all.iter().position(|(id, _)| *id == rule.id).unwrap_or(all.len());
        if place == all.len() {
            // Most connections break one rule, if any.
            all.reserve_exact(1);
            all.push((rule.id, 0));
        }
        let told = &mut all[place].1;
        *told = told.saturating_add(1);
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
            flow: Some(*self.flow),
            client_id: None,
            frames,
            time: self.at.time,
            message: message.into().into_owned(),
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
        message: impl Into<Cow<'static, str>>,
    ) {
        let entries = self.entries.get_or_insert_default();
        let waiting = entries.deferred.len() + (entries.untold.to_server + entries.untold.to_client) as usize;
        if waiting < DEFERRED {
            if self.ledger.is_none() && entries.is_told_enough(rule) {
                entries.untold[lost_in] += 1;
                return;
            }
            let (version, at, frames, message) = (self.version, self.at, frames.to_vec(), message.into());
            entries.deferred.push(Deferred { rule, lost_in, frames, certainty, message, version, at });
        } else if let Some(clause) = rule.clause(self.version) {
            self.unprovable(clause, Caveat::Gap);
        }
    }

    /// Tells what waited for packets of these directions; nothing of it where some were lost.
    pub(super) fn tell_deferred(&mut self, arrived: impl Fn(Direction) -> bool, lost: impl Fn(Direction) -> bool) {
        let Some(entries) = self.entries.as_mut().filter(|entries| !entries.is_settled()) else { return };
        for direction in Direction::BOTH.into_iter().filter(|direction| arrived(*direction)) {
            entries.untold[direction] = 0;
        }
        // Most of the time those wait that are not told any more.
        if entries.deferred.is_empty() || !entries.deferred.iter().any(|waits| arrived(waits.lost_in)) {
            return;
        }
        let (version, at) = (self.version, self.at);
        let due: Vec<_> = entries.deferred.extract_if(.., |waits| arrived(waits.lost_in)).collect();
        if entries.deferred.is_empty() {
            entries.deferred = Vec::new();
        }
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
