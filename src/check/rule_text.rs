//! What there is to say of a rule itself: its name, why it is there, how it decides, and what it lets pass.

use super::Severity;

/// A rule that makes findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleText {
    /// The name of its findings: `tcp.refused`.
    pub id: &'static str,
    /// How bad its findings are as a rule.
    pub severity: Severity,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How it is detected, with the names of the limits that it uses.
    pub how: &'static str,
    /// What excuses it, so that nothing is said.
    pub excuse: &'static str,
}
