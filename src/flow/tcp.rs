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
use super::side::{Side, Stamp, SynOptions, WindowScale};
use super::state::{Signal, TcpState};
use super::verdict::{Marks, Verdict};
use crate::capture::Origin;
use crate::rare::{Blank, Rare};
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
    /// The last one.
    pub last_syn: Option<Timestamp>,
    /// The first SYN with ACK.
    pub syn_ack: Option<Origin>,
    /// Whether it was captured whole: SYN, SYN-ACK and an acknowledgement of that.
    pub complete: bool,
    /// From SYN to SYN-ACK, and from SYN-ACK to its acknowledgement; absent where one of them was sent again and no
    /// timestamp tells which of them was answered (Karn).
    pub rtt: Option<Span>,
    /// The first part of it, which the server takes to answer.
    pub(super) answered: Option<Span>,
    pub(super) syns: Asked,
    pub(super) syn_acks: Asked,
}

/// When a SYN or SYN-ACK was sent, so that its answer measures a round trip.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    /// The first and the last time, each with its TSval.
    ends: Option<[(Timestamp, Option<u32>); 2]>,
}

impl Asked {
    fn note(&mut self, now: Timestamp, segment: &Segment<'_>) {
        /// No SYN is sent again sooner; what is, is a copy of the network.
        const SOON: Span = Span::from_millis(100);
        let sent = (now, segment.options.timestamps().map(|(value, _)| value));
        match &mut self.ends {
            None => self.ends = Some([sent, sent]),
            Some([_, last]) if now.since(last.0) >= SOON => *last = sent,
            Some(_) => {}
        }
    }

    /// How long the answer took.
    fn answered_by(&self, now: Timestamp, segment: &Segment<'_>) -> Option<Span> {
        let [first, last] = self.ends?;
        if first.0 == last.0 {
            return Some(now.since(first.0));
        }
        // A receiver echoes the timestamp of what it answers (RFC 7323, section 4.3).
        let (_, echo) = segment.options.timestamps()?;
        let asked = [first, last].into_iter().find(|sent| sent.1 == Some(echo) && first.1 != last.1)?;
        Some(now.since(asked.0))
    }
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
    /// The number after the highest that the receiver of the RST had sent by then.
    pub(super) reset_outstanding: Option<SeqNum>,
    /// Whether both ends were through when the RST came.
    pub reset_after_close: bool,
}

impl Blank for Handshake {
    fn blank() -> &'static Self {
        const BLANK: &Handshake = &Handshake {
            syn: None,
            last_syn: None,
            syn_ack: None,
            complete: false,
            rtt: None,
            answered: None,
            syns: Asked { ends: None },
            syn_acks: Asked { ends: None },
        };
        BLANK
    }
}

impl Blank for Closing {
    fn blank() -> &'static Self {
        const BLANK: &Closing = &Closing {
            first_fin: None,
            second_fin: None,
            first_fin_acknowledged: false,
            reset: None,
            reset_outstanding: None,
            reset_after_close: false,
        };
        BLANK
    }
}

impl Closing {
    /// Who began, with a FIN or a RST.
    pub fn begun(&self) -> Option<(Role, Origin)> {
        self.first_fin.or(self.reset)
    }
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
    pub handshake: Rare<Handshake>,
    /// How it ends.
    pub closing: Rare<Closing>,
    pub(super) last_segment: Option<Timestamp>,
    /// A SYN-ACK was captured, and the handshake is not complete: what each segment asks of `handshake`.
    pub(super) shaking: bool,
}

