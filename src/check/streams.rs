//! Rules on what carries the messages: fragments that disagree, holes, limits that were reached.

use super::{Certainty, Finding, Rule, Severity};
use crate::engine::{Event, Notice, NoticeKind};
use crate::mqtt::{DeviationKind, LostSyncReason};
use crate::wire::FragmentNote;

/// Turns the engine's notices into findings.
pub(super) struct StreamRule;

impl Rule for StreamRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let Event::Notice(notice) = event else { return };
        if let Some(finding) = judge(notice) {
            findings.push(finding);
        }
    }
}

fn judge(notice: &Notice) -> Option<Finding> {
    let (id, severity, message, clause, hint) = match notice.kind {
        NoticeKind::Fragments(note) => match note {
            FragmentNote::ConflictingOverlap => (
                "ip.fragment-conflict",
                Severity::Warning,
                "fragments of a datagram overlap with different bytes; the bytes that came first were kept".to_owned(),
                Some("RFC 5722"),
                Some("receivers differ in which bytes they keep, so that this may hide data from an observer"),
            ),
            FragmentNote::ConflictingEnd => (
                "ip.fragment-end-conflict",
                Severity::Warning,
                "fragments of a datagram disagree on where it ends".to_owned(),
                Some("RFC 791"),
                None,
            ),
            FragmentNote::TooLong => (
                "ip.fragment-too-long",
                Severity::Warning,
                "a fragment reaches beyond the largest datagram there can be".to_owned(),
                Some("RFC 791"),
                None,
            ),
            FragmentNote::Overlap => return None,
        },
        NoticeKind::LostSync(direction, lost, version) => {
            let sender = direction.sender().name();
            let (id, severity, why) = match lost.reason {
                LostSyncReason::Gap => {
                    ("mqtt.lost-sync", Severity::Note, "bytes that were not captured hold the border of a packet")
                }
                LostSyncReason::MalformedLength => {
                    ("mqtt.malformed-length", Severity::Error, "a remaining length does not end with its fourth byte")
                }
            };
            let clause = (lost.reason == LostSyncReason::MalformedLength)
                .then(|| DeviationKind::RemainingLengthMalformed.clause(version));
            let message = format!(
                "{why}, so that packets can't be told apart (from byte {} of the {sender}'s stream on)",
                lost.at
            );
            (id, severity, message, clause, None)
        }
        NoticeKind::ReassemblyCapped(direction) => (
            "capture.reassembly-capped",
            Severity::Note,
            format!(
                "a hole in the {}'s stream was given up, because too much was held behind it",
                direction.sender().name()
            ),
            None,
            None,
        ),
        NoticeKind::ConflictingOverlap(direction) => (
            "tcp.overlap-conflict",
            Severity::Warning,
            format!(
                "the {} sent bytes again with other contents; those that came first were kept",
                direction.sender().name()
            ),
            Some("RFC 9293, 3.10.7.4"),
            Some("receivers differ in which bytes they keep, so that this may hide data from an observer"),
        ),
        NoticeKind::CutHeader(direction, at) => (
            "mqtt.cut-header",
            Severity::Note,
            format!(
                "the {}'s stream ends within the fixed header of a packet, at its byte {at}",
                direction.sender().name()
            ),
            None,
            None,
        ),
        // These are facts for the rules of `health`.
        NoticeKind::Undelivered(_)
        | NoticeKind::AddressClaimed(..)
        | NoticeKind::ClockBack(_)
        | NoticeKind::FragmentsUnfinished(_) => return None,
        NoticeKind::FlowEvicted(count) => (
            "capture.flow-evicted",
            Severity::Note,
            format!("flows were let go before their end, because there were too many: {count} by now"),
            None,
            None,
        ),
    };
    Some(Finding {
        id: id.to_owned(),
        severity,
        certainty: Certainty::Certain,
        flow: notice.flow,
        client_id: None,
        frames: vec![notice.origin.frame],
        time: notice.origin.time,
        message,
        clause,
        hint,
    })
}
