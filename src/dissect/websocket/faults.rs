//! What is wrong with the frames of a flow, and what of it is told.

use super::facts::WebSocketFault;
use crate::capture::Origin;
use crate::dissect::MessageSink;
use crate::flow::{Direction, PerDirection};

/// What is wrong. Of a WebSocket that does not carry MQTT nothing is told, for its rules are not known here.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The kinds that were found in each direction.
    found: PerDirection<u32>,
    /// Those that wait until it is known what is carried.
    waiting: Vec<(Direction, WebSocketFault, Origin)>,
    /// Whether it is known, and is MQTT.
    carries_mqtt: Option<bool>,
}

impl Faults {
    /// Tells each fault once for each direction, but how often borders were lost.
    pub(super) fn tell(
        &mut self,
        direction: Direction,
        fault: WebSocketFault,
        origin: Origin,
        sink: &mut dyn MessageSink,
    ) {
        let again = matches!(fault, WebSocketFault::LostFrames(_) | WebSocketFault::Refused(_));
        let found = &mut self.found[direction];
        let is_new = *found & fault.bit() == 0;
        *found |= fault.bit();
        match self.carries_mqtt {
            Some(true) if is_new || again => sink.websocket_fault(direction, fault, origin),
            None if is_new => self.waiting.push((direction, fault, origin)),
            Some(_) | None => {}
        }
    }

    pub(super) fn settle(&mut self, carries_mqtt: bool, sink: &mut dyn MessageSink) {
        self.carries_mqtt = Some(carries_mqtt);
        for (direction, fault, origin) in std::mem::take(&mut self.waiting) {
            if carries_mqtt {
                sink.websocket_fault(direction, fault, origin);
            }
        }
    }
}
