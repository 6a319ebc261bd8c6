//! Findings kept for a report: all are counted, and as many as fit are kept.

use std::collections::BTreeMap;

use super::{Finding, Severity};
use crate::capture::FrameNo;

/// Findings of a rule that are kept however many of others there are, so that a flood hides no other rule.
const KEPT_OF_A_RULE: u64 = 10;

/// Pairs of rule and flow that are counted apart. Beyond them a finding is counted with its rule alone.
const GROUPS: usize = 65_536;

/// How often a rule was broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// By severity, the mildest first.
    pub by_severity: [u64; 3],
    /// Of these, how many were known before.
    pub known: u64,
    kept: u64,
}

impl RuleCount {
    /// How many there are that were not known, of this severity or worse.
    pub fn at_least(&self, severity: Severity) -> u64 {
        self.by_severity.iter().skip(severity as usize).sum()
    }
}

/// How often a rule was broken on a flow, as bad as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupCount {
    /// How often.
    pub count: u64,
    /// The last frame that shows it.
    pub last: FrameNo,
}

/// What findings of one rule on one flow have in common: the rule, the flow, the severity.
type GroupKey = (String, Option<FrameNo>, Severity);

/// The findings of a capture.
#[derive(Debug, Clone)]
pub struct Collected {
    room: usize,
    kept: Vec<Finding>,
    rules: BTreeMap<String, RuleCount>,
    groups: BTreeMap<GroupKey, GroupCount>,
    by_severity: [u64; 3],
    known: u64,
    left_out: u64,
}

impl Collected {
    /// Keeps so many findings, and a few more of rules that would be missing.
    pub const fn new(room: usize) -> Self {
        Self {
            room,
            kept: Vec::new(),
            rules: BTreeMap::new(),
            groups: BTreeMap::new(),
            by_severity: [0; 3],
            known: 0,
            left_out: 0,
        }
    }

    /// Takes a finding that counts.
    pub fn take(&mut self, finding: Finding) {
        let severity = finding.severity;
        self.by_severity[severity as usize] += 1;
        let rule = match self.rules.get_mut(&finding.id) {
            Some(rule) => rule,
            None => self.rules.entry(finding.id.clone()).or_default(),
        };
        rule.by_severity[severity as usize] += 1;
        let keep = self.kept.len() < self.room || rule.kept < KEPT_OF_A_RULE;
        rule.kept += u64::from(keep);
        let key = (finding.id.clone(), finding.flow.map(|flow| flow.id), severity);
        let last = finding.frames.last().copied().unwrap_or(FrameNo(0));
        if let Some(group) = self.groups.get_mut(&key) {
            group.count += 1;
            group.last = group.last.max(last);
        } else if self.groups.len() < GROUPS {
            self.groups.insert(key, GroupCount { count: 1, last });
        }
        if keep {
            self.kept.push(finding);
        }
    }

    /// Counts a finding that was known before.
    pub fn take_known(&mut self, finding: &Finding) {
        self.known += 1;
        self.rules.entry(finding.id.clone()).or_default().known += 1;
    }

    /// Counts a finding that the user did not want to be told of.
    pub const fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Those that are kept, in the order in which they were found.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How often each rule was broken, by its name. A rule that was not broken is not there.
    pub fn rule(&self, id: &str) -> RuleCount {
        self.rules.get(id).copied().unwrap_or_default()
    }

    /// The names of rules that were broken.
    pub fn rules(&self) -> impl Iterator<Item = (&str, &RuleCount)> {
        self.rules.iter().map(|(id, count)| (&**id, count))
    }

    /// How often the rule of this finding was broken on its flow.
    pub fn group(&self, finding: &Finding) -> Option<GroupCount> {
        let key = (finding.id.clone(), finding.flow.map(|flow| flow.id), finding.severity);
        self.groups.get(&key).copied()
    }

    /// How many there are by severity, the mildest first. Those that were known before are not among them.
    pub const fn by_severity(&self) -> [u64; 3] {
        self.by_severity
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.by_severity.iter().sum()
    }

    /// How many there are that are not kept.
    pub fn not_kept(&self) -> u64 {
        self.total() - self.kept.len() as u64
    }

    /// How many were known before.
    pub const fn known(&self) -> u64 {
        self.known
    }

    /// How many the user did not want to be told of.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Certainty;
    use crate::time::Timestamp;

    fn finding(id: &str, frame: u64) -> Finding {
        Finding {
            id: id.to_owned(),
            severity: Severity::Warning,
            certainty: Certainty::Certain,
            flow: None,
            client_id: None,
            frames: vec![FrameNo(frame)],
            time: Timestamp::from_nanos(0),
            message: String::new(),
            clause: None,
            hint: None,
        }
    }

    #[test]
    fn a_flood_is_counted_and_hides_no_other_rule() {
        let mut collected = Collected::new(100);
        for frame in 0..5000 {
            collected.take(finding("flood", frame));
        }
        collected.take(finding("single", 5000));
        assert_eq!(collected.kept().len(), 101);
        assert_eq!(collected.kept().last().map(|finding| &*finding.id), Some("single"));
        assert_eq!(collected.by_severity(), [0, 5001, 0]);
        assert_eq!(collected.not_kept(), 4900);
        assert_eq!(collected.rule("flood").at_least(Severity::Warning), 5000);
        assert_eq!(collected.rule("flood").at_least(Severity::Error), 0);
        let group = collected.group(&finding("flood", 1)).expect("counted");
        assert_eq!((group.count, group.last), (5000, FrameNo(4999)));
    }

    #[test]
    fn what_is_known_is_counted_apart() {
        let mut collected = Collected::new(100);
        collected.take_known(&finding("old", 1));
        collected.leave_out();
        assert_eq!((collected.total(), collected.known(), collected.left_out()), (0, 1, 1));
        assert_eq!(collected.rule("old").known, 1);
    }
}
