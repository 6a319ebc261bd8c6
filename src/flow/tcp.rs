//! One TCP connection: how each captured segment moves the states of both ends, by proof.
//!
//! Sending proves the sender's side at once. That something arrived is proved by the receiver's own
//! acknowledgement of it, so a FIN that was lost moves nobody. A pure acknowledgement cannot be
//! acknowledged: it counts as arrived, marked as assumed, as soon as all that its sender sent before it
//! has arrived; when a repeated SYN-ACK or FIN shows that it was lost, the transition is withdrawn.
//!
//! Why a segment was sent again is decided in [`super::resend`]; which flow it belongs to, in
//! [`super::table`].

use super::endpoint::{Direction, PerDirection, Role};
use super::resend;
use super::side::{Arrival, Side, Stamp, SynOptions, WindowScale};
use super::state::{Next, Signal, TcpState};
use super::verdict::{Marks, Verdict};
use crate::capture::Origin;
use crate::time::{Span, Timestamp};
use crate::wire::{Checksum, Ip, Segment, SeqNum, TcpFlags};

/// How sure a transition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// The endpoint itself sent the segment.
    Sent,
    /// The endpoint's own acknowledgement covers what moved it.
    Acknowledged,
    /// Nothing says that it arrived, and nothing that it did not.
    Assumed,
    /// It follows from later segments; what caused it was not captured.
    Inferred,
    /// Time went by.
    Time,
}

impl Proof {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Assumed => "assumed",
            Self::Inferred => "inferred",
            Self::Time => "time",
        }
    }
}

/// One step of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The frame that shows it; where time alone did it, the last frame of the flow.
    pub origin: Origin,
    /// Whose state.
    pub endpoint: Role,
    /// The state before.
    pub from: TcpState,
    /// The state after.
    pub to: TcpState,
    /// What moved it.
    pub on: Signal,
    /// How sure it is.
    pub proof: Proof,
}

/// How the handshake went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Handshake {
    /// The first SYN without ACK.
    pub syn: Option<Origin>,
    /// The last one, from which the round trip counts.
    pub last_syn: Option<Timestamp>,
    /// The first SYN with ACK.
    pub syn_ack: Option<Origin>,
    /// The last one.
    pub last_syn_ack: Option<Timestamp>,
    /// Whether it was captured whole: SYN, SYN-ACK and an acknowledgement of that.
    pub complete: bool,
    /// From the last SYN to the acknowledgement of the SYN-ACK.
    pub rtt: Option<Span>,
    /// How often a SYN or SYN-ACK was sent again.
    pub retransmissions: u32,
}

/// How the connection came to its end, as far as it did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Closing {
    /// Who sent the first FIN, and when.
    pub first_fin: Option<(Role, Origin)>,
    /// The FIN of the other side, whether it acknowledged the first one, and whether an
    /// acknowledgement of its own went before it.
    pub second_fin: Option<SecondFin>,
    /// Whether the first FIN was acknowledged, by whatever segment.
    pub first_fin_acknowledged: bool,
    /// The first RST that its receiver accepts.
    pub reset: Option<(Role, Origin)>,
    /// Whether both ends were through when the RST came.
    pub reset_after_close: bool,
}

/// The FIN of the side that closes second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFin {
    /// Whether it acknowledges the first FIN; if not, the two crossed.
    pub covers_first: bool,
    /// Whether the first FIN had been acknowledged before it.
    pub acknowledged_before: bool,
}

/// A TCP connection between two ends.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Both ends.
    pub sides: PerDirection<Side>,
    /// The steps of both ends in order.
    pub transitions: Vec<Transition>,
    /// How it began.
    pub handshake: Handshake,
    /// How it ends.
    pub closing: Closing,
}

/// The most transitions that are kept of a connection. A connection passes a dozen; more come only from
/// ends that reset and revive each other, and add nothing.
const TRANSITION_LIMIT: usize = 64;

