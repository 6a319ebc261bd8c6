//! Why there is no MQTT in a capture, as far as that can be guessed, and what can be done about it.

use mqttsniff::Summary;
use mqttsniff::dissect::Protocol;
use mqttsniff::render::Count;

use super::failure::say;

/// Says why there is no MQTT, where it was looked for.
pub(super) fn hint_at_missing_mqtt(summary: &Summary) {
    let engine = &summary.engine;
    if engine.messages + engine.sn_messages == 0
        && let Some((reason, hint)) = why_no_mqtt(summary)
    {
        say(&format!("no MQTT was found: {reason}\n  hint: {hint}"));
    }
}

/// The reason that is most likely, and what can be done about it.
fn why_no_mqtt(summary: &Summary) -> Option<(String, &'static str)> {
    let engine = &summary.engine;
    if engine.flows_of(Protocol::Quic) > 0 && engine.flows_of(Protocol::Tls) == 0 {
        let count = engine.flows_of(Protocol::Quic);
        return Some((
            format!(
                "{} QUIC, and what is inside can't be read without its keys",
                if count == 1 { "1 UDP flow carries".to_owned() } else { format!("{count} UDP flows carry") }
            ),
            "let a client or the broker write down its keys (SSLKEYLOGFILE) and give them with --keylog FILE; the capture has \
             to have the connection from its beginning",
        ));
    }
    if engine.tcp_flows == 0 {
        // No frames are no riddle, nor is traffic of another kind; TCP that can't be told is one.
        return (engine.cut > 0 && engine.cut == engine.frames).then(|| {
            (
                "every frame was cut short, before TCP could be read".to_owned(),
                "capture anew with a larger snap length: tcpdump -s 0, or mqttsniff capture --snaplen 262144",
            )
        });
    }
    let all = Count(engine.tcp_flows, "TCP flow");
    let carried = |protocol| engine.flows_of(protocol);
    let of_all = |count: u64| match (count, engine.tcp_flows) {
        (1, 1) => "the only TCP flow carries".to_owned(),
        (1, all) => format!("1 of {all} TCP flows carries"),
        (count, all) => format!("{count} of {all} TCP flows carry"),
    };
    Some(if carried(Protocol::Tls) > 0 {
        (
            format!("{} TLS, and what is inside can't be read without its keys", of_all(carried(Protocol::Tls))),
            "let a client write down its keys (SSLKEYLOGFILE) and give them with --keylog FILE, from the beginning of its \
             connection on; or let the broker listen without TLS for the test; if a port only looks like TLS, name what \
             it carries: --decode-as 8883=mqtt",
        )
    } else if carried(Protocol::Http) > 0 {
        (
            format!("{} HTTP, and none of it goes on to WebSocket with MQTT", of_all(carried(Protocol::Http))),
            "let the capture begin before the client asks for the WebSocket; if a port carries it and was joined in the \
             middle, name it: --decode-as 9001=websocket",
        )
    } else if carried(Protocol::WebSocket) > 0 {
        (
            format!("{} WebSocket, and no MQTT in it can be read", of_all(carried(Protocol::WebSocket))),
            "if it is compressed, the capture has to have it from its beginning; mqttsniff follow shows what it carries",
        )
    } else if engine.cut > 0 {
        (
            format!("the snap length cut {} short, in {all}", Count(engine.cut, "frame")),
            "capture anew with a larger snap length: tcpdump -s 0, or mqttsniff capture --snaplen 262144",
        )
    } else if carried(Protocol::Mqtt) > 0 {
        (
            format!("{} MQTT by its port, but no whole packet of it", of_all(carried(Protocol::Mqtt))),
            "let the capture begin before the client connects and last until it has spoken",
        )
    } else {
        (
            format!("nothing in {all} looks like it"),
            "if one of them carries it nevertheless, name its port: --decode-as 1884=mqtt",
        )
    })
}
