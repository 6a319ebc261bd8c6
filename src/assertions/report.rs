//! What came of an assertion: its findings as they show, and its verdict at the end.

use super::subject::Subject;
use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Severity};
use crate::engine::FlowRef;

/// The most findings that one assertion makes; its verdict counts the rest.
const FINDINGS: u64 = 20;

/// The most frames that a verdict names.
const FRAMES: usize = 10;

/// How an assertion came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It held wherever it was put to the test.
    Passed,
    /// It did not hold.
    Failed,
    /// Nothing in the capture put it to the test.
    NotExercised,
    /// It may or may not hold: the capture lacks what would decide it.
    NotProvable,
}

impl Outcome {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotExercised => "not_exercised",
            Self::NotProvable => "not_provable",
        }
    }
}

/// What came of an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionVerdict {
    /// Its name in the file.
    pub name: String,
    /// The identifier of its findings, made from its name: `assert.no-qos-2`.
    pub id: String,
    /// How bad it is if it does not hold.
    pub severity: Severity,
    /// How it came out.
    pub outcome: Outcome,
    /// What was seen, for people: a value, or how many of how many.
    pub observed: Option<String>,
    /// What was expected.
    pub limit: Option<String>,
    /// How often it was put to the test.
    pub exercised: u64,
    /// How often it did not hold.
    pub violations: u64,
    /// How often that can't be told.
    pub not_provable: u64,
    /// The first frames that break it.
    pub frames: Vec<FrameNo>,
    /// What its author says when it fails.
    pub message: Option<String>,
    /// What its author notes on it.
    pub note: Option<String>,
    /// Its line in the file.
    pub line: usize,
}

/// What is gathered for the verdict on one assertion.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) severity: Severity,
    pub(super) message: Option<String>,
    pub(super) note: Option<String>,
    pub(super) line: usize,
    pub(super) exercised: u64,
    /// It counts, which decides it even if there is nothing.
    pub(super) counted: bool,
    pub(super) violations: u64,
    pub(super) not_provable: u64,
    /// Why something can't be told, the first time.
    why: Option<&'static str>,
    frames: Vec<FrameNo>,
    findings: Vec<Finding>,
    last: Option<Origin>,
}

/// Where something shows that breaks an assertion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) frames: &'a [FrameNo],
    pub(super) at: Origin,
    pub(super) flow: Option<FlowRef>,
    pub(super) certainty: Certainty,
}

impl<'a> Evidence<'a> {
    /// A subject that was seen to be as it is.
    pub(super) const fn of(subject: &Subject<'a>) -> Self {
        let certainty = if subject.inferred { Certainty::Likely } else { Certainty::Certain };
        Self { frames: subject.frames, at: subject.at, flow: subject.flow, certainty }
    }
}

impl Report {
    pub(super) const fn new(name: String, id: String, severity: Severity, line: usize) -> Self {
        Self {
            name,
            id,
            severity,
            message: None,
            note: None,
            line,
            exercised: 0,
            counted: false,
            violations: 0,
            not_provable: 0,
            why: None,
            frames: Vec::new(),
            findings: Vec::new(),
            last: None,
        }
    }

    /// It does not hold here.
    pub(super) fn violated(&mut self, evidence: Evidence<'_>, what: &str) {
        self.violations += 1;
        self.last = Some(evidence.at);
        for frame in evidence.frames {
            if self.frames.len() < FRAMES && !self.frames.contains(frame) {
                self.frames.push(*frame);
            }
        }
        if self.violations <= FINDINGS {
            let message = self.words(what);
            self.push(evidence, message);
        }
    }

    /// Whether it holds here can't be told.
    pub(super) fn unprovable(&mut self, why: &'static str) {
        self.not_provable += 1;
        self.why.get_or_insert(why);
    }

    fn words(&self, what: &str) -> String {
        let mut out = match &self.message {
            Some(message) => format!("{}: {message} ({what})", self.name),
            None => format!("{}: {what}", self.name),
        };
        if let Some(note) = &self.note {
            out.push_str("; ");
            out.push_str(note);
        }
        out
    }

    fn push(&mut self, evidence: Evidence<'_>, message: String) {
        self.findings.push(Finding {
            id: self.id.clone(),
            severity: self.severity,
            certainty: evidence.certainty,
            flow: evidence.flow,
            client_id: None,
            frames: evidence.frames.to_vec(),
            time: evidence.at.time,
            message,
            clause: None,
            hint: None,
        });
    }

    /// The verdict; the findings are taken as well. `last` is the end of the capture.
    pub(super) fn finish(
        mut self,
        observed: Option<String>,
        limit: Option<String>,
        last: Origin,
        findings: &mut Vec<Finding>,
    ) -> AssertionVerdict {
        let nowhere =
            Evidence { frames: &[], at: self.last.unwrap_or(last), flow: None, certainty: Certainty::Certain };
        if self.violations > FINDINGS {
            let message = format!("{}: and {} more of the same", self.name, self.violations - FINDINGS);
            self.push(nowhere, message);
        }
        let outcome = match () {
            () if self.violations > 0 => Outcome::Failed,
            () if self.not_provable > 0 => Outcome::NotProvable,
            () if self.exercised == 0 && !self.counted => Outcome::NotExercised,
            () => Outcome::Passed,
        };
        if let Some(why) = self.why {
            // What can't be proved is told, but is no failure.
            let severity = std::mem::replace(&mut self.severity, Severity::Note);
            let times = if self.not_provable == 1 { "once".to_owned() } else { format!("{} times", self.not_provable) };
            let message = format!("{}: not provable {times}: {why}", self.name);
            self.push(Evidence { certainty: Certainty::Hint, ..nowhere }, message);
            self.severity = severity;
        }
        findings.append(&mut self.findings);
        AssertionVerdict {
            name: self.name,
            id: self.id,
            severity: self.severity,
            outcome,
            observed,
            limit,
            exercised: self.exercised,
            violations: self.violations,
            not_provable: self.not_provable,
            frames: self.frames,
            message: self.message,
            note: self.note,
            line: self.line,
        }
    }
}
