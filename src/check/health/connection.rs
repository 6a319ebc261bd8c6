//! How a connection began, and how it ended.

use super::trouble::Case;
use super::{Basis, counted, seconds};
use crate::check::{Certainty, Severity};
use crate::flow::{Direction, Oddity, Outcome, Role, Sighted, TcpState};
use crate::time::Span;

/// How long after a RST data of the other end may come that had not heard of it yet.
const CROSSING: Span = Span::from_secs(1);

/// The handshake.
pub(super) fn beginning(case: &mut Case<'_>) {
    match case.flow.connection.outcome() {
        Outcome::Refused => refused(case),
        Outcome::Unanswered => unanswered(case),
        Outcome::Closed | Outcome::Reset | Outcome::Open => incomplete(case),
    }
    odd_handshake(case);
}

fn refused(case: &mut Case<'_>) {
    let connection = &case.flow.connection;
    let Some((_, reset)) = connection.closing.reset else { return };
    let syns = connection.sides.to_server.counters().traffic.syn_packets;
    let after = connection.handshake.last_syn.map_or(Span::ZERO, |syn| reset.time.since(syn));
    let message = format!(
        "{} refuses the connection with a RST, {:.3} s after the SYN{}",
        case.flow.server,
        after.as_secs_f64(),
        if syns > 1 { format!(" ({syns} SYNs)") } else { String::new() }
    );
    let basis = Basis::at(&[connection.handshake.syn, Some(reset)]);
    case.tell("tcp.refused", Severity::Warning, Certainty::Certain, reset, basis, message);
}

fn unanswered(case: &mut Case<'_>) {
    let connection = &case.flow.connection;
    let client = &connection.sides.to_server;
    let Some(syn) = connection.handshake.syn else { return };
    let waited = case.until.since(syn.time);
    let syns = client.counters().traffic.syn_packets;
    // One SYN before the capture ended, or whose answer went another way, tells nothing.
    if waited < seconds(case.limits.unanswered_s) || (syns < 2 && case.one_way) || !case.is_seen_since(syn) {
        return;
    }
    let message = format!(
        "{} does not answer: {} in {:.1} s",
        case.flow.server,
        counted(u64::from(syns), "SYN", "SYNs"),
        waited.as_secs_f64()
    );
    let mut basis = Basis::at(&[Some(syn)]);
    if let Some(again) = client.oddities().get(Oddity::HandshakeRetransmission) {
        basis = basis.and(&Basis::of(again));
    }
    // Whoever has no answer sends again, the later the longer it lasts; one that does not may have had one.
    let certainty = if syns > 1 && !case.one_way { Certainty::Certain } else { Certainty::Likely };
    let severity = if syns > 1 { Severity::Warning } else { Severity::Note };
    case.tell("tcp.unanswered", severity, certainty, syn, basis, message);
}

/// It was answered, and did not come about, or only after something was lost.
fn incomplete(case: &mut Case<'_>) {
    let connection = &case.flow.connection;
    let handshake = &connection.handshake;
    let Some(syn_ack) = handshake.syn_ack else { return };
    let (client, server) = (&connection.sides.to_server, &connection.sides.to_client);
    let again = |direction: Direction| connection.sides[direction].oddities().get(Oddity::HandshakeRetransmission);
    let repeated =
        Direction::BOTH.into_iter().filter_map(again).fold(Basis::default(), |all, one| all.and(&Basis::of(one)));
    let basis = Basis::at(&[handshake.syn, Some(syn_ack)]).and(&repeated);
    let given_up = connection.closing.reset.filter(|_| server.state() != TcpState::Established);
    let pending = server.state() == TcpState::SynReceived && client.counters().traffic.ack_packets == 0;
    if pending
        && connection.closing.reset.is_none()
        && case.until.since(syn_ack.time) >= seconds(case.limits.unanswered_s)
        && case.is_seen_since(syn_ack)
    {
        let answers = server.counters().traffic.syn_packets;
        let severity = if answers > 1 { Severity::Warning } else { Severity::Note };
        let message = format!(
            "the client never acknowledges the server's SYN-ACK, which was sent {}",
            counted(u64::from(answers), "time", "times")
        );
        case.tell("tcp.handshake-incomplete", severity, Certainty::Likely, syn_ack, basis, message);
    } else if let Some((by, at)) = given_up.filter(|_| !handshake.complete && client.counters().payload_bytes == 0) {
        let message = format!("the {} gives the connection up with a RST before it stands", by.name());
        let basis = basis.and(&Basis::at(&[Some(at)]));
        case.tell("tcp.handshake-incomplete", Severity::Note, Certainty::Certain, at, basis, message);
    } else if !repeated.frames.is_empty() {
        let of = |side: &crate::flow::Side| side.oddities().count(Oddity::HandshakeRetransmission);
        let (syns, answers) = (of(client), of(server));
        let message = format!("the handshake needed {syns} more SYN and {answers} more SYN-ACK");
        case.tell("tcp.handshake-retransmission", Severity::Note, Certainty::Certain, syn_ack, basis, message);
    }
}

