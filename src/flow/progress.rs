//! How a segment moves the states of both ends of a [`Connection`]: what it proves of its sender, what is on its way
//! to its receiver, and what has to be taken back.
//!
//! The arrows are in [`super::state`]; this decides which signals reach whom.

use super::endpoint::Direction;
use super::oddity::Oddity;
use super::side::{Arrival, Side};
use super::state::{Next, Signal, TcpState};
use super::tcp::{Connection, Proof, SecondFin, Transition};
use super::verdict::{Marks, Verdict};
use crate::capture::Origin;
use crate::time::Timestamp;
use crate::wire::{Segment, SeqNum, TcpFlags};

/// The most transitions that are kept of a connection. A connection passes a dozen; more come only from
/// ends that reset and revive each other, and add nothing.
const TRANSITION_LIMIT: usize = 64;

impl Connection {
    pub(super) fn on_reset(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        origin: Origin,
        verdict: &mut Verdict,
    ) {
        let (sender, receiver) = self.sides.both_mut(direction);
        sender.counters.resets += 1;
        if !resets(sender, receiver, segment) {
            let asks = is_in_window(receiver, segment);
            if asks {
                receiver.trouble.challenge_due = true;
            }
            verdict.marks.add(if asks { Marks::RESET_CHALLENGED } else { Marks::OUT_OF_WINDOW });
            return;
        }
        if segment.flags.has(TcpFlags::ACK) && receiver.next.is_none_or(|next| !segment.ack.is_after(next)) {
            sender.acked = Some(sender.acked.map_or(segment.ack, |acked| acked.max(segment.ack)));
        }
        if self.closing.reset.is_none() {
            self.closing.reset = Some((direction.sender(), origin));
            self.closing.reset_outstanding = self.sides[direction.reverse()].next;
            let through = |side: &Side, peer: &Side| side.fin.is_some_and(|fin| peer.acked == Some(fin));
            let (a, b) = (&self.sides.to_server, &self.sides.to_client);
            self.closing.reset_after_close = through(a, b) && through(b, a);
        }
        if self.sides[direction].state == TcpState::Unknown {
            // A RST that answers the SYN: nobody listens there, so that the SYN moved nothing.
            self.sides[direction].inbox.take();
        }
        self.settle(direction, origin);
        self.signal(direction, Signal::RstSent, Proof::Sent, origin, verdict);
        self.settle(direction.reverse(), origin);
        self.settle_before(direction.reverse(), segment.seq, origin);
        self.signal(direction.reverse(), Signal::RstReceived, Proof::Assumed, origin, verdict);
        self.sides.to_server.inbox.take();
        self.sides.to_client.inbox.take();
    }

    /// A segment of an end that had reset the connection, beyond its RST: the RST was not its own, or was
    /// not taken. What it had moved is withdrawn.
    pub(super) fn revive(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin) {
        let Some((role, at)) = self.closing.reset else { return };
        if role != direction.sender() || segment.flags.has(TcpFlags::SYN) || origin.frame <= at.frame {
            return;
        }
        let beyond = self.sides[direction].next.is_some_and(|next| !segment.seq.is_before(next));
        let sends = beyond && (segment.payload_length > 0 || segment.flags.has(TcpFlags::FIN));
        // What its peer had not sent yet when the RST came can't be acknowledged by what was sent before the RST.
        let takes = segment.flags.has(TcpFlags::ACK)
            && self.closing.reset_outstanding.is_some_and(|outstanding| segment.ack.is_after(outstanding));
        if !sends && !takes {
            return;
        }
        self.sides[direction].trouble.oddities.note(Oddity::ResetIgnored, at);
        for (role, signal) in [(role, Signal::RstSent), (direction.receiver(), Signal::RstReceived)] {
            let last = self.transitions.iter().rposition(|transition| transition.endpoint == role);
            // What came after the RST stands on it, and can't be taken back with it. Its peer may have been moved again
            // by each segment that it sent since.
            let Some(last) = last.filter(|last| self.transitions[*last].on == signal) else { continue };
            self.sides[role.sends()].state = self.transitions.remove(last).from;
        }
        self.closing.reset = None;
        self.closing.reset_after_close = false;
    }

