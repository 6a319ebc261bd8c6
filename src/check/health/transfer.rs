//! How data passed: what was sent again, what was held up, what came damaged or out of place.

use super::trouble::Case;
use super::{Basis, counted, seconds};
use crate::check::{Certainty, Severity};
use crate::flow::{Direction, Oddity};
use crate::time::Span;

pub(super) fn judge(case: &mut Case<'_>) {
    for direction in Direction::BOTH {
        retransmissions(case, direction);
        windows(case, direction);
        simple(case, direction);
    }
    missing(case);
}

fn retransmissions(case: &mut Case<'_>, direction: Direction) {
    let side = &case.flow.connection.sides[direction];
    let counters = side.counters();
    let again = u64::from(counters.retransmissions.saturating_sub(counters.handshake_retransmissions))
        + u64::from(counters.retransmissions_of_unseen);
    let Some(sighted) = side.oddities().get(Oddity::Retransmission).filter(|_| again > 0) else { return };
    // A FIN without data is a segment that can be lost as well.
    let sent = (counters.traffic.data_packets + u64::from(counters.traffic.fin_packets)).max(again);
    let percent = again as f64 * 100.0 / sent as f64;
    let limits = case.limits;
    if percent < limits.retransmission_note_percent {
        return;
    }
    let much = percent >= limits.retransmission_warning_percent
        && counters.traffic.data_packets >= limits.retransmission_minimum;
    let kinds = [
        (counters.fast_retransmissions, "fast"),
        (counters.timeout_retransmissions, "after a time-out"),
        (counters.tail_loss_probes, "as a probe of the tail"),
        (counters.path_mtu_retransmissions, "in smaller packets"),
        (counters.fast_open_retransmissions, "because Fast Open was refused"),
        (counters.spurious_retransmissions, "in vain"),
        (counters.retransmissions_of_unseen, "not captured at first"),
    ];
    let kinds: Vec<_> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
    let message = format!(
        "the {} sent {again} of {} again, {percent:.1} % ({})",
        Case::who(direction),
        counted(sent, "segment", "segments"),
        kinds.join(", ")
    );
    let severity = if much { Severity::Warning } else { Severity::Note };
    let (at, basis) = (sighted.first, Basis::of(sighted));
    // That a segment was sent before and not captured rests on its identification.
    let certainty = if counters.retransmissions > 0 { Certainty::Certain } else { Certainty::Likely };
    case.tell("tcp.retransmission", severity, certainty, at, basis, message);
}

fn windows(case: &mut Case<'_>, direction: Direction) {
    let side = &case.flow.connection.sides[direction];
    let Some(sighted) = side.oddities().get(Oddity::ZeroWindow) else { return };
    // What is closed after the last frame of the flow no longer holds anybody up.
    let (all, longest) = side.zero_window_until(case.flow.last.time);
    let (at, basis) = (sighted.first, Basis::of(sighted));
    let severity =
        if longest >= seconds(case.limits.zero_window_warning_s) { Severity::Warning } else { Severity::Note };
    let held = if longest == all { String::new() } else { format!(", {:.3} s in all", all.as_secs_f64()) };
    let message = format!(
        "the {} does not read: it has no window for {:.3} s{held} ({})",
        Case::who(direction),
        longest.as_secs_f64(),
        counted(u64::from(sighted.count), "segment", "segments")
    );
    case.tell("tcp.zero-window", severity, Certainty::Certain, at, basis, message);
}

/// What one kind of oddity is enough for.
fn simple(case: &mut Case<'_>, direction: Direction) {
    use Certainty::{Certain, Hint, Likely};
    use Severity::{Note, Warning};
    let kinds = [
        (Oddity::Copy, "tcp.duplicated", Note, Likely, "doubled by the network, or by a mirror port"),
        (Oddity::BadChecksum, "tcp.bad-checksum", Warning, Certain, "damaged on the way, by a wrong checksum"),
        (Oddity::OutOfWindow, "tcp.out-of-window", Note, Likely, "outside of what the peer can accept"),
        (Oddity::ResetOutOfWindow, "tcp.reset-out-of-window", Note, Likely, "RST outside of what the peer accepts"),
        (
            Oddity::ResetChallenged,
            "tcp.reset-out-of-window",
            Note,
            Likely,
            "RST inside of the window but not where the peer expects it, which asks for a challenge",
        ),
        (Oddity::Flags, "tcp.odd-flags", Warning, Certain, "with flags that no stack sends together"),
        (Oddity::Unexpected, "tcp.unexpected", Note, Likely, "not what the state of the connection allows"),
        (Oddity::OldTimestamp, "tcp.old-timestamp", Note, Likely, "with a timestamp that is long over"),
        (Oddity::Hops, "ip.hops-changed", Note, Hint, "by another way, or from somebody else, as the hops tell"),
    ];
    let odd = case.flow.connection.sides[direction].oddities();
    let hangs_on_what_came_before =
        [Oddity::OutOfWindow, Oddity::ResetOutOfWindow, Oddity::ResetChallenged, Oddity::Unexpected];
    let told_otherwise = [Oddity::SynInside, Oddity::Flags, Oddity::WrongSynAck];
    for (kind, id, severity, certainty, what) in kinds {
        let Some(sighted) = odd.get(kind) else { continue };
        // What would have made it fit may be what was lost.
        if !case.is_seen_since(case.flow.first) && hangs_on_what_came_before.contains(&kind) {
            continue;
        }
        if kind == Oddity::Unexpected && told_otherwise.into_iter().any(|kind| odd.get(kind).is_some()) {
            continue;
        }
        let (at, basis) = (sighted.first, Basis::of(sighted));
        let count = counted(u64::from(sighted.count), "segment", "segments");
        let message = format!("{count} of the {}: {what}", Case::who(direction));
        case.tell(id, severity, certainty, at, basis, message);
    }
}

/// What the capture itself lacks.
fn missing(case: &mut Case<'_>) {
    let sides = &case.flow.connection.sides;
    let mut lacks = Vec::new();
    let mut basis = Basis::default();
    let mut first = None;
    for direction in Direction::BOTH {
        let side = &sides[direction];
        let peer = &sides[direction.reverse()];
        let gone = side.missing_bytes() + side.unseen_tail_bytes();
        let sighted = [side.oddities().get(Oddity::Gap), peer.oddities().get(Oddity::AckOfUnseen)];
        // What was never captured of an end, and was acknowledged nonetheless, did pass.
        if gone == 0 || side.counters().packets == 0 {
            continue;
        }
        lacks.push(format!("{gone} bytes of the {}", direction.sender().name()));
        for sighted in sighted.into_iter().flatten() {
            basis = basis.and(&Basis::of(sighted));
            if first.is_none_or(|first: crate::capture::Origin| sighted.first.frame < first.frame) {
                first = Some(sighted.first);
            }
        }
    }
    let Some(at) = first else { return };
    let lasted = case.flow.last.time.since(case.flow.first.time).max(Span::ZERO);
    let message = format!(
        "the capture lacks {} (connection of {:.1} s): what rests on them can't be told",
        lacks.join(" and "),
        lasted.as_secs_f64()
    );
    case.tell("capture.missing-data", Severity::Note, Certainty::Certain, at, basis, message);
}
