//! Order in time: what has to follow, and what must not come before or after.

use std::collections::{BTreeMap, VecDeque};

use super::expect::duration;
use super::flows::{FlowEnd, Flows};
use super::report::{Evidence, Report};
use super::subject::{Key, Subject};
use crate::capture::{FrameNo, Origin};
use crate::check::Certainty;
use crate::engine::FlowRef;
use crate::field::Filter;
use crate::time::Span;

/// The most things of one assertion that are waited for, and the most groups that are told apart.
const WAITING: usize = 65_536;

const LIMIT_REACHED: &str = "more at once than are kept";
const LACKING: &str = "the capture lacks bytes in which it may have been";
const CAPTURE_ENDS: &str = "the capture ends before its time is over";
const STAYS_OPEN: &str = "the capture ends before the connection does";
const JOINED: &str = "the capture has not the beginning of the connection";

/// What is asked of the order.
#[derive(Debug)]
pub(super) enum Sequence {
    /// Each of the first is followed by one of the second; where they are pairs, by one of its own.
    Follows { each: Filter, then: Filter, pairs: bool },
    /// None of the first without one of the second before it.
    NotBefore { never: Filter, before: Filter },
    /// None of the first once there was one of the second.
    NotAfter { never: Filter, after: Filter },
}

/// An assertion on order, and where it stands.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) sequence: Sequence,
    pub(super) same: Key,
    pub(super) within: Option<Span>,
    /// Groups by their key; of a connection each, where the key holds its number, so that they end with it.
    groups: BTreeMap<(FrameNo, String), Group>,
    bound: bool,
    waiting: usize,
    /// Those whose flows were told before it is known how long the capture goes on.
    late: Vec<Waiting>,
    slowest: Option<Span>,
}

#[derive(Debug, Default)]
struct Group {
    waiting: VecDeque<Waiting>,
    /// What must have come before, or what nothing may come after.
    mark: Option<Origin>,
}

/// Something that has to be followed.
#[derive(Debug)]
struct Waiting {
    at: Origin,
    frames: Box<[FrameNo]>,
    flow: Option<FlowRef>,
    /// Gaps in its flow by then.
    gaps: u32,
}

impl Order {
    pub(super) fn new(sequence: Sequence, same: Key, within: Option<Span>) -> Self {
        let bound = same.has("tcp.stream");
        Self { sequence, same, within, groups: BTreeMap::new(), bound, waiting: 0, late: Vec::new(), slowest: None }
    }

    pub(super) fn filters(&self) -> [&Filter; 2] {
        match &self.sequence {
            Sequence::Follows { each, then, .. } => [each, then],
            Sequence::NotBefore { never, before } => [never, before],
            Sequence::NotAfter { never, after } => [never, after],
        }
    }

    pub(super) fn take(&mut self, subject: &Subject<'_>, flows: &Flows, report: &mut Report) {
        let [first, second] = self.filters().map(|filter| filter.matches(subject.row));
        if !first && !second {
            return;
        }
        let flow = subject.flow.filter(|_| self.bound).map_or(FrameNo(0), |flow| flow.id);
        let key = (flow, self.same.of(subject.row));
        if !self.groups.contains_key(&key) && self.groups.len() >= WAITING {
            report.unprovable(LIMIT_REACHED);
            return;
        }
        let group = self.groups.entry(key.clone()).or_default();
        let facts = flows.of(subject.flow);
        let mut evidence = Evidence::of(subject);
        // The order of what the two ends send is that of the capture.
        evidence.certainty = evidence.certainty.min(Certainty::Likely);
        match &self.sequence {
            Sequence::Follows { then, pairs, .. } => {
                if second {
                    let answered = if *pairs { usize::from(!group.waiting.is_empty()) } else { group.waiting.len() };
                    self.waiting -= answered;
                    for earlier in group.waiting.drain(..answered) {
                        let took = subject.at.time.since(earlier.at.time);
                        self.slowest = self.slowest.max(Some(took));
                        if self.within.is_some_and(|within| took > within) {
                            let took = duration(took.as_nanos() as f64);
                            let frame = subject.at.frame.0;
                            let what = format!("followed by {then} only after {took}, in frame {frame}");
                            report.violated(Evidence { certainty: evidence.certainty, ..earlier.evidence() }, &what);
                        }
                    }
                }
                if first {
                    report.exercised += 1;
                    if self.waiting >= WAITING {
                        report.unprovable(LIMIT_REACHED);
                        return;
                    }
                    self.waiting += 1;
                    group.waiting.push_back(Waiting {
                        at: subject.at,
                        frames: subject.frames.into(),
                        flow: subject.flow,
                        gaps: facts.gaps,
                    });
                }
                if group.waiting.is_empty() {
                    self.groups.remove(&key);
                }
            }
            Sequence::NotBefore { before, .. } => {
                if first {
                    report.exercised += 1;
                    let lacks =
                        if self.bound { facts.gaps > 0 || facts.lost } else { flows.any_gap || flows.any_joined };
                    match group.mark {
                        Some(_) => {}
                        None if lacks => report.unprovable(LACKING),
                        None if facts.joined => report.unprovable(JOINED),
                        None => report.violated(evidence, &format!("no {before} came before it")),
                    }
                }
                if second {
                    group.mark.get_or_insert(subject.at);
                }
            }
            Sequence::NotAfter { after, .. } => {
                if first && let Some(mark) = group.mark {
                    let passed = subject.at.time.since(mark.time);
                    if self.within.is_none_or(|within| passed <= within) {
                        let passed = duration(passed.as_nanos() as f64);
                        let what = format!("comes {passed} after {after} in frame {}", mark.frame.0);
                        report.violated(evidence, &what);
                    }
                }
                if second {
                    report.exercised += 1;
                    group.mark = Some(subject.at);
                }
            }
        }
    }

