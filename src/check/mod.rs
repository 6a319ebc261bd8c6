//! Judgements on what was seen: rules take events and give findings, each with the frames it rests on.
//!
//! A rule does no decoding and prints nothing.

mod baseline;
mod carriers;
mod collect;
pub mod conformance;
mod finding;
pub mod health;
mod incident_list;
mod incidents;
mod limits;
pub mod lints;
mod packets;
mod policy;
mod quic;
mod rule_text;
mod rules;
mod sn;
mod streams;
mod tls;
mod wanted;
mod websocket;

pub use crate::session::Certainty;
pub use baseline::{Baseline, FindingKey};
pub use collect::{Collected, GroupCount, RuleCount};
pub use finding::{Finding, Severity};
pub use limits::{LimitError, Limits};
pub use policy::{Level, Policy, UnknownRule};
pub use rule_text::RuleText;
pub use rules::{RuleInfo, Rules};
pub use wanted::Wanted;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use conformance::{Conformance, Standing};

use crate::capture::FrameNo;
use crate::dissect::Conversation;
use crate::engine::Event;
use crate::flow::Flow;
use crate::session::sn::SnIncident;
use crate::session::{Delivery, Incident, Name, Session, Topic};
use crate::time::Timestamp;

/// Judges a capture event by event.
pub trait Rule {
    /// Takes the next event into account and appends what is to be said.
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>);

    /// The events that [`Rule::on_event`] is called for.
    fn wanted(&self) -> Wanted {
        Wanted::ALL
    }

    /// The MQTT session of a flow has ended, before the flow itself is told.
    fn on_session(&mut self, _session: &Session, _flow: &Flow<Conversation>, _findings: &mut Vec<Finding>) {}

    /// A delivery is over; only where routes are followed.
    fn on_delivery(&mut self, _delivery: &Delivery, _findings: &mut Vec<Finding>) {}

    /// A topic of a broker, at the end; only where routes are followed.
    fn on_topic(&mut self, _broker: SocketAddr, _name: &Name, _topic: &Topic, _findings: &mut Vec<Finding>) {}

    /// The last frame was at this time. What is still open is told next.
    fn capture_ends(&mut self, _now: Timestamp) {}

    /// Everything was told: what is to be said of all of it.
    fn finish(&mut self, _findings: &mut Vec<Finding>) {}
}

/// Which findings on the health of TCP and the network are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// None.
    Off,
    /// Warnings.
    #[default]
    Warnings,
    /// Notes as well.
    All,
}

/// Which rules are to judge, and where they draw the line.
///
/// Rules on packets, on their order and on what was captured are always on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckOptions {
    /// The health of TCP and the network.
    pub health: Health,
    /// Good practice beyond the specifications.
    pub lints: bool,
    /// What shows only in the traffic of several clients: how messages are handed on, and what is retained.
    pub across: bool,
    /// A ledger of how each statement of the specifications stands.
    pub ledger: bool,
    /// Thresholds.
    pub limits: Limits,
}

impl CheckOptions {
    /// Every rule there is.
    pub fn all() -> Self {
        Self { health: Health::All, lints: true, across: true, ledger: false, limits: Limits::default() }
    }
}

/// A set of rules.
pub struct Checks {
    rules: Vec<Box<dyn Rule + Send>>,
    /// What any of the rules wants.
    wanted: Wanted,
    conformance: Conformance,
    /// Rules of which a capture may make very many findings.
    counted: Vec<Box<dyn Rule + Send>>,
    options: CheckOptions,
    findings: Vec<Finding>,
    fresh: Vec<Finding>,
    /// How many findings each of those rules has made.
    told: BTreeMap<String, (u64, Timestamp)>,
}

