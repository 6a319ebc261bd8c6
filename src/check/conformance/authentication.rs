//! Rules on enhanced authentication (MQTT 5.0, section 4.12).

use super::agreement::same_method;
use super::connection::{Connection, properties};
use super::docket::Docket;
use super::rules;
use crate::check::Certainty;
use crate::dissect::Message;
use crate::flow::{Direction, Role};
use crate::mqtt::{Body, PacketType, PropertyId};

/// Judges a message of 5.0 by what its CONNECT says of authentication.
pub(super) fn judge(connection: &mut Connection, message: &Message<'_>, certainty: Certainty, docket: &mut Docket<'_>) {
    let body = &message.packet.body;
    if !connection.agreed.has_method && !matches!(body, Body::Auth(_) | Body::ConnAck(_)) {
        return;
    }
    let Some(asked) = &connection.asked else { return };
    let packet_type = message.packet.header.packet_type;
    let by = message.direction.sender();
    let frames = [asked.at.frame, message.origin.frame];
    let accepted = connection.granted.as_ref().is_some_and(|granted| granted.code < 0x80);
    let under_way = connection.granted.is_none() && connection.is_whole();
    if asked.method.is_none() {
        let has_method = || properties(body).get(PropertyId::AuthenticationMethod).is_some();
        match (body, by) {
            (Body::Auth(_), Role::Client) => {
                let text = "the client sends AUTH, and its CONNECT names no authentication method".to_owned();
                docket.breach(rules::AUTH_UNASKED_CLIENT, &frames, certainty, text);
            }
            (Body::Auth(_) | Body::ConnAck(_), Role::Server) if packet_type == PacketType::Auth || has_method() => {
                let text =
                    format!("the server sends {packet_type} with authentication, and the CONNECT names no method");
                docket.breach(rules::AUTH_UNASKED_SERVER, &frames, certainty, text);
            }
            _ => {}
        }
        return;
    }
    if by == Role::Client && under_way && !matches!(body, Body::Auth(_) | Body::Disconnect(_)) {
        // The two directions cross: the CONNACK may be on its way.
        let certainty = certainty.min(Certainty::Likely);
        let text = format!("the client sends {packet_type} before its authentication is over");
        docket.breach_unless_lost(rules::BEFORE_AUTHENTICATION, Direction::ToClient, &frames, certainty, text);
    }
    let success = matches!(body, Body::ConnAck(connack) if connack.code == Some(0));
    // An AUTH without anything is allowed, and has no method (section 3.15.2.1).
    let is_auth = matches!(body, Body::Auth(auth) if auth.reason_code.is_some());
    if (success || is_auth) && !same_method(asked, body) {
        let text = format!("{packet_type} does not name the authentication method of the CONNECT");
        docket.breach(rules::AUTH_METHOD_CHANGED, &frames, certainty, text);
        if accepted && by == Role::Client {
            docket.broken("MQTT-4.12.1-1", message.origin.frame, certainty);
        }
    }
    let Body::Auth(auth) = body else { return };
    let code = auth.reason_code.unwrap_or(0);
    match by {
        Role::Server if under_way && code != 0x18 => {
            let text = format!("the server sends AUTH with code 0x{code:02x} before its CONNACK");
            docket.breach(rules::AUTH_CODE_SERVER, &frames, certainty, text);
        }
        // Before the server has asked for anything, the client can't mean an answer.
        Role::Client if under_way && code == 0x19 && connection.count[Direction::ToClient] == 0 => {
            let text = "the client begins a new authentication before the first one is over".to_owned();
            let certainty = certainty.min(Certainty::Likely);
            docket.breach_unless_lost(rules::REAUTHENTICATION, Direction::ToClient, &frames, certainty, text);
        }
        Role::Client if under_way && code != 0x18 => {
            let text = format!("the client answers AUTH with code 0x{code:02x}");
            docket.breach_unless_lost(rules::AUTH_CODE_CLIENT, Direction::ToClient, &frames, certainty, text);
        }
        Role::Client if accepted && code == 0x18 && !connection.authenticates_again && connection.is_started() => {
            let text = "the client begins a new authentication with AUTH 0x18".to_owned();
            let certainty = certainty.min(Certainty::Likely);
            docket.breach_unless_lost(rules::REAUTHENTICATION, Direction::ToClient, &frames, certainty, text);
        }
        Role::Client | Role::Server => {}
    }
    // From the client's 0x19, or whatever the server asks, to the server's 0.
    connection.authenticates_again = accepted && code != 0;
}