impl Connection {
    /// Exchanges the roles of the two ends.
    pub fn turn_round(&mut self) {
        self.sides.swap();
        let other = |role: Role| role.sends().reverse().sender();
        for transition in &mut self.transitions {
            transition.endpoint = other(transition.endpoint);
        }
        for (role, _) in self.closing.first_fin.iter_mut().chain(&mut self.closing.reset) {
            *role = other(*role);
        }
    }

    /// Takes in a segment and says what is to be said of it.
    ///
    /// `length` is the length of its frame on the wire in bytes.
    pub fn on_segment(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        ip: &Ip,
        length: u32,
        origin: Origin,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let stamp = self.count(direction, segment, ip, length);
        self.place(direction, segment, &mut verdict);
        let (sender, receiver) = self.sides.both_mut(direction);
        if segment.checksum == Checksum::Bad && sender.checksums_trusted {
            sender.counters.bad_checksums += 1;
            if segment.seq_len() > 0 {
                sender.remember_damaged(segment.seq);
            }
            verdict.marks.add(Marks::BAD_CHECKSUM);
            return verdict;
        }
        sender.checksums_trusted |= segment.checksum == Checksum::Good;
        if segment.flags.has(TcpFlags::RST) {
            self.on_reset(direction, segment, origin, &mut verdict);
            return verdict;
        }
        if !segment.flags.has(TcpFlags::SYN) && is_stray(sender, receiver, segment) {
            sender.counters.out_of_window += 1;
            verdict.marks.add(Marks::OUT_OF_WINDOW);
            return verdict;
        }
        sender.stray = None;
        self.revive(direction, segment, origin);
        if segment.flags.has(TcpFlags::SYN) {
            self.on_syn(direction, segment, origin, &mut verdict);
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.on_acknowledgement(direction, segment, origin, &mut verdict);
        }
        let repeated = resend::on_sequence(&mut self.sides, direction, segment, stamp, origin, &mut verdict);
        self.after_window(direction, segment, origin, &mut verdict);
        self.move_states(direction, segment, origin, repeated, &mut verdict);
        verdict
    }

    /// An ICMP message says that a packet sent in this direction was too big for the path (RFC 1191, RFC 8201).
    pub fn on_packet_too_big(&mut self, direction: Direction) {
        let side = &mut self.sides[direction];
        side.too_big_before = side.next;
    }

    /// Counts the segment and reads its stamp.
    fn count(&mut self, direction: Direction, segment: &Segment<'_>, ip: &Ip, length: u32) -> Stamp {
        let counters = &mut self.sides[direction].counters;
        counters.packets += 1;
        counters.bytes += u64::from(length);
        counters.payload_bytes += u64::from(segment.payload_length);
        Stamp { ip_id: ip.id.filter(|id| *id != 0), tsval: segment.options.timestamps().map(|(value, _)| value) }
    }

    /// The relative numbers.
    fn place(&mut self, direction: Direction, segment: &Segment<'_>, verdict: &mut Verdict) {
        let (sender, receiver) = self.sides.both_mut(direction);
        // The answer to a keep-alive, or a RST to a stray segment, may be the first that is seen of an end.
        let base = *sender.base.get_or_insert(segment.seq);
        verdict.relative_seq = segment.seq.0.wrapping_sub(base.0);
        if segment.flags.has(TcpFlags::ACK) {
            let peer_base = *receiver.base.get_or_insert(segment.ack);
            verdict.relative_ack = Some(segment.ack.0.wrapping_sub(peer_base.0));
        }
        let scale = if segment.flags.has(TcpFlags::SYN) { WindowScale::Off } else { sender.scale };
        verdict.window = scale.apply(segment.window);
    }