    /// Moves both ends by what this segment proves.
    pub(super) fn move_states(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        origin: Origin,
        repeated: bool,
        verdict: &mut Verdict,
    ) {
        let flags = segment.flags;
        if verdict.marks.has(Marks::SYN_INSIDE_CONNECTION) {
            return;
        }
        if repeated && flags.any(TcpFlags::SYN.with(TcpFlags::FIN)) {
            self.withdraw(direction, flags);
        }
        let is_copy = verdict.marks.has(Marks::DUPLICATED_BY_NETWORK) || verdict.marks.has(Marks::OUT_OF_ORDER);
        self.defer_reset(direction);
        self.infer_handshake(direction, segment, origin, verdict);
        // What its acknowledgement proves to have arrived happened before it sent this segment. A SYN-ACK is sent before the
        // peer's SYN-ACK arrives: two that open at once send theirs because of the SYNs (RFC 9293, 3.5).
        let opens = flags.has(TcpFlags::SYN) && flags.has(TcpFlags::ACK);
        self.settle_until(direction, origin, opens.then_some(Signal::SynAckReceived));
        match (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK)) {
            (true, false) if !is_copy => self.signal(direction, Signal::SynSent, Proof::Sent, origin, verdict),
            (true, true) if !is_copy => self.signal(direction, Signal::SynAckSent, Proof::Sent, origin, verdict),
            (false, _) => self.signal(direction, Signal::SegmentSent, Proof::Sent, origin, verdict),
            _ => {}
        }
        if flags.has(TcpFlags::FIN) {
            self.on_fin(direction, segment, origin, verdict);
        }
        if opens {
            self.settle(direction, origin);
        }
        self.post(direction, segment, repeated);
        self.settle(direction.reverse(), origin);
        if std::mem::take(&mut self.sides[direction].reset_due) {
            self.signal(direction, Signal::RstReceived, Proof::Assumed, origin, verdict);
        }
    }

    fn on_fin(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin, verdict: &mut Verdict) {
        let role = direction.sender();
        let (sender, receiver) = self.sides.both_mut(direction);
        if sender.fin.is_none() {
            sender.fin = Some(segment.seq_end());
            match self.closing.first_fin {
                None => self.closing.first_fin = Some((role, origin)),
                Some((first, _)) if first != role => {
                    let covers_first = receiver.fin.is_some_and(|fin| !segment.ack.is_before(fin));
                    let acknowledged_before = self.closing.first_fin_acknowledged;
                    self.closing.second_fin = Some(SecondFin { covers_first, acknowledged_before });
                }
                Some(_) => {}
            }
        }
        if self.sides[direction].state != TcpState::TimeWait {
            self.signal(direction, Signal::FinSent, Proof::Sent, origin, verdict);
        }
    }

    /// A repeated SYN-ACK or FIN shows that the acknowledgement which was assumed to have arrived had not.
    fn withdraw(&mut self, direction: Direction, flags: TcpFlags) {
        let signal = if flags.has(TcpFlags::FIN) { Signal::FinAcknowledged } else { Signal::SynAcknowledged };
        let role = direction.sender();
        let Some(at) = self.transitions.iter().rposition(|transition| transition.endpoint == role) else { return };
        let last = self.transitions[at];
        if last.on == signal && last.proof == Proof::Assumed {
            self.sides[direction].state = last.from;
            self.transitions.remove(at);
        }
    }

    /// An end that sends has not received the RST yet that was assumed to have reached it: the two crossed.
    fn defer_reset(&mut self, direction: Direction) {
        if self.sides[direction].state != TcpState::Closed {
            return;
        }
        let role = direction.sender();
        let Some(at) = self.transitions.iter().rposition(|transition| transition.endpoint == role) else { return };
        let last = self.transitions[at];
        if last.on == Signal::RstReceived && last.proof == Proof::Assumed {
            self.sides[direction].state = last.from;
            self.transitions.remove(at);
            self.sides[direction].inbox.take();
            self.sides[direction].reset_due = true;
        }
    }

    /// An end that acts as if the handshake were over has received what the capture lacks of it.
    fn infer_handshake(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin, verdict: &mut Verdict) {
        let other = direction.reverse();
        let flags = segment.flags;
        if flags.has(TcpFlags::SYN) && flags.has(TcpFlags::ACK) && !self.sides[other].was_seen() {
            // The peer's SYN was not captured, but this acknowledges it.
            let receiver = &mut self.sides[other];
            receiver.isn.get_or_insert(segment.ack.minus(1));
            receiver.base.get_or_insert(segment.ack.minus(1));
            if receiver.state == TcpState::Unknown {
                self.signal(other, Signal::SynSent, Proof::Inferred, origin, verdict);
            }
            return;
        }
        if flags.has(TcpFlags::SYN) || !flags.has(TcpFlags::ACK) {
            return;
        }
        if self.sides[direction].state == TcpState::SynSent
            && self.sides[other].isn.is_none()
            && self.sides[other].state == TcpState::Unknown
        {
            self.sides[other].inbox.take();
            self.signal(other, Signal::SynAckSent, Proof::Inferred, origin, verdict);
            self.signal(direction, Signal::SynAckReceived, Proof::Inferred, origin, verdict);
            self.sides[other].inbox.push(Arrival { signal: Signal::SynAcknowledged, proved_by: None });
        }
        let fast_open = self.sides[other].syn.is_some_and(|syn| syn.fast_open);
        if self.sides[direction].state == TcpState::SynReceived && !fast_open {
            // Only Fast Open lets an end send anything else before its SYN is acknowledged (RFC 7413).
            self.settle(direction, origin);
            self.signal(direction, Signal::SynAcknowledged, Proof::Inferred, origin, verdict);
        }
        let receiver = &self.sides[other];
        let beyond = receiver.isn.is_some_and(|isn| segment.ack.is_after(isn.plus(1)));
        if receiver.state == TcpState::SynSent && !receiver.was_seen() && beyond && !fast_open {
            self.signal(other, Signal::SynAckReceived, Proof::Inferred, origin, verdict);
        }
    }

    /// Puts what the segment says on its way to the receiver.
    fn post(&mut self, direction: Direction, segment: &Segment<'_>, repeated: bool) {
        let (sender, receiver) = self.sides.both_mut(direction);
        let flags = segment.flags;
        let put = |receiver: &mut Side, signal, proved_by| {
            if let Some(at) = receiver.inbox.iter().position(|arrival| arrival.signal == signal) {
                if !repeated {
                    return;
                }
                // Sent again: the first may have been lost, so it takes its place behind what was sent since.
                receiver.inbox.remove(at);
            }
            receiver.inbox.push(Arrival { signal, proved_by });
        };
        if flags.has(TcpFlags::SYN) {
            let answers = flags.has(TcpFlags::ACK) && receiver.isn.is_some_and(|isn| segment.ack.is_after(isn));
            let end = segment.seq.plus(1);
            match receiver.state {
                TcpState::SynSent | TcpState::SynReceived if answers => {
                    put(receiver, Signal::SynAckReceived, Some(end));
                }
                TcpState::Unknown | TcpState::Listen | TcpState::SynSent if !flags.has(TcpFlags::ACK) => {
                    put(receiver, Signal::SynReceived, Some(end));
                }
                _ => {}
            }
        } else if flags.has(TcpFlags::ACK) {
            let handshake_open = receiver.state == TcpState::SynReceived
                || receiver.inbox.iter().any(|arrival| arrival.signal == Signal::SynReceived);
            if handshake_open && receiver.isn.is_none_or(|isn| segment.ack.is_after(isn)) {
                put(receiver, Signal::SynAcknowledged, None);
            }
        }
        let closes = matches!(receiver.state, TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck);
        if flags.has(TcpFlags::ACK) && closes && receiver.fin.is_some_and(|fin| !segment.ack.is_before(fin)) {
            put(receiver, Signal::FinAcknowledged, None);
            self.closing.first_fin_acknowledged |=
                self.closing.first_fin.is_some_and(|(first, _)| first == direction.receiver());
        }
        let taken = matches!(
            receiver.state,
            TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::TimeWait | TcpState::Closed
        );
        if flags.has(TcpFlags::FIN) && !taken {
            put(receiver, Signal::FinReceived, sender.fin);
        }
    }

    /// Delivers to the end that sends in `direction` what is proved to have arrived there.
    #[inline]
    fn settle(&mut self, direction: Direction, origin: Origin) {
        self.settle_until(direction, origin, None);
    }

    /// The same, up to a signal.
    #[inline]
    fn settle_until(&mut self, direction: Direction, origin: Origin, until: Option<Signal>) {
        while self.sides[direction].inbox.is_made() {
            let side = &self.sides[direction];
            let Some(&arrival) = side.inbox.first().filter(|arrival| until != Some(arrival.signal)) else { return };
            let proof = match arrival.proved_by {
                None => Proof::Assumed,
                Some(end) if side.acked.is_some_and(|acked| !acked.is_before(end)) => Proof::Acknowledged,
                Some(_) => return,
            };
            let inbox = &mut self.sides[direction].inbox;
            inbox.remove(0);
            if inbox.is_empty() {
                inbox.take();
            }
            let mut verdict = Verdict::default();
            self.signal(direction, arrival.signal, proof, origin, &mut verdict);
        }
    }

    /// Delivers to the end that sends in `direction` what its peer had sent before a RST numbered `reset`:
    /// for the RST to be taken, all of it must have arrived.
    fn settle_before(&mut self, direction: Direction, reset: SeqNum, origin: Origin) {
        for arrival in self.sides[direction].inbox.take().into_iter().flat_map(|inbox| *inbox) {
            if arrival.proved_by.is_none_or(|end| !end.is_after(reset)) {
                self.signal(direction, arrival.signal, Proof::Assumed, origin, &mut Verdict::default());
            }
        }
    }

    /// Applies a signal to the end that sends in `direction`.
    fn signal(&mut self, direction: Direction, on: Signal, proof: Proof, origin: Origin, verdict: &mut Verdict) {
        let side = &mut self.sides[direction];
        let from = match (side.state, on) {
            // Before its first sign of life nothing is proved, but these signals say where it came from.
            (TcpState::Unknown, Signal::SynSent) => TcpState::Closed,
            (TcpState::Unknown, Signal::SynReceived | Signal::SynAckSent) => TcpState::Listen,
            (state, _) => state,
        };
        match from.on(on) {
            Next::To(to) => {
                // A segment that only continues says no more than that the connection stands.
                let proof = if from == TcpState::Unknown && on == Signal::SegmentSent { Proof::Assumed } else { proof };
                side.state = to;
                if self.transitions.len() < TRANSITION_LIMIT {
                    let endpoint = direction.sender();
                    if self.transitions.len() == self.transitions.capacity() {
                        // Most flows of a scan have two or three, a connection has ten.
                        self.transitions.reserve_exact(if self.transitions.is_empty() { 2 } else { 4 });
                    }
                    self.transitions.push(Transition { origin, endpoint, from, to, on, proof });
                }
            }
            Next::Stay => {}
            Next::Odd => verdict.marks.add(Marks::UNEXPECTED),
        }
    }

    /// Time went by in TIME-WAIT, or a new connection took the pair of ports.
    pub fn end_time_wait(&mut self, last: Origin, now: Timestamp) {
        let origin = Origin { frame: last.frame, time: now };
        for direction in Direction::BOTH {
            if self.sides[direction].state == TcpState::TimeWait {
                self.signal(direction, Signal::TimeWaitOver, Proof::Time, origin, &mut Verdict::default());
            }
        }
    }
}

