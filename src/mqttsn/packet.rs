//! A message with its fields.

use super::deviation::Deviation;
use super::kind::Kind;

/// What stands before each message (section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The type.
    pub kind: Kind,
    /// Its code.
    pub code: u8,
    /// The length of the whole message, as it says itself.
    pub length: u16,
    /// How many bytes the header has: 2, or 4 with the long form of the length.
    pub octets: u8,
}

/// The flags of a message (section 5.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

/// What a topic id stands for (section 5.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TopicIdType {
    /// An id that was registered; in SUBSCRIBE and UNSUBSCRIBE a name stands in its place.
    Normal,
    /// An id that both sides know beforehand.
    Predefined,
    /// No id, but a name of two bytes.
    Short,
    /// A reserved value.
    Reserved,
}

impl TopicIdType {
    /// A name for output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Predefined => "predefined",
            Self::Short => "short",
            Self::Reserved => "reserved",
        }
    }
}

impl Flags {
    /// The message is sent again.
    pub const fn dup(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Quality of service: 0, 1, 2, or -1.
    pub const fn qos(self) -> i8 {
        match self.0 >> 5 & 3 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => -1,
        }
    }

    /// To be retained.
    pub const fn retain(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// The client has a will.
    pub const fn will(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Without what was before.
    pub const fn clean_session(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// What the topic id is.
    pub const fn topic_id_type(self) -> TopicIdType {
        match self.0 & 3 {
            0 => TopicIdType::Normal,
            1 => TopicIdType::Predefined,
            2 => TopicIdType::Short,
            _ => TopicIdType::Reserved,
        }
    }
}

/// An answer (section 5.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnCode(pub u8);

impl ReturnCode {
    /// Accepted.
    pub const ACCEPTED: Self = Self(0);
    /// Rejected, for there is too much to do.
    pub const CONGESTION: Self = Self(1);
    /// Rejected, for the topic id is not known.
    pub const INVALID_TOPIC_ID: Self = Self(2);

    /// What it says; nothing where it is reserved.
    pub const fn name(self) -> Option<&'static str> {
        match self.0 {
            0 => Some("accepted"),
            1 => Some("rejected: congestion"),
            2 => Some("rejected: invalid topic id"),
            3 => Some("rejected: not supported"),
            _ => None,
        }
    }
}

/// The topic of a SUBSCRIBE or UNSUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicRef<'a> {
    /// By its name, which may have wildcards.
    Name(&'a [u8]),
    /// By a short name.
    Short([u8; 2]),
    /// By an id that is known beforehand.
    Id(u16),
}

/// What stands behind the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// Of ADVERTISE.
    Advertise {
        /// Which gateway.
        gateway_id: u8,
        /// Seconds until the next one.
        duration: u16,
    },
    /// Of SEARCHGW.
    SearchGw {
        /// How far it is to be passed on; 0 is everywhere.
        radius: u8,
    },
    /// Of GWINFO.
    GwInfo {
        /// Which gateway.
        gateway_id: u8,
        /// Its address, where a client tells it.
        address: &'a [u8],
    },
    /// Of CONNECT.
    Connect {
        /// Will and CleanSession.
        flags: Flags,
        /// Which protocol; 1.
        protocol_id: u8,
        /// The keep alive time in seconds.
        duration: u16,
        /// Who connects.
        client_id: &'a [u8],
    },
    /// A return code alone, of CONNACK, WILLTOPICRESP and WILLMSGRESP.
    Answer(ReturnCode),
    /// Of WILLTOPIC and WILLTOPICUPD; without flags and topic, the will is to be deleted.
    WillTopic(Option<(Flags, &'a [u8])>),
    /// Of WILLMSG and WILLMSGUPD.
    WillMessage(&'a [u8]),
    /// Of REGISTER.
    Register {
        /// The id that a gateway has chosen; 0 where a client asks for one.
        topic_id: u16,
        /// By which the answer is known.
        message_id: u16,
        /// The topic.
        topic: &'a [u8],
    },
    /// Of REGACK and PUBACK.
    TopicAnswer {
        /// Of which topic.
        topic_id: u16,
        /// What is answered.
        message_id: u16,
        /// How.
        code: ReturnCode,
    },
    /// Of PUBLISH.
    Publish {
        /// DUP, QoS, Retain and TopicIdType.
        flags: Flags,
        /// The topic id, or a short name.
        topic_id: u16,
        /// By which the answer is known; 0 for QoS 0 and -1.
        message_id: u16,
        /// The payload, as far as it was captured.
        data: &'a [u8],
        /// How long it is.
        length: u32,
    },
    /// A message id alone, of PUBREC, PUBREL, PUBCOMP and UNSUBACK.
    MessageId(u16),
    /// Of SUBSCRIBE and UNSUBSCRIBE.
    Subscribe {
        /// DUP, QoS and TopicIdType.
        flags: Flags,
        /// By which the answer is known.
        message_id: u16,
        /// What is subscribed to.
        topic: TopicRef<'a>,
    },
    /// Of SUBACK.
    SubAck {
        /// The QoS that is granted.
        flags: Flags,
        /// The id of the topic; 0 for a filter with wildcards.
        topic_id: u16,
        /// What is answered.
        message_id: u16,
        /// How.
        code: ReturnCode,
    },
    /// Of PINGREQ, with the client id where a client is awake for a while.
    PingReq(Option<&'a [u8]>),
    /// Of DISCONNECT, with the seconds that a client is going to sleep for.
    Disconnect(Option<u16>),
    /// There is none, in WILLTOPICREQ, WILLMSGREQ and PINGRESP.
    Empty,
    /// It can't be read: the type is reserved, or the fields do not fit into the message.
    Unread,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// Its fields.
    pub body: Body<'a>,
    /// What deviates from the specification, in the order of the bytes.
    pub deviations: Vec<Deviation>,
    /// Bytes of it that were not captured.
    pub missing: u32,
}

impl Packet<'_> {
    /// The flags, of a type that has them.
    pub const fn flags(&self) -> Option<Flags> {
        match self.body {
            Body::Connect { flags, .. }
            | Body::WillTopic(Some((flags, _)))
            | Body::Publish { flags, .. }
            | Body::Subscribe { flags, .. }
            | Body::SubAck { flags, .. } => Some(flags),
            _ => None,
        }
    }

    /// The id by which an answer is known, of a type that has one.
    pub const fn message_id(&self) -> Option<u16> {
        match self.body {
            Body::Register { message_id, .. }
            | Body::TopicAnswer { message_id, .. }
            | Body::Publish { message_id, .. }
            | Body::MessageId(message_id)
            | Body::Subscribe { message_id, .. }
            | Body::SubAck { message_id, .. } => Some(message_id),
            _ => None,
        }
    }

    /// The topic id, of a type that has one, if it is not a short name.
    pub fn topic_id(&self) -> Option<u16> {
        match self.body {
            Body::Publish { flags, topic_id, .. } if flags.topic_id_type() != TopicIdType::Short => Some(topic_id),
            Body::Register { topic_id, .. }
            | Body::TopicAnswer { topic_id, .. }
            | Body::SubAck { topic_id, .. }
            | Body::Subscribe { topic: TopicRef::Id(topic_id), .. } => Some(topic_id),
            _ => None,
        }
    }

    /// The return code, of an answer.
    pub const fn return_code(&self) -> Option<ReturnCode> {
        match self.body {
            Body::Answer(code) | Body::TopicAnswer { code, .. } | Body::SubAck { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// What a forwarder has put before a message (section 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encapsulation<'a> {
    /// How far a message of the gateway is to be passed on; 0 in one to a single node.
    pub radius: u8,
    /// The node that sent the message, or that it is for.
    pub node: &'a [u8],
}

/// A datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What a forwarder has put before its message.
    pub encapsulation: Option<Encapsulation<'a>>,
    /// Where the message begins in it.
    pub offset: u32,
    /// The message.
    pub packet: Packet<'a>,
}