impl Connection {
    /// Exchanges the roles of the two ends.
    pub fn turn_round(&mut self) {
        self.sides.swap();
        let other = |role: Role| role.sends().reverse().sender();
        for transition in &mut self.transitions {
            transition.endpoint = other(transition.endpoint);
        }
        if let Some(closing) = self.closing.made() {
            for (role, _) in closing.first_fin.iter_mut().chain(&mut closing.reset) {
                *role = other(*role);
            }
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
        match self.take_in_usual(direction, segment, ip, length, origin) {
            Some(verdict) => verdict,
            None => self.take_in_any(direction, segment, ip, length, origin),
        }
    }

    /// The long way, for all segments.
    pub(super) fn take_in_any(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        ip: &Ip,
        length: u32,
        origin: Origin,
    ) -> Verdict {
        let verdict = self.take_in(direction, segment, ip, length, origin);
        self.note_oddities(direction, segment, ip, &verdict, origin);
        verdict
    }

    fn take_in(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        ip: &Ip,
        length: u32,
        origin: Origin,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        self.pass_time(origin.time);
        let stamp = self.count(direction, segment, ip, length);
        self.place(direction, segment, &mut verdict);
        let (sender, receiver) = self.sides.both_mut(direction);
        if matches!(segment.checksum, Checksum::Bad | Checksum::Offloaded) {
            sender.unsummed.get_or_insert_with(|| Box::new(origin));
        }
        if sender.is_damaged(segment) {
            sender.counters.rare.bad_checksums += 1;
            if segment.seq_len() > 0 {
                sender.remember_damaged(segment.seq);
            }
            verdict.marks.add(Marks::BAD_CHECKSUM);
            return verdict;
        }
        if segment.flags.has(TcpFlags::RST) {
            self.on_reset(direction, segment, origin, &mut verdict);
            self.note_traffic(direction, segment, &verdict, origin.time);
            return verdict;
        }
        if !segment.flags.has(TcpFlags::SYN) && is_stray(sender, receiver, segment) {
            sender.counters.rare.out_of_window += 1;
            verdict.marks.add(Marks::OUT_OF_WINDOW);
            return verdict;
        }
        if let Some(trouble) = sender.trouble.made() {
            trouble.stray = None;
        }
        if segment.seq_len() == 0 && sender.next.is_some_and(|next| segment.seq.is_after(next)) {
            sender.trouble.stood_at = Some(segment.seq);
        }
        self.revive(direction, segment, origin);
        if segment.flags.has(TcpFlags::SYN) {
            self.on_syn(direction, segment, origin, &mut verdict);
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.on_acknowledgement(direction, segment, stamp, origin, &mut verdict);
        }
        let repeated = resend::on_sequence(&mut self.sides, direction, segment, stamp, origin, &mut verdict);
        self.after_window(direction, segment, origin, &mut verdict);
        self.move_states(direction, segment, origin, repeated, &mut verdict);
        self.note_traffic(direction, segment, &verdict, origin.time);
        verdict
    }

    #[inline]
    pub(super) fn note_traffic(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        verdict: &Verdict,
        now: Timestamp,
    ) {
        let (sender, receiver) = self.sides.both_mut(direction);
        let full =
            u32::from(receiver.syn.and_then(|syn| syn.mss).unwrap_or(0)).max(sender.counters.traffic.segment_size.max);
        sender.counters.traffic.on_sent(segment, verdict, now, full, sender.answers_after);
    }

    /// Puts the time since the last segment down to what held each end up.
    #[inline]
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        let Some(last) = self.last_segment.replace(now) else { return };
        let elapsed = now.since(last);
        if elapsed <= Span::ZERO {
            return;
        }
        let PerDirection { to_server: client, to_client: server } = &mut self.sides;
        client.pass_time(server, elapsed);
        server.pass_time(client, elapsed);
    }

