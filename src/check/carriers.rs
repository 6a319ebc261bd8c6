//! What the engine says of the layers between transport and MQTT, as findings: the rules of each stand in its own file.

use super::{Finding, Rule, Wanted, quic, tls, websocket};
use crate::engine::{Event, NoticeKind};

/// Turns what the engine says of WebSocket, TLS and QUIC into findings.
pub(super) struct CarrierRule;

impl Rule for CarrierRule {
    fn wanted(&self) -> Wanted {
        Wanted::NOTICES
    }

    fn on_event(&mut self, event: &Event<'_>, findings: &mut Vec<Finding>) {
        let Event::Notice(notice) = event else { return };
        let (rule, message) = match notice.kind {
            NoticeKind::WebSocket(direction, fault) => websocket::judge(direction, fault),
            NoticeKind::Tls(direction, fault) => tls::judge(direction, fault),
            NoticeKind::Quic(direction, fault) => quic::judge(direction, fault),
            _ => return,
        };
        findings.push(rule.found(notice, message));
    }
}