    fn on_reset(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin, verdict: &mut Verdict) {
        let (sender, receiver) = self.sides.both_mut(direction);
        sender.counters.resets += 1;
        if !resets(sender, receiver, segment) {
            verdict.marks.add(Marks::OUT_OF_WINDOW);
            return;
        }
        if segment.flags.has(TcpFlags::ACK) && receiver.next.is_none_or(|next| !segment.ack.is_after(next)) {
            sender.acked = Some(sender.acked.map_or(segment.ack, |acked| acked.max(segment.ack)));
        }
        if self.closing.reset.is_none() {
            self.closing.reset = Some((direction.sender(), origin));
            let through = |side: &Side, peer: &Side| side.fin.is_some_and(|fin| peer.acked == Some(fin));
            let (a, b) = (&self.sides.to_server, &self.sides.to_client);
            self.closing.reset_after_close = through(a, b) && through(b, a);
        }
        if self.sides[direction].state == TcpState::Unknown {
            // A RST that answers the SYN: nobody listens there, so that the SYN moved nothing.
            self.sides[direction].inbox.clear();
        }
        self.settle(direction, origin);
        self.signal(direction, Signal::RstSent, Proof::Sent, origin, verdict);
        self.settle(direction.reverse(), origin);
        self.settle_before(direction.reverse(), segment.seq, origin);
        self.signal(direction.reverse(), Signal::RstReceived, Proof::Assumed, origin, verdict);
        self.sides.to_server.inbox = Vec::new();
        self.sides.to_client.inbox = Vec::new();
    }

    /// A segment of an end that had reset the connection, beyond its RST: the RST was not its own, or was
    /// not taken. What it had moved is withdrawn.
    fn revive(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin) {
        let Some((role, at)) = self.closing.reset else { return };
        let goes_on = role == direction.sender()
            && !segment.flags.has(TcpFlags::SYN)
            && segment.payload_length > 0
            && origin.frame > at.frame
            && self.sides[direction].next.is_some_and(|next| !segment.seq.is_before(next));
        if !goes_on {
            return;
        }
        for transition in self.transitions.iter().rev().filter(|transition| transition.origin == at) {
            let side = &mut self.sides[transition.endpoint.sends()];
            side.state = transition.from;
        }
        self.transitions.retain(|transition| transition.origin != at);
        self.closing.reset = None;
    }

    fn on_syn(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin, verdict: &mut Verdict) {
        let (sender, receiver) = self.sides.both_mut(direction);
        if sender.isn.is_some_and(|isn| isn != segment.seq) {
            verdict.marks.add(Marks::SYN_INSIDE_CONNECTION);
            return;
        }
        if sender.isn.is_none() {
            sender.isn = Some(segment.seq);
            // Data that was captured before its SYN keeps its place.
            sender.base = Some(segment.seq);
            verdict.relative_seq = 0;
        }
        let offered = SynOptions::read(segment.options, segment.window);
        sender.syn.get_or_insert(offered);
        if segment.payload_length > 0 {
            verdict.marks.add(Marks::FAST_OPEN);
        }
        // Scaling counts only if both SYNs offer it (RFC 7323, section 2.2).
        if let (Some(a), Some(b)) = (&sender.syn, &receiver.syn) {
            let scale = |own: &SynOptions, other: &SynOptions| match (own.window_scale, other.window_scale) {
                (Some(shift), Some(_)) => WindowScale::Shift(shift),
                _ => WindowScale::Off,
            };
            let scales = (scale(a, b), scale(b, a));
            (sender.scale, receiver.scale) = scales;
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.handshake.syn_ack.get_or_insert(origin);
            self.handshake.last_syn_ack = Some(origin.time);
            if let Some(syn) = self.handshake.last_syn {
                self.sides[direction].answers_after = Some(origin.time.since(syn));
            }
        } else {
            self.handshake.syn.get_or_insert(origin);
            self.handshake.last_syn = Some(origin.time);
        }
    }