    /// An ICMP message says that a packet sent in this direction was too big for the path (RFC 1191, RFC 8201).
    pub fn on_packet_too_big(&mut self, direction: Direction) {
        let side = &mut self.sides[direction];
        side.trouble.too_big_before = side.next;
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
            // A SYN-ACK acknowledges the SYN, which has the first number.
            let syn = u32::from(segment.flags.has(TcpFlags::SYN));
            let peer_base = *receiver.base.get_or_insert_with(|| segment.ack.minus(syn));
            verdict.relative_ack = Some(segment.ack.0.wrapping_sub(peer_base.0));
        }
        let scale = if segment.flags.has(TcpFlags::SYN) { WindowScale::Off } else { sender.scale };
        verdict.window = scale.apply(segment.window);
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
        let offered = SynOptions::read(segment);
        sender.syn.get_or_insert(offered);
        if segment.payload_length > 0 {
            verdict.marks.add(Marks::FAST_OPEN);
        }
        // Scaling counts only if both SYNs offer it (RFC 7323, section 2.2).
        if let (Some(a), Some(b)) = (&sender.syn, &receiver.syn) {
            let scale = |own: &SynOptions, other: &SynOptions| match (own.window_scale, other.window_scale) {
                (Some(shift), Some(_)) => WindowScale::Shift(shift),
                (own_shift, other_shift) => {
                    let refused = (own_shift.is_none() && !own.cut) || (other_shift.is_none() && !other.cut);
                    if refused { WindowScale::Off } else { WindowScale::Unknown }
                }
            };
            let scales = (scale(a, b), scale(b, a));
            (sender.scale, receiver.scale) = scales;
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.handshake.syn_ack.get_or_insert(origin);
            let answered = self.handshake.answered.or(self.handshake.syns.answered_by(origin.time, segment));
            self.handshake.answered = answered;
            self.handshake.syn_acks.note(origin.time, segment);
            self.shaking = !self.handshake.complete;
            self.sides[direction].answers_after = answered.unwrap_or(Span::ZERO);
        } else {
            self.handshake.syn.get_or_insert(origin);
            self.handshake.last_syn = Some(origin.time);
            self.handshake.syns.note(origin.time, segment);
        }
    }

    fn on_acknowledgement(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        stamp: Stamp,
        origin: Origin,
        verdict: &mut Verdict,
    ) {
        self.complete_handshake(direction, segment, origin);
        let (sender, receiver) = self.sides.both_mut(direction);
        let ack = segment.ack;
        let advanced = sender.acked.is_none_or(|acked| ack.is_after(acked));
        let numbered_as_last = stamp.ip_id.is_some() && stamp.ip_id == sender.newest.ip_id;
        let bare = segment.seq_len() == 0 && sender.next == Some(segment.seq);
        if bare && numbered_as_last && (sender.acked != Some(ack) || segment.window != sender.window_field) {
            // It says something else than the last, and so is no copy of it.
            sender.ip_id_constant = true;
        }
        if let Some(next) = receiver.next
            && ack.is_after(next)
            && let next = receiver.take_probe_byte(next)
            && ack.is_after(next)
        {
            verdict.marks.add(Marks::ACK_OF_UNSEEN);
            sender.counters.rare.acks_of_unseen += 1;
            receiver.trouble.holes.open(next, ack);
            receiver.trouble.unseen_echo = segment.options.timestamps().map(|(_, echo)| echo);
            receiver.next = Some(ack);
        }
        if advanced {
            if let Some(edge) = sender.acked {
                receiver.note_original_arrived(edge, ack, segment.options.timestamps().map(|(_, echo)| echo));
            }
            sender.acked = Some(ack);
            let pure = segment.seq_len() == 0;
            receiver.progress(ack, pure, origin.time, verdict);
        }
        let sack = segment.options.sack();
        for (index, (left, right)) in sack.iter().flat_map(|blocks| blocks.as_slice().iter().enumerate()) {
            // RFC 2883, section 4: the first block reports a duplicate when it lies below the acknowledgement
            // or inside the second block.
            let second = sack.as_ref().and_then(|blocks| blocks.as_slice().get(1));
            let inside = second.is_some_and(|(a, b)| !left.is_before(*a) && !right.is_after(*b));
            if index == 0 && (!right.is_after(ack) || inside) {
                verdict.marks.add(Marks::DSACK);
                receiver.note_arrived_twice(*left, *right);
            } else if right.is_after(ack) && receiver.next.is_none_or(|next| !right.is_after(next)) {
                let trouble = &mut *receiver.trouble;
                trouble.sacked_to = Some(trouble.sacked_to.map_or(*right, |edge| edge.max(*right)));
            }
        }
        let challenged = sender.trouble.made().is_some_and(|trouble| std::mem::take(&mut trouble.challenge_due));
        let repeats = !advanced
            && sender.acked == Some(ack)
            && bare
            && segment.window != 0
            && (segment.window == sender.window_field || sack.is_some());
        if repeats && numbered_as_last && stamp.tsval == sender.newest.tsval && !sender.ip_id_constant {
            verdict.marks.add(Marks::DUPLICATED_BY_NETWORK);
            sender.counters.rare.duplicated_by_network += 1;
        } else if repeats && receiver.last_was_keep_alive {
            verdict.marks.add(Marks::KEEP_ALIVE_ACK);
            sender.counters.rare.keep_alive_acks += 1;
        } else if repeats && challenged {
            verdict.marks.add(Marks::CHALLENGE_ACK);
        } else if repeats && receiver.next.is_some_and(|next| next.is_after(ack)) {
            // RFC 5681, section 2: only where something is outstanding.
            verdict.marks.add(Marks::DUPLICATE_ACK);
            sender.counters.rare.duplicate_acks += 1;
            receiver.duplicate_acks_received += 1;
            if receiver.duplicate_acks_received == 3 {
                receiver.counters.traffic.rare_mut().triple_duplicate_acks += 1;
            }
        } else if receiver.last_was_probe && segment.window == 0 && segment.seq_len() == 0 {
            verdict.marks.add(Marks::WINDOW_PROBE_ACK);
        }
        receiver.last_was_keep_alive = false;
        receiver.last_was_probe = false;
        receiver.ack_received = true;
        receiver.last_ack_received = origin.time;
    }

    fn complete_handshake(&mut self, direction: Direction, segment: &Segment<'_>, origin: Origin) {
        let Some(handshake) = self.handshake.made() else { return };
        if handshake.complete || segment.flags.has(TcpFlags::SYN) || handshake.syn_ack.is_none() {
            return;
        }
        let peer = &self.sides[direction.reverse()];
        if peer.isn.is_some_and(|isn| segment.ack.is_after(isn)) && self.sides[direction].isn.is_some() {
            handshake.complete = handshake.syn.is_some();
            self.shaking = !handshake.complete;
            let answers_after = handshake.syn_acks.answered_by(origin.time, segment);
            handshake.rtt = handshake.answered.zip(answers_after).map(|(first, second)| first + second);
            self.sides[direction].answers_after = answers_after.unwrap_or(Span::ZERO);
        }
    }

    /// Window, zero window and what is in flight.
    #[inline]
    pub(super) fn after_window(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        origin: Origin,
        verdict: &mut Verdict,
    ) {
        let (sender, receiver) = self.sides.both_mut(direction);
        let ordinary = !segment.flags.any(TcpFlags::SYN.with(TcpFlags::FIN));
        let window = verdict.window;
        let counters = &mut sender.counters;
        if !segment.flags.has(TcpFlags::SYN) {
            counters.window.record(window);
        }
        // A field of 16 bits, shifted by 14 at most.
        sender.largest_window = sender.largest_window.max(window as u32);
        if window == 0 && ordinary {
            verdict.marks.add(Marks::ZERO_WINDOW);
            counters.rare.zero_windows += 1;
            counters.rare.zero_since.get_or_insert(origin.time);
        } else if let Some(counters) = counters.rare.made()
            && let Some(since) = counters.zero_since.take()
        {
            let lasted = origin.time.since(since);
            counters.zero_window = counters.zero_window + lasted;
            counters.longest_zero_window = counters.longest_zero_window.max(lasted);
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
            sender.counters.rare.window_updates += 1;
        }
        sender.window_field = segment.window;
        if segment.seq_len() == 0 {
            return;
        }
        // Before the first acknowledgement all that was captured of it is on its way, but for the SYN. Where the other
        // direction is not captured, nobody knows when that was.
        let is_told = receiver.was_seen() || segment.flags.has(TcpFlags::SYN);
        let first = || sender.isn.map(|isn| isn.plus(1)).or(sender.captured.map(|(from, _)| from));
        let unacknowledged = || if is_told { first() } else { None };
        let (Some(next), Some(from)) = (sender.next, receiver.acked.or_else(unacknowledged)) else { return };
        let in_flight = next.distance(from);
        if segment.payload_length > 0 && in_flight > 0 {
            verdict.bytes_in_flight = Some(in_flight as u32);
            sender.counters.traffic.data.bytes_in_flight.record(u64::from(in_flight as u32));
        }
        let Some(acked) = receiver.acked else { return };
        let edge = receiver.scale.apply(receiver.window_field);
        let known = receiver.scale != WindowScale::Unknown;
        let fills = u64::from(segment.seq_end().0.wrapping_sub(acked.0)) == edge;
        if known && ordinary && segment.payload_length > 0 && edge > 0 && fills {
            verdict.marks.add(Marks::WINDOW_FULL);
            sender.counters.rare.window_full += 1;
        }
    }
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
    let (end, count) = match sender.trouble.stray {
        Some((end, count)) if segment.seq.distance(end).abs() < NEAR => (segment.seq_end(), count + 1),
        _ => (segment.seq_end(), 1),
    };
    sender.trouble.stray = Some((end, count));
    count < 3
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
