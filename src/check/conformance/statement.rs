//! The statements of the MQTT specifications that traffic can be held against.
//!
//! The table `statements.tsv` has each of them in our own words, with what limits a verdict (the caveats) and by which
//! packets it is put to the test. It does not say how a statement is judged: that is the work of the rules.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::class::Exercise;
use crate::mqtt::Version;

/// How much has to be seen to judge a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One packet.
    Packet,
    /// A connection.
    Session,
    /// Several connections.
    Cross,
    /// What carries the packets: TCP, WebSocket.
    Transport,
    /// Time.
    Timing,
    /// What never shows on the wire.
    Internal,
}

impl Scope {
    const NAMES: [(&'static str, Self); 6] = [
        ("packet", Self::Packet),
        ("session", Self::Session),
        ("cross", Self::Cross),
        ("transport", Self::Transport),
        ("timing", Self::Timing),
        ("internal", Self::Internal),
    ];

    /// A name for output.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }
}

/// What a verdict has to be careful of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caveat {
    /// The connection has to be known from its beginning.
    Start,
    /// Earlier connections of the client have to be known.
    Prior,
    /// Nothing may be missing.
    Gap,
    /// The order of the two directions is known only roughly.
    Order,
    /// What is open when the capture or the connection ends proves nothing.
    End,
    /// Traffic of other clients is needed.
    Cross,
    /// Clocks have to be trusted.
    Clock,
    /// It depends on where the capture was made.
    Vantage,
    /// Encrypted bytes have to be read.
    Tls,
}

impl Caveat {
    const NAMES: [(&'static str, Self); 9] = [
        ("start", Self::Start),
        ("prior", Self::Prior),
        ("gap", Self::Gap),
        ("order", Self::Order),
        ("end", Self::End),
        ("cross", Self::Cross),
        ("clock", Self::Clock),
        ("vantage", Self::Vantage),
        ("tls", Self::Tls),
    ];

    /// What excuses an end, or keeps a verdict from being given.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Start => "the connection has to be captured from its beginning",
            Self::Prior => "the client's session has to be known from its beginning, over all its connections",
            Self::Gap => "where bytes are missing in the capture nothing is judged",
            Self::Order => {
                "the two directions cross on their way, so that an end may not have seen the other's packet yet"
            }
            Self::End => "what is still open when the connection or the capture ends is no violation",
            Self::Cross => "the traffic of the other clients has to be in the capture; what is absent proves nothing",
            Self::Clock => "it rests on time stamps, which have a tolerance",
            Self::Vantage => "a capture at the client and one at the server may differ",
            Self::Tls => "encrypted traffic can't be judged",
        }
    }
}

/// A statement.
#[derive(Debug)]
pub struct Statement {
    /// The version of the specification.
    pub version: Version,
    /// Its number there, or our name where it has none.
    pub id: &'static str,
    /// The packets that it is about.
    pub packets: &'static str,
    /// Whom it binds: client, server or both.
    pub role: &'static str,
    /// The rule, in our words.
    pub rule: &'static str,
    /// How much has to be seen.
    pub scope: Scope,
    /// `malformed`, `protocol-error`, `warning` or `note`.
    pub severity: &'static str,
    /// How it shows.
    pub detection: &'static str,
    /// What to be careful of.
    pub caveats: Vec<Caveat>,
    /// Which packets put it to the test; none where a rule tells that, or nothing does.
    pub(super) exercises: Vec<Exercise>,
    /// Whether a rule tells when it is put to the test.
    pub(super) by_rule: bool,
    /// What breaks it besides its own name: clauses, and deviations.
    pub(super) with: Vec<&'static str>,
}

impl Statement {
    /// Whether it is judged here at all.
    pub const fn is_judged(&self) -> bool {
        self.by_rule || !self.exercises.is_empty()
    }

    /// Whether a verdict needs this.
    pub fn needs(&self, caveat: Caveat) -> bool {
        self.caveats.contains(&caveat)
    }
}

/// Where a statement stands in the table.
pub(super) type Index = usize;