    fn on_acknowledgement(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        origin: Origin,
        verdict: &mut Verdict,
    ) {
        self.complete_handshake(direction, segment, origin);
        let (sender, receiver) = self.sides.both_mut(direction);
        let ack = segment.ack;
        let advanced = sender.acked.is_none_or(|acked| ack.is_after(acked));
        if let Some(next) = receiver.next
            && ack.is_after(next)
        {
            verdict.marks.add(Marks::ACK_OF_UNSEEN);
            sender.counters.acks_of_unseen += 1;
            receiver.holes.open(next, ack);
            receiver.next = Some(ack);
        }
        if advanced {
            sender.acked = Some(ack);
            if let Some(sample) = receiver.on_acknowledged(ack, origin.time) {
                receiver.counters.rtt.record(sample);
                verdict.ack_rtt = Some(sample);
            }
            receiver.duplicate_acks_received = 0;
            receiver.probed = false;
            if receiver.recovery.is_some_and(|recovery| !ack.is_before(recovery.high)) {
                receiver.recovery = None;
            }
            if receiver.sacked_to.is_some_and(|edge| !edge.is_after(ack)) {
                receiver.sacked_to = None;
            }
        }
        let sack = segment.options.sack();
        for (index, (left, right)) in sack.iter().flat_map(|blocks| blocks.as_slice().iter().enumerate()) {
            // RFC 2883, section 4: the first block reports a duplicate when it lies below the acknowledgement
            // or inside the second block.
            let second = sack.as_ref().and_then(|blocks| blocks.as_slice().get(1));
            let inside = second.is_some_and(|(a, b)| !left.is_before(*a) && !right.is_after(*b));
            if index == 0 && (!right.is_after(ack) || inside) {
                verdict.marks.add(Marks::DSACK);
            } else if right.is_after(ack) && receiver.next.is_none_or(|next| !right.is_after(next)) {
                receiver.sacked_to = Some(receiver.sacked_to.map_or(*right, |edge| edge.max(*right)));
            }
        }
        let repeats = !advanced
            && sender.acked == Some(ack)
            && segment.seq_len() == 0
            && segment.window != 0
            && (segment.window == sender.window_field || sack.is_some())
            && sender.next == Some(segment.seq);
        if repeats && receiver.last_was_keep_alive {
            verdict.marks.add(Marks::KEEP_ALIVE_ACK);
            sender.counters.keep_alive_acks += 1;
        } else if repeats {
            verdict.marks.add(Marks::DUPLICATE_ACK);
            sender.counters.duplicate_acks += 1;
            receiver.duplicate_acks_received += 1;
        } else if receiver.last_was_probe && segment.window == 0 && segment.seq_len() == 0 {
            verdict.marks.add(Marks::WINDOW_PROBE_ACK);
        }
        receiver.last_was_keep_alive = false;
        receiver.last_was_probe = false;
        receiver.last_ack_received = Some(origin.time);
    }

    fn complete_handshake(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin) {
        let handshake = &mut self.handshake;
        if handshake.complete || segment.flags.has(TcpFlags::SYN) || handshake.syn_ack.is_none() {
            return;
        }
        let peer = &self.sides[direction.reverse()];
        if peer.isn.is_some_and(|isn| segment.ack.is_after(isn)) && self.sides[direction].isn.is_some() {
            handshake.complete = handshake.syn.is_some();
            handshake.rtt = handshake.last_syn.map(|syn| origin.time.since(syn));
            let answers_after = handshake.last_syn_ack.map(|sent| origin.time.since(sent));
            self.sides[direction].answers_after = answers_after;
        }
    }

