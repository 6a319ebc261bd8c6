//! Statements on WebSocket, by what both ends sent of it.

use super::ledger::Ledger;
use super::statement::Caveat;
use crate::dissect::{WebSocketFacts, WebSocketSide};
use crate::flow::Direction;
use crate::mqtt::Version;
use crate::session::Certainty;

/// A connection has ended that WebSocket has carried: `opened` is the frame that began it.
pub(super) fn settle(facts: &WebSocketFacts, version: Version, opened: crate::capture::FrameNo, ledger: &mut Ledger) {
    let has = |name: &str| facts.offered.iter().flatten().any(|offered| &**offered == name);
    if version != Version::V31 {
        match &facts.offered {
            None => ledger.unprovable(version, "MQTT-6.0.0-3", Caveat::Start),
            Some(_) if has("mqtt") => ledger.kept(version, "MQTT-6.0.0-3"),
            Some(_) => ledger.broken(version, "MQTT-6.0.0-3", opened, Certainty::Certain),
        }
        match (facts.status, facts.subprotocol.as_deref()) {
            (None, _) => ledger.unprovable(version, "MQTT-6.0.0-4", Caveat::Start),
            (Some(_), Some("mqtt")) => ledger.kept(version, "MQTT-6.0.0-4"),
            (Some(_), _) => ledger.broken(version, "MQTT-6.0.0-4", opened, Certainty::Certain),
        }
    }
    if facts.offered.is_some() {
        let old = has("mqttv3.1") || facts.subprotocol.as_deref() == Some("mqttv3.1");
        if old {
            ledger.broken(version, "WS-SUBPROTOCOL-LEGACY", opened, Certainty::Certain);
        } else {
            ledger.kept(version, "WS-SUBPROTOCOL-LEGACY");
        }
    }
    for direction in Direction::BOTH {
        let side = &facts.sides[direction];
        if side.frames() == 0 {
            continue;
        }
        judge(ledger, version, "MQTT-6.0.0-1", side, side.first_text);
        judge(ledger, version, "WS-FRAME-MASKING", side, side.first_wrong_mask);
        judge(ledger, version, "WS-RESERVED-BITS", side, side.first_reserved);
    }
}

fn judge(
    ledger: &mut Ledger,
    version: Version,
    key: &str,
    side: &WebSocketSide,
    broken: Option<crate::capture::FrameNo>,
) {
    match broken {
        Some(frame) => ledger.broken(version, key, frame, Certainty::Certain),
        None if side.lossy => ledger.unprovable(version, key, Caveat::Gap),
        None => ledger.kept(version, key),
    }
}
