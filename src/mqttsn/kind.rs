//! Types of messages (section 5.2.2, table 3).

/// Who sends messages of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Clients.
    Client,
    /// Gateways.
    Gateway,
    /// Both.
    Both,
}

/// A type of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A gateway is there.
    Advertise,
    /// A client looks for a gateway.
    SearchGw,
    /// The answer, by a gateway or by a client that knows one.
    GwInfo,
    /// A client sets up a connection, or becomes active again.
    Connect,
    /// Its answer.
    ConnAck,
    /// The gateway asks for the will topic.
    WillTopicReq,
    /// The will topic.
    WillTopic,
    /// The gateway asks for the will message.
    WillMsgReq,
    /// The will message.
    WillMsg,
    /// A topic id for a topic name is asked for, or told.
    Register,
    /// Its answer.
    RegAck,
    /// A message of an application.
    Publish,
    /// Its answer at QoS 1, and at each QoS where something is wrong.
    PubAck,
    /// The end of QoS 2.
    PubComp,
    /// The first answer of QoS 2.
    PubRec,
    /// The release of QoS 2.
    PubRel,
    /// A subscription.
    Subscribe,
    /// Its answer.
    SubAck,
    /// The end of a subscription.
    Unsubscribe,
    /// Its answer.
    UnsubAck,
    /// Whether the other side is alive; with a client id, a sleeping client that is awake.
    PingReq,
    /// Its answer; of a gateway to a client that was asleep also: there is no more.
    PingResp,
    /// The end of a connection; with a duration, a client that goes to sleep.
    Disconnect,
    /// Another will topic.
    WillTopicUpd,
    /// Its answer.
    WillTopicResp,
    /// Another will message.
    WillMsgUpd,
    /// Its answer.
    WillMsgResp,
    /// A message as a forwarder passes it on (section 5.5).
    Encapsulated,
    /// A reserved type.
    Reserved,
}

/// Each type with its code and its name.
const TABLE: [(Kind, u8, &str); 28] = [
    (Kind::Advertise, 0x00, "ADVERTISE"),
    (Kind::SearchGw, 0x01, "SEARCHGW"),
    (Kind::GwInfo, 0x02, "GWINFO"),
    (Kind::Connect, 0x04, "CONNECT"),
    (Kind::ConnAck, 0x05, "CONNACK"),
    (Kind::WillTopicReq, 0x06, "WILLTOPICREQ"),
    (Kind::WillTopic, 0x07, "WILLTOPIC"),
    (Kind::WillMsgReq, 0x08, "WILLMSGREQ"),
    (Kind::WillMsg, 0x09, "WILLMSG"),
    (Kind::Register, 0x0a, "REGISTER"),
    (Kind::RegAck, 0x0b, "REGACK"),
    (Kind::Publish, 0x0c, "PUBLISH"),
    (Kind::PubAck, 0x0d, "PUBACK"),
    (Kind::PubComp, 0x0e, "PUBCOMP"),
    (Kind::PubRec, 0x0f, "PUBREC"),
    (Kind::PubRel, 0x10, "PUBREL"),
    (Kind::Subscribe, 0x12, "SUBSCRIBE"),
    (Kind::SubAck, 0x13, "SUBACK"),
    (Kind::Unsubscribe, 0x14, "UNSUBSCRIBE"),
    (Kind::UnsubAck, 0x15, "UNSUBACK"),
    (Kind::PingReq, 0x16, "PINGREQ"),
    (Kind::PingResp, 0x17, "PINGRESP"),
    (Kind::Disconnect, 0x18, "DISCONNECT"),
    (Kind::WillTopicUpd, 0x1a, "WILLTOPICUPD"),
    (Kind::WillTopicResp, 0x1b, "WILLTOPICRESP"),
    (Kind::WillMsgUpd, 0x1c, "WILLMSGUPD"),
    (Kind::WillMsgResp, 0x1d, "WILLMSGRESP"),
    (Kind::Encapsulated, 0xfe, "ENCAPSULATED"),
];

impl Kind {
    /// How many there are, with the reserved ones as one.
    pub const COUNT: usize = TABLE.len() + 1;

