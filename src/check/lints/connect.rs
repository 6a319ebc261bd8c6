//! How clients introduce themselves: what their CONNECT gives away, and what it lacks.

use super::told::{ByFlow, Lint, Told, count_of, shown};
use crate::capture::Origin;
use crate::check::{Certainty, Finding, Limits, Rule};
use crate::dissect::Conversation;
use crate::engine::{Event, FlowRef};
use crate::flow::Flow;
use crate::mqtt::{Body, Connect, PropertyId, PropertyValue, Version};
use crate::session::Session;

const PLAINTEXT: Lint = Lint::warning(
    "lint.plaintext-credentials",
    Certainty::Certain,
    "use TLS, or an authentication that shows no secret",
);
const ANONYMOUS: Lint = Lint::note(
    "lint.anonymous",
    Certainty::Likely,
    "let only clients in that say who they are, by name or certificate",
);
const SECRET: Lint = Lint::warning(
    "lint.clientid-secret",
    Certainty::Hint,
    "identifiers and topics are shown in logs everywhere: keep secrets out of them",
);
const LONG_ID: Lint =
    Lint::note("lint.clientid-secret", Certainty::Certain, "short identifiers are accepted by every server");
const OLD: Lint = Lint::note("lint.old-version", Certainty::Certain, "use MQTT 3.1.1 or 5.0");
const SHORT: Lint = Lint::note(
    "lint.keepalive-short",
    Certainty::Certain,
    "short intervals cost energy and traffic; 30 to 250 s suit most networks",
);
const LONG: Lint = Lint::note(
    "lint.keepalive-long",
    Certainty::Certain,
    "a peer that is gone stays unnoticed, and address translators forget the connection",
);

/// Judges CONNECT and what was agreed.
pub(super) struct ConnectRule {
    limits: Limits,
    told: Told,
    /// Connections that authenticate in another way than by name.
    authenticated: ByFlow<bool>,
}

impl ConnectRule {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), told: Told::default(), authenticated: ByFlow::default() }
    }

    fn connect(&mut self, flow: FlowRef, connect: &Connect<'_>, at: Origin, findings: &mut Vec<Finding>) {
        let server = flow.server;
        let id = connect.client_id.unwrap_or_default();
        let method = connect.properties.get(PropertyId::AuthenticationMethod);
        if method.is_some()
            && let Some(authenticated) = self.authenticated.entry(flow.id)
        {
            *authenticated = true;
        }
        // Within one host nobody listens.
        let local = flow.client.ip().is_loopback() && server.ip().is_loopback();
        if let (Some(what), false) = (credentials(connect, method), local)
            && self.told.first(("plaintext", server, id, flow.client.ip()))
        {
            let message = format!("CONNECT shows {what} on a connection without encryption");
            findings.push(PLAINTEXT.at(Some(flow), at, &[at.frame], message));
        }
        let fields = [("client identifier", Some(id)), ("user name", connect.username)];
        for (field, text) in fields {
            let Some(text) = text.filter(|text| is_secret(text)) else { continue };
            if self.told.first(("secret", server, flow.client.ip(), text)) {
                let message = format!("the {field} ({} bytes) looks like a token or holds a password", text.len());
                findings.push(SECRET.at(Some(flow), at, &[at.frame], message));
            }
        }
        let characters = id.iter().filter(|byte| (**byte as i8) >= -64).count() as u64;
        if characters > self.limits.client_id_characters && !is_secret(id) && self.told.first(("long", server, id)) {
            let message = format!("the client identifier has {characters} characters");
            findings.push(LONG_ID.at(Some(flow), at, &[at.frame], message));
        }
    }
}

