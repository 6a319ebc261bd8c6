//! What kind of packet a packet is, as far as statements care: the classes by which it is counted what was put to the
//! test.

use crate::mqtt::PacketType;

macro_rules! features {
    ($($constant:ident $name:literal;)*) => {
        #[derive(Clone, Copy)]
        #[repr(u8)]
        enum Bit { $($constant,)* }

        /// Features of a packet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub(super) struct Features(u128);

        #[allow(non_upper_case_globals)]
        impl Features {
            $(pub(super) const $constant: Self = Self(1 << Bit::$constant as u8);)*

            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$constant),)* _ => None }
            }
        }
    };
}

features! {
    // What limits a verdict.
    Started "started";
    Whole "whole";
    Sound "sound";
    Fresh "fresh";
    // Who sent it, and where it stands.
    Client "client";
    Server "server";
    First "first";
    Answers "answers";
    Opens "opens";
    Resends "resends";
    Reused "reused";
    ReusedRefused "reused-refused";
    Accepted "accepted";
    // What is in it.
    Text "text";
    Props "props";
    UserProperty "user-property";
    Qos0 "qos0";
    Qos1 "qos1";
    Qos2 "qos2";
    Dup "dup";
    Retain "retain";
    Alias "alias";
    Topic "topic";
    NoTopic "no-topic";
    Will "will";
    NoWill "no-will";
    UserName "user-name";
    NoUserName "no-user-name";
    Password "password";
    NoPassword "no-password";
    EmptyId "empty-id";
    PlainId "plain-id";
    Clean "clean";
    Resume "resume";
    Success "success";
    Failure "failure";
    Absent "absent";
    Code "code";
    Shared "shared";
    Wildcard "wildcard";
    SubscriptionId "subscription-id";
    ResponseTopic "response-topic";
    ContentType "content-type";
    PayloadFormat "payload-format";
    ReasonString "reason-string";
    Switch "switch";
    ReceiveMaximum "receive-maximum";
    MaximumPacketSize "maximum-packet-size";
    AuthenticationData "authentication-data";
    ServerReference "server-reference";
    SessionExpiry "session-expiry";
    AssignedId "assigned-id";
    // What its receiver allows, or was agreed.
    Sized "sized";
    Aliased "aliased";
    NoAlias "no-alias";
    QosCapped "qos-capped";
    NoRetain "no-retain";
    NoWildcard "no-wildcard";
    NoSubscriptionId "no-subscription-id";
    NoShared "no-shared";
    NoProblems "no-problems";
    NoResponseInformation "no-response-information";
    Method "method";
    NoMethod "no-method";
    Subscribed "subscribed";
}

impl Features {
    /// None of them.
    pub(super) const NONE: Self = Self(0);

    /// With these too, if so.
    pub(super) const fn with(self, other: Self, so: bool) -> Self {
        if so { Self(self.0 | other.0) } else { self }
    }

    /// These and those.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are there.
    pub(super) const fn has(self, all: Self) -> bool {
        self.0 & all.0 == all.0
    }
}

/// A class of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Class {
    pub(super) packet_type: PacketType,
    pub(super) features: Features,
}

/// Which packets put a statement to the test.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exercise {
    /// A bit for each packet type.
    types: u16,
    features: Features,
    terms: usize,
}

impl Exercise {
    /// Reads `PUBLISH+qos0 | CONNECT/AUTH`: packets, and what they have to have.
    pub(super) fn parse_all(text: &str) -> Vec<Self> {
        text.split(" | ").filter_map(Self::parse).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut terms = text.split('+');
        let names = terms.next().filter(|names| !names.is_empty())?;
        let mut exercise = Self { types: 0, features: Features::default(), terms: 1 };
        for name in names.split('/') {
            exercise.types |= match PacketType::ALL.iter().find(|known| known.name() == name) {
                Some(known) => 1 << *known as u16,
                None if name == "*" => u16::MAX,
                None => return None,
            };
        }
        for term in terms {
            exercise.features = exercise.features.with(Features::named(term)?, true);
            exercise.terms += 1;
        }
        Some(exercise)
    }

    /// How many words it was made of.
    #[cfg(test)]
    pub(super) const fn terms(&self) -> usize {
        self.terms
    }

    /// Whether a packet of this class is one.
    pub(super) const fn holds(&self, class: &Class) -> bool {
        self.types & 1 << class.packet_type as u16 != 0 && class.features.has(self.features)
    }
}