impl Default for Checks {
    /// With the default options.
    fn default() -> Self {
        Self::new(CheckOptions::default())
    }
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checks").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Checks {
    /// The rules that these options ask for.
    pub fn new(options: CheckOptions) -> Self {
        let mut counted = Vec::new();
        if options.health != Health::Off {
            counted.extend(health::rules(&options.limits));
        }
        if options.lints {
            counted.extend(lints::rules(&options.limits));
        }
        let rules: Vec<Box<dyn Rule + Send>> = vec![
            Box::new(packets::PacketRule),
            Box::new(sn::SnPacketRule),
            Box::<streams::StreamRule>::default(),
            Box::new(carriers::CarrierRule),
        ];
        let all = rules.iter().chain(&counted);
        Self {
            wanted: all.fold(Wanted::NONE, |wanted, rule| wanted.and(rule.wanted())),
            rules,
            conformance: Conformance::new(options.ledger, options.across),
            counted,
            options,
            findings: Vec::new(),
            fresh: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    /// Asks for what leads to the connection whose session has this place.
    #[inline]
    pub fn approach(&self, place: u32) {
        self.conformance.approach(place);
    }

    /// The same a little later: the memory that a message of the flow needs.
    #[inline]
    pub fn prefetch(&mut self, flow: FrameNo, place: u32) {
        self.conformance.prefetch(flow, place);
    }

    /// The same a little later: what that memory points to.
    #[inline]
    pub fn prefetch_parts(&self, flow: FrameNo) {
        self.conformance.prefetch_parts(flow);
    }

    /// The session of this flow gave up what it held, for want of room: so does what is kept of the flow here.
    pub fn relieve(&mut self, flow: FrameNo) {
        self.conformance.relieve(flow);
    }

    /// How each statement of the specifications stands; nothing without a ledger.
    pub fn standings(&self) -> Vec<Standing> {
        self.conformance.standings()
    }

    /// What is to be said of an incident of a session.
    pub fn on_incident(&mut self, incident: &Incident) -> Finding {
        let finding = incidents::judge(incident);
        self.conformance.on_incident(incident, &finding);
        finding
    }

    /// What is to be said of an incident of an MQTT-SN session.
    pub fn on_sn_incident(&self, incident: &SnIncident) -> Finding {
        sn::judge(incident)
    }

    /// Shows an event to all rules and hands out what they find.
    pub fn on_event(&mut self, event: &Event<'_>) -> impl Iterator<Item = Finding> {
        self.conformance.on_event(event, &mut self.findings);
        let what = Wanted::of(event);
        if self.wanted.meets(what) {
            self.show(|rule, findings| {
                if rule.wanted().meets(what) {
                    rule.on_event(event, findings);
                }
            });
        }
        self.findings.drain(..)
    }

    /// Shows a session that has ended to all rules.
    pub fn on_session(&mut self, session: &Session, flow: &Flow<Conversation>) -> impl Iterator<Item = Finding> {
        self.conformance.on_session(session);
        self.ask(|rule, findings| rule.on_session(session, flow, findings))
    }

    /// Shows a delivery that is over to all rules.
    pub fn on_delivery(&mut self, delivery: &Delivery) -> impl Iterator<Item = Finding> {
        self.conformance.on_delivery(delivery);
        self.ask(|rule, findings| rule.on_delivery(delivery, findings))
    }

    /// Shows a topic to all rules.
    pub fn on_topic(&mut self, broker: SocketAddr, name: &Name, topic: &Topic) -> impl Iterator<Item = Finding> {
        self.ask(|rule, findings| rule.on_topic(broker, name, topic, findings))
    }

    /// The last frame was at this time.
    pub fn capture_ends(&mut self, now: Timestamp) {
        self.rules.iter_mut().chain(&mut self.counted).for_each(|rule| rule.capture_ends(now));
    }

    /// Everything was told.
    pub fn finish(&mut self) -> impl Iterator<Item = Finding> {
        let mut findings: Vec<_> = self.ask(|rule, findings| rule.finish(findings)).collect();
        let limit = self.options.limits.findings_per_rule;
        for (id, (count, time)) in std::mem::take(&mut self.told) {
            if count > limit {
                findings.push(Finding {
                    id,
                    severity: Severity::Note,
                    certainty: Certainty::Certain,
                    flow: None,
                    client_id: None,
                    frames: Vec::new(),
                    time,
                    message: format!("{} more findings of this rule were not told one by one", count - limit),
                    clause: None,
                    hint: None,
                });
            }
        }
        findings.into_iter()
    }

    fn ask(&mut self, ask: impl FnMut(&mut dyn Rule, &mut Vec<Finding>)) -> std::vec::Drain<'_, Finding> {
        self.show(ask);
        self.findings.drain(..)
    }

    fn show(&mut self, mut ask: impl FnMut(&mut dyn Rule, &mut Vec<Finding>)) {
        for rule in &mut self.rules {
            ask(&mut **rule, &mut self.findings);
        }
        for rule in &mut self.counted {
            ask(&mut **rule, &mut self.fresh);
        }
        if !self.fresh.is_empty() {
            self.count();
        }
    }

    /// Takes over what the rules that may make very many findings have found.
    fn count(&mut self) {
        let notes = self.options.health == Health::All;
        for finding in self.fresh.drain(..) {
            let lint = finding.id.starts_with("lint.");
            if !lint && !notes && finding.severity == Severity::Note {
                continue;
            }
            let (count, time) = self.told.entry(finding.id.clone()).or_insert((0, finding.time));
            *count += 1;
            *time = finding.time;
            if *count <= self.options.limits.findings_per_rule {
                self.findings.push(finding);
            }
        }
    }
}
