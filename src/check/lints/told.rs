//! What the lints share: state by flow and by client, all of it bounded, and what was told already.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::net::SocketAddr;

use crate::capture::{FrameNo, Origin};
use crate::check::{Certainty, Finding, Severity};
use crate::engine::FlowRef;
use crate::session::{Name, Session};
use crate::text::{Escaped, beginning};
use crate::time::Span;

/// The most things that are remembered as told; then they are told once more.
const TOLD: usize = 100_000;

/// The most flows and clients whose habits are followed at a time.
pub(super) const FOLLOWED: usize = 50_000;

/// The most bytes of an identifier, topic or filter that is remembered; what is longer is not followed.
pub(super) const NAME: usize = 1024;

/// The most frames of a finding.
const FRAMES: usize = 8;

/// The most bytes of a text from the wire in a message.
const SHOWN: usize = 80;

/// What was told, so that one cause makes one finding.
#[derive(Debug, Default)]
pub(super) struct Told {
    seen: HashSet<u64>,
    hash: RandomState,
}

impl Told {
    /// Whether this is the first time.
    pub(super) fn first(&mut self, key: impl Hash) -> bool {
        if self.seen.len() >= TOLD {
            self.seen.clear();
        }
        self.seen.insert(self.hash.hash_one(key))
    }

    /// A number that stands for something.
    pub(super) fn number(&self, key: impl Hash) -> u64 {
        self.hash.hash_one(key)
    }
}

/// A client of a broker, by its identifier.
pub(super) type ClientKey = (SocketAddr, Name);

/// The client of a session, where it is known.
pub(super) fn client_key(session: &Session) -> Option<ClientKey> {
    let id = session.client_id.as_ref().filter(|id| (1..=NAME).contains(&id.len()))?;
    Some((session.flow.server, Name::clone(id)))
}

/// Something by flow.
#[derive(Debug)]
pub(super) struct ByFlow<T>(HashMap<FrameNo, T>);

impl<T> Default for ByFlow<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Default> ByFlow<T> {
    /// That of the flow, new if there is room for it.
    pub(super) fn entry(&mut self, flow: FrameNo) -> Option<&mut T> {
        if self.0.len() >= FOLLOWED && !self.0.contains_key(&flow) {
            return None;
        }
        Some(self.0.entry(flow).or_default())
    }

    pub(super) fn get_mut(&mut self, flow: FrameNo) -> Option<&mut T> {
        self.0.get_mut(&flow)
    }

    pub(super) fn remove(&mut self, flow: FrameNo) -> Option<T> {
        self.0.remove(&flow)
    }
}

/// How often something was seen, and where.
#[derive(Debug, Clone)]
pub(super) struct Hits {
    pub(super) count: u64,
    pub(super) first: Origin,
    pub(super) frames: Vec<FrameNo>,
}

impl Hits {
    pub(super) fn new(at: Origin) -> Self {
        Self { count: 1, first: at, frames: vec![at.frame] }
    }

    pub(super) fn again(&mut self, at: Origin) {
        self.count += 1;
        if self.frames.len() < FRAMES {
            self.frames.push(at.frame);
        }
    }
}

/// A finding of a lint.
pub(super) struct Lint {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) certainty: Certainty,
    pub(super) hint: &'static str,
}

impl Lint {
    pub(super) const fn warning(id: &'static str, certainty: Certainty, hint: &'static str) -> Self {
        Self { id, severity: Severity::Warning, certainty, hint }
    }

    pub(super) const fn note(id: &'static str, certainty: Certainty, hint: &'static str) -> Self {
        Self { id, severity: Severity::Note, certainty, hint }
    }

    pub(super) fn at(&self, flow: Option<FlowRef>, at: Origin, frames: &[FrameNo], message: String) -> Finding {
        let mut frames = frames.to_vec();
        frames.sort_unstable();
        frames.dedup();
        frames.truncate(FRAMES);
        Finding {
            id: self.id.to_owned(),
            severity: self.severity,
            certainty: self.certainty,
            flow,
            client_id: None,
            frames,
            time: at.time,
            message,
            clause: None,
            hint: Some(self.hint),
        }
    }
}

/// How many levels lie behind the first, or how often any byte is there.
pub(super) fn count_of(bytes: &[u8], wanted: u8) -> usize {
    bytes.split(|byte| *byte == wanted).count() - 1
}

/// Text from the wire, for a message. A long one ends before the character that does not fit.
pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(empty)".to_owned();
    }
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!("{}{more}", Escaped(beginning(bytes, SHOWN)))
}

/// A number of seconds as a span.
pub(super) fn seconds(seconds: f64) -> Span {
    Span::from_nanos((seconds * 1e9) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_topic_is_cut_between_characters() {
        for (letter, kept) in [("a", 80), ("é", 40), ("温", 26), ("𝄞", 20)] {
            assert_eq!(shown(letter.repeat(81).as_bytes()), format!("{}…", letter.repeat(kept)));
        }
        assert_eq!(shown("é".repeat(40).as_bytes()), "é".repeat(40));
        assert_eq!(shown(&[0xbf; 100]), format!("{}…", "\\xbf".repeat(80)), "where no character begins, anywhere");
    }
}
