//! How much is held at most, as an option.

use clap::Args;
use mqttsniff::engine::{Cap, EngineOptions, HeldLimit};
use mqttsniff::session::SessionOptions;

/// The argument.
#[derive(Debug, Default, Args)]
pub(super) struct Caps {
    /// Hold at most so much of something: flows=100000
    ///
    /// What was let go for it is told by a finding, and counted in the summary. The caps and their defaults: flows
    /// (1000000; the one that was idle longest among some goes), fragments (4096 datagrams that wait for the rest; the
    /// oldest goes), fragment_bytes (33554432 for all of them), out_of_order (1048576 bytes ahead of a hole, in each
    /// direction of a flow; the hole is given up), messages (1048576 bytes of one that spans segments; its rest is only
    /// counted), stream_memory (268435456 bytes for what all streams hold of the last two; the one that holds most of some
    /// gives it up), sessions (100000 that wait for their client; the one that waited longest goes), deliveries (100000
    /// messages on their way through a broker; the oldest is told; and always 4096 that wait for an acknowledgement, in each
    /// direction of a session), session_memory (268435456 bytes for what all sessions hold of messages that wait for an
    /// acknowledgement, and of filters; those that hold most give up what is above their share), retained (100000 messages), subscriptions (67108864
    /// bytes for those by which the receivers of messages are found; further ones are left out), topics (100000; of further ones there is no row), topic_ids
    /// (16777216 bytes of the names that ids of MQTT-SN stand for; further ones are not kept), quic_streams (256 of a
    /// QUIC connection at a time; further ones are not read) and names (100000
    /// addresses that DNS names; the one that was named longest ago goes without). Those of deliveries, retained,
    /// subscriptions and topics hold where these are followed.
    #[arg(long, value_name = "WHAT=NUMBER", value_parser = cap, help_heading = "Limits")]
    cap: Vec<(What, usize)>,
}

/// What is capped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Number(Cap),
    /// The bytes of all datagrams that wait for fragments.
    FragmentBytes,
    /// The memory of all that streams hold back.
    StreamMemory,
}

impl What {
    const FRAGMENT_BYTES: &str = "fragment_bytes";
    const STREAM_MEMORY: &str = "stream_memory";

    fn names() -> impl Iterator<Item = (&'static str, Self)> {
        let caps = Cap::ALL.into_iter().map(|cap| (cap.name(), Self::Number(cap)));
        caps.chain([(Self::FRAGMENT_BYTES, Self::FragmentBytes), (Self::STREAM_MEMORY, Self::StreamMemory)])
    }
}

/// Reads `flows=100000`.
fn cap(text: &str) -> Result<(What, usize), String> {
    let (name, number) = text.split_once('=').ok_or("it is a name and a number, such as flows=100000")?;
    let what = What::names().find(|(known, _)| *known == name.replace('-', "_")).map(|(_, what)| what);
    let what = what.ok_or_else(|| {
        let names: Vec<_> = What::names().map(|(name, _)| name).collect();
        format!("there is no cap '{name}'; there are {}", names.join(", "))
    })?;
    match number.parse() {
        Ok(number) if number > 0 => Ok((what, number)),
        _ => Err(format!("'{number}' is no number from 1 on")),
    }
}

impl Caps {
    /// The options of the engine with these caps.
    pub(super) fn engine(&self, mut options: EngineOptions) -> EngineOptions {
        for (what, number) in &self.cap {
            match what {
                What::Number(Cap::Flows) => options.flows.flows = *number,
                What::Number(Cap::Fragments) => options.fragments.datagrams = *number,
                What::FragmentBytes => options.fragments.bytes = *number,
                What::StreamMemory => options.held = HeldLimit(*number),
                What::Number(Cap::OutOfOrder) => options.reassembly.bytes = *number,
                What::Number(Cap::Messages) => options.dissect.framer.held_bytes = *number,
                What::Number(Cap::TopicIds) => options.dissect.sn.names_bytes = *number,
                What::Number(Cap::QuicStreams) => options.dissect.quic.streams = *number,
                What::Number(Cap::Names) => options.names.limit(*number),
                What::Number(
                    Cap::Sessions
                    | Cap::Deliveries
                    | Cap::SessionMemory
                    | Cap::Retained
                    | Cap::Subscriptions
                    | Cap::Topics,
                ) => {}
            }
        }
        options
    }

    /// The same of the sessions.
    pub(super) fn sessions(&self, mut options: SessionOptions) -> SessionOptions {
        for (what, number) in &self.cap {
            match what {
                What::Number(Cap::Sessions) => options.waiting_sessions = *number,
                What::Number(Cap::Deliveries) => options.publications = *number,
                What::Number(Cap::SessionMemory) => options.memory = *number,
                What::Number(Cap::Retained) => options.retained = *number,
                What::Number(Cap::Subscriptions) => options.subscriptions = *number,
                What::Number(Cap::Topics) => options.topics = *number,
                What::Number(
                    Cap::Flows
                    | Cap::Fragments
                    | Cap::OutOfOrder
                    | Cap::Messages
                    | Cap::TopicIds
                    | Cap::QuicStreams
                    | Cap::Names,
                )
                | What::FragmentBytes
                | What::StreamMemory => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use mqttsniff::neighbour::Names;

    use super::*;

    #[test]
    fn each_cap_sets_its_limit_and_no_other() {
        for (name, what) in What::names() {
            let caps = Caps { cap: vec![cap(&format!("{name}=7")).expect(name)] };
            assert_eq!(caps.cap, [(what, 7)]);
            let engine = caps.engine(EngineOptions { names: Names::new(), ..EngineOptions::default() });
            let sessions = caps.sessions(SessionOptions::default());
            let set = [
                engine.flows.flows,
                engine.fragments.datagrams,
                engine.reassembly.bytes,
                engine.dissect.framer.held_bytes,
                sessions.waiting_sessions,
                sessions.publications,
                sessions.memory,
                sessions.retained,
                sessions.subscriptions,
                sessions.topics,
                engine.dissect.sn.names_bytes,
                engine.dissect.quic.streams,
                engine.names.held().1,
                engine.fragments.bytes,
                engine.held.0,
            ];
            let place = What::names().position(|(known, _)| known == name);
            assert_eq!(set.iter().position(|number| *number == 7), place, "{name}");
            assert_eq!(set.iter().filter(|number| **number == 7).count(), 1, "{name}");
        }
        assert_eq!(cap("out-of-order=1"), Ok((What::Number(Cap::OutOfOrder), 1)));
        assert!(cap("flows").is_err() && cap("flows=0").is_err() && cap("flows=-1").is_err());
        assert!(cap("flow=1").is_err_and(|error| error.contains("flows, fragments")));
    }
}