    /// All that are not reserved, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(kind, ..)| *kind)
    }

    /// The type with this code.
    pub fn from_code(code: u8) -> Self {
        TABLE.iter().find(|(_, known, _)| *known == code).map_or(Self::Reserved, |(kind, ..)| *kind)
    }

    /// Its code, if it is not reserved.
    pub fn code(self) -> Option<u8> {
        TABLE.get(self as usize).map(|(_, code, _)| *code)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        TABLE.get(self as usize).map_or("RESERVED", |(.., name)| name)
    }

    /// The section of the specification on it.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Advertise => "MQTT-SN 1.2, 5.4.1",
            Self::SearchGw => "MQTT-SN 1.2, 5.4.2",
            Self::GwInfo => "MQTT-SN 1.2, 5.4.3",
            Self::Connect => "MQTT-SN 1.2, 5.4.4",
            Self::ConnAck => "MQTT-SN 1.2, 5.4.5",
            Self::WillTopicReq => "MQTT-SN 1.2, 5.4.6",
            Self::WillTopic => "MQTT-SN 1.2, 5.4.7",
            Self::WillMsgReq => "MQTT-SN 1.2, 5.4.8",
            Self::WillMsg => "MQTT-SN 1.2, 5.4.9",
            Self::Register => "MQTT-SN 1.2, 5.4.10",
            Self::RegAck => "MQTT-SN 1.2, 5.4.11",
            Self::Publish => "MQTT-SN 1.2, 5.4.12",
            Self::PubAck => "MQTT-SN 1.2, 5.4.13",
            Self::PubRec | Self::PubRel | Self::PubComp => "MQTT-SN 1.2, 5.4.14",
            Self::Subscribe => "MQTT-SN 1.2, 5.4.15",
            Self::SubAck => "MQTT-SN 1.2, 5.4.16",
            Self::Unsubscribe => "MQTT-SN 1.2, 5.4.17",
            Self::UnsubAck => "MQTT-SN 1.2, 5.4.18",
            Self::PingReq => "MQTT-SN 1.2, 5.4.19",
            Self::PingResp => "MQTT-SN 1.2, 5.4.20",
            Self::Disconnect => "MQTT-SN 1.2, 5.4.21",
            Self::WillTopicUpd => "MQTT-SN 1.2, 5.4.22",
            Self::WillMsgUpd => "MQTT-SN 1.2, 5.4.23",
            Self::WillTopicResp => "MQTT-SN 1.2, 5.4.24",
            Self::WillMsgResp => "MQTT-SN 1.2, 5.4.25",
            Self::Encapsulated => "MQTT-SN 1.2, 5.5",
            Self::Reserved => "MQTT-SN 1.2, 5.2.2",
        }
    }

    /// Who sends it. A GWINFO is also sent by clients that know a gateway (section 6.1).
    pub const fn sender(self) -> Sender {
        match self {
            Self::SearchGw
            | Self::Connect
            | Self::WillTopic
            | Self::WillMsg
            | Self::Subscribe
            | Self::Unsubscribe
            | Self::WillTopicUpd
            | Self::WillMsgUpd => Sender::Client,
            Self::Advertise
            | Self::ConnAck
            | Self::WillTopicReq
            | Self::WillMsgReq
            | Self::SubAck
            | Self::UnsubAck
            | Self::WillTopicResp
            | Self::WillMsgResp => Sender::Gateway,
            Self::GwInfo
            | Self::Register
            | Self::RegAck
            | Self::Publish
            | Self::PubAck
            | Self::PubComp
            | Self::PubRec
            | Self::PubRel
            | Self::PingReq
            | Self::PingResp
            | Self::Disconnect
            | Self::Encapsulated
            | Self::Reserved => Sender::Both,
        }
    }

    /// The bits of the flags that mean something in it (sections 5.4.4 to 5.4.22); `None` for those without flags.
    pub(super) const fn used_flags(self) -> Option<u8> {
        match self {
            Self::Connect => Some(0x0c),
            Self::WillTopic | Self::WillTopicUpd => Some(0x70),
            Self::Publish => Some(0xf3),
            Self::Subscribe => Some(0xe3),
            Self::SubAck => Some(0x60),
            Self::Unsubscribe => Some(0x03),
            _ => None,
        }
    }
}