/// All statements.
#[derive(Debug)]
pub struct Table {
    statements: Vec<Statement>,
    /// What fails with a clause or a deviation, by version.
    fails: HashMap<Version, HashMap<&'static str, Vec<Index>>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("statements.tsv")));

impl Table {
    /// The table.
    pub fn get() -> &'static Self {
        &TABLE
    }

    /// All of them, version by version.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Those of this name, in any version and any case of letters.
    pub fn find<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Statement> {
        self.statements.iter().filter(move |statement| statement.id.eq_ignore_ascii_case(id))
    }

    /// The statements that break with a clause or a deviation.
    pub(super) fn broken_by(&self, version: Version, key: &str) -> &[Index] {
        self.fails.get(&version).and_then(|fails| fails.get(key)).map_or(&[], Vec::as_slice)
    }

    fn parse(text: &'static str) -> Self {
        let mut table = Self { statements: Vec::new(), fails: HashMap::new() };
        for line in text.lines().skip(1) {
            let statement = parse(line);
            let index = table.statements.len();
            for key in std::iter::once(statement.id).chain(statement.with.iter().copied()) {
                table.fails.entry(statement.version).or_default().entry(key).or_default().push(index);
            }
            table.statements.push(statement);
        }
        table
    }
}

/// A line of the table, which a test proves to be well formed.
fn parse(line: &'static str) -> Statement {
    let mut columns = line.split('\t');
    let mut next = || columns.next().unwrap_or_default();
    let version = match next() {
        "3.1" => Version::V31,
        "3.1.1" => Version::V311,
        _ => Version::V5,
    };
    let (id, packets, role, rule, scope, severity, note, when, with) =
        (next(), next(), next(), next(), next(), next(), next(), next(), next());
    let (detection, tags) = note.rsplit_once(" {").unwrap_or((note, ""));
    let named = |tag: &str| Caveat::NAMES.iter().find(|(name, _)| *name == tag).map(|(_, caveat)| *caveat);
    Statement {
        version,
        id,
        packets,
        role,
        rule,
        scope: Scope::NAMES.iter().find(|(name, _)| *name == scope).map_or(Scope::Internal, |(_, scope)| *scope),
        severity,
        detection,
        caveats: tags.trim_end_matches('}').split(',').filter_map(named).collect(),
        exercises: if when == "rule" { Vec::new() } else { Exercise::parse_all(when) },
        by_rule: when == "rule",
        with: with.split(", ").filter(|key| !key.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_line_is_well_formed_and_each_name_stands_once() {
        let mut names = HashSet::new();
        for line in include_str!("statements.tsv").lines().skip(1) {
            let columns: Vec<_> = line.split('\t').collect();
            assert_eq!(columns.len(), 10, "{line}");
            assert!(["3.1", "3.1.1", "5.0"].contains(&columns[0]), "{line}");
            assert!(Scope::NAMES.iter().any(|(name, _)| *name == columns[5]), "{line}");
            assert!(["malformed", "protocol-error", "warning", "note"].contains(&columns[6]), "{line}");
            assert!(names.insert((columns[0], columns[1])), "{line}");
            if !columns[8].is_empty() && columns[8] != "rule" {
                let said: usize = columns[8].split(" | ").map(|exercise| exercise.split('+').count()).sum();
                let read: usize = Exercise::parse_all(columns[8]).iter().map(Exercise::terms).sum();
                assert_eq!(said, read, "a packet or a feature that there is not: {line}");
            }
        }
        assert_eq!(names.iter().filter(|(version, id)| *version == "3.1.1" && id.starts_with("MQTT-")).count(), 141);
        assert_eq!(names.iter().filter(|(version, id)| *version == "5.0" && id.starts_with("MQTT-")).count(), 251);
    }

    #[test]
    fn what_shows_in_a_packet_is_judged() {
        // An identifier with QoS 0 can't be told from payload, and the order of fields shows in their contents alone.
        // What has to be accepted can't be wrong.
        let not_judged = ["MQTT-2.2.1-2", "MQTT-3.1.3-1", "V31-PAYLOAD-ORDER", "V31-USERNAME-MISSING"];
        for statement in Table::get().statements() {
            if statement.scope == Scope::Packet && !not_judged.contains(&statement.id) {
                assert!(statement.is_judged(), "{:?} {}", statement.version, statement.id);
            }
        }
    }
}
