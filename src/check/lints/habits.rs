//! What clients make a habit of, from connection to connection.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::told::{ClientKey, FOLLOWED, Lint, Told, client_key, shown};
use crate::capture::FrameNo;
use crate::check::{Certainty, Finding, Limits, Rule, Wanted};
use crate::dissect::Conversation;
use crate::engine::Event;
use crate::flow::{Flow, Role};
use crate::session::{EndKind, Session};
use crate::time::Timestamp;

/// The most frames that are kept of a habit.
const FRAMES: usize = 8;

const CHURN: Lint = Lint::note(
    "lint.clean-churn",
    Certainty::Likely,
    "a session that outlives the connection spares the subscriptions, and loses no message meanwhile",
);
const LEAK: Lint = Lint::warning(
    "lint.session-leak",
    Certainty::Likely,
    "the server keeps each of these sessions: use one identifier for ever, or sessions that end with the connection",
);
const NO_DISCONNECT: Lint = Lint::note(
    "lint.no-disconnect",
    Certainty::Likely,
    "without DISCONNECT the server publishes the will, and can't tell leaving from failing",
);

#[derive(Debug, Default)]
struct Habits {
    /// Sessions begun anew in a row with the same subscriptions.
    subscriptions: u64,
    clean: Vec<FrameNo>,
    /// Connections in a row that ended without DISCONNECT.
    silent: Vec<FrameNo>,
    silent_count: u64,
    clean_count: u64,
}

/// Sessions that outlive their connections, of identifiers that are alike.
#[derive(Debug)]
struct Family {
    ids: Vec<u64>,
    frames: Vec<FrameNo>,
    ended: Timestamp,
    returned: bool,
}

/// Judges what clients do again and again.
pub(super) struct HabitRule {
    limits: Limits,
    told: Told,
    clients: HashMap<ClientKey, Habits>,
    families: HashMap<(SocketAddr, IpAddr, Vec<u8>), Family>,
}

impl HabitRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), told: Told::default(), clients: HashMap::new(), families: HashMap::new() }
    }

    fn habits(&mut self, session: &Session, key: &ClientKey, findings: &mut Vec<Finding>) {
        let Some(connect) = session.connect else { return };
        if self.clients.len() >= FOLLOWED && !self.clients.contains_key(key) {
            return;
        }
        let mut filters: Vec<_> = session.subscriptions.iter().map(|(filter, _)| filter).collect();
        filters.sort_unstable();
        let subscriptions = self.told.number(filters.as_slice());
        let habits = self.clients.entry(key.clone()).or_default();
        let by_client = session.end.by == Some(Role::Client);
        let clean = session.clean_start == Some(true)
            && session.expiry == Some(0)
            && !filters.is_empty()
            // Of two lists that are cut nobody knows whether they are the same.
            && session.subscriptions_left_out == 0
            && by_client
            && matches!(session.end.kind, EndKind::Disconnect | EndKind::Fin);
        if !clean || habits.subscriptions != subscriptions {
            habits.clean.clear();
            habits.clean_count = 0;
        }
        if clean {
            habits.subscriptions = subscriptions;
            habits.clean_count += 1;
            if habits.clean.len() < FRAMES {
                habits.clean.push(connect.frame);
            }
            if habits.clean_count >= self.limits.clean_sessions.max(2) && self.told.first(("churn", key)) {
                let text = format!(
                    "client {} begins anew with the same {} subscriptions, {} times in a row",
                    shown(&key.1),
                    filters.len(),
                    habits.clean_count
                );
                findings.push(CHURN.at(Some(session.flow), connect, &habits.clean, text));
            }
        }
        if by_client && matches!(session.end.kind, EndKind::Fin | EndKind::Rst) {
            habits.silent_count += 1;
            if habits.silent.len() < FRAMES {
                habits.silent.extend(session.end.at.map(|at| at.frame));
            }
            if habits.silent_count >= self.limits.no_disconnects && self.told.first(("silent", key)) {
                let text = format!(
                    "client {} closes its connection without DISCONNECT, {} times in a row",
                    shown(&key.1),
                    habits.silent_count
                );
                let at = session.end.at.unwrap_or(session.last);
                findings.push(NO_DISCONNECT.at(Some(session.flow), at, &habits.silent, text));
            }
        } else if session.end.kind == EndKind::Disconnect && by_client {
            habits.silent_count = 0;
            habits.silent.clear();
        }
    }

    /// Ever new identifiers of one host, one after the other, each of which leaves a session behind.
    fn leak(&mut self, session: &Session, key: &ClientKey, findings: &mut Vec<Finding>) {
        /// Identifiers that are compared; more than the limit makes no difference.
        const IDS: usize = 64;
        let accepted = session.connack.is_some_and(|(_, code, _)| code == 0);
        let (Some(connect), true, true) =
            (session.connect, accepted, session.expiry.is_some_and(|seconds| seconds > 0))
        else {
            return;
        };
        let flow = session.flow;
        let Some(stem) = stem(&key.1) else { return };
        let family = (flow.server, flow.client.ip(), stem.to_vec());
        if self.families.len() >= FOLLOWED && !self.families.contains_key(&family) {
            return;
        }
        let id = self.told.number(&key.1);
        let fresh = Family { ids: Vec::new(), frames: Vec::new(), ended: connect.time, returned: false };
        let family = self.families.entry(family).or_insert(fresh);
        // Clients that are connected at the same time are several, and one that returns is none of these.
        family.returned |= family.ids.contains(&id) || connect.time < family.ended;
        family.ended = session.end.at.map_or(session.last.time, |at| at.time);
        if family.ids.len() < IDS {
            family.ids.push(id);
        }
        if family.frames.len() < FRAMES {
            family.frames.push(connect.frame);
        }
        let count = family.ids.len() as u64;
        if !family.returned
            && count >= self.limits.leaked_sessions.min(IDS as u64)
            && self.told.first(("leak", flow.server, flow.client.ip(), stem))
        {
            let text = format!(
                "{} has left {count} sessions behind under ever new identifiers, as {}",
                flow.client.ip(),
                shown(&key.1)
            );
            findings.push(LEAK.at(Some(flow), connect, &family.frames, text));
        }
    }
}

impl Rule for HabitRule {
    fn wanted(&self) -> Wanted {
        Wanted::NONE
    }

    fn on_event(&mut self, _event: &Event<'_>, _findings: &mut Vec<Finding>) {}

    fn on_session(&mut self, session: &Session, _flow: &Flow<Conversation>, findings: &mut Vec<Finding>) {
        let Some(key) = client_key(session) else { return };
        self.leak(session, &key, findings);
        self.habits(session, &key, findings);
    }
}

/// What stands before the random part of an identifier, if it ends with one.
fn stem(id: &[u8]) -> Option<&[u8]> {
    /// So many digits may be a serial number that was drawn by chance.
    const RANDOM: usize = 4;
    let digits = id.iter().rev().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'-').count();
    let stem = id.get(..id.len() - digits)?;
    let drawn = id.get(id.len() - digits..)?.iter().filter(|byte| byte.is_ascii_digit()).count();
    (digits >= RANDOM && drawn >= 2).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_with_a_random_end_have_a_stem() {
        assert_eq!(stem(b"mqttjs_8f3a01c2"), Some(&b"mqttjs_"[..]));
        assert_eq!(stem(b"auto-3D7C9F12-1C1B-4E2A-9C55-2B4B7B8D2F10"), Some(&b"auto"[..]));
        assert_eq!(stem(b"kitchen-lamp"), None);
        assert_eq!(stem(b"sensor7"), None);
        assert_eq!(stem(b""), None);
    }
}
