//! The short way of the usual segment: data in order, or an acknowledgement, of a connection that stands and where
//! nothing is amiss. It does what the long way in [`super::tcp`] does with such a segment, and nothing else.

use super::endpoint::Direction;
use super::oddity::{self, HOPS, Oddity};
use super::side::{Sent, Stamp, WindowScale};
use super::state::TcpState;
use super::tcp::Connection;
use super::verdict::{Marks, Verdict};
use crate::capture::Origin;
use crate::wire::{Checksum, Ip, Segment, TcpFlags};

/// Less than any end may reach beyond what was acknowledged, so that no such segment is a stray one.
const NEAR: u32 = 1 << 20;

impl Connection {
    /// Takes in a segment if it is a usual one; if not, nothing is changed.
    pub(super) fn take_in_usual(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        ip: &Ip,
        length: u32,
        origin: Origin,
    ) -> Option<Verdict> {
        const SPECIAL: TcpFlags = TcpFlags::SYN.with(TcpFlags::FIN).with(TcpFlags::RST).with(TcpFlags::URG);
        let flags = segment.flags;
        if flags.any(SPECIAL) || !flags.has(TcpFlags::ACK) {
            return None;
        }
        let timestamps = match *segment.options.0 {
            [] => None,
            [1, 1, 8, 10, ..] if segment.options.0.len() == 12 => segment.options.timestamps(),
            _ => return None,
        };
        if self.closing.is_made() || self.shaking {
            return None;
        }
        let (sender, receiver) = self.sides.both_mut(direction);
        let stands = sender.state == TcpState::Established && receiver.state == TcpState::Established;
        let quiet = !sender.inbox.is_made() && !receiver.inbox.is_made() && !sender.reset_due;
        let whole = sender.trouble.damaged.is_empty();
        let summed = matches!(segment.checksum, Checksum::Good | Checksum::Unknown);
        let probed = receiver.last_was_keep_alive || receiver.last_was_probe;
        if !(stands && quiet && whole && summed) || probed || sender.fin.is_some() {
            return None;
        }
        let (Some(base), Some(next), Some(acked)) = (sender.base, sender.next, sender.acked) else { return None };
        let (Some(peer_base), Some(peer_next), Some(peer_acked)) = (receiver.base, receiver.next, receiver.acked)
        else {
            return None;
        };
        let (seq, ack, bare) = (segment.seq, segment.ack, segment.payload_length == 0);
        // In order, of what the peer sent, and with no more on its way than any window allows.
        let fits = seq == next
            && next.0.wrapping_sub(peer_acked.0) <= NEAR
            && peer_next.0.wrapping_sub(ack.0) <= NEAR
            && ack.0.wrapping_sub(acked.0) <= NEAR;
        let open = segment.window != 0 && receiver.window_field != 0 && sender.counters.zero_since.is_none();
        let advanced = ack != acked;
        // Without news and with the same window it is a duplicate acknowledgement.
        let duplicate = bare && !advanced && segment.window == sender.window_field;
        let hops = sender.hops.is_some_and(|usual| usual.abs_diff(ip.ttl) <= HOPS);
        if !fits || !open || duplicate || !hops || segment.payload_length > NEAR {
            return None;
        }

        self.pass_time(origin.time);
        let (sender, receiver) = self.sides.both_mut(direction);
        let stamp = Stamp { ip_id: ip.id.filter(|id| *id != 0), tsval: timestamps.map(|(value, _)| value) };
        let mut verdict = Verdict {
            relative_seq: seq.0.wrapping_sub(base.0),
            relative_ack: Some(ack.0.wrapping_sub(peer_base.0)),
            window: sender.scale.apply(segment.window),
            ..Verdict::default()
        };
        let counters = &mut sender.counters;
        counters.packets += 1;
        counters.bytes += u64::from(length);
        if segment.checksum == Checksum::Good {
            sender.checksums.0 = sender.checksums.0.saturating_add(1);
        }
        if advanced {
            receiver.note_original_arrived(acked, ack, timestamps.map(|(_, echo)| echo));
            sender.acked = Some(ack);
            receiver.progress(ack, bare, origin.time, &mut verdict);
        }
        if let Some(trouble) = sender.trouble.made() {
            trouble.stray = None;
            trouble.challenge_due = false;
        }
        if let Some(trouble) = receiver.trouble.made() {
            trouble.probes = None;
        }
        receiver.ack_received = true;
        receiver.last_ack_received = origin.time;
        if !bare {
            let end = seq.plus(segment.payload_length);
            sender.counters.payload_bytes += u64::from(segment.payload_length);
            sender.counters.unique_bytes += u64::from(segment.payload_length);
            sender.note_captured(seq, end);
            sender.next = Some(end);
            sender.remember(Sent::first(seq, end, origin.time, stamp));
        }
        // Each has news, so that none is a copy of the last.
        sender.note_stamp(stamp, true);
        sender.counters.window.record(verdict.window);
        sender.largest_window = sender.largest_window.max(verdict.window as u32);
        let changed = std::mem::replace(&mut sender.window_field, segment.window) != segment.window;
        if bare {
            if changed && verdict.ack_rtt.is_none() && sender.counters.packets > 2 {
                verdict.marks.add(Marks::WINDOW_UPDATE);
                sender.counters.rare.window_updates += 1;
            }
        } else {
            let in_flight = seq.plus(segment.payload_length).distance(peer_acked);
            verdict.bytes_in_flight = Some(in_flight as u32);
            sender.counters.traffic.data.bytes_in_flight.record(u64::from(in_flight as u32));
            let known = receiver.scale != WindowScale::Unknown;
            if known && u64::from(in_flight as u32) == receiver.scale.apply(receiver.window_field) {
                verdict.marks.add(Marks::WINDOW_FULL);
                sender.counters.rare.window_full += 1;
            }
        }
        let mss = receiver.syn.and_then(|syn| syn.mss).unwrap_or(0);
        sender.counters.traffic.on_usual(segment, origin.time, mss.into(), sender.answers_after);
        if let Some((value, echo)) = timestamps
            && oddity::old_timestamp(sender, receiver, flags, value, echo)
        {
            sender.trouble.oddities.note(Oddity::OldTimestamp, origin);
        }
        Some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameNo;
    use crate::time::Timestamp;
    use crate::wire::{SeqNum, TcpOptions};
    use proptest::prelude::*;

    /// What an end does next: which, by how much, and what is unusual about it.
    type Step = (bool, u8, u8, u8, u32);

    #[derive(Clone, Copy)]
    struct End {
        next: u32,
        got: u32,
        window: u16,
    }

    const SACK: [u8; 12] = [1, 1, 5, 10, 0, 0, 2, 0x58, 0, 0, 2, 0xbc];

    /// Plays the steps twice: once with the short way, once without. Returns how many segments went the short way.
    fn play(steps: &[Step], handshake: bool, timed: bool) -> usize {
        let (mut short, mut long) = (Connection::default(), Connection::default());
        let (mut taken, mut now) = (0, 1_000_000_000);
        let mut ends = [End { next: 1000, got: 5000, window: 500 }, End { next: 5000, got: 1000, window: 600 }];
        let syns = [(false, 250, 0, 0, 0), (true, 251, 0, 0, 0), (false, 252, 0, 0, 0)];
        let opening = if handshake { &syns[..] } else { &[] };
        for (frame, &(server, action, amount, odd, wait)) in opening.iter().chain(steps).enumerate() {
            let [client_end, server_end] = &mut ends;
            let (own, peer) = if server { (server_end, client_end) } else { (client_end, server_end) };
            now += i64::from(wait) * 1000;
            let mut length = 0;
            let (mut seq, mut flags) = (own.next, TcpFlags::ACK);
            match action {
                0..=110 => length = u32::from(amount) + 1,
                111..=220 => own.got = peer.next,
                221..=226 => own.got = own.got.wrapping_add(u32::from(amount)),
                227..=230 => (seq, length) = (seq.wrapping_sub(u32::from(amount)), u32::from(amount)),
                231..=233 => (seq, length) = (seq.wrapping_add(u32::from(amount)), 20),
                234..=237 => own.window = u16::from(amount) * 100,
                238 => seq = seq.wrapping_sub(1),
                239 => own.got = own.got.wrapping_sub(u32::from(amount)),
                240 => flags = flags.with(TcpFlags::FIN),
                241 => flags = flags.with(TcpFlags::RST),
                242 => flags = TcpFlags::PSH,
                243 => (seq, length) = (seq, 1),
                244 => own.window = 0,
                250 => (flags, seq) = (TcpFlags::SYN, seq.wrapping_sub(1)),
                251 => (flags, seq) = (TcpFlags::SYN.with(TcpFlags::ACK), seq.wrapping_sub(1)),
                _ => {}
            }
            let number = (frame as u32).to_be_bytes();
            let stamps = [&[1, 1, 8, 10], &number[..], &[0, 0, 0, amount]].concat();
            let segment = Segment {
                source: 1,
                destination: 2,
                seq: SeqNum(seq),
                ack: SeqNum(own.got),
                flags,
                window: own.window,
                urgent: 0,
                checksum_field: 7,
                checksum: if odd == 1 { Checksum::Bad } else { Checksum::Good },
                header_length: 20,
                options: TcpOptions(if odd == 2 {
                    &SACK
                } else if timed {
                    &stamps
                } else {
                    &[]
                }),
                payload: &[],
                payload_length: length,
            };
            own.next = if SeqNum(seq.wrapping_add(length)).is_after(SeqNum(own.next)) {
                seq.wrapping_add(length)
            } else {
                own.next
            };
            let ip = Ip {
                source: [10, 0, 0, 1].into(),
                destination: [10, 0, 0, 2].into(),
                ttl: if odd == 3 { 30 } else { 64 },
                traffic_class: 0,
                id: Some(if odd == 4 { 9 } else { frame as u16 + 1 }),
                dont_fragment: true,
                header_checksum: Checksum::Good,
                protocol: 6,
                payload_length: 20 + length,
            };
            let origin = Origin { frame: FrameNo(frame as u64 + 1), time: Timestamp::from_nanos(now) };
            let direction = if server { Direction::ToClient } else { Direction::ToServer };
            let usual = short.clone().take_in_usual(direction, &segment, &ip, 60 + length, origin);
            taken += usize::from(usual.is_some());
            let one = short.on_segment(direction, &segment, &ip, 60 + length, origin);
            let other = long.take_in_any(direction, &segment, &ip, 60 + length, origin);
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "frame {frame}");
            assert_eq!(format!("{short:?}"), format!("{long:?}"), "frame {frame}");
        }
        taken
    }

    #[test]
    fn an_even_exchange_goes_the_short_way() {
        let steps: Vec<Step> = (0..40)
            .map(|step| if step % 2 == 0 { (step % 4 == 0, 1, 50, 0, 9) } else { (step % 4 == 3, 111, 0, 0, 9) })
            .collect();
        for (handshake, timed) in [(false, false), (true, false), (true, true)] {
            let taken = play(&steps, handshake, timed);
            assert!(taken >= 36, "{taken} of 40");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn the_short_way_leads_where_the_long_way_does(
            steps in proptest::collection::vec(
                (any::<bool>(), prop_oneof![9 => 0u8..221, 1 => 221u8..253], 0u8..200, prop_oneof![40 => Just(0u8), 1 => 1u8..5],
                    prop_oneof![6 => 0u32..2000, 1 => 0u32..300_000]),
                0..60,
            ),
            handshake in any::<bool>(),
            timed in any::<bool>(),
        ) {
            play(&steps, handshake, timed);
        }
    }
}