    /// Window, zero window and what is in flight.
    fn after_window(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin, verdict: &mut Verdict) {
        let (sender, receiver) = self.sides.both_mut(direction);
        let ordinary = !segment.flags.any(TcpFlags::SYN.with(TcpFlags::FIN));
        let window = verdict.window;
        let counters = &mut sender.counters;
        if !segment.flags.has(TcpFlags::SYN) {
            counters.window.record(window);
        }
        sender.largest_window = sender.largest_window.max(window);
        if window == 0 && ordinary {
            verdict.marks.add(Marks::ZERO_WINDOW);
            counters.zero_windows += 1;
            counters.zero_since.get_or_insert(origin.time);
        } else if let Some(since) = counters.zero_since.take() {
            counters.zero_window =
                Span::from_nanos(counters.zero_window.as_nanos() + origin.time.since(since).as_nanos());
        }
        if ordinary
            && segment.seq_len() == 0
            && window != 0
            && segment.window != sender.window_field
            && sender.next == Some(segment.seq)
            && sender.acked == Some(segment.ack)
            && verdict.ack_rtt.is_none()
            && !verdict.marks.has(Marks::DUPLICATE_ACK)
            && sender.counters.packets > 2
        {
            verdict.marks.add(Marks::WINDOW_UPDATE);
            sender.counters.window_updates += 1;
        }
        sender.window_field = segment.window;
        if segment.seq_len() == 0 {
            return;
        }
        let (Some(next), Some(acked)) = (sender.next, receiver.acked) else { return };
        let in_flight = next.distance(acked);
        if segment.payload_length > 0 && in_flight > 0 {
            verdict.bytes_in_flight = Some(in_flight as u32);
            sender.counters.bytes_in_flight.record(u64::from(in_flight as u32));
        }
        let edge = receiver.scale.apply(receiver.window_field);
        let known = receiver.scale != WindowScale::Unknown;
        let fills = u64::from(segment.seq_end().0.wrapping_sub(acked.0)) == edge;
        if known && ordinary && segment.payload_length > 0 && edge > 0 && fills {
            verdict.marks.add(Marks::WINDOW_FULL);
            sender.counters.window_full += 1;
        }
    }

    /// Moves both ends by what this segment proves.
    fn move_states(
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
        // What its acknowledgement proves to have arrived happened before it sent this segment.
        self.settle(direction, origin);
        match (flags.has(TcpFlags::SYN), flags.has(TcpFlags::ACK)) {
            (true, false) if !is_copy => self.signal(direction, Signal::SynSent, Proof::Sent, origin, verdict),
            (true, true) if !is_copy => self.signal(direction, Signal::SynAckSent, Proof::Sent, origin, verdict),
            (false, _) => self.signal(direction, Signal::SegmentSent, Proof::Sent, origin, verdict),
            _ => {}
        }
        if flags.has(TcpFlags::FIN) {
            self.on_fin(direction, segment, origin, verdict);
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
            self.sides[direction].inbox.clear();
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
            self.sides[other].inbox.clear();
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
    fn settle(&mut self, direction: Direction, origin: Origin) {
        loop {
            let side = &self.sides[direction];
            let Some(&arrival) = side.inbox.first() else { return };
            let proof = match arrival.proved_by {
                None => Proof::Assumed,
                Some(end) if side.acked.is_some_and(|acked| !acked.is_before(end)) => Proof::Acknowledged,
                Some(_) => return,
            };
            self.sides[direction].inbox.remove(0);
            let mut verdict = Verdict::default();
            self.signal(direction, arrival.signal, proof, origin, &mut verdict);
        }
    }

    /// Delivers to the end that sends in `direction` what its peer had sent before a RST numbered `reset`:
    /// for the RST to be taken, all of it must have arrived.
    fn settle_before(&mut self, direction: Direction, reset: SeqNum, origin: Origin) {
        for arrival in std::mem::take(&mut self.sides[direction].inbox) {
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

/// Whether a segment lies where its receiver cannot accept it, so that it must not move what is known.
///
/// A third such segment in a row that continues the others shows that the capture has a large hole
/// instead, and is taken.
fn is_stray(sender: &mut Side, receiver: &Side, segment: &Segment<'_>) -> bool {
    const NEAR: i32 = 1 << 20;
    let far = |number: SeqNum, known: Option<SeqNum>, reach: u64| {
        known.is_some_and(|known| i64::from(number.distance(known)).unsigned_abs() > reach)
    };
    let ahead_of = receiver.acked.or(sender.next);
    let stray = far(segment.seq, ahead_of, receiver.reach())
        || (segment.flags.has(TcpFlags::ACK) && far(segment.ack, receiver.next, sender.reach()));
    if !stray {
        return false;
    }
    let (end, count) = match sender.stray {
        Some((end, count)) if segment.seq.distance(end).abs() < NEAR => (segment.seq_end(), count + 1),
        _ => (segment.seq_end(), 1),
    };
    sender.stray = Some((end, count));
    count < 3
}
