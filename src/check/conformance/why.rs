//! Why statements matter: what happens to people whose clients or servers break them.

use super::statement::{Scope, Statement};

/// Sections and names, the more specific ones first, with what depends on them.
const WHY: &[(&str, &str)] = &[
    (
        "MQTT-1.5",
        "Text that one end takes for valid and the other does not makes a message that some receivers drop the connection for, and two topics that look the same and are not.",
    ),
    ("MQTT-2.1.3", "The bits are kept for later versions: a receiver that minds them closes the connection at once."),
    ("MQTT-2.2.2-", "A receiver that can't tell where a packet's parts begin has to give up the connection."),
    (
        "MQTT-2.2.1",
        "Packet identifiers are all that ties an acknowledgement to its message: with a wrong one a message is lost, or delivered twice, and nobody notices.",
    ),
    (
        "MQTT-2.3.1",
        "Packet identifiers are all that ties an acknowledgement to its message: with a wrong one a message is lost, or delivered twice, and nobody notices.",
    ),
    ("MQTT-3.1.0", "Before CONNECT the server does not know who speaks, in which version, and with which rights."),
    (
        "MQTT-3.1.2-20",
        "Keep alive is how a dead connection is noticed: a client that is silent for too long is cut off, and its will goes out.",
    ),
    (
        "MQTT-3.1.2-22",
        "A server that lets silent clients be keeps dead connections, holds their messages, and tells nobody that they are gone.",
    ),
    (
        "MQTT-3.1.2-23",
        "A client that counts on its session loses messages and subscriptions where the server does not keep it.",
    ),
    ("MQTT-3.1.2-24", "A small device has a small buffer: what does not fit ends its connection, time and again."),
    ("MQTT-3.1.2-26", "A topic alias that the receiver has no place for ends the connection."),
    ("MQTT-3.1.2-27", "A topic alias that the receiver has no place for ends the connection."),
    ("MQTT-3.1.2-28", "Not every client can do with what it did not ask for; small ones are built without it."),
    ("MQTT-3.1.2-29", "A client that wants no problem information may have no place for it."),
    ("MQTT-3.1.2-30", "Until it is authenticated a client is nobody: what it sends may be dropped."),
    (
        "MQTT-3.1.2-8",
        "The will tells others that a device is gone; one that never comes leaves them waiting, one that comes wrongly sets off alarms.",
    ),
    ("MQTT-3.1.2-10", "A will that comes although the client took leave sets off false alarms."),
    ("MQTT-3.1.2-4", "Old state in a new session brings messages that nobody expects any more."),
    ("MQTT-3.1.2-5", "A client that counts on its session loses messages where the server does not go on with it."),
    ("MQTT-3.1.2-6", "Old state in a new session brings messages that nobody expects any more."),
    (
        "MQTT-3.1.2",
        "A CONNECT that says one thing in its flags and another in its fields is read differently by different servers: some refuse it, some take the wrong credentials or will from it.",
    ),
    (
        "MQTT-3.1.3",
        "The client identifier names the session. Servers refuse clients whose identifier or will they can't read.",
    ),
    (
        "MQTT-3.1.4",
        "The answer to CONNECT decides whether a client goes on, tries again or gives up; a wrong one makes it wait, or go on where nobody listens.",
    ),
    (
        "MQTT-3.2.2-7",
        "A client that was refused and is not cut off may wait for ever, or believe that it is connected.",
    ),
    (
        "MQTT-3.2.2-5",
        "A client that was refused and is not cut off may wait for ever, or believe that it is connected.",
    ),
    (
        "MQTT-3.2",
        "By CONNACK the client learns what the server keeps for it and what it may send; where the two disagree, messages are lost or the connection is.",
    ),
    ("MQTT-3.3.1-1", "Without DUP a receiver takes the resend for a new message and hands it on twice."),
    (
        "MQTT-3.3.1-2",
        "A message of QoS 0 is never sent again, so that DUP means nothing there; strict receivers close the connection.",
    ),
    ("MQTT-3.3.1-3", "DUP on what was never sent before makes receivers drop it as a duplicate."),
    ("MQTT-3.3.1-4", "There is no QoS 3: the receiver has to close the connection."),
    (
        "MQTT-3.3.1",
        "By RETAIN a client tells the state of things from news. Set wrongly, old values are taken for new ones, or the last value is missing.",
    ),
    (
        "MQTT-3.3.2-2",
        "A topic with a wildcard reaches nobody, or more than was meant, and servers cut off who sends it.",
    ),
    ("MQTT-3.3.2-3", "A client that gets what it did not ask for can't place it, and has to pay for the traffic."),
    ("MQTT-3.3.2-8", "Alias 0 stands for nothing: the receiver has to close the connection."),
    ("MQTT-3.3.2-7", "An alias without a topic can't be delivered: the receiver has to close the connection."),
    (
        "MQTT-3.3.2",
        "Messages are handed on by these fields; what is changed or can't be read on the way reaches the wrong place or arrives without its meaning.",
    ),
    (
        "MQTT-3.3.4-7",
        "A server that is sent more than it can hold closes the connection, and all that was under way is sent again.",
    ),
    ("MQTT-3.3.4-9", "A client that is sent more than it can hold loses messages, or its connection."),
    (
        "MQTT-3.3.4",
        "QoS is a promise between two ends, and it holds only if the receiver answers each message as its QoS asks.",
    ),
    (
        "MQTT-3.3.5",
        "QoS is a promise between two ends, and it holds only if the receiver answers each message as its QoS asks.",
    ),
    ("MQTT-3.8.3-3", "No Local keeps bridges and mirrors from sending a message round in circles."),
    ("MQTT-3.8.4-1", "Without SUBACK the client does not know whether its subscription stands."),
    (
        "MQTT-3.8",
        "A subscription that is not understood as it was meant brings no messages, and the client does not learn why.",
    ),
    (
        "MQTT-3.9",
        "The codes tell the client, filter by filter, what it may expect; in another number or order they tell it something false.",
    ),
    ("MQTT-3.10", "A client that has taken its subscription back counts on silence."),
    (
        "MQTT-3.11",
        "The codes tell the client, filter by filter, what was taken back; in another number or order they tell it something false.",
    ),
    ("MQTT-3.12", "PINGRESP is how a client knows that the server is there: without it the client reconnects."),
    ("MQTT-3.14.4-3", "A will that comes although the client took leave sets off false alarms."),
    (
        "MQTT-3.14",
        "By DISCONNECT a client takes leave, so that no will is sent; what follows it, or does not, decides whether the peer believes it.",
    ),
    ("MQTT-3.15", "Authentication by steps works only if both ends keep to the method and its codes."),
    (
        "MQTT-3.4",
        "By its reason code an acknowledgement tells whether the message was taken; a code that is not defined tells nothing.",
    ),
    (
        "MQTT-3.5",
        "By its reason code an acknowledgement tells whether the message was taken; a code that is not defined tells nothing.",
    ),
    ("MQTT-3.6", "PUBREL lets a message of QoS 2 go; one that is not understood leaves the message open for ever."),
    (
        "MQTT-3.7",
        "PUBCOMP ends an exchange of QoS 2; one that is not understood leaves the identifier in use for ever.",
    ),
    ("MQTT-4.1", "What the server keeps decides what the client may leave out when it comes back."),
    (
        "MQTT-4.3",
        "QoS 1 and 2 hold only if both ends keep to the order of steps: else messages are lost, or handed on twice.",
    ),
    ("MQTT-4.4", "Resending at the wrong time makes duplicates; not resending when the session goes on makes losses."),
    ("MQTT-4.5", "A message that a subscriber does not get, or that is not acknowledged, is what QoS was to prevent."),
    ("MQTT-4.6", "Who relies on the order of messages, as with commands or values, acts on the wrong one."),
    (
        "MQTT-4.7",
        "Topics and filters that are formed wrongly match nothing, or more than was meant; servers cut off who sends them.",
    ),
    (
        "MQTT-4.8.2",
        "Shared subscriptions spread messages among workers; formed or served wrongly, work is lost or done twice.",
    ),
    ("MQTT-4.8", "An end that goes on after the protocol was broken acts on what it may have misread."),
    ("MQTT-4.9", "The window keeps a slow end from being flooded."),
    ("MQTT-4.12", "Authentication by steps works only if both ends keep to the method and its codes."),
    ("MQTT-4.13", "An end that goes on after the protocol was broken acts on what it may have misread."),
    ("MQTT-6", "In a browser MQTT is spoken inside WebSocket frames, and works only if both ends agree on them."),
    ("WS-", "In a browser MQTT is spoken inside WebSocket frames, and works only if both ends agree on them."),
    ("UTF8-", "Such characters are allowed and can't be seen: two topics look the same and are not."),
    ("V31-KEEPALIVE", "Keep alive is how a dead connection is noticed."),
    (
        "V31-QOS",
        "QoS 1 and 2 hold only if both ends keep to the order of steps: else messages are lost, or handed on twice.",
    ),
    (
        "ACK-",
        "An acknowledgement that fits nothing shows that the two ends no longer agree on what is under way: messages are lost or doubled.",
    ),
    ("PROPERTY-", "A property that can't be read, or does not belong there, makes the receiver close the connection."),
];

impl Statement {
    /// Why it matters.
    pub fn why(&self) -> &'static str {
        let special = WHY.iter().find(|(prefix, _)| {
            // A whole number is meant: 3.1.2-2 is not the beginning of 3.1.2-20.
            self.id
                .strip_prefix(prefix)
                .is_some_and(|rest| prefix.ends_with('-') || !rest.starts_with(|next: char| next.is_ascii_digit()))
        });
        if let Some((_, why)) = special {
            return why;
        }
        match (self.severity, self.scope) {
            ("malformed", _) => {
                "A receiver that can't read a packet has to close the connection, and all that was under way with it."
            }
            (_, Scope::Timing) => {
                "An end that waits too long holds what others need; one that does not wait gives up what would have come."
            }
            ("protocol-error", _) => {
                "The other end may close the connection for it, or act on something else than was meant."
            }
            _ => "It works with many peers and fails with some.",
        }
    }
}
