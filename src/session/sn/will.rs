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
        let (next, fits) = match (*self, kind) {
            (Self::Settled, _) => (Self::Settled, true),
            (Self::None, _) => (Self::None, false),
            (Self::Announced | Self::TopicAsked, Kind::WillTopicReq) => (Self::TopicAsked, true),
            (Self::TopicAsked | Self::Topic, Kind::WillTopic) => (Self::Topic, true),
            (Self::Topic | Self::MessageAsked, Kind::WillMsgReq) => (Self::MessageAsked, true),
            (Self::MessageAsked | Self::Complete, Kind::WillMsg) => (Self::Complete, true),
            // The answer was lost, so that it is asked for once more.
            (Self::Topic, Kind::WillTopicReq) => (Self::Topic, true),
            (Self::Complete, Kind::WillMsgReq) => (Self::Complete, true),
            (Self::Announced, Kind::WillTopic | Kind::WillMsgReq | Kind::WillMsg)
            | (Self::TopicAsked, Kind::WillMsgReq | Kind::WillMsg)
            | (Self::Topic, Kind::WillMsg)
            | (Self::MessageAsked | Self::Complete, Kind::WillTopicReq | Kind::WillTopic)
            | (Self::Announced | Self::TopicAsked | Self::Topic | Self::MessageAsked | Self::Complete, _) => {
                (*self, false)
            }
        };
        *self = next;
        fits
    }
}
