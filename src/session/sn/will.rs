//! The will, as it is handed over before the CONNACK (section 6.2).

use crate::mqttsn::Kind;

/// How far that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum WillStep {
    /// No CONNECT was seen that says whether there is one, or it is settled.
    #[default]
    Settled,
    /// The CONNECT has none.
    None,
    /// The CONNECT has one; the topic is not asked for yet.
    Announced,
    /// The topic is asked for.
    TopicAsked,
    /// The topic is there.
    Topic,
    /// The message is asked for.
    MessageAsked,
    /// It is complete.
    Complete,
}

impl WillStep {
    /// Takes a message of the procedure; gives whether it was its turn. One that is sent again is as good.
    pub(super) const fn take(&mut self, kind: Kind) -> bool {
        let next = match (*self, kind) {
            (Self::Settled, _) => Self::Settled,
            (Self::Announced | Self::TopicAsked, Kind::WillTopicReq) => Self::TopicAsked,
            // What was asked for once more, because the answer was lost, changes nothing.
            (Self::TopicAsked | Self::Topic, Kind::WillTopic) | (Self::Topic, Kind::WillTopicReq) => Self::Topic,
            (Self::Topic | Self::MessageAsked, Kind::WillMsgReq) => Self::MessageAsked,
            (Self::MessageAsked | Self::Complete, Kind::WillMsg) | (Self::Complete, Kind::WillMsgReq) => Self::Complete,
            (
                Self::None | Self::Announced | Self::TopicAsked | Self::Topic | Self::MessageAsked | Self::Complete,
                _,
            ) => return false,
        };
        *self = next;
        true
    }
}