impl Rule for ConnectRule {
    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        match event {
            Event::Message(flow, message) => match &message.packet.body {
                Body::Connect(connect) if !message.incomplete => {
                    self.connect(*flow, connect, message.origin, findings);
                }
                Body::Publish(publish) => {
                    let Some(topic) = publish.topic.filter(|topic| holds_password(topic)) else { return };
                    if self.told.first(("topic", flow.server, topic)) {
                        let at = message.origin;
                        let message = format!("a topic of {} bytes holds a password or token", topic.len());
                        findings.push(SECRET.at(Some(*flow), at, &[at.frame], message));
                    }
                }
                Body::Connect(_)
                | Body::ConnAck(_)
                | Body::Ack(_)
                | Body::Subscribe(_)
                | Body::SubAck(_)
                | Body::Unsubscribe(_)
                | Body::UnsubAck(_)
                | Body::Ping
                | Body::Disconnect(_)
                | Body::Auth(_)
                | Body::Reserved(_) => {}
            },
            Event::Flow(flow, _) => {
                self.authenticated.remove(flow.id);
            }
            Event::Packet(_)
            | Event::Neighbour(_)
            | Event::Names(..)
            | Event::Preview(..)
            | Event::Stream(..)
            | Event::Carrier(..)
            | Event::SnMessage(..)
            | Event::Closing(..)
            | Event::Notice(_) => {}
        }
    }

    fn on_session(&mut self, session: &Session, _flow: &Flow<Conversation>, findings: &mut Vec<Finding>) {
        let Some(connect) = session.connect else { return };
        let flow = session.flow;
        let server = flow.server;
        let who = (session.client_id.as_deref(), flow.client.ip());
        let accepted = session.connack.filter(|(_, code, _)| *code == 0);
        if let Some((connack, ..)) = accepted {
            // What the capture has not got may say who it is; the properties come before the client identifier.
            let nameless = session.has_username == Some(false) && session.client_id.is_some();
            let authenticates = self.authenticated.get_mut(flow.id).is_some();
            if nameless && !authenticates && self.told.first(("anonymous", server, flow.client.ip())) {
                let message = "the server lets a client in that gives neither a name nor an authentication".to_owned();
                findings.push(ANONYMOUS.at(Some(flow), connack, &[connect.frame, connack.frame], message));
            }
            let keep_alive = u64::from(session.keep_alive.seconds.unwrap_or(60));
            if (1..self.limits.keepalive_short_s).contains(&keep_alive) && self.told.first(("short", server, who)) {
                let message = format!("the keep alive is {keep_alive} s");
                findings.push(SHORT.at(Some(flow), connect, &[connect.frame], message));
            }
            let long = keep_alive == 0 || keep_alive > self.limits.keepalive_long_s;
            if long && self.told.first(("long", server, who)) {
                let message = match keep_alive {
                    0 => "there is no keep alive".to_owned(),
                    seconds => format!("the keep alive is {seconds} s"),
                };
                findings.push(LONG.at(Some(flow), connect, &[connect.frame], message));
            }
        }
        if session.version == Version::V31 && self.told.first(("old", server, who)) {
            let id = shown(session.client_id.as_deref().unwrap_or_default());
            let message = format!("client {id} speaks MQTT 3.1, which was never a standard");
            findings.push(OLD.at(Some(flow), connect, &[connect.frame], message));
        }
    }
}

/// What a CONNECT shows that should stay a secret.
fn credentials(connect: &Connect<'_>, method: Option<PropertyValue<'_>>) -> Option<&'static str> {
    let data = connect.properties.get(PropertyId::AuthenticationData).is_some();
    // SCRAM proves the knowledge of a password without showing it (RFC 5802).
    let shows = matches!(method, Some(PropertyValue::Text(name)) if !name.starts_with(b"SCRAM-"));
    match (connect.username.is_some(), connect.password.is_some()) {
        (true, true) => Some("a user name and a password"),
        (false, true) => Some("a password"),
        (true, false) => Some("a user name"),
        (false, false) => (data && shows).then_some("authentication data"),
    }
}

/// Whether it looks like a token.
fn is_secret(text: &[u8]) -> bool {
    /// A digest or UUID may name a device; what has more digits is a key.
    const HEX: usize = 40;
    // A JSON Web Token: three parts of base64url, of which the first begins with {" (RFC 7519).
    let token = text.starts_with(b"eyJ") && count_of(text, b'.') == 2;
    let hex = text.len() >= HEX && text.iter().all(u8::is_ascii_hexdigit);
    token || hex || holds_password(text)
}

/// Whether it says that a password follows.
fn holds_password(text: &[u8]) -> bool {
    const SIGNS: [&[u8]; 7] =
        [b"password=", b"passwd=", b"pwd=", b"token=", b"secret=", b"apikey=", b"SharedAccessSignature"];
    SIGNS.iter().any(|sign| text.windows(sign.len()).any(|part| part.eq_ignore_ascii_case(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_identifiers() {
        for secret in [
            &b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"[..],
            b"dev1?Password=hunter2",
            b"0123456789abcdef0123456789abcdef01234567",
        ] {
            assert!(is_secret(secret), "{}", Escape(secret));
        }
        for name in
            [&b""[..], b"sensor-17", b"auto-3D7C9F12-1C1B-4E2A-9C55-2B4B7B8D2F10", b"0123456789abcdef0123456789abcdef"]
        {
            assert!(!is_secret(name), "{}", Escape(name));
        }
    }

    use crate::text::Escaped as Escape;
}
