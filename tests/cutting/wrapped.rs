//! The same conversations inside WebSocket: in frames of any size, masked, in fragments, with pings between them,
//! compressed or not. They give the messages that they give plain.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::websocket::{Deflater, PROTOCOL, frame, request, response};
use crate::run::{Capture, Told, cut, run, run_late};
use crate::talk::{CLIENT, SERVER, Said, Talk, talk};

/// How a conversation is wrapped.
#[derive(Debug, Clone)]
struct Wrapping {
    /// Lengths of the messages of WebSocket and of the frames that they are cut into, again and again.
    messages: Vec<usize>,
    frames: Vec<usize>,
    keys: Vec<[u8; 4]>,
    /// After how many frames a ping comes.
    pings: usize,
    /// Compressed, and whether each message knows those before it.
    deflate: Option<bool>,
}

fn wrapping() -> impl Strategy<Value = Wrapping> {
    let lengths = || vec(prop_oneof![1_usize..6, 1_usize..300, 100_usize..5000], 1..6);
    let deflate = prop_oneof![2 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    (lengths(), lengths(), vec(any::<[u8; 4]>(), 1..4), 1_usize..12, deflate)
        .prop_map(|(messages, frames, keys, pings, deflate)| Wrapping { messages, frames, keys, pings, deflate })
}

impl Wrapping {
    fn of(&self, talk: &Talk) -> Talk {
        let extension = self.deflate.map(|keeps| {
            let kept = if keeps { "" } else { "; client_no_context_takeover; server_no_context_takeover" };
            format!("Sec-WebSocket-Extensions: permessage-deflate{kept}")
        });
        let lines: Vec<&str> = std::iter::once(PROTOCOL).chain(extension.as_deref()).collect();
        let said = |from, bytes| Said { from, bytes, topic: None, telling: false };
        let mut out = vec![said(CLIENT, request(&lines)), said(SERVER, response(&lines))];
        let mut deflaters = [CLIENT, SERVER].map(|_| self.deflate.map(Deflater::new));
        let mut rest = &talk.said[..];
        while let Some(first) = rest.first() {
            let run = rest.iter().take_while(|said| said.from == first.from).count();
            let bytes: Vec<u8> = rest[..run].iter().flat_map(|said| said.bytes.clone()).collect();
            out.push(said(first.from, self.frames(first.from, &bytes, &mut deflaters[first.from])));
            rest = &rest[run..];
        }
        Talk { version: talk.version, said: out }
    }

    /// The frames of what an end says in a row.
    fn frames(&self, from: usize, bytes: &[u8], deflater: &mut Option<Deflater>) -> Vec<u8> {
        let (mut out, mut rest, mut count) = (Vec::new(), bytes, 0);
        let mut lengths = self.messages.iter().cycle();
        let mut cuts = self.frames.iter().cycle();
        let key = |count: usize| (from == CLIENT).then(|| self.keys[count % self.keys.len()]);
        while !rest.is_empty() {
            let (message, behind) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
            rest = behind;
            let payload = deflater.as_mut().map_or_else(|| message.to_vec(), |deflater| deflater.message(message));
            let (mut left, mut first) = (&payload[..], true);
            loop {
                let (part, more) = left.split_at(left.len().min(*cuts.next().unwrap()));
                let opcode = if first { 2 | if deflater.is_some() { 0x40 } else { 0 } } else { 0 };
                let fin = if more.is_empty() { 0x80 } else { 0 };
                out.extend(frame(opcode | fin, key(count), part));
                count += 1;
                if count % self.pings == 0 {
                    out.extend(frame(0x89, key(count), b"still there?"));
                }
                (left, first) = (more, false);
                if left.is_empty() {
                    break;
                }
            }
        }
        out
    }
}

fn of_side(told: &[Told], side: usize) -> Vec<&Told> {
    told.iter().filter(|told| told.side == side).collect()
}

const PORTS: Capture = Capture { ports: [40_000, 9001], with_syn: true, payload_limit: usize::MAX };

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(120), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_wrapping_and_any_cut_give_the_messages_of_the_plain_stream(
        talk in talk(),
        wrapping in wrapping(),
        places in vec(any::<(Index, Index)>(), 0..14),
        jitter in vec(0_usize..4, 64),
    ) {
        let plain = run(&talk, &cut(&talk, &[]).0, Capture::default());
        let wrapped = wrapping.of(&talk);
        let (segments, _) = cut(&wrapped, &places);
        // Nobody answers what was not sent yet: the request, its answer and the CONNECT come first.
        let connected = wrapped.said[0].bytes.len() + wrapped.said[2].bytes.len();
        let begun = segments.iter().position(|segment| segment.side == CLIENT && segment.to >= connected).unwrap();
        let late: Vec<_> = (0..segments.len()).map(|n| if n <= begun { 0 } else { jitter[n % 64].min(2) }).collect();
        let told = run_late(&wrapped, &segments, &late, PORTS);
        for side in [CLIENT, SERVER] {
            prop_assert_eq!(of_side(&told, side), of_side(&plain, side), "{:?}", wrapping);
        }
    }

    /// What is lost is lost; what is told as whole and not searched for was said.
    #[test]
    fn a_lost_segment_invents_nothing(
        talk in talk(),
        wrapping in wrapping(),
        places in vec(any::<(Index, Index)>(), 0..14),
        lost in any::<Index>(),
    ) {
        let plain = run(&talk, &cut(&talk, &[]).0, Capture::default());
        let wrapped = wrapping.of(&talk);
        let (mut segments, _) = cut(&wrapped, &places);
        let gone = segments.remove(lost.index(segments.len()));
        let told = run(&wrapped, &segments, PORTS);
        for told in told.iter().filter(|told| told.missing == 0 && !told.incomplete) {
            let said = plain.iter().any(|said| said.side == told.side && said.packet_type == told.packet_type && said.length == told.length);
            prop_assert!(said, "{:?} without {:?} {:?}", told, gone, wrapping);
        }
        let other = 1 - gone.side;
        // The other direction needs nothing of this one, but the request and the answer.
        let heads = [wrapped.said[0].bytes.len(), wrapped.said[1].bytes.len()];
        if gone.from >= heads[gone.side] {
            let kept: Vec<_> = of_side(&told, other).iter().map(|told| (told.packet_type, told.length)).collect();
            let said: Vec<_> = of_side(&plain, other).iter().map(|told| (told.packet_type, told.length)).collect();
            prop_assert_eq!(kept, said);
        }
    }
}
