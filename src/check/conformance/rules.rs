//! The rules of this room: what each is called, which statement it judges, and how bad it is to break it.

use super::super::Severity;
use crate::mqtt::Version;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// The name of its findings.
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// The statements of 3.1, 3.1.1 and 5.0; empty where a version has none.
    pub clauses: [&'static str; 3],
    /// What is wrong, in a line.
    pub title: &'static str,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl Rule {
    const fn new(id: &'static str, severity: Severity, clauses: [&'static str; 3], title: &'static str) -> Self {
        Self { id, severity, clauses, title, hint: None }
    }

    const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// The statement that it judges in this version.
    pub const fn clause(&self, version: Version) -> Option<&'static str> {
        let clause = match version {
            Version::V31 => self.clauses[0],
            Version::V311 => self.clauses[1],
            Version::V5 => self.clauses[2],
        };
        if clause.is_empty() { None } else { Some(clause) }
    }
}

use Severity::{Error, Note, Warning};

macro_rules! rules {
    ($($name:ident = $rule:expr;)*) => {
        $(pub(super) const $name: &Rule = &$rule;)*

        /// All of them.
        pub const RULES: &[&Rule] = &[$($name,)*];
    };
}

rules! {
    // What CONNECT and CONNACK agree upon.
    WRONG_NAME_ACCEPTED = Rule::new("mqtt.wrong-name-accepted", Warning, ["V31-CONNECT-INVALID", "MQTT-3.1.2-1", "MQTT-3.1.4-1"], "a connection with an unknown protocol name is accepted");
    WRONG_LEVEL_ANSWER = Rule::new("mqtt.wrong-level-answer", Error, ["", "MQTT-3.1.2-2", ""], "an unknown protocol level is not answered with CONNACK 1");
    MALFORMED_ACCEPTED = Rule::new("mqtt.malformed-connect-accepted", Error, ["V31-CONNECT-INVALID", "MQTT-3.1.4-1", "MQTT-3.1.4-1"], "a malformed CONNECT is accepted");
    EMPTY_ID_ANSWER = Rule::new("mqtt.empty-client-id-answer", Error, ["V31-CLIENTID-REJECT", "MQTT-3.1.3-8", ""], "an empty client identifier without clean session is not answered with CONNACK 2");
    PLAIN_ID_REFUSED = Rule::new("mqtt.plain-client-id-refused", Warning, ["", "MQTT-3.1.3-5", "MQTT-3.1.3-5"], "a client identifier that every server takes is refused")
        .hint("a server may map failed authorization to this code");
    SECOND_CONNACK = Rule::new("mqtt.second-connack", Error, ["", "", "MQTT-3.2.0-2"], "a second CONNACK on a connection");
    RESPONSE_INFORMATION = Rule::new("mqtt.response-information-unasked", Error, ["", "", "MQTT-3.1.2-28"], "response information is sent although the client did not ask for it");
    PROBLEM_INFORMATION = Rule::new("mqtt.problem-information-unwanted", Error, ["", "", "MQTT-3.1.2-29"], "a reason string or a user property is sent although the client does not want it");
    ASSIGNED_UNASKED = Rule::new("mqtt.client-id-assigned-unasked", Warning, ["", "", "ASSIGNED-CLIENT-ID-UNASKED"], "a client identifier is assigned to a client that has one");
    WILL_QOS_ACCEPTED = Rule::new("mqtt.will-qos-accepted", Error, ["", "", "MQTT-3.2.2-12"], "a will is accepted although its QoS is above the server's maximum");
    WILL_RETAIN_ACCEPTED = Rule::new("mqtt.will-retain-accepted", Error, ["", "", "MQTT-3.2.2-13"], "a will to be retained is accepted by a server that does not retain");
    MAXIMUM_QOS = Rule::new("mqtt.maximum-qos-exceeded", Error, ["", "", "MQTT-3.2.2-11"], "a message is sent with a QoS above the server's maximum");
    RETAIN_UNAVAILABLE = Rule::new("mqtt.retain-unavailable", Error, ["", "", "MQTT-3.2.2-14"], "a message to be retained is sent to a server that does not retain");
    WILDCARD_UNAVAILABLE = Rule::new("mqtt.wildcard-unavailable", Error, ["", "", "WILDCARD-SUBSCRIPTION-UNAVAILABLE"], "a filter with wildcards is sent to a server without them");
    SUBSCRIPTION_ID_UNAVAILABLE = Rule::new("mqtt.subscription-id-unavailable", Error, ["", "", "SUBSCRIPTION-ID-UNAVAILABLE"], "a subscription identifier is sent to a server without them");
    SHARED_UNAVAILABLE = Rule::new("mqtt.shared-unavailable", Error, ["", "", "SHARED-SUBSCRIPTION-UNAVAILABLE"], "a shared subscription is sent to a server without them");
    DISCONNECT_UNINTRODUCED = Rule::new("mqtt.disconnect-before-connack", Error, ["", "", "MQTT-3.14.0-1"], "the server sends DISCONNECT before it has accepted the connection");
    // One packet and who sent it.
    CLIENT_SUBSCRIPTION_ID = Rule::new("mqtt.subscription-id-from-client", Error, ["", "", "MQTT-3.3.4-6"], "a client's PUBLISH has a subscription identifier");
    SERVER_EXPIRY = Rule::new("mqtt.session-expiry-from-server", Error, ["", "", "MQTT-3.14.2-2"], "a server's DISCONNECT has a session expiry interval");
    CODE_OF_OTHER_END = Rule::new("mqtt.reason-code-of-other-end", Error, ["", "", "REASON-CODE-WRONG-SENDER"], "a reason code that only the other end may send");
    RETAINED_EMPTY = Rule::new("mqtt.retained-empty", Error, ["", "MQTT-3.3.1-11", "MQTT-3.3.1-7"], "an empty message is sent as retained");
    BRIDGE_BIT = Rule::new("mqtt.bridge-bit", Note, ["CONNECT-BRIDGE-BIT", "CONNECT-BRIDGE-BIT", ""], "the client says by a private bit that it is a bridge");
    // Authentication.
    BEFORE_AUTHENTICATION = Rule::new("mqtt.before-authentication", Error, ["", "", "MQTT-3.1.2-30"], "the client sends more than AUTH and DISCONNECT before its authentication is over");
    AUTH_CODE_SERVER = Rule::new("mqtt.auth-code-from-server", Error, ["", "", "MQTT-4.12.0-2"], "the server asks for authentication data with another code than 0x18");
    AUTH_CODE_CLIENT = Rule::new("mqtt.auth-code-from-client", Error, ["", "", "MQTT-4.12.0-3"], "the client answers an AUTH with another code than 0x18");
    AUTH_METHOD_CHANGED = Rule::new("mqtt.auth-method-changed", Error, ["", "", "MQTT-4.12.0-5"], "the authentication method is not that of the CONNECT");
    AUTH_UNASKED_SERVER = Rule::new("mqtt.auth-unasked-by-client", Error, ["", "", "MQTT-4.12.0-6"], "the server authenticates by a method although the CONNECT names none");
    AUTH_UNASKED_CLIENT = Rule::new("mqtt.auth-without-method", Error, ["", "", "MQTT-4.12.0-7"], "the client sends AUTH although its CONNECT names no method");
    REAUTHENTICATION = Rule::new("mqtt.re-authentication", Error, ["", "", "MQTT-4.12.1-1"], "a new authentication does not begin with AUTH 0x19 after the CONNACK");
    // Requests and answers.
    NO_CONNACK = Rule::new("mqtt.no-connack", Warning, ["", "MQTT-3.1.4-4", "MQTT-3.1.4-5"], "CONNECT is not answered");
    CONNACK_TIMEOUT = Rule::new("mqtt.connack-timeout", Note, ["V31-CONNACK-TIMEOUT", "CONNACK-TIMEOUT", "CONNACK-TIMEOUT"], "the client keeps a connection whose CONNECT is not answered");
    NO_SUBACK = Rule::new("mqtt.no-suback", Error, ["V31-SUBACK", "MQTT-3.8.4-1", "MQTT-3.8.4-1"], "SUBSCRIBE is not answered");
    NO_UNSUBACK = Rule::new("mqtt.no-unsuback", Error, ["V31-UNSUBACK", "MQTT-3.10.4-4", "MQTT-3.10.4-4"], "UNSUBSCRIBE is not answered");
    NO_PINGRESP = Rule::new("mqtt.no-pingresp", Error, ["V31-PINGRESP", "MQTT-3.12.4-1", "MQTT-3.12.4-1"], "PINGREQ is not answered");
    PINGRESP_UNASKED = Rule::new("mqtt.pingresp-unasked", Warning, ["PINGRESP-UNSOLICITED", "PINGRESP-UNSOLICITED", "PINGRESP-UNSOLICITED"], "PINGRESP without PINGREQ");
    NO_PUBACK = Rule::new("mqtt.no-puback", Error, ["V31-QOS1-FLOW", "MQTT-4.3.2-2", "MQTT-4.3.2-4"], "a message of QoS 1 is not acknowledged");
    NO_PUBREC = Rule::new("mqtt.no-pubrec", Error, ["V31-QOS2-FLOW", "MQTT-4.3.3-2", "MQTT-4.3.3-8"], "a message of QoS 2 is not acknowledged");
    NO_PUBREL = Rule::new("mqtt.no-pubrel", Error, ["V31-QOS2-FLOW", "MQTT-4.3.3-1", "MQTT-4.3.3-4"], "PUBREC is not answered");
    NO_PUBCOMP = Rule::new("mqtt.no-pubcomp", Error, ["V31-QOS2-FLOW", "MQTT-4.3.3-2", "MQTT-4.3.3-11"], "PUBREL is not answered");
    PUBREL_ORDER = Rule::new("mqtt.released-out-of-order", Error, ["V31-ORDER", "MQTT-4.6.0-4", "MQTT-4.6.0-4"], "PUBREL is sent in another order than PUBREC came");
    GRANTED_ABOVE_ASKED = Rule::new("mqtt.granted-above-asked", Warning, ["", "MQTT-3.9.3-1", "MQTT-3.9.3-1"], "a QoS is granted that is above the one asked for");
    // Subscriptions.
    NO_SUBSCRIPTION = Rule::new("mqtt.no-subscription", Warning, ["", "MQTT-3.3.2-3", "MQTT-3.3.2-3"], "a message is sent that matches no subscription")
        .hint("servers may subscribe clients by their configuration, or rename topics");
    DOLLAR_BY_WILDCARD = Rule::new("mqtt.dollar-topic-by-wildcard", Error, ["", "MQTT-4.7.2-1", "MQTT-4.7.2-1"], "a topic that begins with $ is sent for a filter that begins with a wildcard");
    AFTER_UNSUBSCRIBE = Rule::new("mqtt.after-unsubscribe", Warning, ["", "MQTT-3.10.4-1", "MQTT-3.10.4-1"], "a message is sent for a subscription that was taken back");
    RETAIN_ON_LIVE = Rule::new("mqtt.retain-on-live", Warning, ["V31-RETAIN-LIVE", "MQTT-3.3.1-9", "MQTT-3.3.1-12"], "RETAIN is set on a message for a subscription that stood before");
    RETAINED_UNWANTED = Rule::new("mqtt.retained-unwanted", Warning, ["", "", "MQTT-3.3.1-11"], "retained messages are sent although the subscription does not want them");
    RETAINED_AGAIN = Rule::new("mqtt.retained-again", Warning, ["", "", "MQTT-3.3.1-10"], "retained messages are sent for a subscription that is not new");
    RETAINED_TO_SHARED = Rule::new("mqtt.retained-to-shared", Warning, ["", "", "SHARED-RETAINED-SENT"], "a retained message is sent to a shared subscription");
    OWN_MESSAGE = Rule::new("mqtt.own-message", Error, ["", "", "MQTT-3.8.3-3"], "a message comes back to a client that set No Local")
        .hint("another client may have published the same message");
    SUBSCRIPTION_ID_MISSING = Rule::new("mqtt.subscription-id-missing", Error, ["", "", "MQTT-3.3.4-3"], "a message lacks the identifier of the subscription that it is sent for");
    SUBSCRIPTION_ID_UNKNOWN = Rule::new("mqtt.subscription-id-unknown", Error, ["", "", "SUBSCRIPTION-ID-UNKNOWN"], "a message has an identifier of a subscription that does not match it");
    // A message's way through the broker.
    FORMAT_CHANGED = Rule::new("mqtt.payload-format-changed", Warning, ["", "", "MQTT-3.3.2-4"], "the payload format indicator is not forwarded as it was published");
    EXPIRED_SENT = Rule::new("mqtt.expired-sent", Warning, ["", "", "MQTT-3.3.2-5"], "a message is sent after it has expired");
    EXPIRY_CHANGED = Rule::new("mqtt.expiry-changed", Warning, ["", "", "MQTT-3.3.2-6"], "the message expiry is not forwarded as what is left of it");
    RESPONSE_TOPIC_CHANGED = Rule::new("mqtt.response-topic-changed", Warning, ["", "", "MQTT-3.3.2-15"], "the response topic is not forwarded as it was published");
    CORRELATION_CHANGED = Rule::new("mqtt.correlation-data-changed", Warning, ["", "", "MQTT-3.3.2-16"], "the correlation data is not forwarded as it was published");
    USERS_CHANGED = Rule::new("mqtt.user-properties-changed", Warning, ["", "", "MQTT-3.3.2-17"], "user properties are not forwarded");
    USERS_REORDERED = Rule::new("mqtt.user-properties-reordered", Warning, ["", "", "MQTT-3.3.2-18"], "user properties are forwarded in another order");
    CONTENT_TYPE_CHANGED = Rule::new("mqtt.content-type-changed", Warning, ["", "", "MQTT-3.3.2-20"], "the content type is not forwarded as it was published");
    NOT_AS_PUBLISHED = Rule::new("mqtt.retain-not-as-published", Warning, ["", "", "MQTT-3.3.1-13"], "RETAIN is not forwarded as published, though the subscription wants it so");
    DOUBLED = Rule::new("mqtt.doubled-after-renewal", Warning, ["", "MQTT-3.8.4-3", "MQTT-3.8.4-3"], "a subscription that took the place of an equal one gets a message twice")
        .hint("two clients may have published the same message, one of them outside the capture");
    RETAINED_MISSING = Rule::new("mqtt.retained-missing", Warning, ["V31-RETAIN-NEW-SUB", "MQTT-3.3.1-6", "MQTT-3.3.1-9"], "a new subscription does not get the retained message")
        .hint("the client may not be allowed to read the topic");
    RETAINED_AS_LIVE = Rule::new("mqtt.retained-without-flag", Warning, ["V31-RETAIN-NEW-SUB", "MQTT-3.3.1-8", ""], "a retained message is sent to a new subscription without RETAIN");
    RETAINED_NOT_REPLACED = Rule::new("mqtt.retained-not-replaced", Warning, ["", "MQTT-3.3.1-5", "MQTT-3.3.1-5"], "a retained message is sent that had been replaced");
    RETAINED_NOT_DROPPED = Rule::new("mqtt.retained-not-dropped", Warning, ["", "MQTT-3.3.1-7", ""], "a retained message is sent that a message of QoS 0 had replaced");
    RETAINED_NOT_CLEARED = Rule::new("mqtt.retained-not-cleared", Warning, ["", "MQTT-3.3.1-10", "MQTT-3.3.1-6"], "a retained message is sent that had been cleared");
    STORED_UNASKED = Rule::new("mqtt.stored-without-retain", Warning, ["", "MQTT-3.3.1-12", "MQTT-3.3.1-8"], "a message is sent as retained that was published without RETAIN");
    // The end of the connection.
    OPEN_AFTER_REFUSAL = Rule::new("mqtt.open-after-refusal", Warning, ["", "MQTT-3.2.2-5", "MQTT-3.2.2-7"], "the connection stays open after it was refused");
    OPEN_AFTER_DISCONNECT = Rule::new("mqtt.open-after-disconnect", Warning, ["", "MQTT-3.14.4-1", "MQTT-3.14.4-2"], "the connection stays open after DISCONNECT");
    CUT_SHORT = Rule::new("mqtt.keep-alive-cut-short", Warning, ["", "", "MQTT-3.2.2-22"], "the server closes for keep alive before one and a half times the client's is over");
    OPEN_AFTER_ERROR = Rule::new("mqtt.open-after-error", Warning, ["V31-CONNECT-INVALID", "MQTT-4.8.0-1", "MQTT-4.13.1-1"], "the server goes on after the client has broken the protocol");
    ALIAS_REFUSED_BY_CLIENT = Rule::new("mqtt.alias-refused-by-client", Warning, ["", "", "MQTT-3.3.2-10"], "the client refuses a topic alias that it allows");
    ALIAS_REFUSED_BY_SERVER = Rule::new("mqtt.alias-refused-by-server", Warning, ["", "", "MQTT-3.3.2-12"], "the server refuses a topic alias that it allows");
}
