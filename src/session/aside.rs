//! Messages on streams of QUIC beside the one that carries the session.

use super::broker::{Sessions, party};
use crate::dissect::Message;
use crate::engine::FlowRef;
use crate::flow::PerDirection;

impl Sessions {
    /// A message came beside the stream that carries the session: it is counted. Nobody has said which order, packet
    /// identifiers and aliases such streams have, so that nothing is proved by what is missing any more.
    pub(super) fn on_aside(&mut self, flow: &FlowRef, message: &Message<'_>) {
        let Some(session) = self.open.get_mut(flow.id) else { return };
        session.count(message);
        session.lossy = PerDirection { to_server: true, to_client: true };
        session.holes = true;
        if let Some(router) = &mut self.router {
            router.lossy(flow.server, &party(session));
        }
    }
}
