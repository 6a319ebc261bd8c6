//! One assertion: what it looks at, what it asks, and how far it has come.

use std::collections::BTreeMap;

use super::expect::{Cell, Expectation, Function, Window};
use super::flows::{FlowEnd, Flows};
use super::order::Order;
use super::report::{AssertionVerdict, Evidence, Report};
use super::subject::{Key, Over, Subject};
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding};
use crate::field::{FieldId, Filter};
use crate::time::Span;

/// The most groups of an assertion with `per` that are told apart.
const GROUPS: usize = 4096;

/// The most moments that are kept for counting within a time, in all groups of an assertion together.
const MOMENTS: u64 = 1_000_000;

const PARTIAL: &str = "not all that it rests on was captured";
const TOO_MANY_GROUPS: &str = "more groups than are told apart";
const LACKING: &str = "the capture lacks bytes in which more may have been";

/// What is asked.
#[derive(Debug)]
pub(super) enum Ask {
    None(Filter),
    All(Filter),
    Any(Filter),
    Expect { expectations: Vec<Expectation>, within: Option<Span> },
    Order(Box<Order>),
}

/// What came together in a group.
#[derive(Debug, Default)]
struct Group {
    satisfied: bool,
    cells: Vec<Cell>,
    windows: Vec<Window>,
    /// The first of its things.
    first: Option<(Box<[FrameNo]>, Origin)>,
}

/// An assertion.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) over: Over,
    selection: Option<Filter>,
    ask: Ask,
    per: Key,
    /// How often it has to be put to the test.
    at_least: u64,
    report: Report,
    groups: BTreeMap<String, Group>,
    most_in_window: u64,
}

impl Rule {
    pub(super) const fn new(
        over: Over,
        selection: Option<Filter>,
        ask: Ask,
        per: Key,
        at_least: u64,
        report: Report,
    ) -> Self {
        Self { over, selection, ask, per, at_least, report, groups: BTreeMap::new(), most_in_window: 0 }
    }

    /// The fields that it reads.
    pub(super) fn fields(&self) -> Vec<FieldId> {
        let mut out: Vec<_> = self.selection.iter().flat_map(Filter::fields).collect();
        let mut keys = vec![&self.per];
        match &self.ask {
            Ask::None(filter) | Ask::All(filter) | Ask::Any(filter) => out.extend(filter.fields()),
            Ask::Expect { expectations, .. } => out.extend(expectations.iter().filter_map(Expectation::field)),
            Ask::Order(order) => {
                out.extend(order.filters().into_iter().flat_map(Filter::fields));
                keys.push(&order.same);
            }
        }
        out.extend(keys.iter().flat_map(|key| key.0.iter().map(|(id, _)| *id)));
        out
    }

    pub(super) fn take(&mut self, subject: &Subject<'_>, flows: &Flows) {
        if self.selection.as_ref().is_some_and(|selection| !selection.matches(subject.row)) {
            return;
        }
        let report = &mut self.report;
        let one = self.over.one();
        let wants = matches!(self.ask, Ask::All(_));
        match &mut self.ask {
            Ask::None(filter) | Ask::All(filter) => {
                report.exercised += 1;
                if filter.matches(subject.row) != wants {
                    if self.over.is_doubtful(filter, subject) {
                        report.unprovable(PARTIAL);
                    } else {
                        let with = if wants { "without" } else { "with" };
                        report.violated(Evidence::of(subject), &format!("a {one} {with} {filter}"));
                    }
                }
            }
            Ask::Any(filter) => {
                let satisfied = filter.matches(subject.row);
                let Some(group) = group(&mut self.groups, &self.per, subject) else {
                    return report.unprovable(TOO_MANY_GROUPS);
                };
                report.exercised += 1;
                group.satisfied |= satisfied;
            }
            Ask::Expect { expectations, within } => {
                let many = self.groups.len() as u64 + 1;
                let Some(group) = group(&mut self.groups, &self.per, subject) else {
                    return report.unprovable(TOO_MANY_GROUPS);
                };
                if let Some(within) = within {
                    report.exercised += 1;
                    group.windows.resize_with(expectations.len(), Window::default);
                    for (expectation, window) in expectations.iter().zip(&mut group.windows) {
                        let most = expectation.most().unwrap_or(u64::MAX);
                        if most.saturating_mul(many) > MOMENTS {
                            report.unprovable(TOO_MANY_GROUPS);
                        } else if window.take(subject.at.time, within.as_nanos(), most) {
                            let key = self.per.of(subject.row);
                            let at = if key.is_empty() { String::new() } else { format!(" ({key})") };
                            let what = format!("more than {most} within {}{at}", show(*within));
                            report.violated(Evidence::of(subject), &what);
                        }
                        self.most_in_window = self.most_in_window.max(window.most);
                    }
                    return;
                }
                group.cells.resize_with(expectations.len(), Cell::default);
                let mut taken = false;
                for (expectation, cell) in expectations.iter().zip(&mut group.cells) {
                    taken |= cell.take(expectation, subject);
                }
                report.exercised += u64::from(taken);
            }
            Ask::Order(order) => order.take(subject, flows, report),
        }
    }

    pub(super) fn flow_ended(&mut self, end: &FlowEnd) {
        if let Ask::Order(order) = &mut self.ask {
            order.flow_ended(end, &mut self.report);
        }
    }