    /// A connection has ended: what still waits on it gets no answer.
    pub(super) fn flow_ended(&mut self, end: &FlowEnd, report: &mut Report) {
        if !self.bound {
            return;
        }
        let range = (end.flow, String::new())..(FrameNo(end.flow.0 + 1), String::new());
        let keys: Vec<_> = self.groups.range(range).map(|(key, _)| key.clone()).collect();
        for key in keys {
            let Some(group) = self.groups.remove(&key) else { continue };
            self.waiting -= group.waiting.len();
            for waiting in group.waiting {
                let lacks = end.lacks(waiting.gaps);
                if lacks || end.over {
                    self.missing(&waiting, end.over, lacks, report);
                } else if self.late.len() < WAITING {
                    self.late.push(waiting);
                } else {
                    report.unprovable(LIMIT_REACHED);
                }
            }
        }
    }

    fn missing(&self, waiting: &Waiting, in_time: bool, lacks: bool, report: &mut Report) {
        let Sequence::Follows { then, .. } = &self.sequence else { return };
        if lacks {
            report.unprovable(LACKING);
        } else if in_time {
            let within = self.within.map(|within| format!(" within {}", duration(within.as_nanos() as f64)));
            let what = format!("not followed by {then}{}", within.unwrap_or_default());
            report.violated(Evidence { certainty: Certainty::Likely, ..waiting.evidence() }, &what);
        } else {
            report.unprovable(if self.within.is_some() { CAPTURE_ENDS } else { STAYS_OPEN });
        }
    }

    /// The capture has ended. What was observed, and what was expected.
    pub(super) fn finish(&mut self, flows: &Flows, report: &mut Report) -> (Option<String>, Option<String>) {
        let late = std::mem::take(&mut self.late).into_iter().map(|waiting| (waiting, false));
        let groups = std::mem::take(&mut self.groups).into_values();
        for (waiting, lacks) in
            groups.flat_map(|group| group.waiting).map(|waiting| (waiting, flows.any_gap)).chain(late)
        {
            let in_time = self.within.is_some_and(|within| flows.latest > waiting.at.time + within);
            self.missing(&waiting, in_time, lacks, report);
        }
        let show = |span: Span| duration(span.as_nanos() as f64);
        let limit = self.within.map(|within| format!("within {}", show(within)));
        match self.sequence {
            Sequence::Follows { .. } => (self.slowest.map(|slowest| format!("slowest {}", show(slowest))), limit),
            Sequence::NotBefore { .. } | Sequence::NotAfter { .. } => (None, limit),
        }
    }
}

impl Waiting {
    fn evidence(&self) -> Evidence<'_> {
        Evidence { frames: &self.frames, at: self.at, flow: self.flow, certainty: Certainty::Likely }
    }
}
