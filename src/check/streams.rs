//! Rules on what carries the messages: fragments that disagree, holes, limits that were reached.

use super::rules::KnownRule;
use super::{Finding, Rule, Severity, Wanted};
use crate::capture::Lost;
use crate::engine::{Event, Notice, NoticeKind};
use crate::mqtt::{DeviationKind, LostSyncReason, Version};
use crate::wire::FragmentNote;

/// Turns the engine's notices into findings.
#[derive(Debug, Default)]
pub(super) struct StreamRule {
    /// How many frames were lost when it was told of last.
    lost: u64,
}

impl Rule for StreamRule {
    fn wanted(&self) -> Wanted {
        Wanted::NOTICES
    }

    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let Event::Notice(notice) = event else { return };
        if let NoticeKind::FramesLost(lost) = notice.kind {
            // Where frames are lost again and again, it is told each time that their number has doubled.
            let before = std::mem::replace(&mut self.lost, lost.total());
            if before.checked_ilog2() == self.lost.checked_ilog2() {
                return;
            }
        }
        if let Some(finding) = judge(notice) {
            findings.push(finding);
        }
    }
}

/// A rule with all that can be said without a case of it.
const fn known(
    id: &'static str,
    severity: Severity,
    title: &'static str,
    clause: Option<&'static str>,
    hint: Option<&'static str>,
) -> KnownRule {
    KnownRule { id, severity, title, clause, hint }
}

/// What a receiver makes of bytes that disagree is not for an observer to know.
const HIDES: Option<&str> =
    Some("receivers differ in which bytes they keep, so that this may hide data from an observer");

const FRAGMENT_CONFLICT: KnownRule = known(
    "ip.fragment-conflict",
    Severity::Warning,
    "fragments of a datagram overlap with different bytes",
    Some("RFC 5722"),
    HIDES,
);
const FRAGMENT_END_CONFLICT: KnownRule = known(
    "ip.fragment-end-conflict",
    Severity::Warning,
    "fragments of a datagram disagree on where it ends",
    Some("RFC 791"),
    None,
);
const FRAGMENT_TOO_LONG: KnownRule = known(
    "ip.fragment-too-long",
    Severity::Warning,
    "a fragment reaches beyond the largest datagram there can be",
    Some("RFC 791"),
    None,
);
const LOST_SYNC: KnownRule = known(
    "mqtt.lost-sync",
    Severity::Note,
    "bytes that were not captured hold the border of a packet, so that packets can't be told apart",
    None,
    None,
);
/// Its clause is that of the version.
const MALFORMED_LENGTH: KnownRule =
    known("mqtt.malformed-length", Severity::Error, "a remaining length does not end with its fourth byte", None, None);
const REASSEMBLY_CAPPED: KnownRule = known(
    "capture.reassembly-capped",
    Severity::Note,
    "a hole in a stream was given up, because too much was held behind it",
    None,
    None,
);
const OVERLAP_CONFLICT: KnownRule = known(
    "tcp.overlap-conflict",
    Severity::Warning,
    "bytes that waited behind a gap were sent again with other contents; those that were read already are not compared",
    Some("RFC 9293, 3.10.7.4"),
    HIDES,
);
const CUT_HEADER: KnownRule =
    known("mqtt.cut-header", Severity::Note, "a stream ends within the fixed header of a packet", None, None);
const CAP_REACHED: KnownRule = known(
    "capture.cap-reached",
    Severity::Note,
    "more was to be kept than a cap allows, and some of it was let go",
    None,
    Some("--cap sets how much is kept"),
);
const FLOW_EVICTED: KnownRule = known(
    "capture.flow-evicted",
    Severity::Note,
    "flows were let go before their end, because there were too many",
    None,
    None,
);

const FRAMES_LOST: KnownRule = known(
    "capture.frames-lost",
    Severity::Warning,
    "frames were lost on the way to the capture or to the analysis, so that what did not come is no proof any more",
    None,
    Some(
        "--buffer gives the kernel more room, --backlog the analysis; a capture filter (-f) leaves less to do for both",
    ),
);

