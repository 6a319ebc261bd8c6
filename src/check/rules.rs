//! All rules: every name that a finding can have, what it means, how bad it is and which clauses say so.
//!
//! The list is made from what the judges themselves use, so that no rule is told of that does not exist, and none is
//! kept back. Rules of the user's own are added to it at run time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{
    Certainty, Finding, RuleText, Severity, conformance, health, incident_list, incidents, lints, packets, quic, sn,
    streams, tls, websocket,
};
use crate::engine::Notice;
use crate::mqtt::{DeviationKind, Version};
use crate::mqttsn;
use crate::text::distance;

/// A rule whose severity and clause do not depend on the case.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownRule {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// What is wrong, without the case at hand.
    pub(super) title: &'static str,
    pub(super) clause: Option<&'static str>,
    pub(super) hint: Option<&'static str>,
}

impl KnownRule {
    /// A case of it that the engine is sure of.
    pub(super) fn found(&self, notice: &Notice, message: String) -> Finding {
        Finding {
            id: self.id.to_owned(),
            severity: self.severity,
            certainty: Certainty::Certain,
            flow: notice.flow,
            client_id: None,
            frames: vec![notice.origin.frame],
            time: notice.origin.time,
            message,
            clause: self.clause,
            hint: self.hint,
        }
    }
}

/// A rule, as it is told of where no case of it is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// The stable name, which is the `id` of its findings: `mqtt.topic-wildcard`.
    pub id: Cow<'static, str>,
    /// What is wrong, in a line.
    pub title: Cow<'static, str>,
    /// How bad it is; where that depends on the version or the case, at its worst.
    pub severity: Severity,
    /// The clauses of MQTT 3.1, 3.1.1 and 5.0 that its findings may name, sorted.
    pub clauses: [Vec<&'static str>; 3],
    /// A clause of another specification.
    pub reference: Option<&'static str>,
    /// What to do about it.
    pub hint: Option<&'static str>,
    /// Why it is there, how it decides and what it lets pass, where no clause says so.
    pub text: Option<&'static RuleText>,
}

impl From<&'static RuleText> for RuleInfo {
    fn from(text: &'static RuleText) -> Self {
        Self { text: Some(text), ..Self::new(text.id, text.severity, text.title) }
    }
}

impl RuleInfo {
    /// A rule that no clause stands behind.
    pub fn new(id: impl Into<Cow<'static, str>>, severity: Severity, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            severity,
            clauses: Default::default(),
            reference: None,
            hint: None,
            text: None,
        }
    }

    /// All clauses that its findings may name, each once.
    pub fn all_clauses(&self) -> impl Iterator<Item = &'static str> + '_ {
        let [v31, v311, v5] = &self.clauses;
        let later = v311.iter().filter(|clause| !v31.contains(clause));
        let last = v5.iter().filter(|clause| !v31.contains(clause) && !v311.contains(clause));
        v31.iter().chain(later).chain(last).copied().chain(self.reference)
    }

    fn add_clause(&mut self, version: usize, clause: &'static str) {
        if let Some(clauses) = self.clauses.get_mut(version)
            && let Err(at) = clauses.binary_search(&clause)
        {
            clauses.insert(at, clause);
        }
    }
}

impl From<&KnownRule> for RuleInfo {
    fn from(rule: &KnownRule) -> Self {
        Self { reference: rule.clause, hint: rule.hint, ..Self::new(rule.id, rule.severity, rule.title) }
    }
}