/// Whether a RST that its receiver does not accept lies in the window that is open to its sender; a window of unknown
/// scale counts as it stands.
fn is_in_window(receiver: &Side, segment: &Segment<'_>) -> bool {
    let window = receiver.scale.apply(receiver.window_field);
    receiver.state != TcpState::SynSent
        && receiver.acked.is_some_and(|expected| (0..window as i64).contains(&segment.seq.distance(expected).into()))
}

/// Whether the receiver of a RST accepts it (RFC 9293, 3.5.3; RFC 5961, section 3).
fn resets(sender: &Side, receiver: &Side, segment: &Segment<'_>) -> bool {
    if receiver.state == TcpState::SynSent {
        let Some(isn) = receiver.isn else { return true };
        // In SYN-SENT only an acknowledgement of the SYN proves that the RST answers it.
        return segment.flags.has(TcpFlags::ACK)
            && segment.ack.is_after(isn)
            && receiver.next.is_none_or(|next| !segment.ack.is_after(next));
    }
    let Some(expected) = receiver.acked else {
        return sender.next.is_none_or(|next| segment.seq == next || sender.isn == Some(segment.seq));
    };
    // Exactly the next number that the receiver expects: it acknowledged up to `expected`, and may have
    // received more of what was sent since.
    let sent = sender.next.unwrap_or(expected);
    segment.seq == expected || (segment.seq.is_after(expected) && !segment.seq.is_after(sent))
}
