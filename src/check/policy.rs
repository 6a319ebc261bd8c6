//! What a user makes of the rules: which of them count, how bad they are, and how sure a finding must be.

use super::rules::selects;
use super::{Certainty, Finding, RuleInfo, Rules, Severity};

/// What a rule's findings are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Not told at all.
    Off,
    /// As bad as this, whatever the rule says.
    As(Severity),
}

/// A name that stands for no rule and no clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRule {
    /// The name.
    pub name: String,
    /// What may have been meant, the likeliest first.
    pub nearest: Vec<String>,
}

/// Which findings count, and how bad they are.
#[derive(Debug, Clone)]
pub struct Policy {
    levels: Vec<(String, Level)>,
    min_certainty: Certainty,
}

impl Default for Policy {
    /// All findings, as bad as their rules say.
    fn default() -> Self {
        Self { levels: Vec::new(), min_certainty: Certainty::Hint }
    }
}

impl Policy {
    /// A finding must be as sure as this to count.
    #[must_use]
    pub const fn with_min_certainty(mut self, certainty: Certainty) -> Self {
        self.min_certainty = certainty;
        self
    }

    /// Sets a level for all that a name stands for: a rule, a clause, or how one of these begins, with `*` behind it.
    /// Of several that fit a finding the last decides.
    pub fn set(&mut self, name: &str, level: Level, rules: &Rules) -> Result<(), UnknownRule> {
        if rules.matching(name).next().is_none() {
            let nearest = rules.nearest(name).into_iter().map(str::to_owned).collect();
            return Err(UnknownRule { name: name.to_owned(), nearest });
        }
        self.levels.push((name.to_owned(), level));
        Ok(())
    }

    /// Gives a finding the severity that it is to have; false if it is not to be told.
    pub fn admit(&self, finding: &mut Finding) -> bool {
        match self.level(|name| selects(name, &finding.id) || finding.clause.is_some_and(|it| selects(name, it))) {
            Some(Level::Off) => return false,
            Some(Level::As(severity)) => finding.severity = severity,
            None => {}
        }
        finding.certainty >= self.min_certainty
    }

    /// What a rule is set to as a whole; `None` where it is left as it is, or only some of its clauses are set.
    pub fn level_of(&self, rule: &RuleInfo) -> Option<Level> {
        self.level(|name| selects(name, &rule.id) || (rule.all_clauses().count() > 0 && all_selected(name, rule)))
    }

    fn level(&self, fits: impl Fn(&str) -> bool) -> Option<Level> {
        self.levels.iter().rev().find(|(name, _)| fits(name)).map(|(_, level)| *level)
    }
}

fn all_selected(name: &str, rule: &RuleInfo) -> bool {
    rule.all_clauses().all(|clause| selects(name, clause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn finding(id: &str, clause: Option<&'static str>) -> Finding {
        Finding {
            id: id.to_owned(),
            severity: Severity::Error,
            certainty: Certainty::Likely,
            flow: None,
            client_id: None,
            frames: Vec::new(),
            time: Timestamp::from_nanos(0),
            message: String::new(),
            clause,
            hint: None,
        }
    }

    #[test]
    fn the_last_of_several_that_fit_decides() {
        let rules = Rules::default();
        let mut policy = Policy::default();
        policy.set("mqtt.*", Level::Off, &rules).expect("there are such rules");
        policy.set("MQTT-3.3.1-4", Level::As(Severity::Note), &rules).expect("there is such a clause");
        let mut qos = finding("mqtt.publish-qos-3", Some("MQTT-3.3.1-4"));
        assert!(policy.admit(&mut qos));
        assert_eq!(qos.severity, Severity::Note);
        assert!(!policy.admit(&mut finding("mqtt.fixed-flags", None)));
        assert!(policy.admit(&mut finding("tcp.overlap-conflict", None)));
        let rule = |id| rules.get(id).expect("a rule");
        assert_eq!(policy.level_of(rule("mqtt.fixed-flags")), Some(Level::Off));
        assert_eq!(policy.level_of(rule("tcp.overlap-conflict")), None);
    }

    #[test]
    fn what_is_not_sure_enough_does_not_count() {
        let admits = |certainty| Policy::default().with_min_certainty(certainty).admit(&mut finding("x", None));
        assert!(admits(Certainty::Hint) && admits(Certainty::Likely) && !admits(Certainty::Certain));
    }

    #[test]
    fn a_name_that_stands_for_nothing_is_refused() {
        let error = Policy::default().set("mqtt.publish-qos3", Level::Off, &Rules::default()).expect_err("a slip");
        assert_eq!(error.nearest[0], "mqtt.publish-qos-3");
        assert!(Policy::default().set("xmpp.*", Level::Off, &Rules::default()).is_err());
    }
}