/// All rules of the program, sorted by name.
#[derive(Debug, Clone)]
pub struct Rules(BTreeMap<Cow<'static, str>, RuleInfo>);

impl Default for Rules {
    fn default() -> Self {
        let mut rules = Self(BTreeMap::new());
        rules.add_deviations();
        rules.add_incidents();
        rules.add_sensor_deviations();
        for rule in
            streams::RULES.iter().chain(&sn::RULES).chain(&websocket::RULES).chain(&tls::RULES).chain(&quic::RULES)
        {
            rules.add(rule.into());
        }
        rules.add_malformed_length();
        rules.add_conformance();
        for text in health::RULES.iter().chain(lints::RULES) {
            rules.add(text.into());
        }
        rules
    }
}

impl Rules {
    /// One more rule; what was known by its name is replaced.
    pub fn add(&mut self, rule: RuleInfo) {
        self.0.insert(rule.id.clone(), rule);
    }

    /// All, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &RuleInfo> {
        self.0.values()
    }

    /// The rule of this name.
    pub fn get(&self, id: &str) -> Option<&RuleInfo> {
        self.0.get(id)
    }

    /// Rules that a name stands for: of a rule, of a clause, or how one of these begins, with `*` behind it.
    pub fn matching<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a RuleInfo> {
        self.iter()
            .filter(move |rule| selects(name, &rule.id) || rule.all_clauses().any(|clause| selects(name, clause)))
    }

    /// The names of rules and clauses that look most like this one, the likest first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        let wanted = name.trim_end_matches('*').to_ascii_lowercase();
        let last = wanted.rsplit('.').next().unwrap_or_default().to_owned();
        let allowed = (wanted.len() / 3).max(1);
        let mut names: Vec<&str> = self
            .iter()
            .flat_map(|rule| rule.all_clauses().map(|clause| -> &str { clause }).chain([&*rule.id]))
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut found: Vec<(usize, &str)> = names
            .into_iter()
            .filter_map(|known| {
                let lower = known.to_ascii_lowercase();
                let distance = distance(&wanted, &lower);
                let part = last.len() > 2 && lower.contains(&last);
                (distance <= allowed || part).then_some((distance, known))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().take(3).map(|(_, known)| known).collect()
    }

    fn entry(&mut self, id: String, severity: Severity, title: &'static str) -> &mut RuleInfo {
        let rule = self.0.entry(Cow::Owned(id)).or_insert_with_key(|id| RuleInfo::new(id.clone(), severity, title));
        rule.severity = rule.severity.max(severity);
        rule
    }

    fn add_deviations(&mut self) {
        for kind in DeviationKind::every() {
            // The framer finds it, and loses the stream by it: that is told as `mqtt.malformed-length`.
            if kind == DeviationKind::RemainingLengthMalformed {
                continue;
            }
            for (at, version) in Version::ALL.into_iter().enumerate().filter(|(_, version)| kind.occurs_in(*version)) {
                let severity = packets::severity(kind.severity(version));
                let rule = self.entry(format!("mqtt.{}", kind.name()), severity, kind.title());
                rule.add_clause(at, kind.clause(version));
            }
        }
    }

    fn add_sensor_deviations(&mut self) {
        for kind in mqttsn::DeviationKind::ALL {
            let id = format!("mqttsn.{}", kind.name());
            let clause = match kind {
                // It is the one of the type.
                mqttsn::DeviationKind::FieldLengths(_) => "MQTT-SN 1.2, 5.4",
                kind => kind.clause(),
            };
            self.add(RuleInfo { reference: Some(clause), ..RuleInfo::new(id, sn::severity(kind), kind.title()) });
        }
    }

    fn add_incidents(&mut self) {
        for (kind, by) in incident_list::every() {
            for (at, version) in Version::ALL.into_iter().enumerate() {
                let broken = incidents::rule(&kind, by, version);
                let rule = self.entry(format!("mqtt.{}", broken.id), broken.severity, incident_list::title(&kind));
                rule.hint = rule.hint.or(broken.hint);
                if let Some(Some(clause)) = broken.clauses.get(at) {
                    rule.add_clause(at, clause);
                }
            }
        }
    }

    fn add_conformance(&mut self) {
        for known in conformance::RULES {
            let rule = self.entry(known.id.to_owned(), known.severity, known.title);
            rule.hint = rule.hint.or(known.hint);
            for (at, clause) in known.clauses.into_iter().enumerate().filter(|(_, clause)| !clause.is_empty()) {
                rule.add_clause(at, clause);
            }
        }
    }

    fn add_malformed_length(&mut self) {
        if let Some(rule) = self.0.get_mut("mqtt.malformed-length") {
            for (at, version) in Version::ALL.into_iter().enumerate() {
                rule.add_clause(at, streams::malformed_length_clause(version));
            }
        }
    }
}

/// Whether a name, or the beginning of one with `*` behind it, stands for this one.
pub(super) fn selects(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name that stands in the table of incidents, read from its source.
    fn names_in_the_table() -> Vec<String> {
        let source = include_str!("incidents.rs");
        let names = source.split("broken(\"").skip(1).filter_map(|rest| rest.split_once('"'));
        names.map(|(name, _)| format!("mqtt.{name}")).collect()
    }

    #[test]
    fn every_rule_on_incidents_is_in_the_list() {
        let rules = Rules::default();
        let names = names_in_the_table();
        assert!(names.len() > 30);
        for name in names {
            assert!(rules.get(&name).is_some(), "{name} is missing in incident_list.rs");
        }
    }

    #[test]
    fn every_deviation_is_in_the_list() {
        let rules = Rules::default();
        let kinds = DeviationKind::every();
        let names: std::collections::BTreeSet<_> = kinds.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), 57);
        for name in names.into_iter().filter(|name| *name != "remaining-length-malformed") {
            assert!(rules.get(&format!("mqtt.{name}")).is_some(), "{name}");
        }
    }

    #[test]
    fn a_rule_has_the_clauses_of_each_version() {
        let rules = Rules::default();
        let rule = rules.get("mqtt.topic-wildcard").expect("a rule");
        assert_eq!(rule.severity, Severity::Error);
        assert_eq!(rule.clauses[1], ["MQTT-3.3.2-2", "MQTT-4.7.1-1"]);
        assert!(rule.clauses[2].contains(&"MQTT-3.3.2-14"), "of the response topic: {:?}", rule.clauses[2]);
        let only_5 = rules.get("mqtt.property-unknown").expect("a rule");
        assert!(only_5.clauses[0].is_empty() && only_5.clauses[1].is_empty() && !only_5.clauses[2].is_empty());
        let lost = rules.get("mqtt.malformed-length").expect("a rule");
        assert!(lost.clauses.iter().all(|clauses| clauses.len() == 1));
        let overlap = rules.get("tcp.overlap-conflict").expect("a rule");
        assert_eq!(overlap.all_clauses().collect::<Vec<_>>(), ["RFC 9293, 3.10.7.4"]);
    }

    #[test]
    fn rules_are_found_by_name_clause_and_beginning() {
        let rules = Rules::default();
        let ids = |name: &str| rules.matching(name).map(|rule| rule.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids("mqtt.publish-qos-3"), ["mqtt.publish-qos-3"]);
        assert_eq!(ids("ip.fragment-*"), ["ip.fragment-conflict", "ip.fragment-end-conflict", "ip.fragment-too-long"]);
        assert_eq!(ids("MQTT-3.3.1-4"), ["mqtt.publish-qos-3"]);
        assert!(ids("mqtt.publish").is_empty());
        assert_eq!(ids("*").len(), rules.iter().count());
    }

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        let rules = Rules::default();
        assert_eq!(rules.nearest("mqtt.topic-wildcart")[0], "mqtt.topic-wildcard");
        assert_eq!(rules.nearest("MQTT-3.3.1-44")[0], "MQTT-3.3.1-4");
        assert!(rules.nearest("wildcard").contains(&"mqtt.topic-wildcard"));
        assert!(rules.nearest("zzzzzzzzzzzzzz").is_empty());
    }
}
