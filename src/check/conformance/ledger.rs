//! How each statement stands: how often traffic put it to the test, and what came of it.

use std::collections::HashMap;

use super::class::Class;
use super::statement::{Caveat, Index, Scope, Statement, Table};
use crate::capture::FrameNo;
use crate::mqtt::Version;
use crate::session::Certainty;

/// The most frames kept of a statement.
const FRAMES: usize = 100;

/// What is to be said of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It was broken.
    Failed,
    /// It was put to the test and held.
    Passed,
    /// It was put to the test, and this capture does not show whether it held.
    NotProvable,
    /// Nothing put it to the test.
    NotExercised,
    /// It does not show on the wire, or is not judged.
    NotJudged,
}

impl Verdict {
    /// All, the worst first.
    pub const ALL: [Self; 5] = [Self::Failed, Self::Passed, Self::NotProvable, Self::NotExercised, Self::NotJudged];

    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Passed => "passed",
            Self::NotProvable => "not provable",
            Self::NotExercised => "not exercised",
            Self::NotJudged => "not judged",
        }
    }
}

/// How a statement stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The statement.
    pub statement: &'static Statement,
    /// What is to be said of it.
    pub verdict: Verdict,
    /// How often it held.
    pub passed: u64,
    /// How often it was broken.
    pub failed: u64,
    /// How often it may have been broken, by no more than a hint.
    pub suspected: u64,
    /// How often it was put to the test without proof.
    pub unprovable: u64,
    /// Why there is no proof, the most frequent reason.
    pub why: Option<Caveat>,
    /// Frames that break it, or hint at it where none does; ascending, of very many the first.
    pub frames: Vec<FrameNo>,
}

#[derive(Debug, Clone, Default)]
struct Marks {
    kept: u64,
    broken: u64,
    suspected: u64,
    unprovable: HashMap<Caveat, u64>,
    frames: Vec<FrameNo>,
    hints: Vec<FrameNo>,
}

/// The standings, while they are made.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    classes: HashMap<(Version, Class), u64>,
    marks: HashMap<Index, Marks>,
}

impl Ledger {
    /// A packet passed.
    pub(super) fn packet(&mut self, version: Version, class: Class) {
        *self.classes.entry((version, class)).or_default() += 1;
    }

    /// A rule saw that something held.
    pub(super) fn kept(&mut self, version: Version, key: &str) {
        for index in Table::get().broken_by(version, key) {
            self.marks.entry(*index).or_default().kept += 1;
        }
    }

    /// A rule can't say whether something held.
    pub(super) fn unprovable(&mut self, version: Version, key: &str, why: Caveat) {
        for index in Table::get().broken_by(version, key) {
            *self.marks.entry(*index).or_default().unprovable.entry(why).or_default() += 1;
        }
    }

    /// Something was broken.
    pub(super) fn broken(&mut self, version: Version, key: &str, frame: FrameNo, certainty: Certainty) {
        for index in Table::get().broken_by(version, key) {
            self.break_one(*index, frame, certainty);
        }
    }

    /// This statement was broken.
    pub(super) fn break_one(&mut self, index: Index, frame: FrameNo, certainty: Certainty) {
        let marks = self.marks.entry(index).or_default();
        let (count, frames) = match certainty {
            Certainty::Hint => (&mut marks.suspected, &mut marks.hints),
            Certainty::Likely | Certainty::Certain => (&mut marks.broken, &mut marks.frames),
        };
        *count += 1;
        if frames.len() < FRAMES && !frames.contains(&frame) {
            frames.push(frame);
        }
    }

    /// How all statements stand, in the order of the table.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let all = Table::get().statements().iter().enumerate();
        all.map(|(index, statement)| self.standing(index, statement)).collect()
    }

    fn standing(&self, index: Index, statement: &'static Statement) -> Standing {
        let mut marks = self.marks.get(&index).cloned().unwrap_or_default();
        let mut exercised = 0;
        for ((_, class), count) in self.classes.iter().filter(|((version, _), _)| *version == statement.version) {
            if statement.exercises.iter().any(|exercise| exercise.holds(class)) {
                match missing(statement, class) {
                    None => exercised += count,
                    Some(caveat) => *marks.unprovable.entry(caveat).or_default() += count,
                }
            }
        }
        let passed = marks.kept + exercised.saturating_sub(marks.broken + marks.suspected);
        let unprovable: u64 = marks.unprovable.values().sum();
        let verdict = match () {
            () if !statement.is_judged() => Verdict::NotJudged,
            () if marks.broken > 0 => Verdict::Failed,
            () if marks.suspected > 0 => Verdict::NotProvable,
            () if passed > 0 => Verdict::Passed,
            () if unprovable > 0 => Verdict::NotProvable,
            () => Verdict::NotExercised,
        };
        let mut frames = if marks.broken > 0 { marks.frames } else { marks.hints };
        frames.sort_unstable();
        // Of equally frequent reasons the first of the table, so that the same capture gives the same words.
        let why = marks.unprovable.iter().max_by_key(|(caveat, count)| (**count, std::cmp::Reverse(**caveat)));
        Standing {
            statement,
            verdict,
            passed,
            failed: marks.broken,
            suspected: marks.suspected,
            unprovable,
            why: why.map(|(caveat, _)| *caveat),
            frames,
        }
    }
}

/// What keeps a packet of this class from proving that the statement held.
fn missing(statement: &Statement, class: &Class) -> Option<Caveat> {
    use super::class::Features as F;
    // What one packet shows it shows wherever it stands.
    let gap = if statement.scope == Scope::Packet { F::Sound } else { F::Whole };
    [(Caveat::Start, F::Started), (Caveat::Prior, F::Fresh), (Caveat::Gap, gap)]
        .into_iter()
        .find(|(caveat, feature)| statement.needs(*caveat) && !class.features.has(*feature))
        .map(|(caveat, _)| caveat)
}
