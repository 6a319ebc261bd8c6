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

/// The most classes of packets that are counted apart. More of them, which hostile traffic alone has, are put down to the
/// statements and forgotten.
const CLASSES: usize = 1 << 14;

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
    /// Packets that put it to the test, of classes that are not counted any more.
    exercised: u64,
    kept: u64,
    broken: u64,
    suspected: u64,
    unprovable: HashMap<Caveat, u64>,
    frames: Vec<FrameNo>,
    hints: Vec<FrameNo>,
}

impl Marks {
    /// Counts the packets that put a statement to the test.
    fn count(&mut self, statement: &Statement, classes: &Classes) {
        for ((_, class), count) in classes.iter().filter(|((version, _), _)| *version == statement.version) {
            if statement.exercises.iter().any(|exercise| exercise.holds(class)) {
                match missing(statement, class) {
                    None => self.exercised += count,
                    Some(caveat) => *self.unprovable.entry(caveat).or_default() += count,
                }
            }
        }
    }
}

type Classes = HashMap<(Version, Class), u64>;

/// The standings, while they are made.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    classes: Classes,
    marks: HashMap<Index, Marks>,
}

impl Ledger {
    /// A packet passed.
    pub(super) fn packet(&mut self, version: Version, class: Class) {
        if self.classes.len() >= CLASSES && !self.classes.contains_key(&(version, class)) {
            self.put_down();
        }
        *self.classes.entry((version, class)).or_default() += 1;
    }

    fn put_down(&mut self) {
        let classes = std::mem::take(&mut self.classes);
        for (index, statement) in Table::get().statements().iter().enumerate() {
            let mut marks = self.marks.remove(&index).unwrap_or_default();
            marks.count(statement, &classes);
            self.marks.insert(index, marks);
        }
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
        marks.count(statement, &self.classes);
        let passed = marks.kept + marks.exercised.saturating_sub(marks.broken + marks.suspected);
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

#[cfg(test)]
mod tests {
    use super::super::class::Features as F;
    use super::*;
    use crate::mqtt::PacketType;

    const VERSION: Version = Version::V311;

    fn of(ledger: &Ledger, id: &str) -> Standing {
        let is_it = |standing: &Standing| standing.statement.version == VERSION && standing.statement.id == id;
        ledger.standings().into_iter().find(is_it).expect(id)
    }

    fn class(packet_type: PacketType, features: &[F]) -> Class {
        Class { packet_type, features: features.iter().fold(F::default(), |all, one| all.and(*one)) }
    }

    #[test]
    fn what_breaks_a_statement_is_not_among_what_obeys_it() {
        let mut ledger = Ledger::default();
        let id = "MQTT-3.3.1-2";
        assert_eq!(of(&ledger, id).verdict, Verdict::NotExercised);
        for _ in 0..5 {
            ledger.packet(VERSION, class(PacketType::Publish, &[F::Qos0, F::Sound]));
        }
        ledger.packet(VERSION, class(PacketType::Publish, &[F::Qos1, F::Sound]));
        let standing = of(&ledger, id);
        assert_eq!((standing.verdict, standing.passed, standing.failed), (Verdict::Passed, 5, 0));
        for frame in [9, 3, 9] {
            ledger.broken(VERSION, id, FrameNo(frame), Certainty::Certain);
        }
        let standing = of(&ledger, id);
        assert_eq!((standing.verdict, standing.passed, standing.failed), (Verdict::Failed, 2, 3));
        assert_eq!(standing.frames, [FrameNo(3), FrameNo(9)]);
    }

    #[test]
    fn a_hint_fails_nothing_and_lets_nothing_pass() {
        let mut ledger = Ledger::default();
        ledger.packet(VERSION, class(PacketType::Publish, &[F::Qos0, F::Sound]));
        ledger.packet(VERSION, class(PacketType::Publish, &[F::Qos0, F::Sound]));
        ledger.broken(VERSION, "MQTT-3.3.1-2", FrameNo(7), Certainty::Hint);
        let standing = of(&ledger, "MQTT-3.3.1-2");
        assert_eq!((standing.verdict, standing.passed, standing.suspected), (Verdict::NotProvable, 1, 1));
        assert_eq!(standing.frames, [FrameNo(7)]);
    }

    #[test]
    fn what_is_missing_is_the_reason_why_there_is_no_proof() {
        let mut ledger = Ledger::default();
        let (connack, known) = (PacketType::ConnAck, [F::Resume, F::Success, F::Whole, F::Sound]);
        ledger.packet(VERSION, class(connack, &known));
        assert_eq!(of(&ledger, "MQTT-3.2.2-2").why, Some(Caveat::Start));
        for _ in 0..2 {
            ledger.packet(VERSION, class(connack, &[known[0], known[1], known[2], F::Started]));
        }
        let standing = of(&ledger, "MQTT-3.2.2-2");
        assert_eq!((standing.verdict, standing.unprovable), (Verdict::NotProvable, 3));
        assert_eq!(standing.why, Some(Caveat::Prior), "the most frequent one");
        ledger.packet(VERSION, class(connack, &[known[0], known[1], known[2], F::Started, F::Fresh]));
        assert_eq!(of(&ledger, "MQTT-3.2.2-2").verdict, Verdict::Passed);
        // One packet shows by itself what it shows, whatever is missing around it.
        ledger.packet(VERSION, class(PacketType::Publish, &[F::Qos0, F::Sound]));
        ledger.packet(VERSION, class(PacketType::Publish, &[F::Qos0]));
        let standing = of(&ledger, "MQTT-3.3.1-2");
        assert_eq!((standing.passed, standing.why), (1, Some(Caveat::Gap)));
    }

    #[test]
    fn each_break_counts_but_not_each_frame_is_kept() {
        let mut ledger = Ledger::default();
        for frame in 0..3 * FRAMES as u64 {
            ledger.broken(VERSION, "MQTT-3.3.1-2", FrameNo(frame), Certainty::Likely);
        }
        let standing = of(&ledger, "MQTT-3.3.1-2");
        assert_eq!((standing.failed, standing.frames.len()), (3 * FRAMES as u64, FRAMES));
    }

    #[test]
    fn classes_without_number_are_put_down_and_none_is_lost() {
        let mut ledger = Ledger::default();
        let bits =
            [F::Dup, F::Retain, F::Resume, F::Alias, F::Topic, F::Will, F::Clean, F::Code, F::Success, F::Shared];
        let more = [F::Switch, F::Method, F::Sized, F::Failure, F::Text, F::Props];
        let bits: Vec<F> = bits.into_iter().chain(more).collect();
        for number in 0..1_u32 << 16 {
            let chosen = (0..16).filter(|bit| number & 1 << bit != 0).map(|bit| bits[bit]);
            let features: Vec<F> = chosen.chain([F::Qos0, F::Sound]).collect();
            ledger.packet(VERSION, class(PacketType::Publish, &features));
        }
        assert!(ledger.classes.len() <= CLASSES);
        assert_eq!(of(&ledger, "MQTT-3.3.1-2").passed, 1 << 16);
    }
}