fn odd_handshake(case: &mut Case<'_>) {
    let kinds = [
        (Oddity::WrongSynAck, "SYN-ACK that acknowledges another SYN"),
        (Oddity::SynInside, "SYN with another number on a live connection"),
        (Oddity::SynData, "SYN with data and without the option of Fast Open"),
    ];
    for direction in Direction::BOTH {
        for (kind, what) in kinds {
            // A connection that was lost between two on the same ports looks like this.
            if kind != Oddity::SynData && !case.is_seen_since(case.flow.first) {
                continue;
            }
            let Some(sighted) = case.flow.connection.sides[direction].oddities().get(kind) else { continue };
            let (at, basis) = (sighted.first, Basis::of(sighted));
            let message = format!("the {} sends a {what} ({} in all)", Case::who(direction), sighted.count);
            case.tell("tcp.handshake-odd", Severity::Note, Certainty::Certain, at, basis, message);
        }
    }
}

/// The end, if it was none as it should be.
pub(super) fn end(case: &mut Case<'_>) {
    let gone = Direction::BOTH.into_iter().find(|direction| vanished(case, *direction));
    let connection = &case.flow.connection;
    // Who gives up a peer that is gone may say so with a RST.
    let given_up = connection.closing.reset.is_some_and(|(by, _)| gone == Some(by.sends()));
    if connection.outcome() == Outcome::Reset && !given_up {
        reset(case);
    }
    if gone.is_none() {
        half_closed(case);
    }
    after_the_end(case);
}

/// A RST ended a connection that stood.
fn reset(case: &mut Case<'_>) {
    let connection = &case.flow.connection;
    let Some((by, at)) = connection.closing.reset else { return };
    let stood = connection.handshake.complete
        || connection.handshake.syn.is_none()
        || connection.sides.to_server.counters().payload_bytes > 0;
    if !stood {
        return;
    }
    let pending = |role: Role| connection.outstanding(role.sends());
    let other = by.sends().receiver();
    let lost = [(by, pending(by)), (other, pending(other))];
    let lost: Vec<_> = lost.into_iter().filter(|(_, bytes)| *bytes > 0).collect();
    let what = match lost.as_slice() {
        [] => "nothing was on its way".to_owned(),
        all => {
            let list: Vec<_> =
                all.iter().map(|(role, bytes)| format!("{bytes} bytes of the {}", role.name())).collect();
            format!("{} were not acknowledged", list.join(" and "))
        }
    };
    let fin = connection.closing.first_fin;
    let when = match fin {
        Some((role, _)) => format!("after the {}'s FIN", role.name()),
        None if case.left => "after a leave was taken by MQTT".to_owned(),
        None => format!("{:.3} s after it began", at.time.since(case.flow.first.time).as_secs_f64()),
    };
    // Programs that close with unread bytes send a RST behind their FIN; that is usual.
    let severity = if fin.is_some() || case.left { Severity::Note } else { Severity::Warning };
    let message = format!("the {} resets the connection {when}: {what}", by.name());
    let basis = Basis::at(&[fin.map(|(_, at)| at), Some(at)]);
    // The FINs before it may be what was lost.
    let certainty = if case.is_seen_since(case.flow.first) { Certainty::Certain } else { Certainty::Hint };
    case.tell("tcp.reset", severity, certainty, at, basis, message);
}