    /// The capture has ended.
    pub(super) fn finish(mut self, flows: &Flows, last: Origin, findings: &mut Vec<Finding>) -> AssertionVerdict {
        let one = self.over.one();
        let report = &mut self.report;
        let whole = Evidence { frames: &[], at: last, flow: None, certainty: Certainty::Likely };
        let (observed, limit) = match &mut self.ask {
            Ask::None(filter) => (Some(share(report)), Some(format!("no {one} with {filter}"))),
            Ask::All(filter) => (Some(share(report)), Some(format!("every {one} with {filter}"))),
            Ask::Any(filter) => {
                let satisfied = self.groups.values().filter(|group| group.satisfied).count();
                for (key, group) in self.groups.iter().filter(|(_, group)| !group.satisfied) {
                    let key = if key.is_empty() { String::new() } else { format!(" ({key})") };
                    absent(report, flows, whole, group, &format!("no {one} with {filter}{key}"));
                }
                let observed = format!("{satisfied} of {}", self.groups.len());
                let groups = if self.per.0.is_empty() { "" } else { " for each" };
                (Some(observed), Some(format!("a {one} with {filter}{groups}")))
            }
            Ask::Expect { expectations, within: Some(within) } => {
                let limit = format!("{} within {}", join(expectations), show(*within));
                let more = if report.violations > 0 { "at least " } else { "" };
                (Some(format!("{more}{}", self.most_in_window)), Some(limit))
            }
            Ask::Expect { expectations, within: None } => {
                if self.groups.is_empty() && self.per.0.is_empty() {
                    // That there is nothing is a number too.
                    let cells = expectations.iter().map(|_| Cell::default()).collect();
                    self.groups.insert(String::new(), Group { cells, ..Group::default() });
                }
                let observed = expected(expectations, &self.groups, flows, report, whole);
                (observed, Some(join(expectations)))
            }
            Ask::Order(order) => order.finish(flows, report),
        };
        if report.exercised < self.at_least {
            let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
            let what = match report.exercised {
                0 => "nothing in the capture puts it to the test".to_owned(),
                seen => format!("put to the test {} only, not {}", times(seen), times(self.at_least)),
            };
            if flows.any_gap { report.unprovable(LACKING) } else { report.violated(whole, &what) }
        }
        self.report.finish(observed, limit, last, findings)
    }
}

/// The group of a subject; none where there are too many.
fn group<'a>(groups: &'a mut BTreeMap<String, Group>, per: &Key, subject: &Subject<'_>) -> Option<&'a mut Group> {
    let key = per.of(subject.row);
    if groups.len() >= GROUPS && !groups.contains_key(&key) {
        return None;
    }
    let group = groups.entry(key).or_default();
    group.first.get_or_insert_with(|| (subject.frames.into(), subject.at));
    Some(group)
}

/// Something that should be there is not.
fn absent(report: &mut Report, flows: &Flows, whole: Evidence<'_>, group: &Group, what: &str) {
    if flows.any_gap || flows.any_joined {
        report.unprovable(LACKING);
    } else {
        let first = group.first.as_ref();
        let evidence = first.map_or(whole, |(frames, at)| Evidence { frames, at: *at, ..whole });
        report.violated(evidence, what);
    }
}

/// Holds each group's numbers against what is expected; the value that was observed, or the range of all groups.
fn expected(
    expectations: &[Expectation],
    groups: &BTreeMap<String, Group>,
    flows: &Flows,
    report: &mut Report,
    whole: Evidence<'_>,
) -> Option<String> {
    let mut observed = Vec::new();
    for (at, expectation) in expectations.iter().enumerate() {
        let mut range: Option<(f64, f64)> = None;
        for (key, group) in groups {
            let Some(cell) = group.cells.get(at) else { continue };
            if cell.given_up > 0 {
                report.unprovable(TOO_MANY_GROUPS);
            }
            let Some(value) = cell.value(expectation.function) else { continue };
            range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
            // A number of things is told of none as well.
            report.counted |= expectation.function == Function::Count;
            if expectation.holds(value) {
                continue;
            }
            let of = if key.is_empty() { String::new() } else { format!(" ({key})") };
            let values = match expectation.function {
                Function::Count => String::new(),
                Function::Distinct
                | Function::Sum
                | Function::Min
                | Function::Max
                | Function::Mean
                | Function::Percentile(_) => format!(", of {} values", cell.count()),
            };
            let what = format!("{expectation} does not hold: it is {}{values}{of}", expectation.show(value));
            if expectation.wants_more() {
                absent(report, flows, whole, group, &what);
            } else {
                let first = group.first.as_ref().map(|(_, at)| *at);
                let at = cell.place(expectation.function).or(first).unwrap_or(whole.at);
                report.violated(Evidence { frames: &[at.frame], at, ..whole }, &what);
            }
        }
        if let Some((low, high)) = range {
            observed.push(if low.total_cmp(&high).is_eq() {
                expectation.show(low)
            } else {
                format!("{} to {}", expectation.show(low), expectation.show(high))
            });
        }
    }
    (!observed.is_empty()).then(|| observed.join(", "))
}

fn share(report: &Report) -> String {
    format!("{} of {}", report.violations, report.exercised)
}

fn join(expectations: &[Expectation]) -> String {
    expectations.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn show(span: Span) -> String {
    super::expect::duration(span.as_nanos() as f64)
}
