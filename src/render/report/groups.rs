//! Findings of one rule on one flow, folded into one.

use std::collections::BTreeMap;

use super::escape::short;
use crate::capture::FrameNo;
use crate::check::{Certainty, Collected, Finding, Severity};
use crate::render::ended::client_id;

/// Flows of which a rule is told one by one.
const FLOWS_OF_A_RULE: usize = 20;

/// Findings that differ in nothing but their frames and details.
pub(super) struct Group<'a> {
    /// The first of them.
    pub(super) first: &'a Finding,
    /// How many there are.
    pub(super) count: u64,
    /// The last frame that shows one of them.
    pub(super) last: FrameNo,
}

/// Findings that are not told one by one.
pub(super) struct Rest<'a> {
    pub(super) rule: &'a str,
    pub(super) severity: Severity,
    pub(super) count: u64,
}

/// All findings of a capture: folded, the worst first, and what there are more of.
pub(super) fn of(findings: &Collected) -> (Vec<Group<'_>>, Vec<Rest<'_>>) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    let mut flows: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings.kept() {
        let flow = finding.flow.map(|flow| flow.id);
        let last = finding.frames.last().copied().unwrap_or(FrameNo(0));
        if let Some(group) =
            places.get(&(&*finding.id, flow, finding.severity)).and_then(|at: &usize| groups.get_mut(*at))
        {
            group.count += 1;
            group.last = group.last.max(last);
            continue;
        }
        let told = flows.entry(&finding.id).or_default();
        if *told < FLOWS_OF_A_RULE {
            *told += 1;
            places.insert((&*finding.id, flow, finding.severity), groups.len());
            groups.push(Group { first: finding, count: 1, last });
        }
    }
    // What was counted is more than what was kept.
    for group in &mut groups {
        if let Some(counted) = findings.group(group.first) {
            (group.count, group.last) = (counted.count, counted.last);
        }
    }
    let mut rest = Vec::new();
    for (rule, count) in findings.rules() {
        for severity in Severity::ALL {
            let of_this = |group: &&Group<'_>| group.first.id == rule && group.first.severity == severity;
            let told: u64 = groups.iter().filter(of_this).map(|group| group.count).sum();
            let all = count.by_severity.get(severity as usize).copied().unwrap_or(0);
            if all > told {
                rest.push(Rest { rule, severity, count: all - told });
            }
        }
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.first.severity), group.first.frames.last().copied()));
    rest.sort_by_key(|rest| std::cmp::Reverse(rest.severity));
    (groups, rest)
}

/// The frames of a finding: all, or the first and the last of many.
fn frames(finding: &Finding) -> String {
    match finding.frames.as_slice() {
        [] => String::new(),
        [only] => format!("frame {only}"),
        [first, .., last] if finding.frames.len() > 4 => {
            format!("{} frames from {first} to {last}", finding.frames.len())
        }
        some => format!("frames {}", some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Whose finding it is.
pub(super) fn client(id: &[u8]) -> String {
    format!("client {}", short(client_id(id)))
}

impl Group<'_> {
    /// That there are more of them, and where.
    pub(super) fn more(&self, place: &str) -> Option<String> {
        let up_to = if self.last.0 > 0 { format!(", up to frame {}", self.last) } else { String::new() };
        (self.count > 1).then(|| format!("and {} more{place}{up_to}", self.count - 1))
    }
}

/// Where a finding is, and how sure it is if it is not certain. Empty where it rests on the capture as a whole.
pub(super) fn place(finding: &Finding) -> String {
    let mut place = vec![frames(finding)];
    place.extend(finding.flow.map(|flow| format!("flow {}", flow.id)));
    place.extend(finding.client_id.as_ref().map(|id| client(id)));
    match finding.certainty {
        Certainty::Certain => {}
        Certainty::Likely | Certainty::Hint => place.push(finding.certainty.name().to_owned()),
    }
    place.retain(|part| !part.is_empty());
    place.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn finding(id: &str, severity: Severity, frames: &[u64]) -> Finding {
        Finding {
            id: id.to_owned(),
            severity,
            certainty: Certainty::Certain,
            flow: None,
            client_id: None,
            frames: frames.iter().map(|frame| FrameNo(*frame)).collect(),
            time: Timestamp::from_nanos(0),
            message: String::new(),
            clause: None,
            hint: None,
        }
    }

    #[test]
    fn equal_findings_are_one_and_the_worst_comes_first() {
        let mut findings = Collected::new(3);
        for frame in 1..=50 {
            findings.take(finding("note", Severity::Note, &[frame]));
        }
        findings.take(finding("bad", Severity::Error, &[7, 60]));
        let (groups, rest) = of(&findings);
        let told: Vec<_> = groups.iter().map(|group| (&*group.first.id, group.count, group.last.0)).collect();
        assert_eq!(told, [("bad", 1, 60), ("note", 50, 50)]);
        assert!(rest.is_empty());
    }

    #[test]
    fn frames_are_listed_while_they_are_few() {
        assert_eq!(frames(&finding("x", Severity::Note, &[])), "");
        assert_eq!(frames(&finding("x", Severity::Note, &[3])), "frame 3");
        assert_eq!(frames(&finding("x", Severity::Note, &[3, 4])), "frames 3, 4");
        assert_eq!(frames(&finding("x", Severity::Note, &[3, 4, 5, 6, 9])), "5 frames from 3 to 9");
    }
}
