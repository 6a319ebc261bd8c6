//! All kinds of incidents, each with what its cases have in common.

use crate::flow::Role;
use crate::mqtt::PacketType;
use crate::session::IncidentKind as K;
use crate::time::Span;

/// An incident of every rule, by either end. Packet types that have a rule of their own are among them.
pub(super) fn every() -> impl Iterator<Item = (K, Role)> {
    let packet = PacketType::Publish;
    let answers = [PacketType::PubAck, PacketType::PubRec, PacketType::SubAck, PacketType::UnsubAck];
    let mut kinds = vec![
        K::NoConnectFirst(packet),
        K::SecondConnect,
        K::NoConnAckFirst(packet),
        K::AfterRefusal(packet),
        K::AfterDisconnect(packet),
        K::WrongSender(PacketType::Disconnect),
        K::WrongSender(PacketType::ConnAck),
        K::SessionPresentAfterCleanStart,
        K::SessionLost,
        K::SessionUnexpected(false),
        K::ExpiryRaised(1),
        K::NoClientIdAssigned,
        K::ClientIdTaken,
        K::IdentifierInUse(1),
        K::DupOnFirst(1, 1),
        K::DupOnFirst(1, 2),
        K::ResentWithoutDup(1),
        K::ResentOnConnection(packet, 1),
        K::ResentAfterRelease(1),
        K::ResentAfterCompletion(1),
        K::ResentAfterRefusal(1),
        K::ResentOutOfOrder(1),
        K::ReceiveMaximum(2, 1),
        K::AliasAboveMaximum(1, 0),
        K::AliasAboveMaximum(2, 1),
        K::AliasUnknown(1),
        K::PacketTooLarge(2, 1),
        K::QosAboveGranted(1, 0),
        K::KeepAliveExceeded(Span::from_nanos(1), 1),
        K::KeepAliveNotEnforced(Span::from_nanos(1), 1),
        K::NotTakenOver,
        K::WillAfterDisconnect,
    ];
    for answer in answers {
        kinds.extend([
            K::Unsolicited(answer, 1),
            K::AcknowledgedTwice(answer, 1),
            K::WrongAcknowledgement(answer, 1),
            K::AcknowledgedOutOfOrder(answer, 1),
            K::CodeCount(answer, 1, 2),
        ]);
    }
    kinds.into_iter().flat_map(|kind| [(kind.clone(), Role::Client), (kind, Role::Server)])
}

/// What the incidents of a kind have in common, in plain words.
pub(super) fn title(kind: &K) -> &'static str {
    match kind {
        K::NoConnectFirst(_) => "a connection that does not begin with CONNECT",
        K::SecondConnect => "a second CONNECT on the same connection",
        K::NoConnAckFirst(_) => "a server whose first packet is not CONNACK",
        K::AfterRefusal(_) => "a server that goes on after it has refused the connection",
        K::AfterDisconnect(_) => "packets after a DISCONNECT",
        K::WrongSender(_) => "a packet that only the other end may send",
        K::SessionPresentAfterCleanStart => "session present although the client asked for a new session",
        K::SessionLost => "a session that the server should have kept and has not",
        K::SessionUnexpected(_) => "a session that was to end and goes on",
        K::ExpiryRaised(_) => "DISCONNECT asks for a session that outlives the connection, and CONNECT did not",
        K::NoClientIdAssigned => "an empty client identifier, and none is assigned",
        K::ClientIdTaken => "a client identifier is assigned that another client has",
        K::IdentifierInUse(_) => "a packet identifier is used again while it is in use",
        K::DupOnFirst(..) => "DUP on a message that was not sent before",
        K::ResentWithoutDup(_) => "a message is sent again without DUP",
        K::ResentOnConnection(..) => "a packet is sent again on the same connection",
        K::ResentAfterRelease(_) => "a message is sent again after its PUBREL",
        K::ResentAfterCompletion(_) => "a message is sent again although it was acknowledged to the end",
        K::ResentAfterRefusal(_) => "an exchange goes on although its message was refused",
        K::ResentOutOfOrder(_) => "messages are sent again in another order than at first",
        K::Unsolicited(..) => "an acknowledgement of nothing that is open",
        K::AcknowledgedTwice(..) => "an acknowledgement that was sent before",
        K::WrongAcknowledgement(..) => "an acknowledgement that does not fit the QoS or the state of its message",
        K::AcknowledgedOutOfOrder(..) => "acknowledgements in another order than the messages",
        K::ReceiveMaximum(..) => "more messages open than the receiver allows",
        K::AliasAboveMaximum(..) => "a topic alias above what the receiver allows",
        K::AliasUnknown(_) => "a topic alias that was not given a topic",
        K::PacketTooLarge(..) => "a packet larger than the receiver allows",
        K::CodeCount(..) => "SUBACK or UNSUBACK with another number of codes than there were filters",
        K::QosAboveGranted(..) => "a message of a higher QoS than was granted",
        K::KeepAliveExceeded(..) => "a client that is silent for longer than its keep alive",
        K::KeepAliveNotEnforced(..) => "a server that lets a silent client go on",
        K::NotTakenOver => "a connection that goes on although its client has connected anew",
        K::WillAfterDisconnect => "a will that is published although the client had taken leave",
    }
}