/// The receiver of this direction is not heard of any more, and its peer goes on.
fn vanished(case: &mut Case<'_>, direction: Direction) -> bool {
    let connection = &case.flow.connection;
    let (side, peer) = (&connection.sides[direction], &connection.sides[direction.reverse()]);
    if peer.counters().packets == 0 {
        return false;
    }
    let (who, whose) = (Case::who(direction.reverse()), Case::who(direction));
    let enough = |probes: &&Sighted| u64::from(probes.count) >= case.limits.unanswered_probes;
    let probes = side.unanswered_probes().filter(enough).filter(|probes| case.is_seen_since(probes.first));
    if let Some(probes) = probes {
        let (at, basis) = (probes.first, Basis::of(probes));
        let message = format!(
            "the {who} is gone: {} of the {whose} in {:.1} s have no answer",
            counted(u64::from(probes.count), "probe", "probes"),
            probes.last.time.since(probes.first.time).as_secs_f64()
        );
        case.tell("tcp.half-open", Severity::Warning, Certainty::Likely, at, basis, message);
        return true;
    }
    if !connection.is_unanswered(direction) {
        return false;
    }
    let repeated = side.oddities().get(Oddity::Retransmission).filter(|repeated| case.is_seen_since(repeated.last));
    let Some(repeated) = repeated else { return false };
    let (at, basis) = (repeated.last, Basis::of(repeated));
    let message = format!(
        "the {who} is gone: {} bytes of the {whose} were sent again and again, and never acknowledged",
        connection.outstanding(direction)
    );
    case.tell("tcp.half-open", Severity::Warning, Certainty::Likely, at, basis, message);
    true
}

/// One end has closed, and the other never does.
fn half_closed(case: &mut Case<'_>) {
    let connection = &case.flow.connection;
    let closing = &connection.closing;
    let Some((by, fin)) = closing.first_fin else { return };
    let silent = case.until.since(case.flow.last.time);
    let open = closing.second_fin.is_none() && closing.reset.is_none() && closing.first_fin_acknowledged;
    if !open || silent < seconds(case.limits.half_closed_s) || !case.is_seen_since(case.flow.last) {
        return;
    }
    let other = by.sends().receiver().name();
    let message = format!(
        "the {} has closed, and the {other} neither closes nor sends for {:.0} s",
        by.name(),
        silent.as_secs_f64()
    );
    case.tell("tcp.half-closed", Severity::Note, Certainty::Likely, fin, Basis::at(&[Some(fin)]), message);
}

/// What came when nothing should have come any more.
fn after_the_end(case: &mut Case<'_>) {
    let connection = &case.flow.connection;
    for direction in Direction::BOTH {
        let odd = connection.sides[direction].oddities();
        let who = Case::who(direction);
        if !case.is_seen_since(case.flow.first) {
            // Another connection on the same ports may have begun in between.
            continue;
        }
        if let Some(sighted) = odd.get(Oddity::AfterFin) {
            let (at, basis) = (sighted.first, Basis::of(sighted));
            let message = format!(
                "the {who} sends beyond its FIN ({})",
                counted(u64::from(sighted.count), "segment", "segments")
            );
            case.tell("tcp.data-after-fin", Severity::Warning, Certainty::Likely, at, basis, message);
        }
        if let Some(sighted) = odd.get(Oddity::ResetIgnored) {
            let (at, basis) = (sighted.first, Basis::of(sighted));
            let message = format!(
                "a RST in the {who}'s name did not end the connection, which goes on: it was injected, or not taken"
            );
            case.tell("tcp.reset-ignored", Severity::Warning, Certainty::Likely, at, basis, message);
        }
        let late = odd.get(Oddity::AfterReset).zip(connection.closing.reset);
        if let Some((sighted, (_, reset))) =
            late.filter(|(seen, (_, reset))| seen.last.time.since(reset.time) > CROSSING)
        {
            let basis = Basis::at(&[Some(reset)]).and(&Basis::of(sighted));
            let message = format!(
                "the {who} goes on after the RST of its peer: {} until {:.1} s later",
                counted(u64::from(sighted.count), "segment", "segments"),
                sighted.last.time.since(reset.time).as_secs_f64()
            );
            case.tell("tcp.data-after-reset", Severity::Warning, Certainty::Likely, sighted.first, basis, message);
        }
    }
}