/// All rules on notices.
pub(super) const RULES: [KnownRule; 11] = [
    FRAGMENT_CONFLICT,
    FRAGMENT_END_CONFLICT,
    FRAGMENT_TOO_LONG,
    LOST_SYNC,
    MALFORMED_LENGTH,
    REASSEMBLY_CAPPED,
    OVERLAP_CONFLICT,
    CUT_HEADER,
    FLOW_EVICTED,
    CAP_REACHED,
    FRAMES_LOST,
];

/// The clause on remaining lengths, where it is that which is broken.
pub(super) fn malformed_length_clause(version: Version) -> &'static str {
    DeviationKind::RemainingLengthMalformed.clause(version)
}

fn judge(notice: &Notice) -> Option<Finding> {
    let (rule, message) = match notice.kind {
        NoticeKind::Fragments(note) => match note {
            FragmentNote::ConflictingOverlap => {
                (FRAGMENT_CONFLICT, format!("{}; the bytes that came first were kept", FRAGMENT_CONFLICT.title))
            }
            FragmentNote::ConflictingEnd => (FRAGMENT_END_CONFLICT, FRAGMENT_END_CONFLICT.title.to_owned()),
            FragmentNote::TooLong => (FRAGMENT_TOO_LONG, FRAGMENT_TOO_LONG.title.to_owned()),
            FragmentNote::Overlap => return None,
        },
        NoticeKind::LostSync(direction, lost, version) => {
            let sender = direction.sender().name();
            let (rule, why) = match lost.reason {
                LostSyncReason::Gap => (LOST_SYNC, "bytes that were not captured hold the border of a packet"),
                LostSyncReason::MalformedLength => {
                    let clause = Some(malformed_length_clause(version));
                    (KnownRule { clause, ..MALFORMED_LENGTH }, MALFORMED_LENGTH.title)
                }
            };
            let message = format!(
                "{why}, so that packets can't be told apart (from byte {} of the {sender}'s stream on)",
                lost.at
            );
            (rule, message)
        }
        NoticeKind::ReassemblyCapped(direction) => {
            let sender = direction.sender().name();
            let message = format!("a hole in the {sender}'s stream was given up, because too much was held behind it");
            (REASSEMBLY_CAPPED, message)
        }
        NoticeKind::ConflictingOverlap(direction) => {
            let sender = direction.sender().name();
            let message = format!("the {sender} sent bytes again with other contents; those that came first were kept");
            (OVERLAP_CONFLICT, message)
        }
        NoticeKind::CutHeader(direction, at) => {
            let sender = direction.sender().name();
            (CUT_HEADER, format!("the {sender}'s stream ends within the fixed header of a packet, at its byte {at}"))
        }
        // These are facts for others: the rules of `health`, and whoever has to know what a flow lacks.
        NoticeKind::UnseenSince(_)
        | NoticeKind::Undelivered(_)
        | NoticeKind::AddressClaimed(..)
        | NoticeKind::ClockBack(_)
        | NoticeKind::FragmentsUnfinished(_)
        | NoticeKind::WebSocket(..)
        | NoticeKind::Tls(..)
        | NoticeKind::Quic(..) => return None,
        NoticeKind::CapReached(cap, count) => (CAP_REACHED, format!("{}: {count} by now", cap.effect())),
        NoticeKind::FramesLost(lost) => (FRAMES_LOST, say_lost(lost)),
        NoticeKind::FlowEvicted(count) => (FLOW_EVICTED, format!("{}: {count} by now", FLOW_EVICTED.title)),
    };
    Some(rule.found(notice, message))
}

/// Who lost how many frames by now.
fn say_lost(lost: Lost) -> String {
    let mut parts = Vec::new();
    for (count, by) in [
        (lost.kernel, "dropped by the kernel"),
        (lost.interface, "dropped by the interface"),
        (lost.analysis, "captured and not analysed"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {by}"));
        }
    }
    format!("frames are missing: {} by now; what did not come since is no proof any more", parts.join(", "))
}
