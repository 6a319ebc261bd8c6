//! The caps on what is held, and how often each had an effect.

/// Something that is held only up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Cap {
    /// Flows; one that was idle for long was let go before its end.
    Flows,
    /// Datagrams that wait for fragments; one was given up.
    Fragments,
    /// Bytes or segments ahead of a hole in a stream; the hole was given up.
    OutOfOrder,
    /// Bytes of one message; the rest of it was not kept.
    Messages,
    /// Sessions that wait for their client; one was forgotten.
    Sessions,
    /// Messages on their way; one was told without waiting for its receivers, or for its acknowledgement.
    Deliveries,
    /// Bytes of what all sessions hold of exchanges and filters; one gave up what was above its share.
    SessionMemory,
    /// Retained messages; one was not remembered.
    Retained,
    /// Bytes of the subscriptions by which receivers are found; one was left out, or a message matched too many.
    Subscriptions,
    /// Topics; a message of another was not counted.
    Topics,
    /// Bytes of the topic names that ids of MQTT-SN stand for; one was not kept.
    TopicIds,
    /// Streams of a QUIC connection; one was not read.
    QuicStreams,
    /// Addresses that have names; those of one were forgotten.
    Names,
}

impl Cap {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Flows,
        Self::Fragments,
        Self::OutOfOrder,
        Self::Messages,
        Self::Sessions,
        Self::Deliveries,
        Self::SessionMemory,
        Self::Retained,
        Self::Subscriptions,
        Self::Topics,
        Self::TopicIds,
        Self::QuicStreams,
        Self::Names,
    ];

    /// Its name in output, and as an option.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Fragments => "fragments",
            Self::OutOfOrder => "out_of_order",
            Self::Messages => "messages",
            Self::Sessions => "sessions",
            Self::Deliveries => "deliveries",
            Self::SessionMemory => "session_memory",
            Self::Retained => "retained",
            Self::Subscriptions => "subscriptions",
            Self::Topics => "topics",
            Self::TopicIds => "topic_ids",
            Self::QuicStreams => "quic_streams",
            Self::Names => "names",
        }
    }

    /// What became of what was too much, in words.
    pub const fn effect(self) -> &'static str {
        match self {
            Self::Flows => "flows let go before their end",
            Self::Fragments => "fragmented datagrams given up",
            Self::OutOfOrder => "holes in streams given up",
            Self::Messages => "messages not kept to their end",
            Self::Sessions => "sessions forgotten that waited for their client",
            Self::Deliveries => "messages not followed through the broker to their end",
            Self::SessionMemory => "sessions that gave up what they held above their share",
            Self::Retained => "retained messages not remembered",
            Self::Subscriptions => "subscriptions not remembered, and messages that match too many",
            Self::Topics => "messages of topics that are not counted",
            Self::TopicIds => "topic names of MQTT-SN not kept",
            Self::QuicStreams => "streams of QUIC not read",
            Self::Names => "addresses whose names were forgotten",
        }
    }
}

/// How often each cap had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapCounts([u64; Cap::ALL.len()]);

impl CapCounts {
    /// None yet but this, so often.
    #[must_use]
    pub const fn with(mut self, cap: Cap, count: u64) -> Self {
        self.0[cap as usize] += count;
        self
    }

    /// It had an effect once more; gives how often by now.
    pub const fn add(&mut self, cap: Cap) -> u64 {
        self.0[cap as usize] += 1;
        self.0[cap as usize]
    }

    /// It had an effect so often by now.
    pub const fn set(&mut self, cap: Cap, count: u64) {
        self.0[cap as usize] = count;
    }

    /// How often this one.
    pub const fn of(&self, cap: Cap) -> u64 {
        self.0[cap as usize]
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those and these.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
        self
    }

    /// The caps that had an effect, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Cap, u64)> {
        Cap::ALL.into_iter().map(|cap| (cap, self.of(cap))).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cap_has_its_own_count() {
        let mut counts = CapCounts::default().with(Cap::Topics, 2);
        counts.add(Cap::Flows);
        let both = counts.and(&CapCounts::default().with(Cap::Topics, 3));
        assert_eq!(both.iter().collect::<Vec<_>>(), [(Cap::Flows, 1), (Cap::Topics, 5)]);
        assert_eq!(both.total(), 6);
        for (place, cap) in Cap::ALL.into_iter().enumerate() {
            assert_eq!(cap as usize, place);
        }
    }
}
